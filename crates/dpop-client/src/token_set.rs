//! Reading the answer of a token endpoint (RFC 6749 §5, RFC 9449 §5).

use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use jose::{
    JwkThumbprint, UnixTime,
    json::{self, JsonError},
    jwt::UnverifiedJwt,
};
use oauth::{AccessToken, Confirmation, Scheme, TokenResponse};
use thiserror::Error;

/// No access token is believed to live longer, whatever `expires_in` says.
const MAX_LIFE: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Longest error text of a server that is shown, in characters.
const MAX_SHOWN: usize = 300;

/// Whether a token that is not bound to the key is taken (C2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// Only `token_type: DPoP`. The RFC's rule.
    Required,
    /// Also `Bearer`, for servers that do not speak DPoP yet. An explicit choice: such a token works for every thief.
    Optional,
}

/// Tokens, and the key they are bound to. `Debug` shows neither.
#[derive(Debug)]
pub struct TokenSet {
    /// The server's answer, all members kept.
    pub response: TokenResponse,
    /// When the access token ends, by `expires_in` and the client's clock.
    pub expires_at: Option<UnixTime>,
    /// The key that the request was proven with.
    pub bound_to: JwkThumbprint,
}

/// Why there is no token.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The authorization server said no (RFC 6749 §5.2).
    #[error("the authorization server refused: {error}{}", shown_description(.description.as_deref()))]
    Refused {
        /// Its status.
        status: StatusCode,
        /// Its `error`, in printable ASCII.
        error: String,
        /// Its `error_description`, in printable ASCII.
        description: Option<String>,
    },
    /// An answer without the form of RFC 6749 §5.
    #[error("the token endpoint answered {status} without a token response")]
    NotATokenResponse {
        /// The status.
        status: StatusCode,
        /// What is wrong with the body.
        #[source]
        source: JsonError,
    },
    /// `token_type` is not `DPoP`: the token would work without proof, so it is thrown away (C2).
    #[error(
        "the authorization server issued a token of type {token_type:?} that is not bound to the key; it was discarded"
    )]
    NotBound {
        /// The type, in printable ASCII.
        token_type: String,
    },
    /// The token says that it is bound to another key: none of our proofs would fit.
    #[error("the access token is bound to another key")]
    BoundToAnotherKey,
}

impl TokenSet {
    /// Reads the answer to a request that was proven with the key of `thumbprint`.
    ///
    /// # Errors
    ///
    /// [`TokenError`] for a refusal, a malformed answer, and for tokens that are not bound to this key.
    pub fn from_response(
        response: &Response<Bytes>,
        thumbprint: JwkThumbprint,
        binding: Binding,
        now: UnixTime,
    ) -> Result<Self, TokenError> {
        let status = response.status();
        if status != StatusCode::OK {
            return Err(refusal(response));
        }
        let response: TokenResponse = json::from_slice(response.body(), json::MAX_DEPTH)
            .map_err(|source| TokenError::NotATokenResponse { status, source })?;
        match (response.scheme(), binding) {
            (Some(Scheme::Dpop), _) => check_binding(&response.access_token, &thumbprint)?,
            (Some(Scheme::Bearer), Binding::Optional) => {}
            (Some(Scheme::Bearer), Binding::Required) | (None, _) => {
                return Err(TokenError::NotBound { token_type: printable(&response.token_type) });
            }
        }
        let expires_at = response
            .expires_in
            .and_then(|seconds| now.checked_add(Duration::from_secs(seconds).min(MAX_LIFE)));
        Ok(Self { response, expires_at, bound_to: thumbprint })
    }

    /// Tokens that were stored earlier, as the server gave them. `expires_at` is the caller's to remember.
    #[must_use]
    pub fn stored(response: TokenResponse, expires_at: Option<UnixTime>, bound_to: JwkThumbprint) -> Self {
        Self { response, expires_at, bound_to }
    }

    /// These tokens; with the refresh token of `earlier` when the server gave no new one (RFC 6749 §6).
    #[must_use]
    pub fn after(mut self, earlier: &Self) -> Self {
        if self.response.refresh_token.is_none() {
            self.response.refresh_token.clone_from(&earlier.response.refresh_token);
        }
        self
    }

    /// The access token.
    #[must_use]
    pub fn access_token(&self) -> &AccessToken {
        &self.response.access_token
    }
}

/// Access tokens are opaque to clients. If this one can be read nevertheless and names another key, say so now rather
/// than let every request fail.
fn check_binding(token: &AccessToken, thumbprint: &JwkThumbprint) -> Result<(), TokenError> {
    let Ok(token) = UnverifiedJwt::parse(token.as_str()) else { return Ok(()) };
    match Confirmation::from_claims(&token.claims) {
        Ok(Some(Confirmation { jkt: Some(jkt), .. })) if jkt != *thumbprint => {
            Err(TokenError::BoundToAnotherKey)
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

pub(crate) fn refusal(response: &Response<Bytes>) -> TokenError {
    let status = response.status();
    match json::parse_object(response.body(), json::MAX_DEPTH) {
        Ok(body) => {
            let text = |name: &str| body.get(name).and_then(|value| value.as_str()).map(printable);
            let error = text("error").unwrap_or_else(|| status.to_string());
            TokenError::Refused { status, error, description: text("error_description") }
        }
        Err(source) => TokenError::NotATokenResponse { status, source },
    }
}

/// A server's text made safe for terminals and logs: printable ASCII, limited length.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .take(MAX_SHOWN)
        .map(|character| if character.is_ascii_graphic() || character == ' ' { character } else { '?' })
        .collect()
}

fn shown_description(description: Option<&str>) -> String {
    description.map(|description| format!(": {description}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use jose::{Algorithm, KeyPair, jws};
    use serde_json::{Value, json};

    use super::*;

    const NOW: UnixTime = UnixTime::from_seconds(1_784_444_400);

    fn key() -> KeyPair {
        KeyPair::generate(Algorithm::Es256).unwrap()
    }

    fn read(status: u16, body: &Value, binding: Binding) -> Result<TokenSet, TokenError> {
        let response = Response::builder().status(status).body(Bytes::from(body.to_string())).unwrap();
        TokenSet::from_response(&response, key().thumbprint(), binding, NOW)
    }

    #[test]
    fn c2_discards_tokens_that_are_not_bound() {
        for token_type in ["DPoP", "dpop", "DPOP"] {
            let body = json!({"access_token": "t", "token_type": token_type});
            assert!(read(200, &body, Binding::Required).is_ok(), "{token_type}");
        }
        for token_type in ["Bearer", "bearer", "N_A", "", "DPoP "] {
            let body = json!({"access_token": "t", "token_type": token_type});
            assert!(
                matches!(read(200, &body, Binding::Required), Err(TokenError::NotBound { .. })),
                "{token_type}"
            );
        }
        assert!(matches!(
            read(200, &json!({"access_token": "t"}), Binding::Required),
            Err(TokenError::NotATokenResponse { .. })
        ));
    }

    #[test]
    fn c2_bearer_is_an_explicit_choice() {
        let body = json!({"access_token": "t", "token_type": "Bearer"});
        assert!(read(200, &body, Binding::Optional).is_ok());
    }

    #[test]
    fn reports_a_token_bound_to_another_key() {
        let key = key();
        let token_for = |jkt: String| {
            let claims = json!({"sub": "alice", "cnf": {"jkt": jkt}});
            let token = jws::sign(&json!({"alg": "ES256"}), &claims, &key, Algorithm::Es256).unwrap();
            let body = json!({"access_token": token, "token_type": "DPoP"}).to_string();
            TokenSet::from_response(
                &Response::new(Bytes::from(body)),
                key.thumbprint(),
                Binding::Required,
                NOW,
            )
        };
        assert!(token_for(key.thumbprint().to_string()).is_ok());
        let other = KeyPair::generate(Algorithm::Es256).unwrap().thumbprint().to_string();
        assert!(matches!(token_for(other), Err(TokenError::BoundToAnotherKey)));
    }

    #[test]
    fn clamps_hostile_lives() {
        let expires_at = |expires_in: Value| {
            let body = json!({"access_token": "t", "token_type": "DPoP", "expires_in": expires_in});
            read(200, &body, Binding::Required).unwrap().expires_at.map(UnixTime::as_seconds)
        };
        let now = NOW.as_seconds();
        assert_eq!(expires_at(json!(300)), Some(now + 300));
        assert_eq!(expires_at(json!(-5)), Some(now));
        assert_eq!(expires_at(json!(1e300)), Some(now + 365 * 24 * 60 * 60));
        assert_eq!(expires_at(json!(u64::MAX)), Some(now + 365 * 24 * 60 * 60));
        assert_eq!(expires_at(Value::Null), None);
    }

    #[test]
    fn tells_the_servers_reason_in_printable_text() {
        let body = json!({"error": "invalid_grant", "error_description": "code\u{1b}[31m used"});
        let error = read(400, &body, Binding::Required).unwrap_err();
        assert_eq!(error.to_string(), "the authorization server refused: invalid_grant: code?[31m used");
        let response = Response::builder().status(502).body(Bytes::from_static(b"<html>")).unwrap();
        let error =
            TokenSet::from_response(&response, key().thumbprint(), Binding::Required, NOW).unwrap_err();
        assert!(matches!(error, TokenError::NotATokenResponse { status: StatusCode::BAD_GATEWAY, .. }));
    }
}
