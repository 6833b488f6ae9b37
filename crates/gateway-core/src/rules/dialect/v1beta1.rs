//! `match.http`: paths, scheme, methods and hosts of heimdall's main line.

use super::{super::rule::RuleMatch, request_match};
use crate::document::{Diagnostics, KeyPath, MapReader, Node};

/// Reads a `match` that has `http`.
pub(super) fn decode_match(
    node: &Node,
    path: &KeyPath,
    rule_id: &str,
    diagnostics: &mut Diagnostics,
) -> Option<RuleMatch> {
    let mut reader = MapReader::new(node, path, diagnostics)?;
    let http = reader.node("http")?;
    let matching = decode_http(http, &path.key("http"), rule_id, reader.diagnostics());
    reader.finish();
    matching
}

fn decode_http(
    node: &Node,
    path: &KeyPath,
    rule_id: &str,
    diagnostics: &mut Diagnostics,
) -> Option<RuleMatch> {
    let mut reader = MapReader::new(node, path, diagnostics)?;
    let paths = request_match::decode_paths(&mut reader, "paths", "captures", rule_id);
    let hosts = request_match::decode_hosts(&mut reader);
    let methods = request_match::decode_methods(&mut reader, rule_id);
    let scheme = request_match::decode_scheme(&mut reader);
    reader.finish();
    request_match::assemble(paths, hosts, methods, scheme)
}
