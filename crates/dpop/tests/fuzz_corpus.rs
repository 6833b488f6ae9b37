//! The corpora of the fuzz targets of this crate, replayed (see `fuzz/README.md`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../../../fuzz/checks/htu.rs"]
mod htu;
#[path = "../../../fuzz/checks/nonce.rs"]
mod nonce;
#[path = "../../../fuzz/checks/proof.rs"]
mod proof;
#[path = "../../../fuzz/replay.rs"]
mod replay;

#[test]
fn proof_cases() {
    replay::replay("proof", proof::check);
}

#[test]
fn htu_cases() {
    replay::replay("htu", htu::check);
}

#[test]
fn nonce_cases() {
    replay::replay("nonce", nonce::check);
}
