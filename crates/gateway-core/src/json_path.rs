//! Paths into JSON, the part of GJSON that configurations use: `realm_access.roles.0`, `@this`, `a\.b`.

use serde_json::Value;
use thiserror::Error;

/// A path to a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonPath {
    steps: Vec<String>,
}

/// Text that is no path we can follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum JsonPathError {
    /// Nothing, or two dots in a row.
    #[error("path has an empty step")]
    EmptyStep,
    /// Wildcards, queries, modifiers other than `@this`, lists of paths.
    #[error("wildcards, queries and modifiers in paths are not supported yet")]
    NotSupportedYet,
}

impl JsonPath {
    /// Reads a path: member names and positions with dots (or `|`) between, `\` before a character that would be special;
    /// `@this` is the value itself.
    ///
    /// # Errors
    ///
    /// A [`JsonPathError`].
    pub fn parse(text: &str) -> Result<Self, JsonPathError> {
        let mut steps = vec![String::new()];
        let mut is_escaped = false;
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            let Some(step) = steps.last_mut() else { break };
            match character {
                '\\' => match characters.next() {
                    Some(escaped) => {
                        is_escaped |= step.is_empty();
                        step.push(escaped);
                    }
                    None => return Err(JsonPathError::EmptyStep),
                },
                '.' | '|' => {
                    Self::finish(&mut steps, is_escaped)?;
                    is_escaped = false;
                    steps.push(String::new());
                }
                '#' | '*' | '?' | '{' | '[' | '(' | '!' => return Err(JsonPathError::NotSupportedYet),
                _ => step.push(character),
            }
        }
        Self::finish(&mut steps, is_escaped)?;
        steps.retain(|step| step != THIS);
        Ok(Self { steps })
    }

    /// Checks the step that was just read.
    fn finish(steps: &mut [String], is_escaped: bool) -> Result<(), JsonPathError> {
        match steps.last().map(String::as_str) {
            None | Some("") => Err(JsonPathError::EmptyStep),
            Some(step) if step.starts_with('@') && step != THIS && !is_escaped => {
                Err(JsonPathError::NotSupportedYet)
            }
            Some(_) => Ok(()),
        }
    }

    /// The value at the path.
    #[must_use]
    pub fn find<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        self.steps.iter().try_fold(value, |value, step| match value {
            Value::Object(members) => members.get(step),
            Value::Array(items) => step.parse::<usize>().ok().and_then(|position| items.get(position)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        })
    }
}

const THIS: &str = "@this";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(path: &str, expected: Option<Value>) {
        let value = json!({"sub": "alice", "a": {"b": [1, {"c": true}]}, "x.y": 2, "@z": 3});
        assert_eq!(JsonPath::parse(path).unwrap().find(&value), expected.as_ref(), "{path}");
    }

    #[test]
    fn follows_members_and_positions() {
        check("sub", Some(json!("alice")));
        check("a.b.1.c", Some(json!(true)));
        check("a|b|0", Some(json!(1)));
        check("x\\.y", Some(json!(2)));
        check("\\@z", Some(json!(3)));
        check("a.@this.b.0", Some(json!(1)));
        check("a.c", None);
        check("sub.x", None);
        check("a.b.2", None);
        assert_eq!(JsonPath::parse("@this").unwrap().find(&json!(1)), Some(&json!(1)));
    }

    #[test]
    fn refuses_what_it_can_not_follow() {
        for path in ["", "a..b", "a.", ".a", "\\"] {
            assert_eq!(JsonPath::parse(path), Err(JsonPathError::EmptyStep), "{path}");
        }
        for path in ["a.#", "a.*", "a.#(x==1)", "@reverse", "{a,b}", "[a]", "a.@keys"] {
            assert_eq!(JsonPath::parse(path), Err(JsonPathError::NotSupportedYet), "{path}");
        }
    }
}
