//! The server on a real socket, seen from outside.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod client_assertion;
mod device;
mod dpop;
mod introspection_by_key;
mod keycloak;
mod oauth;
mod token_exchange;
mod world;
