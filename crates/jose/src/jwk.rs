//! Public keys as JSON Web Keys (RFC 7517; RFC 7518, section 6; RFC 8037), checked before anything is computed with them.
//!
//! A [`PublicJwk`] can only be made by [`PublicJwk::parse`], so holding one means: no private or symmetric member was present, lengths are
//! exact, the point is on its curve, RSA numbers are within limits. The thumbprint is computed from the checked key, not from input text.

use std::fmt;
use std::sync::{Arc, OnceLock};

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519, ParsedPublicKey,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters,
    RsaPublicKeyComponents, VerificationAlgorithm,
};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::ed25519_point::{self, PointRefusal};
use crate::{Algorithm, JwkThumbprint, SignatureError, base64url};

/// Members that only private or symmetric keys have (RFC 7518, section 6; RFC 9964). Their presence alone refuses a public key (D14).
const PRIVATE_MEMBERS: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

/// Smallest RSA modulus in bits (RFC 7518, section 3.3).
const MIN_RSA_BITS: usize = 2048;
/// Largest RSA modulus in bits (decision D17): the sender of a proof chooses the key, so its cost is bounded.
const MAX_RSA_BITS: usize = 4096;

/// Why a JSON object is not an acceptable public key. No variant carries input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwkError {
    /// A member of a private or symmetric key is present, even if it is null or empty (RFC 9449, section 4.3, item 7).
    #[error("the key has a private or symmetric member")]
    PrivateMember,
    /// A required member is missing.
    #[error("the key lacks the member {0}")]
    MissingMember(&'static str),
    /// A member has the wrong JSON type.
    #[error("the member {0} has the wrong type")]
    WrongType(&'static str),
    /// A member is not canonical base64url.
    #[error("the member {0} is not canonical base64url")]
    NotBase64Url(&'static str),
    /// A member has the wrong number of bytes for its curve, or leading zero bytes.
    #[error("the member {0} has the wrong length")]
    WrongLength(&'static str),
    /// `kty` is none of `EC`, `RSA`, `OKP`.
    #[error("the key type is not supported")]
    UnsupportedKeyType,
    /// `crv` is none of `P-256`, `P-384`, `P-521`, `Ed25519`.
    #[error("the curve is not supported")]
    UnsupportedCurve,
    /// The coordinates are not those of a point of the curve.
    #[error("the point is not on the curve")]
    NotOnCurve,
    /// The encoding of an Ed25519 point is not the canonical one.
    #[error("the point is not encoded canonically")]
    NotCanonicalPoint,
    /// The Ed25519 point has small order.
    #[error("the point has small order")]
    SmallOrder,
    /// The RSA modulus is below 2048 or above 4096 bits.
    #[error("the RSA modulus is not between 2048 and 4096 bits")]
    RsaSize,
    /// The RSA modulus is even.
    #[error("the RSA modulus is even")]
    RsaModulus,
    /// The RSA exponent is even, below 3, or 2^33 and above.
    #[error("the RSA exponent is not odd and between 3 and 2^33")]
    RsaExponent,
    /// The cryptographic library refuses the key.
    #[error("the key is not usable")]
    Unusable,
}

/// A checked public key for signatures. Cheap to clone.
///
/// Two keys are equal when their thumbprints are: `alg`, `use`, `key_ops` do not count.
#[derive(Clone)]
pub struct PublicJwk {
    material: Material,
    thumbprint: JwkThumbprint,
    restriction: Restriction,
}

#[derive(Clone)]
enum Material {
    Ec { curve: Curve, x: Vec<u8>, y: Vec<u8>, key: ParsedPublicKey },
    Ed25519 { x: [u8; 32], key: ParsedPublicKey },
    Rsa(Arc<RsaKey>),
}

/// What the optional members say about the use of the key.
#[derive(Clone, Copy)]
struct Restriction {
    algorithm: AlgorithmMember,
    verifies: bool,
}

#[derive(Clone, Copy)]
enum AlgorithmMember {
    Absent,
    Known(Algorithm),
    Foreign,
}

impl PublicJwk {
    /// Checks the members of a JWK (RFC 7517, section 4).
    ///
    /// Unknown members are allowed and dropped. `use` other than `sig`, `key_ops` without `verify` and a foreign `alg` do not fail here:
    /// such a key [fits](Self::fits) no algorithm.
    ///
    /// # Errors
    ///
    /// A [`JwkError`]; the first that applies, private members before all else.
    pub fn parse(members: &Map<String, Value>) -> Result<Self, JwkError> {
        if PRIVATE_MEMBERS.iter().any(|name| members.contains_key(*name)) {
            return Err(JwkError::PrivateMember);
        }
        Self::parse_public_part(members)
    }

    /// As [`parse`](Self::parse), but looks only at public members; for the public half of a private key.
    pub(crate) fn parse_public_part(members: &Map<String, Value>) -> Result<Self, JwkError> {
        let restriction = Restriction::parse(members)?;
        match string(members, "kty")? {
            "EC" => Self::parse_ec(members, restriction),
            "OKP" => Self::parse_okp(members, restriction),
            "RSA" => Self::parse_rsa(members, restriction),
            _ => Err(JwkError::UnsupportedKeyType),
        }
    }

    fn parse_ec(members: &Map<String, Value>, restriction: Restriction) -> Result<Self, JwkError> {
        let curve = match string(members, "crv")? {
            "P-256" => Curve::P256,
            "P-384" => Curve::P384,
            "P-521" => Curve::P521,
            _ => return Err(JwkError::UnsupportedCurve),
        };
        let coordinate = |name| {
            let bytes = bytes(members, name)?;
            if bytes.len() == curve.coordinate_bytes() { Ok(bytes) } else { Err(JwkError::WrongLength(name)) }
        };
        let (x, y) = (coordinate("x")?, coordinate("y")?);
        let point: Vec<u8> = [&[UNCOMPRESSED], x.as_slice(), y.as_slice()].concat();
        let key = ParsedPublicKey::new(curve.verification(), point).map_err(|_| JwkError::NotOnCurve)?;
        let canonical = format!(
            r#"{{"crv":"{}","kty":"EC","x":"{}","y":"{}"}}"#,
            curve.as_str(),
            base64url::encode(&x),
            base64url::encode(&y)
        );
        Ok(Self::new(Material::Ec { curve, x, y, key }, &canonical, restriction))
    }

    fn parse_okp(members: &Map<String, Value>, restriction: Restriction) -> Result<Self, JwkError> {
        if string(members, "crv")? != "Ed25519" {
            return Err(JwkError::UnsupportedCurve);
        }
        let x: [u8; 32] = bytes(members, "x")?.try_into().map_err(|_| JwkError::WrongLength("x"))?;
        ed25519_point::check(&x).map_err(|refusal| match refusal {
            PointRefusal::NotCanonical => JwkError::NotCanonicalPoint,
            PointRefusal::SmallOrder => JwkError::SmallOrder,
            PointRefusal::NotOnCurve => JwkError::NotOnCurve,
        })?;
        let key = ParsedPublicKey::new(&ED25519, x).map_err(|_| JwkError::NotOnCurve)?;
        let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, base64url::encode(x));
        Ok(Self::new(Material::Ed25519 { x, key }, &canonical, restriction))
    }

    fn parse_rsa(members: &Map<String, Value>, restriction: Restriction) -> Result<Self, JwkError> {
        let (modulus, exponent) = (bytes(members, "n")?, bytes(members, "e")?);
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
        let canonical = format!(
            r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#,
            base64url::encode(&exponent),
            base64url::encode(&modulus)
        );
        let key = RsaKey { modulus, exponent, modulus_bits, parsed: Default::default() };
        Ok(Self::new(Material::Rsa(Arc::new(key)), &canonical, restriction))
    }

    fn new(material: Material, canonical: &str, restriction: Restriction) -> Self {
        Self { material, thumbprint: JwkThumbprint::of_canonical_jwk(canonical), restriction }
    }

    /// Whether this key may verify signatures of this algorithm: by `kty` and `crv`, and by `alg`, `use` and `key_ops` where present.
    #[must_use]
    pub fn fits(&self, algorithm: Algorithm) -> bool {
        let allowed = match self.restriction.algorithm {
            AlgorithmMember::Absent => true,
            AlgorithmMember::Known(member) => member.is_same_as(algorithm),
            AlgorithmMember::Foreign => false,
        };
        allowed && self.restriction.verifies && self.is_of_type_for(algorithm)
    }

    /// Whether `kty` and `crv` are those of the algorithm, whatever the other members say.
    #[must_use]
    pub fn is_of_type_for(&self, algorithm: Algorithm) -> bool {
        match (algorithm, &self.material) {
            (Algorithm::Es256, Material::Ec { curve: Curve::P256, .. })
            | (Algorithm::Es384, Material::Ec { curve: Curve::P384, .. })
            | (Algorithm::Es512, Material::Ec { curve: Curve::P521, .. })
            | (
                Algorithm::Ps256
                | Algorithm::Ps384
                | Algorithm::Ps512
                | Algorithm::Rs256
                | Algorithm::Rs384
                | Algorithm::Rs512,
                Material::Rsa(_),
            )
            | (Algorithm::EdDsa | Algorithm::Ed25519, Material::Ed25519 { .. }) => true,
            (
                Algorithm::Es256
                | Algorithm::Es384
                | Algorithm::Es512
                | Algorithm::Ps256
                | Algorithm::Ps384
                | Algorithm::Ps512
                | Algorithm::Rs256
                | Algorithm::Rs384
                | Algorithm::Rs512
                | Algorithm::EdDsa
                | Algorithm::Ed25519,
                Material::Ec { .. } | Material::Ed25519 { .. } | Material::Rsa(_),
            ) => false,
        }
    }

    /// The SHA-256 thumbprint (RFC 7638), computed when the key was parsed.
    #[must_use]
    pub const fn thumbprint(&self) -> JwkThumbprint {
        self.thumbprint
    }

    /// The algorithm to use with this key where nobody says otherwise: its `alg` member, else by type. RSA gets PS256 below 3072 bits,
    /// PS384 below 4096, PS512 at 4096.
    #[must_use]
    pub fn default_algorithm(&self) -> Algorithm {
        if let AlgorithmMember::Known(algorithm) = self.restriction.algorithm
            && self.is_of_type_for(algorithm)
        {
            return algorithm;
        }
        match &self.material {
            Material::Ec { curve: Curve::P256, .. } => Algorithm::Es256,
            Material::Ec { curve: Curve::P384, .. } => Algorithm::Es384,
            Material::Ec { curve: Curve::P521, .. } => Algorithm::Es512,
            Material::Ed25519 { .. } => Algorithm::EdDsa,
            Material::Rsa(key) if key.modulus_bits < 3072 => Algorithm::Ps256,
            Material::Rsa(key) if key.modulus_bits < 4096 => Algorithm::Ps384,
            Material::Rsa(_) => Algorithm::Ps512,
        }
    }

    /// The `alg` member, when it names an algorithm this crate supports.
    #[must_use]
    pub fn algorithm_member(&self) -> Option<Algorithm> {
        match self.restriction.algorithm {
            AlgorithmMember::Known(algorithm) => Some(algorithm),
            AlgorithmMember::Absent | AlgorithmMember::Foreign => None,
        }
    }

    /// Checks a JWS signature over `message` (RFC 7518, sections 3.3 to 3.5; RFC 8037, section 3.1).
    ///
    /// ECDSA signatures are r and s concatenated, 64, 96 or 132 bytes; DER is refused, high s is accepted (decision D12).
    ///
    /// # Errors
    ///
    /// [`SignatureError::KeyDoesNotFit`] when [`fits`](Self::fits) says no, else [`SignatureError::Invalid`].
    pub fn verify(
        &self,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        if !self.fits(algorithm) {
            return Err(SignatureError::KeyDoesNotFit);
        }
        let (key, signature_bytes) = match &self.material {
            Material::Ec { curve, key, .. } => (key, 2 * curve.coordinate_bytes()),
            Material::Ed25519 { key, .. } => (key, 64),
            Material::Rsa(rsa) => (rsa.parsed(algorithm)?, rsa.modulus.len()),
        };
        if signature.len() != signature_bytes {
            return Err(SignatureError::Invalid);
        }
        key.verify_sig(message, signature).map_err(|_| SignatureError::Invalid)
    }

    /// The key as a JWK: `kty` and the public members, nothing else.
    #[must_use]
    pub fn to_json(&self) -> Map<String, Value> {
        let members = match &self.material {
            Material::Ec { curve, x, y, .. } => {
                vec![
                    ("kty", "EC".to_owned()),
                    ("crv", curve.as_str().to_owned()),
                    ("x", base64url::encode(x)),
                    ("y", base64url::encode(y)),
                ]
            }
            Material::Ed25519 { x, .. } => {
                vec![("kty", "OKP".to_owned()), ("crv", "Ed25519".to_owned()), ("x", base64url::encode(x))]
            }
            Material::Rsa(key) => {
                vec![
                    ("kty", "RSA".to_owned()),
                    ("n", base64url::encode(&key.modulus)),
                    ("e", base64url::encode(&key.exponent)),
                ]
            }
        };
        members.into_iter().map(|(name, value)| (name.to_owned(), Value::String(value))).collect()
    }
}

impl Serialize for PublicJwk {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

impl PartialEq for PublicJwk {
    fn eq(&self, other: &Self) -> bool {
        self.thumbprint == other.thumbprint
    }
}

impl Eq for PublicJwk {}

impl fmt::Debug for PublicJwk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PublicJwk({} {})", self.default_algorithm(), self.thumbprint)
    }
}

impl Restriction {
    fn parse(members: &Map<String, Value>) -> Result<Self, JwkError> {
        let algorithm = match members.get("alg") {
            None => AlgorithmMember::Absent,
            Some(Value::String(name)) => {
                name.parse().map_or(AlgorithmMember::Foreign, AlgorithmMember::Known)
            }
            Some(_) => return Err(JwkError::WrongType("alg")),
        };
        let for_signatures = match members.get("use") {
            None => true,
            Some(Value::String(name)) => name == "sig",
            Some(_) => return Err(JwkError::WrongType("use")),
        };
        let may_verify = match members.get("key_ops") {
            None => true,
            Some(Value::Array(operations)) if operations.iter().all(Value::is_string) => {
                operations.iter().any(|name| name == "verify")
            }
            Some(_) => return Err(JwkError::WrongType("key_ops")),
        };
        Ok(Self { algorithm, verifies: for_signatures && may_verify })
    }
}

/// An RSA public key; the library's form of it is made once per algorithm, at first use.
struct RsaKey {
    modulus: Vec<u8>,
    exponent: Vec<u8>,
    modulus_bits: usize,
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
    fn parsed(&self, algorithm: Algorithm) -> Result<&ParsedPublicKey, SignatureError> {
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    const fn as_str(self) -> &'static str {
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
            Self::P256 => &ECDSA_P256_SHA256_FIXED,
            Self::P384 => &ECDSA_P384_SHA384_FIXED,
            Self::P521 => &ECDSA_P521_SHA512_FIXED,
        }
    }
}

fn string<'a>(members: &'a Map<String, Value>, name: &'static str) -> Result<&'a str, JwkError> {
    members.get(name).ok_or(JwkError::MissingMember(name))?.as_str().ok_or(JwkError::WrongType(name))
}

/// The decoded value of a base64url member.
pub(crate) fn bytes(members: &Map<String, Value>, name: &'static str) -> Result<Vec<u8>, JwkError> {
    base64url::decode(string(members, name)?).map_err(|_| JwkError::NotBase64Url(name))
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

/// First byte of an uncompressed point (SEC 1, section 2.3.3).
pub(crate) const UNCOMPRESSED: u8 = 4;
