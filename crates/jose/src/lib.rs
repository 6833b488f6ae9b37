//! JWA, JWK, JWS and JWT with strict parsing: the one place that names a cryptographic library.
//!
//! Nothing here reads a clock, opens a file or a socket: bytes and values go in, values come out. What is parsed is either good by the
//! specification or refused; there is no lenient mode. A [`PublicJwk`] can not hold a private or symmetric key, an [`Algorithm`] can not be
//! `none` or a MAC, and a [`JwkThumbprint`] is always 32 bytes.
//!
//! | module or type | specification |
//! |---|---|
//! | [`base64url`] | RFC 4648, section 5, without padding; RFC 7515, appendix C |
//! | [`json`] | RFC 8259 with the strictness that RFC 7515, section 4, asks for |
//! | [`Algorithm`], [`AlgorithmSet`] | RFC 7518, section 3.1; RFC 8037; RFC 9864 |
//! | [`PublicJwk`], [`JwkSet`], [`SecretJwkSet`], [`KeyPair`] | RFC 7517; RFC 7518, section 6; RFC 8037 |
//! | [`JwkThumbprint`] | RFC 7638 |
//! | [`jws`], [`jwt`] | RFC 7515, compact serialization; RFC 7519 |
//! | [`crypto`] | hash, MAC, key derivation, AEAD, random bytes |
//! | [`pem`] | RFC 7468, and the headers of RFC 1421 |

pub mod base64url;
pub mod crypto;
pub mod json;
pub mod jws;
pub mod jwt;
pub mod pem;

mod algorithm;
mod der;
mod ed25519_point;
#[cfg(feature = "encrypted-keys")]
mod encrypted_key;
mod jwk;
mod jwk_set;
mod key_pair;
mod p256;
mod secret_jwk_set;
mod signature;
mod thumbprint;
mod unix_time;

pub use algorithm::{Algorithm, AlgorithmSet, UnknownAlgorithm};
#[cfg(feature = "encrypted-keys")]
pub use encrypted_key::EncryptedKeyError;
pub use jwk::{JwkError, PublicJwk};
pub use jwk_set::{IssuerKey, JwkSet, JwkSetError};
pub use key_pair::{KeyPair, KeyPairError};
pub use secret_jwk_set::{IdentifiedKeyPair, SecretJwkSet, SecretJwkSetError, SymmetricKey};
pub use signature::{SignError, SignatureError};
pub use thumbprint::{JwkThumbprint, ThumbprintError};
pub use unix_time::UnixTime;
