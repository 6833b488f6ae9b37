//! What proxies in front of us say about the request they got (heimdall's rules, Forwarded of RFC 7239).
//!
//! Only peers named in `serve.trusted_proxies` are believed. From anybody else all forwarding headers are removed before
//! anything looks at the request.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, Method, header};
use ipnet::IpNet;

use super::{
    fields::remove_where,
    http_checks::{HttpRefusal, Target, is_host, is_path, list},
};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_METHOD: HeaderName = HeaderName::from_static("x-forwarded-method");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_URI: HeaderName = HeaderName::from_static("x-forwarded-uri");

/// Whether it is one of the forwarding headers. `X-Forwarded-Path` is not read, only removed.
fn is_forwarding(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "forwarded"
            | "x-forwarded-for"
            | "x-forwarded-host"
            | "x-forwarded-method"
            | "x-forwarded-path"
            | "x-forwarded-proto"
            | "x-forwarded-uri"
    )
}

/// Peers whose forwarding headers count.
#[derive(Debug, Default)]
pub(crate) struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Trusts these networks.
    pub(crate) fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// Whether a peer is one of them.
    pub(crate) fn trusts(&self, peer: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&peer))
    }
}

/// Removes what a peer has no right to say.
pub(crate) fn remove_forwarding_headers(headers: &mut HeaderMap) {
    remove_where(headers, is_forwarding);
}

/// The request as the client sent it to the first proxy.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct EffectiveRequest<'a> {
    /// `X-Forwarded-Method`, else the request's.
    pub(crate) method: Method,
    /// `X-Forwarded-Proto` in lower case, else the listener's.
    pub(crate) scheme: &'static str,
    /// `X-Forwarded-Host` and `X-Forwarded-Uri`, else the request's.
    pub(crate) target: Target<'a>,
    /// `for` of `Forwarded`, else `X-Forwarded-For`, then the peer.
    pub(crate) client_addresses: Vec<String>,
}

/// Lays the forwarding headers that are (still) there over the request.
///
/// # Errors
///
/// If one of the four that are read appears twice, or says something that is no method, scheme, host or path.
pub(crate) fn effective<'a>(
    method: Method,
    scheme: &'static str,
    mut target: Target<'a>,
    headers: &'a HeaderMap,
    peer: &str,
) -> Result<EffectiveRequest<'a>, HttpRefusal> {
    let method = match single(headers, &X_FORWARDED_METHOD)? {
        Some(sent) => Method::from_bytes(sent.as_bytes()).map_err(|_| HttpRefusal::Forwarded)?,
        None => method,
    };
    if method == Method::CONNECT || method == Method::TRACE {
        return Err(HttpRefusal::Method);
    }
    let scheme = match single(headers, &X_FORWARDED_PROTO)? {
        Some(sent) => match sent.to_ascii_lowercase().as_str() {
            // A WebSocket handshake is a GET to the http URI.
            "http" | "ws" => "http",
            "https" | "wss" => "https",
            _ => return Err(HttpRefusal::Forwarded),
        },
        None => scheme,
    };
    if let Some(host) = single(headers, &X_FORWARDED_HOST)? {
        if !is_host(host) {
            return Err(HttpRefusal::Forwarded);
        }
        target.host = host;
    }
    if let Some(uri) = single(headers, &X_FORWARDED_URI)? {
        (target.path, target.query) = path_and_query(uri)?;
    }
    Ok(EffectiveRequest { method, scheme, target, client_addresses: client_addresses(headers, peer) })
}

/// The value of a field that may appear once; an empty one counts as absent.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, HttpRefusal> {
    let mut lines = headers.get_all(name).iter();
    let (first, second) = (lines.next(), lines.next());
    if second.is_some() {
        return Err(HttpRefusal::Forwarded);
    }
    let value = first.map(|value| value.to_str().map_err(|_| HttpRefusal::Forwarded)).transpose()?;
    Ok(value.filter(|value| !value.is_empty()))
}

/// Path and query of `X-Forwarded-Uri`; an authority in it is ignored, a fragment is cut.
fn path_and_query(uri: &str) -> Result<(&str, Option<&str>), HttpRefusal> {
    let uri = uri.split_once('#').map_or(uri, |(uri, _)| uri);
    let relative = match uri.split_once("://") {
        Some((scheme, rest)) if !scheme.contains(['/', '?']) => {
            rest.find(['/', '?']).and_then(|start| rest.get(start..)).unwrap_or("/")
        }
        _ => uri,
    };
    let (path, query) = match relative.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (relative, None),
    };
    let path = if path.is_empty() { "/" } else { path };
    let readable = path.starts_with('/')
        && is_path(path)
        && query.is_none_or(|query| query.bytes().all(|byte| byte.is_ascii_graphic()));
    if readable { Ok((path, query)) } else { Err(HttpRefusal::Forwarded) }
}

fn client_addresses(headers: &HeaderMap, peer: &str) -> Vec<String> {
    let mut addresses: Vec<String> = list(headers, &header::FORWARDED).filter_map(forwarded_for).collect();
    if addresses.is_empty() {
        addresses.extend(list(headers, &X_FORWARDED_FOR).map(str::to_owned));
    }
    addresses.push(peer.to_owned());
    addresses
}

/// The node of `for=` in one element of `Forwarded`, without quotes, brackets and port.
fn forwarded_for(element: &str) -> Option<String> {
    let value = element.split(';').map(str::trim).find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then(|| value.trim().trim_matches('"'))
    })?;
    let node = match value.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        None => value.split_once(':').map_or(value, |(node, _)| node),
    };
    (!node.is_empty()).then(|| node.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    fn effective_of(headers: &HeaderMap) -> Result<EffectiveRequest<'_>, HttpRefusal> {
        let target = Target { host: "x.org", path: "/a/2", query: None };
        effective(Method::GET, "http", target, headers, "10.0.0.9")
    }

    #[test]
    fn a_trusted_proxy_says_what_the_client_asked_for() {
        let headers = headers(&[
            ("x-forwarded-method", "POST"),
            ("x-forwarded-proto", "HTTPS"),
            ("x-forwarded-host", "SHOP.example.com"),
            ("x-forwarded-uri", "https://evil.org/a/7?x=1"),
            ("forwarded", r#"for="[2001:db8::1]:4711";proto=https, For=1.2.3.4"#),
            ("x-forwarded-for", "9.9.9.9"),
        ]);
        let request = effective_of(&headers).unwrap();
        assert_eq!((request.method, request.scheme), (Method::POST, "https"));
        let shop = Target { host: "SHOP.example.com", path: "/a/7", query: Some("x=1") };
        assert_eq!(request.target, shop);
        assert_eq!(request.client_addresses, ["2001:db8::1", "1.2.3.4", "10.0.0.9"]);
    }

    #[test]
    fn falls_back_to_the_request_itself() {
        let sent = headers(&[("x-forwarded-uri", ""), ("x-forwarded-for", "1.1.1.1, 2.2.2.2")]);
        let request = effective_of(&sent).unwrap();
        assert_eq!((request.target.host, request.target.path), ("x.org", "/a/2"));
        assert_eq!(request.client_addresses, ["1.1.1.1", "2.2.2.2", "10.0.0.9"]);
        let not_read = headers(&[("x-forwarded-path", "/b"), ("x-original-url", "/c")]);
        assert_eq!(effective_of(&not_read).unwrap().target.path, "/a/2");
    }

    #[test]
    fn refuses_what_is_repeated_or_unreadable() {
        for fields in [
            [("x-forwarded-uri", "/a"), ("x-forwarded-uri", "/a")].as_slice(),
            &[("x-forwarded-proto", "http"), ("x-forwarded-proto", "https")],
            &[("x-forwarded-proto", "ftp")],
            &[("x-forwarded-host", "shop.example.com, x")],
            &[("x-forwarded-host", "evil.example/x?")],
            &[("x-forwarded-host", "evil.example#")],
            &[("x-forwarded-uri", "a/b")],
            &[("x-forwarded-uri", "/a\\b")],
            &[("x-forwarded-method", "G T")],
        ] {
            assert_eq!(effective_of(&headers(fields)), Err(HttpRefusal::Forwarded), "{fields:?}");
        }
    }

    #[test]
    fn connect_and_trace_are_refused_behind_a_proxy_too() {
        for method in ["CONNECT", "TRACE"] {
            let sent = headers(&[("x-forwarded-method", method)]);
            assert_eq!(effective_of(&sent), Err(HttpRefusal::Method));
        }
    }

    #[test]
    fn trusts_networks_and_addresses() {
        let trusted = TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()]);
        let check = |address: &str| trusted.trusts(address.parse().unwrap());
        assert!(check("10.1.2.3") && check("fd00::1"));
        assert!(!check("11.0.0.1") && !check("::1"));
    }
}
