//! A browser's way in: the preflight is answered without credentials, and a refusal can be read.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, Response};
use axum::{Router, routing::get};
use resource_server_tower::{DpopLayer, MemoryReplayStore, Mode, StaticKeys, cors};
use testkit::{Call, FakeIssuer, ManualClock, TestClient, TestNonces};
use tower::ServiceExt;
use tower_http::cors::{AllowOrigin, CorsLayer};

const PAGE: &str = "https://app.example.com";

async fn send(app: &Router, mut request: Request<Body>) -> Response<Body> {
    request.headers_mut().insert("origin", PAGE.parse().unwrap());
    app.clone().oneshot(request).await.unwrap()
}

fn names(headers: &HeaderMap, field: &str) -> BTreeSet<String> {
    let list = headers[field].to_str().unwrap();
    list.split(',').map(|name| name.trim().to_ascii_lowercase()).collect()
}

fn set<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.map(str::to_owned).into()
}

#[tokio::test]
async fn a_page_may_send_a_proof_and_read_the_nonce() {
    let (issuer, client, clock, nonces) =
        (FakeIssuer::new("https://issuer.example"), TestClient::new(), ManualClock::new(), TestNonces::new());
    let dpop = DpopLayer::rfc9449()
        .issuer(issuer.name(), StaticKeys::new(issuer.jwk_set()))
        .audience("shop")
        .public_origin("https://api.example.com")
        .mode(Mode::Require)
        .replay_store(MemoryReplayStore::new(10))
        .nonces(nonces.ring())
        .clock(clock.reader())
        .build()
        .unwrap();
    let page = AllowOrigin::exact(PAGE.parse().unwrap());
    let cors = CorsLayer::new()
        .allow_origin(page)
        .allow_methods([Method::GET])
        .allow_headers(cors::allowed_headers())
        .expose_headers(cors::exposed_headers());
    let app = Router::new().route("/orders", get(|| async {})).layer(dpop).layer(cors);

    let preflight = Request::options("/orders")
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "authorization,dpop");
    let answer = send(&app, preflight.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status(), 200, "a preflight has no credentials, and needs none");
    assert_eq!(answer.headers()["access-control-allow-origin"], PAGE);
    assert_eq!(names(answer.headers(), "access-control-allow-headers"), set(["authorization", "dpop"]));

    let token = issuer.token(clock.now()).audience("shop");
    let call = Call::new(&client, token, "GET", "https://api.example.com/orders", clock.now());
    let refused = send(&app, call.request()).await;
    assert_eq!(refused.status(), 401);
    let exposed = names(refused.headers(), "access-control-expose-headers");
    assert_eq!(exposed, set(["www-authenticate", "dpop-nonce", "retry-after"]));
    let nonce = refused.headers()["dpop-nonce"].to_str().unwrap().to_owned();
    assert_eq!(send(&app, call.with_nonce(&nonce).request()).await.status(), 200);
}
