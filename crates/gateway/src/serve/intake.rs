//! From the HTTP request on a socket to the [`Request`] that rules and mechanisms see. All modes share every line behind
//! this one.

use gateway_core::{
    public_origin::PublicOrigin,
    request::{Request, RequestUri},
};
use http::{HeaderMap, HeaderValue, Version, header, request::Parts};

use super::{
    connection::Connection,
    http_checks::{self, HttpRefusal, Target},
    trusted_proxies::{self, TrustedProxies},
};

/// What is fixed about a listener.
#[derive(Debug)]
pub(crate) struct Intake {
    /// `http` or `https`.
    pub(crate) scheme: &'static str,
    /// What clients use instead of what we see, where it is configured.
    pub(crate) public_origins: Vec<PublicOrigin>,
    /// Peers whose forwarding headers count.
    pub(crate) trusted_proxies: TrustedProxies,
    /// The largest body, where one is configured.
    pub(crate) max_body_bytes: Option<u64>,
}

impl Intake {
    /// Checks the HTTP and reads what the client asked for. The header fields move into the request.
    ///
    /// # Errors
    ///
    /// If the HTTP is not acceptable; see [`HttpRefusal`].
    pub(crate) fn request(&self, parts: &mut Parts, connection: &Connection) -> Result<Request, HttpRefusal> {
        let target = http_checks::check(parts, self.scheme, self.max_body_bytes)?;
        let is_trusted = self.trusted_proxies.trusts(connection.peer.ip().to_canonical());
        let nothing_said = HeaderMap::new();
        let said = if is_trusted { &parts.headers } else { &nothing_said };
        let peer = &connection.peer_address;
        let forwarded = trusted_proxies::effective(parts.method.clone(), self.scheme, target, said, peer)?;
        let Target { host, path, query } = forwarded.target;
        let uri = RequestUri::new(forwarded.scheme, host, path, query);
        let mut request = Request::new(forwarded.method, uri);
        request.client_addresses = forwarded.client_addresses;
        request.public_uri = self.at_public_origin(&request.uri);
        request.headers = std::mem::take(&mut parts.headers);
        if parts.version == Version::HTTP_2 {
            join_cookie_crumbs(&mut request.headers);
        }
        if !is_trusted {
            trusted_proxies::remove_forwarding_headers(&mut request.headers);
        }
        Ok(request)
    }
}

impl Intake {
    /// The URI as clients use it: at the only public origin there is, or at the one of the request's host.
    fn at_public_origin(&self, uri: &RequestUri) -> Option<RequestUri> {
        let origin = match self.public_origins.as_slice() {
            [only] => Some(only),
            several => several.iter().find(|origin| origin.host() == uri.host()),
        };
        origin.map(|origin| origin.apply_to(uri))
    }
}

/// HTTP/2 may carry a cookie field in several pieces. They are one field to everything behind (RFC 9113 §8.2.3).
fn join_cookie_crumbs(headers: &mut HeaderMap) {
    let crumbs: Vec<&[u8]> = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if crumbs.len() < 2 {
        return;
    }
    match HeaderValue::from_bytes(&crumbs.join(b"; ".as_slice())) {
        Ok(joined) => headers.insert(header::COOKIE, joined),
        Err(_) => headers.remove(header::COOKIE),
    };
}

#[cfg(test)]
mod tests {
    use std::{net::IpAddr, sync::Arc};

    use gateway_core::{
        document::{Diagnostics, Node, Place},
        rules::{Lookup, RuleIndex, decode_rule_set},
    };
    use serde_json::{Value, json};

    use super::*;

    const VECTORS: &str = include_str!("../../../../vectors/heimdall/rule-matching-vectors.json");

    fn parts(described: &Value) -> Parts {
        let text = |key: &str| described[key].as_str().unwrap();
        let mut request =
            http::Request::builder().method(text("method")).uri(text("path")).header("host", text("host"));
        for field in described["headers"].as_array().unwrap() {
            request = request.header(field[0].as_str().unwrap(), field[1].as_str().unwrap());
        }
        request.body(()).unwrap().into_parts().0
    }

    /// The rule that a row's request reaches, `None` for a bad request.
    fn found(row: &Value, rules: &Value) -> Option<Value> {
        let peer = if row["peer_trusted"] == true { "10.0.0.1" } else { "192.0.2.1" };
        let trusted_proxies = TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap()]);
        let intake =
            Intake { scheme: "http", public_origins: Vec::new(), trusted_proxies, max_body_bytes: None };
        let connection = Connection::new((peer.parse::<IpAddr>().unwrap(), 1).into(), Arc::default());
        let request = intake.request(&mut parts(&row["request"]), &connection).ok()?;
        let node = Node::from_json(rules, &Place::whole_file(Arc::from("vectors")));
        let mut diagnostics = Diagnostics::new();
        let rule_set = decode_rule_set(&node, &mut diagnostics).unwrap();
        let index = RuleIndex::build(std::slice::from_ref(&rule_set), false, &mut diagnostics).unwrap();
        match index.find(&request) {
            Lookup::Rule { rule, captures } => {
                Some(json!({"rule_id": rule_set.rules[rule].id.value, "captures": captures}))
            }
            Lookup::DefaultRule | Lookup::NoRule => Some(json!({"rule_id": null})),
            Lookup::BadRequest(_) => None,
        }
    }

    #[test]
    fn of_several_public_origins_the_one_of_the_requests_host_counts() {
        let origins = ["https://shop.example:8443", "https://api.example"];
        let at = |origins: &[&str], host: &str| {
            let public_origins = origins.iter().map(|origin| PublicOrigin::parse(origin).unwrap()).collect();
            let intake = Intake {
                scheme: "http",
                public_origins,
                trusted_proxies: TrustedProxies::default(),
                max_body_bytes: None,
            };
            let described = json!({"method": "GET", "path": "/a?b", "host": host, "headers": []});
            let connection = Connection::new(([192, 0, 2, 1], 1).into(), Arc::default());
            let request = intake.request(&mut parts(&described), &connection).unwrap();
            request.public_uri.map(|uri| uri.to_string())
        };
        assert_eq!(at(&origins, "api.example").as_deref(), Some("https://api.example/a?b"));
        assert_eq!(at(&origins, "SHOP.example:8443").as_deref(), Some("https://shop.example:8443/a?b"));
        // A host that nobody configured is what the connection says it is.
        assert_eq!(at(&origins, "other.example"), None);
        assert_eq!(at(&origins[..1], "10.0.0.1:4456").as_deref(), Some("https://shop.example:8443/a?b"));
        assert_eq!(at(&[], "api.example"), None);
    }

    #[test]
    fn pieces_of_a_cookie_field_are_joined() {
        let mut headers = HeaderMap::new();
        for crumb in ["a=1", "b=2; c=3", "d="] {
            headers.append(header::COOKIE, HeaderValue::from_static(crumb));
        }
        join_cookie_crumbs(&mut headers);
        assert_eq!(headers.get_all(header::COOKIE).iter().collect::<Vec<_>>(), ["a=1; b=2; c=3; d="]);
    }

    #[test]
    fn forwarding_headers_of_trusted_and_other_peers() {
        let vectors: Value = serde_json::from_str(VECTORS).unwrap();
        let mut rules = vectors["rule_sets"]["forwarded"].clone();
        for rule in rules.as_array_mut().unwrap() {
            rule["execute"] = json!([{"authenticator": "token"}]);
        }
        let rules = json!({"version": "1beta1", "rules": rules});
        let rows = vectors["vectors"].as_array().unwrap().iter();
        let rows: Vec<&Value> = rows.filter(|row| row["request"]["headers"].is_array()).collect();
        assert_eq!(rows.len(), 22);
        for row in rows {
            let expected = (row["expect"] != "bad_request").then(|| row["expect"].clone());
            assert_eq!(found(row, &rules), expected, "{}", row["id"]);
        }
    }
}
