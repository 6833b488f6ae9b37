//! Public keys for ECDSA (RFC 7518, sections 3.4 and 6.2).

use std::sync::OnceLock;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ECDSA_P521_SHA512_ASN1, ParsedPublicKey,
    VerificationAlgorithm,
};

use super::members::{Members, text};
use super::{JwkError, UNCOMPRESSED};
use crate::{SignatureError, base64url, der, p256_point};

/// A point of one of the curves.
#[derive(Clone)]
pub(super) struct EcKey {
    pub(super) curve: Curve,
    /// Uncompressed (SEC 1, section 2.3.3).
    point: Vec<u8>,
    /// The library's form of it, which takes much more work than the check: made when a signature is to be verified.
    parsed: OnceLock<ParsedPublicKey>,
}

impl EcKey {
    pub(super) fn read(members: &Members<'_>) -> Result<Self, JwkError> {
        let curve = match text(members.crv, "crv")? {
            "P-256" => Curve::P256,
            "P-384" => Curve::P384,
            "P-521" => Curve::P521,
            _ => return Err(JwkError::UnsupportedCurve),
        };
        let mut point = Vec::with_capacity(1 + 2 * curve.coordinate_bytes());
        point.push(UNCOMPRESSED);
        for (member, name) in [(members.x, "x"), (members.y, "y")] {
            let bytes = base64url::decode_onto(&mut point, text(member, name)?.as_bytes());
            if bytes.map_err(|_| JwkError::NotBase64Url(name))? != curve.coordinate_bytes() {
                return Err(JwkError::WrongLength(name));
            }
        }
        let key = Self { curve, point, parsed: OnceLock::new() };
        if key.is_on_curve() { Ok(key) } else { Err(JwkError::NotOnCurve) }
    }

    fn is_on_curve(&self) -> bool {
        match (self.curve, self.coordinates()) {
            (Curve::P256, (x, y)) => {
                x.try_into().is_ok_and(|x| y.try_into().is_ok_and(|y| p256_point::is_on_curve(x, y)))
            }
            // No check of our own for curves that are hardly used.
            (Curve::P384 | Curve::P521, _) => self.parsed().is_ok(),
        }
    }

    /// x and y, big-endian.
    pub(super) fn coordinates(&self) -> (&[u8], &[u8]) {
        let both = self.point.split_first().map_or(&[][..], |(_, both)| both);
        both.split_at_checked(self.curve.coordinate_bytes()).unwrap_or_default()
    }

    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        if signature.len() != 2 * self.curve.coordinate_bytes() {
            return Err(SignatureError::Invalid);
        }
        // The library verifies DER only. It would write it as well, by way of its large numbers.
        let signature = der::ecdsa_signature(signature);
        self.parsed()?.verify_sig(message, &signature).map_err(|_| SignatureError::Invalid)
    }

    fn parsed(&self) -> Result<&ParsedPublicKey, SignatureError> {
        if let Some(key) = self.parsed.get() {
            return Ok(key);
        }
        let key = ParsedPublicKey::new(self.curve.verification(), &self.point);
        let key = key.map_err(|_| SignatureError::Invalid)?;
        Ok(self.parsed.get_or_init(|| key))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }

    const fn coordinate_bytes(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    fn verification(self) -> &'static dyn VerificationAlgorithm {
        match self {
            Self::P256 => &ECDSA_P256_SHA256_ASN1,
            Self::P384 => &ECDSA_P384_SHA384_ASN1,
            Self::P521 => &ECDSA_P521_SHA512_ASN1,
        }
    }
}
