//! Hostile and unusual requests against the running gateway over raw sockets, one row per case.
//!
//! A row says what it changes about a good request and what must come back. After every row a good request must still pass,
//! the upstream must have seen exactly what was allowed, and the log must not hold the token or the proof.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
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
    pub mod a_transport;
    pub mod b_container;
    pub mod c_header;
    pub mod d_key;
    pub mod decision_mode;
    pub mod draft;
    pub mod e_signature;
    pub mod expectation;
    pub mod f_claims;
    pub mod i_target;
    pub mod j_replay;
    pub mod l_binding;
    pub mod l_token;
    pub mod listener;
    pub mod p_framing;
    pub mod pending;
    pub mod rsa_by_hand;
    pub mod site;
}
