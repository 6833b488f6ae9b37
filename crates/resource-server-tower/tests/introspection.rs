//! Opaque tokens through the layer: the issuer is asked, the proof is checked as ever.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::convert::Infallible;
use std::future::ready;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::Full;
use resource_server_tower::{
    DpopLayer, DpopLayerBuilder, IntrospectedTokens, IntrospectionPolicy, IssuerNames, MemoryReplayStore,
    Mode, OutboundError, OutboundFuture, OutboundHttp, Problem, StaticKeys, UnixTime, VerdictLifetime,
};
use serde_json::{Value, json};
use testkit::{Attack, Call, FakeIssuer, ManualClock, TestClient};
use tower::{Layer, ServiceExt, service_fn};

const URI: &str = "https://api.example.com/orders";

/// What the endpoint says; nothing while it is down.
#[derive(Debug, Default)]
struct Endpoint(Mutex<Option<Value>>);

impl OutboundHttp for Endpoint {
    fn send(&self, request: Request<Bytes>, _: UnixTime) -> OutboundFuture<'_> {
        assert_eq!(request.uri(), "https://issuer.example/introspect");
        let answer = self.0.lock().unwrap().as_ref().map(Value::to_string);
        let respond = |body: String| {
            let response = Response::builder().header("content-type", "application/json");
            response.body(Bytes::from(body)).unwrap()
        };
        Box::pin(ready(answer.map(respond).ok_or(OutboundError::TimedOut)))
    }
}

fn builder(endpoint: &Arc<Endpoint>, clock: &ManualClock) -> DpopLayerBuilder {
    let policy = IntrospectionPolicy {
        issuers: IssuerNames::Listed(Vec::new()),
        audience: vec!["shop".to_owned()],
        leeway: Duration::ZERO,
        lifetime: VerdictLifetime::OneRequest,
    };
    let http = Arc::clone(endpoint) as Arc<dyn OutboundHttp>;
    let location = Uri::from_static("https://issuer.example/introspect");
    DpopLayer::rfc9449()
        .access_tokens(IntrospectedTokens::new(location, http, policy))
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
async fn the_issuer_is_asked_and_the_proof_is_checked() {
    let (clock, client, issuer) =
        (ManualClock::new(), TestClient::new(), FakeIssuer::new("https://issuer.example"));
    let endpoint = Arc::new(Endpoint::default());
    let layer = builder(&endpoint, &clock).build().unwrap();
    let call = || Call::new(&client, issuer.token(clock.now()), "GET", URI, clock.now());
    let says = |answer: Value| *endpoint.0.lock().unwrap() = Some(answer);
    let bound = json!({"jkt": client.thumbprint().to_string()});
    assert_eq!(status(&layer, call().request()).await, 503, "nobody says that the token is good");
    says(json!({"active": true, "aud": "shop", "cnf": bound}));
    assert_eq!(status(&layer, call().request()).await, 200);
    for attack in [Attack::BoundTokenAsBearer, Attack::NoProof, Attack::OtherKey, Attack::OtherPath] {
        assert_eq!(status(&layer, call().attack(attack)).await, 401, "{attack:?}");
    }
    for refused in [
        json!({"active": false}),
        json!({"active": true, "aud": "shop"}),
        json!({"active": true, "aud": "other", "cnf": bound}),
    ] {
        says(refused.clone());
        assert_eq!(status(&layer, call().request()).await, 401, "{refused}");
    }
}

#[test]
fn one_place_says_what_tokens_must_be_like() {
    let (clock, issuer) = (ManualClock::new(), FakeIssuer::new("https://issuer.example"));
    let good = || builder(&Arc::default(), &clock);
    for contradictory in [
        good().issuer(issuer.name(), StaticKeys::new(issuer.jwk_set())),
        good().audience("shop"),
        good().any_audience(),
        good().leeway(Duration::ZERO),
    ] {
        assert_eq!(contradictory.build().unwrap_err().problems(), [Problem::AccessTokensAndPolicy]);
    }
    let layer = good().resource_metadata("https://api.example.com").build().unwrap();
    let metadata = layer.resource_metadata().unwrap().clone();
    assert!(!metadata.document().contains_key("authorization_servers"));
    let metadata = metadata.authorization_servers([issuer.name()]);
    assert_eq!(metadata.document()["authorization_servers"], json!(["https://issuer.example"]));
}
