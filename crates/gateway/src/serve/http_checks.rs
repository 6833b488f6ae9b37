//! What the gateway checks about HTTP itself, before rules and credentials.
//!
//! hyper refuses what can not be parsed. What it lets through although a gateway must not (two `Host` lines, a transfer
//! coding that an upstream may read differently, a target that is no path) is refused here, with an empty body and
//! without a challenge: nothing about the request's credentials was looked at.

use gateway_core::rules::host;
use http::{HeaderMap, HeaderName, Method, StatusCode, Version, header, request::Parts};

/// Fields that `Connection` may not name: taking them away on the way to the upstream would change what was decided
/// (RFC 9110 §7.6.1 forbids to list end-to-end fields).
const NEVER_HOP_BY_HOP: [&str; 9] = [
    "authorization",
    "dpop",
    "host",
    "cookie",
    "content-length",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
];

/// Fields of a head. hyper has the same limit for HTTP/1; for HTTP/2 it only counts bytes.
const MAX_FIELDS: usize = 100;

/// A request that is refused for its HTTP alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HttpRefusal {
    /// No `Host`, several, or one that is no host and port (RFC 9112 §3.2).
    #[error("host is missing, repeated or malformed")]
    Host,
    /// The authority of an absolute-form target is not that of `Host`, or the scheme is not ours (RFC 9112 §3.2.2).
    #[error("absolute-form target contradicts host or scheme")]
    AbsoluteForm,
    /// Not a path: authority form, `*`, bytes that are no URI, a bad percent-encoding.
    #[error("request target is not a path")]
    Target,
    /// Anything but one `Transfer-Encoding: chunked` (RFC 9112 §6.1).
    #[error("transfer coding is not just chunked")]
    TransferEncoding,
    /// `Connection` names a field that is not hop-by-hop.
    #[error("connection header names an end-to-end field")]
    Connection,
    /// CONNECT and TRACE are never forwarded.
    #[error("method is not forwarded")]
    Method,
    /// An `Expect` other than `100-continue` (RFC 9110 §10.1.1).
    #[error("unknown expectation")]
    Expectation,
    /// The announced body is larger than `serve.limits.max_body_size`.
    #[error("body is too large")]
    BodyTooLarge,
    /// More fields than a head may have (RFC 6585 §5).
    #[error("too many header fields")]
    TooManyFields,
    /// A forwarding header of a trusted proxy is repeated or can not be read.
    #[error("forwarding header is repeated or malformed")]
    Forwarded,
}

impl HttpRefusal {
    /// The status of the answer, which has no body.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::Host
            | Self::AbsoluteForm
            | Self::Target
            | Self::TransferEncoding
            | Self::Connection
            | Self::Forwarded => StatusCode::BAD_REQUEST,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Expectation => StatusCode::EXPECTATION_FAILED,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooManyFields => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        }
    }

    /// A stable word for the log.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::AbsoluteForm => "absolute_form",
            Self::Target => "target",
            Self::TransferEncoding => "transfer_encoding",
            Self::Connection => "connection",
            Self::Method => "method",
            Self::Expectation => "expectation",
            Self::BodyTooLarge => "body_too_large",
            Self::TooManyFields => "too_many_fields",
            Self::Forwarded => "forwarded",
        }
    }
}

/// Host, path and query of a request that passed the checks; byte for byte as sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Target<'a> {
    /// Host with the port if one was sent.
    pub(crate) host: &'a str,
    /// The path, never empty.
    pub(crate) path: &'a str,
    /// What stands behind `?`.
    pub(crate) query: Option<&'a str>,
}

/// Checks the head of a request that came in on a listener of the given scheme.
///
/// # Errors
///
/// The first [`HttpRefusal`] that applies.
pub(crate) fn check<'a>(
    parts: &'a Parts,
    scheme: &str,
    max_body_bytes: Option<u64>,
) -> Result<Target<'a>, HttpRefusal> {
    if parts.method == Method::CONNECT || parts.method == Method::TRACE {
        return Err(HttpRefusal::Method);
    }
    if parts.headers.len() > MAX_FIELDS {
        return Err(HttpRefusal::TooManyFields);
    }
    let host = check_host(parts)?;
    check_absolute_form(parts, host, scheme)?;
    check_transfer_encoding(&parts.headers)?;
    check_connection(&parts.headers)?;
    check_expectation(parts)?;
    check_length(&parts.headers, max_body_bytes)?;
    let (path, query) = check_path(parts)?;
    Ok(Target { host, path, query })
}

fn check_host(parts: &Parts) -> Result<&str, HttpRefusal> {
    let mut lines = parts.headers.get_all(header::HOST).iter();
    let host = match (lines.next(), lines.next()) {
        (Some(host), None) => host.to_str().map_err(|_| HttpRefusal::Host)?,
        // HTTP/2 carries the host in `:authority`, RFC 9113 §8.3.1.
        (None, None) if parts.version == Version::HTTP_2 => {
            parts.uri.authority().ok_or(HttpRefusal::Host)?.as_str()
        }
        _ => return Err(HttpRefusal::Host),
    };
    if is_host(host) { Ok(host) } else { Err(HttpRefusal::Host) }
}

/// RFC 9112 §3.2.2 lets the authority of the target win over `Host`. Two different hosts in one request are an attack or
/// a defect, so we want them equal.
fn check_absolute_form(parts: &Parts, host: &str, scheme: &str) -> Result<(), HttpRefusal> {
    if let Some(sent) = parts.uri.scheme_str()
        && !sent.eq_ignore_ascii_case(scheme)
    {
        return Err(HttpRefusal::AbsoluteForm);
    }
    let Some(authority) = parts.uri.authority() else { return Ok(()) };
    let authority = authority.as_str();
    let same = is_host(authority)
        && without_default_port(authority, scheme).eq_ignore_ascii_case(without_default_port(host, scheme));
    if same { Ok(()) } else { Err(HttpRefusal::AbsoluteForm) }
}

/// `http::uri::Authority` takes much that is no host; the grammar is that of the rules, with whole labels.
pub(crate) fn is_host(host: &str) -> bool {
    host::check_strictly(host).is_ok()
}

fn without_default_port<'a>(host: &'a str, scheme: &str) -> &'a str {
    let default = if scheme == "https" { ":443" } else { ":80" };
    host.strip_suffix(default).unwrap_or(host)
}

fn check_transfer_encoding(headers: &HeaderMap) -> Result<(), HttpRefusal> {
    let mut lines = headers.get_all(header::TRANSFER_ENCODING).iter();
    match (lines.next(), lines.next()) {
        (None, _) => Ok(()),
        (Some(value), None) if value.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => Err(HttpRefusal::TransferEncoding),
    }
}

fn check_connection(headers: &HeaderMap) -> Result<(), HttpRefusal> {
    let names_protected = list(headers, &header::CONNECTION)
        .any(|name| NEVER_HOP_BY_HOP.iter().any(|field| name.eq_ignore_ascii_case(field)));
    if names_protected { Err(HttpRefusal::Connection) } else { Ok(()) }
}

fn check_expectation(parts: &Parts) -> Result<(), HttpRefusal> {
    let known = parts
        .headers
        .get_all(header::EXPECT)
        .iter()
        .all(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"));
    if known { Ok(()) } else { Err(HttpRefusal::Expectation) }
}

fn check_length(headers: &HeaderMap, max_body_bytes: Option<u64>) -> Result<(), HttpRefusal> {
    let Some(max) = max_body_bytes else { return Ok(()) };
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse::<u64>().ok());
    if announced.is_some_and(|bytes| bytes > max) { Err(HttpRefusal::BodyTooLarge) } else { Ok(()) }
}

fn check_path(parts: &Parts) -> Result<(&str, Option<&str>), HttpRefusal> {
    let (path, query) = (parts.uri.path(), parts.uri.query());
    let readable = path.starts_with('/')
        && is_path(path)
        && query.is_none_or(|query| query.bytes().all(|byte| byte.is_ascii_graphic()));
    if readable { Ok((path, query)) } else { Err(HttpRefusal::Target) }
}

/// ASCII without backslash (some servers read it as a slash), every `%` followed by two hex digits.
pub(crate) fn is_path(path: &str) -> bool {
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        let fits = match byte {
            b'%' => {
                let digits = [bytes.next(), bytes.next()];
                digits.iter().all(|digit| digit.is_some_and(|digit| digit.is_ascii_hexdigit()))
            }
            b'\\' => false,
            other => other.is_ascii_graphic(),
        };
        if !fits {
            return false;
        }
    }
    true
}

/// The elements of a comma-separated list field, over all its lines; unreadable lines have none.
pub(crate) fn list<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .filter(|element| !element.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(target: &str, fields: &[(&str, &str)]) -> Parts {
        let mut request = http::Request::builder().uri(target);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn takes_hosts_and_refuses_what_only_looks_like_one() {
        for host in
            ["a", "api.example.com", "a:80", "[::1]", "[2001:db8::1]:8443", "a_b.c", "127.0.0.1:65535"]
        {
            assert!(is_host(host), "{host}");
        }
        for host in [
            "", ".", "a.", "a..b", ".a", "-a", "_a", "a@b", "a/b", "a?b", "a#b", "a\\b", "a%2f", "a:",
            "a:port", "a:0", "a:080", "a:65536", "a:+1", "a:80:80", "[zz]", "[::1", "[::1]x", "::1",
            "http://a", "<script>", "münchen", "a b", "a,b",
        ] {
            assert!(!is_host(host), "{host}");
        }
        assert!(!is_host(&["a"; 128].join(".")), "254 characters and more");
        assert!(!is_host(&"a".repeat(64)));
    }

    #[test]
    fn wants_exactly_one_host_line() {
        let check = |fields: &[(&str, &str)]| check(&head("/a", fields), "http", None).map(|_| ());
        assert!(check(&[("host", "a")]).is_ok());
        assert_eq!(check(&[]), Err(HttpRefusal::Host));
        assert_eq!(check(&[("host", "a"), ("host", "a")]), Err(HttpRefusal::Host));
        assert_eq!(check(&[("host", "a"), ("host", "b")]), Err(HttpRefusal::Host));
        assert_eq!(check(&[("host", "")]), Err(HttpRefusal::Host));
    }

    #[test]
    fn wants_an_absolute_form_that_agrees_with_the_host() {
        let check = |target: &str, host: &str| {
            check(&head(target, &[("host", host)]), "http", None).map(|target| target.path.to_owned())
        };
        assert!(check("http://a/x", "a").is_ok());
        assert!(check("HTTP://A:80/x", "a").is_ok());
        assert_eq!(check("http://a", "a:80").unwrap(), "/");
        assert_eq!(check("http://b/x", "a"), Err(HttpRefusal::AbsoluteForm));
        assert_eq!(check("http://a:81/x", "a"), Err(HttpRefusal::AbsoluteForm));
        assert_eq!(check("http://u@a/x", "a"), Err(HttpRefusal::AbsoluteForm));
        assert_eq!(check("https://a/x", "a"), Err(HttpRefusal::AbsoluteForm));
        assert_eq!(check("ftp://a/x", "a"), Err(HttpRefusal::AbsoluteForm));
    }

    #[test]
    fn wants_a_path_as_target() {
        let check = |target: &str| {
            check(&head(target, &[("host", "a:80")]), "http", None).map(|target| target.path.to_owned())
        };
        assert_eq!(check("/a//%7e/./..?x#y"), Ok("/a//%7e/./..".into()));
        assert_eq!(check("*"), Err(HttpRefusal::Target));
        assert_eq!(check("a:80"), Err(HttpRefusal::Target));
        assert_eq!(check("/a%zz"), Err(HttpRefusal::Target));
        assert_eq!(check("/a%2"), Err(HttpRefusal::Target));
        assert_eq!(check("/a\\b"), Err(HttpRefusal::Target));
        assert_eq!(check("/é"), Err(HttpRefusal::Target));
    }

    #[test]
    fn refuses_what_an_upstream_could_frame_differently() {
        let check = |fields: &[(&str, &str)]| {
            let mut all = vec![("host", "a")];
            all.extend(fields);
            check(&head("/", &all), "http", Some(10)).err()
        };
        assert_eq!(check(&[("transfer-encoding", "Chunked")]), None);
        assert_eq!(check(&[("transfer-encoding", "gzip, chunked")]), Some(HttpRefusal::TransferEncoding));
        assert_eq!(check(&[("transfer-encoding", "chunked, chunked")]), Some(HttpRefusal::TransferEncoding));
        let twice = [("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")];
        assert_eq!(check(&twice), Some(HttpRefusal::TransferEncoding));
        assert_eq!(check(&[("connection", "close, X-Other")]), None);
        assert_eq!(check(&[("connection", "close, DPoP")]), Some(HttpRefusal::Connection));
        assert_eq!(check(&[("expect", "100-Continue")]), None);
        assert_eq!(check(&[("expect", "200-maybe")]), Some(HttpRefusal::Expectation));
        assert_eq!(check(&[("content-length", "10")]), None);
        assert_eq!(check(&[("content-length", "11")]), Some(HttpRefusal::BodyTooLarge));
    }

    #[test]
    fn in_http_2_the_authority_is_the_host_and_both_agree() {
        let check = |target: &str, fields: &[(&str, &str)]| {
            let mut parts = head(target, fields);
            parts.version = Version::HTTP_2;
            check(&parts, "https", None).map(|target| target.host.to_owned())
        };
        assert_eq!(check("https://a/x", &[]), Ok("a".into()));
        assert_eq!(check("https://a/x", &[("host", "A:443")]), Ok("A:443".into()));
        assert_eq!(check("/x", &[("host", "a")]), Ok("a".into()));
        assert_eq!(check("/x", &[]), Err(HttpRefusal::Host));
        assert_eq!(check("https://a/x", &[("host", "b")]), Err(HttpRefusal::AbsoluteForm));
        assert_eq!(check("https://u@a/x", &[]), Err(HttpRefusal::Host));
        assert_eq!(check("http://a/x", &[]), Err(HttpRefusal::AbsoluteForm));
    }

    #[test]
    fn a_head_has_at_most_a_hundred_fields() {
        let fields = vec![("x-field", "1"); MAX_FIELDS];
        let check = |fields: &[(&str, &str)]| check(&head("/", fields), "http", None).err();
        assert_eq!(check(&fields), Some(HttpRefusal::Host));
        assert_eq!(check(&[fields, vec![("host", "a")]].concat()), Some(HttpRefusal::TooManyFields));
    }

    #[test]
    fn connect_and_trace_are_refused_before_anything_else() {
        for method in [Method::CONNECT, Method::TRACE] {
            let mut parts = head("/", &[]);
            parts.method = method;
            assert_eq!(check(&parts, "http", None), Err(HttpRefusal::Method));
        }
    }
}
