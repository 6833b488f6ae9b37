//! The claims of a proof, read once with their types (RFC 9449 §4.2, §4.3 (3)).

use jose::UnixTime;
use jose::json::{Borrowed, Object};

use crate::access_token_hash::AccessTokenHash;
use crate::error::ProofError;
use crate::policy::Policy;

/// The claims that a proof can carry. Unknown ones are ignored (RFC 9449 §4.2).
///
/// ```
/// use dpop::{Policy, ProofBuilder, UnverifiedProof};
/// use jose::{Algorithm, KeyPair, UnixTime};
///
/// let (key, now) = (KeyPair::generate(Algorithm::Es256)?, UnixTime::from_seconds(1_800_000_000));
/// let proof = ProofBuilder::new(&key, "POST", "https://issuer.example/token").sign(now)?;
/// let proof = UnverifiedProof::parse(&proof, &Policy::rfc9449())?;
/// let claims = proof.claims();
/// assert_eq!((claims.iat, claims.ath.is_some()), (now, false));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
    pub(crate) fn from_json(claims: &Object<'_>, policy: &Policy) -> Result<Self, ProofError> {
        let claims = WrittenClaims::find(claims);
        Ok(Self {
            jti: text(claims.jti, "jti", policy.max_jti_bytes)?,
            // Longer than every registered method, short enough to be compared for free.
            htm: text(claims.htm, "htm", 64)?,
            htu: text(claims.htu, "htu", policy.max_htu_bytes)?,
            iat: time(claims.iat, "iat")?.ok_or(ProofError::MissingClaim("iat"))?,
            ath: match claims.ath {
                None => None,
                Some(Borrowed::String(ath)) => {
                    Some(AccessTokenHash::parse(ath).ok_or(ProofError::BadClaim("ath"))?)
                }
                Some(_) => return Err(ProofError::BadClaim("ath")),
            },
            nonce: match claims.nonce {
                None => None,
                Some(Borrowed::String(nonce)) => Some(nonce.to_string()),
                Some(_) => return Err(ProofError::BadClaim("nonce")),
            },
            exp: time(claims.exp, "exp")?,
            nbf: time(claims.nbf, "nbf")?,
        })
    }
}

/// The claims of meaning as they are written, each found in one walk through all.
#[derive(Default)]
struct WrittenClaims<'c> {
    jti: Option<&'c Borrowed<'c>>,
    htm: Option<&'c Borrowed<'c>>,
    htu: Option<&'c Borrowed<'c>>,
    iat: Option<&'c Borrowed<'c>>,
    ath: Option<&'c Borrowed<'c>>,
    nonce: Option<&'c Borrowed<'c>>,
    exp: Option<&'c Borrowed<'c>>,
    nbf: Option<&'c Borrowed<'c>>,
}

impl<'c> WrittenClaims<'c> {
    fn find(claims: &'c Object<'c>) -> Self {
        let mut found = Self::default();
        for (name, value) in claims.iter() {
            match name {
                "jti" => found.jti = Some(value),
                "htm" => found.htm = Some(value),
                "htu" => found.htu = Some(value),
                "iat" => found.iat = Some(value),
                "ath" => found.ath = Some(value),
                "nonce" => found.nonce = Some(value),
                "exp" => found.exp = Some(value),
                "nbf" => found.nbf = Some(value),
                _ => {}
            }
        }
        found
    }
}

fn text(claim: Option<&Borrowed<'_>>, name: &'static str, max_bytes: usize) -> Result<String, ProofError> {
    match claim {
        None => Err(ProofError::MissingClaim(name)),
        // White space alone identifies nothing.
        Some(Borrowed::String(text)) if text.trim().is_empty() => Err(ProofError::BadClaim(name)),
        Some(Borrowed::String(text)) if text.len() > max_bytes => Err(ProofError::ClaimTooLong(name)),
        Some(Borrowed::String(text)) => Ok(text.to_string()),
        Some(_) => Err(ProofError::BadClaim(name)),
    }
}

/// A NumericDate; beyond the range it is clamped and fails the window.
fn time(claim: Option<&Borrowed<'_>>, name: &'static str) -> Result<Option<UnixTime>, ProofError> {
    match claim {
        None => Ok(None),
        Some(Borrowed::Number(number)) => {
            UnixTime::from_number(number).map(Some).ok_or(ProofError::BadClaim(name))
        }
        Some(_) => Err(ProofError::BadClaim(name)),
    }
}
