//! How the program ends: one status for each cause, so that scripts can tell them apart.
//!
//! | status | cause |
//! |---|---|
//! | 0 | done |
//! | 1 | something else: a file, a key, an input that can not be read |
//! | 2 | wrong usage |
//! | 3 | the command's own verdict: an expired token, a check that fails, an invalid configuration |
//! | 4 | nobody is logged in, or the login is over |
//! | 5 | the authorization server, or the user there, said no |
//! | 6 | the API refused the credentials: 401 |
//! | 7 | the API answered with another status of 400 or above |
//! | 8 | the network: no connection, no TLS, no answer in time |
//! | 9 | an answer that is not safe to use: another issuer, a token that is not bound, plain http |

use std::{error::Error, fmt, process::ExitCode};

use dpop_client::{
    ClientError, HttpError, TokenError, TokenKeeperError,
    discovery::DiscoveryError,
    grant::{CallbackError, DeviceAuthorizationError, PushedRequestError},
    key_store::KeyStoreError,
};
use http::StatusCode;
use load::LoadError;

/// The command's own verdict.
pub(crate) const VERDICT: u8 = 3;
const OTHER: u8 = 1;
const USAGE: u8 = 2;
const NOT_LOGGED_IN: u8 = 4;
const AUTHORIZATION_SERVER: u8 = 5;
const API_CREDENTIALS: u8 = 6;
const API_OTHER: u8 = 7;
const NETWORK: u8 = 8;
const UNSAFE: u8 = 9;

/// An argument is missing or does not go with the others.
#[derive(Debug)]
pub(crate) struct WrongUsage(pub(crate) String);

/// There is no token to go on with.
#[derive(Debug)]
pub(crate) struct NotLoggedIn(pub(crate) &'static str);

impl fmt::Display for WrongUsage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Error for WrongUsage {}

impl fmt::Display for NotLoggedIn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

impl Error for NotLoggedIn {}

/// The status for an error: that of the first cause in its chain that has one.
pub(crate) fn status_of(error: &anyhow::Error) -> ExitCode {
    ExitCode::from(error.chain().find_map(of_cause).unwrap_or(OTHER))
}

/// The status for an API's answer.
pub(crate) fn of_answer(status: StatusCode) -> ExitCode {
    match status {
        StatusCode::UNAUTHORIZED => ExitCode::from(API_CREDENTIALS),
        status if status.as_u16() < 400 => ExitCode::SUCCESS,
        _ => ExitCode::from(API_OTHER),
    }
}

fn of_cause(cause: &(dyn Error + 'static)) -> Option<u8> {
    if cause.is::<WrongUsage>() {
        return Some(USAGE);
    }
    if cause.is::<NotLoggedIn>() {
        return Some(NOT_LOGGED_IN);
    }
    if let Some(error) = cause.downcast_ref::<HttpError>() {
        return Some(of_http(error));
    }
    if let Some(error) = cause.downcast_ref::<TokenError>() {
        return Some(of_token(error));
    }
    if let Some(error) = cause.downcast_ref::<ClientError>() {
        return of_client(error);
    }
    if let Some(error) = cause.downcast_ref::<TokenKeeperError>() {
        return match error {
            TokenKeeperError::LoginNeeded | TokenKeeperError::Refused(_) => Some(NOT_LOGGED_IN),
            _ => None,
        };
    }
    if let Some(error) = cause.downcast_ref::<DiscoveryError>() {
        return match error {
            DiscoveryError::Issuer => Some(USAGE),
            DiscoveryError::Http(error) => Some(of_http(error)),
            DiscoveryError::NotFound { .. } | DiscoveryError::NoEndpoint(_) => Some(AUTHORIZATION_SERVER),
            _ => Some(UNSAFE),
        };
    }
    if let Some(error) = cause.downcast_ref::<CallbackError>() {
        return match error {
            CallbackError::Refused { .. } => Some(AUTHORIZATION_SERVER),
            _ => Some(UNSAFE),
        };
    }
    if let Some(error) = cause.downcast_ref::<LoadError>() {
        return of_load(error);
    }
    // A key that others can read is a fault of this machine, not of a server.
    cause.is::<KeyStoreError>().then_some(OTHER)
}

fn of_client(error: &ClientError) -> Option<u8> {
    match error {
        ClientError::Http(error) => Some(of_http(error)),
        ClientError::Token(error) => Some(of_token(error)),
        ClientError::PushedRequest(PushedRequestError::Refused(error)) => Some(of_token(error)),
        ClientError::PushedRequest(_) => Some(UNSAFE),
        ClientError::DeviceAuthorization(DeviceAuthorizationError::Refused(error)) => Some(of_token(error)),
        ClientError::DeviceAuthorization(DeviceAuthorizationError::Expired) => Some(AUTHORIZATION_SERVER),
        ClientError::DeviceAuthorization(_) => Some(UNSAFE),
        _ => None,
    }
}

fn of_load(error: &LoadError) -> Option<u8> {
    match error {
        LoadError::Plan(_) => Some(USAGE),
        LoadError::Connect(_) | LoadError::FirstFailed(_) => Some(NETWORK),
        LoadError::FirstNotAccepted { status: StatusCode::UNAUTHORIZED, .. } => Some(API_CREDENTIALS),
        LoadError::FirstNotAccepted { .. } => Some(API_OTHER),
        _ => None,
    }
}

fn of_http(error: &HttpError) -> u8 {
    match error {
        HttpError::PlainHttp { .. } => UNSAFE,
        HttpError::NotAbsolute => USAGE,
        _ => NETWORK,
    }
}

fn of_token(error: &TokenError) -> u8 {
    match error {
        TokenError::Refused { .. } => AUTHORIZATION_SERVER,
        _ => UNSAFE,
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;
    use load::PlanError;

    use super::*;

    fn check(error: impl Error + Send + Sync + 'static, expected: u8) {
        let error = Err::<(), _>(error).context("what was tried").unwrap_err();
        assert_eq!(status_of(&error), ExitCode::from(expected), "{error:?}");
    }

    #[test]
    fn every_cause_has_its_status() {
        let refused = || TokenError::Refused {
            status: StatusCode::BAD_REQUEST,
            error: "invalid_grant".into(),
            description: None,
        };
        let timed_out = || HttpError::TimedOut { host: "as".into() };
        check(std::io::Error::other("disk"), 1);
        check(WrongUsage("name the --issuer".into()), 2);
        check(NotLoggedIn("log in"), 4);
        check(ClientError::Token(refused()), 5);
        check(DiscoveryError::NoEndpoint("token_endpoint"), 5);
        check(ClientError::Http(timed_out()), 8);
        check(DiscoveryError::Http(timed_out()), 8);
        check(timed_out(), 8);
        check(HttpError::PlainHttp { host: "as".into() }, 9);
        check(DiscoveryError::AnotherIssuer, 9);
        check(TokenError::BoundToAnotherKey, 9);
        check(CallbackError::State, 9);
        check(TokenKeeperError::Refused(ClientError::Token(refused())), 4);
        check(TokenKeeperError::Renewal(ClientError::Http(timed_out())), 8);
        check(LoadError::Plan(PlanError::Rate), 2);
        check(LoadError::FirstFailed("timed_out"), 8);
        check(LoadError::FirstNotAccepted { status: StatusCode::UNAUTHORIZED, error: None }, 6);
        check(LoadError::FirstNotAccepted { status: StatusCode::BAD_GATEWAY, error: None }, 7);
        for (status, code) in [(200, 0), (302, 0), (401, 6), (403, 7), (500, 7)] {
            assert_eq!(of_answer(StatusCode::from_u16(status).unwrap()), ExitCode::from(code));
        }
    }
}
