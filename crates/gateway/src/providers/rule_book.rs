//! The rule sets of all sources together: a file or an endpoint replaces its own, and the rest stays.

use std::sync::Arc;

use gateway_core::{
    document::{Diagnostic, Diagnostics},
    rules::RuleSet,
};
use parking_lot::Mutex;

use crate::reload::Engine;

/// Which source rule sets come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SourceIndex(usize);

/// The last good rule sets of each source.
pub(crate) struct RuleBook {
    engine: Arc<Engine>,
    sources: Mutex<Vec<Source>>,
}

struct Source {
    /// As the log and the management port name it.
    name: String,
    /// `None` until the first good ones arrived.
    rule_sets: Option<Vec<RuleSet>>,
}

impl RuleBook {
    /// Without any source.
    pub(crate) fn new(engine: Arc<Engine>) -> Self {
        Self { engine, sources: Mutex::default() }
    }

    /// What decides.
    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Adds a source. `rule_sets` are those that the engine decides with already.
    pub(crate) fn add(&self, name: impl Into<String>, rule_sets: Option<Vec<RuleSet>>) -> SourceIndex {
        let mut sources = self.sources.lock();
        sources.push(Source { name: name.into(), rule_sets });
        SourceIndex(sources.len() - 1)
    }

    /// The sources whose rules were never loaded.
    pub(crate) fn missing(&self) -> Vec<String> {
        let sources = self.sources.lock();
        sources.iter().filter(|source| source.rule_sets.is_none()).map(|source| source.name.clone()).collect()
    }

    /// Whether the rules of a source were never loaded.
    pub(crate) fn is_missing(&self, index: SourceIndex) -> bool {
        self.sources.lock().get(index.0).is_some_and(|source| source.rule_sets.is_none())
    }

    /// Replaces the rule sets of a source and says in the log how that went. With an error, also in how they fit to the rules
    /// of other sources, the old ones stay.
    pub(crate) fn replace(&self, index: SourceIndex, rule_sets: Vec<RuleSet>, mut diagnostics: Diagnostics) {
        let mut sources = self.sources.lock();
        let Some(source) = sources.get(index.0) else { return };
        let name = source.name.clone();
        let all: Vec<RuleSet> = sources
            .iter()
            .enumerate()
            .flat_map(|(other, source)| match other == index.0 {
                true => rule_sets.as_slice(),
                false => source.rule_sets.as_deref().unwrap_or_default(),
            })
            .cloned()
            .collect();
        let replaced = self.engine.replace_rules(&all, &mut diagnostics);
        for diagnostic in diagnostics.errors() {
            let (code, place) = (diagnostic.code.as_str(), place(diagnostic));
            tracing::error!(code, place, "rules not loaded: {}", diagnostic.headline);
        }
        for diagnostic in diagnostics.warnings() {
            let (code, place) = (diagnostic.code.as_str(), place(diagnostic));
            tracing::warn!(code, place, "{}", diagnostic.headline);
        }
        if !replaced {
            tracing::error!(source = name, "rules not loaded, the old ones stay");
            return;
        }
        let rules: usize = rule_sets.iter().map(|rule_set| rule_set.rules.len()).sum();
        tracing::info!(source = name, rules, "rules loaded");
        if let Some(source) = sources.get_mut(index.0) {
            source.rule_sets = Some(rule_sets);
        }
    }
}

fn place(diagnostic: &Diagnostic) -> String {
    diagnostic
        .places
        .first()
        .map(|place| format!("{}:{}:{}", place.source, place.line, place.column))
        .unwrap_or_default()
}
