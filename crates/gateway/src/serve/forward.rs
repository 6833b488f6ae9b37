//! A permitted request as the upstream gets it, and the upstream's answer as the client gets it.
//!
//! What a finalizer sets is set last, so that neither the client nor the list in its `Connection` header can take it away.

use dpop::DPOP_NONCE;
use gateway_core::{
    decision::{Permit, Upstream, UpstreamChanges},
    request::Request,
};
use http::{HeaderMap, HeaderName, HeaderValue, Version, header, uri::PathAndQuery};

use super::{fields::remove_where, http_checks::list};

/// Whether a field belongs to one connection (RFC 9110 §7.6.1); hyper frames both sides anew.
fn is_hop_by_hop(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection"
            | "keep-alive"
            | "proxy-connection"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "http2-settings"
            | "expect"
    )
}

/// Whether a field is for the proxies in front of us and no business of the upstream.
fn is_for_us_only(name: &str) -> bool {
    matches!(name, "x-forwarded-method" | "x-forwarded-uri" | "x-forwarded-path")
}

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Why a permitted request can not be put into words. A mistake of the rule, found only with this request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ForwardError {
    /// Path and query make no request target.
    #[error("the rewritten upstream uri is not valid")]
    Uri,
    /// The value for `Host` is no header value.
    #[error("the host for the upstream is not valid")]
    Host,
}

/// Whether a request asks for a WebSocket (RFC 6455 §4.1). Other upgrades are not passed on: `h2c` would open a channel
/// that no rule looks into.
pub(crate) fn asks_for_websocket(version: Version, headers: &HeaderMap) -> bool {
    version == Version::HTTP_11
        && list(headers, &header::CONNECTION).any(|name| name.eq_ignore_ascii_case("upgrade"))
        && names_websocket(headers)
}

/// Whether `Upgrade` names the WebSocket protocol and nothing else.
pub(crate) fn names_websocket(headers: &HeaderMap) -> bool {
    let mut protocols = list(headers, &header::UPGRADE);
    protocols.next().is_some_and(|protocol| protocol.eq_ignore_ascii_case("websocket"))
        && protocols.next().is_none()
}

/// The request line's target and the headers for the upstream; the permit's request has no headers afterwards.
///
/// # Errors
///
/// If the rule's rewriting leads to something that is no URI or no host.
pub(crate) fn upstream_head(
    permit: &mut Permit,
    upstream: &mut Upstream,
    websocket: bool,
) -> Result<(PathAndQuery, HeaderMap), ForwardError> {
    let mut headers = std::mem::take(&mut permit.request.headers);
    let changes = &permit.changes;
    remove_hop_by_hop(&mut headers, |name| {
        is_for_us_only(name.as_str()) || is_underscore_twin(name, changes)
    });
    write_forwarded(&mut headers, &permit.request);
    permit.changes.apply_to(&mut headers);
    let host = HeaderValue::from_str(&upstream.host_header).map_err(|_| ForwardError::Host)?;
    headers.insert(header::HOST, host);
    if websocket {
        ask_for_websocket(&mut headers);
    }
    let target = PathAndQuery::try_from(std::mem::take(&mut upstream.path_and_query));
    let target = target.ok().filter(|target| target.path().starts_with('/')).ok_or(ForwardError::Uri)?;
    Ok((target, headers))
}

/// The headers of the upstream's answer as the client gets them: those the decision demands replace the upstream's.
pub(crate) fn client_headers(upstream: &mut HeaderMap, demanded: &HeaderMap) {
    remove_hop_by_hop(upstream, |_| false);
    keep_one_nonce(upstream);
    for name in demanded.keys() {
        upstream.remove(name);
        for value in demanded.get_all(name) {
            upstream.append(name.clone(), value.clone());
        }
    }
}

/// A `DPoP-Nonce` must be the only one (RFC 9449 §8); an upstream that sends several gets its first one through.
fn keep_one_nonce(headers: &mut HeaderMap) {
    if let Some(first) = headers.get(&DPOP_NONCE).cloned() {
        headers.insert(DPOP_NONCE, first);
    }
}

/// Marks a head as the opening of a WebSocket, or as the answer to it.
pub(crate) fn ask_for_websocket(headers: &mut HeaderMap) {
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
}

/// What belongs to the connection, what `Connection` names, and what is unwanted besides.
fn remove_hop_by_hop(headers: &mut HeaderMap, is_unwanted: impl Fn(&HeaderName) -> bool) {
    // `keep-alive`, which is what most of them say, is on our list anyway.
    let named: Vec<HeaderName> = list(headers, &header::CONNECTION)
        .filter(|name| !name.eq_ignore_ascii_case("keep-alive"))
        .filter_map(|name| name.parse().ok())
        .collect();
    remove_where(headers, |name| is_hop_by_hop(name) || named.contains(name) || is_unwanted(name));
}

/// Many application servers read `X_User` as `X-User`: such a twin of a field that we set must not come from the client.
fn is_underscore_twin(name: &HeaderName, changes: &UpstreamChanges) -> bool {
    name.as_str().as_bytes().contains(&b'_')
        && HeaderName::try_from(name.as_str().replace('_', "-")).is_ok_and(|dashed| {
            changes.sets(&dashed)
                || changes.removed().contains(&dashed)
                || [X_FORWARDED_FOR, X_FORWARDED_HOST, X_FORWARDED_PROTO].contains(&dashed)
                || is_for_us_only(dashed.as_str())
        })
}

/// `Forwarded` (RFC 7239) and the `X-Forwarded-*` fields, as heimdall writes them. What stands in the headers already
/// comes from a trusted proxy.
fn write_forwarded(headers: &mut HeaderMap, request: &Request) {
    let (host, proto) = (request.uri.host(), request.uri.scheme());
    let mut forwarded = String::with_capacity(64);
    let addresses = request.client_addresses.as_slice();
    let ours = match headers.get(header::FORWARDED).and_then(|sent| sent.to_str().ok()) {
        Some(sent) => {
            forwarded.push_str(sent);
            addresses.last().map_or(addresses, std::slice::from_ref)
        }
        None => addresses,
    };
    for address in ours {
        let separator = if forwarded.is_empty() { "" } else { ", " };
        let parts = match address.contains(':') {
            true => [separator, "for=\"[", address, "]\""],
            false => [separator, "for=", address, ""],
        };
        forwarded.extend(parts);
    }
    forwarded.extend([";host=\"", host, "\";proto=", proto]);
    set(headers, header::FORWARDED, &forwarded);
    match addresses {
        [only] => set(headers, X_FORWARDED_FOR, only),
        chain => set(headers, X_FORWARDED_FOR, &chain.join(", ")),
    }
    set(headers, X_FORWARDED_HOST, host);
    set(headers, X_FORWARDED_PROTO, proto);
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    match HeaderValue::from_str(value) {
        Ok(value) => headers.insert(name, value),
        Err(_) => headers.remove(name),
    };
}

#[cfg(test)]
mod tests {
    use gateway_core::request::RequestUri;
    use http::Method;

    use super::*;

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers
    }

    fn request(addresses: &[&str]) -> Request {
        let mut request = Request::new(Method::GET, RequestUri::new("http", "gw:99", "/", None));
        request.client_addresses = addresses.iter().map(|address| (*address).to_owned()).collect();
        request
    }

    #[test]
    fn writes_forwarded_fields_as_heimdall_does() {
        let mut sent = HeaderMap::new();
        write_forwarded(&mut sent, &request(&["172.20.0.5"]));
        assert_eq!(sent["forwarded"], r#"for=172.20.0.5;host="gw:99";proto=http"#);
        assert_eq!(sent["x-forwarded-for"], "172.20.0.5");
        assert_eq!(sent["x-forwarded-host"], "gw:99");
        assert_eq!(sent["x-forwarded-proto"], "http");
    }

    #[test]
    fn continues_the_chain_of_trusted_proxies() {
        let mut sent = headers(&[("forwarded", "for=1.1.1.1;proto=https")]);
        write_forwarded(&mut sent, &request(&["1.1.1.1", "::1"]));
        assert_eq!(sent["forwarded"], r#"for=1.1.1.1;proto=https, for="[::1]";host="gw:99";proto=http"#);
        assert_eq!(sent["x-forwarded-for"], "1.1.1.1, ::1");
        let mut sent = HeaderMap::new();
        write_forwarded(&mut sent, &request(&["1.1.1.1", "10.0.0.1"]));
        assert_eq!(sent["forwarded"], r#"for=1.1.1.1, for=10.0.0.1;host="gw:99";proto=http"#);
    }

    #[test]
    fn removes_hop_by_hop_fields_and_what_connection_names() {
        let mut sent = headers(&[
            ("connection", "close, X-Hop"),
            ("x-hop", "1"),
            ("te", "trailers"),
            ("upgrade", "h2c"),
            ("http2-settings", "x"),
            ("proxy-authorization", "x"),
            ("x-kept", "1"),
        ]);
        remove_hop_by_hop(&mut sent, |_| false);
        assert_eq!(sent, headers(&[("x-kept", "1")]));
    }

    #[test]
    fn underscore_twins_of_our_fields_do_not_pass() {
        let mut changes = UpstreamChanges::default();
        changes.set_header(&HeaderName::from_static("x-user"), [HeaderValue::from_static("alice")]);
        let mut sent = headers(&[("x_user", "evil"), ("x_forwarded_for", "evil"), ("x_other", "kept")]);
        remove_hop_by_hop(&mut sent, |name| is_underscore_twin(name, &changes));
        assert_eq!(sent, headers(&[("x_other", "kept")]));
    }

    #[test]
    fn only_websocket_upgrades_pass() {
        let check = |connection: &'static str, upgrade: &'static str| {
            asks_for_websocket(
                Version::HTTP_11,
                &headers(&[("connection", connection), ("upgrade", upgrade)]),
            )
        };
        assert!(check("keep-alive, Upgrade", "WebSocket"));
        assert!(!check("Upgrade, HTTP2-Settings", "h2c"));
        assert!(!check("Upgrade", "websocket, h2c"));
        assert!(!check("close", "websocket"));
    }

    #[test]
    fn the_upstreams_nonce_is_replaced_and_never_doubled() {
        let mut answer = headers(&[("dpop-nonce", "a"), ("dpop-nonce", "b"), ("cache-control", "public")]);
        client_headers(&mut answer, &HeaderMap::new());
        assert_eq!(answer.get_all("dpop-nonce").iter().collect::<Vec<_>>(), ["a"]);
        client_headers(&mut answer, &headers(&[("dpop-nonce", "ours"), ("cache-control", "no-store")]));
        assert_eq!(answer.get_all("dpop-nonce").iter().collect::<Vec<_>>(), ["ours"]);
        assert_eq!(answer["cache-control"], "no-store");
    }
}
