//! What contextualizers and remote authorizers found out, for the steps behind them.

use std::{collections::BTreeMap, sync::Arc};

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use crate::decision::UpstreamChanges;

/// What one step found out.
#[derive(Debug, Default)]
pub struct StepOutput {
    /// What the step's id stands for in `Outputs`; `None` where there is nothing, such as after an empty answer.
    pub payload: Option<Value>,
    /// The headers of the answer that it comes from.
    pub headers: HeaderMap,
    /// Header fields that the upstream gets from this answer, and never from the client: those without values are taken
    /// away.
    pub upstream_headers: Vec<(HeaderName, Vec<HeaderValue>)>,
}

/// What all steps so far found out, by step id.
#[derive(Debug, Default)]
pub struct Outputs {
    payloads: BTreeMap<String, Value>,
    headers: BTreeMap<String, Arc<HeaderMap>>,
    upstream_headers: Vec<(HeaderName, Vec<HeaderValue>)>,
}

impl Outputs {
    /// Adds what a step found out; a later step of the same id replaces an earlier one.
    pub fn add(&mut self, step_id: &str, output: StepOutput) {
        let StepOutput { payload, headers, upstream_headers } = output;
        match payload {
            Some(payload) => self.payloads.insert(step_id.to_owned(), payload),
            None => self.payloads.remove(step_id),
        };
        self.headers.insert(step_id.to_owned(), Arc::new(headers));
        self.upstream_headers.extend(upstream_headers);
    }

    /// `Outputs` of templates and expressions.
    #[must_use]
    pub fn payloads(&self) -> &BTreeMap<String, Value> {
        &self.payloads
    }

    /// The headers of the answers.
    #[must_use]
    pub fn headers(&self) -> &BTreeMap<String, Arc<HeaderMap>> {
        &self.headers
    }

    /// What the upstream gets before any finalizer says otherwise.
    #[must_use]
    pub fn upstream_changes(&self) -> UpstreamChanges {
        let mut changes = UpstreamChanges::default();
        for (name, values) in &self.upstream_headers {
            if values.is_empty() && !changes.sets(name) {
                changes.remove_header(name.clone());
            }
            changes.set_header(name, values.iter().cloned());
        }
        changes
    }
}
