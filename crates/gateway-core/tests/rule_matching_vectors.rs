//! Which rule a request reaches: `vectors/heimdall/rule-matching-vectors.json`.
//!
//! Rows with forwarding headers test how the request is read before rules see it; the gateway crate runs them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::{collections::BTreeMap, sync::Arc};

use gateway_core::{
    document::{Diagnostics, Node, Place},
    request::{Request, RequestUri},
    rules::{Lookup, RuleIndex, RuleSet, decode_rule_set},
};
use serde_json::{Value, json};

const VECTORS: &str = include_str!("../../../vectors/heimdall/rule-matching-vectors.json");

fn rule_set(rules: &Value) -> RuleSet {
    let mut rules = rules.clone();
    for rule in rules.as_array_mut().unwrap() {
        rule["execute"] = json!([{ "authenticator": "token" }]);
    }
    let file = json!({ "version": "1beta1", "rules": rules });
    let node = Node::from_json(&file, &Place::whole_file(Arc::from("vectors")));
    let mut diagnostics = Diagnostics::new();
    let rule_set = decode_rule_set(&node, &mut diagnostics);
    assert!(!diagnostics.has_errors(), "{diagnostics}");
    rule_set.unwrap()
}

fn request(described: &Value) -> Request {
    let text = |key: &str| described[key].as_str().unwrap();
    let (mut host, mut target) = (text("host"), text("path"));
    if let Some((_, behind)) = target.split_once("://") {
        let start = behind.find('/').unwrap();
        (host, target) = (&behind[..start], &behind[start..]);
    }
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let method = http::Method::from_bytes(text("method").as_bytes()).unwrap();
    Request::new(method, RequestUri::new(text("scheme"), host, path, query))
}

fn expected(row: &Value, rule_set: &RuleSet) -> Lookup {
    let expect = &row["expect"];
    let captures: BTreeMap<String, String> = match expect["captures"].as_object() {
        Some(captures) => {
            captures.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect()
        }
        None => BTreeMap::new(),
    };
    match expect["rule_id"].as_str() {
        Some("default") => Lookup::DefaultRule,
        None => Lookup::NoRule,
        Some(id) => Lookup::Rule {
            rule: rule_set.rules.iter().position(|rule| rule.id.value == id).unwrap(),
            captures,
        },
    }
}

#[test]
fn every_request_reaches_the_rule_it_should() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let rows = vectors["vectors"].as_array().unwrap();
    let mut checked = 0;
    let mut wrong = Vec::new();
    for row in rows.iter().filter(|row| row["request"]["headers"].is_null()) {
        let rule_set = rule_set(&vectors["rule_sets"][row["rules"].as_str().unwrap()]);
        let has_default_rule = row["default_rule"].as_bool().unwrap_or_default();
        let mut diagnostics = Diagnostics::new();
        let index = RuleIndex::build(std::slice::from_ref(&rule_set), has_default_rule, &mut diagnostics)
            .unwrap_or_else(|| panic!("{}: {diagnostics}", row["id"]));
        let found = index.find(&request(&row["request"]));
        let is_right = if row["expect"] == "bad_request" {
            matches!(found, Lookup::BadRequest(_))
        } else {
            found == expected(row, &rule_set)
        };
        if !is_right {
            wrong.push(format!("{}: {found:?}, expected {}", row["id"], row["expect"]));
        }
        checked += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!((checked, rows.len()), (263, 285));
}
