//! Why rules do not get a request: for people who wonder. The answer is that of the lookup itself, asked rule by rule.

use std::{collections::BTreeMap, ops::ControlFlow};

use super::{
    Lookup, RuleIndex,
    host::HostPattern,
    index::{Route, Verdict},
    normal_path::NormalPath,
    path_pattern::{PathPattern, Segment},
    path_trie::PathTrie,
};
use crate::request::Request;

/// A rule that does not get a request, by the path and host with which it comes nearest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearRule {
    /// Its position, counted over all rule sets.
    pub rule: usize,
    /// The path as written.
    pub path: String,
    /// The host pattern; `*` for any.
    pub host: String,
    /// What does not fit; at least one thing.
    pub mismatches: Vec<Mismatch>,
}

/// What about a rule does not fit a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mismatch {
    /// The host is another one.
    Host,
    /// The path is another one.
    Path,
    /// The method is not in the list; these are.
    Method(Vec<String>),
    /// The scheme must be this one.
    Scheme(&'static str),
    /// A condition on this capture does not hold.
    Capture(String),
    /// The path has an encoded slash, which the rule's captures do not allow.
    EncodedSlash,
    /// Everything fits, and a more special or an earlier rule wins.
    Outranked,
}

impl RuleIndex {
    /// The rules that come nearest to a request without getting it, at most `limit`, the nearest first.
    #[must_use]
    pub fn nearest(&self, request: &Request, limit: usize) -> Vec<NearRule> {
        let Ok(path) = NormalPath::parse(request.uri.path()) else { return Vec::new() };
        let chosen = match self.find(request) {
            Lookup::Rule { rule, .. } => Some(rule),
            Lookup::DefaultRule | Lookup::NoRule | Lookup::BadRequest(_) => None,
        };
        let mut best: BTreeMap<usize, (usize, usize, NearRule)> = BTreeMap::new();
        for route in self.routes().iter().filter(|route| Some(route.rule) != chosen) {
            let mismatches = self.mismatches(route, request, &path);
            let distance = distance(&route.pattern, path.normal());
            let near = NearRule {
                rule: route.rule,
                path: route.written.clone(),
                host: route.host.to_string(),
                mismatches,
            };
            let rank = (near.mismatches.len(), distance, near);
            let is_nearer = |known: &(usize, usize, NearRule)| (rank.0, rank.1) < (known.0, known.1);
            if best.get(&route.rule).is_none_or(is_nearer) {
                best.insert(route.rule, rank);
            }
        }
        let mut nearest: Vec<_> = best.into_values().collect();
        nearest.sort_by_key(|(count, distance, near)| (*count, *distance, near.rule));
        nearest.into_iter().take(limit).map(|(_, _, near)| near).collect()
    }

    fn mismatches(&self, route: &Route, request: &Request, path: &NormalPath<'_>) -> Vec<Mismatch> {
        let mut mismatches = Vec::new();
        if !host_fits(&route.host, request.uri.host()) {
            mismatches.push(Mismatch::Host);
        }
        let beside_path =
            path_values(&route.pattern, path, |values| match self.judge(route, request, path, values) {
                Verdict::Mismatch(mismatch) => Some(mismatch),
                Verdict::Decided(_) => None,
            });
        match beside_path {
            Some(mismatch) => mismatches.extend(mismatch),
            None => {
                mismatches.push(Mismatch::Path);
                mismatches.extend(self.mismatch_of_request(route, request));
            }
        }
        if mismatches.is_empty() {
            mismatches.push(Mismatch::Outranked);
        }
        mismatches
    }
}

/// Asks the tree about one host alone.
fn host_fits(pattern: &HostPattern, host: &str) -> bool {
    let mut tree = PathTrie::default();
    let Ok(Ok(root)) = PathPattern::parse("/").map(|parsed| parsed.pattern) else { return false };
    tree.insert(pattern, &root, 0);
    tree.search(host, "/", "/", &mut |_, _| ControlFlow::Break(())).is_break()
}

/// Asks the tree about one path alone; `None` if it does not fit.
fn path_values<T>(pattern: &PathPattern, path: &NormalPath<'_>, take: impl Fn(&[&str]) -> T) -> Option<T> {
    let mut tree = PathTrie::default();
    tree.insert(&HostPattern::Any, pattern, 0);
    let found =
        tree.search("any", path.normal(), path.resolved(), &mut |_, values| ControlFlow::Break(take(values)));
    match found {
        ControlFlow::Break(taken) => Some(taken),
        ControlFlow::Continue(()) => None,
    }
}

/// How many segments at the end of the path have nothing in common with the pattern.
fn distance(pattern: &PathPattern, path: &str) -> usize {
    let requested: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
    let mut common = 0;
    for (segment, requested) in pattern.segments().iter().zip(&requested) {
        match segment {
            Segment::Literal(text) if text != requested => break,
            Segment::Literal(_) | Segment::Single(_) => common += 1,
            Segment::Rest(_) => return 0,
        }
    }
    requested.len().max(pattern.segments().len()) - common
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http::Method;
    use serde_json::json;

    use super::*;
    use crate::{
        document::{Diagnostics, Node, Place},
        request::RequestUri,
        rules::decode_rule_set,
    };

    /// Of each near rule: its position and what does not fit.
    fn near(method: Method, url: (&str, &str, &str)) -> Vec<(usize, Vec<Mismatch>)> {
        let execute = json!([{"authenticator": "a"}]);
        let rule = |id: &str, http: serde_json::Value| json!({"id": id, "match": {"http": http}, "execute": execute});
        let rules = json!({"version": "1beta1", "rules": [
            rule("read", json!({"paths": [{"path": "/orders/:id"}], "methods": ["GET"], "hosts": ["api.example.com"]})),
            rule("numbers", json!({"paths": [{"path": "/orders/:id/items/:item", "captures": [{"name": "item", "type": "regex", "value": "^[0-9]+$"}]}]})),
            rule("rest", json!({"paths": [{"path": "/orders/**"}], "scheme": "https"})),
            rule("other", json!({"paths": [{"path": "/customers"}]})),
        ]});
        let mut diagnostics = Diagnostics::new();
        let node = Node::from_json(&rules, &Place::whole_file(Arc::from("f")));
        let rule_set = decode_rule_set(&node, &mut diagnostics).unwrap();
        let index = RuleIndex::build(&[rule_set], false, &mut diagnostics).unwrap();
        let (scheme, host, path) = url;
        let request = Request::new(method, RequestUri::new(scheme, host, path, None));
        index.nearest(&request, 4).into_iter().map(|near| (near.rule, near.mismatches)).collect()
    }

    #[test]
    fn says_what_does_not_fit_nearest_first() {
        let get = Mismatch::Method(vec!["GET".to_owned()]);
        assert_eq!(
            near(Method::POST, ("http", "api.example.com", "/orders/1"))[..3],
            [(0, vec![get.clone()]), (2, vec![Mismatch::Scheme("https")]), (1, vec![Mismatch::Path]),]
        );
        assert_eq!(
            near(Method::POST, ("http", "api.example.com:8443", "/orders/1/items/x"))[..2],
            [(1, vec![Mismatch::Capture("item".to_owned())]), (2, vec![Mismatch::Scheme("https")])]
        );
        let outranked = near(Method::GET, ("https", "api.example.com", "/orders/1"));
        assert_eq!(outranked[0], (2, vec![Mismatch::Outranked]));
        let elsewhere = near(Method::POST, ("http", "www.example.com", "/orders"));
        assert!(elsewhere.contains(&(0, vec![Mismatch::Host, Mismatch::Path, get])), "{elsewhere:?}");
    }
}
