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
        let mut files: Vec<&str> = Vec::new();
        for place in self.diagnostics.iter().filter_map(|diagnostic| diagnostic.places.first()) {
            if !files.contains(&place.source.as_ref()) {
                files.push(&place.source);
            }
        }
        format!("{counted} in {}", escape(&files.join(", ")))
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
