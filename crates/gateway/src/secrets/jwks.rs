//! `jwks` sources: a JWK set (RFC 7517 §5) with symmetric and private keys, selected by `kid`.

use gateway_core::document::{Diagnostics, Spanned};
use gateway_core::secrets::{SecretContent, SigningKey};
use jose::SecretJwkSet;

use super::report_unreadable;

pub(super) fn read(
    path: &Spanned<String>,
    bytes: &[u8],
    diagnostics: &mut Diagnostics,
) -> Option<SecretContent> {
    let set = match SecretJwkSet::parse(bytes) {
        Ok(set) => set,
        Err(error) => {
            report_unreadable(path, &error.to_string(), diagnostics);
            return None;
        }
    };
    if set.symmetric_keys().is_empty() && set.key_pairs().is_empty() {
        report_unreadable(path, "it holds no keys", diagnostics);
        return None;
    }
    let signing = set.key_pairs().iter().map(|pair| SigningKey {
        id: pair.kid.clone(),
        key: std::sync::Arc::clone(&pair.key),
        certificates: Vec::new(),
    });
    Some(SecretContent::Keys { symmetric: set.symmetric_keys().to_vec(), signing: signing.collect() })
}
