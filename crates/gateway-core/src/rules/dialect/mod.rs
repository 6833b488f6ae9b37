//! Reads rule files of every dialect in circulation into the one form of [`rule`](super::rule).
//!
//! Three shapes exist, two of them under one version string, and files without a version. Which one a rule is in is decided
//! by its shape; the version only settles what the shape leaves open. A file gets one warning, not one for each rule.

mod forward_to;
mod request_match;
mod steps;
mod v1alpha4;
mod v1beta1;

use std::sync::Arc;

use super::rule::{DefaultRuleDefinition, EncodedSlashes, RuleDefinition, RuleSet};
use crate::document::{
    Code, Diagnostic, Diagnostics, KeyPath, MapReader, Node, Place, Spanned, decode_one_of, report_wrong_type,
};

/// What the keys of a rule's `match` show about the file it is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// `http.paths`: heimdall's main line.
    Http,
    /// `routes`, hosts as text or none: the same in version `1alpha4` and in early `1beta1`.
    Routes,
    /// `routes` with typed hosts or `backtracking_enabled`, as only `1alpha4` has them.
    TypedRoutes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    V1Alpha4,
    V1Beta1,
    Missing,
}

/// Reads the rules of one file. `None` exactly if an error was added to `diagnostics`; all mistakes of the file are.
pub fn decode_rule_set(node: &Node, diagnostics: &mut Diagnostics) -> Option<RuleSet> {
    unless_errors(diagnostics, |diagnostics| decode_file(node, diagnostics))
}

/// Reads the default rule of the configuration: `execute`, with an authenticator for the principal `default`, and `on_error`.
/// `None` exactly if an error was added to `diagnostics`.
pub fn decode_default_rule(node: &Node, diagnostics: &mut Diagnostics) -> Option<DefaultRuleDefinition> {
    unless_errors(diagnostics, |diagnostics| decode_default(node, diagnostics))
}

/// A decoder may go on after an error, with less than what is written, to find more of them: nothing it returns may be used.
fn unless_errors<T>(
    diagnostics: &mut Diagnostics,
    decode: impl FnOnce(&mut Diagnostics) -> Option<T>,
) -> Option<T> {
    let mut found = Diagnostics::new();
    let decoded = decode(&mut found).filter(|_| !found.has_errors());
    diagnostics.extend(found);
    decoded
}

fn decode_file(node: &Node, diagnostics: &mut Diagnostics) -> Option<RuleSet> {
    let root = KeyPath::rule_set();
    let source = node.place.source.clone();
    if let Some(place) = node.key_place("apiVersion") {
        diagnostics.push(
            Diagnostic::error(Code::NotSupportedYet, "Kubernetes objects are not read yet", place)
                .hint("put what is under `spec` into a file of its own"),
        );
        return None;
    }
    let mut reader = MapReader::new(node, &root, diagnostics)?;
    let version = reader.node("version").map(|version| decode_version(version, reader.diagnostics()));
    let name = reader.optional::<String>("name");
    let version = match version {
        Some(version) => version,
        None => Some(Version::Missing),
    };
    let rules = match reader.node("rules") {
        Some(rules) => decode_rules(rules, &root.key("rules"), reader.diagnostics()),
        None => {
            reader.report_missing("rules");
            None
        }
    };
    reader.finish();
    let (rules, version) = (rules?, version?);
    let place = node.get("version").map_or(&node.place, |version| &version.place);
    warn_of_old_dialect(&rules, version, place, &source, diagnostics);
    rules.into_iter().map(|rule| rule.map(|(rule, _)| rule)).collect::<Option<_>>().map(|rules| RuleSet {
        name,
        source,
        rules,
    })
}

fn decode_default(node: &Node, diagnostics: &mut Diagnostics) -> Option<DefaultRuleDefinition> {
    let path = KeyPath::configuration().key("default_rule");
    let mut reader = MapReader::new(node, &path, diagnostics)?;
    let execute = steps::decode_execute(&mut reader, "the default rule");
    let on_error = steps::decode_on_error(&mut reader, "the default rule");
    reader.finish();
    let (execute_place, execute) = execute?;
    if !steps::has_authenticator(&execute) {
        diagnostics.push(
            Diagnostic::error(
                Code::MissingAuthenticator,
                "the default rule has no authenticator",
                &execute_place,
            )
            .expected("at least one authenticator for the principal `default`")
            .hint("add one, for instance of the type `unauthorized`"),
        );
        return None;
    }
    if !steps::check_default_principal(&execute, &execute_place, "the default rule", diagnostics) {
        return None;
    }
    Some(DefaultRuleDefinition { place: node.place.clone(), execute_place, execute, on_error: on_error? })
}

fn decode_version(node: &Node, diagnostics: &mut Diagnostics) -> Option<Version> {
    match node.scalar_text().as_deref() {
        Some("1alpha4") => Some(Version::V1Alpha4),
        Some("1beta1") => Some(Version::V1Beta1),
        Some(other) => {
            diagnostics.push(
                Diagnostic::error(
                    Code::UnknownVersion,
                    format!("rule set version `{other}` is unknown"),
                    &node.place,
                )
                .found(other)
                .expected("1beta1, or the older 1alpha4")
                .hint("write `version: \"1beta1\"` for rules with `match.http.paths` or `match.routes`"),
            );
            None
        }
        None => {
            report_wrong_type(node, &KeyPath::rule_set().key("version"), "text", None, diagnostics);
            None
        }
    }
}

type Decoded = Option<(RuleDefinition, Shape)>;

fn decode_rules(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Vec<Decoded>> {
    let Some(elements) = node.elements() else {
        report_wrong_type(node, path, "a list", None, diagnostics);
        return None;
    };
    let decode = |(index, element): (usize, &Node)| {
        let path = match element.get("id").and_then(Node::as_str) {
            Some(id) => path.element(id),
            None => path.index(index),
        };
        decode_rule(element, &path, diagnostics)
    };
    Some(elements.iter().enumerate().map(decode).collect())
}

fn decode_rule(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Decoded {
    let mut reader = MapReader::new(node, path, diagnostics)?;
    let id = decode_id(&mut reader);
    let shown_id = id.as_ref().map_or("", |id| id.value.as_str());
    let owner = format!("rule `{shown_id}`");
    let matching = match reader.node("match") {
        Some(matching) => decode_match(matching, &path.key("match"), shown_id, reader.diagnostics()),
        None => {
            reader.report_missing("match");
            None
        }
    };
    let forward_to = match reader.node("forward_to") {
        Some(node) if !node.is_null() => {
            forward_to::decode(node, &path.key("forward_to"), reader.diagnostics()).map(Some)
        }
        Some(_) | None => Some(None),
    };
    let slashes = EncodedSlashes::ALL.map(|mode| (mode.as_str(), mode));
    let allow_encoded_slashes = reader.optional_with("allow_encoded_slashes", |node, path, diagnostics| {
        decode_one_of(node, path, &slashes, diagnostics)
    });
    let public_origin = reader.optional("public_origin");
    let execute = steps::decode_execute(&mut reader, &owner);
    let on_error = steps::decode_on_error(&mut reader, &owner);
    reader.finish();
    let (execute_place, execute) = execute?;
    if steps::has_authenticator(&execute)
        && !steps::check_default_principal(&execute, &execute_place, &owner, diagnostics)
    {
        return None;
    }
    let (matching, shape) = matching?;
    let rule = RuleDefinition {
        id: id?,
        place: node.place.clone(),
        matching,
        forward_to: forward_to?,
        allow_encoded_slashes: allow_encoded_slashes.unwrap_or_default(),
        public_origin,
        execute_place,
        execute,
        on_error: on_error?,
    };
    Some((rule, shape))
}

fn decode_id(reader: &mut MapReader<'_, '_>) -> Option<Spanned<String>> {
    let id = reader.required::<Spanned<String>>("id")?;
    if id.value.is_empty() {
        reader.diagnostics().push(
            Diagnostic::error(Code::MissingKey, "the rule's `id` is empty", &id.place)
                .expected("a name that is unique in all rule sets"),
        );
        return None;
    }
    Some(id)
}

fn decode_match(
    node: &Node,
    path: &KeyPath,
    rule_id: &str,
    diagnostics: &mut Diagnostics,
) -> Option<(super::rule::RuleMatch, Shape)> {
    const OLDER_KEYS: [&str; 5] = ["routes", "hosts", "methods", "scheme", "backtracking_enabled"];
    let older = OLDER_KEYS.iter().find_map(|key| node.key_place(key).map(|place| (*key, place)));
    if node.get("http").is_none() {
        return v1alpha4::decode_match(node, path, rule_id, diagnostics);
    }
    if let Some((key, place)) = older {
        diagnostics.push(
            Diagnostic::error(
                Code::MixedDialects,
                format!("rule `{rule_id}` has `{key}` beside `http`: two dialects in one rule"),
                place,
            )
            .expected("`http` alone, with paths, scheme, methods and hosts in it")
            .hint(format!("move `{key}` under `http`; `routes` are called `paths` there")),
        );
        return None;
    }
    v1beta1::decode_match(node, path, rule_id, diagnostics).map(|matching| (matching, Shape::Http))
}

/// One warning for a file that is not in the present dialect.
fn warn_of_old_dialect(
    rules: &[Decoded],
    version: Version,
    place: &Place,
    source: &Arc<str>,
    diagnostics: &mut Diagnostics,
) {
    const CONVERT: &str = "convert with `keybound convert ruleset`";
    let has = |shape: Shape| rules.iter().flatten().any(|(_, found)| *found == shape);
    let shapes = match (has(Shape::Http), has(Shape::TypedRoutes), has(Shape::Routes)) {
        (_, true, _) => "`routes` and typed hosts",
        (_, false, true) => "`routes`",
        (_, false, false) => "`http.paths`",
    };
    let uses_conditions = rules.iter().flatten().any(|(rule, _)| !rule.matching.host_conditions.is_empty());
    let kept = if uses_conditions { "; hosts of type glob and regex are kept as conditions" } else { "" };
    let (code, headline) = match version {
        Version::Missing => {
            (Code::MissingVersion, format!("no `version`; read as 1beta1 with {shapes}{kept}"))
        }
        Version::V1Alpha4 if has(Shape::Http) => {
            (Code::VersionMismatch, format!("version 1alpha4 with `http.paths`: read by shape{kept}"))
        }
        Version::V1Beta1 if has(Shape::TypedRoutes) => {
            (Code::VersionMismatch, format!("version 1beta1 with {shapes}: read by shape{kept}"))
        }
        Version::V1Alpha4 => (Code::OldDialect, format!("rule set in dialect 1alpha4, still read{kept}")),
        Version::V1Beta1 if has(Shape::Routes) => (
            Code::OldDialect,
            "rule set in dialect 1beta1 with `routes`, superseded by `match.http.paths`, still read"
                .to_owned(),
        ),
        Version::V1Beta1 => return,
    };
    let hint = match (version, shapes) {
        (Version::Missing, "`http.paths`") => "add `version: \"1beta1\"`",
        _ => CONVERT,
    };
    let place = if place.line == 0 { Place::whole_file(source.clone()) } else { place.clone() };
    diagnostics.push(Diagnostic::warning(code, headline, &place).hint(hint));
}
