//! JWK sets of issuers (RFC 7517, section 5): public keys for the signatures of tokens.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::json::{self, JsonError};
use crate::{Algorithm, PublicJwk, der};

/// Why bytes are not a JWK set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwkSetError {
    /// Not one acceptable JSON object.
    #[error("not acceptable JSON: {0}")]
    Json(#[from] JsonError),
    /// No member `keys` that is an array.
    #[error("the member keys is missing or not an array")]
    NoKeys,
}

/// One usable key of an issuer.
///
/// ```
/// use jose::{Algorithm, JwkSet};
///
/// let document = br#"{ "keys": [{ "kty": "EC", "crv": "P-256", "kid": "2027",
///     "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs", "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA" }] }"#;
/// let set = JwkSet::parse(document)?;
/// let key = set.keys().first().ok_or("no key")?;
/// assert_eq!((key.kid.as_deref(), key.algorithm), (Some("2027"), None));
/// assert!(key.key.fits(Algorithm::Es256));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct IssuerKey {
    /// `kid`, if the issuer gave one. Not necessarily unique in a set.
    pub kid: Option<String>,
    /// `alg`, if the issuer named one.
    pub algorithm: Option<Algorithm>,
    /// `x5c`: DER certificates, the key's own first. Not validated here.
    pub x5c: Vec<Vec<u8>>,
    /// The key.
    pub key: PublicJwk,
}

/// The usable keys of an issuer, parsed once.
///
/// ```
/// use jose::{Algorithm, JwkSet};
///
/// let document = br#"{ "keys": [{ "kty": "EC", "crv": "P-256", "kid": "2027",
///     "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs", "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA" }] }"#;
/// let set = JwkSet::parse(document)?;
/// assert_eq!(set.candidates(Some("2027"), Algorithm::Es256).count(), 1);
/// assert_eq!(set.candidates(Some("2026"), Algorithm::Es256).count(), 0);
/// # Ok::<(), jose::JwkSetError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct JwkSet {
    keys: Vec<IssuerKey>,
    skipped: usize,
}

impl JwkSet {
    /// Parses a set and leaves out entries that can not verify a signature: symmetric or private keys, `use` other than `sig`, `key_ops`
    /// without `verify`, foreign `alg`, unknown types, broken keys, broken `x5c` (RFC 7517, section 5, asks to ignore what is not
    /// understood). A set without any usable key is a set all the same.
    ///
    /// # Errors
    ///
    /// A [`JwkSetError`] when the set itself is not one.
    pub fn parse(bytes: &[u8]) -> Result<Self, JwkSetError> {
        let set = json::parse_object(bytes, json::MAX_DEPTH)?;
        let entries = set.get("keys").and_then(Value::as_array).ok_or(JwkSetError::NoKeys)?;
        let keys: Vec<IssuerKey> =
            entries.iter().filter_map(Value::as_object).filter_map(IssuerKey::parse).collect();
        Ok(Self { skipped: entries.len() - keys.len(), keys })
    }

    /// The usable keys in the issuer's order.
    #[must_use]
    pub fn keys(&self) -> &[IssuerKey] {
        &self.keys
    }

    /// The set of those keys for which `keep` holds. The others count as skipped.
    #[must_use]
    pub fn filter(&self, mut keep: impl FnMut(&IssuerKey) -> bool) -> Self {
        let keys: Vec<IssuerKey> = self.keys.iter().filter(|key| keep(key)).cloned().collect();
        Self { skipped: self.skipped + self.keys.len() - keys.len(), keys }
    }

    /// How many entries were left out as unusable.
    #[must_use]
    pub const fn skipped(&self) -> usize {
        self.skipped
    }

    /// The keys that may have signed a token with this header: those with its `kid`, or, for a token without one, all; and of them those
    /// that fit the algorithm. Issuers repeat a `kid` at times, so there may be several.
    pub fn candidates<'a>(
        &'a self,
        kid: Option<&'a str>,
        algorithm: Algorithm,
    ) -> impl Iterator<Item = &'a IssuerKey> + 'a {
        self.keys
            .iter()
            .filter(move |key| (kid.is_none() || key.kid.as_deref() == kid) && key.key.fits(algorithm))
    }
}

impl IssuerKey {
    fn parse(members: &Map<String, Value>) -> Option<Self> {
        let key = PublicJwk::parse(members).ok()?;
        if !key.fits(key.default_algorithm()) {
            return None;
        }
        let kid = match members.get("kid") {
            None => None,
            Some(Value::String(kid)) => Some(kid.clone()),
            Some(_) => return None,
        };
        let x5c = match members.get("x5c") {
            None => Vec::new(),
            Some(Value::Array(certificates)) => {
                certificates.iter().map(certificate).collect::<Option<_>>()?
            }
            Some(_) => return None,
        };
        Some(Self { kid, algorithm: key.algorithm_member(), x5c, key })
    }
}

/// A certificate of `x5c`: base64 with padding, not base64url (RFC 7517, section 4.7).
fn certificate(value: &Value) -> Option<Vec<u8>> {
    STANDARD.decode(value.as_str()?).ok().filter(|bytes| der::is_one_sequence(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
    const Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";

    fn with(mut extra: Value) -> Value {
        let members = extra.as_object_mut().unwrap();
        for (name, value) in [("kty", "EC"), ("crv", "P-256"), ("x", X), ("y", Y)] {
            members.entry(name).or_insert(json!(value));
        }
        extra
    }

    fn set(entries: Value) -> JwkSet {
        JwkSet::parse(json!({"keys": entries, "other": 1}).to_string().as_bytes()).unwrap()
    }

    #[test]
    fn skips_entries_that_can_not_verify() {
        let unusable = [
            json!({"kty": "oct", "kid": "a", "k": "AAAA"}),
            with(json!({"use": "enc"})),
            with(json!({"d": "AQ"})),
            with(json!({"key_ops": ["sign"]})),
            with(json!({"alg": "ECDH-ES"})),
            with(json!({"alg": "ES384"})),
            with(json!({"y": X})),
            with(json!({"kid": 1})),
            with(json!({"x5c": "AA=="})),
            with(json!({"x5c": ["AA=="]})),
            with(json!({"x5c": ["not base64"]})),
            json!("key"),
            json!(null),
        ];
        for entry in &unusable {
            let set = set(json!([entry, with(json!({"kid": "good", "alg": "ES256", "use": "sig"}))]));
            assert_eq!(set.keys().len(), 1, "{entry}");
            assert_eq!(set.skipped(), 1);
            assert_eq!(set.keys()[0].kid.as_deref(), Some("good"));
            assert_eq!(set.keys()[0].algorithm, Some(Algorithm::Es256));
        }
    }

    #[test]
    fn refuses_what_is_no_set() {
        assert_eq!(JwkSet::parse(b"{}").map(drop), Err(JwkSetError::NoKeys));
        assert_eq!(JwkSet::parse(br#"{"keys":{}}"#).map(drop), Err(JwkSetError::NoKeys));
        assert_eq!(JwkSet::parse(b"[]").map(drop), Err(JwkSetError::Json(JsonError::NotAnObject)));
        assert!(matches!(JwkSet::parse(b"<html>"), Err(JwkSetError::Json(JsonError::Syntax { .. }))));
        assert_eq!(JwkSet::parse(br#"{"keys":[]}"#).unwrap().keys().len(), 0);
    }

    #[test]
    fn finds_candidates_by_kid_and_algorithm() {
        let set = set(json!([
            with(json!({"kid": "a"})),
            with(json!({"kid": "b"})),
            with(json!({"kid": "b", "alg": "ES256"})),
            with(json!({}))
        ]));
        let count = |kid, algorithm| set.candidates(kid, algorithm).count();
        assert_eq!(count(Some("a"), Algorithm::Es256), 1);
        assert_eq!(count(Some("b"), Algorithm::Es256), 2);
        assert_eq!(count(Some("c"), Algorithm::Es256), 0);
        assert_eq!(count(None, Algorithm::Es256), 4);
        assert_eq!(count(None, Algorithm::Rs256), 0);
    }

    #[test]
    fn filters() {
        let set = set(json!([with(json!({"kid": "a"})), with(json!({"kid": "b"})), "no key"]));
        let filtered = set.filter(|key| key.kid.as_deref() == Some("b"));
        assert_eq!((filtered.keys().len(), filtered.skipped()), (1, 2));
        assert_eq!(filtered.keys()[0].kid.as_deref(), Some("b"));
    }

    #[test]
    fn keeps_certificates() {
        let set = set(json!([with(json!({"x5c": ["MAA=", "MAMCAQA="]}))]));
        assert_eq!(set.keys()[0].x5c, [vec![0x30, 0], vec![0x30, 3, 2, 1, 0]]);
    }
}
