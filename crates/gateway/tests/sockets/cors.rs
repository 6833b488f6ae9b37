//! Scripts of other origins: preflights, answers and refusals.

use super::{
    dpop_setup::DpopSetup,
    raw_client::{Answer, exchange},
    running_gateway::RunningGateway,
    upstream::Upstream,
};

const CORS: &str = "cors: {allowed_origins: [\"https://app.example\"], allowed_methods: [GET, PUT], \
                    allowed_headers: [Authorization, DPoP], allow_credentials: true, max_age: 10m}";

const PREFLIGHT: &str = "OPTIONS /api HTTP/1.1\r\nHost: a\r\nOrigin: https://app.example\r\nAccess-Control-Request-Method: PUT\r\n\
                         Access-Control-Request-Headers: authorization,dpop\r\n\r\n";

fn may_be_read(answer: &Answer) -> bool {
    answer.header("access-control-allow-origin") == Some("https://app.example")
}

#[tokio::test]
async fn scripts_see_challenge_and_nonce_of_a_refusal() {
    let change = ("secret_management:", &*format!("serve: {{{CORS}}}\nsecret_management:"));
    let setup =
        DpopSetup::start_changed("article/heimdall-config.yaml", &["rules/article.yaml"], change).await;
    let preflight = exchange(setup.gateway.address(), PREFLIGHT).await.unwrap();
    assert_eq!(preflight.status, 204);
    assert!(may_be_read(&preflight));
    assert_eq!(preflight.header("access-control-allow-methods"), Some("PUT"));
    assert_eq!(preflight.header("access-control-allow-headers"), Some("authorization, dpop"));
    assert_eq!(setup.upstream.seen(), 0, "no rule was asked");

    let refused = setup.send("GET", "/api", &[("Origin", "https://app.example")]).await;
    assert_eq!(refused.status, 401);
    assert!(may_be_read(&refused) && refused.header("www-authenticate").is_some());
    let exposed = refused.header("access-control-expose-headers").unwrap();
    assert!(exposed.contains("dpop-nonce") && exposed.contains("www-authenticate"), "{exposed}");

    // A53: the challenge with a nonce of a request that is good but for it.
    let token = setup.issuer.token(&setup.alice);
    let proof = super::issuer::proof(&setup.alice, "GET", &setup.uri("/api"), &token, None, 0);
    let authorization = format!("DPoP {token}");
    let fields = [("Origin", "https://app.example"), ("Authorization", &*authorization), ("DPoP", &*proof)];
    let answer = setup.send("GET", "/api", &fields).await;
    let nonce = answer.header("dpop-nonce").unwrap().to_owned();
    assert!(answer.status == 401 && may_be_read(&answer));
    assert!(answer.header("www-authenticate").unwrap().starts_with("DPoP error=\"use_dpop_nonce\""));
    let exposed = answer.header("access-control-expose-headers").unwrap();
    assert!(exposed.contains("dpop-nonce") && exposed.contains("www-authenticate"), "{exposed}");
    assert_eq!(setup.upstream.seen(), 0);

    // A54: with it, from an allowed origin and from another.
    for (origin, readable) in [("https://app.example", true), ("https://evil.example", false)] {
        let proof = super::issuer::proof(&setup.alice, "GET", &setup.uri("/api"), &token, Some(&nonce), 0);
        let fields = [("Origin", origin), ("Authorization", &*authorization), ("DPoP", &*proof)];
        let answer = setup.send("GET", "/api", &fields).await;
        assert_eq!((answer.status, may_be_read(&answer)), (200, readable), "{origin}");
    }
    assert_eq!(setup.upstream.seen(), 2);
    // What is no HTTP is told as well.
    let bad = "GET /%zz HTTP/1.1\r\nHost: a\r\nOrigin: https://app.example\r\n\r\n";
    let answer = exchange(setup.gateway.address(), bad).await.unwrap();
    assert!(answer.status == 400 && may_be_read(&answer));
}

#[tokio::test]
async fn without_cors_preflights_are_requests_like_others() {
    let upstream = Upstream::start().await;
    let gateway = RunningGateway::open_to(upstream.address).await;
    let answer = exchange(gateway.address(), PREFLIGHT).await.unwrap();
    assert_eq!((answer.status, upstream.seen()), (200, 1));
    assert_eq!(answer.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn the_management_port_has_its_own() {
    let upstream = Upstream::start().await;
    let settings = format!("management: {{{CORS}}}\n");
    let gateway = RunningGateway::open_with(&settings, upstream.address).await;
    let address = gateway.app.management_address();
    let answer = exchange(address, PREFLIGHT).await.unwrap();
    assert!(answer.status == 204 && may_be_read(&answer));
    let request = "GET /.well-known/jwks HTTP/1.1\r\nHost: a\r\nOrigin: https://app.example\r\n\r\n";
    let answer = exchange(address, request).await.unwrap();
    assert!(answer.status == 200 && may_be_read(&answer));
    assert_eq!(answer.header("access-control-expose-headers"), None);
    let open = exchange(gateway.address(), PREFLIGHT).await.unwrap();
    assert_eq!((open.status, open.header("access-control-allow-origin")), (200, None));
}
