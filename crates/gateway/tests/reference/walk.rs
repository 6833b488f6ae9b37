//! Goes through every map that a schema describes, with a document around it in which that map stands.

use std::rc::Rc;

use serde_json::{Map, Value, json};

/// Puts a value into a whole document, at one place.
type Embed = Rc<dyn Fn(Value) -> Value>;

/// A map that a schema describes.
pub(crate) struct DescribedMap {
    /// The way to it in documents, as messages print it but for positions in lists, which are `[0]`.
    pub(crate) path: String,
    /// Its schema.
    pub(crate) schema: Value,
    /// What it must hold to be read.
    pub(crate) least: Map<String, Value>,
    embed: Embed,
}

impl DescribedMap {
    /// A document in which these entries stand in the map.
    pub(crate) fn document_with(&self, entries: impl IntoIterator<Item = (String, Value)>) -> Value {
        let mut map = self.least.clone();
        map.extend(entries);
        (self.embed)(Value::Object(map))
    }

    /// The keys that are described.
    pub(crate) fn keys(&self) -> Vec<&str> {
        let mut keys: Vec<&str> = properties(&self.schema).map(|(key, _)| key.as_str()).collect();
        keys.sort_unstable();
        keys
    }
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema.get("properties").and_then(Value::as_object).into_iter().flatten()
}

/// Every map of a schema, with documents made by `embed`.
pub(crate) fn maps(
    root: &Value,
    start: &Value,
    path: &str,
    embed: impl Fn(Value) -> Value + 'static,
) -> Vec<DescribedMap> {
    let mut found = Vec::new();
    walk(root, start, path, &(Rc::new(embed) as Embed), &mut found);
    found
}

fn walk(root: &Value, schema: &Value, path: &str, embed: &Embed, found: &mut Vec<DescribedMap>) {
    let schema = &resolved(root, schema);
    for branch in branches(schema) {
        walk(root, &branch, path, embed, found);
    }
    if let Some(items) = schema.get("items") {
        let embed = Rc::clone(embed);
        walk(
            root,
            items,
            &format!("{path}[0]"),
            &(Rc::new(move |value| embed(json!([value]))) as Embed),
            found,
        );
    }
    if let Some(values) = schema.get("additionalProperties").filter(|values| values.is_object()) {
        let embed = Rc::clone(embed);
        let inner: Embed = Rc::new(move |value| embed(json!({"some_name": value})));
        walk(root, values, &format!("{path}.some_name"), &inner, found);
    }
    if schema.get("properties").is_none()
        || branches(schema).iter().any(|branch| branch.get("properties").is_some())
    {
        return;
    }
    let Value::Object(least) = sample(root, schema) else { panic!("a map without a sample: {schema}") };
    for (key, property) in properties(schema) {
        let (embed, map, key) = (Rc::clone(embed), least.clone(), key.clone());
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        let inner: Embed = Rc::new(move |value| {
            let mut map = map.clone();
            map.insert(key.clone(), value);
            embed(Value::Object(map))
        });
        walk(root, property, &path, &inner, found);
    }
    found.push(DescribedMap {
        path: path.to_owned(),
        schema: schema.clone(),
        least,
        embed: Rc::clone(embed),
    });
}

/// The alternatives of a schema, those that only say which keys are needed left out.
pub(crate) fn branches(schema: &Value) -> Vec<Value> {
    ["oneOf", "anyOf"]
        .iter()
        .filter_map(|key| schema.get(key).and_then(Value::as_array))
        .flatten()
        .filter(|branch| {
            branch.as_object().is_none_or(|members| !members.keys().all(|key| key == "required"))
        })
        .map(|branch| with_keys_of(schema, branch))
        .collect()
}

/// Keys that stand beside alternatives belong to each of them.
fn with_keys_of(schema: &Value, branch: &Value) -> Value {
    let Some(outer) = schema.get("properties").and_then(Value::as_object) else { return branch.clone() };
    let mut branch = branch.clone();
    if let Some(inner) = branch.get_mut("properties").and_then(Value::as_object_mut) {
        for (key, property) in outer {
            inner.entry(key.clone()).or_insert_with(|| property.clone());
        }
    }
    branch
}

/// Follows references.
pub(crate) fn resolved(root: &Value, schema: &Value) -> Value {
    let mut schema = schema.clone();
    while let Some(reference) = schema.get("$ref").and_then(Value::as_str).map(str::to_owned) {
        let target = root.pointer(reference.trim_start_matches('#')).expect("a definition");
        let mut target = target.clone();
        for (key, value) in schema.as_object().into_iter().flatten().filter(|(key, _)| *key != "$ref") {
            target[key] = value.clone();
        }
        schema = target;
    }
    schema
}

/// A value that the schema allows, with as little in it as possible.
pub(crate) fn sample(root: &Value, schema: &Value) -> Value {
    let schema = &resolved(root, schema);
    if let Some(constant) = schema.get("const") {
        return constant.clone();
    }
    for words in ["enum", "examples"] {
        if let Some(first) = schema.get(words).and_then(|words| words.get(0)) {
            return first.clone();
        }
    }
    if let Some(default) = schema.get("default") {
        return default.clone();
    }
    if schema.get("properties").is_some() {
        return least_map(root, schema);
    }
    if let Some(branch) = branches(schema).first() {
        return sample(root, branch);
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("boolean") => json!(false),
        Some("integer" | "number") => {
            schema.get("minimum").filter(|least| **least != json!(0)).cloned().unwrap_or(json!(1))
        }
        Some("array") => match schema.get("minItems") {
            Some(_) => json!([sample(root, &schema["items"])]),
            None => json!([]),
        },
        Some("object") => match schema.get("additionalProperties") {
            Some(values) if values.is_object() => json!({"some_name": sample(root, values)}),
            Some(_) | None => json!({}),
        },
        Some("string") | None => json!("x"),
        Some(other) => panic!("a type of another kind: {other}"),
    }
}

fn least_map(root: &Value, schema: &Value) -> Value {
    let required_by = |schema: &Value| -> Vec<String> {
        let keys = schema.get("required").and_then(Value::as_array);
        keys.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let mut required = required_by(schema);
    if let Some(first) = schema.get("oneOf").and_then(|choices| choices.get(0)) {
        required.extend(required_by(first));
    }
    let entries = required.into_iter().map(|key| {
        let property = &schema["properties"][&key];
        (key.clone(), sample(root, property))
    });
    Value::Object(entries.collect())
}
