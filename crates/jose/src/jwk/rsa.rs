//! RSA public keys within the limits on what a stranger's key may cost.

use std::sync::OnceLock;

use aws_lc_rs::signature::{
    ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters,
    RsaPublicKeyComponents,
};

use super::JwkError;
use crate::{Algorithm, SignatureError};

/// Smallest RSA modulus in bits (RFC 7518, section 3.3).
const MIN_RSA_BITS: usize = 2048;
/// Largest RSA modulus in bits (decision D17): the sender of a proof chooses the key, so its cost is bounded.
const MAX_RSA_BITS: usize = 4096;

/// An RSA public key; the library's form of it is made once per algorithm, at first use.
pub(super) struct RsaKey {
    pub(super) modulus: Vec<u8>,
    pub(super) exponent: Vec<u8>,
    pub(super) modulus_bits: usize,
    parsed: RsaVerifiers,
}

#[derive(Default)]
struct RsaVerifiers {
    ps256: OnceLock<ParsedPublicKey>,
    ps384: OnceLock<ParsedPublicKey>,
    ps512: OnceLock<ParsedPublicKey>,
    rs256: OnceLock<ParsedPublicKey>,
    rs384: OnceLock<ParsedPublicKey>,
    rs512: OnceLock<ParsedPublicKey>,
}

impl RsaKey {
    /// Checks both numbers, big-endian without leading zeros.
    pub(super) fn new(modulus: Vec<u8>, exponent: Vec<u8>) -> Result<Self, JwkError> {
        let (modulus_bits, exponent_bits) = (bit_length("n", &modulus)?, bit_length("e", &exponent)?);
        if !(MIN_RSA_BITS..=MAX_RSA_BITS).contains(&modulus_bits) {
            return Err(JwkError::RsaSize);
        }
        if !is_odd(&modulus) {
            return Err(JwkError::RsaModulus);
        }
        if !is_odd(&exponent) || !(2..=33).contains(&exponent_bits) {
            return Err(JwkError::RsaExponent);
        }
        Ok(Self { modulus, exponent, modulus_bits, parsed: RsaVerifiers::default() })
    }

    pub(super) fn parsed(&self, algorithm: Algorithm) -> Result<&ParsedPublicKey, SignatureError> {
        let parsed = &self.parsed;
        let (slot, parameters): (_, &'static RsaParameters) = match algorithm {
            Algorithm::Ps256 => (&parsed.ps256, &RSA_PSS_2048_8192_SHA256),
            Algorithm::Ps384 => (&parsed.ps384, &RSA_PSS_2048_8192_SHA384),
            Algorithm::Ps512 => (&parsed.ps512, &RSA_PSS_2048_8192_SHA512),
            Algorithm::Rs256 => (&parsed.rs256, &RSA_PKCS1_2048_8192_SHA256),
            Algorithm::Rs384 => (&parsed.rs384, &RSA_PKCS1_2048_8192_SHA384),
            Algorithm::Rs512 => (&parsed.rs512, &RSA_PKCS1_2048_8192_SHA512),
            Algorithm::Es256
            | Algorithm::Es384
            | Algorithm::Es512
            | Algorithm::EdDsa
            | Algorithm::Ed25519 => {
                return Err(SignatureError::KeyDoesNotFit);
            }
        };
        if let Some(key) = slot.get() {
            return Ok(key);
        }
        let components = RsaPublicKeyComponents { n: &self.modulus, e: &self.exponent };
        let key = components.to_parsed_public_key(parameters).map_err(|_| SignatureError::Invalid)?;
        Ok(slot.get_or_init(|| key))
    }
}

/// Bits of a minimal big-endian number; a leading zero byte or no byte at all is refused.
fn bit_length(name: &'static str, number: &[u8]) -> Result<usize, JwkError> {
    match number.first() {
        Some(first) if *first != 0 => Ok(number.len() * 8 - first.leading_zeros() as usize),
        Some(_) | None => Err(JwkError::WrongLength(name)),
    }
}

fn is_odd(number: &[u8]) -> bool {
    number.last().is_some_and(|last| last & 1 == 1)
}
