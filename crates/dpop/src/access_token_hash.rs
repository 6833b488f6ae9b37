//! The `ath` claim: which access token a proof was made for (RFC 9449 §4.2, §4.3 (12a)).

use std::fmt;

use jose::{base64url, crypto};
use oauth::AccessTokenRef;

/// SHA-256 of an access token: the value of the `ath` claim, and what a nonce is bound to.
///
/// Equality takes constant time.
///
/// ```
/// use dpop::AccessTokenHash;
/// use oauth::AccessToken;
///
/// // RFC 9449 §7.1: the token and the `ath` of its figures.
/// let token = AccessToken::parse("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU")?;
/// assert_eq!(AccessTokenHash::of(&token).to_string(), "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo");
/// # Ok::<(), oauth::AccessTokenError>(())
/// ```
#[derive(Clone, Copy)]
pub struct AccessTokenHash([u8; 32]);

impl AccessTokenHash {
    /// Hashes the ASCII bytes of `token` (RFC 9449 §4.2).
    #[must_use]
    pub fn of<'a>(token: impl Into<AccessTokenRef<'a>>) -> Self {
        let token: AccessTokenRef<'a> = token.into();
        Self(crypto::sha256(token.as_str().as_bytes()))
    }

    /// Reads the claim: 43 characters of canonical, unpadded base64url. `None` for everything else.
    #[must_use]
    pub fn parse(claim: &str) -> Option<Self> {
        if claim.len() != 43 {
            return None;
        }
        base64url::decode_array::<32>(claim).ok().map(Self)
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for AccessTokenHash {
    fn eq(&self, other: &Self) -> bool {
        crypto::constant_time_eq(&self.0, &other.0)
    }
}

impl Eq for AccessTokenHash {}

impl fmt::Display for AccessTokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(self.0))
    }
}

impl fmt::Debug for AccessTokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessTokenHash(…)")
    }
}
