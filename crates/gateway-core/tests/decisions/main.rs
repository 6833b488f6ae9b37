//! Decisions of a whole gateway, from its configuration to the answer, without sockets: an issuer whose keys come from a
//! fake endpoint, clients with real keys and proofs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod audit;
mod basic_auth;
mod challenges;
mod configuration;
mod dependencies;
mod dpop_table;
mod error_handlers;
mod errors;
mod expressions;
mod fallback;
mod finalizers;
mod forwarding;
mod generic_authenticator;
mod hostile;
mod inheritance;
mod introspection;
mod issuers;
mod possession_settings;
mod principals;
mod remote_knowledge;
mod upstream_credentials;
mod world;
