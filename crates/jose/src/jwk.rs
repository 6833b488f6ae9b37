//! Public keys as JSON Web Keys (RFC 7517; RFC 7518, section 6; RFC 8037), checked before anything is computed with them.
//!
//! A [`PublicJwk`] can only be made by [`PublicJwk::parse`], so holding one means: no private or symmetric member was present, lengths are
//! exact, the point is on its curve, RSA numbers are within limits. The thumbprint is computed from the checked key, not from input text.

mod ec;
mod members;
mod rsa;

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::signature::{ED25519, ParsedPublicKey};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use self::ec::{Curve, EcKey};
use self::members::{Member, Members, text};
use self::rsa::RsaKey;
use crate::ed25519_point::{self, PointRefusal};
use crate::json::Object;
use crate::{Algorithm, JwkThumbprint, SignatureError, base64url};

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
///
/// ```
/// use jose::{Algorithm, JwkError, PublicJwk};
/// use serde_json::json;
///
/// // RFC 9449 §4.1.
/// let jwk = json!({
///     "kty": "EC",
///     "crv": "P-256",
///     "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
///     "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
/// });
/// let mut members = jwk.as_object().cloned().ok_or("an object")?;
/// let key = PublicJwk::parse(&members)?;
/// assert!(key.fits(Algorithm::Es256));
/// assert_eq!(key.thumbprint().to_string(), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
///
/// members.insert("d".to_owned(), json!("c2VjcmV0"));
/// assert_eq!(PublicJwk::parse(&members).expect_err("a private key"), JwkError::PrivateMember);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct PublicJwk {
    material: Material,
    thumbprint: JwkThumbprint,
    restriction: Restriction,
}

#[derive(Clone)]
enum Material {
    Ec(EcKey),
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
        Self::from_members(&members.into())
    }

    /// As [`parse`](Self::parse), for members that were read without copying them.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub fn from_object(members: &Object<'_>) -> Result<Self, JwkError> {
        Self::from_members(&members.into())
    }

    fn from_members(members: &Members<'_>) -> Result<Self, JwkError> {
        if members.has_private { Err(JwkError::PrivateMember) } else { Self::from_public_part(members) }
    }

    /// As [`parse`](Self::parse), but looks only at public members; for the public half of a private key.
    pub(crate) fn parse_public_part(members: &Map<String, Value>) -> Result<Self, JwkError> {
        Self::from_public_part(&members.into())
    }

    fn from_public_part(members: &Members<'_>) -> Result<Self, JwkError> {
        let restriction = Restriction::read(members)?;
        let material = match text(members.kty, "kty")? {
            "EC" => Material::Ec(EcKey::read(members)?),
            "OKP" => Self::read_okp(members)?,
            "RSA" => {
                Material::Rsa(Arc::new(RsaKey::new(decoded(members.n, "n")?, decoded(members.e, "e")?)?))
            }
            _ => return Err(JwkError::UnsupportedKeyType),
        };
        Ok(Self { thumbprint: material.thumbprint(), material, restriction })
    }

    fn read_okp(members: &Members<'_>) -> Result<Material, JwkError> {
        if text(members.crv, "crv")? != "Ed25519" {
            return Err(JwkError::UnsupportedCurve);
        }
        let x: [u8; 32] = decoded(members.x, "x")?.try_into().map_err(|_| JwkError::WrongLength("x"))?;
        ed25519_point::check(&x).map_err(|refusal| match refusal {
            PointRefusal::NotCanonical => JwkError::NotCanonicalPoint,
            PointRefusal::SmallOrder => JwkError::SmallOrder,
            PointRefusal::NotOnCurve => JwkError::NotOnCurve,
        })?;
        let key = ParsedPublicKey::new(&ED25519, x).map_err(|_| JwkError::NotOnCurve)?;
        Ok(Material::Ed25519 { x, key })
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
            (Algorithm::Es256, Material::Ec(EcKey { curve: Curve::P256, .. }))
            | (Algorithm::Es384, Material::Ec(EcKey { curve: Curve::P384, .. }))
            | (Algorithm::Es512, Material::Ec(EcKey { curve: Curve::P521, .. }))
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
                Material::Ec(_) | Material::Ed25519 { .. } | Material::Rsa(_),
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
            Material::Ec(EcKey { curve: Curve::P256, .. }) => Algorithm::Es256,
            Material::Ec(EcKey { curve: Curve::P384, .. }) => Algorithm::Es384,
            Material::Ec(EcKey { curve: Curve::P521, .. }) => Algorithm::Es512,
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
    /// A P-256 key that has made three good signatures is one that returns: 4 KB are kept, and the next ones cost less than half.
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
            Material::Ec(key) => return key.verify(message, signature),
            Material::Ed25519 { key, .. } => (key, 64),
            Material::Rsa(key) => (key.parsed(algorithm)?, key.modulus.len()),
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
            Material::Ec(ec) => {
                let (x, y) = ec.coordinates();
                vec![
                    ("kty", "EC".to_owned()),
                    ("crv", ec.curve.as_str().to_owned()),
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

impl Material {
    /// Hashes the required members by name, without white space (RFC 7638, section 3). They are written anew from the checked
    /// key.
    fn thumbprint(&self) -> JwkThumbprint {
        let mut canonical = String::with_capacity(256);
        match self {
            Self::Ec(ec) => {
                let (x, y) = ec.coordinates();
                canonical.push_str(r#"{"crv":""#);
                canonical.push_str(ec.curve.as_str());
                canonical.push_str(r#"","kty":"EC","x":""#);
                base64url::encode_onto(&mut canonical, x);
                canonical.push_str(r#"","y":""#);
                base64url::encode_onto(&mut canonical, y);
            }
            Self::Ed25519 { x, .. } => {
                canonical.push_str(r#"{"crv":"Ed25519","kty":"OKP","x":""#);
                base64url::encode_onto(&mut canonical, x);
            }
            Self::Rsa(key) => {
                canonical.push_str(r#"{"e":""#);
                base64url::encode_onto(&mut canonical, &key.exponent);
                canonical.push_str(r#"","kty":"RSA","n":""#);
                base64url::encode_onto(&mut canonical, &key.modulus);
            }
        }
        canonical.push_str(r#""}"#);
        JwkThumbprint::of_canonical_jwk(&canonical)
    }
}

impl Restriction {
    fn read(members: &Members<'_>) -> Result<Self, JwkError> {
        let algorithm = match members.alg {
            None => AlgorithmMember::Absent,
            Some(Member::Text(name)) => name.parse().map_or(AlgorithmMember::Foreign, AlgorithmMember::Known),
            Some(Member::Texts { .. } | Member::Other) => return Err(JwkError::WrongType("alg")),
        };
        let for_signatures = match members.r#use {
            None => true,
            Some(Member::Text(name)) => name == "sig",
            Some(Member::Texts { .. } | Member::Other) => return Err(JwkError::WrongType("use")),
        };
        let may_verify = match members.key_ops {
            None => true,
            Some(Member::Texts { has_verify }) => has_verify,
            Some(Member::Text(_) | Member::Other) => return Err(JwkError::WrongType("key_ops")),
        };
        Ok(Self { algorithm, verifies: for_signatures && may_verify })
    }
}

/// The decoded value of a base64url member.
pub(crate) fn bytes(members: &Map<String, Value>, name: &'static str) -> Result<Vec<u8>, JwkError> {
    decoded(members.get(name).map(Member::from), name)
}

fn decoded(member: Option<Member<'_>>, name: &'static str) -> Result<Vec<u8>, JwkError> {
    base64url::decode(text(member, name)?).map_err(|_| JwkError::NotBase64Url(name))
}

/// First byte of an uncompressed point (SEC 1, section 2.3.3).
pub(crate) const UNCOMPRESSED: u8 = 4;
