//! What the demo prints: aligned columns, colour only on a terminal.

use http::HeaderMap;
use oauth::challenge;
use owo_colors::{OwoColorize, Style};

/// Width of the first column.
const WHAT: usize = 49;
/// Width of the answer's column.
const ANSWER: usize = 47;

/// Prints `what` and `value` in two columns.
pub(super) fn line(what: &str, value: &str) {
    anstream::println!("{what:<WHAT$}  {value}");
}

/// Prints the head of the attacks' table.
pub(super) fn attacks_head() {
    let dim = Style::new().dimmed();
    anstream::println!(
        "\n{}",
        format_args!(
            "{:<WHAT$}  {:<ANSWER$}  {}",
            "a thief has the token, and later a whole request", "answer", "upstream"
        )
        .style(dim)
    );
}

/// Prints one attack with its verdict.
pub(super) fn attack(right: bool, what: &str, answer: &str, reached_upstream: bool) {
    let mark = if right { "✓".green().to_string() } else { "✗".red().bold().to_string() };
    let upstream = if reached_upstream { "REACHED".red().to_string() } else { "not reached".to_owned() };
    let width = WHAT - 2;
    anstream::println!("{mark} {what:<width$}  {answer:<ANSWER$}  {upstream}");
}

/// The status and the first challenge as a person reads them: `401  DPoP error="invalid_token"`.
pub(super) fn answer(status: http::StatusCode, headers: &HeaderMap) -> String {
    let mut text = status.as_u16().to_string();
    if let Some(challenge) = challenge::from_headers(headers).first() {
        text.push_str("  ");
        text.push_str(&challenge.scheme);
        if let Some(error) = challenge.parameter("error") {
            text.push_str(&format!(" error=\"{error}\""));
        }
    }
    if headers.contains_key("dpop-nonce") {
        text.push_str("  + DPoP-Nonce");
    }
    text
}
