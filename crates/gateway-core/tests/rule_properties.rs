//! What must hold for all rules and requests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::{collections::BTreeMap, sync::Arc};

use gateway_core::{
    document::{Diagnostics, Node, Place},
    request::{Request, RequestUri},
    rules::{Lookup, RuleIndex, RuleSet, decode_rule_set},
};
use http::Method;
use proptest::{prelude::*, sample::Index};
use serde_json::{Value, json};

fn rule_set(source: &str, rules: &[Value]) -> RuleSet {
    let node = Node::from_json(
        &json!({ "version": "1beta1", "rules": rules }),
        &Place::whole_file(Arc::from(source)),
    );
    let mut diagnostics = Diagnostics::new();
    decode_rule_set(&node, &mut diagnostics).unwrap_or_else(|| panic!("{diagnostics}"))
}

fn rule(id: &str, host: &str, path: &str, methods: &[&str]) -> Value {
    json!({
        "id": id,
        "match": { "http": { "hosts": [host], "methods": methods, "paths": [{ "path": path }] } },
        "allow_encoded_slashes": "no_decode",
        "execute": [{ "authenticator": "token" }],
    })
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
        let at = escaped.index(path.len());
        prop_assume!(path.as_bytes()[at] != b'/');
        let spelled = format!("{}%{:02x}{}", &path[..at], path.as_bytes()[at], &path[at + 1..]);
        prop_assert_eq!(find(&index, "h", &spelled), find(&index, "h", &path));
    }

    #[test]
    fn no_request_makes_the_lookup_panic(host in ".{0,12}", path in ".{0,24}") {
        let index = build(&[rule_set("r", &[rule("all", "*", "/:a/*b", &[])])]);
        let _ = find(&index, &host, &path);
    }

    #[test]
    fn sets_are_refused_exactly_if_one_rule_covers_the_other(one in pattern(), other in pattern(), path in "(/[abc]){1,4}") {
        let sets = [rule_set("1", &[rule("one", "*", &one, &[])]), rule_set("2", &[rule("other", "*", &other, &[])])];
        let mut diagnostics = Diagnostics::new();
        let built = RuleIndex::build(&sets, false, &mut diagnostics);
        let (by_one, by_other) = (captures_by_definition(&one, &path), captures_by_definition(&other, &path));
        if by_one.is_some() && by_other.is_some() {
            prop_assert!(!diagnostics.is_empty(), "{one} and {other} share {path} and nobody was told");
        }
        prop_assert_eq!(built.is_none(), diagnostics.has_errors());
    }
}
