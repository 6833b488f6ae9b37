//! The corpora of the fuzz targets of this crate, replayed (see `fuzz/README.md`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../../../fuzz/checks/jwk.rs"]
mod jwk;
#[path = "../../../fuzz/checks/jwk_set.rs"]
mod jwk_set;
#[path = "../../../fuzz/checks/jwt.rs"]
mod jwt;
#[path = "../../../fuzz/replay.rs"]
mod replay;

#[test]
fn jwk_cases() {
    replay::replay("jwk", jwk::check);
}

#[test]
fn jwk_set_cases() {
    replay::replay("jwk_set", jwk_set::check);
}

#[test]
fn jwt_cases() {
    replay::replay("jwt", jwt::check);
}
