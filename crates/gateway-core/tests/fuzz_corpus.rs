//! The corpora of the fuzz targets of this crate, replayed (see `fuzz/README.md`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../../../fuzz/checks/cel.rs"]
mod cel;
#[path = "../../../fuzz/replay.rs"]
mod replay;

#[test]
fn cel_cases() {
    replay::replay("cel", cel::check);
}
