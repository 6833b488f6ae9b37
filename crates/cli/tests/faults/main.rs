//! Faults of what is around the gateway, as a process: what passes meanwhile, what passes after, and whether its memory
//! comes back.
//!
//! Which fault is tried where stands in `crates/gateway/tests/faults.rs`.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    dead_code
)]

mod files;
mod gateway_process;
mod key_endpoint;
mod key_faults;
mod key_rotation;
mod many_connections;
mod rapid_reset;
mod site;
mod smuggling;
mod stopping;
mod upstream_faults;

/// The servers and clients of the gateway's own tests.
#[path = "../../../gateway/tests/sockets"]
mod sockets {
    pub mod issuer;
    pub mod raw_client;
    pub mod tls_client;
    pub mod upstream;
}
