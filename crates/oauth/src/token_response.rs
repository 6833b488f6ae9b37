//! The answer of a token endpoint that grants (RFC 6749, section 5.1; RFC 9449, section 5).

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Number, Value};

use crate::{AccessToken, Scheme};

/// A granted access token and what comes with it. `Debug` hides all tokens.
///
/// ```
/// use oauth::{Scheme, TokenResponse};
///
/// let answer = r#"{ "access_token": "eyJhbGciOiJFUzI1NiJ9.e30.c2ln", "token_type": "DPoP", "expires_in": 300 }"#;
/// let response: TokenResponse = serde_json::from_str(answer)?;
/// // A server that knows no DPoP answers with a bearer token, whatever it was asked for.
/// assert_eq!(response.scheme(), Some(Scheme::Dpop));
/// assert_eq!(response.expires_in, Some(300));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Serialize, Deserialize)]
pub struct TokenResponse {
    /// The access token.
    pub access_token: AccessToken,
    /// How to present it; see [`scheme`](Self::scheme).
    pub token_type: String,
    /// Life of the access token in seconds. Any number is read: negative as 0, fractions floored, too large as the largest.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "seconds")]
    pub expires_in: Option<u64>,
    /// The refresh token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// The granted scope; absent when it is the one asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The ID token (OpenID Connect Core 1.0, section 3.1.3.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
    /// All other members, as they came.
    #[serde(flatten)]
    pub additional: Map<String, Value>,
}

impl TokenResponse {
    /// `token_type` as a scheme, compared without case (RFC 6749, section 5.1); `None` when it is a foreign one.
    #[must_use]
    pub fn scheme(&self) -> Option<Scheme> {
        self.token_type.parse().ok()
    }
}

impl fmt::Debug for TokenResponse {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TokenResponse")
            .field("token_type", &self.token_type)
            .field("expires_in", &self.expires_in)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, which is what is wanted"
)]
fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let number = Option::<Number>::deserialize(deserializer)?;
    Ok(number
        .map(|number| number.as_u64().or_else(|| number.as_f64().map(|value| value as u64)).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(expires_in: Value) -> Result<Option<u64>, serde_json::Error> {
        let response = json!({"access_token": "abc", "token_type": "dpop", "expires_in": expires_in});
        serde_json::from_value::<TokenResponse>(response).map(|response| response.expires_in)
    }

    #[test]
    fn reads_any_number_of_seconds() {
        assert_eq!(read(json!(300)).unwrap(), Some(300));
        assert_eq!(read(json!(-1)).unwrap(), Some(0));
        assert_eq!(read(json!(1.9)).unwrap(), Some(1));
        assert_eq!(read(json!(1e300)).unwrap(), Some(u64::MAX));
        assert_eq!(read(json!(null)).unwrap(), None);
        assert!(read(json!("300")).is_err());
    }

    #[test]
    fn c2_compares_the_token_type_without_case() {
        let read = |token_type: &str| {
            let response = json!({"access_token": "abc", "token_type": token_type, "session_state": "x"});
            serde_json::from_value::<TokenResponse>(response).unwrap()
        };
        assert_eq!(read("dPoP").scheme(), Some(Scheme::Dpop));
        assert_eq!(read("bearer").scheme(), Some(Scheme::Bearer));
        assert_eq!(read("N_A").scheme(), None);
        assert_eq!(
            serde_json::to_value(read("DPoP")).unwrap(),
            json!({"access_token": "abc", "token_type": "DPoP", "session_state": "x"})
        );
        assert!(serde_json::from_value::<TokenResponse>(json!({"access_token": "abc"})).is_err());
        assert!(!format!("{:?}", read("DPoP")).contains("abc"));
    }
}
