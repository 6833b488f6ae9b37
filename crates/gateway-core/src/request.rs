//! The request as every part of the decision sees it.
//!
//! All three modes build a [`Request`] and share every line after that. The [`RequestUri`] is the URI as the client used
//! it and never changes: a proof's `htu` is compared with it (RFC 9449 §4.3, item 9). Rule matching has a normal form of
//! its own (`rules::normal_path`).

use std::{collections::BTreeMap, fmt};

use http::{HeaderMap, Method};

use crate::request_body::RequestBody;

/// A client's request. Its body is read only if a rule asks for it.
#[derive(Clone)]
pub struct Request {
    /// The method as the client sent it; case matters, and unknown methods are kept.
    pub method: Method,
    /// The URI as it arrived, or as trusted proxies say it did: what rules match and what is forwarded.
    pub uri: RequestUri,
    /// The URI at the configured public origin, where there is one: what a proof's `htu` is compared with instead.
    pub public_uri: Option<RequestUri>,
    /// All header fields, in the client's order per name.
    pub headers: HeaderMap,
    /// Addresses of the client and the trusted proxies it came through, the client first; the address of the direct peer
    /// is the last one.
    pub client_addresses: Vec<String>,
    /// The values of the named wildcards of the rule's path. Empty until a rule is found.
    pub captures: BTreeMap<String, String>,
    /// The body, as far as somebody reads it.
    pub body: RequestBody,
}

impl Request {
    /// A request nothing is known about but its method and URI. The other fields are public: set them.
    #[must_use]
    pub fn new(method: Method, uri: RequestUri) -> Self {
        Self {
            method,
            uri,
            public_uri: None,
            headers: HeaderMap::new(),
            client_addresses: Vec::new(),
            captures: BTreeMap::new(),
            body: RequestBody::none(),
        }
    }

    /// All values of a header field, joined as RFC 9110 §5.3 allows; empty when it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> String {
        let values = self.headers.get_all(name).iter();
        values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect::<Vec<_>>().join(",")
    }

    /// The value of the first cookie of that name, without quotation marks; empty when there is none.
    #[must_use]
    pub fn cookie(&self, name: &str) -> &str {
        let lines = self.headers.get_all(http::header::COOKIE).iter();
        let mut pairs = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(';'));
        let value = pairs.find_map(|pair| {
            let (key, value) = pair.trim().split_once('=')?;
            (key.trim_end() == name).then_some(value)
        });
        value.map_or("", |value| {
            value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value)
        })
    }

    /// The body as templates and expressions see it: parsed by its content type; `None` while it was not read.
    #[must_use]
    pub fn body_value(&self) -> Option<&serde_json::Value> {
        self.body.value(&self.headers)
    }
}

impl fmt::Debug for Request {
    /// Leaves header values, captured values and the body out: they may be tokens and proofs.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Request")
            .field("method", &self.method)
            .field("uri", &self.uri)
            .field("header_names", &self.headers.keys().map(http::HeaderName::as_str).collect::<Vec<_>>())
            .field("client_addresses", &self.client_addresses)
            .field("captures", &self.captures.keys().collect::<Vec<_>>())
            .finish()
    }
}

/// The absolute URI of a request, as the client used it. Immutable.
///
/// Its `Display` is the URI a proof's `htu` is compared with, the query included (comparison leaves the query out).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RequestUri {
    /// All of it, in one piece: every request has one, and proofs are compared with it.
    text: String,
    scheme_end: usize,
    host_end: usize,
    /// Where the `?` stands, if there is a query.
    path_end: usize,
}

/// Between scheme and host.
const AUTHORITY_FOLLOWS: &str = "://";

impl RequestUri {
    /// Puts a URI together. `scheme` and `host` are lower-cased (RFC 3986 §6.2.2.1); `host` carries the port if the client
    /// sent one, and a colon without a port is none (§6.2.3); `path` and `query` (without `?`) are kept byte for byte.
    ///
    /// Nothing is checked here: `rules::host::check` knows the grammar of the host, and the rule lookup refuses paths that
    /// it can not read.
    #[must_use]
    pub fn new(scheme: &str, host: &str, path: impl AsRef<str>, query: Option<&str>) -> Self {
        let (host, path) = (host.strip_suffix(':').unwrap_or(host), path.as_ref());
        let query_bytes = query.map_or(0, |query| query.len() + 1);
        let host_end = scheme.len() + AUTHORITY_FOLLOWS.len() + host.len();
        let mut text = String::with_capacity(host_end + path.len() + query_bytes);
        text.extend([scheme, AUTHORITY_FOLLOWS, host]);
        text.make_ascii_lowercase();
        text.push_str(path);
        let path_end = text.len();
        if let Some(query) = query {
            text.extend(["?", query]);
        }
        Self { text, scheme_end: scheme.len(), host_end, path_end }
    }

    /// All of it, the query included; the same as its `Display`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn part(&self, from: usize, to: usize) -> &str {
        self.text.get(from..to).unwrap_or_default()
    }

    /// `http` or `https`, in lower case.
    #[must_use]
    pub fn scheme(&self) -> &str {
        self.part(0, self.scheme_end)
    }

    /// The host in lower case, with the port exactly if the client sent one, IPv6 addresses in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        self.part(self.scheme_end + AUTHORITY_FOLLOWS.len(), self.host_end)
    }

    /// The host without port and brackets.
    #[must_use]
    pub fn hostname(&self) -> &str {
        let host = self.host();
        if let Some(rest) = host.strip_prefix('[') {
            return rest.split_once(']').map_or(rest, |(address, _)| address);
        }
        host.split_once(':').map_or(host, |(name, _)| name)
    }

    /// The port as the client sent it, `None` if it sent none.
    #[must_use]
    pub fn port(&self) -> Option<&str> {
        let host = self.host();
        let behind_address = host.rsplit_once(']').map_or(host, |(_, rest)| rest);
        behind_address.split_once(':').map(|(_, port)| port)
    }

    /// The path as the client sent it: escapes, dots and doubled slashes untouched.
    #[must_use]
    pub fn path(&self) -> &str {
        self.part(self.host_end, self.path_end)
    }

    /// The query as the client sent it, without `?`; `None` if there was no `?`.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.text.get(self.path_end + 1..)
    }

    /// Path and query as in a request line, the query as sent.
    #[must_use]
    pub fn path_and_query(&self) -> &str {
        self.part(self.host_end, self.text.len())
    }
}

impl fmt::Display for RequestUri {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl fmt::Debug for RequestUri {
    /// Leaves the query out: people put tokens there.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let query = if self.query().is_some() { "?…" } else { "" };
        write!(formatter, "{}{query}", self.part(0, self.path_end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn displays_the_uri_as_the_client_used_it() {
        let uri = RequestUri::new("HTTP", "API.Example:8443", "/a//%7e/../b", Some("x=1"));
        assert_eq!(uri.to_string(), "http://api.example:8443/a//%7e/../b?x=1");
        assert_eq!(uri.path_and_query(), "/a//%7e/../b?x=1");
        assert_eq!((uri.scheme(), uri.path(), uri.query()), ("http", "/a//%7e/../b", Some("x=1")));
        assert_eq!(RequestUri::new("http", "a", "/", Some("")).query(), Some(""));
        assert_eq!(RequestUri::new("http", "a", "/", None).query(), None);
    }

    #[test]
    fn splits_host_and_port() {
        let check = |host: &str, name: &str, port: Option<&str>| {
            let uri = RequestUri::new("https", host, "/", None);
            assert_eq!((uri.hostname(), uri.port()), (name, port), "{host}");
        };
        check("a.example", "a.example", None);
        check("a.example:", "a.example", None);
        check("a.example:80", "a.example", Some("80"));
        check("[::1]", "::1", None);
        check("[::1]:8443", "::1", Some("8443"));
    }

    #[test]
    fn debug_shows_no_header_value_and_no_query() {
        let mut request =
            Request::new(Method::GET, RequestUri::new("http", "a", "/", Some("access_token=secret")));
        request.headers.insert("authorization", http::HeaderValue::from_static("DPoP secret"));
        let shown = format!("{request:?}");
        assert!(!shown.contains("secret"), "{shown}");
        assert!(shown.contains("authorization"), "{shown}");
    }
}
