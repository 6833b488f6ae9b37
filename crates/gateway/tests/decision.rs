//! Decision mode behind a proxy, over real sockets: who is believed, and what the proxy gets to copy.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    dead_code
)]

mod sockets {
    pub mod dpop_setup;
    pub mod issuer;
    pub mod raw_client;
    pub mod running_gateway;
    pub mod upstream;
}

use gateway::Mode;
use sockets::{
    dpop_setup::DpopSetup,
    issuer::proof,
    raw_client::{Answer, exchange},
    running_gateway::{RunningGateway, open_configuration},
};

const TRUSTED: (&str, &str) = ("log:\n", "serve:\n  trusted_proxies: [127.0.0.1]\nlog:\n");

async fn guide(mode: Mode, change: (&str, &str)) -> DpopSetup {
    DpopSetup::start_in_mode(mode, "guide/heimdall-config.yaml", &["rules/guide.yaml"], change).await
}

/// What the client asked for, as the proxy in front tells it.
const TOLD: [(&str, &str); 4] = [
    ("X-Forwarded-Method", "POST"),
    ("X-Forwarded-Proto", "http"),
    ("X-Forwarded-Host", "api.example.com"),
    ("X-Forwarded-Uri", "/api/orders?full=1"),
];

/// Asks about a POST of `http://api.example.com/api/orders`, as a GET of `/` from the proxy in front.
async fn ask(setup: &DpopSetup, token: &str, proof: &str) -> Answer {
    let authorization = format!("DPoP {token}");
    let mut fields = vec![("Authorization", authorization.as_str()), ("DPoP", proof)];
    fields.extend(TOLD);
    setup.send("GET", "/", &fields).await
}

#[tokio::test]
async fn a_proof_for_what_the_client_asked_passes_once() {
    for mode in [Mode::Proxy, Mode::Decision] {
        let setup = guide(mode, TRUSTED).await;
        let token = setup.issuer.token(&setup.alice);
        let make = |method: &str, uri: &str, nonce| proof(&setup.alice, method, uri, &token, nonce, 0);
        let uri = "http://api.example.com/api/orders";

        let challenge = ask(&setup, &token, &make("POST", uri, None)).await;
        assert_eq!(challenge.status, 401, "{mode:?}");
        assert!(challenge.header("www-authenticate").unwrap().contains("use_dpop_nonce"), "{challenge:?}");
        let nonce = challenge.header("dpop-nonce");
        assert!(nonce.is_some());

        for (method, uri) in [
            ("GET", uri),
            ("POST", "https://api.example.com/api/orders"),
            ("POST", "https://evil.example/api/orders"),
            ("POST", "http://api.example.com/api"),
        ] {
            let answer = ask(&setup, &token, &make(method, uri, nonce)).await;
            assert_eq!(answer.status, 401, "{mode:?}: {method} {uri}");
            assert!(answer.header("www-authenticate").unwrap().contains("invalid_dpop_proof"));
        }

        let good = make("POST", uri, nonce);
        assert_eq!(ask(&setup, &token, &good).await.status, 200, "{mode:?}");
        assert_eq!(ask(&setup, &token, &good).await.status, 401, "{mode:?}: the same again");
        assert_eq!(setup.upstream.seen(), usize::from(mode == Mode::Proxy));
    }
}

#[tokio::test]
async fn nobody_else_is_believed_about_the_request() {
    let setup = guide(Mode::Decision, ("", "")).await;
    let token = setup.issuer.token(&setup.alice);
    let proof = proof(&setup.alice, "POST", "http://api.example.com/api/orders", &token, None, 0);
    // The rule for `/` is the default rule, which refuses everybody and looks at no proof.
    let answer = ask(&setup, &token, &proof).await;
    assert_eq!((answer.status, answer.header("dpop-nonce")), (401, None));
}

#[tokio::test]
async fn what_a_proxy_tells_twice_is_refused() {
    let setup = guide(Mode::Decision, TRUSTED).await;
    for (name, value) in TOLD {
        let mut fields = TOLD.to_vec();
        fields.push((name, value));
        assert_eq!(setup.send("GET", "/", &fields).await.status, 400, "{name}");
    }
    for method in ["TRACE", "CONNECT"] {
        let fields = [("X-Forwarded-Method", method), ("X-Forwarded-Uri", "/api")];
        assert_eq!(setup.send("GET", "/", &fields).await.status, 405, "{method}");
    }
}

const RULES_WITHOUT_UPSTREAM: &str = r#"
version: "1beta1"
rules:
  - id: named
    match: {http: {paths: [{path: /named/**}]}}
    execute: [{authenticator: anybody}, {finalizer: user}]
  - id: cookies
    match: {http: {paths: [{path: /cookies/**}]}}
    execute: [{authenticator: anybody}, {finalizer: cookies}]
"#;

/// Two cookies, of which the client sends one itself.
const COOKIES: &str = "finalizers:
    - {id: cookies, type: cookie, config: {cookies: {user: '{{ .Subject.ID }}', tenant: acme}}}
";

/// A gateway whose rule has no `forward_to` and sets `X-User`.
async fn without_upstream(serve: &str) -> RunningGateway {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("rules")).unwrap();
    std::fs::write(folder.path().join("rules/named.yaml"), RULES_WITHOUT_UPSTREAM).unwrap();
    let path = folder.path().join("config.yaml");
    let text = open_configuration(serve)
        .replace("/etc/heimdall", folder.path().to_str().unwrap())
        .replace("finalizers:\n", COOKIES);
    std::fs::write(&path, text).unwrap();
    RunningGateway::start_in_mode(Mode::Decision, folder, &path).await
}

#[tokio::test]
async fn rules_need_no_upstream_and_finalizers_shape_the_answer() {
    let gateway = without_upstream("").await;
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\nX-User: evil\r\n\r\n");
    let answer = exchange(gateway.address(), get("/named/a")).await.unwrap();
    assert_eq!((answer.status, answer.header("x-user")), (200, Some("anonymous")));
    assert_eq!((answer.header("cache-control"), answer.body.as_slice()), (None, &b""[..]));
    assert_eq!(exchange(gateway.address(), get("/other")).await.unwrap().status, 404);
}

#[tokio::test]
async fn cookies_of_finalizers_are_told_and_those_of_the_client_are_not() {
    let gateway = without_upstream("").await;
    let request = "GET /cookies/a HTTP/1.1\r\nHost: a\r\nCookie: user=evil; other=1\r\n\r\n";
    let answer = exchange(gateway.address(), request).await.unwrap();
    assert_eq!(answer.status, 200);
    let cookies = answer.headers.iter().filter(|(name, _)| name == "set-cookie");
    let mut cookies: Vec<_> = cookies.map(|(_, value)| value.as_str()).collect();
    cookies.sort_unstable();
    assert_eq!(cookies, ["tenant=acme", "user=anonymous"]);
    assert_eq!(answer.header("cookie"), None);
}

#[tokio::test]
async fn a_missing_scope_is_told_alike_in_both_modes() {
    let scoped = "- authenticator: dpop_jwt\n        config: {assertions: {scopes: [audit]}}";
    for mode in [Mode::Proxy, Mode::Decision] {
        let setup = guide(mode, ("- authenticator: dpop_jwt", scoped)).await;
        let token = setup.issuer.token(&setup.alice);
        let nonce = setup.nonce(&token).await;
        let proof = proof(&setup.alice, "GET", &setup.uri("/api"), &token, Some(&nonce), 0);
        let authorization = format!("DPoP {token}");
        let answer = setup.send("GET", "/api", &[("Authorization", &authorization), ("DPoP", &proof)]).await;
        let challenges = oauth::challenge::parse(answer.header("www-authenticate").unwrap());
        let error = challenges.first().and_then(|challenge| challenge.parameter("error"));
        assert_eq!((answer.status, error), (403, Some("insufficient_scope")), "{mode:?}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{mode:?}");
        assert_eq!(setup.upstream.seen(), 0, "{mode:?}");
    }
}

#[tokio::test]
async fn the_status_of_an_accepted_request_is_configurable() {
    let gateway = without_upstream("  respond: {with: {accepted: {code: 204}}}\n").await;
    let request = "GET /named/a HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(exchange(gateway.address(), request).await.unwrap().status, 204);
}
