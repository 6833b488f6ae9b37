//! The texts that diagnostics point into, with the parts that must not be shown.

use std::sync::Arc;

use gateway_core::document::{KeyPath, Node, NodeValue, Place};

/// The documents of one run, for printing the lines that diagnostics point to.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    texts: Vec<SourceText>,
}

/// One document as it was written.
#[derive(Clone)]
struct SourceText {
    name: Arc<str>,
    text: Arc<str>,
    hidden: Hidden,
}

impl std::fmt::Debug for SourceText {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("SourceText").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Which parts of a document may hold credentials.
#[derive(Clone, Debug)]
enum Hidden {
    /// The document could not be parsed, so lines are judged by their words.
    Guess,
    /// From this line and column on, to the end of that line, and all further lines of the value.
    From(Vec<HiddenFrom>),
}

#[derive(Clone, Debug)]
struct HiddenFrom {
    line: u32,
    column: u32,
    last_line: u32,
}

/// A line with one of these words is not shown when the document could not be parsed.
const SUSPICIOUS: [&str; 7] = ["password", "secret", "token", "key", "credential", "inline", "authorization"];

impl Sources {
    /// Without any document.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a document that was parsed: values at sensitive places will not be shown.
    pub(crate) fn add(&mut self, name: &Arc<str>, text: &str, root: Option<(&Node, &KeyPath)>) {
        let hidden = root.map_or(Hidden::Guess, |(node, path)| {
            let mut hidden = Vec::new();
            collect_hidden(node, path, &mut hidden);
            Hidden::From(hidden)
        });
        self.texts.push(SourceText { name: Arc::clone(name), text: Arc::from(text), hidden });
    }

    /// Whether a document of this name was added.
    pub(super) fn has(&self, name: &str) -> bool {
        self.texts.iter().any(|source| &*source.name == name)
    }

    /// The line of `place` as it may be shown; `None` when it may not, or when there is none.
    pub(super) fn line(&self, place: &Place) -> Option<String> {
        let source = self.texts.iter().find(|source| source.name == place.source)?;
        let index = usize::try_from(place.line).ok()?.checked_sub(1)?;
        let line = source.text.lines().nth(index)?;
        match &source.hidden {
            Hidden::Guess => {
                let words = line.to_ascii_lowercase();
                (!SUSPICIOUS.iter().any(|word| words.contains(word))).then(|| line.to_owned())
            }
            Hidden::From(hidden) => {
                if hidden.iter().any(|hidden| hidden.line < place.line && place.line <= hidden.last_line) {
                    return None;
                }
                let cut = hidden
                    .iter()
                    .filter(|hidden| hidden.line == place.line)
                    .map(|hidden| hidden.column)
                    .min();
                let Some(cut) = cut else { return Some(line.to_owned()) };
                let shown: String = line.chars().take(usize::try_from(cut).ok()?.saturating_sub(1)).collect();
                Some(format!("{shown}…"))
            }
        }
    }
}

/// The values of credentials: under sensitive keys and in `inline` sources.
fn collect_hidden(node: &Node, path: &KeyPath, hidden: &mut Vec<HiddenFrom>) {
    match &node.value {
        NodeValue::Mapping(entries) => {
            for (key, value) in entries {
                collect_hidden(value, &path.key(&key.text), hidden);
            }
        }
        NodeValue::Sequence(elements) => {
            for (index, element) in elements.iter().enumerate() {
                collect_hidden(element, &path.index(index), hidden);
            }
        }
        NodeValue::Null | NodeValue::Bool(_) => {}
        NodeValue::Number(text) | NodeValue::String(text) => {
            let is_url_with_user = text.contains("://") && text.contains('@');
            if path.is_sensitive() && !is_reference(path) || is_url_with_user {
                hidden.push(HiddenFrom {
                    line: node.place.line,
                    column: node.place.column,
                    last_line: node.place.line.saturating_add(node.place.lines.saturating_sub(1)),
                });
            }
        }
    }
}

/// `source` and `selector` name a secret and are none.
fn is_reference(path: &KeyPath) -> bool {
    let text = path.to_string();
    !text.starts_with("secret_management") && (text.ends_with(".source") || text.ends_with(".selector"))
}

/// A text with the starts of its lines, to find places in it.
#[derive(Debug)]
pub(super) struct Lines<'t> {
    text: &'t str,
    /// Offset of the first byte of each line.
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub(super) fn text(&self) -> &'t str {
        self.text
    }

    pub(super) fn of(text: &'t str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(newline, _)| newline + 1));
        Self { text, starts: starts.collect() }
    }

    /// The place of `length` bytes at `offset`; of a token in several lines the part in the first.
    pub(super) fn place(&self, source: &Arc<str>, offset: usize, length: usize) -> Place {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = line.checked_sub(1).and_then(|index| self.starts.get(index)).copied().unwrap_or(0);
        let before = self.text.get(start..offset).unwrap_or_default();
        let token = self.text.get(offset..offset.saturating_add(length)).unwrap_or_default();
        let first = token.lines().next().unwrap_or_default();
        let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Place::new(Arc::clone(source), small(line), small(before.chars().count() + 1))
            .with_length(small(first.chars().count()))
            .with_lines(small(token.trim_end().lines().count()))
    }
}

#[cfg(test)]
mod tests {
    use gateway_core::document::Diagnostics;

    use super::*;
    use crate::config::read_document;

    #[test]
    fn no_line_of_a_credential_is_shown() {
        let text = "a: {password: \"first\n  second\", b: 1}\nc: 1\npassword: |\n  third\n  fourth\nd: 1\n";
        let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::new());
        read_document("f.yaml", text, &KeyPath::configuration(), None, &mut sources, &mut diagnostics)
            .unwrap();
        let shown = |line| sources.line(&Place::new(Arc::from("f.yaml"), line, 1));
        assert_eq!(shown(1).as_deref(), Some("a: {password: …"));
        assert_eq!(shown(2), None, "folded: the value has one line, the token two");
        assert_eq!(shown(3).as_deref(), Some("c: 1"));
        assert_eq!(shown(4).as_deref(), Some("password: |"));
        assert_eq!((shown(5).as_deref(), shown(6)), (Some("  …"), None));
        assert_eq!(shown(7).as_deref(), Some("d: 1"));
    }
}
