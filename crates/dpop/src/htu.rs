//! The target URI of a request in RFC 3986 normal form: `==` is the comparison of RFC 9449 §4.3 (9).
//!
//! An own parser on purpose. A WHATWG URL parser accepts `https:\\host`, tabs and `0x7f.1`, and rewrites what it
//! accepts; here every such text is simply no match.

use std::fmt;
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
    scheme: Scheme,
    host: Host,
    port: u16,
    path: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Scheme {
    Http,
    Https,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Host {
    Name(String),
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
        if !has_only_uri_characters(uri.as_bytes()) {
            return Err(HtuError::Character);
        }
        let (scheme, rest) = split_scheme(uri).ok_or(HtuError::Scheme)?;
        let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(authority_end);
        let path = rest.split(['?', '#']).next().unwrap_or_default();
        if path.contains(['[', ']']) {
            return Err(HtuError::Character);
        }
        let (host, port) = parse_authority(authority).ok_or(HtuError::Authority)?;
        let default_port = match scheme {
            Scheme::Http => 80,
            Scheme::Https => 443,
        };
        Ok(Self { scheme, host, port: port.unwrap_or(default_port), path: normal_path(path) })
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
}

/// The normal form as a client writes it into a proof: some servers compare bytes, so nothing else should be sent.
impl fmt::Display for Htu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, default_port) = match self.scheme {
            Scheme::Http => ("http", 80),
            Scheme::Https => ("https", 443),
        };
        write!(f, "{scheme}://")?;
        match &self.host {
            Host::Name(name) => f.write_str(name)?,
            Host::Ipv6(address) => write!(f, "[{address}]")?,
        }
        if self.port != default_port {
            write!(f, ":{}", self.port)?;
        }
        f.write_str(&self.path)
    }
}

fn has_only_uri_characters(mut bytes: &[u8]) -> bool {
    while let [first, rest @ ..] = bytes {
        bytes = match first {
            b'%' => match rest {
                [high, low, rest @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => rest,
                _ => return false,
            },
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => rest,
            b'-' | b'.' | b'_' | b'~' | b':' | b'/' | b'?' | b'#' | b'[' | b']' | b'@' | b'!' | b'$'
            | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' => rest,
            _ => return false,
        };
    }
    true
}

fn split_scheme(uri: &str) -> Option<(Scheme, &str)> {
    let (scheme, rest) = uri.split_once("://")?;
    if scheme.eq_ignore_ascii_case("https") {
        Some((Scheme::Https, rest))
    } else if scheme.eq_ignore_ascii_case("http") {
        Some((Scheme::Http, rest))
    } else {
        None
    }
}

/// Host and port; userinfo, `%` in the host and zones are refused (spec §7.1 (2)).
fn parse_authority(authority: &str) -> Option<(Host, Option<u16>)> {
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
    let well_formed = !host.is_empty()
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._~!$&'()*+,;=-".contains(&byte));
    well_formed.then(|| (Host::Name(host.to_ascii_lowercase()), port))
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

/// Decodes unreserved octets, upper-cases other escapes, then removes dot segments; the empty path becomes `/`.
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
    fn display_is_the_normal_form() {
        let shown = |uri: &str| Htu::parse(uri).unwrap().to_string();
        assert_eq!(shown("HTTPS://Api.Example.com:443/%7eu/x/../b?q#f"), "https://api.example.com/~u/b");
        assert_eq!(shown("http://[2001:DB8:0::1]:8080"), "http://[2001:db8::1]:8080/");
        assert_eq!(shown("https://a/b/.."), "https://a/");
        assert_eq!(shown("https://a/b/c/."), "https://a/b/c/");
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
