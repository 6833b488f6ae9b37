//! Replays the committed corpus of a fuzz target as a plain test. The crates' tests include this file.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A case that takes longer is a find as much as one that fails.
const LONGEST: Duration = Duration::from_secs(10);

/// Runs `check` over every file in `fuzz/corpus/<target>` and names those that fail.
pub(crate) fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 2, "the corpus of {target} is missing");
    let mut failed = Vec::new();
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        let started = Instant::now();
        let outcome = std::panic::catch_unwind(|| check(&bytes));
        if outcome.is_err() || started.elapsed() > LONGEST {
            failed.push(file.file_name().unwrap().display().to_string());
        }
    }
    assert!(failed.is_empty(), "fuzz/corpus/{target}: {}", failed.join(", "));
}
