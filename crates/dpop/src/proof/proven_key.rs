//! A key that is ready for the next proof made with it.

use std::fmt;
use std::sync::{Arc, OnceLock};

use jose::{Algorithm, PublicJwk};

/// The key that proofs for one access token are made with, once one of them has been verified.
///
/// To be kept beside what is remembered about the token, and [shown](super::UnverifiedProof::with_proven_key) to every proof
/// that comes with it: making a key ready for verifying is spared from the second proof on. It decides nothing: a key is
/// only ever used for a proof with the same thumbprint. Clones share the key.
///
/// ```
/// use dpop::{Policy, ProofError, ProvenKey, UnverifiedProof};
///
/// /// `of_token` is kept with what is known about the access token.
/// fn read<'a>(proof: &'a str, of_token: &ProvenKey, policy: &Policy) -> Result<UnverifiedProof<'a>, ProofError> {
///     Ok(UnverifiedProof::parse(proof, policy)?.with_proven_key(of_token))
/// }
/// ```
#[derive(Clone, Default)]
pub struct ProvenKey(Arc<OnceLock<PublicJwk>>);

impl ProvenKey {
    /// The key that was made ready before, if it is this one and may verify signatures of the algorithm; else this one.
    pub(super) fn or<'k>(&'k self, key: &'k PublicJwk, algorithm: Algorithm) -> &'k PublicJwk {
        self.0.get().filter(|known| *known == key && known.fits(algorithm)).unwrap_or(key)
    }

    /// Keeps a key that has verified a signature; the first one stays.
    pub(super) fn keep(&self, key: PublicJwk) {
        self.0.get_or_init(|| key);
    }
}

impl fmt::Debug for ProvenKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("ProvenKey").field(&self.0.get().map(PublicJwk::thumbprint)).finish()
    }
}
