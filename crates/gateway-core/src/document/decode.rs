//! From a node to a typed value.

use std::collections::BTreeMap;

use super::diagnostics::{Code, Diagnostic, Diagnostics};
use super::key_path::KeyPath;
use super::node::{Node, NodeValue, Place};
use super::suggestion::did_you_mean;

/// A value that can be read from a node.
pub trait Decode: Sized {
    /// Reads the value at `path`. `None` means that the reason was added to `diagnostics`; a value means that it may be
    /// used once `diagnostics` has no errors.
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self>;
}

/// A value together with the place it was written at, for mistakes that only show later.
#[derive(Clone, Debug)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub place: Place,
}

impl<T> Spanned<T> {
    /// Joins a value and its place.
    pub fn new(value: T, place: Place) -> Self {
        Self { value, place }
    }

    /// The same place with another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Spanned<U> {
        Spanned { value: change(self.value), place: self.place }
    }
}

impl Spanned<String> {
    /// The place of a part of the text in its file; `line` and `column` count from 1 within the text. Where the text is not
    /// written character for character, because it is folded, has escapes or holds a variable, the place is that of the
    /// whole.
    #[must_use]
    pub fn place_within(&self, line: usize, column: usize) -> Place {
        let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let whole = &self.place;
        let (line, column) = (narrow(line.max(1)), narrow(column.max(1)));
        match whole.text_offset {
            Some(offset) if line <= whole.lines => Place {
                line: whole.line.saturating_add(line - 1),
                column: whole.column.saturating_add(offset).saturating_add(column - 1),
                length: 1,
                lines: 1,
                text_offset: None,
                ..whole.clone()
            },
            Some(_) | None => whole.clone(),
        }
    }
}

impl<T: PartialEq> PartialEq for Spanned<T> {
    /// Equal values are equal wherever they stand.
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Decode> Decode for Spanned<T> {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        T::decode(node, path, diagnostics).map(|value| Self::new(value, node.place.clone()))
    }
}

/// Null is `None`; a key that may be left out is read with [`super::MapReader::optional`] instead.
impl<T: Decode> Decode for Option<T> {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        if node.is_null() { Some(None) } else { T::decode(node, path, diagnostics).map(Some) }
    }
}

/// The node as it stands, for parts that somebody else reads.
impl Decode for Node {
    fn decode(node: &Node, _: &KeyPath, _: &mut Diagnostics) -> Option<Self> {
        Some(node.clone())
    }
}

/// Text. Strict in files: a number or boolean is refused with the hint to quote it; environment values are converted.
impl Decode for String {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        if node.place.is_environment()
            && let Some(text) = node.scalar_text()
        {
            return Some(text);
        }
        match &node.value {
            NodeValue::String(text) => Some(text.clone()),
            NodeValue::Number(_) | NodeValue::Bool(_) => {
                report_wrong_type(node, path, "text", Some("put it in quotes"), diagnostics);
                None
            }
            NodeValue::Null | NodeValue::Sequence(_) | NodeValue::Mapping(_) => {
                report_wrong_type(node, path, "text", None, diagnostics);
                None
            }
        }
    }
}

impl Decode for bool {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        match &node.value {
            NodeValue::Bool(flag) => Some(*flag),
            NodeValue::String(text)
                if node.place.is_environment() && matches!(text.as_str(), "true" | "false") =>
            {
                Some(text == "true")
            }
            NodeValue::String(text) => {
                let hint = match text.to_ascii_lowercase().as_str() {
                    "yes" | "on" | "true" => Some("write `true`, without quotes"),
                    "no" | "off" | "false" => Some("write `false`, without quotes"),
                    _ => None,
                };
                report_wrong_type(node, path, "true or false", hint, diagnostics);
                None
            }
            NodeValue::Null | NodeValue::Number(_) | NodeValue::Sequence(_) | NodeValue::Mapping(_) => {
                report_wrong_type(node, path, "true or false", None, diagnostics);
                None
            }
        }
    }
}

macro_rules! decode_integer {
    ($($integer:ty),+) => {$(
        impl Decode for $integer {
            fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
                let number = decode_integer(node, path, (<$integer>::MIN as i128)..=(<$integer>::MAX as i128), diagnostics)?;
                <$integer>::try_from(number).ok()
            }
        }
    )+};
}
decode_integer!(u8, u16, u32, u64, usize, i32, i64);

fn decode_integer(
    node: &Node,
    path: &KeyPath,
    range: std::ops::RangeInclusive<i128>,
    diagnostics: &mut Diagnostics,
) -> Option<i128> {
    let expected = format!("an integer from {} to {}", range.start(), range.end());
    let text = match &node.value {
        NodeValue::Number(text) => text.clone(),
        NodeValue::String(text) if node.place.is_environment() => text.clone(),
        NodeValue::String(text) => {
            let hint = text.parse::<i128>().is_ok().then(|| format!("remove the quotes: {text}"));
            report_wrong_type(node, path, &expected, hint.as_deref(), diagnostics);
            return None;
        }
        NodeValue::Null | NodeValue::Bool(_) | NodeValue::Sequence(_) | NodeValue::Mapping(_) => {
            report_wrong_type(node, path, &expected, None, diagnostics);
            return None;
        }
    };
    let Some(number) = parse_integer(&text) else {
        report_wrong_type(node, path, &expected, None, diagnostics);
        return None;
    };
    if !range.contains(&number) {
        diagnostics.push(
            Diagnostic::error(Code::OutOfRange, format!("`{path}` is out of range"), &node.place)
                .found(text)
                .expected(expected),
        );
        return None;
    }
    Some(number)
}

/// Decimal, `0x` and `0o` integers (YAML 1.2.2 §10.3.2).
fn parse_integer(text: &str) -> Option<i128> {
    if let Some(digits) = text.strip_prefix("0x") {
        return i128::from_str_radix(digits, 16).ok();
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return i128::from_str_radix(digits, 8).ok();
    }
    text.parse().ok()
}

/// A list. Every element is read, so that all mistakes in it are reported.
impl<T: Decode> Decode for Vec<T> {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        decode_sequence(node, path, diagnostics, T::decode)
    }
}

/// Reads every element of a list with `decode_element`; `None` when it is no list or an element failed.
pub fn decode_sequence<T>(
    node: &Node,
    path: &KeyPath,
    diagnostics: &mut Diagnostics,
    mut decode_element: impl FnMut(&Node, &KeyPath, &mut Diagnostics) -> Option<T>,
) -> Option<Vec<T>> {
    let Some(elements) = node.elements() else {
        report_wrong_type(node, path, "a list", None, diagnostics);
        return None;
    };
    let decoded: Vec<Option<T>> = elements
        .iter()
        .enumerate()
        .map(|(index, element)| decode_element(element, &path.index(index), diagnostics))
        .collect();
    decoded.into_iter().collect()
}

/// A map with keys of the user's choice, in the order of the document.
impl<T: Decode> Decode for Vec<(Spanned<String>, T)> {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let Some(entries) = node.entries() else {
            report_wrong_type(node, path, "a map", None, diagnostics);
            return None;
        };
        let decoded: Vec<Option<(Spanned<String>, T)>> = entries
            .iter()
            .map(|(key, value)| {
                let value = T::decode(value, &path.key(&key.text), diagnostics)?;
                Some((Spanned::new(key.text.clone(), key.place.clone()), value))
            })
            .collect();
        decoded.into_iter().collect()
    }
}

/// A map with keys of the user's choice.
impl<T: Decode> Decode for BTreeMap<String, T> {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let entries = Vec::<(Spanned<String>, T)>::decode(node, path, diagnostics)?;
        Some(entries.into_iter().map(|(key, value)| (key.value, value)).collect())
    }
}

/// Reads one word of a closed list, `not_one_of` otherwise.
pub fn decode_one_of<T: Clone>(
    node: &Node,
    path: &KeyPath,
    choices: &[(&'static str, T)],
    diagnostics: &mut Diagnostics,
) -> Option<T> {
    let words = || choices.iter().map(|(word, _)| *word);
    let Some(text) = node.scalar_text() else {
        report_wrong_type(
            node,
            path,
            &format!("one of {}", words().collect::<Vec<_>>().join(", ")),
            None,
            diagnostics,
        );
        return None;
    };
    let chosen = choices.iter().find(|(word, _)| *word == text).map(|(_, choice)| choice.clone());
    if chosen.is_none() {
        diagnostics.push(
            Diagnostic::error(Code::NotOneOf, format!("`{path}` is none of the known words"), &node.place)
                .found(text.as_str())
                .expected(format!("one of {}", words().collect::<Vec<_>>().join(", ")))
                .did_you_mean(did_you_mean(&text, words())),
        );
    }
    chosen
}

/// Reports a value of the wrong type; the value itself is shown only where no credential can stand.
pub fn report_wrong_type(
    node: &Node,
    path: &KeyPath,
    expected: &str,
    hint: Option<&str>,
    diagnostics: &mut Diagnostics,
) {
    let found = if path.is_sensitive() { node.kind().to_owned() } else { node.describe() };
    let mut diagnostic =
        Diagnostic::error(Code::WrongType, format!("`{path}` must be {expected}"), &node.place)
            .found(found)
            .expected(expected);
    diagnostic.hint =
        hint.filter(|_| !path.is_sensitive() || !expected.contains("integer")).map(str::to_owned);
    diagnostics.push(diagnostic);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn node(text: &str) -> Node {
        Node::plain_scalar(text, Place::new(Arc::from("f.yaml"), 3, 5))
    }

    fn check<T: Decode>(node: &Node) -> Result<T, String> {
        let mut diagnostics = Diagnostics::new();
        match T::decode(node, &KeyPath::configuration().key("a"), &mut diagnostics) {
            Some(value) => {
                assert!(diagnostics.is_empty());
                Ok(value)
            }
            None => Err(diagnostics.to_string()),
        }
    }

    #[test]
    fn files_are_strict_about_types() {
        assert_eq!(check::<u16>(&node("4456")), Ok(4456));
        assert_eq!(check::<u16>(&node("0x10")), Ok(16));
        let quoted = Node::quoted_scalar("4456", Place::new(Arc::from("f.yaml"), 3, 5));
        assert_eq!(
            check::<u16>(&quoted),
            Err("error[wrong_type]: `a` must be an integer from 0 to 65535 (f.yaml:3:5)".to_owned())
        );
        assert!(check::<u16>(&node("70000")).is_err_and(|text| text.contains("out_of_range")));
        assert!(check::<u16>(&node("1.5")).is_err_and(|text| text.contains("wrong_type")));
        assert!(check::<bool>(&node("yes")).is_err());
        assert!(check::<String>(&node("12")).is_err());
        assert_eq!(check::<String>(&node("yes")), Ok("yes".to_owned()));
    }

    #[test]
    fn environment_values_are_converted() {
        let from_environment = |text: &str| Node::quoted_scalar(text, Place::environment("HEIMDALLCFG_A"));
        assert_eq!(check::<u16>(&from_environment("4456")), Ok(4456));
        assert_eq!(check::<bool>(&from_environment("true")), Ok(true));
        let number = Node::plain_scalar("12", Place::environment("HEIMDALLCFG_A"));
        assert_eq!(check::<String>(&number), Ok("12".to_owned()));
    }

    #[test]
    fn a_list_reports_every_bad_element() {
        let place = Place::new(Arc::from("f.yaml"), 1, 1);
        let list = Node::new(NodeValue::Sequence(vec![node("x"), node("1"), node("y")]), place);
        let mut diagnostics = Diagnostics::new();
        assert!(Vec::<u8>::decode(&list, &KeyPath::configuration(), &mut diagnostics).is_none());
        assert_eq!(diagnostics.errors().count(), 2);
    }

    #[test]
    fn credentials_are_described_by_their_type_only() {
        let mut diagnostics = Diagnostics::new();
        let path = KeyPath::configuration().key("password");
        assert!(String::decode(&node("123456"), &path, &mut diagnostics).is_none());
        assert!(!format!("{diagnostics:?}").contains("123456"));
    }
}
