//! Converted rule sets match and do the same as what they were made from.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::{fs, path::PathBuf};

use gateway::{
    NotConverted,
    config::{Sources, read_document},
    convert_rule_set,
};
use gateway_core::{
    document::{Diagnostics, KeyPath},
    rules::{conversion::Dialect, decode_rule_set, normal_form::to_normal_form},
};
use serde_json::{Value, json};

fn vectors() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../vectors/heimdall")
}

/// What a rule set is read as, and the codes of what it is warned about.
fn read_as(text: &str) -> (Value, Vec<&'static str>) {
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::new());
    let path = KeyPath::rule_set();
    let node = read_document("f", text, &path, None, &mut sources, &mut diagnostics).unwrap();
    let rules = decode_rule_set(&node, &mut diagnostics).unwrap_or_else(|| panic!("{diagnostics}\n{text}"));
    let codes = diagnostics.warnings().map(|warning| warning.code.as_str()).collect();
    (to_normal_form(&rules), codes)
}

#[test]
fn every_rule_file_means_the_same_in_both_dialects() {
    let mut converted_files = 0;
    for entry in fs::read_dir(vectors().join("accepts")).unwrap() {
        let file = entry.unwrap().path();
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        if !name.starts_with("rules-") || name == "rules-dialect-a-regex-host.yaml" {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let (meaning, _) = read_as(&text);
        let present = match convert_rule_set(&name, &text, Dialect::V1Beta1) {
            Ok(converted) => converted.text,
            Err(NotConverted::Already(_)) => text.clone(),
            Err(other) => panic!("{name}: {other}"),
        };
        let older = convert_rule_set(&name, &present, Dialect::V1Alpha4).unwrap().text;
        let again = convert_rule_set(&name, &older, Dialect::V1Beta1).unwrap().text;
        for (dialect, text) in [("present", &present), ("older", &older), ("again", &again)] {
            let (converted, warnings) = read_as(text);
            assert_eq!(converted, meaning, "{name}, {dialect}\n{text}");
            let about_dialect = ["old_dialect", "missing_version", "version_mismatch", "old_wildcard"];
            let still: Vec<_> = warnings.iter().filter(|code| about_dialect.contains(code)).collect();
            assert_eq!(still.is_empty(), dialect != "older", "{name}, {dialect}: {still:?}");
        }
        assert_eq!(text.trim_start().starts_with('{'), again.starts_with('{'), "{name}: JSON stays JSON");
        converted_files += 1;
    }
    assert!(converted_files >= 8, "{converted_files}");
}

/// The rule sets of the matching vectors: whatever a rule matches, it matches after a round trip.
#[test]
fn the_rule_sets_of_the_matching_vectors_survive_the_way_there_and_back() {
    let text = fs::read_to_string(vectors().join("rule-matching-vectors.json")).unwrap();
    let cases: Value = serde_json::from_str(&text).unwrap();
    let mut checked = 0;
    for (name, rules) in cases["rule_sets"].as_object().unwrap() {
        let mut rules = rules.clone();
        for rule in rules.as_array_mut().unwrap() {
            rule["execute"] = json!([{"authenticator": "nobody"}]);
        }
        let text = json!({"version": "1beta1", "rules": rules}).to_string();
        let (meaning, _) = read_as(&text);
        let older = convert_rule_set(name, &text, Dialect::V1Alpha4).unwrap().text;
        let again = convert_rule_set(name, &older, Dialect::V1Beta1).unwrap().text;
        assert_eq!((read_as(&older).0, read_as(&again).0), (meaning.clone(), meaning), "{name}");
        checked += 1;
    }
    assert!(checked > 10, "{checked}");
}

#[test]
fn a_host_by_expression_is_refused_with_its_line() {
    let name = "rules-dialect-a-regex-host.yaml";
    let text = fs::read_to_string(vectors().join("accepts").join(name)).unwrap();
    let Err(NotConverted::Mistakes(report)) = convert_rule_set(name, &text, Dialect::V1Beta1) else {
        panic!()
    };
    let errors: Vec<_> = report.diagnostics.errors().collect();
    assert_eq!(errors.iter().map(|error| error.code.as_str()).collect::<Vec<_>>(), ["no_equivalent"; 2]);
    assert_eq!((errors[0].places[0].line, errors[1].places[0].line), (7, 8));
}

#[test]
fn what_needs_no_conversion_says_so() {
    let text = "version: \"1beta1\"\nrules:\n  - id: a\n    match: {http: {paths: [{path: /a}]}}\n    execute: [{authenticator: x}]\n";
    let converted = convert_rule_set("f", text, Dialect::V1Beta1);
    assert!(matches!(converted, Err(NotConverted::Already(Dialect::V1Beta1))), "{converted:?}");
    let old = text.replace("/a}", "/a/<**>}");
    let converted = convert_rule_set("f", &old, Dialect::V1Beta1).unwrap();
    assert!(converted.text.contains("path: \"/a/**\""), "{}", converted.text);
}
