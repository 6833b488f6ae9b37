//! DPoP client: keys, proofs, nonces, grants
