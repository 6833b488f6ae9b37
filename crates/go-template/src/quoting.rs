//! Go's string constants: reading them in templates, writing them for `quote` and `%q`.

use std::sync::LazyLock;

use regex::Regex;

use crate::text::{Text, first_char};

/// The value of a constant in double or single quotes or in backquotes, quotes included; `None` for one that is not well-formed.
pub(crate) fn unquote(quoted: &str) -> Option<Text> {
    if let Some(raw) = quoted.strip_prefix('`') {
        let raw = raw.strip_suffix('`')?;
        return Some(raw.replace('\r', "").into());
    }
    let inner = quoted.strip_prefix('"')?.strip_suffix('"')?;
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while !rest.is_empty() {
        let (unit, after) = next_unit(rest, '"')?;
        match unit {
            Unit::Character(character) => {
                bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes())
            }
            Unit::Byte(byte) => bytes.push(byte),
        }
        rest = after;
    }
    Some(bytes.into())
}

/// The value of a character constant, quotes included.
pub(crate) fn unquote_character(quoted: &str) -> Option<char> {
    let inner = quoted.strip_prefix('\'')?.strip_suffix('\'')?;
    match next_unit(inner, '\'')? {
        (Unit::Character(character), "") => Some(character),
        (Unit::Byte(byte), "") => Some(char::from(byte)),
        (Unit::Character(_) | Unit::Byte(_), _) => None,
    }
}

enum Unit {
    Character(char),
    /// `\xff` and `\377` give a byte, not a character.
    Byte(u8),
}

fn next_unit(text: &str, quote: char) -> Option<(Unit, &str)> {
    let mut characters = text.chars();
    let first = characters.next()?;
    if first == quote || first == '\n' {
        return None;
    }
    if first != '\\' {
        return Some((Unit::Character(first), characters.as_str()));
    }
    let escape = characters.next()?;
    let rest = characters.as_str();
    let simple = match escape {
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        '\\' => '\\',
        '\'' | '"' if escape == quote => quote,
        'x' => {
            let (digits, rest) = rest.split_at_checked(2)?;
            return Some((Unit::Byte(u8::try_from(digits_value(digits, 16)?).ok()?), rest));
        }
        'u' => {
            let (digits, rest) = rest.split_at_checked(4)?;
            return Some((Unit::Character(char::from_u32(digits_value(digits, 16)?)?), rest));
        }
        'U' => {
            let (digits, rest) = rest.split_at_checked(8)?;
            return Some((Unit::Character(char::from_u32(digits_value(digits, 16)?)?), rest));
        }
        '0'..='7' => {
            let (digits, rest) = text.get(1..)?.split_at_checked(3)?;
            return Some((Unit::Byte(u8::try_from(digits_value(digits, 8)?).ok()?), rest));
        }
        _ => return None,
    };
    Some((Unit::Character(simple), rest))
}

fn digits_value(digits: &str, radix: u32) -> Option<u32> {
    if !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    u32::from_str_radix(digits, radix).ok()
}

/// Writes a constant in double quotes, with everything escaped that does not print; with `ascii_only` all else but ASCII too.
pub(crate) fn quote(bytes: &[u8], ascii_only: bool) -> String {
    quote_with(bytes, '"', ascii_only)
}

/// Writes a character constant.
pub(crate) fn quote_character(character: char, ascii_only: bool) -> String {
    quote_with(character.encode_utf8(&mut [0; 4]).as_bytes(), '\'', ascii_only)
}

fn quote_with(bytes: &[u8], mark: char, ascii_only: bool) -> String {
    let mut quoted = String::with_capacity(bytes.len() + 2);
    quoted.push(mark);
    let mut rest = bytes;
    while let Some((character, length)) = first_char(rest) {
        let (unit, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        rest = after;
        match (character, unit) {
            (char::REPLACEMENT_CHARACTER, [byte]) => quoted.push_str(&format!("\\x{byte:02x}")),
            ('\\', _) => quoted.push_str("\\\\"),
            ('\x07', _) => quoted.push_str("\\a"),
            ('\x08', _) => quoted.push_str("\\b"),
            ('\x0c', _) => quoted.push_str("\\f"),
            ('\n', _) => quoted.push_str("\\n"),
            ('\r', _) => quoted.push_str("\\r"),
            ('\t', _) => quoted.push_str("\\t"),
            ('\x0b', _) => quoted.push_str("\\v"),
            (_, _) if character == mark => {
                quoted.push('\\');
                quoted.push(character);
            }
            (_, _) if is_printable(character) && (character.is_ascii() || !ascii_only) => {
                quoted.push(character)
            }
            (_, _) => {
                let code = u32::from(character);
                quoted.push_str(&match code {
                    0..=0x7f => format!("\\x{code:02x}"),
                    0x80..=0xffff => format!("\\u{code:04x}"),
                    _ => format!("\\U{code:08x}"),
                });
            }
        }
    }
    quoted.push(mark);
    quoted
}

/// Letters, marks, numbers, punctuation, symbols and the ASCII space.
pub(crate) fn is_printable(character: char) -> bool {
    static PRINTABLE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^[\pL\pM\pN\pP\pS]$").ok());
    match character {
        ' '..='~' => true,
        '\0'..='\u{a0}' | '\u{ad}' => false,
        _ => {
            PRINTABLE.as_ref().is_some_and(|printable| printable.is_match(character.encode_utf8(&mut [0; 4])))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_escapes() {
        assert_eq!(unquote(r#""a\tb\"c\u00e9\x41\101""#), Some("a\tb\"cé\u{41}A".into()));
        assert_eq!(unquote(r#""\xff""#), Some(vec![0xff].into()));
        assert_eq!(unquote("`a\\tb`"), Some("a\\tb".into()));
        for wrong in [r#""\q""#, r#""\'""#, r#""\400""#, r#""\u12""#, r#""\ud800""#] {
            assert_eq!(unquote(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn writes_what_does_not_print_as_escapes() {
        assert_eq!(
            quote("a\"\\\u{1}\u{7f}\u{2028}é😀\u{7}".as_bytes(), false),
            r#""a\"\\\x01\x7f\u2028é😀\a""#
        );
        assert_eq!(quote("é😀".as_bytes(), true), r#""\u00e9\U0001f600""#);
        assert_eq!(quote(b"\xff", false), r#""\xff""#);
        assert_eq!(quote_character('\'', false), r"'\''");
    }
}
