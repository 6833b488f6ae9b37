//! Lines for people. Colours disappear by themselves where no terminal reads them.

use std::{fmt::Display, io::Write, process::ExitCode};

use anyhow::{Context, Result};
use owo_colors::OwoColorize;
use serde::Serialize;

use crate::{exit, network};

/// Prints one line to standard output, at once.
pub(crate) fn line(text: impl Display) -> Result<()> {
    let mut stdout = anstream::stdout().lock();
    writeln!(stdout, "{text}").and_then(|()| stdout.flush()).context("write to standard output")
}

/// Prints a value as JSON for programs.
pub(crate) fn json(value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value).context("write JSON")?;
    line(json_without_controls(&text))
}

/// Control characters that JSON allows unescaped may still mean something to a terminal. They only occur in strings.
fn json_without_controls(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\n' => character.to_string(),
            character if character.is_control() => format!("\\u{:04x}", u32::from(character)),
            character => character.to_string(),
        })
        .collect()
}

/// Prints a finished text to standard error. Best effort: there is nowhere else to say it.
pub(crate) fn note(text: impl Display) {
    drop(write!(anstream::stderr(), "{text}"));
}

/// Prints an error, its causes below it, and says how the program ends. A reader that went away (`| head`) is no error.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    let is_broken_pipe = error
        .root_cause()
        .downcast_ref::<std::io::Error>()
        .is_some_and(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe);
    if is_broken_pipe {
        return ExitCode::SUCCESS;
    }
    let mut stderr = anstream::stderr().lock();
    drop(writeln!(stderr, "{} {}", "error:".red().bold(), single_line(&error.to_string())));
    let mut said = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        // Transparent wrappers repeat their source's words.
        if cause != said {
            drop(writeln!(stderr, "  because: {}", single_line(&cause)));
        }
        said = cause;
    }
    if let Some(hint) = error.chain().find_map(network::hint) {
        drop(writeln!(stderr, "  hint: {hint}"));
    }
    exit::status_of(error)
}

/// Foreign bytes may hold control sequences of terminals: shows them as escapes.
pub(crate) fn harmless(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\n' | '\t' => character.to_string(),
            character if character.is_control() => character.escape_default().to_string(),
            character => character.to_string(),
        })
        .collect()
}

fn single_line(text: &str) -> String {
    harmless(text).replace('\n', "\n  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_sequences_are_shown_not_sent() {
        assert_eq!(harmless("a\u{1b}[31m\tb\r\n\u{9b}"), "a\\u{1b}[31m\tb\\r\n\\u{9b}");
    }

    #[test]
    fn json_stays_json_without_control_characters() {
        let text = json_without_controls("{\n  \"a\": \"\u{9b}x\"\n}");
        assert_eq!(text, "{\n  \"a\": \"\\u009bx\"\n}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap()["a"], "\u{9b}x");
    }
}
