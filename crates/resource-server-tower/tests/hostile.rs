//! The catalogue of hostile requests against a service behind the layer, over sockets: the same rows that the gateway has to
//! pass. Each says which status, error, challenge and nonce must come back, and that nothing reached the service inside.

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

#[path = "../../gateway/tests/sockets/raw_client.rs"]
#[allow(unused_imports)]
mod raw_client;
#[path = "../../gateway/tests/hostile/rows/mod.rs"]
mod rows;

mod hostile {
    mod accounting;
    mod layer_site;
    mod tables;
}
