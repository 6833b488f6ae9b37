//! The forwarding headers: from a peer that is not trusted they change nothing; from a trusted one they give a request as
//! well formed as one without them; and any such request can be looked up.

use std::{
    net::IpAddr,
    sync::{Arc, LazyLock},
};

use gateway_core::{
    document::{Diagnostics, Node, Place},
    request::Request,
    rules::{Lookup, RuleIndex, decode_rule_set},
};
use http::{HeaderMap, Method, request::Parts};
use ipnet::IpNet;
use serde_json::json;

use crate::serve::{
    connection::Connection,
    http_checks::{HttpRefusal, is_host, is_path},
    intake::Intake,
    trusted_proxies::{TrustedProxies, remove_forwarding_headers},
};

const TRUSTED: &str = "10.0.0.1";
const STRANGER: &str = "192.0.2.1";

/// Reads one case: a request line without version, then header lines.
pub fn check(bytes: &[u8]) {
    let Some(parts) = request(bytes) else { return };
    let mut plain = parts.clone();
    remove_forwarding_headers(&mut plain.headers);

    // A stranger's word counts for nothing, but as fields that are too many.
    let (said, silent) = (take_in(&parts, STRANGER), take_in(&plain, STRANGER));
    if said.as_ref().is_err_and(|refusal| *refusal == HttpRefusal::TooManyFields) {
        return;
    }
    assert_eq!(said.as_ref().map(shown), silent.as_ref().map(shown));
    if let Ok(request) = &said {
        is_well_formed(request, STRANGER);
        assert_eq!(request.client_addresses, [STRANGER]);
        assert!(!has_forwarding_headers(&request.headers));
        assert_eq!((&request.method, request.uri.scheme()), (&parts.method, "http"));
    }
    // What is no request without the headers is none with them.
    let trusted = take_in(&parts, TRUSTED);
    assert!(trusted.is_err() || silent.is_ok());
    if let Ok(request) = &trusted {
        is_well_formed(request, TRUSTED);
        for name in ["x-forwarded-method", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-uri"] {
            assert!(request.headers.get_all(name).iter().count() < 2, "{name} is repeated");
        }
    }
}

fn request(bytes: &[u8]) -> Option<Parts> {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let line = std::str::from_utf8(lines.next()?).ok()?;
    let (method, target) = line.split_once(' ')?;
    let mut request = http::Request::builder().method(method).uri(target);
    for line in lines.filter(|line| !line.is_empty()) {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (name, value) = line.split_at(colon);
        request = request.header(name, value.get(1..)?.trim_ascii());
    }
    Some(request.body(()).ok()?.into_parts().0)
}

fn take_in(parts: &Parts, peer: &str) -> Result<Request, HttpRefusal> {
    let peer: IpAddr = if peer == TRUSTED { [10, 0, 0, 1].into() } else { [192, 0, 2, 1].into() };
    let trusted_proxies = TrustedProxies::new(vec![IpNet::from(IpAddr::from([10, 0, 0, 1]))]);
    let intake =
        Intake { scheme: "http", public_origins: Vec::new(), trusted_proxies, max_body_bytes: Some(1024) };
    intake.request(&mut parts.clone(), &Connection::new((peer, 4711).into(), Arc::default()))
}

fn shown(request: &Request) -> String {
    format!("{} {} {:?} {:?}", request.method, request.uri, request.client_addresses, request.headers)
}

fn has_forwarding_headers(headers: &HeaderMap) -> bool {
    let read = ["for", "host", "method", "path", "proto", "uri"].map(|name| format!("x-forwarded-{name}"));
    headers.contains_key("forwarded") || read.iter().any(|name| headers.contains_key(name))
}

fn is_well_formed(request: &Request, peer: &str) {
    assert!(request.method != Method::CONNECT && request.method != Method::TRACE);
    let uri = &request.uri;
    assert!(matches!(uri.scheme(), "http" | "https"));
    assert!(is_host(uri.host()), "{uri}");
    assert!(uri.path().starts_with('/') && is_path(uri.path()), "{uri}");
    assert!(uri.query().is_none_or(|query| query.bytes().all(|byte| byte.is_ascii_graphic())), "{uri}");
    assert_eq!(request.client_addresses.last().map(String::as_str), Some(peer));
    assert!(request.client_addresses.iter().all(|address| !address.is_empty()));
    // A proof can name it, or no proof fits: nothing between.
    if let Ok(htu) = dpop::Htu::parse(&uri.to_string()) {
        assert_eq!(dpop::Htu::parse_strict(&htu.to_string()), Ok(htu));
    }
    if let Lookup::Rule { rule, captures } = RULES.find(request) {
        assert!(rule < 7);
        assert_eq!(RULES.find(request), Lookup::Rule { rule, captures });
    }
}

/// Rules of every shape.
static RULES: LazyLock<RuleIndex> = LazyLock::new(|| {
    let rule = |id: &str, matching: serde_json::Value| json!({"id": id, "match": {"http": matching}, "execute": [{"authenticator": "a"}]});
    let rules = json!({"version": "1beta1", "rules": [
        rule("static", json!({"paths": [{"path": "/a/b"}]})),
        rule("named", json!({"paths": [{"path": "/a/:name/c"}]})),
        rule("captured", json!({"paths": [{"path": "/f/:x/:y", "captures": [{"name": "x", "type": "glob", "value": "*.md"}]}]})),
        rule("rest", json!({"paths": [{"path": "/a/*rest"}]})),
        rule("host", json!({"hosts": ["*.example.com"], "paths": [{"path": "/**"}]})),
        rule("method", json!({"methods": ["ALL", "!POST"], "scheme": "https", "paths": [{"path": "/m/**"}]})),
        rule("slashes", json!({"paths": [{"path": "/s/**"}]})),
    ]});
    let node = Node::from_json(&rules, &Place::whole_file(Arc::from("rules")));
    let mut diagnostics = Diagnostics::new();
    let rules = decode_rule_set(&node, &mut diagnostics);
    let index = RuleIndex::build(rules.as_slice(), false, &mut diagnostics);
    index.unwrap_or_else(|| unreachable!("{diagnostics}"))
});
