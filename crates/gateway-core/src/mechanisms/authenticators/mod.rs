//! Authenticators: who does the request come from?

mod access_token;
pub mod anonymous;
pub mod basic_auth;
pub mod generic;
pub mod jwt;
pub mod oauth2_introspection;
pub mod unauthorized;

use std::{sync::Arc, time::Duration};

use dpop::DPOP_NONCE;
use http::{HeaderValue, header};
use jose::{Algorithm, JwkThumbprint};
use oauth::Scheme;
use resource_server::{KeySource, ProofPolicy};

use crate::{
    mechanisms::{
        mechanisms,
        step::{Failure, StepFuture, StepInput},
    },
    subject::Principal,
};

mechanisms! {
    /// An authenticator of the catalogue, or one with a step's changes.
    enum Authenticator: Authenticate {
        /// Everyone passes.
        anonymous::Anonymous,
        /// Nobody passes.
        unauthorized::Unauthorized,
        /// Access tokens in JWT form, with DPoP.
        jwt::Jwt,
        /// Access tokens of any form, about which the issuer is asked, with DPoP.
        oauth2_introspection::OAuth2Introspection,
        /// One user with one password.
        basic_auth::BasicAuth,
        /// Whom an endpoint names.
        generic::Generic,
    }
    later: [],
}

/// What an authenticator does.
pub trait Authenticate {
    /// Looks for credentials of this authenticator's kind and checks them.
    fn authenticate<'a>(&'a self, input: &'a StepInput<'a>) -> StepFuture<'a, Authentication>;

    /// The challenge to someone who showed no credentials, for an authenticator that speaks DPoP.
    fn dpop_challenge(&self) -> Option<HeaderValue> {
        None
    }

    /// The keys that tokens are checked with, where they are of one known issuer: readiness waits for them.
    fn key_source(&self) -> Option<Arc<dyn KeySource>> {
        None
    }

    /// How long a proof that is accepted here may be good at the most; zero where proofs are not looked at.
    fn proof_lifetime(&self) -> Duration {
        Duration::ZERO
    }

    /// What is demanded of proofs, for an authenticator that looks at them.
    fn proof_policy(&self) -> Option<&ProofPolicy> {
        None
    }

    /// Whether proofs signed with this algorithm are checked and allowed here.
    fn allows_proof_algorithm(&self, algorithm: Algorithm) -> bool {
        let _ = algorithm;
        false
    }
}

/// The outcome of one authenticator.
#[derive(Debug)]
pub enum Authentication {
    /// The credentials are good.
    Authenticated(Box<Authenticated>),
    /// They are not, or there are none.
    Refused(Box<Refused>),
}

/// Good credentials.
#[derive(Debug)]
pub struct Authenticated {
    /// Whom they belong to.
    pub principal: Principal,
    /// How a token was sent in `Authorization`; `None` when no token was looked at.
    pub scheme: Option<Scheme>,
    /// The key whose possession was proven.
    pub thumbprint: Option<JwkThumbprint>,
    /// A nonce that must go out with the answer.
    pub fresh_nonce: Option<String>,
    /// What would have been refused, where proofs are only observed; for the log.
    pub observed: Option<String>,
}

impl Authenticated {
    /// Credentials that are no token.
    #[must_use]
    pub fn without_token(principal: Principal) -> Self {
        Self { principal, scheme: None, thumbprint: None, fresh_nonce: None, observed: None }
    }
}

/// Why an authenticator does not accept the request.
#[derive(Debug)]
pub struct Refused {
    /// What it answers.
    pub failure: Failure,
    /// Whether the next authenticator of the chain is asked.
    pub chain: ChainEffect,
    /// Whether there were credentials of this kind: such a failure is reported before one that saw none.
    pub saw_credentials: bool,
}

/// What a refusal means for the authenticators behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainEffect {
    /// There were no credentials of this kind, or a token that is not acceptable by itself: ask the next one.
    Continue,
    /// Only the proof's algorithm is not in this authenticator's list: ask those that allow it, nobody else.
    ContinueWhereAllowed(Algorithm),
    /// A refusal of binding, proof, nonce or replay, or a fault: the chain ends, else a stolen token would pass as
    /// anonymous.
    End,
}

/// The header fields by which an answer carries a fresh nonce (RFC 9449 §8.2).
pub(crate) fn nonce_headers(nonce: &str) -> Option<[(http::HeaderName, HeaderValue); 2]> {
    let nonce = HeaderValue::from_str(nonce).ok()?;
    Some([(DPOP_NONCE, nonce), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))])
}
