//! Public keys for ECDSA (RFC 7518, sections 3.4 and 6.2).

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ECDSA_P521_SHA512_ASN1, ParsedPublicKey,
    VerificationAlgorithm,
};

use super::members::{Members, text};
use super::{JwkError, UNCOMPRESSED};
use crate::crypto::sha256;
use crate::p256::{self, ReturningKey};
use crate::{SignatureError, base64url, der};

/// A point of one of the curves.
#[derive(Clone)]
pub(super) struct EcKey {
    pub(super) curve: Curve,
    /// Uncompressed (SEC 1, section 2.3.3).
    point: Vec<u8>,
    /// The library's form of it, which takes much more work than the check: made when a signature is to be verified.
    parsed: OnceLock<ParsedPublicKey>,
    good_signatures: Count,
    /// For P-256, once there were as many good signatures as tell that the key returns.
    returning: OnceLock<Option<Arc<ReturningKey>>>,
}

/// Good signatures after which a key is one that returns. To make it one costs what it spares in three verifications, so that a
/// key which is never seen again has cost at most twice what was needed.
const RETURNS_AFTER: u32 = 3;

/// How often something happened.
#[derive(Default)]
struct Count(AtomicU32);

impl Count {
    /// How often, this time included.
    fn one_more(&self) -> u32 {
        self.0.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
    }
}

impl Clone for Count {
    fn clone(&self) -> Self {
        Self(AtomicU32::new(self.0.load(Ordering::Relaxed)))
    }
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
        let key = Self {
            curve,
            point,
            parsed: OnceLock::new(),
            good_signatures: Count::default(),
            returning: OnceLock::new(),
        };
        if key.is_on_curve() { Ok(key) } else { Err(JwkError::NotOnCurve) }
    }

    fn is_on_curve(&self) -> bool {
        match self.curve {
            Curve::P256 => self.p256_coordinates().is_some_and(|(x, y)| p256::is_on_curve(x, y)),
            // No check of our own for curves that are hardly used.
            Curve::P384 | Curve::P521 => self.parsed().is_ok(),
        }
    }

    /// x and y, big-endian.
    pub(super) fn coordinates(&self) -> (&[u8], &[u8]) {
        let both = self.point.split_first().map_or(&[][..], |(_, both)| both);
        both.split_at_checked(self.curve.coordinate_bytes()).unwrap_or_default()
    }

    fn p256_coordinates(&self) -> Option<(&[u8; 32], &[u8; 32])> {
        let (x, y) = self.coordinates();
        Some((x.try_into().ok()?, y.try_into().ok()?))
    }

    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        if signature.len() != 2 * self.curve.coordinate_bytes() {
            return Err(SignatureError::Invalid);
        }
        if let Some(Some(key)) = self.returning.get()
            && let ([r, s], []) = signature.as_chunks()
            && let Some(is_good) = key.verifies(&sha256(message), r, s)
        {
            return if is_good { Ok(()) } else { Err(SignatureError::Invalid) };
        }
        // The library verifies DER only. It would write it as well, by way of its large numbers.
        let signature = der::ecdsa_signature(signature);
        self.parsed()?.verify_sig(message, &signature).map_err(|_| SignatureError::Invalid)?;
        if self.good_signatures.one_more() == RETURNS_AFTER {
            self.returning.get_or_init(|| self.returning().map(Arc::new));
        }
        Ok(())
    }

    /// What makes the next verifications quicker, where there is such a thing.
    fn returning(&self) -> Option<ReturningKey> {
        match self.curve {
            Curve::P256 => self.p256_coordinates().and_then(|(x, y)| ReturningKey::new(x, y)),
            Curve::P384 | Curve::P521 => None,
        }
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

#[cfg(test)]
mod tests {
    use super::super::{Material, PublicJwk};
    use crate::{Algorithm, KeyPair};

    fn returns(key: &PublicJwk) -> bool {
        matches!(&key.material, Material::Ec(key) if matches!(key.returning.get(), Some(Some(_))))
    }

    #[test]
    fn a_key_returns_with_its_third_good_signature() {
        let pair = KeyPair::generate(Algorithm::Es256).unwrap();
        let key = PublicJwk::parse(&pair.public_jwk().to_json()).unwrap();
        let verify = |message| key.verify(Algorithm::Es256, message, &pair.sign(b"signed").unwrap()).is_ok();
        for (message, is_good, returns_then) in [
            (&b"signed"[..], true, false),
            (b"other", false, false),
            (b"other", false, false),
            (b"signed", true, false),
            (b"other", false, false),
            (b"signed", true, true),
            (b"other", false, true),
            (b"signed", true, true),
        ] {
            assert_eq!((verify(message), returns(&key)), (is_good, returns_then));
        }
        assert!(returns(&key.clone()), "clones share what was made");
    }

    #[test]
    fn keys_of_other_curves_stay_with_the_library() {
        let pair = KeyPair::generate(Algorithm::Es384).unwrap();
        let signature = pair.sign(b"signed").unwrap();
        for _ in 0..4 {
            assert_eq!(pair.public_jwk().verify(Algorithm::Es384, b"signed", &signature), Ok(()));
        }
        assert!(!returns(pair.public_jwk()));
    }
}
