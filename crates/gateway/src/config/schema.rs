//! JSON schemas of the configuration and of rule sets, made from the types that are read. The files in `schema/` and the
//! reference in `docs/` come from here.

use gateway_core::rules::written::WrittenRuleSet;
use schemars::{
    JsonSchema, Schema, SchemaGenerator,
    generate::SchemaSettings,
    transform::{RecursiveTransform, Transform},
};
use serde_json::{Value, json};

use super::settings::written::WrittenSettings;

/// The schema of the static configuration. Durations have one unit there; only rules and variables may have several.
#[must_use]
pub fn configuration() -> Value {
    let mut schema = generate::<WrittenSettings>("Keybound: static configuration");
    if let Some(duration) = schema.pointer_mut("/$defs/Duration") {
        replace(
            duration,
            "description",
            "A number and a unit: `ns`, `us`, `ms`, `s`, `m` or `h`. Environment variables may have several of them, such as `1h30m`.",
        );
        replace(duration, "pattern", "^[0-9]+(ns|us|ms|s|m|h)$");
    }
    schema
}

/// The schema of rule sets, in the present dialect and the older ones.
#[must_use]
pub fn rule_set() -> Value {
    generate::<WrittenRuleSet>("Keybound: rule set")
}

fn replace(schema: &mut Value, key: &str, value: &str) {
    if let Some(members) = schema.as_object_mut() {
        members.insert(key.to_owned(), json!(value));
    }
}

fn generate<T: JsonSchema>(title: &str) -> Value {
    let settings = SchemaSettings::draft2020_12();
    let mut generator = SchemaGenerator::new(settings);
    let mut schema = generator.root_schema_for::<T>();
    schema.insert("title".to_owned(), json!(title));
    RecursiveTransform(as_read).transform(&mut schema);
    schema.to_value()
}

/// What the reader does and a Rust type does not say: null is no value, keys with a default may be left out, other keys are
/// errors, and integers have no formats.
fn as_read(schema: &mut Schema) {
    without_null(schema);
    give_to_alternatives(schema);
    schema.remove("format");
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    let optional: Vec<String> = properties
        .iter()
        .filter(|(_, property)| property.get("default").is_some() || allows_null(property))
        .map(|(key, _)| key.clone())
        .collect();
    if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
        required.retain(|key| !optional.iter().any(|optional| key == optional));
        if required.is_empty() {
            schema.remove("required");
        }
    }
    if schema.get("unevaluatedProperties").is_none() {
        schema.insert("additionalProperties".to_owned(), json!(false));
    }
}

/// Keys beside alternatives that have keys of their own belong to each of them.
fn give_to_alternatives(schema: &mut Schema) {
    let has_keys = |branch: &Value| branch.get("properties").is_some();
    let is_split = schema.get("oneOf").and_then(Value::as_array).is_some_and(|all| all.iter().any(has_keys));
    if !is_split {
        return;
    }
    schema.remove("unevaluatedProperties");
    let (Some(outer), required) = (schema.remove("properties"), schema.remove("required")) else { return };
    let Some(branches) = schema.get_mut("oneOf").and_then(Value::as_array_mut) else { return };
    for branch in branches {
        for (key, property) in outer.as_object().into_iter().flatten() {
            if let Some(properties) = branch.get_mut("properties").and_then(Value::as_object_mut) {
                properties.insert(key.clone(), property.clone());
            }
        }
        if let (Some(Value::Array(keys)), Some(Value::Array(further))) =
            (branch.get_mut("required"), &required)
        {
            keys.extend(further.iter().cloned());
        }
    }
}

fn allows_null(schema: &Value) -> bool {
    let has = |key: &str, null: &Value| {
        schema.get(key).and_then(Value::as_array).is_some_and(|all| all.contains(null))
    };
    has("type", &json!("null")) || has("enum", &Value::Null) || has("anyOf", &json!({"type": "null"}))
}

fn without_null(schema: &mut Schema) {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(words)) = schema.get_mut("enum") {
        words.retain(|word| !word.is_null());
    }
    let Some(Value::Array(choices)) = schema.get_mut("anyOf") else { return };
    choices.retain(|choice| choice != &json!({"type": "null"}));
    if let [Value::Object(only)] = choices.as_slice() {
        let only = only.clone();
        schema.remove("anyOf");
        for (key, value) in only {
            if schema.get(&key).is_none() {
                schema.insert(key, value);
            }
        }
    }
}
