//! Algorithms and leeway of access tokens by route: narrower wins, and what a lenient route has found out about a token opens
//! no strict one.

use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Uri};
use oauth::ErrorCode;
use resource_server_tower::{
    Algorithm, AlgorithmSet, DpopLayer, IntrospectedTokens, IntrospectionPolicy, IssuerNames, KeySource,
    MemoryReplayStore, Mode, OutboundFuture, OutboundHttp, Problem, RoutePolicy, StaticKeys, TokenAlgorithms,
    TokenLeeway, UnixTime, VerdictLifetime,
};
use serde_json::{Value, json};
use testkit::{Call, FakeIssuer};

use crate::scene::{Scene, URI};

const LIFETIME: u64 = 300;

/// Counts how often somebody looks for a key.
#[derive(Debug)]
struct CountedKeys(StaticKeys, Arc<AtomicUsize>);

impl KeySource for CountedKeys {
    fn keys<'a>(&'a self, kid: Option<&'a str>, now: UnixTime) -> resource_server::KeysFuture<'a> {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.keys(kid, now)
    }
}

fn only(algorithms: impl IntoIterator<Item = Algorithm>) -> TokenAlgorithms {
    TokenAlgorithms::Only(AlgorithmSet::new(algorithms))
}

fn route(layer: &DpopLayer, token_algorithms: TokenAlgorithms, token_leeway: TokenLeeway) -> DpopLayer {
    layer.with_policy(RoutePolicy { token_algorithms, token_leeway, ..layer.policy().clone() }).unwrap()
}

async fn answer(scene: &Scene, layer: &DpopLayer, call: &Call<'_>) -> (u16, Option<ErrorCode>) {
    let answer = scene.send(layer, call.request()).await;
    (answer.status.as_u16(), answer.error())
}

const OK: (u16, Option<ErrorCode>) = (200, None);
const REFUSED: (u16, Option<ErrorCode>) = (401, Some(ErrorCode::InvalidToken));

#[tokio::test]
async fn a_route_accepts_fewer_algorithms_than_the_layer_also_of_tokens_that_are_known() {
    let scene = Scene::new();
    let edwards = FakeIssuer::with_algorithm("https://edwards.example", Algorithm::Ed25519);
    let keys = |issuer: &FakeIssuer| StaticKeys::new(issuer.jwk_set());
    let layer = scene.builder(Mode::Require).issuer(edwards.name(), keys(&edwards)).build().unwrap();
    let of_layer = TokenLeeway::OfLayer;
    let (nist, own) = (route(&layer, only([Algorithm::Es256]), of_layer), layer.clone());
    let either_name = route(&layer, only([Algorithm::EdDsa]), of_layer);
    for (issuer, rows) in [
        (&scene.issuer, [(&own, OK), (&nist, OK), (&either_name, REFUSED), (&own, OK), (&nist, OK)]),
        (&edwards, [(&own, OK), (&nist, REFUSED), (&either_name, OK), (&own, OK), (&nist, REFUSED)]),
    ] {
        // One token for all routes: each but the first meets what is remembered.
        let token = issuer.token(scene.clock.now()).audience("shop");
        let call = Call::new(&scene.client, token, "GET", URI, scene.clock.now());
        for (number, (layer, expected)) in rows.into_iter().enumerate() {
            assert_eq!(answer(&scene, layer, &call).await, expected, "{} {number}", issuer.name());
        }
    }
}

#[tokio::test]
async fn a_route_tolerates_less_than_the_layer_and_never_more() {
    let scene = Scene::new();
    let layer = scene.builder(Mode::Require).leeway(Duration::from_secs(10)).build().unwrap();
    let at_most =
        |seconds| route(&layer, TokenAlgorithms::OfLayer, TokenLeeway::AtMost(Duration::from_secs(seconds)));
    let (exact, five, hour) = (at_most(0), at_most(5), at_most(3600));
    let draft = || scene.issuer.token(scene.clock.now()).audience("shop");
    let end = scene.clock.now().as_seconds() + i64::try_from(LIFETIME).unwrap();
    let old = draft();
    // Seconds after the end of the token, and whether each route still takes it.
    for (late, by_exact, by_five, by_layer) in [
        (-1, true, true, true),
        (0, false, true, true),
        (4, false, true, true),
        (5, false, false, true),
        (9, false, false, true),
        (10, false, false, false),
    ] {
        scene.clock.set(UnixTime::from_seconds(end + late));
        for (layer, is_good) in [(&layer, by_layer), (&exact, by_exact), (&five, by_five), (&hour, by_layer)]
        {
            let call = Call::new(&scene.client, old.clone(), "GET", URI, scene.clock.now());
            let expected = if is_good { OK } else { REFUSED };
            assert_eq!(answer(&scene, layer, &call).await, expected, "{late} s after its end: {layer:?}");
        }
    }
    let now = scene.clock.now().as_seconds();
    for (claim, ahead, by_exact, by_five, by_layer) in [
        ("nbf", 0, true, true, true),
        ("nbf", 5, false, true, true),
        ("nbf", 6, false, false, true),
        ("nbf", 11, false, false, false),
        ("iat", 5, false, true, true),
        ("iat", 10, false, false, true),
        ("iat", 11, false, false, false),
    ] {
        let early = draft().claim(claim, json!(now + ahead));
        for (layer, is_good) in [(&layer, by_layer), (&exact, by_exact), (&five, by_five), (&hour, by_layer)]
        {
            let call = Call::new(&scene.client, early.clone(), "GET", URI, scene.clock.now());
            let expected = if is_good { OK } else { REFUSED };
            assert_eq!(answer(&scene, layer, &call).await, expected, "{claim} {ahead} s ahead: {layer:?}");
        }
    }
}

#[tokio::test]
async fn what_a_route_refuses_by_its_algorithm_costs_no_look_for_a_key() {
    let scene = Scene::new();
    let looked = Arc::new(AtomicUsize::new(0));
    let keys = CountedKeys(StaticKeys::new(scene.issuer.jwk_set()), Arc::clone(&looked));
    let layer = DpopLayer::rfc9449()
        .issuer(scene.issuer.name(), keys)
        .audience("shop")
        .public_origin("https://api.example.com")
        .mode(Mode::Require)
        .replay_store(MemoryReplayStore::new(100))
        .clock(scene.clock.reader())
        .build()
        .unwrap();
    let strict = route(&layer, only([Algorithm::Ps256]), TokenLeeway::OfLayer);
    assert_eq!(answer(&scene, &strict, &scene.call()).await, REFUSED);
    assert_eq!(looked.load(Ordering::SeqCst), 0);
    assert_eq!(answer(&scene, &layer, &scene.call()).await, OK);
    assert_eq!(looked.load(Ordering::SeqCst), 1);
}

/// An introspection endpoint that says the same about every token, and counts how often it is asked.
#[derive(Debug)]
struct Endpoint(Value, AtomicUsize);

impl OutboundHttp for Endpoint {
    fn send(&self, _: Request<Bytes>, _: UnixTime) -> OutboundFuture<'_> {
        self.1.fetch_add(1, Ordering::SeqCst);
        let response = Response::builder().header("content-type", "application/json");
        Box::pin(ready(Ok(response.body(Bytes::from(self.0.to_string())).unwrap())))
    }
}

fn introspecting(scene: &Scene, endpoint: &Arc<Endpoint>) -> DpopLayer {
    let policy = IntrospectionPolicy {
        issuers: IssuerNames::Listed(Vec::new()),
        audience: vec!["shop".to_owned()],
        leeway: Duration::from_secs(10),
        lifetime: VerdictLifetime::UntilExpiry,
    };
    let http = Arc::clone(endpoint) as Arc<dyn OutboundHttp>;
    let location = Uri::from_static("https://issuer.example/introspect");
    DpopLayer::rfc9449()
        .access_tokens(IntrospectedTokens::new(location, http, policy))
        .public_origin("https://api.example.com")
        .mode(Mode::Require)
        .replay_store(MemoryReplayStore::new(100))
        .clock(scene.clock.reader())
        .build()
        .unwrap()
}

#[tokio::test]
async fn an_introspected_token_that_is_remembered_is_measured_by_each_route() {
    let scene = Scene::new();
    let now = scene.clock.now().as_seconds();
    let bound = json!({"jkt": scene.client.thumbprint().to_string()});
    let claims = json!({"active": true, "sub": "alice", "aud": "shop", "cnf": bound, "exp": now + 300, "nbf": now + 5});
    let endpoint = Arc::new(Endpoint(claims, AtomicUsize::new(0)));
    let layer = introspecting(&scene, &endpoint);
    let at_most =
        |seconds| route(&layer, TokenAlgorithms::OfLayer, TokenLeeway::AtMost(Duration::from_secs(seconds)));
    // One token for all: the first asks, the others use what was said.
    let token = scene.issuer.token(scene.clock.now());
    let call = Call::new(&scene.client, token, "GET", URI, scene.clock.now());
    for (layer, expected) in
        [(&layer, OK), (&at_most(4), REFUSED), (&at_most(5), OK), (&at_most(0), REFUSED), (&at_most(60), OK)]
    {
        assert_eq!(answer(&scene, layer, &call).await, expected, "{layer:?}");
    }
    assert_eq!(endpoint.1.load(Ordering::SeqCst), 1);
}

#[test]
fn a_route_that_accepts_more_than_the_layer_or_nothing_is_not_built() {
    let scene = Scene::new();
    let narrow = AlgorithmSet::new([Algorithm::Es256, Algorithm::Ed25519]);
    let jwts = scene.builder(Mode::Require).token_algorithms(narrow).build().unwrap();
    let opaque = introspecting(&scene, &Arc::new(Endpoint(Value::Null, AtomicUsize::new(0))));
    let more = &[Problem::MoreTokenAlgorithms][..];
    for (layer, algorithms, expected) in [
        (&jwts, TokenAlgorithms::OfLayer, &[][..]),
        (&jwts, only([Algorithm::Es256]), &[]),
        (&jwts, only([Algorithm::EdDsa, Algorithm::Es256]), &[]),
        (&jwts, only([Algorithm::Ps256]), more),
        (&jwts, only([Algorithm::Es256, Algorithm::Es512]), more),
        (&jwts, only([]), &[Problem::NoTokenAlgorithm]),
        (&opaque, TokenAlgorithms::OfLayer, &[]),
        (&opaque, only([Algorithm::Es256]), &[Problem::AlgorithmsOfIntrospectedTokens]),
    ] {
        let policy = RoutePolicy { token_algorithms: algorithms.clone(), ..layer.policy().clone() };
        let problems = layer.with_policy(policy).err().map_or(Vec::new(), |error| error.problems().to_vec());
        assert_eq!(problems, expected, "{algorithms:?}");
    }
    // A second narrowing is measured by the layer's own issuers, not by the first one's route.
    let first = route(&jwts, only([Algorithm::Es256]), TokenLeeway::OfLayer);
    let policy = RoutePolicy { token_algorithms: only([Algorithm::Ed25519]), ..first.policy().clone() };
    assert!(first.with_policy(policy).is_ok());
}
