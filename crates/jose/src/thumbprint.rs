//! JWK thumbprints with SHA-256 (RFC 7638), the `jkt` of RFC 9449.

use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{base64url, crypto};

/// SHA-256 thumbprint of a public key (RFC 7638), written as 43 base64url characters.
///
/// Comparison takes constant time (item T3). A thumbprint names a key and is not secret, so it may be shown.
///
/// ```
/// use jose::JwkThumbprint;
///
/// let thumbprint = JwkThumbprint::parse("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I")?;
/// assert_eq!(thumbprint.as_bytes().len(), 32);
/// # Ok::<(), jose::ThumbprintError>(())
/// ```
#[derive(Clone, Copy)]
pub struct JwkThumbprint([u8; 32]);

/// The text is not a SHA-256 thumbprint: not 43 characters, or not canonical base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a SHA-256 thumbprint: 43 characters of base64url without padding expected")]
pub struct ThumbprintError;

impl JwkThumbprint {
    /// Parses the 43 characters of a `jkt` member or a `dpop_jkt` parameter.
    ///
    /// # Errors
    ///
    /// [`ThumbprintError`] for any other length, padding, hex, or spare bits that are not zero.
    pub fn parse(text: &str) -> Result<Self, ThumbprintError> {
        if text.len() != 43 {
            return Err(ThumbprintError);
        }
        base64url::decode_array(text).map(Self).map_err(|_| ThumbprintError)
    }

    /// A thumbprint that was computed elsewhere.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes of the hash.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The 43 characters, all ASCII, of its text.
    #[must_use]
    pub fn to_text(&self) -> [u8; 43] {
        base64url::encode_hash(&self.0)
    }

    /// Hashes the canonical text that the caller built from a validated key.
    pub(crate) fn of_canonical_jwk(text: &str) -> Self {
        Self(crypto::sha256(text.as_bytes()))
    }
}

impl PartialEq for JwkThumbprint {
    fn eq(&self, other: &Self) -> bool {
        crypto::constant_time_eq(&self.0, &other.0)
    }
}

impl Eq for JwkThumbprint {}

impl Hash for JwkThumbprint {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl fmt::Display for JwkThumbprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&base64url::encode(self.0))
    }
}

impl fmt::Debug for JwkThumbprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "JwkThumbprint({self})")
    }
}

impl Serialize for JwkThumbprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for JwkThumbprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t3_takes_43_canonical_characters_only() {
        let text = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
        assert_eq!(JwkThumbprint::parse(text).unwrap().to_string(), text);
        for bad in [
            "",
            "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4",
            "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I=",
            "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4J",
            "0ZcOCORZNYy+DWpqq30jZyJGHTN0d2HglBV3uiguA4I",
            "d1970e08e459358cbe0d6a6aab7d23672246",
        ] {
            assert_eq!(JwkThumbprint::parse(bad).map(|_| ()), Err(ThumbprintError), "{bad}");
        }
    }
}
