//! The claims of a proof, read once with their types (RFC 9449 §4.2, §4.3 (3)).

use jose::UnixTime;
use serde_json::{Map, Value};

use crate::access_token_hash::AccessTokenHash;
use crate::error::ProofError;
use crate::policy::Policy;

/// The claims that a proof can carry. Unknown ones are ignored (RFC 9449 §4.2).
#[derive(Clone)]
pub struct ProofClaims {
    /// Unique identifier of the proof: 1 byte to [`Policy::max_jti_bytes`], not only white space.
    pub jti: String,
    /// Method of the request the proof was made for.
    pub htm: String,
    /// Target URI of that request, as written by the sender.
    pub htu: String,
    /// When the proof was made; a fraction is floored (D19).
    pub iat: UnixTime,
    /// Hash of the access token that goes along; always there on a resource request.
    pub ath: Option<AccessTokenHash>,
    /// The server's nonce.
    pub nonce: Option<String>,
    /// No longer valid from here on, when present (D20).
    pub exp: Option<UnixTime>,
    /// Not valid before, when present (D20).
    pub nbf: Option<UnixTime>,
}

impl std::fmt::Debug for ProofClaims {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // jti, nonce and ath identify a live proof: not for logs.
        f.debug_struct("ProofClaims").field("htm", &self.htm).field("iat", &self.iat).finish_non_exhaustive()
    }
}

impl ProofClaims {
    /// Reads the claims with their types and limits.
    ///
    /// # Errors
    ///
    /// [`ProofError::MissingClaim`], [`ProofError::BadClaim`] or [`ProofError::ClaimTooLong`].
    pub(crate) fn from_json(claims: &Map<String, Value>, policy: &Policy) -> Result<Self, ProofError> {
        Ok(Self {
            jti: text(claims, "jti", policy.max_jti_bytes)?,
            // Longer than every registered method, short enough to be compared for free.
            htm: text(claims, "htm", 64)?,
            htu: text(claims, "htu", policy.max_htu_bytes)?,
            iat: time(claims, "iat")?.ok_or(ProofError::MissingClaim("iat"))?,
            ath: match claims.get("ath") {
                None => None,
                Some(Value::String(ath)) => {
                    Some(AccessTokenHash::parse(ath).ok_or(ProofError::BadClaim("ath"))?)
                }
                Some(_) => return Err(ProofError::BadClaim("ath")),
            },
            nonce: match claims.get("nonce") {
                None => None,
                Some(Value::String(nonce)) => Some(nonce.clone()),
                Some(_) => return Err(ProofError::BadClaim("nonce")),
            },
            exp: time(claims, "exp")?,
            nbf: time(claims, "nbf")?,
        })
    }
}

fn text(claims: &Map<String, Value>, name: &'static str, max_bytes: usize) -> Result<String, ProofError> {
    match claims.get(name) {
        None => Err(ProofError::MissingClaim(name)),
        // White space alone identifies nothing.
        Some(Value::String(text)) if text.trim().is_empty() => Err(ProofError::BadClaim(name)),
        Some(Value::String(text)) if text.len() > max_bytes => Err(ProofError::ClaimTooLong(name)),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(ProofError::BadClaim(name)),
    }
}

/// A NumericDate; beyond the range it is clamped and fails the window.
fn time(claims: &Map<String, Value>, name: &'static str) -> Result<Option<UnixTime>, ProofError> {
    let Some(claim) = claims.get(name) else { return Ok(None) };
    UnixTime::from_numeric_date(claim).map(Some).ok_or(ProofError::BadClaim(name))
}
