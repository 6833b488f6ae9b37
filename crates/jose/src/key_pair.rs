//! Private keys for signatures, and where they come from: generated, PEM, JWK.

use std::fmt;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPairComponents, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384,
    RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaKeyPair, RsaPublicKeyComponents,
    RsaSignatureEncoding,
};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::jwk::{self, UNCOMPRESSED};
use crate::pem::{self, PemBlock, PemError};
use crate::{Algorithm, JwkError, JwkThumbprint, PublicJwk, SignError, base64url, der};

/// Why there is no key pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyPairError {
    /// The text is not PEM.
    #[error("not PEM: {0}")]
    Pem(#[from] PemError),
    /// No block of the text is a private key.
    #[error("no private key found")]
    NoPrivateKey,
    /// The private key is encrypted.
    #[error("the private key is encrypted")]
    Encrypted,
    /// The key is damaged, inconsistent, or of a type other than P-256, P-384, P-521, Ed25519, RSA.
    #[error("not a usable private key of a supported type")]
    Unusable,
    /// The public members of a JWK are not acceptable.
    #[error("the public part of the key is not acceptable: {0}")]
    Public(#[from] JwkError),
    /// The cryptographic library could not generate a key.
    #[error("the cryptographic library failed to generate a key")]
    Generation,
}

/// A private key with its public half. `Debug` shows the public half only; the library wipes the private one when dropped.
///
/// ```
/// use jose::{Algorithm, KeyPair};
///
/// let key = KeyPair::generate(Algorithm::Es256)?;
/// let signature = key.sign(b"message")?;
/// assert!(key.public_jwk().verify(Algorithm::Es256, b"message", &signature).is_ok());
///
/// let again = KeyPair::from_pkcs8_pem(&key.to_pkcs8_pem()?)?;
/// assert_eq!(again.thumbprint(), key.thumbprint());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct KeyPair {
    signer: Signer,
    algorithm: Algorithm,
    public: PublicJwk,
}

enum Signer {
    Ec(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

impl KeyPair {
    /// Makes a new key for this algorithm: RSA has 2048 bits for PS256 and RS256, 3072 for the 384s, 4096 for the 512s.
    ///
    /// # Errors
    ///
    /// [`KeyPairError::Generation`] when the library fails.
    pub fn generate(algorithm: Algorithm) -> Result<Self, KeyPairError> {
        let ec = |signing| EcdsaKeyPair::generate(signing).map(Signer::Ec);
        let rsa = |size| RsaKeyPair::generate(size).map(Signer::Rsa);
        let signer = match algorithm {
            Algorithm::Es256 => ec(&ECDSA_P256_SHA256_FIXED_SIGNING),
            Algorithm::Es384 => ec(&ECDSA_P384_SHA384_FIXED_SIGNING),
            Algorithm::Es512 => ec(&ECDSA_P521_SHA512_FIXED_SIGNING),
            Algorithm::Ps256 | Algorithm::Rs256 => rsa(KeySize::Rsa2048),
            Algorithm::Ps384 | Algorithm::Rs384 => rsa(KeySize::Rsa3072),
            Algorithm::Ps512 | Algorithm::Rs512 => rsa(KeySize::Rsa4096),
            Algorithm::EdDsa | Algorithm::Ed25519 => Ed25519KeyPair::generate().map(Signer::Ed25519),
        };
        let key = Self::new(signer.map_err(|_| KeyPairError::Generation)?)?;
        Ok(key.with_default_algorithm(algorithm))
    }

    /// Reads the first private key of a PEM text: `PRIVATE KEY` (PKCS#8), `EC PRIVATE KEY` (SEC 1) or `RSA PRIVATE KEY` (PKCS#1).
    ///
    /// # Errors
    ///
    /// A [`KeyPairError`]; encrypted keys are refused.
    pub fn from_pkcs8_pem(text: &str) -> Result<Self, KeyPairError> {
        let blocks = pem::parse(text)?;
        let block = blocks
            .iter()
            .find(|block| block.label.ends_with("PRIVATE KEY"))
            .ok_or(KeyPairError::NoPrivateKey)?;
        Self::from_pem_block(block)
    }

    /// Reads one block of a PEM text that has several; labels as for [`from_pkcs8_pem`](Self::from_pkcs8_pem).
    ///
    /// # Errors
    ///
    /// [`KeyPairError::NoPrivateKey`] for another label; else as [`from_pkcs8_pem`](Self::from_pkcs8_pem).
    pub fn from_pem_block(block: &PemBlock) -> Result<Self, KeyPairError> {
        // RFC 1421, section 4.6.1.1: the old form of encryption announces itself in a header.
        if block.label == "ENCRYPTED PRIVATE KEY"
            || block.header("Proc-Type").is_some_and(|value| value.contains("ENCRYPTED"))
        {
            return Err(KeyPairError::Encrypted);
        }
        let der = block.der.as_slice();
        let signer = match block.label.as_str() {
            "PRIVATE KEY" => signer_from_pkcs8(der),
            "EC PRIVATE KEY" => CURVES
                .iter()
                .find_map(|curve| EcdsaKeyPair::from_private_key_der(curve, der).ok())
                .map(Signer::Ec),
            "RSA PRIVATE KEY" => RsaKeyPair::from_der(der).ok().map(Signer::Rsa),
            _ => return Err(KeyPairError::NoPrivateKey),
        };
        Self::new(signer.ok_or(KeyPairError::Unusable)?)
    }

    /// Reads a private JWK (RFC 7518, section 6): public members and `d`; RSA keys need `p`, `q`, `dp`, `dq` and `qi` as well.
    ///
    /// `alg`, where present, becomes the [algorithm](Self::algorithm). `use` and `key_ops` must not forbid signing.
    ///
    /// # Errors
    ///
    /// A [`KeyPairError`], also when private and public members do not belong together.
    pub fn from_jwk(members: &Map<String, Value>) -> Result<Self, KeyPairError> {
        let mut public_members = members.clone();
        // `sign` is what a private key lists (RFC 7517, section 4.3); whether the public half verifies does not depend on it.
        if let Some(operations) = public_members.remove("key_ops")
            && !operations.as_array().is_some_and(|operations| operations.iter().any(|name| name == "sign"))
        {
            return Err(KeyPairError::Unusable);
        }
        let public = PublicJwk::parse_public_part(&public_members)?;
        let secret = |name| jwk::bytes(members, name).map(Zeroizing::new);
        let signer = match members.get("kty").and_then(Value::as_str) {
            Some("EC") => {
                let point = [
                    &[UNCOMPRESSED],
                    jwk::bytes(members, "x")?.as_slice(),
                    jwk::bytes(members, "y")?.as_slice(),
                ]
                .concat();
                let scalar = secret("d")?;
                CURVES
                    .iter()
                    .find_map(|curve| {
                        EcdsaKeyPair::from_private_key_and_public_key(curve, &scalar, &point).ok()
                    })
                    .map(Signer::Ec)
            }
            Some("OKP") => {
                let seed = secret("d")?;
                if seed.len() != 32 {
                    return Err(JwkError::WrongLength("d").into());
                }
                Ed25519KeyPair::from_seed_and_public_key(&seed, &jwk::bytes(members, "x")?)
                    .ok()
                    .map(Signer::Ed25519)
            }
            Some("RSA") => {
                let (modulus, exponent) = (jwk::bytes(members, "n")?, jwk::bytes(members, "e")?);
                let (d, p, q) = (secret("d")?, secret("p")?, secret("q")?);
                let (dp, dq, qi) = (secret("dp")?, secret("dq")?, secret("qi")?);
                let components = KeyPairComponents {
                    public_key: RsaPublicKeyComponents { n: modulus.as_slice(), e: exponent.as_slice() },
                    d: d.as_slice(),
                    p: p.as_slice(),
                    q: q.as_slice(),
                    dP: dp.as_slice(),
                    dQ: dq.as_slice(),
                    qInv: qi.as_slice(),
                };
                RsaKeyPair::from_components(&components).ok().map(Signer::Rsa)
            }
            Some(_) | None => None,
        };
        let key = Self::new(signer.ok_or(KeyPairError::Unusable)?)?;
        if !public.fits(public.default_algorithm()) {
            return Err(KeyPairError::Unusable);
        }
        Ok(key.with_default_algorithm(public.default_algorithm()))
    }

    /// The key as an unencrypted PKCS#8 `PRIVATE KEY` block.
    ///
    /// # Errors
    ///
    /// [`KeyPairError::Unusable`] when the library can not write the key.
    pub fn to_pkcs8_pem(&self) -> Result<Zeroizing<String>, KeyPairError> {
        let text = match &self.signer {
            Signer::Ec(key) => key.to_pkcs8v1().map(|der| pem::encode(PRIVATE_KEY, der.as_ref())),
            Signer::Ed25519(key) => key.to_pkcs8v1().map(|der| pem::encode(PRIVATE_KEY, der.as_ref())),
            Signer::Rsa(key) => {
                key.as_der().map(|der: Pkcs8V1Der<'static>| pem::encode(PRIVATE_KEY, der.as_ref()))
            }
        };
        text.map_err(|_| KeyPairError::Unusable)
    }

    /// The algorithm that [`sign`](Self::sign) uses: the one it was generated for, the `alg` of its JWK, or the
    /// [default](PublicJwk::default_algorithm) for its type and size.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// This key, signing with `algorithm` by default; unchanged when the key can not do it.
    #[must_use]
    pub fn with_default_algorithm(self, algorithm: Algorithm) -> Self {
        if self.supports(algorithm) { Self { algorithm, ..self } } else { self }
    }

    /// Whether [`sign_with`](Self::sign_with) can use this algorithm.
    #[must_use]
    pub fn supports(&self, algorithm: Algorithm) -> bool {
        self.public.is_of_type_for(algorithm)
    }

    /// The public half.
    #[must_use]
    pub fn public_jwk(&self) -> &PublicJwk {
        &self.public
    }

    /// The thumbprint of the public half (RFC 7638).
    #[must_use]
    pub fn thumbprint(&self) -> JwkThumbprint {
        self.public.thumbprint()
    }

    /// Signs with the key's own [`algorithm`](Self::algorithm), in the form JWS wants (RFC 7518, section 3).
    ///
    /// # Errors
    ///
    /// [`SignError::Failed`] when the library fails.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        self.sign_with(self.algorithm(), message)
    }

    /// Signs with any algorithm that the key supports.
    ///
    /// # Errors
    ///
    /// [`SignError::KeyDoesNotFit`] or [`SignError::Failed`].
    pub fn sign_with(&self, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, SignError> {
        if !self.supports(algorithm) {
            return Err(SignError::KeyDoesNotFit);
        }
        match &self.signer {
            Signer::Ec(key) => key
                .sign(&SystemRandom::new(), message)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(|_| SignError::Failed),
            Signer::Ed25519(key) => key
                .try_sign(message)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(|_| SignError::Failed),
            Signer::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(rsa_encoding(algorithm)?, &SystemRandom::new(), message, &mut signature)
                    .map_err(|_| SignError::Failed)?;
                Ok(signature)
            }
        }
    }

    fn new(signer: Signer) -> Result<Self, KeyPairError> {
        let members = match &signer {
            Signer::Ec(key) => {
                let point =
                    key.public_key().as_ref().strip_prefix(&[UNCOMPRESSED]).ok_or(KeyPairError::Unusable)?;
                let (x, y) = point.split_at_checked(point.len() / 2).ok_or(KeyPairError::Unusable)?;
                let curve = match x.len() {
                    32 => "P-256",
                    48 => "P-384",
                    66 => "P-521",
                    _ => return Err(KeyPairError::Unusable),
                };
                json!({"kty": "EC", "crv": curve, "x": base64url::encode(x), "y": base64url::encode(y)})
            }
            Signer::Ed25519(key) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": base64url::encode(key.public_key())})
            }
            Signer::Rsa(key) => {
                let (modulus, exponent) =
                    der::rsa_public_key(key.public_key().as_ref()).ok_or(KeyPairError::Unusable)?;
                json!({"kty": "RSA", "n": base64url::encode(modulus), "e": base64url::encode(exponent)})
            }
        };
        let public = PublicJwk::parse(members.as_object().ok_or(KeyPairError::Unusable)?)?;
        Ok(Self { signer, algorithm: public.default_algorithm(), public })
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("KeyPair").field("public", &self.public).finish_non_exhaustive()
    }
}

fn signer_from_pkcs8(der: &[u8]) -> Option<Signer> {
    let ec = || CURVES.iter().find_map(|curve| EcdsaKeyPair::from_pkcs8(curve, der).ok()).map(Signer::Ec);
    let ed25519 = || Ed25519KeyPair::from_pkcs8(der).ok().map(Signer::Ed25519);
    let rsa = || RsaKeyPair::from_pkcs8(der).ok().map(Signer::Rsa);
    ec().or_else(ed25519).or_else(rsa)
}

fn rsa_encoding(algorithm: Algorithm) -> Result<&'static RsaSignatureEncoding, SignError> {
    match algorithm {
        Algorithm::Ps256 => Ok(&RSA_PSS_SHA256),
        Algorithm::Ps384 => Ok(&RSA_PSS_SHA384),
        Algorithm::Ps512 => Ok(&RSA_PSS_SHA512),
        Algorithm::Rs256 => Ok(&RSA_PKCS1_SHA256),
        Algorithm::Rs384 => Ok(&RSA_PKCS1_SHA384),
        Algorithm::Rs512 => Ok(&RSA_PKCS1_SHA512),
        Algorithm::Es256 | Algorithm::Es384 | Algorithm::Es512 | Algorithm::EdDsa | Algorithm::Ed25519 => {
            Err(SignError::KeyDoesNotFit)
        }
    }
}

static CURVES: [&EcdsaSigningAlgorithm; 3] =
    [&ECDSA_P256_SHA256_FIXED_SIGNING, &ECDSA_P384_SHA384_FIXED_SIGNING, &ECDSA_P521_SHA512_FIXED_SIGNING];
const PRIVATE_KEY: &str = "PRIVATE KEY";
