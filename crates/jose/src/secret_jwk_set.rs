//! JWK sets of an operator (RFC 7517, section 5): symmetric keys and private keys, in one file.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::json::{self, JsonError};
use crate::{KeyPair, KeyPairError, jwk};

/// Shortest symmetric key in bytes: 128 bits.
const MIN_SYMMETRIC_BYTES: usize = 16;

/// Why a set of secret keys is not used; positions count from 0. No variant carries input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretJwkSetError {
    /// Not one acceptable JSON object.
    #[error("not acceptable JSON: {0}")]
    Json(#[from] JsonError),
    /// No member `keys` that is an array.
    #[error("the member keys is missing or not an array")]
    NoKeys,
    /// An entry is not an object, or not a key.
    #[error("entry {position} is not a JSON Web Key")]
    NotAKey {
        /// The entry.
        position: usize,
    },
    /// `kid` is missing, empty or not a string.
    #[error("entry {position} has no kid")]
    NoKid {
        /// The entry.
        position: usize,
    },
    /// Two entries have the same `kid`, so that a selector could mean either.
    #[error("entry {position} repeats the kid of an earlier one")]
    DuplicateKid {
        /// The later entry.
        position: usize,
    },
    /// `k` of a symmetric key is missing or not canonical base64url.
    #[error("entry {position} is a symmetric key without a base64url member k")]
    NotSymmetric {
        /// The entry.
        position: usize,
    },
    /// A symmetric key is shorter than 16 bytes.
    #[error("entry {position} is a symmetric key of less than 16 bytes")]
    TooShort {
        /// The entry.
        position: usize,
    },
    /// A private key is not usable.
    #[error("entry {position} is not usable: {reason}")]
    KeyPair {
        /// The entry.
        position: usize,
        /// Why.
        reason: KeyPairError,
    },
}

/// A symmetric key (`kty` `oct`) of at least 16 bytes. `Debug` hides it; it is wiped when dropped.
///
/// ```
/// use jose::SymmetricKey;
///
/// assert!(SymmetricKey::new("2027", *b"sixteen bytes ok").is_some());
/// assert!(SymmetricKey::new("2027", *b"too short").is_none());
/// ```
#[derive(Clone)]
pub struct SymmetricKey {
    kid: String,
    bytes: Zeroizing<Vec<u8>>,
}

impl SymmetricKey {
    /// A key under a name; `None` when the name is empty or the key has less than 16 bytes.
    #[must_use]
    pub fn new(kid: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Option<Self> {
        let key = Self { kid: kid.into(), bytes: Zeroizing::new(bytes.into()) };
        (!key.kid.is_empty() && key.bytes.len() >= MIN_SYMMETRIC_BYTES).then_some(key)
    }

    /// The key's name.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The secret bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for SymmetricKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SymmetricKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// A private key under a name.
///
/// ```
/// use std::sync::Arc;
/// use jose::{Algorithm, IdentifiedKeyPair, KeyPair};
///
/// let key = Arc::new(KeyPair::generate(Algorithm::Es256)?);
/// let signer = IdentifiedKeyPair { kid: "2027".to_owned(), key };
/// # let _ = signer;
/// # Ok::<(), jose::KeyPairError>(())
/// ```
#[derive(Clone, Debug)]
pub struct IdentifiedKeyPair {
    /// `kid` of the key.
    pub kid: String,
    /// The key.
    pub key: Arc<KeyPair>,
}

/// An operator's secret keys in file order; every `kid` occurs once.
///
/// ```
/// use jose::SecretJwkSet;
///
/// let document = br#"{ "keys": [{ "kty": "oct", "kid": "nonces", "k": "ZnJvbSB0aGUgc2VjcmV0cyBvZiB0aGUgc2VydmljZSE" }] }"#;
/// let set = SecretJwkSet::parse(document)?;
/// assert_eq!((set.symmetric_keys().len(), set.key_pairs().len()), (1, 0));
/// # Ok::<(), jose::SecretJwkSetError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct SecretJwkSet {
    symmetric_keys: Vec<SymmetricKey>,
    key_pairs: Vec<IdentifiedKeyPair>,
}

impl SecretJwkSet {
    /// Parses a set. Unlike a foreign set it is the operator's own, so that one bad entry refuses the whole: a key believed to be in use
    /// should not be missing silently.
    ///
    /// # Errors
    ///
    /// A [`SecretJwkSetError`] for the first bad entry: also a public key, or one without a `kid`.
    pub fn parse(bytes: &[u8]) -> Result<Self, SecretJwkSetError> {
        let set = json::parse_object(bytes, json::MAX_DEPTH)?;
        let entries = set.get("keys").and_then(Value::as_array).ok_or(SecretJwkSetError::NoKeys)?;
        let mut keys = Self::default();
        let mut kids = HashSet::new();
        for (position, entry) in entries.iter().enumerate() {
            let members = entry.as_object().ok_or(SecretJwkSetError::NotAKey { position })?;
            let kid = members.get("kid").and_then(Value::as_str).filter(|kid| !kid.is_empty());
            let kid = kid.ok_or(SecretJwkSetError::NoKid { position })?;
            if !kids.insert(kid) {
                return Err(SecretJwkSetError::DuplicateKid { position });
            }
            keys.add(position, kid, members)?;
        }
        Ok(keys)
    }

    fn add(
        &mut self,
        position: usize,
        kid: &str,
        members: &Map<String, Value>,
    ) -> Result<(), SecretJwkSetError> {
        match members.get("kty").and_then(Value::as_str) {
            Some("oct") => {
                let bytes =
                    jwk::bytes(members, "k").map_err(|_| SecretJwkSetError::NotSymmetric { position })?;
                let key = SymmetricKey::new(kid, bytes).ok_or(SecretJwkSetError::TooShort { position })?;
                self.symmetric_keys.push(key);
            }
            Some(_) => {
                let key = KeyPair::from_jwk(members)
                    .map_err(|reason| SecretJwkSetError::KeyPair { position, reason })?;
                self.key_pairs.push(IdentifiedKeyPair { kid: kid.to_owned(), key: Arc::new(key) });
            }
            None => return Err(SecretJwkSetError::NotAKey { position }),
        }
        Ok(())
    }

    /// The symmetric keys in file order.
    #[must_use]
    pub fn symmetric_keys(&self) -> &[SymmetricKey] {
        &self.symmetric_keys
    }

    /// The private keys in file order.
    #[must_use]
    pub fn key_pairs(&self) -> &[IdentifiedKeyPair] {
        &self.key_pairs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Algorithm;
    use serde_json::json;

    fn parse(entries: Value) -> Result<SecretJwkSet, SecretJwkSetError> {
        SecretJwkSet::parse(json!({"keys": entries}).to_string().as_bytes())
    }

    #[test]
    fn reads_both_kinds_in_file_order() {
        let set = parse(json!([
            {"kty": "oct", "kid": "one", "k": "2M0G6EosV6PZq4N2FxmDqkJYb3mHkYaJzMX7Wm3Jj1o"},
            {"kty": "OKP", "crv": "Ed25519", "kid": "signer", "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
             "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
            {"kty": "oct", "kid": "two", "k": "AAAAAAAAAAAAAAAAAAAAAA"},
        ]))
        .unwrap();
        let kids: Vec<_> = set.symmetric_keys().iter().map(SymmetricKey::kid).collect();
        assert_eq!(kids, ["one", "two"]);
        assert_eq!(set.symmetric_keys()[1].bytes(), [0; 16]);
        assert_eq!(set.key_pairs()[0].kid, "signer");
        assert_eq!(set.key_pairs()[0].key.algorithm(), Algorithm::EdDsa);
        let shown = format!("{set:?}");
        assert!(
            shown.contains("one")
                && shown.contains("signer")
                && !shown.contains("[0")
                && !shown.contains("nWGx"),
            "{shown}"
        );
    }

    #[test]
    fn refuses_the_whole_set_for_one_bad_entry() {
        let good = json!({"kty": "oct", "kid": "one", "k": "AAAAAAAAAAAAAAAAAAAAAA"});
        let check = |bad: Value, expected| assert_eq!(parse(json!([good, bad])).map(drop), Err(expected));
        let position = 1;
        check(json!(null), SecretJwkSetError::NotAKey { position });
        check(json!({"kid": "x"}), SecretJwkSetError::NotAKey { position });
        check(json!({"kty": "oct", "k": "AAAAAAAAAAAAAAAAAAAAAA"}), SecretJwkSetError::NoKid { position });
        check(
            json!({"kty": "oct", "kid": "", "k": "AAAAAAAAAAAAAAAAAAAAAA"}),
            SecretJwkSetError::NoKid { position },
        );
        check(good.clone(), SecretJwkSetError::DuplicateKid { position });
        check(json!({"kty": "oct", "kid": "x"}), SecretJwkSetError::NotSymmetric { position });
        check(json!({"kty": "oct", "kid": "x", "k": "AA=="}), SecretJwkSetError::NotSymmetric { position });
        check(
            json!({"kty": "oct", "kid": "x", "k": "AAAAAAAAAAAAAAAAAAAA"}),
            SecretJwkSetError::TooShort { position },
        );
        let public = json!({"kty": "OKP", "crv": "Ed25519", "kid": "x", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
        assert!(matches!(parse(json!([public])), Err(SecretJwkSetError::KeyPair { position: 0, .. })));
    }
}
