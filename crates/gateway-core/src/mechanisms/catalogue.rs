//! The catalogue: every mechanism of the configuration under its id, and how a rule's step finds one.

use std::{collections::BTreeMap, sync::Arc};

use http::HeaderValue;
use resource_server::KeySource;

use super::{
    BuildContext, Dependencies, MechanismKind, authenticators::Authenticator, authorizers::Authorizer,
    contextualizers::Contextualizer, error_handlers::ErrorHandler, finalizers::Finalizer,
};
use crate::{
    document::{Code, Diagnostic, Diagnostics, KeyPath, Node, Place, Spanned, did_you_mean},
    published_keys::PublishedKey,
    rules::{StepDefinition, StepKind},
};

/// One entry under `mechanisms`, as written.
#[derive(Debug, Clone)]
pub struct MechanismDefinition {
    /// Under which of the lists it stands.
    pub kind: StepKind,
    /// What steps call it.
    pub id: Spanned<String>,
    /// Which mechanism of the kind it is.
    pub type_name: Spanned<String>,
    /// Its settings.
    pub config: Option<Node>,
    /// Where the entry starts.
    pub place: Place,
}

/// All mechanisms of the configuration.
#[derive(Debug, Default)]
pub struct Catalogue {
    authenticators: Entries<Authenticator>,
    authorizers: Entries<Authorizer>,
    contextualizers: Entries<Contextualizer>,
    finalizers: Entries<Finalizer>,
    error_handlers: Entries<ErrorHandler>,
    /// Every id with its kinds, for hints.
    kinds: BTreeMap<String, Vec<StepKind>>,
}

/// The mechanisms of one kind in the order of the document; `None` for one whose errors were reported.
#[derive(Debug)]
struct Entries<M> {
    entries: Vec<(String, Option<M>)>,
}

impl<M> Default for Entries<M> {
    fn default() -> Self {
        Self { entries: Vec::new() }
    }
}

impl Catalogue {
    /// Builds every mechanism. All errors are added to `diagnostics`; an entry with an error stays known by its id, so
    /// that steps that use it do not cause errors of their own.
    #[must_use]
    pub fn build(
        definitions: &[MechanismDefinition],
        dependencies: &Dependencies,
        diagnostics: &mut Diagnostics,
    ) -> Self {
        let mut catalogue = Self::default();
        let mut places: BTreeMap<(&'static str, &str), &Place> = BTreeMap::new();
        for definition in definitions {
            let id = definition.id.value.as_str();
            if let Some(first) = places.get(&(definition.kind.as_str(), id)) {
                diagnostics.push(
                    Diagnostic::error(
                        Code::DuplicateMechanismId,
                        format!("{} id `{id}` is used twice", spoken(definition.kind)),
                        &definition.id.place,
                    )
                    .and_place(first)
                    .expected("unique ids in one kind")
                    .hint("rename one"),
                );
                continue;
            }
            places.insert((definition.kind.as_str(), id), &definition.id.place);
            catalogue.kinds.entry(id.to_owned()).or_default().push(definition.kind);
            match definition.kind {
                StepKind::Authenticator => {
                    catalogue.authenticators.add(definition, dependencies, diagnostics);
                }
                StepKind::Authorizer => catalogue.authorizers.add(definition, dependencies, diagnostics),
                StepKind::Finalizer => catalogue.finalizers.add(definition, dependencies, diagnostics),
                StepKind::ErrorHandler => catalogue.error_handlers.add(definition, dependencies, diagnostics),
                StepKind::Contextualizer => {
                    catalogue.contextualizers.add(definition, dependencies, diagnostics);
                }
            }
        }
        catalogue
    }

    /// The challenge for a 401 that has none of its own: that of the first authenticator that speaks DPoP, else `Bearer`.
    #[must_use]
    pub fn default_challenge(&self) -> HeaderValue {
        let built = self.authenticators.entries.iter().filter_map(|(_, mechanism)| mechanism.as_ref());
        let mut challenges = built.filter_map(|authenticator| authenticator.behaviour().dpop_challenge());
        challenges.next().unwrap_or(HeaderValue::from_static("Bearer"))
    }

    /// The key sources of the authenticators by their ids: what must have answered once before requests can be judged.
    #[must_use]
    pub fn key_sources(&self) -> Vec<(String, Arc<dyn KeySource>)> {
        let built = self.authenticators.entries.iter();
        built
            .filter_map(|(id, mechanism)| Some((id.clone(), mechanism.as_ref()?.behaviour().key_source()?)))
            .collect()
    }

    /// The public keys of all mechanisms that sign tokens or requests, each once.
    #[must_use]
    pub fn published_keys(&self) -> Vec<PublishedKey> {
        let mut keys: Vec<PublishedKey> = Vec::new();
        let all = (self.authenticators.published_keys())
            .chain(self.authorizers.published_keys())
            .chain(self.contextualizers.published_keys())
            .chain(self.finalizers.published_keys())
            .chain(self.error_handlers.published_keys());
        for key in all {
            if !keys.contains(key) {
                keys.push(key.clone());
            }
        }
        keys
    }

    /// The authenticator of a step, with the step's changes; `None` after an error was reported, here or before.
    pub(crate) fn authenticator(
        &self,
        step: &StepSource<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Authenticator> {
        self.authenticators.resolve(step, self, diagnostics)
    }

    /// The authorizer of a step, as [`Self::authenticator`].
    pub(crate) fn authorizer(
        &self,
        step: &StepSource<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Authorizer> {
        self.authorizers.resolve(step, self, diagnostics)
    }

    /// The finalizer of a step, as [`Self::authenticator`].
    pub(crate) fn finalizer(
        &self,
        step: &StepSource<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Finalizer> {
        self.finalizers.resolve(step, self, diagnostics)
    }

    /// The error handler of a step, as [`Self::authenticator`].
    pub(crate) fn error_handler(
        &self,
        step: &StepSource<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<ErrorHandler> {
        self.error_handlers.resolve(step, self, diagnostics)
    }

    /// The contextualizer of a step, as [`Self::authenticator`].
    pub(crate) fn contextualizer(
        &self,
        step: &StepSource<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Contextualizer> {
        self.contextualizers.resolve(step, self, diagnostics)
    }

    fn report_unknown(&self, step: &StepSource<'_>, known: &[&str], diagnostics: &mut Diagnostics) {
        let StepDefinition { kind, mechanism, .. } = step.definition;
        let (id, kind) = (mechanism.value.as_str(), *kind);
        let expected = match known {
            [] => format!("the id of one of the {}s; there is none", spoken(kind)),
            known => format!("{}s {}", spoken(kind), known.join(", ")),
        };
        let diagnostic = Diagnostic::error(
            Code::UnknownMechanism,
            format!("{} uses the unknown {} `{id}`", step.owner, spoken(kind)),
            &mechanism.place,
        )
        .found(id)
        .expected(expected);
        let other = self.kinds.get(id).and_then(|kinds| kinds.first());
        diagnostics.push(match other {
            Some(other) => diagnostic.hint(format!("`{id}` is {}", with_article(*other))),
            None => diagnostic.did_you_mean(did_you_mean(id, known.iter().copied())),
        });
    }
}

/// A step and what its messages need.
pub(crate) struct StepSource<'a> {
    /// The step as written.
    pub(crate) definition: &'a StepDefinition,
    /// Whose step it is: ``rule `a` `` or `the default rule`.
    pub(crate) owner: &'a str,
    /// The way to the step.
    pub(crate) path: KeyPath,
    /// The world around mechanisms.
    pub(crate) dependencies: &'a Dependencies,
    /// Whether the step stands in a rule set.
    pub(crate) in_rule: bool,
}

impl<M: MechanismKind> Entries<M> {
    fn published_keys(&self) -> impl Iterator<Item = &PublishedKey> {
        self.entries.iter().filter_map(|(_, mechanism)| mechanism.as_ref()).flat_map(M::published_keys)
    }

    fn add(
        &mut self,
        definition: &MechanismDefinition,
        dependencies: &Dependencies,
        diagnostics: &mut Diagnostics,
    ) {
        let id = definition.id.value.clone();
        if !report_type(definition, M::TYPES, M::LATER_TYPES, diagnostics) {
            self.entries.push((id, None));
            return;
        }
        let path = KeyPath::configuration()
            .key("mechanisms")
            .key(&format!("{}s", M::KIND.as_str()))
            .element(&id)
            .key("config");
        let context = BuildContext { dependencies, path, place: definition.place.clone(), in_rule: false };
        let mut found = Diagnostics::new();
        let built = M::build(&definition.type_name.value, definition.config.as_ref(), &context, &mut found);
        let built = built.filter(|_| !found.has_errors());
        diagnostics.extend(found);
        self.entries.push((id, built));
    }

    fn resolve(
        &self,
        step: &StepSource<'_>,
        catalogue: &Catalogue,
        diagnostics: &mut Diagnostics,
    ) -> Option<M> {
        let id = step.definition.mechanism.value.as_str();
        let Some((_, mechanism)) = self.entries.iter().find(|(known, _)| known == id) else {
            let known: Vec<&str> = self.entries.iter().map(|(known, _)| known.as_str()).collect();
            catalogue.report_unknown(step, &known, diagnostics);
            return None;
        };
        let mechanism = mechanism.as_ref()?;
        let Some(config) = &step.definition.config else { return Some(mechanism.clone()) };
        let context = BuildContext {
            dependencies: step.dependencies,
            path: step.path.key("config"),
            place: step.definition.place.clone(),
            in_rule: step.in_rule,
        };
        let mut found = Diagnostics::new();
        let changed = mechanism.with_override(config, &context, &mut found);
        let changed = changed.filter(|_| !found.has_errors());
        diagnostics.extend(found);
        changed
    }
}

/// Whether the type can be built; reports why not.
fn report_type(
    definition: &MechanismDefinition,
    types: &[&str],
    later: &[&str],
    diagnostics: &mut Diagnostics,
) -> bool {
    let name = definition.type_name.value.as_str();
    if types.contains(&name) {
        return true;
    }
    let kind = spoken(definition.kind);
    let diagnostic = if later.contains(&name) {
        Diagnostic::error(
            Code::NotSupportedYet,
            format!("the {kind} type `{name}` is known but not supported yet"),
            &definition.type_name.place,
        )
        .hint(match types {
            [] => "remove it".to_owned(),
            types => format!("remove it, or use one of {}", types.join(", ")),
        })
    } else {
        Diagnostic::error(
            Code::NotOneOf,
            format!("`{name}` is no type of {kind}s"),
            &definition.type_name.place,
        )
        .found(name)
        .expected(format!("one of {}", [types, later].concat().join(", ")))
        .did_you_mean(did_you_mean(name, types.iter().chain(later).copied()))
    };
    diagnostics.push(diagnostic);
    false
}

/// The kind in prose.
fn spoken(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Authenticator => "authenticator",
        StepKind::Authorizer => "authorizer",
        StepKind::Contextualizer => "contextualizer",
        StepKind::Finalizer => "finalizer",
        StepKind::ErrorHandler => "error handler",
    }
}

fn with_article(kind: StepKind) -> String {
    let article = if spoken(kind).starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {}", spoken(kind))
}
