//! Regular expressions of rule files and expressions: RE2 as Go reads it, on the `regex` crate.
//!
//! Both engines are linear and share most of the syntax. What differs is rewritten, so that a pattern means the same here:
//! `\d`, `\s`, `\w` and `\b` are ASCII in RE2; inside a class `[`, `&&`, `--` and `~~` are plain characters; `\Q…\E` quotes;
//! a brace that is no repetition, and `\<` and `\>`, are plain characters.

use std::{iter::Peekable, str::Chars};

use regex::{Regex, RegexBuilder};

/// Limit of the compiled program in bytes.
const MAX_COMPILED_BYTES: usize = 1 << 20;

/// Compiles a pattern, which is not anchored. The error says what is wrong with it, on one line.
pub(crate) fn compile(written: &str) -> Result<Regex, String> {
    RegexBuilder::new(&from_re2(written)).size_limit(MAX_COMPILED_BYTES).build().map_err(|error| {
        // The library's text has several lines with a caret; its last one says what is wrong.
        let text = error.to_string();
        let reason = text.lines().last().unwrap_or_default().trim();
        reason.strip_prefix("error: ").unwrap_or(reason).to_owned()
    })
}

fn from_re2(written: &str) -> String {
    let mut translated = String::with_capacity(written.len());
    let mut characters = written.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' => translate_escape(&mut characters, &mut translated, Place::Outside),
            '[' => translate_class(&mut characters, &mut translated),
            '{' if !starts_repetition(&characters) => translated.push_str(r"\{"),
            other => translated.push(other),
        }
    }
    translated
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Outside,
    Class,
}

fn translate_escape(characters: &mut Peekable<Chars<'_>>, translated: &mut String, place: Place) {
    let Some(escaped) = characters.next() else {
        translated.push('\\');
        return;
    };
    match (escaped, place) {
        ('d', _) => translated.push_str("[0-9]"),
        ('D', _) => translated.push_str("[^0-9]"),
        ('s', _) => translated.push_str(r"[\t\n\f\r ]"),
        ('S', _) => translated.push_str(r"[^\t\n\f\r ]"),
        ('w', _) => translated.push_str("[0-9A-Za-z_]"),
        ('W', _) => translated.push_str("[^0-9A-Za-z_]"),
        ('b', Place::Outside) => translated.push_str(r"(?-u:\b)"),
        ('B', Place::Outside) => translated.push_str(r"(?-u:\B)"),
        ('<' | '>', _) => translated.push(escaped),
        ('Q', Place::Outside) => translate_quoted(characters, translated),
        // What follows the name of a Unicode class or the digits of a code point is no repetition.
        ('p' | 'P' | 'x', _) => {
            translated.push('\\');
            translated.push(escaped);
            if characters.next_if_eq(&'{').is_some() {
                translated.push('{');
                for inner in characters.by_ref() {
                    translated.push(inner);
                    if inner == '}' {
                        break;
                    }
                }
            }
        }
        (other, _) => {
            translated.push('\\');
            translated.push(other);
        }
    }
}

fn translate_quoted(characters: &mut Peekable<Chars<'_>>, translated: &mut String) {
    while let Some(character) = characters.next() {
        if character == '\\' && characters.next_if_eq(&'E').is_some() {
            return;
        }
        translated.push_str(&regex::escape(character.encode_utf8(&mut [0; 4])));
    }
}

fn translate_class(characters: &mut Peekable<Chars<'_>>, translated: &mut String) {
    translated.push('[');
    if characters.next_if_eq(&'^').is_some() {
        translated.push('^');
    }
    if characters.next_if_eq(&']').is_some() {
        translated.push_str(r"\]");
    }
    let mut previous = None;
    while let Some(character) = characters.next() {
        match character {
            ']' => {
                translated.push(']');
                return;
            }
            '\\' => translate_escape(characters, translated, Place::Class),
            '[' if characters.peek() == Some(&':') => {
                translated.push('[');
                for inner in characters.by_ref() {
                    translated.push(inner);
                    if inner == ']' {
                        break;
                    }
                }
            }
            '[' => translated.push_str(r"\["),
            '&' | '~' => {
                translated.push('\\');
                translated.push(character);
            }
            '-' if previous == Some('-') => translated.push_str(r"\-"),
            other => translated.push(other),
        }
        previous = Some(character);
    }
}

/// Whether `{` is followed by `3}`, `3,}` or `3,5}`.
fn starts_repetition(behind: &Peekable<Chars<'_>>) -> bool {
    let mut behind = behind.clone();
    let mut digits = 0_usize;
    while behind.next_if(char::is_ascii_digit).is_some() {
        digits += 1;
    }
    if digits == 0 {
        return false;
    }
    if behind.next_if_eq(&',').is_some() {
        while behind.next_if(char::is_ascii_digit).is_some() {}
    }
    behind.next() == Some('}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(expression: &str, matching: &[&str], other: &[&str]) {
        let compiled = compile(expression).unwrap();
        for value in matching {
            assert!(compiled.is_match(value), "{expression} must match {value}");
        }
        for value in other {
            assert!(!compiled.is_match(value), "{expression} must not match {value}");
        }
    }

    #[test]
    fn is_not_anchored() {
        check("b", &["abc"], &["xyz"]);
        check("^[0-9]+$", &["42"], &["4x", "42\n"]);
    }

    #[test]
    fn perl_classes_are_ascii() {
        check(r"^\d+$", &["42"], &["४२"]);
        check(r"^\w+$", &["a_1"], &["ä"]);
        check(r"^[\w-]+$", &["a-1"], &["ä", "a.b"]);
        check(r"^[^\d]$", &["a", "४"], &["4"]);
        check(r"^\s$", &[" "], &["\u{a0}", "\u{b}"]);
        check(r"\bab\b", &["äab-"], &["aab"]);
    }

    #[test]
    fn class_operators_are_plain_characters() {
        check("^[a&&b]$", &["&", "a", "b"], &["c"]);
        check("^[[a]$", &["[", "a"], &["b"]);
        check("^[a~~b]$", &["~"], &["c"]);
        check("^[]a]$", &["]", "a"], &["b"]);
        check("^[[:alpha:]0]$", &["x", "0"], &["1", ":"]);
    }

    #[test]
    fn braces_without_count_are_plain_characters() {
        check("^a{b}$", &["a{b}"], &[]);
        check("^a{2}$", &["aa"], &["a{2}"]);
        check("^a{1,}$", &["aaa"], &[""]);
        check("^a{,2}$", &["a{,2}"], &["aa"]);
        check(r"^\x{61}\p{Greek}$", &["aα"], &["ab"]);
    }

    #[test]
    fn quotes_and_plain_escapes() {
        check(r"^\Qa.b\E.$", &["a.bx"], &["axbx"]);
        check(r"^\<a\>$", &["<a>"], &["a"]);
    }

    #[test]
    fn refuses_what_does_not_compile() {
        for expression in ["[", "(", "a**(", "\\", "(?<", "a{1001}{1001}"] {
            assert!(compile(expression).is_err(), "{expression}");
        }
    }
}
