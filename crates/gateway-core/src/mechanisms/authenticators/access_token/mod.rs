//! What the authenticators of access tokens have in common: where a token is looked for, what is demanded of it and of its
//! proof, whom it stands for, and what a refusal means.
//!
//! Nothing is checked here: this configures [`resource_server::Verifier`] and maps its refusals.

pub(super) mod assertions;
pub(super) mod authenticator;
pub(super) mod error_signaling;
pub(super) mod issuer_endpoint;
pub(super) mod principal;
mod proof_of_possession;
pub(super) mod refusal;
pub(super) mod token_source;
mod written;
