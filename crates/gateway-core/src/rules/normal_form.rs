//! Writes rules in the present dialect, whatever dialect they were read from. Defaults are left out.

use serde_json::{Map, Value, json};

use super::{
    condition::Condition,
    host::HostPattern,
    rule::{
        EncodedSlashes, ForwardTo, ForwardedCredentials, RuleDefinition, RuleMatch, RuleSet, StepDefinition,
        StepKind,
    },
};
use crate::document::{Node, NodeValue};

/// The rule set as a JSON value of version `1beta1` with `match.http.paths`.
///
/// Hosts of type glob and regex, which no file of this dialect can hold, appear as `host_conditions`.
#[must_use]
pub fn to_normal_form(rule_set: &RuleSet) -> Value {
    let mut form = Map::new();
    form.insert("version".into(), "1beta1".into());
    if let Some(name) = &rule_set.name {
        form.insert("name".into(), name.clone().into());
    }
    form.insert("rules".into(), rule_set.rules.iter().map(rule).collect());
    Value::Object(form)
}

fn rule(rule: &RuleDefinition) -> Value {
    let mut form = Map::new();
    form.insert("id".into(), rule.id.value.clone().into());
    form.insert("match".into(), json!({ "http": matching(&rule.matching) }));
    if rule.allow_encoded_slashes != EncodedSlashes::Off {
        form.insert("allow_encoded_slashes".into(), rule.allow_encoded_slashes.as_str().into());
    }
    if let Some(origin) = &rule.public_origin {
        form.insert("public_origin".into(), origin.to_string().into());
    }
    if let Some(target) = &rule.forward_to {
        form.insert("forward_to".into(), forward_to(target));
    }
    form.insert("execute".into(), rule.execute.iter().map(step).collect());
    if !rule.on_error.is_empty() {
        form.insert("on_error".into(), rule.on_error.iter().map(step).collect());
    }
    Value::Object(form)
}

fn matching(matching: &RuleMatch) -> Value {
    let mut form = Map::new();
    if let Some(scheme) = matching.scheme {
        form.insert("scheme".into(), scheme.as_str().into());
    }
    if !matching.written_methods.is_empty() {
        form.insert("methods".into(), matching.written_methods.clone().into());
    }
    let mut hosts: Vec<String> = matching.hosts.iter().map(ToString::to_string).collect();
    if !matching.host_conditions.is_empty() {
        hosts.push("*".to_owned());
        form.insert("host_conditions".into(), matching.host_conditions.iter().map(condition).collect());
    }
    if matching.hosts != [HostPattern::Any] {
        form.insert("hosts".into(), hosts.into());
    }
    let paths = matching.paths.iter().map(|path| {
        let mut form = Map::new();
        form.insert("path".into(), path.written.clone().into());
        let captures: Vec<Value> = path
            .captures
            .iter()
            .map(|capture| {
                let mut form = json!({ "name": capture.name });
                if let (Some(form), Value::Object(members)) =
                    (form.as_object_mut(), condition(&capture.condition))
                {
                    form.extend(members);
                }
                form
            })
            .collect();
        if !captures.is_empty() {
            form.insert("captures".into(), captures.into());
        }
        Value::Object(form)
    });
    form.insert("paths".into(), paths.collect());
    Value::Object(form)
}

fn condition(condition: &Condition) -> Value {
    json!({ "type": condition.kind().as_str(), "value": condition.written() })
}

fn forward_to(target: &ForwardTo) -> Value {
    let mut form = Map::new();
    form.insert("host".into(), target.host.value.clone().into());
    if !target.forward_host_header {
        form.insert("forward_host_header".into(), false.into());
    }
    let mut rewrite = Map::new();
    if let Some(scheme) = &target.rewrite.scheme {
        rewrite.insert("scheme".into(), scheme.value.as_str().into());
    }
    if let Some(prefix) = &target.rewrite.strip_path_prefix {
        rewrite.insert("strip_path_prefix".into(), prefix.clone().into());
    }
    if let Some(prefix) = &target.rewrite.add_path_prefix {
        rewrite.insert("add_path_prefix".into(), prefix.clone().into());
    }
    if !target.rewrite.strip_query_parameters.is_empty() {
        rewrite.insert("strip_query_parameters".into(), target.rewrite.strip_query_parameters.clone().into());
    }
    if !rewrite.is_empty() {
        form.insert("rewrite".into(), Value::Object(rewrite));
    }
    if target.credentials != ForwardedCredentials::Keep {
        form.insert("credentials".into(), target.credentials.as_str().into());
    }
    if let Some(name) = &target.thumbprint_header {
        form.insert("thumbprint_header".into(), name.as_str().into());
    }
    Value::Object(form)
}

fn step(step: &StepDefinition) -> Value {
    let mut form = Map::new();
    form.insert(step.kind.as_str().into(), step.mechanism.value.clone().into());
    if let Some(id) = &step.id {
        form.insert("id".into(), id.value.clone().into());
    }
    if step.kind == StepKind::Authenticator
        && let Some(principal) = &step.principal
    {
        form.insert("principal".into(), principal.value.clone().into());
    }
    if let Some(condition) = &step.condition {
        form.insert("if".into(), condition.value.clone().into());
    }
    if let Some(config) = &step.config {
        form.insert("config".into(), value(config));
    }
    Value::Object(form)
}

fn value(node: &Node) -> Value {
    match &node.value {
        NodeValue::Null => Value::Null,
        NodeValue::Bool(flag) => (*flag).into(),
        NodeValue::Number(text) => serde_json::from_str(text).unwrap_or_else(|_| text.clone().into()),
        NodeValue::String(text) => text.clone().into(),
        NodeValue::Sequence(elements) => elements.iter().map(value).collect(),
        NodeValue::Mapping(entries) => {
            Value::Object(entries.iter().map(|(key, node)| (key.text.clone(), value(node))).collect())
        }
    }
}
