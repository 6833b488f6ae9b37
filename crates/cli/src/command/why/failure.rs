//! From the error of a check to its step, with what was expected and what was found.

use std::error::Error;

use dpop::{AccessTokenHash, Htu, ProofClaims, ProofError};
use jose::{JwkThumbprint, UnixTime};
use oauth::ErrorCode;
use serde::Serialize;

use super::walk::{Check, Sent, Server};
use crate::human_time;

/// Why a check fails.
#[derive(Debug, Serialize)]
pub(in crate::command) struct Failure {
    /// What is wrong, in one line.
    pub(super) problem: String,
    pub(super) expected: Option<String>,
    pub(super) found: Option<String>,
    /// The OAuth error code of the answer.
    pub(super) error: &'static str,
    /// What to do about it.
    pub(super) hint: &'static str,
}

impl Failure {
    /// A failure without two sides.
    pub(super) fn new(problem: impl Into<String>, error: ErrorCode, hint: &'static str) -> Self {
        Self { problem: problem.into(), expected: None, found: None, error: error.as_str(), hint }
    }

    pub(super) fn with_sides(self, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self { expected: Some(expected.into()), found: Some(found.into()), ..self }
    }
}

/// What the checks of the proof compared.
pub(super) struct Compared<'a> {
    pub(super) claims: &'a ProofClaims,
    pub(super) thumbprint: &'a JwkThumbprint,
    pub(super) bound_to: &'a JwkThumbprint,
    pub(super) access_token_hash: &'a AccessTokenHash,
}

/// An error of the proof's form: step 3.
pub(super) fn of_form(error: &ProofError, server: &Server<'_>) -> Failure {
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    let failure = Failure::new(format!("{error}{cause}"), error.error_code(), hint(error));
    match error {
        ProofError::AlgorithmNotAllowed(found) => {
            let allowed: Vec<&str> = server.policy.algorithms.iter().map(jose::Algorithm::as_str).collect();
            failure.with_sides(allowed.join(" "), found.as_str())
        }
        _ => failure,
    }
}

/// An error of the comparison with the request, and the check it belongs to.
pub(super) fn of_comparison(
    error: &ProofError,
    compared: &Compared<'_>,
    sent: &Sent<'_>,
    server: &Server<'_>,
) -> (Check, Failure) {
    let (claims, policy, now) = (compared.claims, server.policy, server.now);
    let failure = Failure::new(error.to_string(), error.error_code(), hint(error));
    match error {
        ProofError::KeyNotBound => (
            Check::Binding,
            failure.with_sides(
                format!("the key {} (cnf.jkt of the token)", compared.bound_to),
                format!("the key {} (jwk of the proof)", compared.thumbprint),
            ),
        ),
        ProofError::AccessTokenHash => (
            Check::AccessTokenHash,
            failure.with_sides(
                compared.access_token_hash.to_string(),
                claims.ath.map(|ath| ath.to_string()).unwrap_or_default(),
            ),
        ),
        ProofError::Method => (Check::Method, failure.with_sides(sent.method, claims.htm.as_str())),
        ProofError::Target => {
            let found = match Htu::parse(&claims.htu) {
                Ok(found) => found.to_string(),
                Err(error) => format!("{} ({error})", claims.htu),
            };
            (Check::Target, failure.with_sides(sent.htu.to_string(), found))
        }
        ProofError::TooOld | ProofError::IssuedInFuture => {
            let bound = |time: Option<UnixTime>| time.map(human_time::utc).unwrap_or_default();
            let earliest = bound(now.checked_sub(policy.max_age));
            let latest = bound(now.checked_add(policy.clock_skew));
            (
                Check::Times,
                failure.with_sides(
                    format!("iat from {earliest} to {latest}"),
                    format!(
                        "iat {} ({})",
                        human_time::utc(claims.iat),
                        human_time::relative(claims.iat, now)
                    ),
                ),
            )
        }
        ProofError::Expired | ProofError::NotYetValid => {
            let time = if matches!(error, ProofError::Expired) { claims.exp } else { claims.nbf };
            let found = time.map(human_time::utc).unwrap_or_default();
            (Check::Times, failure.with_sides(format!("valid at {}", human_time::utc(now)), found))
        }
        ProofError::Nonce(_) | ProofError::NonceMissing => (Check::Times, failure),
        ProofError::Signature => (Check::Signature, failure),
        // Left are errors of form, of which the comparison finds one: a missing `ath`.
        _ => (Check::Form, of_form(error, server)),
    }
}

fn hint(error: &ProofError) -> &'static str {
    match error {
        ProofError::Missing | ProofError::Multiple => "Send exactly one DPoP header.",
        ProofError::TooLarge { .. } => {
            "Use a smaller key, and put nothing into the proof that it does not need."
        }
        ProofError::Malformed(_) | ProofError::Json(_) => {
            "Send the proof as it was signed: three parts of base64url without padding, in one line."
        }
        ProofError::Type => "The header of a proof has `typ` `dpop+jwt`: is this an access or an ID token?",
        ProofError::UnsupportedHeader(_) => "Leave the header parameter out.",
        ProofError::Algorithm | ProofError::AlgorithmNotAllowed(_) | ProofError::KeyForOtherAlgorithm => {
            "Sign with an algorithm that the server lists in `algs`, and a key that fits it."
        }
        ProofError::Key(_) | ProofError::KeyMissing => {
            "Put the public key, and only that, into the header as `jwk`."
        }
        ProofError::MissingClaim("ath") => "A proof that goes with an access token needs its hash in `ath`.",
        ProofError::MissingClaim(_) | ProofError::BadClaim(_) | ProofError::ClaimTooLong(_) => {
            "A proof needs `jti`, `htm` and `htu` as strings and `iat` as a number of seconds."
        }
        ProofError::KeyNotBound => {
            "Sign with the key that was used to get the token, or get a new token with this key."
        }
        ProofError::AccessTokenHash => {
            "Make the proof for the token that is sent: after a refresh the hash changes."
        }
        ProofError::Method => "Sign the method of the request, in upper case; redirects can change it.",
        ProofError::Target => {
            "Sign the URL that is called. Behind a proxy, tell the server its public origin; a path that is rewritten \
             on the way differs as well."
        }
        ProofError::NonceMissing | ProofError::Nonce(_) => {
            "Take the DPoP-Nonce of the server's answer and send a new proof with it."
        }
        ProofError::TooOld | ProofError::Expired => {
            "Make a new proof for every request, and compare the clocks. Was the request made earlier? Say so with --at."
        }
        ProofError::IssuedInFuture | ProofError::NotYetValid => {
            "Compare the clock of the client with the server's."
        }
        ProofError::Signature => {
            "The proof was changed after it was signed, or `jwk` is not the key that signed it."
        }
        ProofError::Replayed => "Make a new proof, with a new `jti`, for every request.",
        _ => "Compare the proof with RFC 9449, section 4.2.",
    }
}
