//! What must hold for all rules and requests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::{collections::BTreeMap, sync::Arc};

use gateway_core::{
    document::{Diagnostics, Node, Place},
    request::{Request, RequestUri},
    rules::{Lookup, RuleIndex, RuleSet, decode_rule_set, normal_form::to_normal_form},
};
use http::Method;
use proptest::{prelude::*, sample::Index};
use serde_json::{Value, json};

fn rule_set(source: &str, rules: &[Value]) -> RuleSet {
    read(source, &json!({ "version": "1beta1", "rules": rules }))
}

fn rule(id: &str, host: &str, path: &str, methods: &[&str]) -> Value {
    json!({
        "id": id,
        "match": { "http": { "hosts": [host], "methods": methods, "paths": [{ "path": path }] } },
        "allow_encoded_slashes": "no_decode",
        "execute": [{ "authenticator": "token" }],
    })
}

fn read(source: &str, file: &Value) -> RuleSet {
    let mut diagnostics = Diagnostics::new();
    decode_rule_set(&Node::from_json(file, &Place::whole_file(Arc::from(source))), &mut diagnostics)
        .unwrap_or_else(|| panic!("{diagnostics}\n{file}"))
}

fn build(rule_sets: &[RuleSet]) -> RuleIndex {
    let mut diagnostics = Diagnostics::new();
    RuleIndex::build(rule_sets, false, &mut diagnostics).unwrap_or_else(|| panic!("{diagnostics}"))
}

fn find(index: &RuleIndex, host: &str, path: &str) -> Lookup {
    index.find(&Request::new(Method::GET, RequestUri::new("https", host, path, None)))
}

/// Segments of a pattern; every wildcard is named by its depth, so that no two rules name one place differently.
fn pattern() -> impl Strategy<Value = String> {
    let segment = prop_oneof![2 => Just("a"), 1 => Just("b"), 2 => Just(":")];
    (proptest::collection::vec(segment, 1..4), any::<bool>()).prop_map(|(segments, ends_free)| {
        let mut path = String::new();
        for (depth, segment) in segments.iter().enumerate() {
            match *segment {
                ":" => path.push_str(&format!("/:s{depth}")),
                literal => path.push_str(&format!("/{literal}")),
            }
        }
        if ends_free { format!("{path}/*rest") } else { path }
    })
}

/// Matches by the definition, without a tree.
fn captures_by_definition(pattern: &str, path: &str) -> Option<BTreeMap<String, String>> {
    let mut captures = BTreeMap::new();
    let mut segments = path[1..].split('/').collect::<Vec<_>>().into_iter();
    for part in pattern[1..].split('/') {
        if let Some(name) = part.strip_prefix('*') {
            let rest: Vec<&str> = segments.by_ref().collect();
            let rest = rest.join("/");
            if rest.is_empty() {
                return None;
            }
            captures.insert(name.to_owned(), rest);
            return Some(captures);
        }
        let segment = segments.next()?;
        match part.strip_prefix(':') {
            Some(_) if segment.is_empty() => return None,
            Some(name) => {
                captures.insert(name.to_owned(), segment.to_owned());
            }
            None if part != segment => return None,
            None => {}
        }
    }
    segments.next().is_none().then_some(captures)
}

const HOSTS: [&str; 6] = ["*", "*.b.example", "*.a.b.example", "a.b.example", "b.example", "a.b.example:81"];

fn host_matches(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(suffix) => host.len() > suffix.len() && host.ends_with(suffix),
        None => pattern == host,
    }
}

/// A dialect and the names it has for the parts of a match.
#[derive(Debug, Clone, Copy)]
enum Dialect {
    V1alpha4,
    V1beta1WithRoutes,
    V1beta1WithHttp,
}

/// A rule file in one of the dialects: everything that a rule can say about requests, and where to send them.
fn rule_file() -> impl Strategy<Value = (Dialect, Value)> {
    let dialect = prop_oneof![
        Just(Dialect::V1alpha4),
        Just(Dialect::V1beta1WithRoutes),
        Just(Dialect::V1beta1WithHttp)
    ];
    let methods = prop_oneof![
        Just(json!([])),
        Just(json!(["GET"])),
        Just(json!(["ALL", "!POST"])),
        Just(json!(["POST", "CUSTOM"])),
        Just(json!(["!GET"])),
    ];
    let scheme = proptest::option::of(prop_oneof![Just("http"), Just("https"), Just("HTTPS")]);
    let slashes = proptest::option::of(prop_oneof![Just("off"), Just("on"), Just("no_decode")]);
    let condition = proptest::option::of(prop_oneof![
        Just(("exact", "a")),
        Just(("glob", "{a,b}*")),
        Just(("regex", "^[ab]+$"))
    ]);
    let forward_to = proptest::option::of(prop_oneof![
        Just(json!({"host": "up:8081"})),
        Just(
            json!({"host": "up", "rewrite": {"scheme": "http", "strip_path_prefix": "/a", "add_path_prefix": "/b",
            "strip_query_parameters": ["x", "y"]}})
        ),
        Just(json!({"host": "up", "forward_host_header": false})),
    ]);
    let hosts = proptest::collection::vec(proptest::sample::select(&HOSTS[..]), 0..3);
    let parts = (hosts, pattern(), methods, scheme, slashes, condition, forward_to);
    (dialect, proptest::collection::vec(parts, 1..5), proptest::option::of("[a-z]{1,5}")).prop_map(
        |(dialect, parts, name)| {
            let rules = parts.into_iter().enumerate().map(|(number, parts)| {
                let (hosts, path, methods, scheme, slashes, condition, forward_to) = parts;
                let first_wildcard = path.split(&[':', '*'][..]).nth(1).and_then(|rest| rest.split('/').next());
                let mut path_entry = json!({"path": path});
                if let (Some(name), Some((kind, value))) = (first_wildcard, condition) {
                    let condition = json!([{"name": name, "type": kind, "value": value}]);
                    path_entry[dialect.captures()] = condition;
                }
                let mut matching = json!({"methods": methods, dialect.paths(): [path_entry]});
                if !hosts.is_empty() {
                    matching["hosts"] = hosts.iter().map(|host| dialect.host(host)).collect();
                }
                if let Some(scheme) = scheme {
                    matching["scheme"] = scheme.into();
                }
                let mut rule = json!({
                    "id": number.to_string(),
                    "match": dialect.matching(matching),
                    "execute": [{"authenticator": "token"}, {"finalizer": "user", "config": {"headers": {"A": "b"}}}],
                    "on_error": [{"error_handler": "default"}],
                });
                if let Some(slashes) = slashes {
                    rule["allow_encoded_slashes"] = slashes.into();
                }
                if let Some(forward_to) = forward_to {
                    rule["forward_to"] = forward_to;
                }
                rule
            });
            let mut file = json!({"version": dialect.version(), "rules": rules.collect::<Vec<_>>()});
            if let Some(name) = name {
                file["name"] = name.into();
            }
            (dialect, file)
        },
    )
}

impl Dialect {
    fn version(self) -> &'static str {
        match self {
            Self::V1alpha4 => "1alpha4",
            Self::V1beta1WithRoutes | Self::V1beta1WithHttp => "1beta1",
        }
    }

    fn paths(self) -> &'static str {
        match self {
            Self::V1alpha4 | Self::V1beta1WithRoutes => "routes",
            Self::V1beta1WithHttp => "paths",
        }
    }

    fn captures(self) -> &'static str {
        match self {
            Self::V1alpha4 | Self::V1beta1WithRoutes => "path_params",
            Self::V1beta1WithHttp => "captures",
        }
    }

    fn host(self, host: &str) -> Value {
        match self {
            Self::V1alpha4 if host.contains('*') => json!({"type": "wildcard", "value": host}),
            Self::V1alpha4 => json!({"type": "exact", "value": host}),
            Self::V1beta1WithRoutes | Self::V1beta1WithHttp => host.into(),
        }
    }

    fn matching(self, matching: Value) -> Value {
        match self {
            Self::V1alpha4 | Self::V1beta1WithRoutes => matching,
            Self::V1beta1WithHttp => json!({"http": matching}),
        }
    }
}

proptest! {
    #[test]
    fn captures_are_those_of_the_path_that_matched(
        patterns in proptest::collection::vec((pattern(), any::<bool>()), 1..8),
        path in "(/[abc]){1,5}/?",
    ) {
        // Half of the rules answer to another method: the search must come back from them unharmed.
        let rules: Vec<Value> = patterns
            .iter()
            .enumerate()
            .map(|(number, (pattern, fits))| {
                rule(&number.to_string(), "*", pattern, if *fits { &["GET"] } else { &["POST"] })
            })
            .collect();
        let matching: BTreeMap<usize, _> = patterns
            .iter()
            .enumerate()
            .filter(|(_, (_, fits))| *fits)
            .filter_map(|(number, (pattern, _))| Some((number, captures_by_definition(pattern, &path)?)))
            .collect();
        match find(&build(&[rule_set("r", &rules)]), "a.example", &path) {
            Lookup::Rule { rule, captures } => prop_assert_eq!(matching.get(&rule), Some(&captures)),
            Lookup::NoRule => prop_assert!(matching.is_empty(), "missed {matching:?}"),
            other => prop_assert!(false, "{other:?}"),
        }
    }

    #[test]
    fn rules_on_different_hosts_do_not_depend_on_their_order(
        patterns in proptest::collection::vec(pattern(), 2..6),
        path in "(/[abc]){1,4}",
        picked in any::<Index>(),
    ) {
        let hosts: Vec<String> = (0..patterns.len()).map(|number| format!("h{number}.example")).collect();
        let rules: Vec<Value> = patterns
            .iter()
            .zip(&hosts)
            .map(|(pattern, host)| rule(host, host, pattern, &[]))
            .collect();
        let reversed: Vec<Value> = rules.iter().rev().cloned().collect();
        let one_each: Vec<RuleSet> =
            reversed.iter().enumerate().map(|(number, rule)| rule_set(&number.to_string(), std::slice::from_ref(rule))).collect();
        let host = &hosts[picked.index(hosts.len())];
        let last = rules.len() - 1;
        let forward = find(&build(&[rule_set("r", &rules)]), host, &path);
        for backward in [build(&[rule_set("r", &reversed)]), build(&one_each)] {
            let backward = match find(&backward, host, &path) {
                Lookup::Rule { rule, captures } => Lookup::Rule { rule: last - rule, captures },
                other => other,
            };
            prop_assert_eq!(&forward, &backward);
        }
    }

    #[test]
    fn an_escaped_spelling_reaches_the_same_rule(path in "(/[ab]{1,2}){1,3}", escaped in any::<Index>()) {
        let index = build(&[rule_set("r", &[rule("a", "*", "/a/:x", &[]), rule("all", "*", "/**", &[])])]);
        let letters: Vec<usize> = path.match_indices(|letter| letter != '/').map(|(at, _)| at).collect();
        let at = letters[escaped.index(letters.len())];
        let spelled = format!("{}%{:02x}{}", &path[..at], path.as_bytes()[at], &path[at + 1..]);
        prop_assert_eq!(find(&index, "h", &spelled), find(&index, "h", &path));
    }

    #[test]
    fn no_request_makes_the_lookup_panic(host in ".{0,12}", path in ".{0,24}") {
        let index = build(&[rule_set("r", &[rule("all", "*", "/:a/*b", &[])])]);
        let _ = find(&index, &host, &path);
    }

    #[test]
    fn overlapping_rules_of_two_sets_are_told_with_both_rules_and_a_url_that_both_match(
        (one_host, one) in (proptest::sample::select(&HOSTS[..]), pattern()),
        (other_host, other) in (proptest::sample::select(&HOSTS[..]), pattern()),
        (asked_host, asked_path) in (proptest::sample::select(&HOSTS[..]), "(/[abc]){1,4}"),
    ) {
        let sets = [
            rule_set("1.yaml", &[rule("one", one_host, &one, &[])]),
            rule_set("2.yaml", &[rule("other", other_host, &other, &[])]),
        ];
        let mut diagnostics = Diagnostics::new();
        let built = RuleIndex::build(&sets, false, &mut diagnostics);
        prop_assert_eq!(built.is_none(), diagnostics.has_errors());
        let both_match = |host: &str, path: &str| {
            host_matches(one_host, host)
                && host_matches(other_host, host)
                && captures_by_definition(&one, path).is_some()
                && captures_by_definition(&other, path).is_some()
        };
        let asked_host = asked_host.replace('*', "any");
        let told: Vec<_> =
            diagnostics.iter().filter(|diagnostic| diagnostic.headline.ends_with("in another rule set")).collect();
        if both_match(&asked_host, &asked_path) {
            prop_assert!(!told.is_empty(), "both match {asked_host}{asked_path} and nobody was told");
        }
        for diagnostic in told {
            for name in ["`one`", "`other`", "1.yaml", "2.yaml"] {
                prop_assert!(diagnostic.headline.contains(name), "{}", diagnostic.headline);
            }
            let hint = diagnostic.hint.as_deref().unwrap();
            let witness = hint.split_once("both match `https://").and_then(|(_, url)| url.split('`').next()).unwrap();
            let (host, path) = witness.split_at(witness.find('/').unwrap());
            prop_assert!(both_match(host, path), "{hint}");
        }
    }

    #[test]
    fn the_normal_form_is_a_rule_file_that_means_the_same((dialect, file) in rule_file(), path in "(/[abc]){1,4}/?") {
        let as_written = read("written", &file);
        let form = to_normal_form(&as_written);
        let again = read("form", &form);
        prop_assert_eq!(&to_normal_form(&again), &form, "{:?} {}", dialect, file);

        let mut diagnostics = Diagnostics::new();
        let (Some(one), Some(other)) = (
            RuleIndex::build(&[as_written], true, &mut diagnostics),
            RuleIndex::build(&[again], true, &mut Diagnostics::new()),
        ) else {
            // Two names for one wildcard.
            prop_assert!(diagnostics.has_errors());
            return Ok(());
        };
        for host in HOSTS {
            let host = host.replace('*', "any");
            for (method, scheme) in [(Method::GET, "https"), (Method::POST, "http")] {
                let request = Request::new(method, RequestUri::new(scheme, &host, path.as_str(), None));
                prop_assert_eq!(one.find(&request), other.find(&request), "{:?} {}", dialect, file);
            }
        }
    }
}
