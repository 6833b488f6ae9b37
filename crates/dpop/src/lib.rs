//! DPoP, "Demonstrating Proof of Possession" ([RFC 9449]), without I/O.
//!
//! A bearer token works for whoever holds it. DPoP binds it to a key: every request carries a *proof*, a small JWT
//! that the holder of the key signs for this method, this URI and this token.
//!
//! What lives here: making proofs ([`ProofBuilder`]), checking them (section 4.3) along a chain of types
//! that can only be walked in one direction, the RFC 3986 comparison of [`Htu`], sealed [nonces](NonceRing) and the
//! [port for replay stores](ReplayStore) with the memory store.
//!
//! ```text
//! HeaderMap ─► UnverifiedProof ─► CheckedProof ─► VerifiedProof
//!              one header, JWT     binding, ath,    replay key claimed
//!              shape, typ, alg,    htm, htu, nonce, once in the store
//!              public key          iat, signature
//! ```
//!
//! What does not live here: clocks, sockets, an async runtime, frameworks' request types. Time, policy and limits are
//! arguments. The access token itself is judged by the caller, between the first and the second arrow.
//!
//! # Example
//!
//! ```
//! use dpop::{Htu, NonceCheck, Policy, ProofBuilder, TokenRequest, UnverifiedProof, verify_token_request};
//! use jose::{Algorithm, KeyPair, UnixTime};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let key = KeyPair::generate(Algorithm::Es256)?;
//! let now = UnixTime::from_seconds(1_562_262_616);
//!
//! // The client signs a proof for one request …
//! let proof = ProofBuilder::new(&key, "POST", "https://server.example.com/token").sign(now)?;
//! let mut headers = http::HeaderMap::new();
//! headers.insert("dpop", proof.parse()?);
//!
//! // … and the server checks it against the request it received.
//! let policy = Policy::rfc9449();
//! let htu = Htu::parse("https://server.example.com/token")?;
//! let request = TokenRequest { method: "POST", htu: &htu, nonce: NonceCheck::NotRequired };
//! let proof = UnverifiedProof::from_headers(&headers, &policy)?;
//! let checked = verify_token_request(proof, &request, &policy, now)?;
//! assert_eq!(checked.thumbprint(), &key.thumbprint());
//! # Ok(())
//! # }
//! ```
//!
//! [RFC 9449]: https://www.rfc-editor.org/rfc/rfc9449

mod access_token_hash;
mod claims;
mod error;
mod htu;
mod nonce;
mod policy;
mod proof;
mod replay;

pub use access_token_hash::AccessTokenHash;
pub use claims::ProofClaims;
pub use error::{ClaimError, ProofError};
pub use htu::{Htu, HtuError};
pub use nonce::{AcceptedNonce, NonceCheck, NonceError, NonceRing, NonceRingError, UNBOUND, is_nonce_syntax};
pub use policy::{MAX_PROOF_BYTES, Policy};
pub use proof::{
    CheckedProof, DPOP, DPOP_NONCE, ProofBuilder, ProvenKey, ResourceRequest, TokenRequest, UnverifiedProof,
    VerifiedProof, fresh_jti, verify_resource_request, verify_token_request,
};
pub use replay::{Claim, ClaimFuture, MemoryReplayStore, ReplayKey, ReplayStore};
