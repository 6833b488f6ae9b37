//! Hostile and unusual requests against the running gateway over raw sockets, one row per case.
//!
//! A row says what it changes about a good request and what must come back. After every row a good request must still pass,
//! the upstream must have seen exactly what was allowed, and the log must not hold the token or the proof.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    // The rows bring the answer that the client reads, and stand alone.
    clippy::duplicate_mod,
    missing_docs,
    unreachable_pub,
    dead_code
)]

#[path = "sockets"]
mod sockets {
    pub mod raw_client;
    pub mod running_gateway;
    pub mod upstream;
}

mod hostile {
    pub mod accounting;
    pub mod at_once;
    pub mod decision_mode;
    pub mod endpoints;
    pub mod gateway_site;
    pub mod listener;
    pub mod log_lines;
    pub mod m_keys;
    pub mod n_introspection;
    pub mod proxy_mode;
    pub mod rows;
    pub mod sequences;
    pub mod setup;
}
