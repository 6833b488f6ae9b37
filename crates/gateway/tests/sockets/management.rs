//! The management port.

use super::{
    dpop_setup::DpopSetup,
    issuer::proof,
    raw_client::{RawClient, exchange},
    running_gateway::RunningGateway,
    upstream::{Upstream, seen_header},
};

#[tokio::test]
async fn answers_health_ready_and_keys_and_nothing_else() {
    let upstream = Upstream::start().await;
    let gateway = RunningGateway::open_to(upstream.address).await;
    let address = gateway.app.management_address();
    let ask = |method: &str, path: &str, more: &str| {
        let request = format!("{method} {path} HTTP/1.1\r\nHost: a\r\n{more}\r\n");
        async move { exchange(address, request).await.unwrap() }
    };
    let health = ask("GET", "/.well-known/health", "").await;
    assert_eq!((health.status, health.text().as_str()), (200, r#"{"status":"ok"}"#));
    assert_eq!(ask("GET", "/.well-known/ready", "").await.text(), r#"{"status":"ok"}"#);
    let head = head_of(address, "/.well-known/health").await;
    assert!(head.contains("200 OK") && head.contains("content-length: 15"), "{head}");
    let keys = ask("GET", "/.well-known/jwks", "").await;
    assert_eq!((keys.status, keys.text().as_str()), (200, r#"{"keys":[]}"#));
    let etag = keys.header("etag").unwrap().to_owned();
    let again = ask("GET", "/.well-known/jwks", &format!("If-None-Match: {etag}\r\n")).await;
    assert_eq!((again.status, again.header("etag")), (304, Some(etag.as_str())));
    assert_eq!(ask("POST", "/.well-known/health", "").await.status, 405);
    assert_eq!(ask("POST", "/metrics", "").await.header("allow"), Some("GET, HEAD"));
    assert_eq!(ask("GET", "/", "").await.status, 404);
}

/// Everything that comes back for a HEAD, up to the end of the connection.
async fn head_of(address: std::net::SocketAddr, path: &str) -> String {
    let mut client = RawClient::connect(address).await;
    client.send(format!("HEAD {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")).await;
    while client.read_some().await {}
    let text = String::from_utf8(client.unread).unwrap();
    assert!(text.ends_with("\r\n\r\n"), "a body behind the head: {text}");
    text
}

#[tokio::test]
async fn upstreams_find_the_key_of_internal_tokens() {
    let setup = DpopSetup::start("article/heimdall-config.yaml", &["rules/article.yaml"]).await;
    let request = "GET /.well-known/jwks HTTP/1.1\r\nHost: a\r\n\r\n";
    let set = exchange(setup.gateway.app.management_address(), request).await.unwrap().json();
    let key = set["keys"][0].as_object().unwrap();
    assert_eq!((&key["use"], &key["alg"]), (&"sig".into(), &"ES256".into()));
    assert!(!key.contains_key("d"), "{key:?}");
    assert_eq!(jose::PublicJwk::parse(key).unwrap().thumbprint(), setup.signer.thumbprint());

    let token = setup.issuer.token(&setup.alice);
    let nonce = setup.nonce(&token).await;
    let proof = proof(&setup.alice, "GET", &setup.uri("/api"), &token, Some(&nonce), 0);
    let authorization = format!("DPoP {token}");
    let seen = setup.send("GET", "/api", &[("Authorization", &authorization), ("DPoP", &proof)]).await.json();
    let internal = seen_header(&seen, "authorization").remove(0);
    let jwt = jose::jwt::UnverifiedJwt::parse(internal.strip_prefix("Bearer ").unwrap()).unwrap();
    assert_eq!(jwt.header.kid.as_deref(), key["kid"].as_str());
}
