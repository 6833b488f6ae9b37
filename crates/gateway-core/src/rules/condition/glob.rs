//! Globs as heimdall's rule files use them, translated to regular expressions.
//!
//! `*` any run without separator, `**` any run, `?` one character but the separator, `[abc]`, `[a-z]`, `[!abc]`,
//! `{one,other}` which may nest, and `\` in front of a character to take it literally. The whole value must match.

use regex::{Regex, RegexBuilder};

use super::ConditionError;

/// Alternatives may nest this deep.
const MAX_DEPTH: usize = 16;
/// Limit of the compiled program in bytes.
const MAX_COMPILED_BYTES: usize = 1 << 20;

pub(super) fn compile(written: &str, separator: char) -> Result<Regex, ConditionError> {
    let not_separator = format!("[^{}]", regex::escape(&separator.to_string()));
    let mut expression = String::from(r"\A");
    let mut depth = 0_usize;
    let mut characters = written.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '*' if characters.next_if_eq(&'*').is_some() => expression.push_str(".*"),
            '*' => {
                expression.push_str(&not_separator);
                expression.push('*');
            }
            '?' => expression.push_str(&not_separator),
            '[' => translate_class(&mut characters, &mut expression)?,
            '{' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(ConditionError::BadGlob("alternatives nest too deep"));
                }
                expression.push_str("(?:");
            }
            '}' if depth > 0 => {
                depth -= 1;
                expression.push(')');
            }
            ',' if depth > 0 => expression.push('|'),
            '\\' => {
                let literal =
                    characters.next().ok_or(ConditionError::BadGlob("nothing behind the last `\\`"))?;
                push_literal(&mut expression, literal);
            }
            literal => push_literal(&mut expression, literal),
        }
    }
    if depth > 0 {
        return Err(ConditionError::BadGlob("`{` is never closed"));
    }
    expression.push_str(r"\z");
    RegexBuilder::new(&expression)
        .dot_matches_new_line(true)
        .size_limit(MAX_COMPILED_BYTES)
        .build()
        .map_err(|_| ConditionError::BadGlob("too large"))
}

fn translate_class(
    characters: &mut std::iter::Peekable<std::str::Chars<'_>>,
    expression: &mut String,
) -> Result<(), ConditionError> {
    let mut members = Vec::new();
    let negated = characters.next_if_eq(&'!').is_some();
    loop {
        match characters.next().ok_or(ConditionError::BadGlob("`[` is never closed"))? {
            ']' if members.is_empty() => return Err(ConditionError::BadGlob("nothing between `[` and `]`")),
            ']' => break,
            '\\' => {
                let literal = characters.next().ok_or(ConditionError::BadGlob("`[` is never closed"))?;
                members.push(literal);
            }
            member => members.push(member),
        }
    }
    expression.push_str(if negated { "[^" } else { "[" });
    match members.as_slice() {
        [low, '-', high] if low <= high => {
            push_literal(expression, *low);
            expression.push('-');
            push_literal(expression, *high);
        }
        [_, '-', _] => return Err(ConditionError::BadGlob("the range ends before it starts")),
        members => members.iter().for_each(|member| push_literal(expression, *member)),
    }
    expression.push(']');
    Ok(())
}

fn push_literal(expression: &mut String, literal: char) {
    expression.push_str(&regex::escape(literal.encode_utf8(&mut [0; 4])));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(glob: &str, matching: &[&str], other: &[&str]) {
        let compiled = compile(glob, '/').unwrap();
        for value in matching {
            assert!(compiled.is_match(value), "{glob} must match {value}");
        }
        for value in other {
            assert!(!compiled.is_match(value), "{glob} must not match {value}");
        }
    }

    #[test]
    fn single_star_stops_at_the_separator() {
        check("docs/*", &["docs/a", "docs/"], &["docs/a/b", "docs", "xdocs/a"]);
        check("docs/**", &["docs/a", "docs/a/b"], &["docs"]);
        check("?", &["a", "ä"], &["", "/", "ab"]);
    }

    #[test]
    fn alternatives_nest() {
        check("*.{txt,md}", &["readme.md", "a b.txt"], &["readme.rs", "readme.mdx"]);
        check("{a,b{c,d}}e", &["ae", "bce", "bde"], &["be", "a"]);
        check("a,b}", &["a,b}"], &["a"]);
    }

    #[test]
    fn classes_list_range_and_negate() {
        check("[abc]", &["a", "c"], &["d", "ab"]);
        check("[a-c]x", &["bx"], &["dx", "-x"]);
        check("[!a-c]", &["d"], &["a"]);
        check("[!^&]", &["d"], &["^", "&"]);
    }

    #[test]
    fn a_backslash_takes_the_next_character_literally() {
        check(r"\*\{", &["*{"], &["a{"]);
        check("a.b+", &["a.b+"], &["axb", "a.bb"]);
    }

    #[test]
    fn refuses_what_is_not_closed() {
        for glob in ["{a", "[a", "[]", "a\\", "[z-a]"] {
            assert!(compile(glob, '/').is_err(), "{glob}");
        }
    }
}
