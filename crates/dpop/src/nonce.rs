//! Server nonces without per-nonce state (RFC 9449 §8, §9): sealed in heimdall's v1 wire format, byte for byte, so
//! that a mixed fleet with one master key accepts each other's nonces.
//!
//! `b64url(kid) "." b64url(random 32) "." b64url(57 bytes)`. Key = HKDF-SHA256(ikm = ring key, salt = random, info);
//! AES-256-GCM with IV = the first 12 random bytes and the kid as associated data; plaintext =
//! `0x01 ‖ u64be(issued-at) ‖ binding(32)`.

use std::time::Duration;

use jose::{SymmetricKey, UnixTime, base64url, crypto};
use thiserror::Error;

const INFO: &[u8] = b"heimdall/nonce/aes-256-gcm/v1";
const VERSION: u8 = 1;
const SEALED_BYTES: usize = 1 + 8 + 32 + 16;
/// How far in the future another node's clock may be.
const FUTURE_SKEW: Duration = Duration::from_secs(5);
/// Longest nonce that is looked at, in characters; a kid is a few dozen.
const MAX_CHARACTERS: usize = 1024;

/// The binding of a nonce that belongs to no access token: 32 zero bytes, used at authorization servers.
pub const UNBOUND: [u8; 32] = [0; 32];

/// The keys that open nonces, and the one among them that seals. One ring per server: an authorization server and a
/// resource server never share one (R34).
///
/// ```
/// use std::time::Duration;
/// use dpop::{NonceRing, UNBOUND};
/// use jose::{SymmetricKey, UnixTime};
///
/// let key = |kid: &str| SymmetricKey::new(kid, *b"from the secrets of the service!").ok_or("too short");
/// // Seals with the new key, and opens what the old one has sealed.
/// let ring = NonceRing::new(key("2027")?, [key("2026")?])?;
/// let now = UnixTime::from_seconds(1_800_000_000);
/// let nonce = ring.seal(&UNBOUND, now);
/// let accepted = ring.open(&nonce, &UNBOUND, Duration::from_secs(60), now.saturating_add(Duration::from_secs(40)))?;
/// assert!(accepted.refresh_due);
/// assert!(ring.open(&nonce, &[7; 32], Duration::from_secs(60), now).is_err(), "bound to something else");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct NonceRing {
    sealing: SymmetricKey,
    others: Vec<SymmetricKey>,
}

/// The keys that were given can not make a ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a nonce key needs a kid that is not empty")]
pub struct NonceRingError;

/// A nonce that was accepted.
///
/// ```
/// use dpop::AcceptedNonce;
///
/// /// A fresh one goes out before the old one ends.
/// fn must_send_another(accepted: &AcceptedNonce) -> bool {
///     accepted.refresh_due
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AcceptedNonce {
    /// When it was sealed.
    pub issued_at: UnixTime,
    /// It is in the second half of its life or sealed by an older key: send a fresh one with the answer.
    pub refresh_due: bool,
}

/// Why a nonce is not accepted; the answer is always `use_dpop_nonce`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NonceError {
    /// Not three parts of canonical base64url with the right lengths.
    #[error("the nonce is malformed")]
    Malformed,
    /// Sealed by a key that is not in the ring.
    #[error("the nonce was sealed by an unknown key")]
    UnknownKey,
    /// The authentication tag does not verify, or the version is not 1.
    #[error("the nonce was not sealed here")]
    Forged,
    /// Sealed for another access token.
    #[error("the nonce belongs to another access token")]
    OtherBinding,
    /// Older than its life.
    #[error("the nonce has expired")]
    Expired,
    /// Sealed more than 5 s in the future.
    #[error("the nonce was issued in the future")]
    IssuedInFuture,
}

/// Does this request need a nonce?
///
/// ```
/// use std::time::Duration;
/// use dpop::{AccessTokenHash, NonceCheck, NonceRing};
///
/// /// Nonces of a resource server are bound to the token, so that nobody can use another's.
/// fn of_resource<'a>(ring: &'a NonceRing, token: &'a AccessTokenHash) -> NonceCheck<'a> {
///     NonceCheck::Required { ring, binding: token.as_bytes(), lifetime: Duration::from_secs(60) }
/// }
/// ```
#[derive(Debug, Clone, Copy)]
pub enum NonceCheck<'a> {
    /// None is demanded, and one that is there is ignored.
    NotRequired,
    /// One of ours is demanded (RFC 9449 §4.3 (10)).
    Required {
        /// The keys it can be sealed with.
        ring: &'a NonceRing,
        /// SHA-256 of the access token, or [`UNBOUND`].
        binding: &'a [u8; 32],
        /// How long a nonce is accepted; from half of it on a fresh one is due.
        lifetime: Duration,
    },
}

impl NonceRing {
    /// A ring whose `sealing` key issues, while `others` are still accepted.
    ///
    /// # Errors
    ///
    /// [`NonceRingError`] when a key has an empty kid: such a nonce could not be told from others.
    pub fn new(
        sealing: SymmetricKey,
        others: impl IntoIterator<Item = SymmetricKey>,
    ) -> Result<Self, NonceRingError> {
        let others: Vec<_> = others.into_iter().filter(|key| key.kid() != sealing.kid()).collect();
        if sealing.kid().is_empty() || others.iter().any(|key| key.kid().is_empty()) {
            return Err(NonceRingError);
        }
        Ok(Self { sealing, others })
    }

    /// A fresh nonce for `binding`.
    #[must_use]
    pub fn seal(&self, binding: &[u8; 32], now: UnixTime) -> String {
        self.seal_with(&crypto::random::<32>(), binding, now)
    }

    /// As [`NonceRing::seal`] with the random bytes given: for tests against vectors.
    #[must_use]
    pub fn seal_with(&self, random: &[u8; 32], binding: &[u8; 32], now: UnixTime) -> String {
        let mut plaintext = Vec::with_capacity(SEALED_BYTES);
        plaintext.push(VERSION);
        plaintext.extend_from_slice(&now.as_seconds().to_be_bytes());
        plaintext.extend_from_slice(binding);
        let kid = self.sealing.kid().as_bytes();
        let key = crypto::hkdf_sha256(self.sealing.bytes(), random, INFO);
        let sealed = crypto::aes_256_gcm_seal(&key, &initialization_vector(random), kid, &plaintext);
        [base64url::encode(kid), base64url::encode(random), base64url::encode(sealed)].join(".")
    }

    /// Opens a nonce that was sealed for `binding` at most `lifetime` ago.
    ///
    /// # Errors
    ///
    /// [`NonceError`]; every variant is answered with `use_dpop_nonce` and a fresh nonce.
    pub fn open(
        &self,
        nonce: &str,
        binding: &[u8; 32],
        lifetime: Duration,
        now: UnixTime,
    ) -> Result<AcceptedNonce, NonceError> {
        let (kid, random, sealed) = split(nonce).ok_or(NonceError::Malformed)?;
        let is_current = self.sealing.kid().as_bytes() == kid;
        let ring_key = if is_current {
            &self.sealing
        } else {
            self.others.iter().find(|key| key.kid().as_bytes() == kid).ok_or(NonceError::UnknownKey)?
        };
        let key = crypto::hkdf_sha256(ring_key.bytes(), &random, INFO);
        let plaintext = crypto::aes_256_gcm_open(&key, &initialization_vector(&random), &kid, &sealed)
            .map_err(|_| NonceError::Forged)?;
        let (issued_at, sealed_binding) = read_plaintext(&plaintext).ok_or(NonceError::Forged)?;
        if !crypto::constant_time_eq(sealed_binding, binding) {
            return Err(NonceError::OtherBinding);
        }
        if issued_at > now.saturating_add(FUTURE_SKEW) {
            return Err(NonceError::IssuedInFuture);
        }
        if now > issued_at.saturating_add(lifetime) {
            return Err(NonceError::Expired);
        }
        let refresh_due = !is_current || now >= issued_at.saturating_add(lifetime / 2);
        Ok(AcceptedNonce { issued_at, refresh_due })
    }
}

impl std::fmt::Debug for NonceRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NonceRing").field("keys", &(1 + self.others.len())).finish_non_exhaustive()
    }
}

/// Is this text one that may travel in `DPoP-Nonce`: 1*NQCHAR (RFC 9449 §8, RFC 6749 appendix A)?
#[must_use]
pub fn is_nonce_syntax(nonce: &str) -> bool {
    !nonce.is_empty() && nonce.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

fn split(nonce: &str) -> Option<(Vec<u8>, [u8; 32], Vec<u8>)> {
    if nonce.len() > MAX_CHARACTERS {
        return None;
    }
    let mut parts = nonce.split('.');
    let (kid, random, sealed) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || kid.is_empty() {
        return None;
    }
    let sealed = base64url::decode(sealed).ok().filter(|sealed| sealed.len() == SEALED_BYTES)?;
    Some((base64url::decode(kid).ok()?, base64url::decode_array::<32>(random).ok()?, sealed))
}

fn initialization_vector(random: &[u8; 32]) -> [u8; 12] {
    let mut iv = [0; 12];
    iv.copy_from_slice(random.split_at(12).0);
    iv
}

fn read_plaintext(plaintext: &[u8]) -> Option<(UnixTime, &[u8])> {
    let (version, rest) = plaintext.split_first()?;
    let (issued_at, binding) = rest.split_first_chunk::<8>()?;
    let issued_at = i64::from_be_bytes(*issued_at);
    (*version == VERSION && issued_at > 0).then_some((UnixTime::from_seconds(issued_at), binding))
}
