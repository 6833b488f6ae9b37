//! Paths, captures, hosts, methods and scheme, which all dialects write alike but for the names of two keys.

use super::super::{
    condition::{Condition, ConditionError, ConditionType},
    host::HostPattern,
    method_set::MethodSet,
    path_pattern::{ParsedPath, PathPattern, PatternError},
    rule::{CaptureCondition, RuleMatch, RulePath, Scheme},
};
use crate::document::{
    Code, Decode, Diagnostic, Diagnostics, KeyPath, MapReader, Node, Spanned, decode_one_of, decode_sequence,
};

/// Separates what `*` in a glob can not cross.
const PATH_SEPARATOR: char = '/';
const HOST_SEPARATOR: char = '.';

#[derive(Default)]
pub(super) struct Hosts {
    patterns: Vec<HostPattern>,
    conditions: Vec<Condition>,
}

pub(super) struct Methods {
    set: MethodSet,
    written: Vec<String>,
}

/// Joins the parts; `None` if one of them was in error.
pub(super) fn assemble(
    paths: Option<Vec<RulePath>>,
    hosts: Option<Hosts>,
    methods: Option<Methods>,
    scheme: Option<Option<Scheme>>,
) -> Option<RuleMatch> {
    let (Hosts { mut patterns, conditions }, methods) = (hosts?, methods?);
    if patterns.is_empty() && conditions.is_empty() {
        patterns.push(HostPattern::Any);
    }
    Some(RuleMatch {
        paths: paths?,
        hosts: patterns,
        host_conditions: conditions,
        methods: methods.set,
        written_methods: methods.written,
        scheme: scheme?,
    })
}

/// Reads the list of paths under `key`, with conditions on captured values under `captures_key`. Paths that no request can
/// have are left out, with a warning.
pub(super) fn decode_paths(
    reader: &mut MapReader<'_, '_>,
    key: &'static str,
    captures_key: &'static str,
    rule_id: &str,
) -> Option<Vec<RulePath>> {
    let Some(node) = reader.node(key) else {
        reader.report_missing(key);
        return None;
    };
    let path = reader.path().key(key);
    if node.elements().is_some_and(<[Node]>::is_empty) {
        reader.diagnostics().push(
            Diagnostic::error(Code::MissingKey, format!("`{path}` is empty"), &node.place)
                .expected("at least one path"),
        );
        return None;
    }
    let decoded = decode_sequence(node, &path, reader.diagnostics(), |node, path, diagnostics| {
        decode_path(node, path, captures_key, rule_id, diagnostics)
    })?;
    Some(decoded.into_iter().flatten().collect())
}

/// `None` after an error, `Some(None)` for a path that no request can have.
#[expect(clippy::option_option, reason = "an error and a path left out are different things to the caller")]
fn decode_path(
    node: &Node,
    path: &KeyPath,
    captures_key: &'static str,
    rule_id: &str,
    diagnostics: &mut Diagnostics,
) -> Option<Option<RulePath>> {
    let mut reader = MapReader::new(node, path, diagnostics)?;
    let written = reader.required::<Spanned<String>>("path");
    let captures = reader.optional_with(captures_key, |node, path, diagnostics| {
        decode_sequence(node, path, diagnostics, decode_capture)
    });
    let captures = if reader.has(captures_key) { captures } else { Some(Vec::new()) };
    reader.finish();
    let Spanned { value: written, place } = written?;
    let ParsedPath { pattern, respelled } = match PathPattern::parse(&written) {
        Ok(parsed) => parsed,
        Err(error) => {
            diagnostics.push(
                Diagnostic::error(
                    Code::BadPath,
                    format!("path of rule `{rule_id}` can not be read: {error}"),
                    &place,
                )
                .found(written)
                .expected(
                    "literals, `:name` or `:*` for one segment, `*name` or `**` as the last one for all that follows",
                )
                .hint(match error {
                    PatternError::BehindFreeWildcard(_) => "end the path there, or write `:*` for each single segment",
                    PatternError::NamelessWildcard(_) => {
                        "add a name, or put a backslash in front if the sign is meant literally"
                    }
                    PatternError::RepeatedName(_) => "give each wildcard a name of its own",
                    PatternError::InvalidEscape(_) => "write `%25` for a percent sign",
                    PatternError::TooManySegments => "end the path with `**` before",
                    PatternError::NotAPath(_) => "rules match paths without query; write `%3F` or `%23` for the sign",
                }),
            );
            return None;
        }
    };
    if let Some(present) = &respelled {
        diagnostics.push(
            Diagnostic::warning(
                Code::OldWildcard,
                format!("path `{written}` uses the old wildcard spelling, read as `{present}`"),
                &place,
            )
            .hint(format!("write `{present}`")),
        );
    }
    let captures = captures?;
    let pattern = match pattern {
        Ok(pattern) => pattern,
        Err(reason) => {
            diagnostics.push(
                Diagnostic::warning(
                    Code::DeadRule,
                    format!("rule `{rule_id}` can never match by path `{written}`: {reason}"),
                    &place,
                )
                .hint("write the path as requests have it, from the first `/` on"),
            );
            return Some(None);
        }
    };
    let is_in_path = |capture: &Spanned<CaptureCondition>| {
        pattern.wildcard_names().flatten().any(|name| name == capture.value.name)
    };
    if let Some(unknown) = captures.iter().find(|capture| !is_in_path(capture)) {
        let names: Vec<String> = pattern.wildcard_names().flatten().map(|name| format!("`{name}`")).collect();
        diagnostics.push(
            Diagnostic::warning(
                Code::DeadRule,
                format!(
                    "rule `{rule_id}` can never match by path `{written}`: capture `{}` is not in the path",
                    unknown.value.name
                ),
                &unknown.place,
            )
            .expected(if names.is_empty() { "no captures".to_owned() } else { names.join(", ") }),
        );
        return Some(None);
    }
    let captures = captures.into_iter().map(|capture| capture.value).collect();
    Some(Some(RulePath { pattern, written: respelled.unwrap_or(written), place, captures }))
}

fn decode_capture(
    node: &Node,
    path: &KeyPath,
    diagnostics: &mut Diagnostics,
) -> Option<Spanned<CaptureCondition>> {
    let mut reader = MapReader::new(node, path, diagnostics)?;
    let name = reader.required::<Spanned<String>>("name");
    let condition = decode_typed_value(&mut reader, PATH_SEPARATOR);
    reader.finish();
    let name = name?;
    if matches!(name.value.as_str(), "*" | "**" | "") {
        diagnostics.push(
            Diagnostic::error(
                Code::BadCapture,
                "a wildcard without name has no value that could be checked",
                &name.place,
            )
            .found(name.value)
            .expected("the name of a wildcard in the path")
            .hint("give the wildcard a name, such as `:id`, and use it here"),
        );
        return None;
    }
    let condition = CaptureCondition { name: name.value, condition: condition?.0 };
    Some(Spanned::new(condition, name.place))
}

/// Reads `type` and `value`; the condition with the text as written.
fn decode_typed_value(
    reader: &mut MapReader<'_, '_>,
    separator: char,
) -> Option<(Condition, Spanned<String>)> {
    let types = ConditionType::ALL.map(|kind| (kind.as_str(), kind));
    let kind = match reader.node("type") {
        Some(node) => {
            let path = reader.path().key("type");
            decode_one_of(node, &path, &types, reader.diagnostics())
        }
        None => {
            reader.report_missing("type");
            None
        }
    };
    let value = reader.required::<Spanned<String>>("value");
    let (kind, value) = (kind?, value?);
    let path = reader.path().key("value");
    compile(kind, &value, separator, &path, reader.diagnostics()).map(|condition| (condition, value))
}

fn compile(
    kind: ConditionType,
    value: &Spanned<String>,
    separator: char,
    path: &KeyPath,
    diagnostics: &mut Diagnostics,
) -> Option<Condition> {
    match Condition::new(kind, &value.value, separator) {
        Ok(condition) => Some(condition),
        Err(error) => {
            let (code, expected, hint) = match &error {
                ConditionError::BadRegex(_) => (
                    Code::BadRegex,
                    "a regular expression in RE2 syntax",
                    "put a backslash before signs that are meant literally, such as `\\.` or `\\[`",
                ),
                ConditionError::BadGlob(_) => (
                    Code::BadCapture,
                    "a glob: `*`, `**`, `?`, `[abc]`, `[!a-z]` or `{one,other}`",
                    "close every `[` and `{`, or put a backslash before one that is meant literally",
                ),
            };
            diagnostics.push(
                Diagnostic::error(code, format!("`{path}`: {error}"), &value.place)
                    .found(value.value.clone())
                    .expected(expected)
                    .hint(hint),
            );
            None
        }
    }
}

/// Reads `hosts`: texts, or objects with a type as the oldest dialect writes them.
pub(super) fn decode_hosts(reader: &mut MapReader<'_, '_>) -> Option<Hosts> {
    let Some(node) = reader.node("hosts") else { return Some(Hosts::default()) };
    if node.is_null() {
        return Some(Hosts::default());
    }
    let path = reader.path().key("hosts");
    let decoded = decode_sequence(node, &path, reader.diagnostics(), |node, path, diagnostics| {
        if node.entries().is_some() {
            decode_typed_host(node, path, diagnostics)
        } else {
            let text = Spanned::<String>::decode(node, path, diagnostics)?;
            decode_host_pattern(&text, diagnostics).map(Host::Pattern)
        }
    })?;
    let mut hosts = Hosts::default();
    for host in decoded {
        match host {
            Host::Pattern(pattern) if hosts.patterns.contains(&pattern) => {}
            Host::Pattern(pattern) => hosts.patterns.push(pattern),
            Host::Condition(condition) => hosts.conditions.push(condition),
        }
    }
    Some(hosts)
}

enum Host {
    Pattern(HostPattern),
    Condition(Condition),
}

#[derive(Clone, Copy)]
enum HostType {
    Exact,
    Wildcard,
    Condition(ConditionType),
}

fn decode_typed_host(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Host> {
    let types = [
        ("exact", HostType::Exact),
        ("wildcard", HostType::Wildcard),
        ("glob", HostType::Condition(ConditionType::Glob)),
        ("regex", HostType::Condition(ConditionType::Regex)),
    ];
    let mut reader = MapReader::new(node, path, diagnostics)?;
    let kind = match reader.node("type") {
        Some(node) => {
            let path = path.key("type");
            decode_one_of(node, &path, &types, reader.diagnostics())
        }
        None => {
            reader.report_missing("type");
            None
        }
    };
    let value = reader.required::<Spanned<String>>("value");
    reader.finish();
    let (kind, value) = (kind?, value?);
    match kind {
        HostType::Exact if value.value.contains('*') => {
            report_bad_host(&value, "a host of type `exact` has no wildcard", diagnostics);
            None
        }
        HostType::Exact | HostType::Wildcard => decode_host_pattern(&value, diagnostics).map(Host::Pattern),
        HostType::Condition(kind) => {
            compile(kind, &value, HOST_SEPARATOR, &path.key("value"), diagnostics).map(Host::Condition)
        }
    }
}

fn decode_host_pattern(text: &Spanned<String>, diagnostics: &mut Diagnostics) -> Option<HostPattern> {
    match HostPattern::parse(&text.value) {
        Ok(pattern) => Some(pattern),
        Err(error) => {
            let reason = if text.value.contains('*') {
                "a wildcard stands alone or in front, as `*.`".to_owned()
            } else {
                error.to_string()
            };
            report_bad_host(text, &reason, diagnostics);
            None
        }
    }
}

fn report_bad_host(text: &Spanned<String>, reason: &str, diagnostics: &mut Diagnostics) {
    diagnostics.push(
        Diagnostic::error(Code::BadHost, format!("host pattern can not be read: {reason}"), &text.place)
            .found(text.value.clone())
            .expected("`*`, `*.example.com`, `api.example.com` or `api.example.com:8443`")
            .hint("a host is written as clients send it, without scheme and path; list several one by one"),
    );
}

/// Reads `methods`.
pub(super) fn decode_methods(reader: &mut MapReader<'_, '_>, rule_id: &str) -> Option<Methods> {
    let any = || Methods { set: MethodSet::Any, written: Vec::new() };
    let Some(node) = reader.node("methods") else { return Some(any()) };
    if node.is_null() {
        return Some(any());
    }
    let path = reader.path().key("methods");
    let written = decode_sequence(node, &path, reader.diagnostics(), decode_method)?;
    let names: Vec<&str> = written.iter().map(String::as_str).collect();
    let set = MethodSet::from_written(names.iter().copied());
    if set.excludes_nothing(&names) {
        let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
        let removed: Vec<String> =
            names.iter().filter(|name| name.starts_with('!')).map(|name| format!("\"{name}\"")).collect();
        let hint = if names.contains(&"!ALL") {
            "leave `methods` out if every method is meant".to_owned()
        } else {
            format!("write [ALL, {}]", removed.join(", "))
        };
        reader.diagnostics().push(
            Diagnostic::warning(
                Code::MethodsMatchAll,
                format!(
                    "methods of rule `{rule_id}` exclude nothing: [{}] matches every method",
                    quoted.join(", ")
                ),
                &node.place,
            )
            .hint(hint),
        );
    }
    Some(Methods { set, written })
}

fn decode_method(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<String> {
    let is_empty = node.is_null() || matches!(node.as_str(), Some("" | "!"));
    if is_empty {
        diagnostics.push(
            Diagnostic::error(Code::EmptyMethod, format!("`{path}` names no method"), &node.place)
                .expected("a method, `ALL`, or either with `!` in front")
                .hint("`!POST` needs quotes in YAML: \"!POST\""),
        );
        return None;
    }
    String::decode(node, path, diagnostics)
}

/// Reads `scheme`: the outer `None` after an error, the inner one if any scheme fits.
#[expect(clippy::option_option, reason = "an error and any scheme are different things to the caller")]
pub(super) fn decode_scheme(reader: &mut MapReader<'_, '_>) -> Option<Option<Scheme>> {
    let Some(node) = reader.node("scheme") else { return Some(None) };
    if node.is_null() || node.as_str() == Some("") {
        return Some(None);
    }
    let path = reader.path().key("scheme");
    super::forward_to::decode_scheme(node, &path, reader.diagnostics()).map(Some)
}
