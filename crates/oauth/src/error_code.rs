//! Error codes of OAuth and the JSON body that carries them (RFC 6749, section 5.2).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A registered OAuth error code.
///
/// ```
/// use oauth::ErrorCode;
///
/// assert_eq!("use_dpop_nonce".parse(), Ok(ErrorCode::UseDpopNonce));
/// assert_eq!(ErrorCode::InvalidDpopProof.as_str(), "invalid_dpop_proof");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// The request is malformed (RFC 6749, section 5.2; RFC 6750, section 3.1).
    InvalidRequest,
    /// The access token is expired, revoked, malformed, of another issuer, or bound to another key (RFC 6750, section 3.1).
    InvalidToken,
    /// The access token lacks a scope (RFC 6750, section 3.1).
    InsufficientScope,
    /// The DPoP proof is missing or fails a check of RFC 9449, section 4.3.
    InvalidDpopProof,
    /// A nonce from this server is demanded (RFC 9449, sections 8 and 9).
    UseDpopNonce,
    /// Client authentication failed (RFC 6749, section 5.2).
    InvalidClient,
    /// Code, refresh token or other grant is not good, or belongs to another client or key (RFC 6749, section 5.2).
    InvalidGrant,
    /// The client may not use this grant or response type (RFC 6749, sections 4.1.2.1 and 5.2).
    UnauthorizedClient,
    /// The grant type is not supported (RFC 6749, section 5.2).
    UnsupportedGrantType,
    /// The response type is not supported (RFC 6749, section 4.1.2.1).
    UnsupportedResponseType,
    /// The scope is unknown, malformed, or more than was granted (RFC 6749, section 5.2).
    InvalidScope,
    /// The resource owner or the server refused (RFC 6749, section 4.1.2.1).
    AccessDenied,
    /// The authorization server failed (RFC 6749, section 4.1.2.1).
    ServerError,
    /// The authorization server is overloaded (RFC 6749, section 4.1.2.1).
    TemporarilyUnavailable,
    /// A login is needed and `prompt=none` forbids it (OpenID Connect Core 1.0, section 3.1.2.6).
    LoginRequired,
    /// The resource or audience asked for is not acceptable (RFC 8707, section 2).
    InvalidTarget,
    /// The `request_uri` is unknown, expired or used (RFC 9101, section 7; RFC 9126).
    InvalidRequestUri,
    /// The token type can not be revoked (RFC 7009, section 2.2.1).
    UnsupportedTokenType,
    /// The user has not answered yet: ask again later (RFC 8628, section 3.5).
    AuthorizationPending,
    /// As [`AuthorizationPending`](Self::AuthorizationPending), and more slowly (RFC 8628, section 3.5).
    SlowDown,
    /// The device code is over (RFC 8628, section 3.5).
    ExpiredToken,
}

/// The text is not one of the codes in [`ErrorCode`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown error code")]
pub struct UnknownErrorCode;

impl ErrorCode {
    /// Every code, in the order of the declaration.
    pub const ALL: [Self; 21] = [
        Self::InvalidRequest,
        Self::InvalidToken,
        Self::InsufficientScope,
        Self::InvalidDpopProof,
        Self::UseDpopNonce,
        Self::InvalidClient,
        Self::InvalidGrant,
        Self::UnauthorizedClient,
        Self::UnsupportedGrantType,
        Self::UnsupportedResponseType,
        Self::InvalidScope,
        Self::AccessDenied,
        Self::ServerError,
        Self::TemporarilyUnavailable,
        Self::LoginRequired,
        Self::InvalidTarget,
        Self::InvalidRequestUri,
        Self::UnsupportedTokenType,
        Self::AuthorizationPending,
        Self::SlowDown,
        Self::ExpiredToken,
    ];

    /// The code on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
            Self::InvalidDpopProof => "invalid_dpop_proof",
            Self::UseDpopNonce => "use_dpop_nonce",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::AccessDenied => "access_denied",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::LoginRequired => "login_required",
            Self::InvalidTarget => "invalid_target",
            Self::InvalidRequestUri => "invalid_request_uri",
            Self::UnsupportedTokenType => "unsupported_token_type",
            Self::AuthorizationPending => "authorization_pending",
            Self::SlowDown => "slow_down",
            Self::ExpiredToken => "expired_token",
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for ErrorCode {
    type Err = UnknownErrorCode;

    fn from_str(code: &str) -> Result<Self, UnknownErrorCode> {
        Self::ALL.into_iter().find(|known| known.as_str() == code).ok_or(UnknownErrorCode)
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ErrorCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The JSON body of a refusal by an authorization server (RFC 6749, section 5.2).
///
/// `error` is text because a client must be able to read codes that are not in [`ErrorCode`].
///
/// ```
/// use oauth::{ErrorCode, ErrorResponse};
///
/// let response: ErrorResponse = serde_json::from_str(r#"{ "error": "invalid_grant" }"#)?;
/// assert_eq!(response.code(), Some(ErrorCode::InvalidGrant));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorResponse {
    /// The code.
    pub error: String,
    /// For developers; a server never reflects input in it, a client never shows it unescaped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_description: Option<String>,
    /// A page about the error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_uri: Option<String>,
}

impl ErrorResponse {
    /// A body with code and description.
    #[must_use]
    pub fn new(code: ErrorCode, description: &'static str) -> Self {
        Self {
            error: code.as_str().to_owned(),
            error_description: Some(description.to_owned()),
            error_uri: None,
        }
    }

    /// The code, when it is a known one.
    #[must_use]
    pub fn code(&self) -> Option<ErrorCode> {
        self.error.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_survive_the_wire() {
        for code in ErrorCode::ALL {
            assert_eq!(code.as_str().parse(), Ok(code));
            assert_eq!(serde_json::to_string(&code).unwrap(), format!("\"{code}\""));
        }
        assert_eq!("Invalid_Token".parse::<ErrorCode>(), Err(UnknownErrorCode));
    }

    #[test]
    fn a_body_has_only_what_is_known() {
        let body = ErrorResponse::new(ErrorCode::UseDpopNonce, "a nonce is needed");
        let text = serde_json::to_string(&body).unwrap();
        assert_eq!(text, r#"{"error":"use_dpop_nonce","error_description":"a nonce is needed"}"#);
        assert_eq!(
            serde_json::from_str::<ErrorResponse>(&text).unwrap().code(),
            Some(ErrorCode::UseDpopNonce)
        );
        let foreign: ErrorResponse =
            serde_json::from_str(r#"{"error":"interaction_required","x":1}"#).unwrap();
        assert_eq!(foreign.code(), None);
    }
}
