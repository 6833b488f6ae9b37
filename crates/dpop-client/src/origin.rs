//! Scheme, host and port of a server: what a nonce belongs to.

use http::Uri;
use thiserror::Error;

/// The origin of a URI (RFC 6454 §4): scheme, host and port, the default port filled in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    scheme: Scheme,
    host: String,
    port: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Scheme {
    Http,
    Https,
}

/// The URI is not absolute, or neither `http` nor `https`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the URI is not an absolute http or https URI")]
pub struct NoOrigin;

impl Origin {
    /// The origin of `uri`.
    ///
    /// # Errors
    ///
    /// [`NoOrigin`] for a URI without scheme or host, and for other schemes.
    pub fn of(uri: &Uri) -> Result<Self, NoOrigin> {
        let scheme = match uri.scheme_str() {
            Some(scheme) if scheme.eq_ignore_ascii_case("https") => Scheme::Https,
            Some(scheme) if scheme.eq_ignore_ascii_case("http") => Scheme::Http,
            Some(_) | None => return Err(NoOrigin),
        };
        let host = uri.host().filter(|host| !host.is_empty()).ok_or(NoOrigin)?.to_ascii_lowercase();
        let port = uri.port_u16().unwrap_or(match scheme {
            Scheme::Http => 80,
            Scheme::Https => 443,
        });
        Ok(Self { scheme, host, port })
    }

    /// Whether requests to it are protected by TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.scheme == Scheme::Https
    }

    /// Whether it is this machine: `localhost`, `127.0.0.0/8` or `[::1]`. Plain http is harmless only there.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost"
            || host.ends_with(".localhost")
            || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(uri: &str) -> Result<Origin, NoOrigin> {
        Origin::of(&uri.parse().expect("a URI"))
    }

    #[test]
    fn fills_in_default_ports_and_ignores_case() {
        assert_eq!(origin("https://API.example.com/a"), origin("HTTPS://api.example.com:443/b?c"));
        assert_eq!(origin("http://api.example.com"), origin("http://api.example.com:80/"));
        assert_ne!(origin("http://api.example.com"), origin("https://api.example.com"));
        assert_ne!(origin("https://api.example.com:8443"), origin("https://api.example.com"));
    }

    #[test]
    fn refuses_other_schemes_and_relative_uris() {
        for uri in ["/a", "ws://api.example.com/", "api.example.com:80"] {
            assert_eq!(origin(uri), Err(NoOrigin), "{uri}");
        }
    }

    #[test]
    fn knows_this_machine() {
        for uri in ["http://127.0.0.1:8080", "http://127.9.9.9", "http://[::1]:1", "http://localhost"] {
            assert!(origin(uri).unwrap().is_loopback(), "{uri}");
        }
        for uri in ["http://10.0.0.1", "http://localhost.example.com", "http://127.0.0.1.example.com"] {
            assert!(!origin(uri).unwrap().is_loopback(), "{uri}");
        }
    }
}
