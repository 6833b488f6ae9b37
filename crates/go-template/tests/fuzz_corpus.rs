//! The corpora of the fuzz targets of this crate, replayed (see `fuzz/README.md`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../../../fuzz/checks/go_template.rs"]
mod go_template;
#[path = "../../../fuzz/replay.rs"]
mod replay;

#[test]
fn go_template_cases() {
    replay::replay("go_template", go_template::check);
}
