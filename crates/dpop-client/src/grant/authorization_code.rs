//! The authorization code grant (RFC 6749 §4.1) with PKCE (RFC 7636), `dpop_jkt` (RFC 9449 §10), pushed requests
//! (RFC 9126) and the issuer in the redirect (RFC 9207).

use std::borrow::Cow;

use bytes::Bytes;
use http::{Response, StatusCode};
use jose::{JwkThumbprint, base64url, crypto, json};
use oauth::pkce::CodeVerifier;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{
    form::{self, Parameters},
    grant::Grant,
    token_set::{TokenError, printable, refusal},
};

/// One login: made before the browser is sent away, asked again when it comes back.
pub struct AuthorizationRequest {
    client_id: String,
    redirect_uri: String,
    scope: String,
    thumbprint: JwkThumbprint,
    state: String,
    code_verifier: CodeVerifier,
    issuer: Option<ExpectedIssuer>,
}

struct ExpectedIssuer {
    issuer: String,
    is_announced: bool,
}

/// Why a redirect is not the answer to this login. The texts of the server in it are printable ASCII.
#[derive(Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CallbackError {
    /// The redirect lacks the code or the state.
    #[error("Callback did not include code and state")]
    Incomplete,
    /// The state is another: the redirect belongs to another login, or is an attack (RFC 6749 §10.12).
    #[error("Callback state did not match")]
    State,
    /// `iss` is another authorization server, or missing although announced (RFC 9207 §2.4).
    #[error("Callback issuer did not match")]
    Issuer,
    /// The authorization server refused, or the user did.
    #[error("{error}: {description}")]
    Refused {
        /// Its `error`.
        error: String,
        /// Its `error_description`, empty when there is none.
        description: String,
    },
}

/// Why a pushed request was not taken.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PushedRequestError {
    /// The authorization server said no.
    #[error(transparent)]
    Refused(TokenError),
    /// The answer has no `request_uri`.
    #[error("the answer to the pushed request has no request_uri")]
    NoRequestUri,
}

impl AuthorizationRequest {
    /// A login for the key of `thumbprint`, with fresh state and PKCE verifier.
    #[must_use]
    pub fn new(
        client_id: impl Into<String>,
        redirect_uri: impl Into<String>,
        scope: impl Into<String>,
        thumbprint: JwkThumbprint,
    ) -> Self {
        Self {
            client_id: client_id.into(),
            redirect_uri: redirect_uri.into(),
            scope: scope.into(),
            thumbprint,
            state: base64url::encode(crypto::random::<32>()),
            code_verifier: CodeVerifier::generate(),
            issuer: None,
        }
    }

    /// Checks `iss` in the redirect against `issuer`; when the server announces that it always sends it, a redirect
    /// without it is refused (RFC 9207 §2.4).
    #[must_use]
    pub fn issuer(self, issuer: impl Into<String>, is_announced: bool) -> Self {
        Self { issuer: Some(ExpectedIssuer { issuer: issuer.into(), is_announced }), ..self }
    }

    /// The parameters of the request, for the URL or for a pushed request. `dpop_jkt` binds the code to the key: a
    /// stolen code is worthless then (C12); in a pushed request it agrees with the proof beside it (C13).
    #[must_use]
    pub fn parameters(&self) -> Parameters<'_> {
        vec![
            ("response_type", Cow::from("code")),
            ("client_id", Cow::from(&self.client_id)),
            ("redirect_uri", Cow::from(&self.redirect_uri)),
            ("scope", Cow::from(&self.scope)),
            ("state", Cow::from(&self.state)),
            ("code_challenge", Cow::from(self.code_verifier.challenge().to_string())),
            ("code_challenge_method", Cow::from("S256")),
            ("dpop_jkt", Cow::from(self.thumbprint.to_string())),
        ]
    }

    /// Where to send the browser.
    #[must_use]
    pub fn url(&self, authorization_endpoint: &str) -> String {
        with_query(authorization_endpoint, &self.parameters())
    }

    /// The parameters of a pushed request: all but `client_id`, which the client authentication adds.
    #[must_use]
    pub fn pushed_parameters(&self) -> Parameters<'_> {
        self.parameters().into_iter().filter(|(name, _)| *name != "client_id").collect()
    }

    /// Where to send the browser after a pushed request.
    #[must_use]
    pub fn pushed_url(&self, authorization_endpoint: &str, request_uri: &str) -> String {
        let parameters = [("client_id", Cow::from(&self.client_id)), ("request_uri", Cow::from(request_uri))];
        with_query(authorization_endpoint, &parameters)
    }

    /// Reads the query of the redirect. It must carry this login's state before anything else in it is believed.
    ///
    /// # Errors
    ///
    /// [`CallbackError`]; the login is over then.
    pub fn callback(&self, query: &str) -> Result<AuthorizationCodeGrant, CallbackError> {
        let parameters = form::decode(query);
        let one = |name: &str| {
            let mut values =
                parameters.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
            // RFC 6749 §3.1: parameters are not repeated.
            values.next().filter(|_| values.next().is_none())
        };
        if let Some(state) = one("state")
            && !crypto::constant_time_eq(state.as_bytes(), self.state.as_bytes())
        {
            return Err(CallbackError::State);
        }
        if let Some(error) = one("error") {
            let description = one("error_description").map(printable).unwrap_or_default();
            return Err(CallbackError::Refused { error: printable(error), description });
        }
        let (Some(code), Some(_state)) = (one("code"), one("state")) else {
            return Err(CallbackError::Incomplete);
        };
        if let Some(expected) = &self.issuer {
            let is_good = match parameters.iter().any(|(name, _)| name == "iss") {
                true => one("iss") == Some(expected.issuer.as_str()),
                false => !expected.is_announced,
            };
            if !is_good {
                return Err(CallbackError::Issuer);
            }
        }
        Ok(AuthorizationCodeGrant {
            code: Zeroizing::new(code.to_owned()),
            redirect_uri: self.redirect_uri.clone(),
            code_verifier: self.code_verifier.clone(),
        })
    }
}

impl std::fmt::Debug for AuthorizationRequest {
    /// Leaves state and verifier out.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("AuthorizationRequest")
            .field("client_id", &self.client_id)
            .field("redirect_uri", &self.redirect_uri)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

/// Reads the answer to a pushed request (RFC 9126 §2.2).
///
/// # Errors
///
/// [`PushedRequestError`] unless it is 201 with a `request_uri`.
pub fn read_request_uri(response: &Response<Bytes>) -> Result<String, PushedRequestError> {
    if response.status() != StatusCode::CREATED {
        return Err(PushedRequestError::Refused(refusal(response)));
    }
    let body = json::parse_object(response.body(), json::MAX_DEPTH).ok();
    body.and_then(|body| body.get("request_uri")?.as_str().map(str::to_owned))
        .ok_or(PushedRequestError::NoRequestUri)
}

fn with_query(endpoint: &str, parameters: &[(&'static str, Cow<'_, str>)]) -> String {
    let separator = if endpoint.contains('?') { '&' } else { '?' };
    format!("{endpoint}{separator}{}", form::encode(parameters))
}

/// A code that came back from a login, with what proves that it is ours.
#[derive(Clone)]
pub struct AuthorizationCodeGrant {
    code: Zeroizing<String>,
    redirect_uri: String,
    code_verifier: CodeVerifier,
}

impl Grant for AuthorizationCodeGrant {
    fn parameters(&self) -> Parameters<'_> {
        vec![
            ("grant_type", Cow::from("authorization_code")),
            ("code", Cow::from(self.code.as_str())),
            ("redirect_uri", Cow::from(&self.redirect_uri)),
            ("code_verifier", Cow::from(self.code_verifier.as_str())),
        ]
    }
}

impl std::fmt::Debug for AuthorizationCodeGrant {
    /// Leaves code and verifier out.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("AuthorizationCodeGrant")
            .field("redirect_uri", &self.redirect_uri)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use jose::{Algorithm, KeyPair};

    use super::*;

    fn request() -> AuthorizationRequest {
        let thumbprint = KeyPair::generate(Algorithm::Es256).unwrap().thumbprint();
        AuthorizationRequest::new("app", "http://127.0.0.1:8765/callback", "openid profile", thumbprint)
    }

    fn value_of(parameters: &Parameters<'_>, wanted: &str) -> String {
        parameters.iter().find(|(name, _)| *name == wanted).unwrap().1.to_string()
    }

    #[test]
    fn c12_sends_dpop_jkt_with_pkce() {
        let request = request();
        let url = request.url("http://as.example.com/auth");
        let query = form::decode(url.split_once('?').unwrap().1);
        let has = |name: &str, value: &str| query.contains(&(name.to_owned(), value.to_owned()));
        assert!(has("dpop_jkt", &request.thumbprint.to_string()));
        assert!(has("code_challenge_method", "S256"));
        assert!(has("code_challenge", &request.code_verifier.challenge().to_string()));
        assert!(has("redirect_uri", "http://127.0.0.1:8765/callback"));
        assert!(
            request.url("http://as.example.com/auth?x=1").starts_with("http://as.example.com/auth?x=1&resp")
        );
    }

    #[test]
    fn every_login_has_its_own_state_and_verifier() {
        let (first, second) = (request(), request());
        assert_ne!(first.state, second.state);
        assert_ne!(first.code_verifier.as_str(), second.code_verifier.as_str());
    }

    #[test]
    fn c13_a_pushed_request_carries_dpop_jkt_in_its_body() {
        let request = request();
        let parameters = request.pushed_parameters();
        assert_eq!(value_of(&parameters, "dpop_jkt"), request.thumbprint.to_string());
        assert!(!parameters.iter().any(|(name, _)| *name == "client_id"));
        let answer = |status: u16, body: &'static str| {
            Response::builder().status(status).body(Bytes::from_static(body.as_bytes())).unwrap()
        };
        let request_uri =
            read_request_uri(&answer(201, r#"{"request_uri":"urn:x:1","expires_in":60}"#)).unwrap();
        assert_eq!(
            request.pushed_url("https://as/auth", &request_uri),
            "https://as/auth?client_id=app&request_uri=urn%3Ax%3A1"
        );
        assert!(matches!(read_request_uri(&answer(201, "{}")), Err(PushedRequestError::NoRequestUri)));
        let refused = read_request_uri(&answer(400, r#"{"error":"invalid_dpop_proof"}"#));
        assert!(matches!(refused, Err(PushedRequestError::Refused(_))));
    }

    #[test]
    fn takes_the_code_of_its_own_login() {
        let request = request();
        let grant = request.callback(&format!("state={}&session_state=x&code=c%2F1", request.state)).unwrap();
        assert_eq!(value_of(&grant.parameters(), "code"), "c/1");
        assert_eq!(value_of(&grant.parameters(), "code_verifier"), request.code_verifier.as_str());
        assert!(!format!("{grant:?}").contains("c/1"));
    }

    #[test]
    fn aborts_on_a_wrong_state() {
        assert_eq!(request().callback("code=c&state=other").unwrap_err(), CallbackError::State);
        assert_eq!(request().callback("error=access_denied&state=other").unwrap_err(), CallbackError::State);
    }

    #[test]
    fn aborts_on_incomplete_or_repeated_parameters() {
        let request = request();
        let state = &request.state;
        for query in [
            "",
            "code=c",
            &format!("state={state}"),
            &format!("code=a&code=b&state={state}"),
            &format!("code=a&state={state}&state={state}"),
        ] {
            assert_eq!(request.callback(query).unwrap_err(), CallbackError::Incomplete, "{query}");
        }
    }

    #[test]
    fn tells_why_the_server_refused() {
        let request = request();
        let query = format!("error=access_denied&error_description=no+%1Bway&state={}", request.state);
        assert_eq!(request.callback(&query).unwrap_err().to_string(), "access_denied: no ?way");
    }

    #[test]
    fn checks_the_issuer_of_the_redirect() {
        let check = |is_announced: bool, iss: &str, expected: Result<(), CallbackError>| {
            let request = request().issuer("https://as.example.com", is_announced);
            let answer = request.callback(&format!("code=c&state={}{iss}", request.state));
            assert_eq!(answer.map(|_| ()), expected, "{iss}");
        };
        check(true, "&iss=https%3A%2F%2Fas.example.com", Ok(()));
        check(false, "", Ok(()));
        check(true, "", Err(CallbackError::Issuer));
        check(false, "&iss=https%3A%2F%2Fevil.example.com", Err(CallbackError::Issuer));
        check(false, "&iss=https%3A%2F%2Fas.example.com&iss=x", Err(CallbackError::Issuer));
    }
}
