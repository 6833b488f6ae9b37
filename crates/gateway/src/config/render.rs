//! Diagnostics as people and tools read them.

use std::fmt::Write as _;

use gateway_core::document::{Diagnostic, Diagnostics, Place, Severity};
use serde_json::{Value, json};

use super::source_text::Sources;

/// Everything there is to say about the documents of one run, ready to print.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What was found.
    pub diagnostics: Diagnostics,
    /// The documents it was found in.
    pub sources: Sources,
}

impl Report {
    /// Joins diagnostics and the documents they point into.
    #[must_use]
    pub fn new(mut diagnostics: Diagnostics, sources: Sources) -> Self {
        diagnostics.sort();
        Self { diagnostics, sources }
    }

    /// The long form: every diagnostic with its line, an empty line between two, and a count at the end. Control characters
    /// are escaped, so that no document can write to a terminal. Empty without diagnostics.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for diagnostic in self.diagnostics.iter() {
            self.render(diagnostic, &mut text);
            text.push('\n');
        }
        if !self.diagnostics.is_empty() {
            text.push_str(&self.summary());
            text.push('\n');
        }
        text
    }

    /// The machine form (`--output json`): an array of objects with the same fields.
    #[must_use]
    pub fn to_json(&self) -> Value {
        self.diagnostics.iter().map(to_json).collect()
    }

    /// `2 errors, 1 warning in gateway.yaml`.
    #[must_use]
    pub fn summary(&self) -> String {
        let count = |number: usize, word: &str| match number {
            1 => format!("1 {word}"),
            number => format!("{number} {word}s"),
        };
        let errors = self.diagnostics.errors().count();
        let warnings = self.diagnostics.warnings().count();
        let counted = match (errors, warnings) {
            (errors, 0) => count(errors, "error"),
            (0, warnings) => count(warnings, "warning"),
            (errors, warnings) => format!("{}, {}", count(errors, "error"), count(warnings, "warning")),
        };
        // Variables and flags are no files.
        let mut files: Vec<&str> = Vec::new();
        for place in self.diagnostics.iter().filter_map(|diagnostic| diagnostic.places.first()) {
            if self.sources.has(&place.source) && !files.contains(&place.source.as_ref()) {
                files.push(&place.source);
            }
        }
        match files.as_slice() {
            [] => counted,
            files => format!("{counted} in {}", escape(&files.join(", "))),
        }
    }

    fn render(&self, diagnostic: &Diagnostic, text: &mut String) {
        let Diagnostic { code, severity, headline, places, found, expected, hint } = diagnostic;
        // Writing to a string does not fail.
        let _ = writeln!(text, "{}[{code}]: {}", severity.as_str(), escape(headline));
        for place in places {
            self.render_place(place, text);
        }
        for (label, value) in [("found:", found), ("expected:", expected), ("hint:", hint)] {
            if let Some(value) = value {
                let _ = writeln!(text, "  {label:<9} {}", escape(value));
            }
        }
    }

    fn render_place(&self, place: &Place, text: &mut String) {
        if let Some(variable) = &place.env {
            let _ = writeln!(text, "  --> environment variable {}", escape(variable));
            return;
        }
        if place.line == 0 {
            let _ = writeln!(text, "  --> {}", escape(&place.source));
            return;
        }
        let _ = writeln!(text, "  --> {}:{}:{}", escape(&place.source), place.line, place.column);
        let Some(line) = self.sources.line(place) else { return };
        let number = place.line.to_string();
        let margin = " ".repeat(number.len() + 2);
        // Tabs would shift the mark below.
        let line = escape(&line.replace('\t', " "));
        let column = usize::try_from(place.column).unwrap_or(usize::MAX).saturating_sub(1);
        let room = line.chars().count().saturating_sub(column).max(1);
        let length = usize::try_from(place.length).unwrap_or(usize::MAX).clamp(1, room);
        let _ = writeln!(text, "{margin}|");
        let _ = writeln!(text, " {number} | {line}");
        if column <= line.chars().count() {
            let _ = writeln!(text, "{margin}| {}{}", " ".repeat(column), "^".repeat(length));
        }
    }
}

fn to_json(diagnostic: &Diagnostic) -> Value {
    let Diagnostic { code, severity, headline, places, found, expected, hint } = diagnostic;
    let places: Vec<Value> = places
        .iter()
        .map(|place| match (&place.env, place.line) {
            (Some(variable), _) => json!({"variable": variable.as_ref()}),
            (None, 0) => json!({"file": place.source.as_ref()}),
            (None, line) => json!({"file": place.source.as_ref(), "line": line, "column": place.column}),
        })
        .collect();
    let severity: Severity = *severity;
    json!({
        "code": code.as_str(),
        "severity": severity.as_str(),
        "headline": headline,
        "places": places,
        "found": found,
        "expected": expected,
        "hint": hint,
    })
}

/// Makes control characters visible, and those that change the direction of text.
fn escape(text: &str) -> String {
    let is_unsafe = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.chars().any(is_unsafe) {
        return text.to_owned();
    }
    text.chars().map(|c| if is_unsafe(c) { c.escape_default().to_string() } else { c.to_string() }).collect()
}

#[cfg(test)]
mod tests {
    use gateway_core::document::{Code, KeyPath};

    use super::*;
    use crate::config::{Environment, read_document};

    fn report(name: &str, text: &str) -> Report {
        let mut diagnostics = Diagnostics::new();
        let mut sources = Sources::new();
        let environment = Environment::from_pairs([("LEVEL", "loud")]);
        let path = KeyPath::configuration();
        if let Some(node) =
            read_document(name, text, &path, Some(&environment), &mut sources, &mut diagnostics)
        {
            let settings = crate::config::Settings::read(&node, &mut diagnostics);
            crate::secrets::read_sources(&settings.secret_sources, &mut sources, &mut diagnostics);
        }
        Report::new(diagnostics, sources)
    }

    #[test]
    fn an_error_shows_its_line_what_was_found_what_was_expected_and_a_hint() {
        let report = report("gateway.yaml", "serve:\n  timeout:\n    write: 1s\n    raed: 5s\n");
        assert_eq!(
            report.to_text(),
            "error[unknown_key]: unknown key `raed` in `serve.timeout`\n  --> gateway.yaml:4:5\n   |\n 4 |     raed: 5s\n   |     ^^^^\n  \
             found:    raed\n  expected: one of idle, read, write\n  hint:     did you mean `read`?\n\n1 error in gateway.yaml\n"
        );
    }

    #[test]
    fn errors_come_in_order_of_lines_and_point_into_the_text_as_written() {
        let report = report("f.yaml", "log: {level: \"${LEVEL}\", x: 1}\nserve: {port: https}\n");
        let places: Vec<_> =
            report.diagnostics.iter().map(|error| (error.places[0].line, error.places[0].column)).collect();
        assert_eq!(places, [(1, 14), (1, 26), (2, 15)]);
        assert!(
            report
                .to_text()
                .contains(" 1 | log: {level: \"${LEVEL}\", x: 1}\n   |              ^^^^^^^^^^\n")
        );
        assert!(report.to_text().ends_with("3 errors in f.yaml\n"));
    }

    #[test]
    fn both_places_of_a_collision_are_shown() {
        let text = report("f.yaml", "log: {}\nserve: {}\nlog: {}\n").to_text();
        assert!(text.contains("--> f.yaml:3:1") && text.contains("--> f.yaml:1:1"));
    }

    #[test]
    fn credentials_are_never_printed() {
        for text in [
            "secret_management:\n  texts: {type: inline, config: {key: hunter2, number: 4711, typo}, extra: 1}\n",
            "secret_management:\n  texts:\n    type: inline\n    config:\n      number: 4711\n      key: [hunter2]\n",
            "secret_management: {keys: {type: pem, config: {password: hunter2, path: 4711, x: 1}}}\n",
            "secret_management:\n  texts: {type: inline, config: {key: hunter2, number: 4711}\n",
            "secret_management: {texts: {type: inline, config: {key: hunter2}}}\nlog: {level: 4711\n",
        ] {
            let report = report("f.yaml", text);
            assert!(report.diagnostics.has_errors());
            let printed = format!("{}{}", report.to_text(), report.to_json());
            assert!(!printed.contains("hunter2"), "{printed}");
        }
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        let text = report("f.yaml", "\"a\\e[31m\": 1\n").to_text();
        assert!(!text.contains('\u{1b}'));
        assert!(text.contains("\\u{1b}"));
    }

    #[test]
    fn the_machine_form_has_the_same_fields() {
        let json = report("f.yaml", "sevre: {}\n").to_json();
        assert_eq!(json[0]["code"], Code::UnknownKey.as_str());
        assert_eq!(json[0]["places"][0], json!({"file": "f.yaml", "line": 1, "column": 1}));
        assert_eq!(json[0]["hint"], "did you mean `serve`?");
    }
}
