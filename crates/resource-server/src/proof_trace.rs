//! What may be written down about a proof: enough to find it again, of no use to anybody who reads it.

use std::fmt;

use dpop::UnverifiedProof;
use jose::{JwkThumbprint, crypto};

/// Bytes of the hash that are kept.
const HASH_BYTES: usize = 16;

/// A proof as logs name it. Nothing about it is proven unless the request was accepted: a client can name any public key
/// as its own.
///
/// `Debug` shows what logs may show.
///
/// ```
/// use dpop::UnverifiedProof;
/// use resource_server::ProofTrace;
///
/// fn log_line(proof: &UnverifiedProof<'_>) -> String {
///     let trace = ProofTrace::of(proof);
///     format!("proof_key={} proof_jti={}", trace.thumbprint, trace.jti_hash())
/// }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ProofTrace {
    /// The thumbprint of the key in the proof (RFC 7638).
    pub thumbprint: JwkThumbprint,
    /// Hashed for those who ask only: most requests are in no log.
    jti: Box<str>,
}

impl ProofTrace {
    /// The trace of a proof whose form is right.
    #[must_use]
    pub fn of(proof: &UnverifiedProof<'_>) -> Self {
        Self { thumbprint: *proof.thumbprint(), jti: proof.claims().jti.as_str().into() }
    }

    /// Its `jti`, hashed.
    #[must_use]
    pub fn jti_hash(&self) -> JtiHash {
        JtiHash::of(&self.jti)
    }
}

impl fmt::Debug for ProofTrace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ProofTrace")
            .field("thumbprint", &self.thumbprint)
            .field("jti_hash", &self.jti_hash())
            .finish()
    }
}

/// The first half of the SHA-256 of a `jti`, displayed as 32 hexadecimal digits.
///
/// It is not salted: a replay shows the same hash at every node and after every restart, and whoever has the proof finds
/// its lines with `printf %s "$jti" | sha256sum | cut -c1-32`.
///
/// ```
/// use resource_server::JtiHash;
///
/// // printf %s abc | sha256sum | cut -c1-32
/// assert_eq!(JtiHash::of("abc").to_string(), "ba7816bf8f01cfea414140de5dae2223");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct JtiHash([u8; HASH_BYTES]);

impl JtiHash {
    /// Hashes a `jti`.
    #[must_use]
    pub fn of(jti: &str) -> Self {
        let digest = crypto::sha256(jti.as_bytes());
        let mut kept = [0; HASH_BYTES];
        for (byte, of_digest) in kept.iter_mut().zip(digest) {
            *byte = of_digest;
        }
        Self(kept)
    }
}

impl fmt::Display for JtiHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_what_sha256sum_begins_with() {
        // printf '' | sha256sum
        assert_eq!(JtiHash::of("").to_string(), "e3b0c44298fc1c149afbf4c8996fb924");
        assert_ne!(JtiHash::of("-BwC3ESc6acc2lTc"), JtiHash::of("-BwC3ESc6acc2lTd"));
    }

    #[test]
    fn shows_the_hash_and_not_the_jti() {
        let key = jose::KeyPair::generate(jose::Algorithm::Ed25519).unwrap();
        let trace = ProofTrace { thumbprint: key.thumbprint(), jti: "-BwC3ESc6acc2lTc".into() };
        let shown = format!("{trace:?}");
        assert!(shown.contains(&format!("{:?}", trace.jti_hash())), "{shown}");
        assert!(!shown.contains("-BwC3ESc6acc2lTc"), "{shown}");
    }
}
