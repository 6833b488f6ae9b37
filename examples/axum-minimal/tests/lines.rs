//! How little a user writes: lines of code, formatted by rustfmt, without comments and blanks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::path::Path;

fn code(example: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(example);
    let source = fs::read_to_string(folder.join("src/main.rs")).unwrap();
    let lines = source.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
    lines.map(str::to_owned).collect()
}

/// The lines of `one` that `other` has not, each as often as it stands there.
fn only_in(one: &[String], other: &[String]) -> Vec<String> {
    let mut only = one.to_vec();
    for line in other {
        if let Some(place) = only.iter().position(|found| found == line) {
            only.remove(place);
        }
    }
    only
}

#[test]
fn a_protected_route_takes_at_most_20_lines() {
    let minimal = code("axum-minimal");
    assert!(minimal.len() <= 20, "{minimal:#?}");
}

/// Lines that an example has more than its base, and lines of its base that it changes.
fn check(example: &str, base: &str, more: usize, changed: &[&str]) {
    let (example_code, base_code) = (code(example), code(base));
    let (added, removed) = (only_in(&example_code, &base_code), only_in(&base_code, &example_code));
    assert!(added.len() <= removed.len() + more, "{example} adds {added:#?} to {base}");
    assert_eq!(removed.len(), changed.len(), "{example} changes {removed:#?} of {base}");
    for (line, start) in removed.iter().zip(changed) {
        assert!(line.starts_with(start), "{example} changes `{line}` of {base}");
    }
}

#[test]
fn a_scope_takes_no_extra_line() {
    check("axum-scopes", "axum-minimal", 0, &["use resource_server_tower::", "let app = "]);
}

#[test]
fn nonces_beside_the_replay_store_take_two_lines() {
    assert!(code("axum-minimal").iter().any(|line| line.starts_with(".replay_store(")));
    check("axum-nonces", "axum-minimal", 2, &["use resource_server_tower::"]);
}

#[test]
fn a_proxy_in_front_takes_one_line() {
    check("behind-nginx", "axum-nonces", 1, &[]);
}

#[test]
fn a_shared_store_and_introspection_take_14_lines() {
    assert_eq!(code("axum-introspection-redis").len(), code("axum-nonces").len() + 14);
}
