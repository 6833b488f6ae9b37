//! DPoP (RFC 9449) without I/O: proofs, htu, nonces, replay
