//! Writes a document: YAML in block style, or JSON. What is read back is the same document; comments are not part of it.

use gateway_core::document::{Node, NodeValue, Place};
use serde_json::Value;

/// The longest list that is written on one line, in characters.
const MAX_LINE: usize = 100;

/// The document as YAML 1.2.
#[must_use]
pub fn yaml(node: &Node) -> String {
    let mut text = String::new();
    block(node, 0, &mut text);
    text.trim_start().to_owned()
}

/// The document as JSON, indented by two.
#[must_use]
pub fn json(node: &Node) -> String {
    let mut text = String::new();
    json_value(node, 0, &mut text);
    text.push('\n');
    text
}

/// Writes a value behind `key:` or `-`, with the line break that ends it.
fn block(node: &Node, depth: usize, text: &mut String) {
    let indentation = "  ".repeat(depth);
    match &node.value {
        NodeValue::Mapping(entries) if !entries.is_empty() => {
            text.push('\n');
            for (key, value) in entries {
                text.push_str(&format!("{indentation}{}:", inline_text(&key.text)));
                block(value, depth + 1, text);
            }
        }
        NodeValue::Sequence(elements) if !elements.is_empty() => {
            if let Some(line) = flow(elements, MAX_LINE.saturating_sub(indentation.len())) {
                text.push_str(&format!(" {line}\n"));
                return;
            }
            text.push('\n');
            for element in elements {
                let mut inner = String::new();
                block(element, depth + 1, &mut inner);
                // A map starts on the line of its dash.
                let inner = inner.strip_prefix('\n').map_or(inner.as_str(), str::trim_start);
                text.push_str(&format!("{indentation}- {}", inner.trim_start_matches(' ')));
            }
        }
        NodeValue::String(value) => match literal(value, &indentation) {
            Some(literal) => text.push_str(&literal),
            None => text.push_str(&format!(" {}\n", inline_text(value))),
        },
        NodeValue::Null
        | NodeValue::Bool(_)
        | NodeValue::Number(_)
        | NodeValue::Mapping(_)
        | NodeValue::Sequence(_) => text.push_str(&format!(" {}\n", inline(node))),
    }
}

/// A list of scalars on one line, if it fits.
fn flow(elements: &[Node], room: usize) -> Option<String> {
    let is_scalar = |node: &Node| match &node.value {
        NodeValue::String(text) => !text.contains('\n'),
        NodeValue::Null | NodeValue::Bool(_) | NodeValue::Number(_) => true,
        NodeValue::Sequence(_) | NodeValue::Mapping(_) => false,
    };
    if !elements.iter().all(is_scalar) {
        return None;
    }
    let line = format!("[{}]", elements.iter().map(inline).collect::<Vec<_>>().join(", "));
    (line.chars().count() <= room).then_some(line)
}

/// A value on one line.
fn inline(node: &Node) -> String {
    match &node.value {
        NodeValue::Null => "null".to_owned(),
        NodeValue::Bool(flag) => flag.to_string(),
        NodeValue::Number(text) => text.clone(),
        NodeValue::String(text) => inline_text(text),
        NodeValue::Sequence(_) => "[]".to_owned(),
        NodeValue::Mapping(_) => "{}".to_owned(),
    }
}

/// A text without quotes where it can only be read as itself, also inside brackets; else in double quotes.
fn inline_text(text: &str) -> String {
    let is_word = |character: char| {
        character.is_ascii_alphanumeric()
            || matches!(character, '_' | '-' | '.' | '/' | ' ' | '+' | '=' | '~')
    };
    let starts_well =
        text.starts_with(|first: char| first.is_ascii_alphanumeric() || matches!(first, '/' | '_' | '.'));
    // A colon may stand inside a word, not at its end.
    let has_good_colons =
        text.split(':').skip(1).all(|rest| rest.starts_with(|next: char| next != ' ' && is_word(next)));
    let is_plain = starts_well
        && text.chars().all(|character| is_word(character) || character == ':')
        && has_good_colons
        && !text.ends_with(' ');
    let place = Place::whole_file(std::sync::Arc::from(""));
    let is_read_as_text = Node::plain_scalar(text, place).as_str() == Some(text);
    if is_plain && is_read_as_text { text.to_owned() } else { Value::from(text).to_string() }
}

/// A text of several lines as a literal block, if that keeps it as it is.
fn literal(text: &str, indentation: &str) -> Option<String> {
    let body = text.strip_suffix('\n').unwrap_or(text);
    let is_printable = |character: char| character == '\n' || !character.is_control();
    let keeps = text.contains('\n')
        && !body.is_empty()
        && !body.starts_with([' ', '\n'])
        && !body.ends_with('\n')
        && text.chars().all(is_printable)
        && !text.contains(['\u{85}', '\u{2028}', '\u{2029}', '\u{feff}']);
    if !keeps {
        return None;
    }
    let chomping = if body.len() == text.len() { "-" } else { "" };
    let mut block = format!(" |{chomping}\n");
    for line in body.split('\n') {
        let line = if line.is_empty() { String::new() } else { format!("{indentation}{line}") };
        block.push_str(&line);
        block.push('\n');
    }
    Some(block)
}

fn json_value(node: &Node, depth: usize, text: &mut String) {
    let (inner, outer) = ("  ".repeat(depth + 1), "  ".repeat(depth));
    match &node.value {
        NodeValue::Mapping(entries) if !entries.is_empty() => {
            for (position, (key, value)) in entries.iter().enumerate() {
                let separator = if position == 0 { "{" } else { "," };
                text.push_str(&format!("{separator}\n{inner}{}: ", Value::from(key.text.as_str())));
                json_value(value, depth + 1, text);
            }
            text.push_str(&format!("\n{outer}}}"));
        }
        NodeValue::Sequence(elements) if !elements.is_empty() => {
            for (position, element) in elements.iter().enumerate() {
                let separator = if position == 0 { "[" } else { "," };
                text.push_str(&format!("{separator}\n{inner}"));
                json_value(element, depth + 1, text);
            }
            text.push_str(&format!("\n{outer}]"));
        }
        NodeValue::String(value) => text.push_str(&Value::from(value.as_str()).to_string()),
        // JSON has fewer forms of numbers than YAML.
        NodeValue::Number(number) => match serde_json::from_str::<serde_json::Number>(number) {
            Ok(_) => text.push_str(number),
            Err(_) => text.push_str(&Value::from(number.as_str()).to_string()),
        },
        NodeValue::Null | NodeValue::Bool(_) | NodeValue::Mapping(_) | NodeValue::Sequence(_) => {
            text.push_str(&inline(node));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use gateway_core::document::{Diagnostics, KeyPath};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::config::{Sources, read_document};

    fn place() -> Place {
        Place::whole_file(Arc::from("f"))
    }

    fn read(text: &str) -> Value {
        let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::new());
        let node = read_document("f", text, &KeyPath::rule_set(), None, &mut sources, &mut diagnostics);
        plain(&node.unwrap_or_else(|| panic!("{diagnostics}\n{text}")))
    }

    fn plain(node: &Node) -> Value {
        match &node.value {
            NodeValue::Null => Value::Null,
            NodeValue::Bool(flag) => json!(flag),
            NodeValue::Number(text) => json!({ "number": text }),
            NodeValue::String(text) => json!(text),
            NodeValue::Sequence(elements) => elements.iter().map(plain).collect(),
            NodeValue::Mapping(entries) => {
                Value::Object(entries.iter().map(|(key, value)| (key.text.clone(), plain(value))).collect())
            }
        }
    }

    #[test]
    fn writes_as_people_do() {
        let value = json!({"a": ["GET", "!TRACE"], "b": [{"id": "x:y", "on": "true"}], "c": "one\n  two\n"});
        let text = yaml(&Node::from_json(&value, &place()));
        assert_eq!(text, "a: [GET, \"!TRACE\"]\nb:\n  - id: x:y\n    on: \"true\"\nc: |\n  one\n    two\n");
    }

    fn values() -> impl Strategy<Value = Value> {
        let texts = prop_oneof![
            "[ -~\\n]{0,12}",
            "\\PC{0,8}",
            Just("yes".to_owned()),
            Just("1.0".to_owned()),
            Just("null".to_owned()),
            Just("- a\nb: c # d\n".to_owned()),
            Just("a: b".to_owned()),
            Just("---".to_owned()),
        ];
        let scalars = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            texts.clone().prop_map(Value::from),
        ];
        scalars.prop_recursive(4, 24, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[ -~]{1,8}", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(value in values()) {
            let node = Node::from_json(&json!({"top": value}), &place());
            prop_assert_eq!(read(&yaml(&node)), plain(&node));
            prop_assert_eq!(read(&json(&node)), plain(&node));
        }
    }
}
