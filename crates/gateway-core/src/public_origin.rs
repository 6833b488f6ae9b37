//! The origin that clients use, where it differs from what the gateway sees.

use std::fmt;

use thiserror::Error;

use crate::{
    document::{Code, Decode, Diagnostic, Diagnostics, KeyPath, Node},
    request::RequestUri,
    rules::{host, rule::Scheme},
};

/// Scheme, host and port that clients use to reach the gateway: the first source of the URI that a proof's `htu` is compared
/// with, before forwarded headers of trusted proxies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicOrigin {
    scheme: Scheme,
    host: String,
}

/// Text that is no origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum OriginError {
    /// Neither `http://` nor `https://` in front.
    #[error("origin does not start with http:// or https://")]
    Scheme,
    /// The host is not well formed, or something stands behind it.
    #[error("origin is not scheme, host and port: {0}")]
    Host(#[from] host::HostError),
}

impl PublicOrigin {
    /// Reads `https://api.example.com` or `https://api.example.com:8443`; one slash may end it.
    ///
    /// # Errors
    ///
    /// [`OriginError`]: another scheme, user information, a path, a query or a host that is not well formed.
    pub fn parse(text: &str) -> Result<Self, OriginError> {
        let (scheme, rest) = text.split_once("://").ok_or(OriginError::Scheme)?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return Err(OriginError::Scheme),
        };
        let host = rest.strip_suffix('/').unwrap_or(rest).to_ascii_lowercase();
        host::check_strictly(&host)?;
        Ok(Self { scheme, host })
    }

    /// The scheme.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Host in lower case, with the port if one was written.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The same path and query at this origin: what a client at this origin asked for.
    #[must_use]
    pub fn apply_to(&self, uri: &RequestUri) -> RequestUri {
        RequestUri::new(self.scheme.as_str(), &self.host, uri.path(), uri.query())
    }
}

impl fmt::Display for PublicOrigin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}", self.scheme.as_str(), self.host)
    }
}

impl Decode for PublicOrigin {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let text = String::decode(node, path, diagnostics)?;
        match Self::parse(&text) {
            Ok(origin) => Some(origin),
            Err(error) => {
                diagnostics.push(
                    Diagnostic::error(Code::BadHost, format!("`{path}` is no origin: {error}"), &node.place)
                        .found(text)
                        .expected(
                            "scheme, host and port as clients use them, such as `https://api.example.com`",
                        ),
                );
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_path_and_query_as_sent() {
        let uri = RequestUri::new("http", "10.0.0.1:4455", "/a//%7e", Some("x=1"));
        let origin = PublicOrigin::parse("HTTPS://API.example.com:8443/").unwrap();
        assert_eq!(origin.apply_to(&uri).to_string(), "https://api.example.com:8443/a//%7e?x=1");
    }

    #[test]
    fn refuses_what_is_more_than_an_origin() {
        for text in [
            "api.example.com",
            "ftp://a",
            "https://",
            "https://a/b",
            "https://u@a",
            "https://a?x",
            "https://a:0",
            "https://a//",
        ] {
            assert!(PublicOrigin::parse(text).is_err(), "{text}");
        }
    }
}
