//! What rule files of each dialect are read as, and what is said about mistakes in them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::Arc;

use gateway_core::{
    document::{Diagnostics, Node, Place, Severity},
    rules::{
        RuleIndex, RuleSet, decode_default_rule, decode_rule_set,
        forwarding_policy::ForwardingPolicy,
        normal_form::to_normal_form,
        rule::{EncodedSlashes, ForwardedCredentials, StepKind},
    },
};
use serde_json::{Value, json};

fn read(source: &str, file: &Value) -> (Option<RuleSet>, Diagnostics) {
    let mut diagnostics = Diagnostics::new();
    let node = Node::from_json(file, &Place::new(Arc::from(source), 1, 1));
    (decode_rule_set(&node, &mut diagnostics), diagnostics)
}

fn read_well(file: &Value) -> RuleSet {
    let (rule_set, diagnostics) = read("rules.yaml", file);
    assert!(!diagnostics.has_errors(), "{diagnostics}");
    rule_set.unwrap()
}

fn codes(diagnostics: &Diagnostics) -> Vec<&'static str> {
    diagnostics.iter().map(|diagnostic| diagnostic.code.as_str()).collect()
}

/// A file with one rule, whose keys `changes` replaces; `null` takes a key away.
fn file_with(version: &str, changes: &Value) -> Value {
    let mut rule = json!({
        "id": "a",
        "match": { "http": { "paths": [{ "path": "/a" }] } },
        "execute": [{ "authenticator": "token" }],
    });
    for (key, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => rule.as_object_mut().unwrap().remove(key),
            value => rule.as_object_mut().unwrap().insert(key.clone(), value.clone()),
        };
    }
    json!({ "version": version, "rules": [rule] })
}

fn check(changes: &Value, expected: &[&str]) {
    let (rule_set, diagnostics) = read("rules.yaml", &file_with("1beta1", changes));
    assert_eq!(codes(&diagnostics), expected, "{changes}: {diagnostics}");
    assert_eq!(rule_set.is_none(), diagnostics.has_errors(), "{changes}: {diagnostics}");
}

fn check_match(http: &Value, expected: &[&str]) {
    check(&json!({ "match": { "http": http } }), expected);
}

fn check_steps(steps: &Value, expected: &[&str]) {
    check(&json!({ "execute": steps }), expected);
}

#[test]
fn the_three_dialects_mean_the_same() {
    let captures = json!([{ "name": "name", "type": "glob", "value": "*.md" }]);
    let rest =
        json!({ "id": "a", "execute": [{ "authenticator": "token" }], "forward_to": { "host": "docs" } });
    let with_match = |version: &str, matching: Value| {
        let mut rule = rest.clone();
        rule["match"] = matching;
        json!({ "version": version, "name": "docs", "rules": [rule] })
    };
    let typed = with_match(
        "1alpha4",
        json!({
            "scheme": "https",
            "methods": ["GET"],
            "hosts": [{ "type": "exact", "value": "a.example" }, { "type": "wildcard", "value": "*.a.example" }],
            "routes": [{ "path": "/docs/:name", "path_params": captures }, { "path": "/docs/<**>" }],
            "backtracking_enabled": false,
        }),
    );
    let routes = with_match(
        "1beta1",
        json!({
            "scheme": "HTTPS",
            "methods": ["GET"],
            "hosts": ["a.example", "*.A.example"],
            "routes": [{ "path": "/docs/:name", "path_params": captures }, { "path": "/docs/**" }],
        }),
    );
    let present = with_match(
        "1beta1",
        json!({ "http": {
            "scheme": "https",
            "methods": ["GET"],
            "hosts": ["a.example", "*.a.example"],
            "paths": [{ "path": "/docs/:name", "captures": captures }, { "path": "/docs/**" }],
        } }),
    );
    assert_eq!(codes(&read("f", &typed).1), ["old_wildcard", "deprecated", "old_dialect"]);
    assert_eq!(codes(&read("f", &routes).1), ["old_dialect"]);
    assert!(read("f", &present).1.is_empty());
    for file in [&typed, &routes, &present] {
        assert_eq!(to_normal_form(&read_well(file)), present);
    }
}

#[test]
fn typed_hosts_without_counterpart_are_kept_as_conditions() {
    let conditions =
        json!([{ "type": "regex", "value": "^shop-[0-9]+\\." }, { "type": "glob", "value": "{a,b}.org" }]);
    let matching = json!({ "hosts": conditions, "routes": [{ "path": "/**" }] });
    let file = file_with("1alpha4", &json!({ "match": matching }));
    let form = to_normal_form(&read_well(&file));
    let http = &form["rules"][0]["match"]["http"];
    assert_eq!(http["hosts"], json!(["*"]));
    assert_eq!(http["host_conditions"], conditions);
}

#[test]
fn a_file_is_warned_of_once() {
    let routes = json!({ "match": { "routes": [{ "path": "/a" }] } });
    let typed =
        json!({ "match": { "routes": [{ "path": "/a" }], "hosts": [{ "type": "exact", "value": "a" }] } });
    let warning = |file: &Value| codes(&read("f", file).1);
    assert_eq!(warning(&file_with("1alpha4", &routes)), ["old_dialect"]);
    assert_eq!(warning(&file_with("1beta1", &routes)), ["old_dialect"]);
    assert_eq!(warning(&file_with("1alpha4", &typed)), ["old_dialect"]);
    assert_eq!(warning(&file_with("1beta1", &typed)), ["version_mismatch"]);
    assert_eq!(warning(&file_with("1alpha4", &json!({}))), ["version_mismatch"]);
    let mut without_version = file_with("1beta1", &routes);
    without_version.as_object_mut().unwrap().remove("version");
    let second = without_version["rules"][0].clone();
    without_version["rules"].as_array_mut().unwrap().push(second);
    let (_, diagnostics) = read("f", &without_version);
    assert_eq!(codes(&diagnostics), ["missing_version"]);
    assert!(diagnostics.to_string().contains("read as 1beta1 with `routes`"), "{diagnostics}");
}

#[test]
fn mistakes_in_a_file() {
    assert_eq!(codes(&read("f", &file_with("2", &json!({}))).1), ["unknown_version"]);
    assert_eq!(codes(&read("f", &json!({ "version": "1beta1" })).1), ["missing_key"]);
    assert_eq!(codes(&read("f", &json!([])).1), ["wrong_type"]);
    assert_eq!(codes(&read("f", &json!({ "version": "1beta1", "rules": [], "rule": 1 })).1), ["unknown_key"]);
    assert_eq!(codes(&read("f", &json!({ "apiVersion": "x", "kind": "RuleSet" })).1), ["not_supported_yet"]);
}

#[test]
fn mistakes_in_a_rule() {
    check(&json!({ "id": null }), &["missing_key"]);
    check(&json!({ "id": "" }), &["missing_key"]);
    check(&json!({ "match": null }), &["missing_key"]);
    check(&json!({ "execute": null }), &["missing_key"]);
    check(&json!({ "execute": [] }), &["missing_key"]);
    check(&json!({ "executes": [] }), &["unknown_key"]);
    check(&json!({ "match": {} }), &["missing_key"]);
    check(
        &json!({ "match": { "http": { "paths": [{ "path": "/a" }] }, "routes": [] } }),
        &["mixed_dialects"],
    );
    check(
        &json!({ "match": { "http": { "paths": [{ "path": "/a" }] }, "methods": [] } }),
        &["mixed_dialects"],
    );
    check(&json!({ "allow_encoded_slashes": "yes" }), &["not_one_of"]);
    check(&json!({ "public_origin": "api.example.com" }), &["bad_host"]);
}

#[test]
fn mistakes_in_what_a_rule_matches() {
    let path = |path: &str| json!({ "paths": [{ "path": path }] });
    check_match(&path("/a/**/b"), &["bad_path"]);
    check_match(&path("/a/:"), &["bad_path"]);
    check_match(&path("no/slash"), &["dead_rule"]);
    check_match(&json!({ "paths": [] }), &["missing_key"]);
    check_match(&json!({ "paths": [{ "path": "/a" }], "hosts": ["api.*.example.com"] }), &["bad_host"]);
    check_match(&json!({ "paths": [{ "path": "/a" }], "hosts": ["a b"] }), &["bad_host"]);
    check_match(&json!({ "paths": [{ "path": "/a" }], "scheme": "ftp" }), &["not_one_of"]);
    check_match(&json!({ "paths": [{ "path": "/a" }], "methods": [null] }), &["empty_method"]);
    check_match(&json!({ "paths": [{ "path": "/a" }], "methods": ["!"] }), &["empty_method"]);
    check_match(&json!({ "paths": [{ "path": "/a" }], "methods": ["!GET"] }), &["methods_match_all"]);
    let capture = |name: &str, kind: &str, value: &str| json!({ "paths": [{ "path": "/a/:x/:*", "captures": [{ "name": name, "type": kind, "value": value }] }] });
    check_match(&capture("x", "exact", "1"), &[]);
    check_match(&capture("x", "regex", "["), &["bad_regex"]);
    check_match(&capture("x", "glob", "{"), &["bad_capture"]);
    check_match(&capture("x", "like", "a"), &["not_one_of"]);
    check_match(&capture("*", "exact", "a"), &["bad_capture"]);
    check_match(&capture("nope", "exact", "a"), &["dead_rule"]);
}

#[test]
fn mistakes_in_pipelines() {
    let token = json!({ "authenticator": "token" });
    check_steps(&json!([{ "authorizer": "everyone" }, token]), &["stage_order"]);
    check_steps(&json!([token, { "finalizer": "pass" }, { "authorizer": "everyone" }]), &["stage_order"]);
    check_steps(&json!([token, { "error_handler": "plain" }]), &["stage_order"]);
    check(&json!({ "on_error": [{ "finalizer": "pass" }] }), &["stage_order"]);
    check(&json!({ "on_error": [{ "error_handler": "plain" }] }), &[]);
    check_steps(
        &json!([{ "authenticator": "token", "authorizer": "everyone" }]),
        &["several_mechanisms_in_step"],
    );
    check_steps(&json!([token, { "id": "x" }]), &["missing_key"]);
    check_steps(&json!([{ "authenticator": "token", "if": "true" }]), &["if_on_authenticator"]);
    check_steps(&json!([token, { "authorizer": "everyone", "if": "true" }]), &[]);
    check_steps(&json!([{ "authenticator": "token", "principal": "machine" }]), &["no_default_principal"]);
    check_steps(&json!([token, { "finalizer": "pass", "principal": "machine" }]), &["unknown_key"]);
    check_steps(
        &json!([token, { "contextualizer": "a", "id": "x" }, { "contextualizer": "b", "id": "x" }]),
        &["duplicate_step_id"],
    );
    // Without authenticators of its own the rule inherits them.
    check_steps(
        &json!([{ "authorizer": "everyone" }, { "contextualizer": "a" }, { "authorizer": "b" }]),
        &[],
    );
}

#[test]
fn reads_where_to_forward() {
    let rule_set = read_well(&file_with(
        "1beta1",
        &json!({
            "allow_encoded_slashes": "no_decode",
            "public_origin": "https://api.example.com",
            "forward_to": {
                "host": "backend:8081",
                "forward_host_header": false,
                "rewrite": { "scheme": "https", "strip_path_prefix": "/a", "strip_query_parameters": ["debug"] },
                "credentials": "bearer",
                "thumbprint_header": "X-Thumbprint",
            },
        }),
    ));
    let rule = &rule_set.rules[0];
    let forward_to = rule.forward_to.as_ref().unwrap();
    assert_eq!(rule.allow_encoded_slashes, EncodedSlashes::NoDecode);
    assert_eq!(rule.public_origin.as_ref().unwrap().to_string(), "https://api.example.com");
    assert_eq!(forward_to.host.value, "backend:8081");
    assert_eq!(forward_to.credentials, ForwardedCredentials::Bearer);
    assert_eq!(forward_to.thumbprint_header.as_ref().unwrap().as_str(), "x-thumbprint");
    assert!(!forward_to.forward_host_header);
    assert_eq!(rule.execute[0].kind, StepKind::Authenticator);
}

#[test]
fn mistakes_in_where_to_forward() {
    let check = |forward_to: Value, expected: &[&str]| check(&json!({ "forward_to": forward_to }), expected);
    check(json!({}), &["missing_key"]);
    check(json!({ "host": "http://backend/" }), &["bad_host"]);
    check(json!({ "host": "b", "rewrite": { "scheme": "ftp" } }), &["not_one_of"]);
    check(json!({ "host": "b", "rewrite": { "add_path_prefix": "/v 2" } }), &["bad_path"]);
    check(json!({ "host": "b", "rewrite": { "add_path": "/v2" } }), &["unknown_key"]);
    check(json!({ "host": "b", "credentials": "drop" }), &["not_one_of"]);
    check(json!({ "host": "b", "thumbprint_header": "a b" }), &["not_one_of"]);
    check(json!({ "host": "b", "thumbprint_header": "DPoP" }), &["not_one_of"]);
}

#[test]
fn proxy_mode_needs_upstreams_over_tls() {
    let check = |forward_to: Value, requires_upstream: bool, expected: &[&str]| {
        let rule_set = read_well(&file_with("1beta1", &json!({ "forward_to": forward_to })));
        let mut diagnostics = Diagnostics::new();
        ForwardingPolicy { requires_upstream, allows_plain_http_upstream: false }
            .check(&rule_set, &mut diagnostics);
        assert_eq!(codes(&diagnostics), expected);
    };
    check(Value::Null, true, &["missing_forward_to"]);
    check(Value::Null, false, &[]);
    check(json!({ "host": "b", "rewrite": { "scheme": "http" } }), true, &["plain_http_upstream"]);
    check(json!({ "host": "b" }), true, &[]);
}

#[test]
fn reports_all_mistakes_of_a_file_at_once() {
    let mut file = file_with(
        "1beta1",
        &json!({ "match": { "http": { "paths": [{ "path": "/**/a" }], "hosts": ["*."] } } }),
    );
    let second =
        file_with("1beta1", &json!({ "id": null, "execute": [{ "authenticator": "a", "if": "x" }] }));
    file["rules"].as_array_mut().unwrap().push(second["rules"][0].clone());
    let (rule_set, diagnostics) = read("f", &file);
    assert!(rule_set.is_none());
    assert_eq!(codes(&diagnostics), ["bad_path", "bad_host", "missing_key", "if_on_authenticator"]);
}

#[test]
fn the_default_rule_must_authenticate() {
    let check = |default_rule: Value, expected: &[&str]| {
        let mut diagnostics = Diagnostics::new();
        let node = Node::from_json(&default_rule, &Place::whole_file(Arc::from("config.yaml")));
        let read = decode_default_rule(&node, &mut diagnostics);
        assert_eq!(codes(&diagnostics), expected, "{diagnostics}");
        assert_eq!(read.is_none(), diagnostics.has_errors());
    };
    check(
        json!({ "execute": [{ "authenticator": "nobody" }], "on_error": [{ "error_handler": "plain" }] }),
        &[],
    );
    check(json!({ "execute": [{ "finalizer": "pass" }] }), &["missing_authenticator"]);
    check(json!({ "execute": [{ "authenticator": "a", "principal": "b" }] }), &["no_default_principal"]);
    check(json!({}), &["missing_key"]);
    check(json!({ "execute": [{ "authenticator": "a" }], "id": "x" }), &["unknown_key"]);
}

/// Builds an index of one file for each list of `(id, match.http)`.
fn build(files: &[(&str, Vec<(&str, Value)>)]) -> (Option<RuleIndex>, Diagnostics) {
    let rule_sets: Vec<RuleSet> = files
        .iter()
        .map(|(source, rules)| {
            let rules: Vec<Value> = rules
                .iter()
                .map(|(id, http)| {
                    file_with("1beta1", &json!({ "id": id, "match": { "http": http } }))["rules"][0].clone()
                })
                .collect();
            read(source, &json!({ "version": "1beta1", "rules": rules })).0.unwrap()
        })
        .collect();
    let mut diagnostics = Diagnostics::new();
    (RuleIndex::build(&rule_sets, false, &mut diagnostics), diagnostics)
}

fn paths(paths: &[&str]) -> Value {
    json!({ "paths": paths.iter().map(|path| json!({ "path": path })).collect::<Vec<_>>() })
}

#[test]
fn overlapping_rules_of_different_sets_are_refused_in_both_directions() {
    let narrow = ("narrow", paths(&["/other", "/shop/admin"]));
    let broad = ("broad", paths(&["/shop/**"]));
    let (index, diagnostics) =
        build(&[("first.yaml", vec![narrow.clone()]), ("second.yaml", vec![broad.clone()])]);
    assert!(index.is_none());
    let diagnostic = diagnostics.errors().next().unwrap();
    assert_eq!(
        diagnostic.headline,
        "rule `broad` (second.yaml) overlaps rule `narrow` (first.yaml) in another rule set"
    );
    assert_eq!(diagnostic.found.as_deref(), Some("`/shop/**` and `/shop/admin` on host `*`"));
    assert!(diagnostic.hint.as_ref().unwrap().starts_with("both match `https://any.example/shop/admin`;"));
    let (index, diagnostics) =
        build(&[("first.yaml", vec![broad.clone()]), ("second.yaml", vec![narrow.clone()])]);
    assert!(index.is_none());
    assert_eq!(codes(&diagnostics), ["conflicting_rules"]);
    let (index, diagnostics) = build(&[("one.yaml", vec![broad, narrow])]);
    assert!(index.is_some() && diagnostics.is_empty());
}

#[test]
fn rules_of_different_sets_that_merely_share_requests_are_told() {
    let (index, diagnostics) =
        build(&[("1", vec![("a", paths(&["/:team/info"]))]), ("2", vec![("b", paths(&["/files/:name"]))])]);
    assert!(index.is_some());
    let warning = diagnostics.iter().next().unwrap();
    assert_eq!((warning.code.as_str(), warning.severity), ("conflicting_rules", Severity::Warning));
    assert!(warning.hint.as_ref().unwrap().starts_with("both match `https://any.example/files/info`;"));
}

#[test]
fn wildcards_at_one_place_have_one_name() {
    let check = |one: &str, other: &str, expected: &[&str]| {
        let (index, diagnostics) = build(&[("f", vec![("a", paths(&[one])), ("b", paths(&[other]))])]);
        assert_eq!(codes(&diagnostics), expected, "{one} {other}");
        assert_eq!(index.is_some(), expected.is_empty());
    };
    check("/a/:x/b", "/a/:y/b", &["conflicting_rules"]);
    check("/a/**", "/a/*y", &["conflicting_rules"]);
    check("/a/:x", "/a/:y/b", &[]);
}

#[test]
fn rule_ids_are_unique_in_all_sets() {
    let (index, diagnostics) =
        build(&[("1", vec![("a", paths(&["/a"]))]), ("2", vec![("a", paths(&["/b"]))])]);
    assert!(index.is_none());
    assert_eq!(codes(&diagnostics), ["duplicate_rule_id"]);
    assert_eq!(diagnostics.iter().next().unwrap().places.len(), 2);
}

#[test]
fn rules_behind_one_that_always_wins_are_told() {
    let post = json!({ "paths": [{ "path": "/a" }], "methods": ["POST"] });
    let (index, diagnostics) = build(&[("f", vec![("any", paths(&["/a"])), ("post", post.clone())])]);
    assert!(index.is_some());
    assert_eq!(codes(&diagnostics), ["dead_rule"]);
    let (_, diagnostics) = build(&[("f", vec![("post", post.clone()), ("any", paths(&["/a"]))])]);
    assert!(diagnostics.is_empty());
    let both = json!({ "paths": [{ "path": "/a" }, { "path": "/b" }], "methods": ["POST"] });
    let (_, diagnostics) = build(&[("f", vec![("any", paths(&["/a"])), ("both", both)])]);
    assert!(diagnostics.is_empty());
}
