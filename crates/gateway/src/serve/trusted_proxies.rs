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
pub(crate) struct EffectiveRequest {
    /// `X-Forwarded-Method`, else the request's.
    pub(crate) method: Method,
    /// `X-Forwarded-Proto` in lower case, else the listener's.
    pub(crate) scheme: String,
    /// `X-Forwarded-Host` and `X-Forwarded-Uri`, else the request's.
    pub(crate) target: Target,
    /// `for` of `Forwarded`, else `X-Forwarded-For`, then the peer.
    pub(crate) client_addresses: Vec<String>,
}

/// Lays the forwarding headers that are (still) there over the request.
///
/// # Errors
///
/// If one of the four that are read appears twice, or says something that is no method, scheme, host or path.
pub(crate) fn effective(
    method: Method,
    scheme: &str,
    mut target: Target,
    headers: &HeaderMap,
    peer: IpAddr,
) -> Result<EffectiveRequest, HttpRefusal> {
    let method = match single(headers, &X_FORWARDED_METHOD)? {
        Some(sent) => Method::from_bytes(sent.as_bytes()).map_err(|_| HttpRefusal::Forwarded)?,
        None => method,
    };
    if method == Method::CONNECT || method == Method::TRACE {
        return Err(HttpRefusal::Method);
    }
    let scheme = match single(headers, &X_FORWARDED_PROTO)? {
        Some(sent) => match sent.to_ascii_lowercase().as_str() {
            known @ ("http" | "https") => known.to_owned(),
            // A WebSocket handshake is a GET to the http URI.
            "ws" => "http".to_owned(),
            "wss" => "https".to_owned(),
            _ => return Err(HttpRefusal::Forwarded),
        },
        None => scheme.to_owned(),
    };
    if let Some(host) = single(headers, &X_FORWARDED_HOST)? {
        if !is_host(host) {
            return Err(HttpRefusal::Forwarded);
        }
        target.host = host.to_owned();
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
fn path_and_query(uri: &str) -> Result<(String, Option<String>), HttpRefusal> {
    let uri = uri.split_once('#').map_or(uri, |(uri, _)| uri);
    let relative = match uri.split_once("://") {
        Some((scheme, rest)) if !scheme.contains(['/', '?']) => {
            rest.find(['/', '?']).and_then(|start| rest.get(start..)).unwrap_or("/")
        }
        _ => uri,
    };
    let (path, query) = match relative.split_once('?') {
        Some((path, query)) => (path, Some(query.to_owned())),
        None => (relative, None),
    };
    let path = if path.is_empty() { "/" } else { path };
    let readable = path.starts_with('/')
        && is_path(path)
        && query.as_deref().is_none_or(|query| query.bytes().all(|byte| byte.is_ascii_graphic()));
    if readable { Ok((path.to_owned(), query)) } else { Err(HttpRefusal::Forwarded) }
}

fn client_addresses(headers: &HeaderMap, peer: IpAddr) -> Vec<String> {
    let mut addresses: Vec<String> = list(headers, &header::FORWARDED).filter_map(forwarded_for).collect();
    if addresses.is_empty() {
        addresses.extend(list(headers, &X_FORWARDED_FOR).map(str::to_owned));
    }
    addresses.push(peer.to_string());
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

    fn effective_of(fields: &[(&'static str, &'static str)]) -> Result<EffectiveRequest, HttpRefusal> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, value.parse().unwrap());
        }
        let target = Target { host: "x.org".into(), path: "/a/2".into(), query: None };
        effective(Method::GET, "http", target, &headers, "10.0.0.9".parse().unwrap())
    }

    #[test]
    fn a_trusted_proxy_says_what_the_client_asked_for() {
        let request = effective_of(&[
            ("x-forwarded-method", "POST"),
            ("x-forwarded-proto", "HTTPS"),
            ("x-forwarded-host", "SHOP.example.com"),
            ("x-forwarded-uri", "https://evil.org/a/7?x=1"),
            ("forwarded", r#"for="[2001:db8::1]:4711";proto=https, For=1.2.3.4"#),
            ("x-forwarded-for", "9.9.9.9"),
        ])
        .unwrap();
        assert_eq!((request.method, request.scheme.as_str()), (Method::POST, "https"));
        assert_eq!(request.target.host, "SHOP.example.com");
        assert_eq!((request.target.path.as_str(), request.target.query.as_deref()), ("/a/7", Some("x=1")));
        assert_eq!(request.client_addresses, ["2001:db8::1", "1.2.3.4", "10.0.0.9"]);
    }

    #[test]
    fn falls_back_to_the_request_itself() {
        let request =
            effective_of(&[("x-forwarded-uri", ""), ("x-forwarded-for", "1.1.1.1, 2.2.2.2")]).unwrap();
        assert_eq!((request.target.host.as_str(), request.target.path.as_str()), ("x.org", "/a/2"));
        assert_eq!(request.client_addresses, ["1.1.1.1", "2.2.2.2", "10.0.0.9"]);
        assert_eq!(
            effective_of(&[("x-forwarded-path", "/b"), ("x-original-url", "/c")]).unwrap().target.path,
            "/a/2"
        );
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
            assert_eq!(effective_of(fields), Err(HttpRefusal::Forwarded), "{fields:?}");
        }
    }

    #[test]
    fn connect_and_trace_are_refused_behind_a_proxy_too() {
        for method in ["CONNECT", "TRACE"] {
            assert_eq!(effective_of(&[("x-forwarded-method", method)]), Err(HttpRefusal::Method));
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
