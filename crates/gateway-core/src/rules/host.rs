//! Hosts: what a request's host may look like, and the host patterns of rules.

use std::{fmt, net::Ipv6Addr};

use thiserror::Error;

/// Longest name in octets (RFC 1035 §2.3.4); a port comes on top.
const MAX_NAME_BYTES: usize = 253;
/// Longest label in octets (RFC 1035 §2.3.4).
const MAX_LABEL_BYTES: usize = 63;

/// Why a host is not well formed. A request with such a host is answered with 400 before any rule is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HostError {
    /// No name in front of the port.
    #[error("host is empty")]
    Empty,
    /// The name is longer than 253 octets.
    #[error("host is longer than 253 characters")]
    TooLong,
    /// Something else than letters, digits, `.`, `-` and `_`, or one of the last three in front.
    #[error("host holds a character that is not allowed there")]
    ForbiddenCharacter,
    /// Two dots in a row, a dot at the end, or a label of more than 63 octets.
    #[error("host holds an empty or too long label")]
    BadLabel,
    /// Not a number from 1 to 65535 without sign and leading zeros.
    #[error("port is not a number from 1 to 65535")]
    BadPort,
    /// Brackets without an IPv6 address in them.
    #[error("host is not an IPv6 address in brackets")]
    BadAddress,
}

/// Checks the host of a request as the matcher needs it: a name or IPv6 address in brackets, and perhaps a port.
///
/// # Errors
///
/// Any [`HostError`] but `BadLabel`: see [`check_strictly`].
pub fn check(host: &str) -> Result<(), HostError> {
    if let Some(bracketed) = host.strip_prefix('[') {
        let (address, behind) = bracketed.split_once(']').ok_or(HostError::BadAddress)?;
        address.parse::<Ipv6Addr>().map_err(|_| HostError::BadAddress)?;
        return match behind.strip_prefix(':') {
            Some(port) => check_port(port),
            None if behind.is_empty() => Ok(()),
            None => Err(HostError::BadAddress),
        };
    }
    let (name, port) = name_and_port(host);
    check_name(name)?;
    port.map_or(Ok(()), check_port)
}

/// [`check`], and every label has 1 to 63 octets: what the HTTP layer asks of `Host` and of a request's authority.
///
/// # Errors
///
/// Any [`HostError`].
pub fn check_strictly(host: &str) -> Result<(), HostError> {
    check(host)?;
    if host.starts_with('[') {
        return Ok(());
    }
    let (name, _) = name_and_port(host);
    let is_label = |label: &[u8]| (1..=MAX_LABEL_BYTES).contains(&label.len());
    if name.as_bytes().split(|byte| *byte == b'.').all(is_label) { Ok(()) } else { Err(HostError::BadLabel) }
}

/// Hosts are short, and every request has one: a look at each byte is quicker than a search.
fn name_and_port(host: &str) -> (&str, Option<&str>) {
    let colon = host.bytes().position(|byte| byte == b':');
    match colon.and_then(|at| host.split_at_checked(at)) {
        Some((name, port)) => (name, port.get(1..)),
        None => (host, None),
    }
}

fn check_name(name: &str) -> Result<(), HostError> {
    if name.is_empty() {
        return Err(HostError::Empty);
    }
    if name.len() > MAX_NAME_BYTES {
        return Err(HostError::TooLong);
    }
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if name.starts_with(['.', '-', '_']) || !name.bytes().all(is_allowed) {
        return Err(HostError::ForbiddenCharacter);
    }
    Ok(())
}

fn check_port(port: &str) -> Result<(), HostError> {
    let is_plain = !port.starts_with('0') && port.bytes().all(|byte| byte.is_ascii_digit());
    match port.parse::<u16>() {
        Ok(1..) if is_plain => Ok(()),
        Ok(_) | Err(_) => Err(HostError::BadPort),
    }
}

/// A host in a rule: one name, all names below one, or any. Compared in lower case and with the port as sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// This host only, with exactly this port or none.
    Exact(String),
    /// `*.example.com`: one or more labels in front of the name kept here.
    Below(String),
    /// `*`
    Any,
}

impl HostPattern {
    /// Reads `*`, `*.example.com`, `api.example.com` or `api.example.com:8443`.
    ///
    /// # Errors
    ///
    /// [`HostError`]: a host that no request can have, or a wildcard anywhere but in front.
    pub fn parse(text: &str) -> Result<Self, HostError> {
        let text = text.to_ascii_lowercase();
        if text == "*" {
            return Ok(Self::Any);
        }
        match text.strip_prefix("*.") {
            Some(suffix) => check(suffix).map(|()| Self::Below(suffix.to_owned())),
            None => check(&text).map(|()| Self::Exact(text)),
        }
    }

    /// Whether every host that `narrow` matches is matched by this pattern, too.
    #[must_use]
    pub fn covers(&self, narrow: &Self) -> bool {
        match (self, narrow) {
            (Self::Any, _) => true,
            (Self::Below(suffix), Self::Exact(host)) => is_below(host, suffix),
            (Self::Below(suffix), Self::Below(deeper)) => deeper == suffix || is_below(deeper, suffix),
            (Self::Exact(one), Self::Exact(other)) => one == other,
            (Self::Below(_) | Self::Exact(_), Self::Any) | (Self::Exact(_), Self::Below(_)) => false,
        }
    }

    /// A host that both patterns match, if there is one. For `*` alone it is one that stands for any.
    #[must_use]
    pub fn common_host(&self, other: &Self) -> Option<String> {
        let narrow = if self.covers(other) {
            other
        } else if other.covers(self) {
            self
        } else {
            return None;
        };
        Some(match narrow {
            Self::Exact(host) => host.clone(),
            Self::Below(suffix) => format!("any.{suffix}"),
            Self::Any => "any.example".to_owned(),
        })
    }
}

fn is_below(host: &str, suffix: &str) -> bool {
    host.strip_suffix(suffix)
        .and_then(|labels| labels.strip_suffix('.'))
        .is_some_and(|labels| !labels.is_empty())
}

impl fmt::Display for HostPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(host) => formatter.write_str(host),
            Self::Below(suffix) => write!(formatter, "*.{suffix}"),
            Self::Any => formatter.write_str("*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_hosts_of_the_grammar() {
        let longest = format!("{}:65535", "a".repeat(253));
        for host in [
            "a",
            "api.example.com",
            "A.B:1",
            "bad_host.example.com",
            "127.0.0.1:80",
            "[::1]",
            "[::1]:8443",
            "x-",
            &longest,
        ] {
            assert_eq!(check(host), Ok(()), "{host}");
        }
    }

    #[test]
    fn refuses_other_hosts() {
        let too_long = "a".repeat(254);
        for (host, error) in [
            ("", HostError::Empty),
            (":80", HostError::Empty),
            ("-bad.example.com", HostError::ForbiddenCharacter),
            (".a", HostError::ForbiddenCharacter),
            ("_a", HostError::ForbiddenCharacter),
            ("a b", HostError::ForbiddenCharacter),
            ("a@b", HostError::ForbiddenCharacter),
            ("shop.example.com, x", HostError::ForbiddenCharacter),
            ("münchen.de", HostError::ForbiddenCharacter),
            ("ex.com:0", HostError::BadPort),
            ("ex.com:99999", HostError::BadPort),
            ("ex.com:", HostError::BadPort),
            ("ex.com:+80", HostError::BadPort),
            ("ex.com:080", HostError::BadPort),
            ("a:1:2", HostError::BadPort),
            ("[zz]", HostError::BadAddress),
            ("[::1", HostError::BadAddress),
            ("[::1]x", HostError::BadAddress),
            ("[::1]:", HostError::BadPort),
            (&too_long, HostError::TooLong),
        ] {
            assert_eq!(check(host), Err(error), "{host}");
        }
    }

    #[test]
    fn strict_check_refuses_empty_and_long_labels() {
        for host in ["a..b", "a.", "a.:80"] {
            assert_eq!(check(host), Ok(()), "{host}");
            assert_eq!(check_strictly(host), Err(HostError::BadLabel), "{host}");
        }
        assert_eq!(check_strictly(&"a".repeat(64)), Err(HostError::BadLabel));
        assert_eq!(check_strictly("[::1]:80"), Ok(()));
    }

    #[test]
    fn wildcards_stand_in_front_only() {
        assert_eq!(HostPattern::parse("*.Example.com"), Ok(HostPattern::Below("example.com".into())));
        assert_eq!(HostPattern::parse("*"), Ok(HostPattern::Any));
        for text in ["api.*.example.com", "*example.com", "**", "*.", "a.*", ""] {
            assert!(HostPattern::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn covers_by_whole_labels() {
        let pattern = |text: &str| HostPattern::parse(text).unwrap();
        let covers = |general: &str, narrow: &str| pattern(general).covers(&pattern(narrow));
        assert!(covers("*", "*.a.b"));
        assert!(covers("*.b", "*.a.b"));
        assert!(covers("*.b", "a.b"));
        assert!(!covers("*.b", "b"));
        assert!(!covers("*.b", "xb"));
        assert!(!covers("*.a.b", "*.b"));
        assert!(!covers("a.b", "a.b:1"));
    }

    #[test]
    fn a_common_host_is_one_of_the_narrower_pattern() {
        let pattern = |text: &str| HostPattern::parse(text).unwrap();
        let common = |one: &str, other: &str| pattern(one).common_host(&pattern(other));
        for (one, other, host) in [
            ("*", "*", Some("any.example")),
            ("*", "*.b", Some("any.b")),
            ("*.b:81", "*", Some("any.b:81")),
            ("*.b", "*.a.b", Some("any.a.b")),
            ("*.b", "a.b", Some("a.b")),
            ("a.b", "a.b", Some("a.b")),
            ("*.b", "b", None),
            ("*.a.b", "*.c.b", None),
            ("a.b", "a.b:81", None),
        ] {
            assert_eq!(common(one, other).as_deref(), host, "{one} {other}");
            assert_eq!(common(other, one).as_deref(), host, "{other} {one}");
        }
    }
}
