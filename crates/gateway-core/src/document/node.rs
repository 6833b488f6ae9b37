//! The tree itself: values, keys and the place each was written at.

use std::sync::Arc;

/// Where a token stands, in the text before variable substitution.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The file as the user named it.
    pub source: Arc<str>,
    /// Line, counted from 1. 0 when the value has no line (it came from the environment or is a default).
    pub line: u32,
    /// Column in characters, counted from 1. 0 when unknown.
    pub column: u32,
    /// Length of the token in characters on that line, at least 1; used to underline it.
    pub length: u32,
    /// How many lines the token takes, from `line` on, at least 1.
    pub lines: u32,
    /// Where the token is a text that is written character for character: how many characters of the token, such as a
    /// quotation mark, stand before each of its lines.
    pub text_offset: Option<u32>,
    /// The environment variable the value came from; then it has no line.
    pub env: Option<Arc<str>>,
}

impl Place {
    /// A token of one character at `line` and `column` of `source`.
    #[must_use]
    pub fn new(source: Arc<str>, line: u32, column: u32) -> Self {
        Self { source, line, column, length: 1, lines: 1, text_offset: None, env: None }
    }

    /// The same place with a token `length` characters long.
    #[must_use]
    pub fn with_length(self, length: u32) -> Self {
        Self { length: length.max(1), ..self }
    }

    /// The same place with a token that takes `lines` lines.
    #[must_use]
    pub fn with_lines(self, lines: u32) -> Self {
        Self { lines: lines.max(1), ..self }
    }

    /// The same place with a text that is written there character for character, each line of it `offset` characters behind
    /// the place's column.
    #[must_use]
    pub fn with_text_offset(self, offset: u32) -> Self {
        Self { text_offset: Some(offset), ..self }
    }

    /// A whole file, when no line of it is to blame.
    #[must_use]
    pub fn whole_file(source: Arc<str>) -> Self {
        Self { source, line: 0, column: 0, length: 1, lines: 1, text_offset: None, env: None }
    }

    /// A value that came from the environment variable `name`.
    #[must_use]
    pub fn environment(name: &str) -> Self {
        Self {
            source: Arc::from("environment"),
            line: 0,
            column: 0,
            length: 1,
            lines: 1,
            text_offset: None,
            env: Some(Arc::from(name)),
        }
    }

    /// Whether the value came from the environment, where values are converted more freely than in files.
    #[must_use]
    pub fn is_environment(&self) -> bool {
        self.env.is_some()
    }
}

/// How a scalar was written. A quoted scalar is always text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScalarStyle {
    /// Without quotes; null, booleans and numbers are recognised by their form (YAML 1.2 core schema).
    Plain,
    /// In quotes or as a block.
    Quoted,
}

/// A key of a mapping, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The key's text.
    pub text: String,
    /// Where it stands.
    pub place: Place,
}

/// What a node holds.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeValue {
    /// Nothing, `null` or `~`.
    Null,
    /// `true` or `false`. `yes`, `no`, `on` and `off` are text.
    Bool(bool),
    /// A number, kept as written: the target type decides what is in range.
    Number(String),
    /// Text.
    String(String),
    /// A list.
    Sequence(Vec<Node>),
    /// A map in the order of the document; no key twice.
    Mapping(Vec<(Key, Node)>),
}

/// A value with its place.
///
/// `Debug` prints the values, secrets included: print diagnostics, not nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it holds.
    pub value: NodeValue,
    /// Where its first token stands; a list or map that starts below its key is found at the key.
    pub place: Place,
    /// How it was written; [`ScalarStyle::Plain`] for lists and maps.
    pub style: ScalarStyle,
}

impl Node {
    /// A node written without quotes.
    #[must_use]
    pub fn new(value: NodeValue, place: Place) -> Self {
        Self { value, place, style: ScalarStyle::Plain }
    }

    /// A plain scalar, resolved by the YAML 1.2 core schema: null, booleans, numbers, else text.
    #[must_use]
    pub fn plain_scalar(text: &str, place: Place) -> Self {
        Self::new(resolve_plain(text), place)
    }

    /// A scalar in quotes: text, whatever it looks like.
    #[must_use]
    pub fn quoted_scalar(text: impl Into<String>, place: Place) -> Self {
        Self { value: NodeValue::String(text.into()), place, style: ScalarStyle::Quoted }
    }

    /// The tree of a JSON value, every part of it at `place`.
    #[must_use]
    pub fn from_json(value: &serde_json::Value, place: &Place) -> Self {
        use serde_json::Value;
        match value {
            Value::Null => Self::new(NodeValue::Null, place.clone()),
            Value::Bool(flag) => Self::new(NodeValue::Bool(*flag), place.clone()),
            Value::Number(number) => Self::new(NodeValue::Number(number.to_string()), place.clone()),
            Value::String(text) => Self::quoted_scalar(text.clone(), place.clone()),
            Value::Array(items) => {
                let items = items.iter().map(|item| Self::from_json(item, place)).collect();
                Self::new(NodeValue::Sequence(items), place.clone())
            }
            Value::Object(members) => {
                let entries = members.iter().map(|(name, member)| {
                    (Key { text: name.clone(), place: place.clone() }, Self::from_json(member, place))
                });
                Self::new(NodeValue::Mapping(entries.collect()), place.clone())
            }
        }
    }

    /// Whether nothing is there.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self.value, NodeValue::Null)
    }

    /// The text of a text scalar.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            NodeValue::String(text) => Some(text),
            NodeValue::Null
            | NodeValue::Bool(_)
            | NodeValue::Number(_)
            | NodeValue::Sequence(_)
            | NodeValue::Mapping(_) => None,
        }
    }

    /// The text of any scalar but null, as written; environment values are read this way.
    #[must_use]
    pub fn scalar_text(&self) -> Option<String> {
        match &self.value {
            NodeValue::String(text) | NodeValue::Number(text) => Some(text.clone()),
            NodeValue::Bool(flag) => Some(flag.to_string()),
            NodeValue::Null | NodeValue::Sequence(_) | NodeValue::Mapping(_) => None,
        }
    }

    /// The entries of a map.
    #[must_use]
    pub fn entries(&self) -> Option<&[(Key, Node)]> {
        match &self.value {
            NodeValue::Mapping(entries) => Some(entries),
            NodeValue::Null
            | NodeValue::Bool(_)
            | NodeValue::Number(_)
            | NodeValue::String(_)
            | NodeValue::Sequence(_) => None,
        }
    }

    /// The elements of a list.
    #[must_use]
    pub fn elements(&self) -> Option<&[Node]> {
        match &self.value {
            NodeValue::Sequence(elements) => Some(elements),
            NodeValue::Null
            | NodeValue::Bool(_)
            | NodeValue::Number(_)
            | NodeValue::String(_)
            | NodeValue::Mapping(_) => None,
        }
    }

    /// The value under `key`, when this is a map that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries()?.iter().find(|(name, _)| name.text == key).map(|(_, node)| node)
    }

    /// The place of `key` itself, when this is a map that has it.
    #[must_use]
    pub fn key_place(&self, key: &str) -> Option<&Place> {
        self.entries()?.iter().find(|(name, _)| name.text == key).map(|(name, _)| &name.place)
    }

    /// What kind of value this is, in the words of a message: `text`, `a number`, `a list`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match &self.value {
            NodeValue::Null => "nothing",
            NodeValue::Bool(_) => "a boolean",
            NodeValue::Number(_) => "a number",
            NodeValue::String(_) => "text",
            NodeValue::Sequence(_) => "a list",
            NodeValue::Mapping(_) => "a map",
        }
    }

    /// The kind and, for scalars, the value as written. Not for values that may be secret: use [`Node::kind`] there.
    #[must_use]
    pub fn describe(&self) -> String {
        match &self.value {
            NodeValue::Bool(flag) => format!("boolean `{flag}`"),
            NodeValue::Number(text) => format!("number `{text}`"),
            NodeValue::String(text) => format!("text `{text}`"),
            NodeValue::Null | NodeValue::Sequence(_) | NodeValue::Mapping(_) => self.kind().to_owned(),
        }
    }
}

/// The YAML 1.2 core schema for scalars without quotes (YAML 1.2.2 §10.3.2).
fn resolve_plain(text: &str) -> NodeValue {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => NodeValue::Null,
        "true" | "True" | "TRUE" => NodeValue::Bool(true),
        "false" | "False" | "FALSE" => NodeValue::Bool(false),
        _ if is_number(text) => NodeValue::Number(text.to_owned()),
        _ => NodeValue::String(text.to_owned()),
    }
}

fn is_number(text: &str) -> bool {
    let is_based = |digits: &str, radix: u32| !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
    if let Some(digits) = text.strip_prefix("0x") {
        return is_based(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return is_based(digits, 8);
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    all_digits(whole)
        && all_digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|exponent| !exponent.is_empty() && all_digits(exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_follow_the_core_schema() {
        for number in [
            "0", "017", "-1", "+3", "1.5", ".5", "1.", "1e3", "1.5E-2", "0x1F", "0o17", ".inf", "-.Inf",
            ".nan",
        ] {
            assert_eq!(resolve_plain(number), NodeValue::Number(number.to_owned()), "{number}");
        }
        for text in
            ["yes", "no", "on", "off", "1.2.3", "1beta1", "1e", "0x", ".", "-", "10s", "e5", "1_000", "12:30"]
        {
            assert_eq!(resolve_plain(text), NodeValue::String(text.to_owned()), "{text}");
        }
        assert_eq!(resolve_plain("~"), NodeValue::Null);
        assert_eq!(resolve_plain("True"), NodeValue::Bool(true));
    }
}
