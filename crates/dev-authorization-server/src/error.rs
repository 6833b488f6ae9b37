//! Refusals of the endpoints that clients call: JSON per RFC 6749 §5.2, never stored by a cache.

use axum::response::{IntoResponse, Response};
use dpop::{ClaimError, DPOP_NONCE, ProofError};
use http::{
    HeaderValue, StatusCode,
    header::{CACHE_CONTROL, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE},
};
use oauth::ErrorCode;
use serde_json::json;

use crate::{parameters::ParametersError, store::StoreFull};

/// Why a client gets no answer to its question.
#[derive(Debug)]
pub(crate) struct Refusal {
    code: ErrorCode,
    description: &'static str,
    nonce: Option<String>,
    challenge_basic: bool,
}

impl Refusal {
    pub(crate) fn new(code: ErrorCode, description: &'static str) -> Self {
        Self { code, description, nonce: None, challenge_basic: false }
    }

    pub(crate) fn invalid_request(description: &'static str) -> Self {
        Self::new(ErrorCode::InvalidRequest, description)
    }

    pub(crate) fn invalid_grant(description: &'static str) -> Self {
        Self::new(ErrorCode::InvalidGrant, description)
    }

    /// The client is unknown or did not authenticate. A challenge stands beside it when the client tried the `Authorization` field (RFC 6749 §5.2).
    pub(crate) fn invalid_client(description: &'static str, used_authorization: bool) -> Self {
        Self { challenge_basic: used_authorization, ..Self::new(ErrorCode::InvalidClient, description) }
    }

    /// The proof fails; `nonce` goes along where a nonce is what is missing (RFC 9449 §8).
    pub(crate) fn proof(error: &ProofError, fresh_nonce: impl FnOnce() -> Option<String>) -> Self {
        let code = error.error_code();
        let nonce = if code == ErrorCode::UseDpopNonce { fresh_nonce() } else { None };
        Self { nonce, ..Self::new(code, error.description()) }
    }

    pub(crate) fn code(&self) -> ErrorCode {
        self.code
    }

    pub(crate) fn description(&self) -> &'static str {
        self.description
    }

    fn status(&self) -> StatusCode {
        match self.code {
            ErrorCode::InvalidClient | ErrorCode::InvalidToken => StatusCode::UNAUTHORIZED,
            ErrorCode::InsufficientScope => StatusCode::FORBIDDEN,
            ErrorCode::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
            ErrorCode::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            ErrorCode::InvalidRequest
            | ErrorCode::InvalidDpopProof
            | ErrorCode::UseDpopNonce
            | ErrorCode::InvalidGrant
            | ErrorCode::UnauthorizedClient
            | ErrorCode::UnsupportedGrantType
            | ErrorCode::UnsupportedResponseType
            | ErrorCode::InvalidScope
            | ErrorCode::InvalidTarget
            | ErrorCode::InvalidRequestUri
            | ErrorCode::UnsupportedTokenType
            | ErrorCode::AccessDenied
            | ErrorCode::LoginRequired
            | ErrorCode::AuthorizationPending
            | ErrorCode::SlowDown
            | ErrorCode::ExpiredToken => StatusCode::BAD_REQUEST,
        }
    }
}

impl From<ParametersError> for Refusal {
    fn from(error: ParametersError) -> Self {
        Self::invalid_request(error.description())
    }
}

impl From<StoreFull> for Refusal {
    fn from(_: StoreFull) -> Self {
        Self::new(ErrorCode::TemporarilyUnavailable, "too many requests are under way")
    }
}

impl From<ClaimError> for Refusal {
    fn from(error: ClaimError) -> Self {
        match error {
            ClaimError::Replayed => Self::new(ErrorCode::InvalidDpopProof, "the proof was used before"),
            ClaimError::Unavailable => {
                Self::new(ErrorCode::TemporarilyUnavailable, "used proofs can not be remembered now")
            }
        }
    }
}

impl From<jose::SignError> for Refusal {
    fn from(error: jose::SignError) -> Self {
        tracing::error!(%error, "a token could not be signed");
        Self::new(ErrorCode::ServerError, "the token could not be signed")
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = self.status();
        let body = json!({ "error": self.code.as_str(), "error_description": self.description });
        let mut response = json_response(status, &body);
        let headers = response.headers_mut();
        if self.challenge_basic {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"clients\""));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if let Some(nonce) = self.nonce.as_deref().and_then(|nonce| HeaderValue::from_str(nonce).ok()) {
            headers.insert(DPOP_NONCE, nonce);
        }
        response
    }
}

/// An answer that no cache may keep (RFC 6749 §5.1).
pub(crate) fn json_response(status: StatusCode, body: &serde_json::Value) -> Response {
    let mut response = (status, axum::Json(body)).into_response();
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(PRAGMA, HeaderValue::from_static("no-cache"));
    response
}
