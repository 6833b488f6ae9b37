//! The target URI of a request in RFC 3986 normal form: `==` is the comparison of RFC 9449 §4.3 (9).
//!
//! An own parser on purpose. A WHATWG URL parser accepts `https:\\host`, tabs and `0x7f.1`, and rewrites what it
//! accepts; here every such text is simply no match.

use std::fmt;
use std::fmt::Write as _;
use std::net::Ipv6Addr;

use thiserror::Error;

/// Longest accepted URI in bytes.
const MAX_BYTES: usize = 8 * 1024;

/// Scheme, host, port and path of an `http` or `https` URI after the normalisation of RFC 3986 §6.2.2 and §6.2.3,
/// without query and fragment.
///
/// Case of the path, a trailing slash, `//`, `;` and encoded reserved characters (`%2F`) stay significant.
///
/// ```
/// # use dpop::Htu;
/// assert_eq!(Htu::parse("HTTPS://API.example.com:443/a/./%62?x=1")?, Htu::parse("https://api.example.com/a/b")?);
/// assert_ne!(Htu::parse("https://api.example.com/a/b/")?, Htu::parse("https://api.example.com/a/b")?);
/// # Ok::<(), dpop::HtuError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Htu {
    /// The normal form. Two URIs are equal when it is: host, port and path can not run into each other in it.
    normal: String,
}

#[derive(Clone, Copy)]
enum Scheme {
    Http,
    Https,
}

enum Host<'a> {
    /// Not yet in lower case.
    Name(&'a str),
    Ipv6(Ipv6Addr),
}

/// Why a text is no target URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HtuError {
    /// Longer than 8 KiB.
    #[error("the URI is too long")]
    TooLong,
    /// A character outside RFC 3986, or `%` without two hex digits.
    #[error("the URI has a character that RFC 3986 does not allow")]
    Character,
    /// Not `http://` or `https://`.
    #[error("the URI is not an absolute http or https URI")]
    Scheme,
    /// Userinfo, an empty or malformed host, a port that is none.
    #[error("the authority of the URI is malformed")]
    Authority,
    /// A query or fragment where the strict mode refuses them.
    #[error("the URI has a query or fragment")]
    QueryOrFragment,
}

impl Htu {
    /// Parses and normalises; query and fragment are cut off.
    ///
    /// # Errors
    ///
    /// [`HtuError`] when the text is no absolute RFC 3986 `http` or `https` URI.
    pub fn parse(uri: &str) -> Result<Self, HtuError> {
        if uri.len() > MAX_BYTES {
            return Err(HtuError::TooLong);
        }
        if !has_only_uri_characters(uri) {
            return Err(HtuError::Character);
        }
        let (scheme, rest) = split_scheme(uri).ok_or(HtuError::Scheme)?;
        let (authority, rest) = split_before(rest, |byte| matches!(byte, b'/' | b'?' | b'#'));
        let (path, _) = split_before(rest, |byte| matches!(byte, b'?' | b'#'));
        if path.bytes().any(|byte| matches!(byte, b'[' | b']')) {
            return Err(HtuError::Character);
        }
        let (host, port) = parse_authority(authority).ok_or(HtuError::Authority)?;
        let mut normal = String::with_capacity(uri.len() + 1);
        normal.push_str(scheme.prefix());
        push_host(&mut normal, host);
        if let Some(port) = port.filter(|port| *port != scheme.default_port()) {
            push_port(&mut normal, port);
        }
        push_normal_path(&mut normal, path);
        Ok(Self { normal })
    }

    /// As [`Htu::parse`], but a query or fragment, empty ones included, is refused.
    ///
    /// # Errors
    ///
    /// [`HtuError::QueryOrFragment`], else as [`Htu::parse`].
    pub fn parse_strict(uri: &str) -> Result<Self, HtuError> {
        if uri.contains(['?', '#']) {
            return Err(HtuError::QueryOrFragment);
        }
        Self::parse(uri)
    }

    /// Whether an `htu` claim names this target (RFC 9449 §4.3 (9)); with `strict`, one with a query or fragment does not.
    pub(crate) fn is_claimed_by(&self, claim: &str, strict: bool) -> bool {
        // The normal form is its own, and has neither query nor fragment: what most clients send.
        if claim == self.normal {
            return true;
        }
        let claimed = if strict { Self::parse_strict(claim) } else { Self::parse(claim) };
        claimed.is_ok_and(|claimed| claimed == *self)
    }
}

/// The normal form as a client writes it into a proof: some servers compare bytes, so nothing else should be sent.
impl fmt::Display for Htu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.normal)
    }
}

impl Scheme {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Http => "http://",
            Self::Https => "https://",
        }
    }

    const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

fn has_only_uri_characters(uri: &str) -> bool {
    // Looks at every byte without a branch, so that several are looked at together.
    uri.bytes().fold(true, |good, byte| good & is_uri_character(byte)) && has_only_whole_escapes(uri)
}

/// RFC 3986 §2: what is reserved or unreserved, and `%`.
fn is_uri_character(byte: u8) -> bool {
    matches!(byte, b'#'..=b';') // # $ % & ' ( ) * + , - . / digits : ;
        | matches!(byte, b'?'..=b'[') // ? @ A to Z [
        | byte.is_ascii_lowercase()
        | matches!(byte, b'!' | b'=' | b']' | b'_' | b'~')
}

/// Every `%` has two hex digits behind it (RFC 3986 §2.1).
fn has_only_whole_escapes(uri: &str) -> bool {
    uri.split('%').skip(1).all(|behind| {
        let mut bytes = behind.bytes();
        let mut is_digit = || bytes.next().is_some_and(|byte| byte.is_ascii_hexdigit());
        is_digit() && is_digit()
    })
}

/// Splits before the first of these ASCII characters.
fn split_before(text: &str, is_end: impl Fn(u8) -> bool) -> (&str, &str) {
    let end = text.bytes().position(is_end).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

fn split_scheme(uri: &str) -> Option<(Scheme, &str)> {
    [Scheme::Https, Scheme::Http].into_iter().find_map(|scheme| {
        let (prefix, rest) = uri.split_at_checked(scheme.prefix().len())?;
        prefix.eq_ignore_ascii_case(scheme.prefix()).then_some((scheme, rest))
    })
}

/// Host and port; userinfo, `%` in the host and zones are refused (spec §7.1 (2)).
fn parse_authority(authority: &str) -> Option<(Host<'_>, Option<u16>)> {
    if let Some(literal) = authority.strip_prefix('[') {
        let (address, rest) = literal.split_once(']')?;
        let port = match rest {
            "" => None,
            _ => parse_port(rest.strip_prefix(':')?)?,
        };
        return Some((Host::Ipv6(address.parse().ok()?), port));
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, parse_port(port)?),
        None => (authority, None),
    };
    let well_formed =
        !host.is_empty() && host.bytes().fold(true, |good, byte| good & is_name_character(byte));
    well_formed.then_some((Host::Name(host), port))
}

/// `unreserved` and `sub-delims` (RFC 3986 §3.2.2).
fn is_name_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        | matches!(byte, b'&'..=b'.') // & ' ( ) * + , - .
        | matches!(byte, b'!' | b'$' | b';' | b'=' | b'_' | b'~')
}

/// `Some(None)` for the empty port, which is the default one (RFC 3986 §6.2.3).
fn parse_port(port: &str) -> Option<Option<u16>> {
    if port.is_empty() {
        return Some(None);
    }
    if port.starts_with('0') || !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    port.parse().ok().map(Some)
}

/// Behind the scheme only.
fn push_host(normal: &mut String, host: Host<'_>) {
    match host {
        Host::Name(name) => {
            normal.push_str(name);
            normal.make_ascii_lowercase();
        }
        Host::Ipv6(address) => {
            // Writing into a text does not fail.
            let _ = write!(normal, "[{address}]");
        }
    }
}

fn push_port(normal: &mut String, port: u16) {
    let _ = write!(normal, ":{port}");
}

/// A path without escapes and dot segments is in normal form; the empty path becomes `/`.
fn push_normal_path(normal: &mut String, path: &str) {
    match path {
        "" => normal.push('/'),
        path if path.contains('%') || path.as_bytes().windows(2).any(|pair| pair == b"/.") => {
            normal.push_str(&normal_path(path))
        }
        path => normal.push_str(path),
    }
}

/// Decodes unreserved octets, upper-cases other escapes, then removes dot segments.
fn normal_path(path: &str) -> String {
    let decoded = normalize_escapes(path);
    let mut segments: Vec<&str> = Vec::new();
    let mut ends_in_dot_segment = false;
    for segment in decoded.strip_prefix('/').unwrap_or(&decoded).split('/') {
        ends_in_dot_segment = matches!(segment, "." | "..");
        match segment {
            "." => {}
            ".." => {
                segments.pop();
            }
            _ => segments.push(segment),
        }
    }
    if ends_in_dot_segment {
        segments.push("");
    }
    format!("/{}", segments.join("/"))
}

fn normalize_escapes(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, behind)) = rest.split_once('%') {
        out.push_str(before);
        let (digits, remainder) = behind.split_at_checked(2).unwrap_or((behind, ""));
        match u8::from_str_radix(digits, 16) {
            Ok(byte) if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => out.push(char::from(byte)),
            _ => {
                out.push('%');
                out.push_str(&digits.to_ascii_uppercase());
            }
        }
        rest = remainder;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_byte_of_a_name_is_sorted_as_the_grammar_says() {
        for byte in 0..=u8::MAX {
            let expected = byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte);
            assert_eq!(is_name_character(byte), expected, "{byte:#x}");
        }
    }

    #[test]
    fn display_is_the_normal_form() {
        let shown = |uri: &str| Htu::parse(uri).unwrap().to_string();
        assert_eq!(shown("HTTPS://Api.Example.com:443/%7eu/x/../b?q#f"), "https://api.example.com/~u/b");
        assert_eq!(shown("http://[2001:DB8:0::1]:8080"), "http://[2001:db8::1]:8080/");
        assert_eq!(shown("https://a/b/.."), "https://a/");
        assert_eq!(shown("https://a/b/c/."), "https://a/b/c/");
    }

    #[test]
    fn every_byte_is_sorted_as_the_grammar_says() {
        for byte in 0..=u8::MAX {
            let expected = byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte);
            assert_eq!(is_uri_character(byte), expected, "{byte:#x}");
        }
        for (uri, whole) in
            [("%41%zz", false), ("%", false), ("a%4", false), ("%%41", false), ("%4%1", false)]
                .into_iter()
                .chain([("", true), ("a", true), ("%41", true), ("%fFa%00", true)])
        {
            assert_eq!(has_only_whole_escapes(uri), whole, "{uri}");
        }
    }

    #[test]
    fn a_claim_in_normal_form_is_found_without_parsing_it() {
        let target = Htu::parse("https://API.example.com/a/%62?x=1").unwrap();
        for (claim, lenient, strict) in [
            ("https://api.example.com/a/b", true, true),
            ("HTTPS://api.example.com:443/a/./b", true, true),
            ("https://api.example.com/a/b?", true, false),
            ("https://api.example.com/a/b#x", true, false),
            ("https://api.example.com/a/b/", false, false),
            ("https://api.example.com/a/b ", false, false),
            ("", false, false),
        ] {
            assert_eq!(target.is_claimed_by(claim, false), lenient, "{claim}");
            assert_eq!(target.is_claimed_by(claim, true), strict, "{claim}, strict");
        }
    }

    proptest! {
        #[test]
        fn normal_form_is_stable(path in "(/[a-zA-Z0-9._~%2Ff-]{0,6}){0,6}", port in 1u16..) {
            if let Ok(once) = Htu::parse(&format!("http://Host.example:{port}{path}")) {
                prop_assert_eq!(Htu::parse(&once.to_string()).unwrap(), once);
            }
        }

        #[test]
        fn never_panics(text in ".{0,80}") {
            let _ = Htu::parse(&text);
            let _ = Htu::parse_strict(&text);
        }
    }
}
