//! From a rule as written to its pipeline: stages inherited from the default rule, mechanisms out of the catalogue.

use super::{BodyReaders, Check, Pipeline, PrincipalChain, Step};
use crate::{
    document::{Code, Diagnostic, Diagnostics, KeyPath},
    expression::{Expression, ExpressionPlace},
    mechanisms::{
        Dependencies,
        catalogue::{Catalogue, StepSource},
        error_handlers::ErrorHandler,
        finalizers::Finalizer,
        step::FailureOrigin,
    },
    offered,
    rules::{
        DEFAULT_PRINCIPAL, DefaultRuleDefinition, EncodedSlashes, RuleDefinition, StepDefinition, StepKind,
    },
};

/// The id of the default rule in logs.
pub(crate) const DEFAULT_RULE_ID: &str = "default";

/// The steps of one rule by stage.
#[derive(Default)]
struct Stages {
    authenticators: Vec<PrincipalChain>,
    checks: Vec<Step<Check>>,
    finalizers: Vec<Step<Finalizer>>,
    error_handlers: Vec<Step<ErrorHandler>>,
    has_failed: bool,
}

/// Where the steps that are compiled stand.
struct Owner<'a> {
    name: String,
    path: KeyPath,
    in_rule: bool,
    catalogue: &'a Catalogue,
    dependencies: &'a Dependencies,
}

/// Compiles the default rule; `None` after an error was added to `diagnostics`.
pub(crate) fn default_rule(
    definition: &DefaultRuleDefinition,
    catalogue: &Catalogue,
    dependencies: &Dependencies,
    diagnostics: &mut Diagnostics,
) -> Option<Pipeline> {
    let owner = Owner {
        name: "the default rule".to_owned(),
        path: KeyPath::configuration().key("default_rule"),
        in_rule: false,
        catalogue,
        dependencies,
    };
    let stages = owner.stages(&definition.execute, &definition.on_error, diagnostics);
    if stages.has_failed {
        return None;
    }
    if !feeds_default_principal(&stages.authenticators) {
        diagnostics.push(
            Diagnostic::error(
                Code::MissingAuthenticator,
                "the default rule has no authenticator for the principal `default`",
                &definition.execute_place,
            )
            .expected("an authenticator without `principal`"),
        );
        return None;
    }
    Some(Pipeline {
        rule_id: DEFAULT_RULE_ID.into(),
        body_readers: body_readers(&stages),
        authenticators: stages.authenticators,
        checks: stages.checks,
        finalizers: stages.finalizers,
        error_handlers: stages.error_handlers,
        forward_to: None,
        encoded_slashes: EncodedSlashes::Off,
        public_origin: None,
    })
}

/// Compiles a rule; stages it does not have come from the default rule. `None` after an error was added to `diagnostics`.
pub(crate) fn rule(
    definition: &RuleDefinition,
    default_rule: Option<&Pipeline>,
    catalogue: &Catalogue,
    dependencies: &Dependencies,
    diagnostics: &mut Diagnostics,
) -> Option<Pipeline> {
    let id = &definition.id.value;
    let owner = Owner {
        name: format!("rule `{id}`"),
        path: KeyPath::rule_set().key("rules").element(id),
        in_rule: true,
        catalogue,
        dependencies,
    };
    let stages = owner.stages(&definition.execute, &definition.on_error, diagnostics);
    if stages.has_failed {
        return None;
    }
    let authenticators =
        own_or_inherited(stages.authenticators, default_rule.map(|rule| &rule.authenticators));
    if authenticators.is_empty() {
        diagnostics.push(
            Diagnostic::error(
                Code::MissingAuthenticator,
                format!("rule `{id}` has no authenticator, and there is no default rule to inherit one from"),
                &definition.execute_place,
            )
            .expected("an authenticator")
            .hint("add an authenticator to `execute`, or a `default_rule` to the configuration"),
        );
        return None;
    }
    if !feeds_default_principal(&authenticators) {
        diagnostics.push(
            Diagnostic::error(
                Code::NoDefaultPrincipal,
                format!("no authenticator of rule `{id}` feeds the principal `default`"),
                &definition.execute_place,
            )
            .expected("an authenticator without `principal`")
            .hint("give one authenticator no `principal`"),
        );
        return None;
    }
    let stages = Stages {
        authenticators,
        checks: own_or_inherited(stages.checks, default_rule.map(|rule| &rule.checks)),
        finalizers: own_or_inherited(stages.finalizers, default_rule.map(|rule| &rule.finalizers)),
        error_handlers: own_or_inherited(
            stages.error_handlers,
            default_rule.map(|rule| &rule.error_handlers),
        ),
        has_failed: false,
    };
    Some(Pipeline {
        rule_id: id.as_str().into(),
        body_readers: body_readers(&stages),
        authenticators: stages.authenticators,
        checks: stages.checks,
        finalizers: stages.finalizers,
        error_handlers: stages.error_handlers,
        forward_to: definition.forward_to.clone(),
        encoded_slashes: definition.allow_encoded_slashes,
        public_origin: definition.public_origin.clone(),
    })
}

fn body_readers(stages: &Stages) -> BodyReaders {
    let Stages { checks, finalizers, error_handlers, .. } = stages;
    BodyReaders {
        steps: checks.iter().any(|step| step.reads_body(step.mechanism.reads_body()))
            || finalizers.iter().any(|step| step.reads_body(step.mechanism.behaviour().reads_body())),
        error_handlers: error_handlers
            .iter()
            .any(|step| step.reads_body(step.mechanism.behaviour().reads_body())),
    }
}

/// A stage is replaced as a whole, never merged.
fn own_or_inherited<T: Clone>(own: Vec<T>, inherited: Option<&Vec<T>>) -> Vec<T> {
    if own.is_empty() { inherited.cloned().unwrap_or_default() } else { own }
}

fn feeds_default_principal(chains: &[PrincipalChain]) -> bool {
    chains.iter().any(|chain| chain.principal == DEFAULT_PRINCIPAL)
}

impl Owner<'_> {
    /// Reads all steps, so that all their errors are reported.
    fn stages(
        &self,
        execute: &[StepDefinition],
        on_error: &[StepDefinition],
        diagnostics: &mut Diagnostics,
    ) -> Stages {
        let mut stages = Stages::default();
        for (key, steps) in [("execute", execute), ("on_error", on_error)] {
            for (position, step) in steps.iter().enumerate() {
                let path = self.path.key(key).index(position);
                if self.add(step, position, path, &mut stages, diagnostics).is_none() {
                    stages.has_failed = true;
                }
            }
        }
        stages
    }

    /// Adds one step to its stage; `None` after an error was reported.
    fn add(
        &self,
        step: &StepDefinition,
        position: usize,
        path: KeyPath,
        stages: &mut Stages,
        diagnostics: &mut Diagnostics,
    ) -> Option<()> {
        // Compiled before anything can fail, so that its mistakes are reported in any case.
        let condition = self.condition(step, position, diagnostics);
        let id = step.id.as_ref().unwrap_or(&step.mechanism).value.clone();
        let origin = FailureOrigin { mechanism: step.mechanism.value.clone(), step_id: id };
        let source = StepSource {
            definition: step,
            owner: &self.name,
            path,
            dependencies: self.dependencies,
            in_rule: self.in_rule,
        };
        let name = format!("{} `{}`", step.kind.as_str(), step.mechanism.value);
        match step.kind {
            StepKind::Authenticator => {
                let mechanism = self.catalogue.authenticator(&source, diagnostics)?;
                let principal = step.principal_name();
                let step = Step { name, origin, mechanism, condition: condition? };
                match stages.authenticators.iter_mut().find(|chain| chain.principal == principal) {
                    Some(chain) => chain.steps.push(step),
                    None => stages
                        .authenticators
                        .push(PrincipalChain { principal: principal.to_owned(), steps: vec![step] }),
                }
            }
            StepKind::Authorizer => {
                let mechanism = Check::Authorizer(self.catalogue.authorizer(&source, diagnostics)?);
                stages.checks.push(Step { name, origin, mechanism, condition: condition? });
            }
            StepKind::Contextualizer => {
                let mechanism = Check::Contextualizer(self.catalogue.contextualizer(&source, diagnostics)?);
                stages.checks.push(Step { name, origin, mechanism, condition: condition? });
            }
            StepKind::Finalizer => {
                let mechanism = self.catalogue.finalizer(&source, diagnostics)?;
                stages.finalizers.push(Step { name, origin, mechanism, condition: condition? });
            }
            StepKind::ErrorHandler => {
                let mechanism = self.catalogue.error_handler(&source, diagnostics)?;
                stages.error_handlers.push(Step { name, origin, mechanism, condition: condition? });
            }
        }
        Some(())
    }

    /// The compiled `if` of a step; `Some(None)` without one, `None` after an error was reported.
    fn condition(
        &self,
        step: &StepDefinition,
        position: usize,
        diagnostics: &mut Diagnostics,
    ) -> Option<Option<Expression>> {
        let Some(written) = &step.condition else { return Some(None) };
        let (list, offered) = match step.kind {
            StepKind::ErrorHandler => ("error handler", offered::ERROR_CONDITION),
            StepKind::Authenticator
            | StepKind::Authorizer
            | StepKind::Contextualizer
            | StepKind::Finalizer => ("step", offered::CONDITION),
        };
        let used_for = format!("condition of {list} {} in {}", position + 1, self.name);
        let place = ExpressionPlace { used_for: &used_for, offered };
        Expression::compile(written, &place, diagnostics).map(Some)
    }
}
