//! Access tokens made with the issuer's own key: for benchmarks and set-ups for tests, where no server could issue a
//! million of them.

use std::{sync::Arc, time::Duration};

use jose::{JwkThumbprint, KeyPair, UnixTime, jws};
use oauth::AccessToken;
use serde_json::{Map, Value, json};
use thiserror::Error;

/// Issues JWT access tokens (RFC 9068) that are bound to keys (RFC 9449 §6.1).
pub struct TokenIssuer {
    key: Arc<KeyPair>,
    header: Value,
    claims: Map<String, Value>,
    lifetime: Duration,
    min_bytes: usize,
}

/// Why there is no token.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TokenIssuerError {
    /// The key does not sign.
    #[error("the issuer's key does not sign")]
    Sign(#[from] jose::SignError),
    /// The token is too long to be sent.
    #[error("the token can not be sent")]
    Token(#[from] oauth::AccessTokenError),
}

impl TokenIssuer {
    /// An issuer of this name (`iss`). Tokens live for `lifetime`.
    #[must_use]
    pub fn new(name: &str, key: Arc<KeyPair>, key_id: Option<&str>, lifetime: Duration) -> Self {
        let mut header = json!({ "typ": "at+jwt", "alg": key.algorithm().as_str() });
        if let (Some(key_id), Some(members)) = (key_id, header.as_object_mut()) {
            members.insert("kid".to_owned(), json!(key_id));
        }
        let mut claims = Map::new();
        claims.insert("iss".to_owned(), json!(name));
        Self { key, header, claims, lifetime, min_bytes: 0 }
    }

    /// Puts a claim into every token, `aud` or `scope` for instance.
    #[must_use]
    pub fn claim(mut self, name: &str, value: Value) -> Self {
        self.claims.insert(name.to_owned(), value);
        self
    }

    /// Makes tokens at least this long, in bytes, by a claim `padding`.
    #[must_use]
    pub fn at_least(self, bytes: usize) -> Self {
        Self { min_bytes: bytes, ..self }
    }

    /// A token for `subject`, bound to the key with this thumbprint.
    ///
    /// # Errors
    ///
    /// [`TokenIssuerError`] when the key does not sign, or the token is longer than [`AccessToken::MAX_BYTES`].
    pub fn issue(
        &self,
        subject: &str,
        bound_to: &JwkThumbprint,
        now: UnixTime,
    ) -> Result<AccessToken, TokenIssuerError> {
        let mut claims = self.claims.clone();
        claims.insert("sub".to_owned(), json!(subject));
        claims.insert("iat".to_owned(), json!(now.as_seconds()));
        claims.insert("exp".to_owned(), json!(now.saturating_add(self.lifetime).as_seconds()));
        claims.insert("cnf".to_owned(), json!({ "jkt": bound_to.to_string() }));
        let token = self.sign(&claims)?;
        let missing = self.min_bytes.saturating_sub(token.len());
        if missing == 0 {
            return Ok(AccessToken::parse(&token)?);
        }
        // Three bytes become four characters.
        claims.insert("padding".to_owned(), json!("x".repeat(missing.div_ceil(4) * 3)));
        Ok(AccessToken::parse(&self.sign(&claims)?)?)
    }

    fn sign(&self, claims: &Map<String, Value>) -> Result<String, TokenIssuerError> {
        Ok(jws::sign(&self.header, claims, &self.key, self.key.algorithm())?)
    }
}

impl std::fmt::Debug for TokenIssuer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("TokenIssuer").field("key", &self.key.thumbprint()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use jose::{Algorithm, jwt::UnverifiedJwt};

    use super::*;

    #[test]
    fn tokens_are_signed_and_as_long_as_wanted() {
        let key = Arc::new(KeyPair::generate(Algorithm::Es256).unwrap());
        let client = KeyPair::generate(Algorithm::Es256).unwrap().thumbprint();
        let now = UnixTime::from_seconds(1_800_000_000);
        for (wanted, lengths) in [(0, 300..700), (4_096, 4_096..4_120)] {
            let issuer =
                TokenIssuer::new("https://as.example", Arc::clone(&key), Some("k"), Duration::from_secs(300))
                    .claim("aud", json!("api"))
                    .at_least(wanted);
            let token = issuer.issue("alice", &client, now).unwrap();
            assert!(lengths.contains(&token.as_str().len()), "{}", token.as_str().len());
            let jwt = UnverifiedJwt::parse(token.as_str()).unwrap();
            assert!(jwt.verify(key.public_jwk()).is_ok());
            assert_eq!(jwt.claims["cnf"]["jkt"], client.to_string());
            assert_eq!((&jwt.claims["aud"], &jwt.claims["exp"]), (&json!("api"), &json!(1_800_000_300)));
        }
    }
}
