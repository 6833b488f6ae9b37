//! What a check of each rule file must say: rows of kind `ruleset` of `vectors/heimdall/validation-cases.json`, as far as
//! the file itself decides. Rows about mechanisms need a catalogue and are listed by name.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use gateway::config::{Sources, read_document};
use gateway_core::{
    document::{Diagnostic, Diagnostics, KeyPath},
    rules::{RuleIndex, decode_rule_set, forwarding_policy::ForwardingPolicy},
};
use serde_json::Value;

/// The mistake is in how a catalogue entry is used.
const NEEDS_A_CATALOGUE: [&str; 6] = [
    "rejects/rules-bad-condition.yaml",
    "rejects/rules-bad-template.yaml",
    "rejects/rules-config-for-noop.yaml",
    "rejects/rules-override-not-allowed.yaml",
    "rejects/rules-secret-not-shared.yaml",
    "rejects/rules-unknown-mechanism.yaml",
];

/// The warnings of each file that is accepted with some.
const WARNINGS: [(&str, &[&str]); 6] = [
    ("accepts/rules-blog-no-version.yaml", &["missing_version"]),
    ("accepts/rules-dialect-a-regex-host.yaml", &["old_dialect"]),
    ("accepts/rules-dialect-a.yaml", &["old_dialect", "deprecated"]),
    ("accepts/rules-dialect-b-full.yaml", &["old_dialect"]),
    ("accepts/rules-guide-dialect-b.yaml", &["old_dialect", "old_wildcard"]),
    ("accepts/rules-warnings.yaml", &["methods_match_all", "dead_rule", "dead_rule"]),
];

fn files_of(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn check(path: &Path, requires_upstream: bool) -> Diagnostics {
    let mut diagnostics = Diagnostics::new();
    let mut rule_sets = Vec::new();
    for file in files_of(path) {
        let text = std::fs::read_to_string(&file).unwrap();
        let name = file.file_name().unwrap().to_str().unwrap();
        let mut sources = Sources::new();
        let node = read_document(name, &text, &KeyPath::rule_set(), None, &mut sources, &mut diagnostics);
        rule_sets.extend(node.and_then(|node| decode_rule_set(&node, &mut diagnostics)));
    }
    // The flags of the rows lift nothing about upstreams but with `--insecure`, where no row asks for it.
    let policy = ForwardingPolicy { requires_upstream, allows_plain_http_upstream: !requires_upstream };
    rule_sets.iter().for_each(|rule_set| policy.check(rule_set, &mut diagnostics));
    let _ = RuleIndex::build(&rule_sets, true, &mut diagnostics);
    diagnostics.sort();
    diagnostics
}

fn codes<'d>(diagnostics: impl Iterator<Item = &'d Diagnostic>) -> Vec<&'static str> {
    diagnostics.map(|diagnostic| diagnostic.code.as_str()).collect()
}

#[test]
fn every_rule_file_is_judged_with_code_and_line() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/heimdall");
    let cases = std::fs::read_to_string(folder.join("validation-cases.json")).unwrap();
    let cases: Value = serde_json::from_str(&cases).unwrap();
    let warnings: BTreeMap<&str, &[&str]> = WARNINGS.into_iter().collect();
    let mut checked = 0;
    for case in cases["cases"].as_array().unwrap().iter().filter(|case| case["kind"] == "ruleset") {
        let name = case["file"].as_str().unwrap();
        let diagnostics = check(&folder.join(name), case["mode"] == "proxy");
        checked += 1;
        let is_left_to_mechanisms = NEEDS_A_CATALOGUE.contains(&name);
        if case["keybound"] == "reject" && !is_left_to_mechanisms {
            assert_eq!(
                codes(diagnostics.errors()),
                [case["error"].as_str().unwrap()],
                "{name}: {diagnostics}"
            );
            let place = &diagnostics.errors().next().unwrap().places[0];
            assert_eq!(Some(u64::from(place.line)), case["line"].as_u64(), "{name}: {diagnostics}");
            if let Some(file) = case["reported_in"].as_str() {
                assert_eq!(&*place.source, file, "{name}");
            }
        } else {
            assert!(!diagnostics.has_errors(), "{name}: {diagnostics}");
            let expected = warnings.get(name).copied().unwrap_or_default();
            assert_eq!(codes(diagnostics.warnings()), expected, "{name}: {diagnostics}");
            assert_eq!(case["keybound"] == "accept_with_warning", !expected.is_empty(), "{name}");
        }
    }
    assert_eq!(checked, 38);
}
