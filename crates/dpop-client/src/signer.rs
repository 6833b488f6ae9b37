//! Who signs: a key at hand, or one that never leaves its device.

use std::{error::Error as StdError, fmt};

use futures_util::future::{BoxFuture, ready};
use jose::{Algorithm, KeyPair, PublicJwk, SignError};
use thiserror::Error;

/// A private key that signs proofs and client assertions, wherever it is kept.
///
/// Signing may take its time: a device is asked, or a service.
pub trait Signer: Send + Sync + fmt::Debug {
    /// The public half, as it stands in proofs.
    fn public_jwk(&self) -> &PublicJwk;

    /// The algorithm to use unless a server wants another.
    fn algorithm(&self) -> Algorithm {
        self.public_jwk().default_algorithm()
    }

    /// Whether [`sign`](Self::sign) can use this algorithm.
    fn supports(&self, algorithm: Algorithm) -> bool {
        self.public_jwk().is_of_type_for(algorithm)
    }

    /// Signs `message` in the form that JWS wants (RFC 7518 §3: `r` and `s` of fixed length for ECDSA).
    fn sign<'a>(
        &'a self,
        algorithm: Algorithm,
        message: &'a [u8],
    ) -> BoxFuture<'a, Result<Vec<u8>, SignerError>>;
}

/// Nothing was signed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SignerError {
    /// The key is of another type, or the cryptographic library failed.
    #[error(transparent)]
    Key(#[from] SignError),
    /// The device or service that holds the key failed.
    #[error("the holder of the key did not sign")]
    Holder(#[source] Box<dyn StdError + Send + Sync>),
}

impl Signer for KeyPair {
    fn public_jwk(&self) -> &PublicJwk {
        self.public_jwk()
    }

    fn algorithm(&self) -> Algorithm {
        self.algorithm()
    }

    fn sign<'a>(
        &'a self,
        algorithm: Algorithm,
        message: &'a [u8],
    ) -> BoxFuture<'a, Result<Vec<u8>, SignerError>> {
        Box::pin(ready(self.sign_with(algorithm, message).map_err(SignerError::from)))
    }
}
