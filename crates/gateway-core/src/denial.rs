//! A refusal: what went wrong, by kind, and the answer to the client.
//!
//! The table of kinds, status codes and gRPC codes is that of heimdall; a replay store that can not answer has a kind of
//! its own, because it must never be mapped to anything that lets a request pass.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use crate::audit::Audit;

/// A refused request and its answer.
#[derive(Debug)]
#[non_exhaustive]
pub struct Denial {
    /// The rule that refused, `default` for the default rule, `None` if no rule was reached.
    pub rule_id: Option<Arc<str>>,
    /// The set that the rule belongs to: its name, else its file. `None` for the default rule and without a rule.
    pub rule_set: Option<Arc<str>>,
    /// Who asked, and how it went with the proof.
    pub audit: Audit,
    /// The status of the answer.
    pub status: StatusCode,
    /// The headers of the answer: challenges, `DPoP-Nonce`, `Cache-Control`, `Vary`, `Content-Type`.
    pub headers: HeaderMap,
    /// The body of the answer; empty unless `respond.verbose` is on or an error handler wrote one.
    pub body: Bytes,
    /// What kind of refusal this is.
    pub kind: DenialKind,
    /// A stable word for logs and metrics: which check refused (`no_credentials`, `use_dpop_nonce`, …). One of few values.
    pub reason: &'static str,
    /// The full story for the log: step, mechanism, cause. Never a token, proof or key, and never told to the client.
    pub detail: String,
}

/// The kinds of refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DenialKind {
    /// Who asks could not be established.
    Authentication,
    /// Who asks may not do that.
    Authorization,
    /// The request itself can not be judged: ambiguous credentials, a path that can not be read.
    Precondition,
    /// The request's host or framing is not acceptable. Always answered with an empty 400.
    BadRequest,
    /// A rule reads the request's body, and it is larger than what is read.
    PayloadTooLarge,
    /// A rule reads the request's body, and it stopped arriving.
    RequestTimeout,
    /// No rule matches and there is no default rule.
    NoRule,
    /// An endpoint or the upstream could not be reached, or answered with nonsense.
    Communication,
    /// An endpoint or the upstream did not answer in time.
    CommunicationTimeout,
    /// The replay store is down, slow or full: no verdict on the credentials (D4).
    ReplayStoreUnavailable,
    /// The configuration does not fit this request: a template that fails, no upstream.
    Internal,
}

impl DenialKind {
    /// The name in logs and metrics; those of `respond.with` where heimdall has one.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Authentication => "authentication_error",
            Self::Authorization => "authorization_error",
            Self::Precondition => "precondition_error",
            Self::BadRequest => "bad_request",
            Self::PayloadTooLarge => "payload_too_large",
            Self::RequestTimeout => "request_timeout",
            Self::NoRule => "no_rule_error",
            Self::Communication => "communication_error",
            Self::CommunicationTimeout => "communication_timeout_error",
            Self::ReplayStoreUnavailable => "replay_store_unavailable",
            Self::Internal => "internal_error",
        }
    }

    /// The status unless `respond.with` says otherwise.
    #[must_use]
    pub fn default_status(self) -> StatusCode {
        match self {
            Self::Authentication => StatusCode::UNAUTHORIZED,
            Self::Authorization => StatusCode::FORBIDDEN,
            Self::Precondition | Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::NoRule => StatusCode::NOT_FOUND,
            Self::Communication => StatusCode::BAD_GATEWAY,
            Self::CommunicationTimeout => StatusCode::GATEWAY_TIMEOUT,
            Self::ReplayStoreUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The `code` of a verbose JSON or XML body.
    #[must_use]
    pub fn body_code(self) -> &'static str {
        match self {
            Self::Authentication => "authenticationError",
            Self::Authorization => "authorizationError",
            Self::Precondition | Self::BadRequest | Self::PayloadTooLarge | Self::RequestTimeout => {
                "argumentError"
            }
            Self::NoRule => "noRuleFound",
            Self::Communication | Self::ReplayStoreUnavailable => "communicationError",
            Self::CommunicationTimeout => "communicationTimeoutError",
            Self::Internal => "internalError",
        }
    }

    /// The words in front of the message in a verbose text or HTML body.
    #[must_use]
    pub fn body_title(self) -> &'static str {
        match self {
            Self::Authentication => "authentication error",
            Self::Authorization => "authorization error",
            Self::Precondition | Self::BadRequest | Self::PayloadTooLarge | Self::RequestTimeout => {
                "argument error"
            }
            Self::NoRule => "no rule found",
            Self::Communication | Self::ReplayStoreUnavailable => "communication error",
            Self::CommunicationTimeout => "communication timeout error",
            Self::Internal => "internal error",
        }
    }

    /// Whether it is ours or a dependency's fault and not the caller's.
    #[must_use]
    pub fn is_fault(self) -> bool {
        match self {
            Self::Authentication
            | Self::Authorization
            | Self::Precondition
            | Self::BadRequest
            | Self::PayloadTooLarge
            | Self::RequestTimeout
            | Self::NoRule => false,
            Self::Communication
            | Self::CommunicationTimeout
            | Self::ReplayStoreUnavailable
            | Self::Internal => true,
        }
    }
}

impl fmt::Display for DenialKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
