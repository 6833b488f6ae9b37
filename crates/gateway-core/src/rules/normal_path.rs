//! The normal form in which a request's path is compared with the paths of rules.
//!
//! Two forms of one path have the same number of segments: *resolved* (`//`, `.` and `..` are gone, escapes are as the client
//! sent them; this is what captures and the upstream get) and *normal* (hex digits in upper case, unreserved characters
//! decoded, everything outside RFC 3986 `pchar` encoded; this is what rules are looked up with). What is matched is therefore
//! what is forwarded. A proof's `htu` is compared with neither, but with the path as sent.

use std::borrow::Cow;

use thiserror::Error;

/// A request's path, ready to be looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NormalPath<'a> {
    resolved: Cow<'a, str>,
    /// `None` where it equals `resolved`.
    normal: Option<String>,
    has_encoded_slash: bool,
}

/// Why a path can not be looked up: the request is answered with 400 before any rule is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PathError {
    /// Authority form, asterisk form or an empty path.
    #[error("path does not start with a slash")]
    NotAbsolute,
    /// A control character, blank, backslash, `?`, `#` or a character outside ASCII.
    #[error("path holds a character that is not allowed there")]
    ForbiddenCharacter,
    /// `%` without two hexadecimal digits behind it.
    #[error("path holds an invalid percent-encoding")]
    InvalidEscape,
    /// A dot segment that shows only after decoding, such as `%2e%2e`, `..%2f` or `.%5c`.
    #[error("path hides a dot segment behind percent-encoding")]
    HiddenDotSegment,
    /// The path of the rule found captures octets that are no UTF-8.
    #[error("path holds a captured value that is not UTF-8")]
    CaptureNotText,
    /// `%2F` where the rule found does not allow it.
    #[error("path holds an encoded slash, which the rule does not allow")]
    EncodedSlash,
}

impl<'a> NormalPath<'a> {
    /// Reads `path` as sent, without query.
    ///
    /// # Errors
    ///
    /// Any [`PathError`] but the last two, which depend on the rule found.
    pub fn parse(path: &'a str) -> Result<Self, PathError> {
        if !path.starts_with('/') {
            return Err(PathError::NotAbsolute);
        }
        let seen = inspect(path)?;
        let resolved =
            if seen.needs_resolving { Cow::Owned(resolve_dot_segments(path)) } else { Cow::Borrowed(path) };
        let normal = seen.needs_normalising.then(|| normalise(&resolved));
        Ok(Self { resolved, normal, has_encoded_slash: seen.has_encoded_slash })
    }

    /// The path without doubled slashes and dot segments, escapes as sent.
    #[must_use]
    pub fn resolved(&self) -> &str {
        &self.resolved
    }

    /// The form that is compared.
    #[must_use]
    pub fn normal(&self) -> &str {
        self.normal.as_deref().unwrap_or(&self.resolved)
    }

    /// Whether there is a `%2F` anywhere in it.
    #[must_use]
    pub fn has_encoded_slash(&self) -> bool {
        self.has_encoded_slash
    }
}

struct Seen {
    needs_resolving: bool,
    needs_normalising: bool,
    has_encoded_slash: bool,
}

fn inspect(path: &str) -> Result<Seen, PathError> {
    let mut seen = Seen { needs_resolving: false, needs_normalising: false, has_encoded_slash: false };
    let segments = path.strip_prefix('/').unwrap_or(path);
    let mut rest = segments.split('/').peekable();
    while let Some(segment) = rest.next() {
        let is_last = rest.peek().is_none();
        if matches!(segment, "." | "..") || (segment.is_empty() && !is_last) {
            seen.needs_resolving = true;
        }
        inspect_segment(segment, &mut seen)?;
    }
    Ok(seen)
}

fn inspect_segment(segment: &str, seen: &mut Seen) -> Result<(), PathError> {
    let mut has_escape = false;
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                has_escape = true;
                let (Some(high), Some(low)) = (bytes.next(), bytes.next()) else {
                    return Err(PathError::InvalidEscape);
                };
                let decoded = decode_pair(high, low).ok_or(PathError::InvalidEscape)?;
                seen.has_encoded_slash |= decoded == b'/';
                seen.needs_normalising |=
                    is_unreserved(decoded) || high.is_ascii_lowercase() || low.is_ascii_lowercase();
            }
            b'\\' | b'?' | b'#' | b' ' => return Err(PathError::ForbiddenCharacter),
            _ if !byte.is_ascii() || byte.is_ascii_control() => return Err(PathError::ForbiddenCharacter),
            _ => seen.needs_normalising |= !is_path_character(byte),
        }
    }
    if has_escape && hides_dot_segment(segment) { Err(PathError::HiddenDotSegment) } else { Ok(()) }
}

/// Whether a segment with escapes becomes `.` or `..`, or several segments with one of them among them, in the eyes of a
/// server that decodes before it splits.
fn hides_dot_segment(segment: &str) -> bool {
    let decoded: Vec<u8> = decode(segment).collect();
    decoded.split(|byte| matches!(byte, b'/' | b'\\')).any(|piece| matches!(piece, b"." | b".."))
}

/// RFC 3986 §5.2.4, and doubled slashes collapsed. A path that ends in a slash, `.` or `..` names a folder: the slash stays.
fn resolve_dot_segments(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut names_folder = false;
    for segment in path.split('/') {
        names_folder = matches!(segment, "" | "." | "..");
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            name => kept.push(name),
        }
    }
    let mut resolved = String::with_capacity(path.len());
    for segment in &kept {
        resolved.push('/');
        resolved.push_str(segment);
    }
    if names_folder || kept.is_empty() {
        resolved.push('/');
    }
    resolved
}

/// Puts text into the normal form: of a request's path, or of a literal in a rule's path, where blanks and characters
/// outside ASCII stand for their encoding. A `%` that starts no escape is encoded, so check first where that matters.
pub(super) fn normalise(text: &str) -> String {
    let mut normal = String::with_capacity(text.len());
    let mut bytes = text.as_bytes().iter();
    while let Some(&byte) = bytes.next() {
        let escape = if byte == b'%' { escape_at(bytes.as_slice()) } else { None };
        match escape {
            Some(decoded) => {
                bytes.nth(1);
                if is_unreserved(decoded) {
                    normal.push(char::from(decoded));
                } else {
                    push_escape(&mut normal, decoded);
                }
            }
            None if byte == b'/' || is_path_character(byte) => normal.push(char::from(byte)),
            None => push_escape(&mut normal, byte),
        }
    }
    normal
}

/// Whether every `%` in `text` starts an escape.
pub(super) fn escapes_are_valid(text: &str) -> bool {
    text.split('%').skip(1).all(|rest| escape_at(rest.as_bytes()).is_some())
}

/// Decodes every escape.
pub(super) fn decode(text: &str) -> impl Iterator<Item = u8> {
    decode_unless(text, |_| false)
}

/// Decodes every escape but `%2F`, which stays as it was written.
pub(super) fn decode_but_slashes(text: &str) -> impl Iterator<Item = u8> {
    decode_unless(text, |decoded| decoded == b'/')
}

fn decode_unless(text: &str, keep: impl Fn(u8) -> bool) -> impl Iterator<Item = u8> {
    let mut bytes = text.as_bytes().iter();
    std::iter::from_fn(move || {
        let byte = *bytes.next()?;
        if byte != b'%' {
            return Some(byte);
        }
        match escape_at(bytes.as_slice()) {
            Some(decoded) if !keep(decoded) => {
                bytes.nth(1);
                Some(decoded)
            }
            Some(_) | None => Some(byte),
        }
    })
}

/// Replaces each `%2F` by a slash and nothing else.
pub(super) fn decode_slashes(path: &str) -> String {
    path.replace("%2F", "/").replace("%2f", "/")
}

fn escape_at(behind_percent: &[u8]) -> Option<u8> {
    match behind_percent {
        [high, low, ..] => decode_pair(*high, *low),
        _ => None,
    }
}

fn decode_pair(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? * 16 + digit(low)?)
}

fn push_escape(text: &mut String, byte: u8) {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0').to_ascii_uppercase();
    text.push('%');
    text.push(digit(byte >> 4));
    text.push(digit(byte & 0x0f));
}

/// RFC 3986 §2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// RFC 3986 §3.3: `pchar` without `pct-encoded`.
fn is_path_character(byte: u8) -> bool {
    is_unreserved(byte)
        || matches!(
            byte,
            b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' | b':' | b'@'
        )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(sent: &str, resolved: &str, normal: &str) {
        let path = NormalPath::parse(sent).unwrap();
        assert_eq!((path.resolved(), path.normal()), (resolved, normal), "{sent}");
    }

    fn refuse(sent: &str, error: PathError) {
        assert_eq!(NormalPath::parse(sent), Err(error), "{sent}");
    }

    #[test]
    fn leaves_a_plain_path_alone() {
        check("/", "/", "/");
        check("/a/b.c/~d/", "/a/b.c/~d/", "/a/b.c/~d/");
        assert!(matches!(NormalPath::parse("/a/b").unwrap().resolved, Cow::Borrowed(_)));
    }

    #[test]
    fn resolves_dots_and_doubled_slashes() {
        check("//a", "/a", "/a");
        check("/a//b/./c", "/a/b/c", "/a/b/c");
        check("/x/../a", "/a", "/a");
        check("/a/..", "/", "/");
        check("/../../a", "/a", "/a");
        check("/a/b/..", "/a/", "/a/");
        check("/a/.", "/a/", "/a/");
        check("/a//", "/a/", "/a/");
        check("///", "/", "/");
    }

    #[test]
    fn compares_escapes_by_meaning_and_forwards_them_as_sent() {
        check("/a/%61%7e/%e4", "/a/%61%7e/%e4", "/a/a~/%E4");
        check("/a{b}", "/a{b}", "/a%7Bb%7D");
        check("/a%2fb", "/a%2fb", "/a%2Fb");
        check("/a%252Fb", "/a%252Fb", "/a%252Fb");
    }

    #[test]
    fn knows_an_encoded_slash_from_a_doubly_encoded_one() {
        assert!(NormalPath::parse("/a%2fb").unwrap().has_encoded_slash());
        assert!(!NormalPath::parse("/a%252fb").unwrap().has_encoded_slash());
    }

    #[test]
    fn refuses_hidden_dot_segments() {
        for path in [
            "/a/%2e%2e/b",
            "/a/.%2E/b",
            "/a/%2e",
            "/a/..%2fb",
            "/a/..%5Cb",
            "/x%2f..",
            "/x%5c%2e%2e%5cy",
            "/x/%2e%2e/../a",
        ] {
            refuse(path, PathError::HiddenDotSegment);
        }
    }

    #[test]
    fn keeps_what_only_looks_like_a_dot_segment() {
        for path in ["/a/.../b", "/a/..b", "/a/.b", "/a/..;/b", "/a/%252e%252e/b"] {
            check(path, path, path);
        }
    }

    #[test]
    fn refuses_what_is_no_path() {
        refuse("", PathError::NotAbsolute);
        refuse("*", PathError::NotAbsolute);
        refuse("a/b", PathError::NotAbsolute);
        refuse("/%zz", PathError::InvalidEscape);
        refuse("/a%", PathError::InvalidEscape);
        refuse("/a%2", PathError::InvalidEscape);
        refuse("/a%/b", PathError::InvalidEscape);
        refuse("/a\\b", PathError::ForbiddenCharacter);
        refuse("/ä", PathError::ForbiddenCharacter);
        refuse("/a b", PathError::ForbiddenCharacter);
        refuse("/a\u{0}", PathError::ForbiddenCharacter);
        refuse("/a#b", PathError::ForbiddenCharacter);
    }

    proptest! {
        #[test]
        fn normal_form_is_idempotent(path in "/[a-c./%2fFeE5{;:*]{0,24}") {
            if let Ok(once) = NormalPath::parse(&path) {
                let twice = NormalPath::parse(once.normal()).unwrap();
                prop_assert_eq!(twice.normal(), once.normal());
                let resolved_twice = NormalPath::parse(once.resolved()).unwrap();
                prop_assert_eq!(resolved_twice.resolved(), once.resolved());
            }
        }

        #[test]
        fn both_forms_have_the_same_segments(path in "/[a-c./%2fFeE5{;:*]{0,24}") {
            if let Ok(path) = NormalPath::parse(&path) {
                prop_assert_eq!(path.normal().split('/').count(), path.resolved().split('/').count());
                let decoded = |text: &str| decode(text).collect::<Vec<u8>>();
                prop_assert_eq!(decoded(path.normal()), decoded(path.resolved()));
            }
        }

        #[test]
        fn never_panics(path in ".{0,40}") {
            let _ = NormalPath::parse(&path);
        }
    }
}
