//! Rewrites rule sets from one dialect into another. What is not about the dialect stays as written, in its order.

use super::{decode_rule_set, path_pattern::PathPattern};
use crate::document::{Code, Diagnostic, Diagnostics, Key, Node, NodeValue, Place};

/// The dialects that can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `1beta1` with `match.http.paths`: heimdall's main line.
    V1Beta1,
    /// `1alpha4` with `match.routes` and typed hosts: heimdall up to 0.17.
    V1Alpha4,
}

impl Dialect {
    /// The `version` of its files.
    #[must_use]
    pub fn version(self) -> &'static str {
        match self {
            Self::V1Beta1 => "1beta1",
            Self::V1Alpha4 => "1alpha4",
        }
    }
}

/// The rule set in another dialect. `None` after an error was added to `diagnostics`: a mistake in the rule set, or something
/// that the other dialect can not say, such as a host by regular expression in `1beta1`.
///
/// Both match the same requests and run the same steps. Keys that are Keybound's own stay.
pub fn convert(rule_set: &Node, to: Dialect, diagnostics: &mut Diagnostics) -> Option<Node> {
    decode_rule_set(rule_set, diagnostics)?;
    let mut converted = Conversion { to, diagnostics, has_failed: false };
    let rewritten = converted.file(rule_set);
    (!converted.has_failed).then_some(rewritten)
}

struct Conversion<'d> {
    to: Dialect,
    diagnostics: &'d mut Diagnostics,
    has_failed: bool,
}

impl Conversion<'_> {
    fn file(&mut self, node: &Node) -> Node {
        let place = &node.place;
        let version = (key("version", place), Node::quoted_scalar(self.to.version(), place.clone()));
        let others = entries(node).iter().filter(|(key, _)| key.text != "version");
        let others = others.map(|(key, value)| match key.text.as_str() {
            "rules" => (key.clone(), each(value, |rule| self.rule(rule))),
            _ => (key.clone(), value.clone()),
        });
        let members = std::iter::once(version).chain(others).collect();
        Node::new(NodeValue::Mapping(members), place.clone())
    }

    fn rule(&mut self, rule: &Node) -> Node {
        let id = rule.get("id").and_then(Node::as_str).unwrap_or_default();
        change(rule, |name, value| match name {
            "match" => Some((name.to_owned(), self.matching(value, id))),
            _ => Some((name.to_owned(), value.clone())),
        })
    }

    fn matching(&mut self, matching: &Node, id: &str) -> Node {
        let of_request = matching.get("http").unwrap_or(matching);
        let (paths, captures) = match self.to {
            Dialect::V1Beta1 => ("paths", "captures"),
            Dialect::V1Alpha4 => ("routes", "path_params"),
        };
        let rewritten = change(of_request, |name, value| match name {
            "paths" | "routes" => Some((paths.to_owned(), each(value, |path| rewrite_path(path, captures)))),
            "hosts" => Some((name.to_owned(), each(value, |host| self.host(host, id)))),
            // Without effect in every version that is still read.
            "backtracking_enabled" => None,
            _ => Some((name.to_owned(), value.clone())),
        });
        match self.to {
            Dialect::V1Alpha4 => rewritten,
            Dialect::V1Beta1 => {
                let members = vec![(key("http", &matching.place), rewritten)];
                Node::new(NodeValue::Mapping(members), matching.place.clone())
            }
        }
    }

    /// A text in `1beta1`, a type and a value in `1alpha4`.
    fn host(&mut self, host: &Node, id: &str) -> Node {
        match (self.to, host.as_str()) {
            (Dialect::V1Beta1, None) => self.untyped_host(host, id),
            (Dialect::V1Alpha4, Some(pattern)) => {
                let kind = if pattern.contains('*') { "wildcard" } else { "exact" };
                let place = &host.place;
                let members = vec![
                    (key("type", place), Node::plain_scalar(kind, place.clone())),
                    (key("value", place), host.clone()),
                ];
                Node::new(NodeValue::Mapping(members), place.clone())
            }
            (Dialect::V1Beta1, Some(_)) | (Dialect::V1Alpha4, None) => host.clone(),
        }
    }

    fn untyped_host(&mut self, host: &Node, id: &str) -> Node {
        let kind = host.get("type").and_then(Node::as_str).unwrap_or_default();
        let value = host.get("value").unwrap_or(host);
        if matches!(kind, "exact" | "wildcard") {
            return value.clone();
        }
        self.has_failed = true;
        self.diagnostics.push(
            Diagnostic::error(
                Code::NoEquivalent,
                format!("rule `{id}` has a host of type `{kind}`, which 1beta1 can not say"),
                &value.place,
            )
            .found(value.as_str().unwrap_or_default())
            .expected("hosts of the types `exact` and `wildcard`")
            .hint("list the hosts one by one, or use `*.` in front of their common part"),
        );
        value.clone()
    }
}

/// The present spelling of wildcards, and the dialect's name for conditions on captures.
fn rewrite_path(path: &Node, captures: &str) -> Node {
    change(path, |name, value| match name {
        "captures" | "path_params" => Some((captures.to_owned(), value.clone())),
        "path" => {
            let respelled = value.as_str().and_then(|text| PathPattern::parse(text).ok()?.respelled);
            let respelled = respelled.map(|text| Node::plain_scalar(&text, value.place.clone()));
            Some((name.to_owned(), respelled.unwrap_or_else(|| value.clone())))
        }
        _ => Some((name.to_owned(), value.clone())),
    })
}

fn key(text: &str, place: &Place) -> Key {
    Key { text: text.to_owned(), place: place.clone() }
}

fn entries(node: &Node) -> &[(Key, Node)] {
    node.entries().unwrap_or_default()
}

/// A map with every entry renamed, changed or left out.
fn change(node: &Node, mut rewrite: impl FnMut(&str, &Node) -> Option<(String, Node)>) -> Node {
    if node.entries().is_none() {
        return node.clone();
    }
    let members = entries(node).iter().filter_map(|(name, value)| {
        let (text, value) = rewrite(&name.text, value)?;
        Some((Key { text, place: name.place.clone() }, value))
    });
    Node::new(NodeValue::Mapping(members.collect()), node.place.clone())
}

/// A list with every element changed.
fn each(node: &Node, rewrite: impl FnMut(&Node) -> Node) -> Node {
    match node.elements() {
        Some(elements) => {
            Node::new(NodeValue::Sequence(elements.iter().map(rewrite).collect()), node.place.clone())
        }
        None => node.clone(),
    }
}
