//! The target URI as the client used it: what `htu` is compared with (RFC 9449 §4.3 (9)).

use std::borrow::Cow;
use std::net::IpAddr;

use dpop::Htu;
use http::header::HOST;
use http::request::Parts;
use http::uri::{Authority, Scheme};
use http::{HeaderMap, Uri};
use ipnet::IpNet;
use thiserror::Error;

/// The address that a connection comes from, for servers that are not axum's: insert it into the request's extensions.
/// With the feature `axum` its `ConnectInfo<SocketAddr>` does as well.
///
/// ```
/// use std::net::SocketAddr;
/// use resource_server_tower::PeerAddress;
///
/// fn accepted(mut request: http::Request<()>, peer: SocketAddr) -> http::Request<()> {
///     request.extensions_mut().insert(PeerAddress(peer.ip()));
///     request
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerAddress(pub IpAddr);

/// Why the target of a request is not known: 400, 421 for [`TargetError::UnknownHost`], 500 for
/// [`TargetError::PeerUnknown`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TargetError {
    /// No `Host`, several, or one that is no host.
    #[error("the Host field is missing, repeated or malformed")]
    Host,
    /// The request line names another host than `Host` (RFC 9112 §3.2.2).
    #[error("the request target and the Host field name different hosts")]
    Authority,
    /// The request target is a URI of another scheme than http and https.
    #[error("the request target is of another scheme")]
    Scheme,
    /// The request target is no path: `*`, or an authority.
    #[error("the request target has no path")]
    NoPath,
    /// A trusted proxy's field is repeated or malformed.
    #[error("a forwarding header field is repeated or malformed")]
    Forwarded,
    /// None of the public origins has this host (RFC 9110 §15.5.20): 421.
    #[error("the host is none that this service is known by")]
    UnknownHost,
    /// Proxies are to be told apart from others, but the server does not say who is calling: a fault.
    #[error("the address of the peer is not known")]
    PeerUnknown,
}

/// Where scheme, host and prefix of a target come from. At least one of the first and the last is there.
#[derive(Debug, Clone)]
pub(crate) struct TargetSettings {
    /// Scheme, host and port that clients use. Of several the request names one by its host.
    pub(crate) public_origins: Vec<String>,
    /// Peers whose `X-Forwarded-*` fields count.
    pub(crate) proxies: Option<Vec<IpNet>>,
    /// A prefix that was taken off every path in front of us.
    pub(crate) stripped_prefix: Option<String>,
    /// The scheme of requests that no proxy speaks for.
    pub(crate) scheme: Scheme,
}

impl TargetSettings {
    /// The absolute URI that the client sent this request to.
    pub(crate) fn target_uri(&self, parts: &Parts) -> Result<String, TargetError> {
        if original_uri(parts).scheme().is_some_and(|scheme| ![Scheme::HTTP, Scheme::HTTPS].contains(scheme))
        {
            return Err(TargetError::Scheme);
        }
        let proxy = match &self.proxies {
            Some(networks) => {
                let peer = peer(parts).ok_or(TargetError::PeerUnknown)?.to_canonical();
                networks.iter().any(|network| network.contains(&peer)).then_some(&parts.headers)
            }
            None => None,
        };
        let origin = match self.public_origins.as_slice() {
            [] => Cow::Owned(self.seen_origin(parts, proxy)?),
            [origin] => Cow::Borrowed(origin.as_str()),
            several => Cow::Borrowed(named_origin(several, parts, proxy)?),
        };
        let forwarded = proxy.map(|headers| single(headers, "x-forwarded-prefix")).transpose()?.flatten();
        let prefix = match forwarded.map(|prefix| prefix.trim_end_matches('/')) {
            Some(prefix) if prefix.is_empty() || is_prefix(prefix) => prefix,
            Some(_) => return Err(TargetError::Forwarded),
            None => self.stripped_prefix.as_deref().unwrap_or_default(),
        };
        let path = original_uri(parts).path_and_query().ok_or(TargetError::NoPath)?.as_str();
        if !path.starts_with('/') {
            return Err(TargetError::NoPath);
        }
        Ok([&*origin, prefix, path].concat())
    }

    /// Scheme and host as the trusted proxy tells them, else as the request does.
    fn seen_origin(&self, parts: &Parts, proxy: Option<&HeaderMap>) -> Result<String, TargetError> {
        let scheme = forwarded_scheme(proxy)?.unwrap_or(self.scheme.as_str());
        Ok(format!("{scheme}://{}", seen_host(parts, proxy)?))
    }
}

/// The one of `origins` that the request is for, as the trusted proxy tells, else as the request does.
fn named_origin<'a>(
    origins: &'a [String],
    parts: &Parts,
    proxy: Option<&HeaderMap>,
) -> Result<&'a str, TargetError> {
    let (scheme, host) = (forwarded_scheme(proxy)?, seen_host(parts, proxy)?);
    let is_named = |origin: &&String| {
        let own = origin.split_once("://").map_or("", |(scheme, _)| scheme);
        scheme.is_none_or(|scheme| scheme.eq_ignore_ascii_case(own))
            && same_origin(origin, &format!("{own}://{host}"))
    };
    origins.iter().find(is_named).map(String::as_str).ok_or(TargetError::UnknownHost)
}

/// The scheme that a trusted proxy tells.
fn forwarded_scheme(proxy: Option<&HeaderMap>) -> Result<Option<&'static str>, TargetError> {
    match proxy.map(|headers| single(headers, "x-forwarded-proto")).transpose()?.flatten() {
        Some(scheme) if scheme.eq_ignore_ascii_case("https") => Ok(Some("https")),
        Some(scheme) if scheme.eq_ignore_ascii_case("http") => Ok(Some("http")),
        Some(_) => Err(TargetError::Forwarded),
        None => Ok(None),
    }
}

/// The host that a trusted proxy tells, else that of the request.
fn seen_host(parts: &Parts, proxy: Option<&HeaderMap>) -> Result<Authority, TargetError> {
    match proxy.map(|headers| single(headers, "x-forwarded-host")).transpose()?.flatten() {
        Some(host) => authority(host).ok_or(TargetError::Forwarded),
        None => host(parts),
    }
}

/// Do these name the same scheme, host and port?
pub(crate) fn same_origin(one: &str, other: &str) -> bool {
    matches!((Htu::parse(one), Htu::parse(other)), (Ok(one), Ok(other)) if one == other)
}

/// Is this `scheme://host[:port]` with nothing behind it?
pub(crate) fn is_origin(text: &str) -> bool {
    let rest = text.split_once("://").map(|(_, rest)| rest);
    rest.is_some_and(|rest| !rest.contains(['/', '?', '#'])) && Htu::parse(text).is_ok()
}

/// Is this an origin on this machine, where no network can listen?
pub(crate) fn is_loopback(origin: &str) -> bool {
    let uri = origin.parse::<Uri>().ok();
    let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// Is this a path that can be put in front of another: `/` and more, no slash at its end?
pub(crate) fn is_prefix(text: &str) -> bool {
    text.starts_with('/')
        && !text.ends_with('/')
        && !text.contains(['?', '#'])
        && Htu::parse(&format!("http://host{text}")).is_ok()
}

#[cfg(feature = "axum")]
fn peer(parts: &Parts) -> Option<IpAddr> {
    use axum::extract::ConnectInfo;
    let own = parts.extensions.get::<PeerAddress>().map(|peer| peer.0);
    own.or_else(|| parts.extensions.get::<ConnectInfo<std::net::SocketAddr>>().map(|peer| peer.0.ip()))
}

#[cfg(not(feature = "axum"))]
fn peer(parts: &Parts) -> Option<IpAddr> {
    parts.extensions.get::<PeerAddress>().map(|peer| peer.0)
}

/// The URI before a nested router took its own prefix off.
#[cfg(feature = "axum")]
fn original_uri(parts: &Parts) -> &Uri {
    parts.extensions.get::<axum::extract::OriginalUri>().map_or(&parts.uri, |original| &original.0)
}

#[cfg(not(feature = "axum"))]
fn original_uri(parts: &Parts) -> &Uri {
    &parts.uri
}

/// The host of the request target (HTTP/2, absolute form) or of `Host`; where both are, they agree.
fn host(parts: &Parts) -> Result<Authority, TargetError> {
    let mut lines = parts.headers.get_all(HOST).iter();
    let field = match (lines.next(), lines.next()) {
        (None, _) => None,
        (Some(line), None) => Some(line.to_str().ok().and_then(authority).ok_or(TargetError::Host)?),
        (Some(_), Some(_)) => return Err(TargetError::Host),
    };
    match (original_uri(parts).authority(), field) {
        (Some(target), Some(field)) if *target != field => Err(TargetError::Authority),
        (Some(target), _) => authority(target.as_str()).ok_or(TargetError::Host),
        (None, Some(field)) => Ok(field),
        (None, None) => Err(TargetError::Host),
    }
}

/// A host with or without port, and nothing else.
fn authority(text: &str) -> Option<Authority> {
    text.parse::<Authority>().ok().filter(|authority| is_origin(&format!("http://{authority}")))
}

/// The value of a field that may appear once; an empty one counts as absent.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, TargetError> {
    let mut lines = headers.get_all(name).iter();
    let (first, second) = (lines.next(), lines.next());
    if second.is_some() {
        return Err(TargetError::Forwarded);
    }
    let value = first.map(|value| value.to_str().map_err(|_| TargetError::Forwarded)).transpose()?;
    Ok(value.filter(|value| !value.is_empty()))
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn settings() -> TargetSettings {
        TargetSettings {
            public_origins: Vec::new(),
            proxies: None,
            stripped_prefix: None,
            scheme: Scheme::HTTPS,
        }
    }

    fn behind_proxies() -> TargetSettings {
        TargetSettings {
            proxies: Some(vec!["10.0.0.0/8".parse().unwrap()]),
            scheme: Scheme::HTTP,
            ..settings()
        }
    }

    fn check(
        settings: &TargetSettings,
        uri: &str,
        peer: Option<&str>,
        fields: &[(&str, &str)],
        expected: Result<&str, TargetError>,
    ) {
        let mut request = Request::builder().uri(uri);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        if let Some(peer) = peer {
            request = request.extension(PeerAddress(peer.parse().unwrap()));
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        assert_eq!(settings.target_uri(&parts), expected.map(str::to_owned), "{uri} {fields:?}");
    }

    #[test]
    fn the_public_origin_stands_above_what_the_request_says() {
        let settings =
            TargetSettings { public_origins: vec!["https://api.example.com".into()], ..settings() };
        let expected = Ok("https://api.example.com/a?b=c");
        check(&settings, "/a?b=c", None, &[], expected);
        check(&settings, "/a?b=c", None, &[("host", "evil.example"), ("x-forwarded-host", "evil")], expected);
        check(&settings, "http://evil.example/a?b=c", None, &[], expected);
        let prefixed = TargetSettings { stripped_prefix: Some("/v1".into()), ..settings };
        check(&prefixed, "/a", None, &[], Ok("https://api.example.com/v1/a"));
    }

    #[test]
    fn of_several_origins_the_request_names_one_and_no_other() {
        let origins = ["https://api.example.com", "https://intern.example:8443", "http://localhost:3000"];
        let settings =
            TargetSettings { public_origins: origins.map(str::to_owned).to_vec(), ..behind_proxies() };
        let proxy = Some("10.0.0.1");
        let host = |host| [("host", host)];
        check(&settings, "/a", proxy, &host("API.example.com:443"), Ok("https://api.example.com/a"));
        check(&settings, "/a", proxy, &host("intern.example:8443"), Ok("https://intern.example:8443/a"));
        check(&settings, "/a", proxy, &host("localhost:3000"), Ok("http://localhost:3000/a"));
        check(&settings, "/a", proxy, &host("intern.example"), Err(TargetError::UnknownHost));
        let told = [("host", "backend"), ("x-forwarded-host", "api.example.com")];
        check(&settings, "/a", proxy, &told, Ok("https://api.example.com/a"));
        check(&settings, "/a", Some("192.0.2.1"), &told, Err(TargetError::UnknownHost));
        let plain = [("host", "api.example.com"), ("x-forwarded-proto", "http")];
        check(&settings, "/a", proxy, &plain, Err(TargetError::UnknownHost));
        let forged = [("host", "api.example.com"), ("x-forwarded-host", "evil.example")];
        check(&settings, "/a", proxy, &forged, Err(TargetError::UnknownHost));
    }

    #[test]
    fn the_host_is_one_and_a_host() {
        let host = |host| ("host", host);
        check(&settings(), "/a", None, &[host("api.example.com:8443")], Ok("https://api.example.com:8443/a"));
        check(&settings(), "https://h2.example/a", None, &[], Ok("https://h2.example/a"));
        check(&settings(), "https://A.example/a", None, &[host("a.example")], Ok("https://A.example/a"));
        check(&settings(), "https://a.example/a", None, &[host("b.example")], Err(TargetError::Authority));
        check(&settings(), "/a", None, &[host("a"), host("a")], Err(TargetError::Host));
        for malformed in ["", "a/b", "a?b", "u@a", "a b", "a#b", "a:port", "a:99999", "%61"] {
            check(&settings(), "/a", None, &[host(malformed)], Err(TargetError::Host));
        }
        check(&settings(), "/a", None, &[], Err(TargetError::Host));
        check(&settings(), "*", None, &[host("a")], Err(TargetError::NoPath));
        check(&settings(), "ftp://a.example/a", None, &[host("a.example")], Err(TargetError::Scheme));
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let forwarded = [
            ("host", "backend:8080"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "api.example.com"),
            ("x-forwarded-prefix", "/shop/"),
        ];
        let settings = behind_proxies();
        check(&settings, "/a", Some("10.1.2.3"), &forwarded, Ok("https://api.example.com/shop/a"));
        check(&settings, "/a", Some("::ffff:10.1.2.3"), &forwarded, Ok("https://api.example.com/shop/a"));
        check(&settings, "/a", Some("192.0.2.1"), &forwarded, Ok("http://backend:8080/a"));
        check(&settings, "/a", None, &forwarded, Err(TargetError::PeerUnknown));
    }

    #[test]
    fn forwarding_fields_of_a_proxy_are_single_and_well_formed() {
        for fields in [
            &[("x-forwarded-proto", "ftp")][..],
            &[("x-forwarded-host", "a, b")],
            &[("x-forwarded-host", "a"), ("x-forwarded-host", "a")],
            &[("x-forwarded-prefix", "shop")],
            &[("x-forwarded-prefix", "/a?b")],
        ] {
            let fields: Vec<_> = [("host", "backend")].iter().chain(fields).copied().collect();
            check(&behind_proxies(), "/a", Some("10.0.0.1"), &fields, Err(TargetError::Forwarded));
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        for good in ["https://a.example", "http://a.example:8080", "https://[2001:db8::1]:1"] {
            assert!(is_origin(good), "{good}");
        }
        for bad in [
            "",
            "a.example",
            "https://",
            "https://a/",
            "https://a/b",
            "https://a?b",
            "ftp://a",
            "https://u@a",
        ] {
            assert!(!is_origin(bad), "{bad}");
        }
    }
}
