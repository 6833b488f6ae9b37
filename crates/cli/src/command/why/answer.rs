//! What the server said, beside what was found here.

use http::StatusCode;
use oauth::{ErrorCode, Scheme, challenge::ParsedChallenge};
use serde::Serialize;

use super::walk::{Outcome, Step};

/// The server's answer and its meaning.
#[derive(Debug, Serialize)]
pub(super) struct ServerAnswer {
    status: Option<u16>,
    error: Option<String>,
    /// Status and error in words.
    #[serde(skip)]
    pub(super) said: String,
    pub(super) meaning: &'static str,
}

/// Whether a DPoP challenge asks for a nonce (RFC 9449 §9).
pub(super) fn demands_nonce(challenges: &[ParsedChallenge]) -> bool {
    error(challenges).is_some_and(|error| error == ErrorCode::UseDpopNonce.as_str())
}

/// The error of the DPoP challenge, else of any.
fn error(challenges: &[ParsedChallenge]) -> Option<&str> {
    let of = |challenge: &'_ &ParsedChallenge| challenge.is(Scheme::Dpop);
    let dpop = challenges.iter().filter(of).find_map(|challenge| challenge.parameter("error"));
    dpop.or_else(|| challenges.iter().find_map(|challenge| challenge.parameter("error")))
}

impl ServerAnswer {
    /// `None` when nothing is known about the answer.
    pub(super) fn of(
        status: Option<StatusCode>,
        challenges: &[ParsedChallenge],
        first_failure: Option<&Step>,
    ) -> Option<Self> {
        if status.is_none() && challenges.is_empty() {
            return None;
        }
        let error = error(challenges);
        let found = first_failure.and_then(|step| match &step.outcome {
            Outcome::Failed(failure) => Some(failure.error),
            Outcome::Passed | Outcome::NotChecked { .. } | Outcome::NotReached => None,
        });
        let said = match (status, error) {
            (Some(status), Some(error)) => format!("{} {error}", status.as_u16()),
            (Some(status), None) => format!("{}, without an error code", status.as_u16()),
            (None, Some(error)) => error.to_owned(),
            (None, None) => "a challenge without an error code".to_owned(),
        };
        let meaning = match (error, found) {
            (Some(error), Some(found)) if error == found => "That fits.",
            _ if status.is_some_and(|status| status.as_u16() < 400) => match found {
                Some(_) => "It accepted the request all the same: it checks less, or its settings differ.",
                None => "It accepted the request.",
            },
            _ if status.is_some_and(|status| status.is_server_error()) => {
                "The server, its store or the issuer has a fault; the credentials were not judged."
            }
            (Some(error), _) => meaning_of(error),
            (None, _) => {
                "It saw no credentials of a scheme it takes: does a proxy on the way remove Authorization or DPoP?"
            }
        };
        Some(Self {
            status: status.map(|status| status.as_u16()),
            error: error.map(str::to_owned),
            said,
            meaning,
        })
    }
}

/// What remains when nothing fails here, or something else.
fn meaning_of(error: &str) -> &'static str {
    match error {
        "use_dpop_nonce" => {
            "It wants a nonce of its own: send a new proof with the DPoP-Nonce of this answer; that of another server, \
             token or hour is refused."
        }
        "invalid_dpop_proof" => {
            "It refuses the proof: was it sent before, does the server's clock differ, or does it see another URL \
             behind a proxy?"
        }
        "invalid_token" => {
            "It refuses the token: look at issuer, audience, signature and revocation, and at the key it is bound to."
        }
        "insufficient_scope" => "The credentials are good; the token lacks a scope.",
        "invalid_request" => {
            "The request is malformed: two Authorization or DPoP headers, or a token sent twice?"
        }
        _ => "RFC 9449 does not know this error.",
    }
}
