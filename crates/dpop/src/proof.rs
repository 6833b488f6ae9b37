//! The proof: [made](create) by a client, [read](parse) and [checked](verify) by a server.

mod create;
mod parse;
mod proven_key;
mod verify;

use http::HeaderName;

pub use create::{ProofBuilder, fresh_jti};
pub use parse::UnverifiedProof;
pub use proven_key::ProvenKey;
pub use verify::{
    CheckedProof, ResourceRequest, TokenRequest, VerifiedProof, verify_resource_request, verify_token_request,
};

/// The `DPoP` request field (RFC 9449 §4.1).
pub const DPOP: HeaderName = HeaderName::from_static("dpop");
/// The `DPoP-Nonce` response field (RFC 9449 §8).
pub const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");
