//! Files that are accepted fit the schemas; files that are refused for their shape do not.

use std::{fs, path::Path};

use gateway::config::schema;
use gateway_core::document::{Diagnostics, KeyPath, Node, NodeValue};
use serde_json::{Map, Value, json};

use crate::files::project;

/// What is refused for its shape alone: the code of the row.
const SHAPE: [&str; 5] = ["unknown_key", "wrong_type", "missing_key", "not_one_of", "bad_duration"];

fn json_of(node: &Node) -> Value {
    match &node.value {
        NodeValue::Null => Value::Null,
        NodeValue::Bool(flag) => json!(flag),
        NodeValue::Number(text) => serde_json::from_str(text).unwrap(),
        NodeValue::String(text) => json!(text),
        NodeValue::Sequence(elements) => elements.iter().map(json_of).collect(),
        NodeValue::Mapping(entries) => {
            let entries = entries.iter().map(|(key, value)| (key.text.clone(), json_of(value)));
            Value::Object(entries.collect::<Map<_, _>>())
        }
    }
}

fn read(file: &Path) -> Vec<Value> {
    if file.is_dir() {
        return fs::read_dir(file).unwrap().flat_map(|entry| read(&entry.unwrap().path())).collect();
    }
    let text = fs::read_to_string(file).unwrap();
    let environment = gateway::config::Environment::from_pairs([("KB_HOST", "127.0.0.1")]);
    let mut diagnostics = Diagnostics::new();
    let (path, mut sources) = (KeyPath::configuration(), gateway::config::Sources::default());
    let environment = file.to_str().unwrap().contains("/config-").then_some(&environment);
    let node = gateway::config::read_document("f", &text, &path, environment, &mut sources, &mut diagnostics);
    vec![json_of(&node.unwrap())]
}

#[test]
fn the_schemas_judge_the_files_that_heimdall_is_measured_with() {
    let folder = project().join("vectors/heimdall");
    let cases = fs::read_to_string(folder.join("validation-cases.json")).unwrap();
    let cases: Value = serde_json::from_str(&cases).unwrap();
    let configuration = jsonschema::validator_for(&schema::configuration()).unwrap();
    let rule_set = jsonschema::validator_for(&schema::rule_set()).unwrap();
    let (mut fitting, mut unfitting, mut wrong) = (0, 0, Vec::new());
    for case in cases["cases"].as_array().unwrap() {
        let name = case["file"].as_str().unwrap();
        let validator = if case["kind"] == "config" { &configuration } else { &rule_set };
        for document in read(&folder.join(name)) {
            let error = validator
                .iter_errors(&document)
                .next()
                .map(|error| format!("{error} at {}", error.instance_path()));
            let is_accepted = case["keybound"] != "reject";
            let has_bad_shape = SHAPE.contains(&case["error"].as_str().unwrap_or_default());
            match error {
                None if is_accepted => fitting += 1,
                Some(_) if has_bad_shape => unfitting += 1,
                Some(error) if is_accepted => wrong.push(format!("{name}: {error}")),
                None if has_bad_shape => wrong.push(format!("{name}: fits")),
                Some(_) | None => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(fitting > 20 && unfitting > 5, "{fitting} {unfitting}");
}
