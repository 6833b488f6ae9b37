//! The corpora of the fuzz targets that need nothing but the public API, replayed (see `fuzz/README.md`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../../../fuzz/replay.rs"]
mod replay;
#[path = "../../../fuzz/checks/rule_set.rs"]
mod rule_set;

#[test]
fn rule_set_cases() {
    replay::replay("rule_set", rule_set::check);
}
