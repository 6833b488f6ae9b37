//! Why a request is refused, and the answer that says so: the table of RFC 9449 §7.1, §7.2, §9 and RFC 6750 §3.

use dpop::{DPOP_NONCE, ProofError};
use http::header::{CACHE_CONTROL, RETRY_AFTER, VARY, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use oauth::{Challenge, CredentialsError, ErrorCode, Scheme, challenge};
use thiserror::Error;

use crate::access_token::TokenError;
use crate::policy::ErrorSignaling;
use crate::proof_trace::ProofTrace;

/// Why a request is refused; for branches, logs and tests. The caller sees less.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Reason {
    /// No token, or one of another scheme.
    #[error("the request has no credentials")]
    NoCredentials,
    /// `Authorization` that can not be read, or several.
    #[error("the credentials are malformed")]
    MalformedCredentials(#[source] CredentialsError),
    /// A token in the query beside `Authorization` or a proof (RFC 6750 §2).
    #[error("the request sends a token in more than one way")]
    SeveralTransports,
    /// The proof fails.
    #[error("the DPoP proof is refused")]
    Proof(#[source] ProofError),
    /// The access token is not accepted.
    #[error("the access token is refused")]
    Token(#[source] TokenError),
    /// A bound token with the Bearer scheme (RFC 9449 §7.2).
    #[error("a bound access token was sent as Bearer")]
    BoundTokenAsBearer,
    /// An unbound token with the DPoP scheme (R21).
    #[error("an unbound access token was sent with the DPoP scheme")]
    UnboundTokenAsDpop,
    /// An unbound token where only bound ones are accepted.
    #[error("only access tokens bound by DPoP are accepted here")]
    BearerNotAllowed,
    /// The token is bound to a client certificate, which nobody checked (RFC 8705 §3).
    #[error("the access token is bound to a client certificate that was not presented")]
    CertificateNotPresented,
    /// The token lacks a scope.
    #[error("the access token lacks a required scope")]
    InsufficientScope,
    /// The replay store is down, slow or full: a fault.
    #[error("the replay store can not answer")]
    ReplayStoreUnavailable,
    /// Keys, metadata or introspection of the issuer can not be had: a fault, always one with
    /// [`TokenError::is_fault`].
    #[error("the issuer can not be asked about the access token")]
    IssuerUnavailable(#[source] TokenError),
}

/// A refusal with its answer.
///
/// ```
/// use http::Response;
/// use resource_server::Refusal;
///
/// fn answer(refusal: &Refusal) -> Response<()> {
///     let mut response = Response::new(());
///     *response.status_mut() = refusal.status();
///     *response.headers_mut() = refusal.headers(); // challenges, nonce, no-store
///     response
/// }
/// ```
#[derive(Debug)]
pub struct Refusal {
    reason: Reason,
    challenges: Vec<Challenge>,
    nonce: Option<String>,
    proof: Option<Box<ProofTrace>>,
    accepted_proof: bool,
}

/// What a refusal needs to know about the resource.
pub(crate) struct Context<'a> {
    /// Space-delimited proof algorithms.
    pub(crate) algorithms: &'a str,
    /// Unbound tokens are accepted too, so Bearer is challenged as well.
    pub(crate) accepts_bearer: bool,
    /// Scheme of the request's token, when it has one.
    pub(crate) scheme: Option<Scheme>,
    /// The required scopes.
    pub(crate) scopes: &'a [String],
    pub(crate) signaling: &'a ErrorSignaling,
    pub(crate) nonce: Option<String>,
}

impl Refusal {
    pub(crate) fn new(reason: Reason, context: Context<'_>) -> Self {
        let challenges = challenges(&reason, &context);
        Self { reason, challenges, nonce: context.nonce, proof: None, accepted_proof: false }
    }

    /// The same refusal, of a request whose proof was accepted or was not.
    pub(crate) fn with_accepted_proof(self, accepted_proof: bool) -> Self {
        Self { accepted_proof, ..self }
    }

    /// The same refusal of a request with this proof.
    pub(crate) fn with_proof(self, proof: Option<ProofTrace>) -> Self {
        Self { proof: proof.map(Box::new), ..self }
    }

    /// The same refusal with a nonce to hand out.
    pub(crate) fn with_nonce(self, nonce: Option<String>) -> Self {
        Self { nonce: nonce.or(self.nonce), ..self }
    }

    /// The proof of the request, if there was one that could be read.
    #[must_use]
    pub fn proof(&self) -> Option<&ProofTrace> {
        self.proof.as_deref()
    }

    /// Whether the proof was accepted, and its `jti` spent: only a scope is missing.
    #[must_use]
    pub fn accepted_proof(&self) -> bool {
        self.accepted_proof
    }

    /// Why.
    #[must_use]
    pub fn reason(&self) -> &Reason {
        &self.reason
    }

    /// The challenges, DPoP first; empty for a fault, which is no verdict on the credentials.
    #[must_use]
    pub fn challenges(&self) -> &[Challenge] {
        &self.challenges
    }

    /// Status of the answer: 400, 401, 403, or 503 for a fault.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self.reason {
            Reason::MalformedCredentials(_) | Reason::SeveralTransports => StatusCode::BAD_REQUEST,
            Reason::NoCredentials
            | Reason::Proof(_)
            | Reason::Token(_)
            | Reason::BoundTokenAsBearer
            | Reason::UnboundTokenAsDpop
            | Reason::BearerNotAllowed
            | Reason::CertificateNotPresented => StatusCode::UNAUTHORIZED,
            Reason::InsufficientScope => StatusCode::FORBIDDEN,
            Reason::ReplayStoreUnavailable | Reason::IssuerUnavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Ours or a dependency's fault, not the caller's.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        matches!(self.reason, Reason::ReplayStoreUnavailable | Reason::IssuerUnavailable(_))
    }

    /// May an authenticator behind this one be tried? Yes when there were no credentials of this kind or the token is
    /// not acceptable by itself; no for every refusal of binding, proof, nonce or replay and for every fault, else a
    /// stolen token would pass as anonymous.
    #[must_use]
    pub fn lets_chain_continue(&self) -> bool {
        match &self.reason {
            Reason::NoCredentials | Reason::BearerNotAllowed => true,
            Reason::Token(error) => !matches!(error, TokenError::Confirmation(_) | TokenError::Contradiction),
            Reason::Proof(error) => matches!(error, ProofError::AlgorithmNotAllowed(_)),
            Reason::MalformedCredentials(_)
            | Reason::SeveralTransports
            | Reason::BoundTokenAsBearer
            | Reason::UnboundTokenAsDpop
            | Reason::CertificateNotPresented
            | Reason::InsufficientScope
            | Reason::ReplayStoreUnavailable
            | Reason::IssuerUnavailable(_) => false,
        }
    }

    /// Did the request show credentials of this kind at all?
    #[must_use]
    pub fn saw_credentials(&self) -> bool {
        !matches!(self.reason, Reason::NoCredentials)
    }

    /// The answer's header fields: `WWW-Authenticate`, at most one `DPoP-Nonce`, `Cache-Control`, `Vary`,
    /// `Retry-After` with a 503.
    #[must_use]
    pub fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(VARY, HeaderValue::from_static("Authorization, DPoP"));
        if !self.challenges.is_empty() {
            headers.insert(WWW_AUTHENTICATE, challenge::header_value(&self.challenges));
        }
        if let Some(nonce) = self.nonce.as_deref().and_then(|nonce| HeaderValue::from_str(nonce).ok()) {
            headers.insert(DPOP_NONCE, nonce);
        }
        if self.status() == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        headers
    }
}

fn challenges(reason: &Reason, context: &Context<'_>) -> Vec<Challenge> {
    let bare = |scheme| challenge(scheme, None, None, context);
    let with = |scheme, code, description| challenge(scheme, Some(code), Some(description), context);
    // RFC 9449 §7.2: both schemes are offered where both are accepted, the error stands on the one that was used.
    let on_dpop = |code, description| match context.accepts_bearer {
        true => vec![with(Scheme::Dpop, code, description), bare(Scheme::Bearer)],
        false => vec![with(Scheme::Dpop, code, description)],
    };
    let on_bearer = |code, description| match context.accepts_bearer {
        true => vec![bare(Scheme::Dpop), with(Scheme::Bearer, code, description)],
        false => vec![with(Scheme::Dpop, code, description)],
    };
    let on_used = |code, description| match context.scheme {
        Some(Scheme::Bearer) => on_bearer(code, description),
        Some(Scheme::Dpop) | None => on_dpop(code, description),
    };
    match reason {
        Reason::NoCredentials => match context.accepts_bearer {
            true => vec![bare(Scheme::Dpop), bare(Scheme::Bearer)],
            false => vec![bare(Scheme::Dpop)],
        },
        Reason::MalformedCredentials(_) | Reason::SeveralTransports => {
            let (code, description) = (ErrorCode::InvalidRequest, "credentials are malformed or sent twice");
            match context.accepts_bearer {
                true => vec![with(Scheme::Dpop, code, description), with(Scheme::Bearer, code, description)],
                false => vec![with(Scheme::Dpop, code, description)],
            }
        }
        Reason::Proof(error) => on_dpop(error.error_code(), error.description()),
        Reason::Token(error) => on_used(ErrorCode::InvalidToken, token_description(error)),
        Reason::BoundTokenAsBearer => {
            on_bearer(ErrorCode::InvalidToken, "access token is bound, DPoP is required")
        }
        Reason::BearerNotAllowed => {
            on_bearer(ErrorCode::InvalidToken, "a DPoP-bound access token is required")
        }
        Reason::UnboundTokenAsDpop => on_dpop(ErrorCode::InvalidToken, "access token is not bound to a key"),
        Reason::CertificateNotPresented => {
            on_used(ErrorCode::InvalidToken, "access token is bound to a client certificate")
        }
        Reason::InsufficientScope => {
            let scheme = context.scheme.unwrap_or(Scheme::Dpop);
            vec![with(scheme, ErrorCode::InsufficientScope, "a required scope is missing")]
        }
        Reason::ReplayStoreUnavailable | Reason::IssuerUnavailable(_) => Vec::new(),
    }
}

/// One challenge; `algs` belongs to DPoP only (RFC 9449 §7.1).
fn challenge(
    scheme: Scheme,
    error: Option<ErrorCode>,
    description: Option<&'static str>,
    context: &Context<'_>,
) -> Challenge {
    let signaling = context.signaling;
    let with_scope = signaling.required_scope && error == Some(ErrorCode::InsufficientScope);
    Challenge {
        scheme,
        realm: signaling.realm.clone().map(Into::into),
        error,
        error_uri: signaling.error_uri.clone().filter(|_| error.is_some()).map(Into::into),
        error_description: description.filter(|_| signaling.description).map(Into::into),
        scope: with_scope.then(|| context.scopes.join(" ").into()),
        algs: (scheme == Scheme::Dpop).then(|| context.algorithms.to_owned().into()),
        resource_metadata: signaling.resource_metadata.clone().map(Into::into),
    }
}

fn token_description(error: &TokenError) -> &'static str {
    match error {
        TokenError::Expired => "access token has expired",
        TokenError::NotYetValid | TokenError::IssuedInFuture => "access token is not yet valid",
        TokenError::Issuer => "access token has an unknown issuer",
        TokenError::Audience => "access token is for another audience",
        TokenError::UnknownKey | TokenError::Certificate(_) => "access token is signed by an unknown key",
        TokenError::Signature => "signature of the access token is invalid",
        TokenError::Confirmation(_) => "binding of the access token is not supported",
        TokenError::Inactive => "access token is not active",
        TokenError::Malformed(_)
        | TokenError::Type
        | TokenError::Algorithm
        | TokenError::BadClaim(_)
        | TokenError::SubjectMissing
        | TokenError::Contradiction
        | TokenError::Keys(_)
        | TokenError::Discovery(_)
        | TokenError::Introspection(_) => "access token is invalid",
    }
}
