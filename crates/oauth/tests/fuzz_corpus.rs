//! The corpora of the fuzz targets of this crate, replayed (see `fuzz/README.md`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../../../fuzz/checks/authorization.rs"]
mod authorization;
#[path = "../../../fuzz/checks/challenge.rs"]
mod challenge;
#[path = "../../../fuzz/replay.rs"]
mod replay;

#[test]
fn authorization_cases() {
    replay::replay("authorization", authorization::check);
}

#[test]
fn challenge_cases() {
    replay::replay("challenge", challenge::check);
}
