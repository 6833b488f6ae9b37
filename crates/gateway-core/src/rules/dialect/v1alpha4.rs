//! `match.routes` with `path_params`: version `1alpha4`, and the early files of version `1beta1`, which are the same but for
//! hosts without type.

use super::{super::rule::RuleMatch, Shape, request_match};
use crate::document::{Code, Diagnostic, Diagnostics, KeyPath, MapReader, Node};

/// Reads a `match` without `http`.
pub(super) fn decode_match(
    node: &Node,
    path: &KeyPath,
    rule_id: &str,
    diagnostics: &mut Diagnostics,
) -> Option<(RuleMatch, Shape)> {
    let mut reader = MapReader::new(node, path, diagnostics)?;
    if !reader.has("routes") {
        let place = reader.place();
        reader.diagnostics().push(
            Diagnostic::error(Code::MissingKey, format!("rule `{rule_id}` has no paths to match"), place)
                .expected("`http: {paths: [{path: /…}]}`")
                .hint("add `http.paths` under `match`"),
        );
    }
    let paths = if reader.has("routes") {
        request_match::decode_paths(&mut reader, "routes", "path_params", rule_id)
    } else {
        None
    };
    let has_typed_hosts = node
        .get("hosts")
        .and_then(Node::elements)
        .is_some_and(|hosts| hosts.iter().any(|host| host.entries().is_some()));
    let hosts = request_match::decode_hosts(&mut reader);
    let methods = request_match::decode_methods(&mut reader, rule_id);
    let scheme = request_match::decode_scheme(&mut reader);
    let backtracking = reader.optional::<bool>("backtracking_enabled");
    let backtracking_place = reader.key_place("backtracking_enabled");
    if let (Some(enabled), Some(place)) = (backtracking, backtracking_place) {
        let effect = if enabled { "it is always on" } else { "it can not be switched off" };
        reader.diagnostics().push(
            Diagnostic::warning(
                Code::Deprecated,
                format!(
                    "`backtracking_enabled` of rule `{rule_id}` has no effect since heimdall 0.17: {effect}"
                ),
                place,
            )
            .hint("remove it"),
        );
    }
    reader.finish();
    let shape =
        if has_typed_hosts || backtracking_place.is_some() { Shape::TypedRoutes } else { Shape::Routes };
    request_match::assemble(paths, hosts, methods, scheme).map(|matching| (matching, shape))
}
