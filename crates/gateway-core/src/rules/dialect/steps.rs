//! `execute` and `on_error`: steps, their kinds and their order.

use std::collections::HashMap;

use super::super::rule::{DEFAULT_PRINCIPAL, StepDefinition, StepKind};
use crate::document::{
    Code, Diagnostic, Diagnostics, KeyPath, MapReader, Node, Place, Spanned, decode_sequence,
};

/// The parts of a pipeline in their order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Authenticators,
    /// Authorizers and contextualizers, in any order.
    Authorization,
    Finalizers,
    ErrorHandlers,
}

fn stage_of(kind: StepKind) -> Stage {
    match kind {
        StepKind::Authenticator => Stage::Authenticators,
        StepKind::Authorizer | StepKind::Contextualizer => Stage::Authorization,
        StepKind::Finalizer => Stage::Finalizers,
        StepKind::ErrorHandler => Stage::ErrorHandlers,
    }
}

/// Reads `execute`, which is mandatory and has at least one step; with the place of the key.
pub(super) fn decode_execute(
    reader: &mut MapReader<'_, '_>,
    owner: &str,
) -> Option<(Place, Vec<StepDefinition>)> {
    let Some(node) = reader.node("execute") else {
        reader.report_missing("execute");
        return None;
    };
    let place = reader.key_place("execute").unwrap_or(&node.place).clone();
    let path = reader.path().key("execute");
    if node.is_null() || node.elements().is_some_and(<[Node]>::is_empty) {
        reader.diagnostics().push(
            Diagnostic::error(Code::MissingKey, format!("`{path}` has no steps"), &place)
                .expected("at least one step")
                .hint("add at least an authenticator"),
        );
        return None;
    }
    let steps = decode_sequence(node, &path, reader.diagnostics(), decode_step)?;
    let is_in_order = check_order(&steps, owner, reader.diagnostics());
    let has_unique_ids = check_ids(&steps, owner, reader.diagnostics());
    (is_in_order && has_unique_ids).then_some((place, steps))
}

/// Reads `on_error`, which may be left out and has error handlers only.
pub(super) fn decode_on_error(reader: &mut MapReader<'_, '_>, owner: &str) -> Option<Vec<StepDefinition>> {
    let Some(node) = reader.node("on_error") else { return Some(Vec::new()) };
    if node.is_null() {
        return Some(Vec::new());
    }
    let path = reader.path().key("on_error");
    let steps = decode_sequence(node, &path, reader.diagnostics(), decode_step)?;
    let mut is_valid = check_ids(&steps, owner, reader.diagnostics());
    for step in &steps {
        if stage_of(step.kind) != Stage::ErrorHandlers {
            reader.diagnostics().push(
                Diagnostic::error(
                    Code::StageOrder,
                    format!(
                        "{} `{}` stands in `on_error` of {owner}",
                        step.kind.as_str(),
                        step.mechanism.value
                    ),
                    &step.mechanism.place,
                )
                .expected("error handlers only")
                .hint("move it to `execute`"),
            );
            is_valid = false;
        }
    }
    is_valid.then_some(steps)
}

/// Whether a pipeline has an authenticator of its own.
pub(super) fn has_authenticator(steps: &[StepDefinition]) -> bool {
    steps.iter().any(|step| step.kind == StepKind::Authenticator)
}

/// Whether one of the authenticators feeds the principal that everything else reads; reports it otherwise.
pub(super) fn check_default_principal(
    steps: &[StepDefinition],
    place: &Place,
    owner: &str,
    diagnostics: &mut Diagnostics,
) -> bool {
    let mut authenticators = steps.iter().filter(|step| step.kind == StepKind::Authenticator);
    if authenticators.any(|step| step.principal_name() == DEFAULT_PRINCIPAL) {
        return true;
    }
    diagnostics.push(
        Diagnostic::error(
            Code::NoDefaultPrincipal,
            format!("no authenticator of {owner} feeds the principal `{DEFAULT_PRINCIPAL}`"),
            place,
        )
        .expected(format!("an authenticator for the principal `{DEFAULT_PRINCIPAL}`"))
        .hint("give one authenticator no `principal`"),
    );
    false
}

fn decode_step(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<StepDefinition> {
    let mut reader = MapReader::new(node, path, diagnostics)?;
    let mut named = Vec::new();
    for kind in StepKind::ALL {
        if let Some(value) = reader.node(kind.as_str()) {
            named.push((kind, value));
        }
    }
    let only_kind = match named.as_slice() {
        [(kind, value)] => Some((*kind, *value)),
        [] => {
            let place = reader.place();
            let keys = StepKind::ALL.map(StepKind::as_str).join(", ");
            reader.diagnostics().push(
                Diagnostic::error(Code::MissingKey, format!("`{path}` names no mechanism"), place)
                    .expected(format!("one of {keys}")),
            );
            None
        }
        [(first, _), .., (second, value)] => {
            let place = reader.key_place(second.as_str()).unwrap_or(&value.place);
            reader.diagnostics().push(
                Diagnostic::error(
                    Code::SeveralMechanismsInStep,
                    format!("`{path}` has both `{}` and `{}`", first.as_str(), second.as_str()),
                    place,
                )
                .expected("one mechanism in one step")
                .hint("split into two steps"),
            );
            None
        }
    };
    let id = reader.optional::<Spanned<String>>("id");
    let condition = reader.optional::<Spanned<String>>("if");
    let config = reader.node("config").filter(|config| !config.is_null()).cloned();
    let is_authenticator = named.iter().any(|(kind, _)| *kind == StepKind::Authenticator);
    let principal = if is_authenticator { reader.optional::<Spanned<String>>("principal") } else { None };
    let has_condition = reader.has("if");
    if has_condition && is_authenticator {
        let place = reader.key_place("if").unwrap_or(&node.place);
        reader.diagnostics().push(
            Diagnostic::error(
                Code::IfOnAuthenticator,
                format!(
                    "`{path}` has a condition on an authenticator: where it is false, nobody would be asked"
                ),
                place,
            )
            .expected("authenticators without `if`")
            .hint("use two rules with different methods or paths, or an authorizer"),
        );
    }
    let (kind, value) = match only_kind {
        Some(only) => only,
        None => {
            reader.finish();
            return None;
        }
    };
    let mechanism_path = path.key(kind.as_str());
    let mechanism = crate::document::Decode::decode(value, &mechanism_path, reader.diagnostics());
    reader.finish();
    if has_condition && is_authenticator {
        return None;
    }
    Some(StepDefinition {
        kind,
        mechanism: mechanism?,
        id,
        principal,
        condition,
        config,
        path: path.clone(),
        place: node.place.clone(),
    })
}

fn check_order(steps: &[StepDefinition], owner: &str, diagnostics: &mut Diagnostics) -> bool {
    let mut is_in_order = true;
    let mut latest: Option<&StepDefinition> = None;
    for (position, step) in steps.iter().enumerate() {
        let (kind, mechanism) = (step.kind.as_str(), &step.mechanism);
        if stage_of(step.kind) == Stage::ErrorHandlers {
            is_in_order = false;
            diagnostics.push(
                Diagnostic::error(
                    Code::StageOrder,
                    format!("error handler `{}` stands in `execute` of {owner}", mechanism.value),
                    &mechanism.place,
                )
                .found(format!("step {}", position + 1))
                .expected("authenticators, then authorizers and contextualizers, then finalizers")
                .hint("move it to `on_error`"),
            );
            continue;
        }
        match latest {
            Some(before) if stage_of(before.kind) > stage_of(step.kind) => {
                is_in_order = false;
                diagnostics.push(
                    Diagnostic::error(
                        Code::StageOrder,
                        format!(
                            "{kind} `{}` stands behind {} `{}` in {owner}",
                            mechanism.value,
                            before.kind.as_str(),
                            before.mechanism.value
                        ),
                        &mechanism.place,
                    )
                    .found(format!("step {}", position + 1))
                    .expected("authenticators, then authorizers and contextualizers, then finalizers")
                    .hint(format!("move it before line {}", before.mechanism.place.line)),
                );
            }
            Some(_) | None => latest = Some(step),
        }
    }
    is_in_order
}

/// Ids that steps were given are unique in their pipeline.
fn check_ids(steps: &[StepDefinition], owner: &str, diagnostics: &mut Diagnostics) -> bool {
    let mut known: HashMap<&str, &Place> = HashMap::new();
    let mut is_unique = true;
    for id in steps.iter().filter_map(|step| step.id.as_ref()) {
        match known.get(id.value.as_str()) {
            None => {
                known.insert(&id.value, &id.place);
            }
            Some(first) => {
                is_unique = false;
                diagnostics.push(
                    Diagnostic::error(
                        Code::DuplicateStepId,
                        format!("step id `{}` is used twice in {owner}", id.value),
                        &id.place,
                    )
                    .and_place(first)
                    .expected("step ids that are unique in their pipeline")
                    .hint("rename one"),
                );
            }
        }
    }
    is_unique
}
