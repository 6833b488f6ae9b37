//! The public keys that upstreams check the gateway's tokens with: what `/.well-known/jwks` publishes.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use crate::secrets::SigningKey;

/// A public key as JWK, with `kid`, `alg`, `use` and its certificates.
#[derive(Debug, Clone, PartialEq)]
pub struct PublishedKey {
    members: Map<String, Value>,
}

impl PublishedKey {
    /// The public half of a signing key.
    #[must_use]
    pub fn of(key: &SigningKey) -> Self {
        let mut members = key.key.public_jwk().to_json();
        members.insert("kid".into(), json!(key.id));
        members.insert("alg".into(), json!(key.key.algorithm().as_str()));
        members.insert("use".into(), json!("sig"));
        if !key.certificates.is_empty() {
            // The one member of a JWK in the other alphabet, with padding (RFC 7517 §4.7).
            members.insert(
                "x5c".into(),
                key.certificates.iter().map(|der| json!(STANDARD.encode(der))).collect(),
            );
        }
        Self { members }
    }

    /// The key's `kid`.
    #[must_use]
    pub fn kid(&self) -> &str {
        self.members.get("kid").and_then(Value::as_str).unwrap_or_default()
    }

    /// The members of the JWK.
    #[must_use]
    pub fn to_json(&self) -> &Map<String, Value> {
        &self.members
    }
}

/// A key set (RFC 7517 §5) of these keys as JSON text.
#[must_use]
pub fn key_set(keys: &[PublishedKey]) -> String {
    json!({"keys": keys.iter().map(|key| key.members.clone()).collect::<Vec<_>>()}).to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jose::{Algorithm, KeyPair, PublicJwk};

    use super::*;

    #[test]
    fn publishes_the_public_half_only() {
        let key = Arc::new(KeyPair::generate(Algorithm::Es256).unwrap());
        let published = PublishedKey::of(&SigningKey {
            id: "k1".into(),
            key: Arc::clone(&key),
            certificates: vec![vec![0xff, 0xff, 0xfe, 0]],
        });
        assert_eq!(published.kid(), "k1");
        let members = published.to_json();
        assert!(!members.contains_key("d"));
        assert_eq!(PublicJwk::parse(members).unwrap().thumbprint(), key.thumbprint());
        assert_eq!(members["x5c"], json!(["///+AA=="]));
        assert!(key_set(&[published]).starts_with("{\"keys\":[{"));
    }
}
