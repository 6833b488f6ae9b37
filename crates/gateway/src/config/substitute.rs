//! `${NAME}` in the text of a document, replaced before the text is parsed, so also inside comments and quotes.
//!
//! Known forms: `${NAME}` (nothing when unset), `${NAME:-text}`, `${NAME:=text}`, `${NAME=text}` and `${NAME:?text}` (the text
//! when unset or empty; it may hold further variables), `$$` (one `$`). A `$` in front of anything else stays. Places in
//! the result can be led back to the text as it was written.

use std::sync::Arc;

use gateway_core::document::{Code, Diagnostic, Diagnostics, Place};

use super::environment::Environment;
use super::source_text::Lines;

/// A text after substitution, with the way back to the text as written.
#[derive(Debug)]
pub(super) struct Substituted {
    /// The result.
    pub(super) text: String,
    /// Parts of the result in order, without gaps.
    parts: Vec<Part>,
}

/// A part of the result and where it came from, in bytes.
#[derive(Debug)]
struct Part {
    result_start: usize,
    written_start: usize,
    /// Bytes of the written expression; `None` where the text was taken over as it is.
    expression_length: Option<usize>,
}

impl Substituted {
    /// A text without variables.
    pub(super) fn unchanged(text: &str) -> Self {
        Self { text: text.to_owned(), parts: Vec::new() }
    }

    /// Where the byte at `offset` of the result was written. Everything a variable gave points to the start of its
    /// expression.
    pub(super) fn written_offset(&self, offset: usize) -> usize {
        let position = self.parts.partition_point(|part| part.result_start <= offset);
        match position.checked_sub(1).and_then(|position| self.parts.get(position)) {
            None => offset,
            Some(Part { written_start, expression_length: Some(_), .. }) => *written_start,
            Some(Part { result_start, written_start, expression_length: None }) => {
                written_start + (offset - result_start)
            }
        }
    }
}

/// Nested defaults deeper than this are refused.
const MAX_DEPTH: usize = 16;

/// Replaces every variable. `None` after reporting `bad_substitution`; unset variables without default are warned about.
pub(super) fn substitute(
    source: &Arc<str>,
    text: &str,
    environment: &Environment,
    diagnostics: &mut Diagnostics,
) -> Option<Substituted> {
    let lines = Lines::of(text);
    let mut substitution = Substitution { source, text, lines, environment, diagnostics, failed: false };
    let mut result = String::with_capacity(text.len());
    let mut parts = Vec::new();
    let mut position = 0;
    while let Some(rest) = text.get(position..).filter(|rest| !rest.is_empty()) {
        let literal_length = rest.find("$$").into_iter().chain(rest.find("${")).min().unwrap_or(rest.len());
        if literal_length > 0 {
            parts.push(Part { result_start: result.len(), written_start: position, expression_length: None });
            result.push_str(rest.get(..literal_length).unwrap_or_default());
            position += literal_length;
            continue;
        }
        let (value, length) = substitution.expression(position, 0)?;
        parts.push(Part {
            result_start: result.len(),
            written_start: position,
            expression_length: Some(length),
        });
        result.push_str(&value);
        position += length;
    }
    (!substitution.failed).then_some(Substituted { text: result, parts })
}

struct Substitution<'a> {
    source: &'a Arc<str>,
    text: &'a str,
    lines: Lines<'a>,
    environment: &'a Environment,
    diagnostics: &'a mut Diagnostics,
    failed: bool,
}

impl Substitution<'_> {
    /// The value and the length in bytes of the expression at `start`, which begins with `$$` or `${`. `None` when nothing
    /// behind it can be understood.
    fn expression(&mut self, start: usize, depth: usize) -> Option<(String, usize)> {
        let rest = self.text.get(start..)?;
        if rest.starts_with("$$") {
            return Some(("$".to_owned(), 2));
        }
        let Some(end) = closing_brace(rest).filter(|_| depth < MAX_DEPTH) else {
            self.report(start, 2, "`${` is never closed", "write `$$` for a dollar sign, or close the brace");
            return None;
        };
        let inner = rest.get(2..end)?;
        let length = end + 1;
        let name_length = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inner.len());
        let (name, operation) = inner.split_at_checked(name_length)?;
        if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
            self.report(
                start,
                length,
                "`${…}` does not name a variable",
                "known forms: ${X}, ${X:-def}, ${X:=def}, ${X=def}, ${X:?def}",
            );
            self.failed = true;
            return Some((String::new(), length));
        }
        let value = self.environment.get(name).filter(|value| !value.is_empty());
        let operator = [":-", ":=", ":?", "="].into_iter().find(|operator| operation.starts_with(operator));
        let value = match (operation.is_empty(), operator) {
            (true, _) => {
                if self.environment.get(name).is_none() && !self.in_comment(start) {
                    let place = self.lines.place(self.source, start, length);
                    let headline = format!("`${{{name}}}` is not set, replaced by nothing");
                    let hint = format!("give it a default: `${{{name}:-…}}`");
                    self.diagnostics
                        .push(Diagnostic::warning(Code::UnsetVariable, headline, &place).hint(hint));
                }
                value.unwrap_or_default().to_owned()
            }
            (false, Some(operator)) => {
                let default_start = start + 2 + name_length + operator.len();
                let default = self.default_text(default_start, start + end, depth + 1)?;
                value.map_or(default, str::to_owned)
            }
            (false, None) => {
                let hint = if operation.starts_with('-') {
                    format!("a default is written with a colon: `${{{name}:-…}}`")
                } else {
                    "known forms: ${X}, ${X:-def}, ${X:=def}, ${X=def}, ${X:?def}".to_owned()
                };
                self.report(start, length, &format!("the form of `${{{name}…}}` is not known"), &hint);
                self.failed = true;
                String::new()
            }
        };
        Some((value, length))
    }

    /// The text between `start` and `end` with its own variables replaced.
    fn default_text(&mut self, start: usize, end: usize, depth: usize) -> Option<String> {
        let mut result = String::new();
        let mut position = start;
        while position < end {
            let rest = self.text.get(position..end)?;
            if rest.starts_with("$$") || rest.starts_with("${") {
                let (value, length) = self.expression(position, depth)?;
                result.push_str(&value);
                position += length;
            } else {
                let first = rest.chars().next()?;
                result.push(first);
                position += first.len_utf8();
            }
        }
        Some(result)
    }

    /// Whether a line of its own that begins with `#` holds `offset`; an unset variable there harms nobody.
    fn in_comment(&self, offset: usize) -> bool {
        let before = self.text.get(..offset).unwrap_or_default();
        before.rsplit('\n').next().is_some_and(|line| line.trim_start().starts_with('#'))
    }

    fn report(&mut self, start: usize, length: usize, headline: &str, hint: &str) {
        let place: Place = self.lines.place(self.source, start, length);
        self.diagnostics.push(Diagnostic::error(Code::BadSubstitution, headline, &place).hint(hint));
    }
}

/// Offset of the brace that closes the `${` at the start of `text`.
fn closing_brace(text: &str) -> Option<usize> {
    let mut open = 0_usize;
    let mut position = 0;
    while let Some(rest) = text.get(position..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("$$") {
            position += 2;
        } else if rest.starts_with("${") {
            open += 1;
            position += 2;
        } else if rest.starts_with('}') {
            open -= 1;
            if open == 0 {
                return Some(position);
            }
            position += 1;
        } else {
            position += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str) -> (Option<String>, Vec<Code>) {
        let environment = Environment::from_pairs([("SET", "value"), ("EMPTY", ""), ("OTHER", "o")]);
        let mut diagnostics = Diagnostics::new();
        let result = substitute(&Arc::from("f.yaml"), text, &environment, &mut diagnostics);
        (result.map(|result| result.text), diagnostics.iter().map(|diagnostic| diagnostic.code).collect())
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(run(text), (Some(expected.to_owned()), Vec::new()));
    }

    #[test]
    fn replaces_the_known_forms() {
        check("a ${SET} b", "a value b");
        check("${EMPTY}", "");
        check("${UNSET:-def}|${EMPTY:=def}|${UNSET=def}|${UNSET:?def}", "def|def|def|def");
        check("${SET:-def}", "value");
        check("${UNSET:-${OTHER}}", "o");
        check("${UNSET:-a${NONE:-b}c}", "abc");
        check("# ${UNSET}", "# ");
    }

    #[test]
    fn leaves_other_dollars_alone() {
        check("$NAME a$b ^[a-z]+$", "$NAME a$b ^[a-z]+$");
        check("$${NAME}", "${NAME}");
        check("cost $$5", "cost $5");
        check("ä${SET}ö", "ävalueö");
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for text in ["${", "${}", "a ${X-def}", "${X^^}", "${#X}", "${1}", "${X:-${Y}"] {
            assert_eq!(run(text), (None, vec![Code::BadSubstitution]), "{text}");
        }
        assert_eq!(run("${A-x} ${B-y}").1.len(), 2);
        assert_eq!(run("${UNSET}"), (Some(String::new()), vec![Code::UnsetVariable]));
    }

    #[test]
    fn offsets_lead_back_to_the_text_as_written() {
        let environment = Environment::from_pairs([("SET", "value")]);
        let text = "ab ${SET} cd";
        let result = substitute(&Arc::from("f"), text, &environment, &mut Diagnostics::new()).unwrap();
        assert_eq!(result.text, "ab value cd");
        assert_eq!(result.written_offset(1), 1);
        assert_eq!(result.written_offset(3), 3);
        assert_eq!(result.written_offset(6), 3);
        assert_eq!(result.written_offset(9), 10);
        assert_eq!(Substituted::unchanged("x").written_offset(1), 1);
    }
}
