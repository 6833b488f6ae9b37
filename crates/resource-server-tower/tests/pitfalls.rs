//! `docs/pitfalls.md` names tests for what it says: all of them are there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::path::Path;

#[test]
fn every_row_names_tests_that_exist() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let page = fs::read_to_string(docs.join("pitfalls.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| Pitfall"));
    let mut count = 0;
    for row in rows {
        count += 1;
        let tests: Vec<_> = row.split("[`").skip(1).collect();
        assert!(!tests.is_empty(), "no test in {row}");
        for test in tests {
            let (name, rest) = test.split_once("`](").unwrap();
            let (file, _) = rest.split_once(')').unwrap();
            let source =
                fs::read_to_string(docs.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
            let function = source.split_once(&format!("fn {name}(")).map(|(before, _)| before);
            let before = function.unwrap_or_else(|| panic!("{name} is not in {file}"));
            let attribute = before.lines().rev().find(|line| !line.trim().is_empty() && *line != "async ");
            let attribute = attribute.unwrap().trim();
            assert!(attribute.starts_with("#[test") || attribute.starts_with("#[tokio::test"), "{name}");
        }
    }
    assert_eq!(count, 12);
}
