//! Pages that name a test for what they say: every row of their tables does, and every test is there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::path::Path;

/// Checks a page below the root of the source tree; `at_least` rows must have been seen.
fn check(page: &str, at_least: usize) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(page);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{page}: {error}"));
    let lines: Vec<&str> = text.lines().collect();
    // A heading has its rule in the next line.
    let rows = lines.windows(2).filter(|pair| pair[0].starts_with("| ") && !pair[1].starts_with("|--"));
    let mut count = 0;
    for row in rows.map(|pair| pair[0]).chain(lines.last().copied().filter(|line| line.starts_with("| "))) {
        count += 1;
        let tests: Vec<_> = row.split("[`").skip(1).filter_map(|rest| rest.split_once("`](")).collect();
        assert!(!tests.is_empty(), "{page}: no test in {row}");
        for (name, rest) in tests {
            let (file, _) = rest.split_once(')').unwrap();
            let file = path.parent().unwrap().join(file);
            let source = fs::read_to_string(&file)
                .unwrap_or_else(|error| panic!("{page}: {}: {error}", file.display()));
            assert!(has_test(&source, name), "{page}: {name} is no test in {}", file.display());
        }
    }
    assert!(count >= at_least, "{page}: {count} rows");
}

/// Whether the source has a function of this name with the attribute of a test directly above it.
fn has_test(source: &str, name: &str) -> bool {
    source.match_indices(&format!("fn {name}(")).any(|(at, _)| {
        let mut above =
            source[..at].lines().rev().map(str::trim).skip_while(|line| matches!(*line, "" | "async"));
        above.next().is_some_and(|line| line.starts_with("#[test") || line.starts_with("#[tokio::test"))
    })
}

#[test]
fn pitfalls() {
    check("docs/pitfalls.md", 14);
}

#[test]
fn hazards() {
    check("docs/hazards.md", 50);
}

#[test]
fn security() {
    check("SECURITY.md", 40);
}

#[test]
fn a_test_is_known_by_its_attribute() {
    assert!(has_test("#[test]\nfn a() {}", "a"));
    assert!(has_test("    #[tokio::test(flavor = \"multi_thread\")]\n    async fn a() {}", "a"));
    assert!(!has_test("fn a() {}", "a"));
    assert!(!has_test("#[test]\nfn b() {}\n\nfn a() {}", "a"));
}
