//! [`Text`]: a string as Go has it, a sequence of bytes that is usually UTF-8.
//!
//! Go's `trunc`, `substr`, `b64dec` and others cut and make strings byte by byte. Until the result is handed to the host nothing is
//! replaced, so that `trunc 1 "ä" | len` is 1 here as well.

use std::{borrow::Borrow, borrow::Cow, fmt, sync::Arc};

/// A string of a template: bytes, cheap to clone, ordered by byte.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Arc<[u8]>);

impl Text {
    /// The bytes, not necessarily UTF-8.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text with everything that is not UTF-8 replaced by U+FFFD.
    pub fn to_str_lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }

    /// Length in bytes, as Go's `len`.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no byte at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Text {
    /// Shows the length only: texts of a template may be tokens or personal data.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Text({} bytes)", self.0.len())
    }
}

impl Borrow<[u8]> for Text {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().into())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text.into_bytes().into())
    }
}

impl From<Vec<u8>> for Text {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl From<&[u8]> for Text {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

/// The first character of `bytes` and its length; U+FFFD of length 1 where the bytes are not UTF-8. `None` at the end.
pub(crate) fn first_char(bytes: &[u8]) -> Option<(char, usize)> {
    let first = *bytes.first()?;
    let length = match first {
        0..=0x7f => return Some((char::from(first), 1)),
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return Some((char::REPLACEMENT_CHARACTER, 1)),
    };
    match bytes
        .get(..length)
        .and_then(|slice| std::str::from_utf8(slice).ok())
        .and_then(|text| text.chars().next())
    {
        Some(character) => Some((character, length)),
        None => Some((char::REPLACEMENT_CHARACTER, 1)),
    }
}

/// The places of a text in another, from left to right and without overlap. Takes linear time whatever the texts are
/// (Knuth, Morris and Pratt): both may come from a client.
pub(crate) struct Occurrences<'a> {
    haystack: &'a [u8],
    needle: &'a [u8],
    /// For each length of a matched beginning, the next shorter beginning that also matches.
    fallbacks: Vec<usize>,
    position: usize,
}

impl<'a> Occurrences<'a> {
    pub(crate) fn new(haystack: &'a [u8], needle: &'a [u8]) -> Self {
        let mut fallbacks = vec![0; needle.len() + 1];
        let mut matched = 0;
        for (index, byte) in needle.iter().enumerate().skip(1) {
            matched = extended(needle, &fallbacks, matched, *byte);
            if let Some(slot) = fallbacks.get_mut(index + 1) {
                *slot = matched;
            }
        }
        Self { haystack, needle, fallbacks, position: 0 }
    }
}

/// The longest beginning of `needle` that matches once `byte` follows a match of `matched` bytes.
fn extended(needle: &[u8], fallbacks: &[usize], matched: usize, byte: u8) -> usize {
    let mut matched = matched;
    loop {
        if needle.get(matched) == Some(&byte) {
            return matched + 1;
        }
        match matched {
            0 => return 0,
            _ => matched = fallbacks.get(matched).copied().unwrap_or(0),
        }
    }
}

impl Iterator for Occurrences<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let mut matched = 0;
        if self.needle.is_empty() {
            return None;
        }
        while let Some(byte) = self.haystack.get(self.position) {
            matched = extended(self.needle, &self.fallbacks, matched, *byte);
            self.position += 1;
            if matched == self.needle.len() {
                return Some(self.position - matched);
            }
        }
        None
    }
}

/// Whether one text lies in another; the empty one lies in every text.
pub(crate) fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    needle.is_empty() || Occurrences::new(haystack, needle).next().is_some()
}

/// Splits at every `separator`, at most into `limit` parts; an empty separator splits into characters.
pub(crate) fn split<'a>(bytes: &'a [u8], separator: &[u8], limit: Option<usize>) -> Vec<&'a [u8]> {
    let cuts = match limit {
        Some(0) => return Vec::new(),
        Some(limit) => limit - 1,
        None => usize::MAX,
    };
    let mut parts = Vec::new();
    let mut start = 0;
    if separator.is_empty() {
        while let Some((_, length)) = bytes.get(start..).and_then(first_char).filter(|_| parts.len() < cuts) {
            parts.push(bytes.get(start..start + length).unwrap_or_default());
            start += length;
        }
        if start == bytes.len() {
            return parts;
        }
    } else {
        for position in Occurrences::new(bytes, separator).take(cuts) {
            parts.push(bytes.get(start..position).unwrap_or_default());
            start = position + separator.len();
        }
    }
    parts.push(bytes.get(start..).unwrap_or_default());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_bytes_that_are_not_utf8_one_by_one() {
        assert_eq!(first_char(b"\xff\xc3"), Some(('\u{fffd}', 1)));
        assert_eq!(first_char("ä".as_bytes()), Some(('ä', 2)));
        assert_eq!(first_char(b"\xed\xa0\x80"), Some(('\u{fffd}', 1)));
        assert_eq!(first_char(b""), None);
    }

    #[test]
    fn occurrences_do_not_overlap() {
        #[track_caller]
        fn check(haystack: &str, needle: &str, expected: &[usize]) {
            let found: Vec<_> = Occurrences::new(haystack.as_bytes(), needle.as_bytes()).collect();
            assert_eq!(found, expected);
        }
        check("aaaa", "aa", &[0, 2]);
        check("abababac", "ababac", &[2]);
        check("aabaaab", "aab", &[0, 4]);
        check("abc", "abcd", &[]);
        check("", "a", &[]);
        check("abcabc", "c", &[2, 5]);
        assert!(contains(b"", b"") && contains(b"a", b"") && !contains(b"", b"a"));
    }

    #[test]
    fn splits_as_go_does() {
        assert_eq!(split(b"a,b", b",", None), [b"a", b"b"]);
        assert_eq!(split(b"", b",", None), [b""]);
        assert_eq!(split("aä".as_bytes(), b"", None), ["a".as_bytes(), "ä".as_bytes()]);
        assert_eq!(split(b"", b"", None), [b""; 0]);
        assert_eq!(split(b"a.b.c", b".", Some(2)), [&b"a"[..], b"b.c"]);
    }

    #[test]
    fn does_not_show_itself_in_debug_output() {
        assert_eq!(format!("{:?}", Text::from("secret")), "Text(6 bytes)");
    }
}
