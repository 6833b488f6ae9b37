//! From Go's regular expressions to those of the `regex` crate. Both are RE2's language with small differences:
//! in Go `\d`, `\w`, `\s` and `\b` mean ASCII only, `\Q…\E` quotes, and many characters need no backslash.

use std::{iter::Peekable, str::CharIndices};

use crate::error::FunctionError;

const BAD: FunctionError = FunctionError::BadPattern;

const NAMED_CLASSES: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space",
    "upper", "word", "xdigit",
];

/// The largest count in a repetition Go accepts.
const MAX_REPETITION: u32 = 1000;

/// Rewrites a pattern. What is malformed may come out malformed; the `regex` crate refuses it then.
pub(super) fn translate(pattern: &str) -> Result<String, FunctionError> {
    let mut translation =
        Translation { pattern, rest: pattern.char_indices().peekable(), output: String::new() };
    translation.run()?;
    Ok(translation.output)
}

struct Translation<'a> {
    pattern: &'a str,
    rest: Peekable<CharIndices<'a>>,
    output: String,
}

impl<'a> Translation<'a> {
    fn text_from(&self, position: usize) -> &'a str {
        self.pattern.get(position..).unwrap_or_default()
    }

    fn skip(&mut self, characters: usize) {
        for _ in 0..characters {
            self.rest.next();
        }
    }

    fn literal(&mut self, character: char) {
        self.output.push_str(&regex::escape(character.encode_utf8(&mut [0; 4])));
    }

    fn run(&mut self) -> Result<(), FunctionError> {
        // Go refuses to repeat a repetition: `a**`.
        let mut after_repetition = false;
        while let Some((position, character)) = self.rest.next() {
            let start = self.output.len();
            match character {
                '*' | '+' | '?' => self.repetition(character),
                '\\' => self.escape(position)?,
                '[' => self.class()?,
                '(' if self.text_from(position).starts_with("(?") => self.group(position)?,
                '{' => self.brace(position)?,
                '}' | ']' => self.literal(character),
                _ => self.output.push(character),
            }
            let is_repetition = matches!(character, '*' | '+' | '?')
                || (character == '{'
                    && self.output.get(start..).is_some_and(|written| written.starts_with('{')));
            if is_repetition && after_repetition {
                return Err(BAD);
            }
            after_repetition = is_repetition;
        }
        Ok(())
    }

    /// A repetition and the question mark that makes it lazy.
    fn repetition(&mut self, operator: char) {
        self.output.push(operator);
        self.lazy();
    }

    fn lazy(&mut self) {
        if self.rest.next_if(|(_, next)| *next == '?').is_some() {
            self.output.push('?');
        }
    }

    /// An escape outside of a class, the backslash taken.
    fn escape(&mut self, position: usize) -> Result<(), FunctionError> {
        let (_, character) = self.rest.next().ok_or(BAD)?;
        match character {
            'd' => self.output.push_str("[0-9]"),
            'D' => self.output.push_str("[^0-9]"),
            'w' => self.output.push_str("[0-9A-Za-z_]"),
            'W' => self.output.push_str("[^0-9A-Za-z_]"),
            's' => self.output.push_str(r"[\t\n\f\r ]"),
            'S' => self.output.push_str(r"[^\t\n\f\r ]"),
            'b' => self.output.push_str(r"(?-u:\b)"),
            'B' => self.output.push_str(r"(?-u:\B)"),
            'A' | 'z' => self.output.extend(['\\', character]),
            'Q' => {
                let quoted = self.text_from(position + 2);
                let (quoted, end) = match quoted.split_once("\\E") {
                    Some((quoted, _)) => (quoted, 2),
                    None => (quoted, 0),
                };
                self.output.push_str(&regex::escape(quoted));
                self.skip(quoted.chars().count() + end);
            }
            // The end of a quotation that has none: Go ignores it.
            'E' => {}
            _ => self.shared_escape(character)?,
        }
        Ok(())
    }

    /// Escapes that mean the same inside and outside of classes, the backslash and `character` taken.
    fn shared_escape(&mut self, character: char) -> Result<(), FunctionError> {
        if matches!(character, 'p' | 'P') {
            return self.property(character);
        }
        let value = self.escaped_character(character)?;
        self.exactly(value);
        Ok(())
    }

    /// A character that stands for itself in the other engine, wherever it is.
    fn exactly(&mut self, character: char) {
        if character.is_ascii_alphanumeric() || !character.is_ascii() {
            self.output.push(character);
        } else {
            self.output.push_str(&format!("\\x{{{:x}}}", u32::from(character)));
        }
    }

    /// The character an escape means.
    fn escaped_character(&mut self, character: char) -> Result<char, FunctionError> {
        Ok(match character {
            'a' => '\x07',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\x0b',
            'x' => {
                let mut digits = String::new();
                if self.rest.next_if(|(_, next)| *next == '{').is_some() {
                    while let Some((_, digit)) = self.rest.next_if(|(_, next)| *next != '}') {
                        digits.push(digit);
                    }
                    self.rest.next().ok_or(BAD)?;
                } else {
                    digits.extend((0..2).filter_map(|_| self.rest.next()).map(|(_, digit)| digit));
                    if digits.len() != 2 {
                        return Err(BAD);
                    }
                }
                if digits.is_empty() || !digits.chars().all(|digit| digit.is_ascii_hexdigit()) {
                    return Err(BAD);
                }
                u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32).ok_or(BAD)?
            }
            '0'..='7' => {
                let mut value = character.to_digit(8).ok_or(BAD)?;
                let mut digits = 1;
                while digits < 3 {
                    let Some(digit) = self.rest.peek().and_then(|(_, next)| next.to_digit(8)) else { break };
                    value = value * 8 + digit;
                    digits += 1;
                    self.rest.next();
                }
                // `\1` would be a reference back, which neither engine has.
                if digits == 1 && character != '0' {
                    return Err(BAD);
                }
                char::from_u32(value).ok_or(BAD)?
            }
            _ if character.is_ascii() && !character.is_ascii_alphanumeric() => character,
            _ => return Err(BAD),
        })
    }

    /// `\pL`, `\p{Greek}`, `\p{^Greek}` and the same with `P`.
    fn property(&mut self, letter: char) -> Result<(), FunctionError> {
        let mut negated = letter == 'P';
        let mut name = String::new();
        if self.rest.next_if(|(_, next)| *next == '{').is_some() {
            if self.rest.next_if(|(_, next)| *next == '^').is_some() {
                negated = !negated;
            }
            while let Some((_, next)) = self.rest.next_if(|(_, next)| *next != '}') {
                name.push(next);
            }
            self.rest.next().ok_or(BAD)?;
        } else {
            name.push(self.rest.next().ok_or(BAD)?.1);
        }
        self.output.push_str(&format!("\\{}{{{name}}}", if negated { 'P' } else { 'p' }));
        Ok(())
    }

    fn copy_through(&mut self, last: char) -> Result<(), FunctionError> {
        loop {
            let (_, character) = self.rest.next().ok_or(BAD)?;
            self.output.push(character);
            if character == last {
                return Ok(());
            }
        }
    }

    /// A class, its opening bracket taken.
    fn class(&mut self) -> Result<(), FunctionError> {
        self.output.push('[');
        if self.rest.next_if(|(_, next)| *next == '^').is_some() {
            self.output.push('^');
        }
        let mut first = true;
        loop {
            let (position, character) = self.rest.next().ok_or(BAD)?;
            let text = self.text_from(position);
            match character {
                ']' if !first => {
                    self.output.push(']');
                    return Ok(());
                }
                '[' if text.starts_with("[:") && text.contains(":]") => self.named_class(text)?,
                '\\' if text
                    .get(1..)
                    .is_some_and(|next| next.starts_with(['d', 'D', 's', 'S', 'w', 'W', 'p', 'P'])) =>
                {
                    let (_, escaped) = self.rest.next().ok_or(BAD)?;
                    match escaped {
                        'd' => self.output.push_str("0-9"),
                        'D' => self.output.push_str("[^0-9]"),
                        'w' => self.output.push_str("0-9A-Za-z_"),
                        'W' => self.output.push_str("[^0-9A-Za-z_]"),
                        's' => self.output.push_str(r"\t\n\f\r\x20"),
                        'S' => self.output.push_str(r"[^\t\n\f\r\x20]"),
                        _ => self.property(escaped)?,
                    }
                }
                _ => self.class_range(character)?,
            }
            first = false;
        }
    }

    /// A character of a class, already taken, and what it is a range to, if it is one.
    fn class_range(&mut self, character: char) -> Result<(), FunctionError> {
        let low = self.class_character(character)?;
        self.exactly(low);
        let is_range = self.rest.peek().is_some_and(|(position, next)| {
            *next == '-' && !self.pattern.get(*position..).unwrap_or_default().starts_with("-]")
        });
        if !is_range {
            return Ok(());
        }
        self.rest.next();
        let (_, character) = self.rest.next().ok_or(BAD)?;
        let high = self.class_character(character)?;
        self.output.push('-');
        self.exactly(high);
        Ok(())
    }

    fn class_character(&mut self, character: char) -> Result<char, FunctionError> {
        match character {
            '\\' => {
                let (_, escaped) = self.rest.next().ok_or(BAD)?;
                self.escaped_character(escaped)
            }
            _ => Ok(character),
        }
    }

    /// `[:alpha:]` and its kin, the bracket taken; `text` begins with it.
    fn named_class(&mut self, text: &str) -> Result<(), FunctionError> {
        let inner =
            text.get(2..).and_then(|inner| inner.split_once(":]")).map(|(name, _)| name).ok_or(BAD)?;
        if !NAMED_CLASSES.contains(&inner.strip_prefix('^').unwrap_or(inner)) {
            return Err(BAD);
        }
        self.output.push_str(&format!("[:{inner}:]"));
        self.skip(inner.chars().count() + 3);
        Ok(())
    }

    /// `(?…`: flags and names that Go knows.
    fn group(&mut self, position: usize) -> Result<(), FunctionError> {
        let inner = self.text_from(position + 2);
        self.output.push_str("(?");
        self.skip(1);
        if inner.starts_with("P<") || inner.starts_with('<') {
            return self.copy_through('>');
        }
        let length = inner.find([':', ')']).ok_or(BAD)?;
        let flags = inner.get(..length).ok_or(BAD)?;
        if !flags.chars().all(|flag| matches!(flag, 'i' | 'm' | 's' | 'U' | '-')) {
            return Err(BAD);
        }
        self.output.push_str(flags);
        self.skip(length);
        Ok(())
    }

    /// A repetition such as `{2,5}`; any other brace is a character like others.
    fn brace(&mut self, position: usize) -> Result<(), FunctionError> {
        let inner = self.text_from(position + 1);
        let repetition = inner.split_once('}').map(|(counts, _)| counts).filter(|counts| {
            let (least, most) = counts.split_once(',').unwrap_or((counts, ""));
            let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            number(least) && (most.is_empty() || number(most))
        });
        let Some(counts) = repetition else {
            self.literal('{');
            return Ok(());
        };
        let too_many = |count: &str| {
            !count.is_empty() && count.parse::<u32>().map_or(true, |count| count > MAX_REPETITION)
        };
        if counts.split(',').any(too_many) {
            return Err(BAD);
        }
        self.output.push('{');
        self.output.push_str(counts);
        self.output.push('}');
        self.skip(counts.chars().count() + 1);
        self.lazy();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;

    #[track_caller]
    fn check(pattern: &str, text: &str, expected: Option<&str>) {
        let regex = Regex::new(&translate(pattern).unwrap()).unwrap();
        assert_eq!(regex.find(text).map(|found| found.as_str()), expected, "{pattern}");
    }

    #[test]
    fn classes_are_ascii_as_in_go() {
        check(r"\w+", "äbc", Some("bc"));
        check(r"[\w-]+", "ä b-c", Some("b-c"));
        check(r"\d", "٣4", Some("4"));
        check(r"[^\s]+", " a\u{a0}b ", Some("a\u{a0}b"));
        check(r"\bb", "äb", Some("b"));
    }

    #[test]
    fn characters_that_need_no_backslash_in_go() {
        check("a{,2}", "a{,2}", Some("a{,2}"));
        check("{x}", "{x}", Some("{x}"));
        check("[[a]+", "x[a", Some("[a"));
        check("[]a]+", "x]a", Some("]a"));
        check("[a&&b]+", "&b", Some("&b"));
        check(r"\Qa.b\E+", "a.bb", Some("a.bb"));
        check(r"\<\/", "</", Some("</"));
        check("a*?b", "aab", Some("aab"));
        check("[+--]+", "+,-.", Some("+,-"));
        check("[a-]+", "-a", Some("-a"));
        check(r"\p{^Lu}+", "Ab", Some("b"));
        check(r"\101\x41\x{41}", "AAA", Some("AAA"));
    }

    #[test]
    fn what_go_refuses_is_refused() {
        for pattern in [
            "(?x)a",
            "a{1001}",
            r"\y",
            r"(a)\1",
            "(?=a)",
            "[",
            "(?<!a)",
            "a**",
            "a{2}{3}",
            "a+*",
            "[a--b]",
            "[[:foo:]]",
        ] {
            let accepted = translate(pattern).ok().and_then(|pattern| Regex::new(&pattern).ok());
            assert!(accepted.is_none(), "{pattern}");
        }
    }
}
