//! Layers that know their issuer by address: keys, metadata and verdicts over real connections, and what is not called.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::convert::Infallible;
use std::future::ready;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use resource_server_tower::{
    ClientSecret, DpopLayer, DpopLayerBuilder, MemoryReplayStore, Mode, OutboundError, OutboundFuture,
    OutboundHttp, Problem, StaticKeys, UnixTime, VerdictLifetime,
};
use serde_json::{Value, json};
use testkit::{Attack, Call, FakeIssuer, ManualClock, TestClient};
use tower::{Layer, ServiceExt, service_fn};

const URI: &str = "https://api.example.com/orders";

/// An issuer at an address of this machine, and the calls of its introspection endpoint.
struct Issuer {
    fake: FakeIssuer,
    asked: Arc<Mutex<Vec<(HeaderMap, String)>>>,
    verdict: Arc<Mutex<Value>>,
}

#[derive(Clone)]
struct Site {
    keys: Value,
    name: String,
    asked: Arc<Mutex<Vec<(HeaderMap, String)>>>,
    verdict: Arc<Mutex<Value>>,
}

async fn metadata(State(site): State<Site>) -> Json<Value> {
    let at = |path: &str| json!(format!("{}{path}", site.name));
    Json(json!({"issuer": site.name, "jwks_uri": at("/keys"), "introspection_endpoint": at("/introspect")}))
}

async fn introspect(State(site): State<Site>, headers: HeaderMap, body: String) -> Json<Value> {
    site.asked.lock().unwrap().push((headers, body));
    Json(site.verdict.lock().unwrap().clone())
}

impl Issuer {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let name = format!("http://{}", listener.local_addr().unwrap());
        let fake = FakeIssuer::new(&name);
        let (asked, verdict) = (Arc::default(), Arc::new(Mutex::new(json!({"active": false}))));
        let keys = fake.jwk_set_json();
        let site = Site { keys, name, asked: Arc::clone(&asked), verdict: Arc::clone(&verdict) };
        let app = Router::new()
            .route("/.well-known/oauth-authorization-server", get(metadata))
            .route("/keys", get(|State(site): State<Site>| ready(Json(site.keys))))
            .route("/introspect", post(introspect))
            .with_state(site);
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { fake, asked, verdict }
    }

    fn call<'a>(&'a self, client: &'a TestClient, clock: &ManualClock) -> Call<'a> {
        Call::new(client, self.fake.token(clock.now()).audience("shop"), "GET", URI, clock.now())
    }
}

fn rest(builder: DpopLayerBuilder, clock: &ManualClock) -> DpopLayerBuilder {
    builder
        .audience("shop")
        .public_origin("https://api.example.com")
        .mode(Mode::Require)
        .replay_store(MemoryReplayStore::new(100))
        .clock(clock.reader())
}

async fn status(layer: &DpopLayer, request: Request<()>) -> u16 {
    let inner = |_: Request<()>| ready(Ok::<_, Infallible>(Response::new(Full::new(Bytes::new()))));
    layer.layer(service_fn(inner)).oneshot(request).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn keys_are_found_by_the_issuers_name_or_by_their_address() {
    let (issuer, client, clock) = (Issuer::start().await, TestClient::new(), ManualClock::new());
    let name = issuer.fake.name();
    for builder in
        [DpopLayer::rfc9449().issuer_url(name), DpopLayer::rfc9449().jwks_url(name, format!("{name}/keys"))]
    {
        let layer = rest(builder, &clock).build().unwrap();
        assert_eq!(status(&layer, issuer.call(&client, &clock).request()).await, 200);
        for attack in [Attack::BoundTokenAsBearer, Attack::NoProof, Attack::OtherKey] {
            assert_eq!(status(&layer, issuer.call(&client, &clock).attack(attack)).await, 401, "{attack:?}");
        }
        // The same name and another key: a stranger's token.
        let stranger = FakeIssuer::new(name);
        let token = stranger.token(clock.now()).audience("shop");
        assert_eq!(status(&layer, Call::new(&client, token, "GET", URI, clock.now()).request()).await, 401);
    }
}

#[tokio::test]
async fn the_issuer_is_asked_with_the_clients_credentials() {
    let (issuer, client, clock) = (Issuer::start().await, TestClient::new(), ManualClock::new());
    let name = issuer.fake.name();
    let secret = || ClientSecret::basic("orders-api", "s3cret");
    let once = VerdictLifetime::OneRequest;
    let bound = json!({"jkt": client.thumbprint().to_string()});
    for builder in [
        DpopLayer::rfc9449().introspection(name, secret(), once),
        DpopLayer::rfc9449().introspection_url(format!("{name}/introspect"), secret(), once),
        DpopLayer::rfc9449().introspection(name, ClientSecret::post("orders-api", "s3cret"), once),
    ] {
        let layer = rest(builder, &clock).build().unwrap();
        let call = issuer.call(&client, &clock);
        *issuer.verdict.lock().unwrap() = json!({"active": false});
        assert_eq!(status(&layer, call.request()).await, 401);
        *issuer.verdict.lock().unwrap() = json!({"active": true, "aud": "shop", "cnf": bound});
        assert_eq!(status(&layer, call.request()).await, 200);
        assert_eq!(status(&layer, call.attack(Attack::OtherKey)).await, 401);
        *issuer.verdict.lock().unwrap() = json!({"active": true, "aud": "other", "cnf": bound});
        assert_eq!(status(&layer, call.request()).await, 401, "for another audience");
    }
    let asked = issuer.asked.lock().unwrap();
    assert_eq!(asked.len(), 12, "once for each request");
    assert!(asked[0].0["authorization"].to_str().unwrap().starts_with("Basic "));
    assert!(asked[0].1.starts_with("token=") && !asked[0].1.contains("s3cret"));
    assert!(!asked[11].0.contains_key("authorization"));
    assert!(asked[11].1.ends_with("&client_id=orders-api&client_secret=s3cret"));
}

#[tokio::test]
async fn an_issuer_that_is_down_is_a_fault() {
    let (client, clock) = (TestClient::new(), ManualClock::new());
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let issuer = FakeIssuer::new(&format!("http://{closed}"));
    let layer = rest(DpopLayer::rfc9449().issuer_url(issuer.name()), &clock).build().unwrap();
    let call = Call::new(&client, issuer.token(clock.now()).audience("shop"), "GET", URI, clock.now());
    assert_eq!(status(&layer, call.request()).await, 503);
}

/// Answers nothing: for settings that are wrong before anybody calls.
#[derive(Debug)]
struct NoNetwork;

impl OutboundHttp for NoNetwork {
    fn send(&self, _: Request<Bytes>, _: UnixTime) -> OutboundFuture<'_> {
        Box::pin(ready(Err(OutboundError::TimedOut)))
    }
}

#[test]
fn addresses_and_contradictions_are_found_when_the_layer_is_built() {
    let clock = ManualClock::new();
    let start = || DpopLayer::rfc9449().outbound_http(Arc::new(NoNetwork));
    let problems = |builder: DpopLayerBuilder| match rest(builder, &clock).build() {
        Ok(_) => Vec::new(),
        Err(error) => error.problems().to_vec(),
    };
    let secret = || ClientSecret::basic("orders-api", "s3cret");
    let asked = |issuer: &str| start().introspection(issuer, secret(), VerdictLifetime::OneRequest);
    for bad in
        ["issuer.example", "ftp://issuer.example", "https://issuer.example?a=b", "http://issuer.example"]
    {
        assert_eq!(problems(start().issuer_url(bad)), [Problem::IssuerUrl], "{bad}");
        assert_eq!(problems(asked(bad)), [Problem::IssuerUrl], "{bad}");
    }
    for bad in ["/keys", "http://issuer.example/keys", "https://user:pass@issuer.example/keys"] {
        assert_eq!(problems(start().jwks_url("https://issuer.example", bad)), [Problem::IssuerUrl], "{bad}");
    }
    for good in [
        start().issuer_url("https://issuer.example").issuer_url("https://other.example"),
        start().issuer_url("http://localhost:8080/realms/a"),
        start().issuer_url("http://issuer.example").allow_plain_http(),
        start().jwks_url("urn:issuer", "http://issuer.example/keys").allow_plain_http(),
        asked("https://issuer.example"),
    ] {
        assert_eq!(problems(good), []);
    }
    let keys = StaticKeys::new(FakeIssuer::new("a").jwk_set());
    assert_eq!(problems(asked("https://a.example").issuer("a", keys)), [Problem::SeveralTokenSources]);
    assert_eq!(
        problems(asked("https://a.example").introspection_url(
            "https://b.example",
            secret(),
            VerdictLifetime::AtMost(Duration::from_secs(5))
        )),
        [Problem::SeveralTokenSources]
    );
    let twice =
        start().issuer_url("https://a.example").jwks_url("https://a.example", "https://a.example/keys");
    assert_eq!(problems(twice), [Problem::RepeatedIssuer]);
    let algorithms = resource_server_tower::AlgorithmSet::new([resource_server_tower::Algorithm::Es256]);
    assert_eq!(
        problems(asked("https://a.example").token_algorithms(algorithms)),
        [Problem::AlgorithmsOfIntrospectedTokens]
    );
}
