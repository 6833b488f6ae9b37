//! Which request gets which answer, and what reaches the service inside.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dpop::ProofError;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Full};
use oauth::{ErrorCode, Scheme};
use resource_server_tower::{
    DpopLayer, DpopLayerBuilder, ErrorBody, ErrorSignaling, MemoryReplayStore, Mode, Policy, Problem, Reason,
    StaticKeys, Verified,
};
use serde_json::{Value, json};
use testkit::{Attack, TestNonces, UnavailableReplayStore};
use tower::{Layer, ServiceExt, service_fn};

use crate::scene::{ALGS, Scene};

#[tokio::test]
async fn a_proven_token_passes_and_the_captured_request_does_not() {
    let scene = Scene::new();
    let layer = scene.builder(Mode::Require).build().unwrap();
    let headers = scene.call().headers();
    let answer = scene.send(&layer, scene.call().request_with(headers.clone())).await;
    assert_eq!((answer.status, &answer.body[..]), (StatusCode::OK, &b"\"alice\" false"[..]));
    assert_eq!(answer.headers["cache-control"], "max-age=60", "the service's own, when no nonce is due");
    let answer = scene.send(&layer, scene.call().request_with(headers)).await;
    assert_eq!(answer.challenge(), format!(r#"DPoP error="invalid_dpop_proof", {ALGS}"#));
    assert!(matches!(answer.refused.unwrap().reason(), Reason::Proof(ProofError::Replayed)));
    assert_eq!(scene.reached(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_equal_requests_at_once_exactly_one_gets_in() {
    let scene = Arc::new(Scene::new());
    let layer = scene.builder(Mode::Require).build().unwrap();
    let headers = scene.call().headers();
    let requests: Vec<_> = (0..200)
        .map(|_| {
            let (scene, layer, headers) = (Arc::clone(&scene), layer.clone(), headers.clone());
            tokio::spawn(async move {
                let request = scene.call().request_with(headers);
                scene.send(&layer, request).await.status
            })
        })
        .collect();
    let mut passed = 0;
    for request in requests {
        passed += usize::from(request.await.unwrap() == StatusCode::OK);
    }
    assert_eq!((passed, scene.reached()), (1, 1));
}

#[tokio::test]
async fn every_attack_gets_its_answer_and_reaches_nothing() {
    let scene = Scene::new();
    let layer = scene.builder(Mode::Require).build().unwrap();
    for attack in Attack::ALL {
        let answer = scene.send(&layer, scene.call().attack(*attack)).await;
        let expected = attack.expected();
        assert_eq!((answer.status, answer.error()), (expected.status, expected.error), "{attack:?}");
        assert_eq!(answer.headers["cache-control"], "no-store", "{attack:?}");
        assert!(answer.challenge().contains(ALGS), "{attack:?}: {}", answer.challenge());
        let mut problem = json!({
            "type": "about:blank",
            "title": expected.status.canonical_reason().unwrap(),
            "status": expected.status.as_u16(),
        });
        if let Some(error) = expected.error {
            problem["error"] = json!(error.as_str());
        }
        assert_eq!(answer.json(), problem, "{attack:?}");
    }
    assert_eq!(scene.reached(), 0);
    assert_eq!(scene.send(&layer, scene.call().request()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_stolen_bound_token_as_bearer_is_refused_in_every_mode() {
    for mode in [Mode::Off, Mode::Observe, Mode::Permit, Mode::Require] {
        let scene = Scene::new();
        let layer = scene.builder(mode).build().unwrap();
        for attack in [Attack::BoundTokenAsBearer, Attack::BoundTokenAsBearerWithProof] {
            let answer = scene.send(&layer, scene.call().attack(attack)).await;
            assert_eq!(answer.error(), Some(ErrorCode::InvalidToken), "{mode:?} {attack:?}");
        }
        assert_eq!(scene.reached(), 0, "{mode:?}");
    }
}

#[tokio::test]
async fn both_schemes_are_offered_where_both_are_accepted() {
    let scene = Scene::new();
    let layer = scene.builder(Mode::Permit).build().unwrap();
    let answer = scene.send(&layer, scene.call().attack(Attack::NoCredentials)).await;
    assert_eq!(answer.challenge(), format!("DPoP {ALGS}, Bearer"));
    let passed = scene.send(&layer, scene.call().attack(Attack::UnboundTokenAsBearer)).await;
    assert_eq!(passed.status, StatusCode::OK);
}

#[tokio::test]
async fn observing_reports_and_accepts_a_bad_proof() {
    let scene = Scene::new();
    let layer = scene.builder(Mode::Observe).build().unwrap();
    let answer = scene.send(&layer, scene.call().attack(Attack::NoProof)).await;
    assert_eq!(&answer.body[..], b"\"alice\" true");
}

#[tokio::test]
async fn a_nonce_is_handed_out_accepted_and_replaced_when_it_ages() {
    let scene = Scene::new();
    let layer = scene.builder(Mode::Require).nonces(scene.nonces.ring()).build().unwrap();
    let call = scene.call();
    let answer = scene.send(&layer, call.request()).await;
    assert_eq!((answer.status, answer.error()), (StatusCode::UNAUTHORIZED, Some(ErrorCode::UseDpopNonce)));
    let nonce = answer.headers["dpop-nonce"].to_str().unwrap().to_owned();

    let call = call.with_nonce(&nonce);
    let answer = scene.send(&layer, call.request()).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(!answer.headers.contains_key("dpop-nonce"));

    let ageing =
        scene.nonces.seal(call.token(), scene.clock.now().checked_sub(Duration::from_secs(40)).unwrap());
    let call = call.with_nonce(&ageing);
    let answer = scene.send(&layer, call.request()).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.headers.get_all("dpop-nonce").iter().count(), 1);
    assert_eq!(answer.headers["cache-control"], "no-store");

    let expired =
        scene.nonces.seal(call.token(), scene.clock.now().checked_sub(Duration::from_secs(61)).unwrap());
    for bad in [expired, TestNonces::new().seal(call.token(), scene.clock.now()), "forged".to_owned()] {
        let answer = scene.send(&layer, scene.call().with_nonce(&bad).request()).await;
        assert_eq!(answer.error(), Some(ErrorCode::UseDpopNonce));
        assert!(answer.headers.contains_key("dpop-nonce"));
    }
}

#[tokio::test]
async fn a_missing_scope_is_forbidden() {
    let scene = Scene::new();
    let signaling = ErrorSignaling {
        required_scope: true,
        description: true,
        realm: Some("shop".into()),
        ..ErrorSignaling::default()
    };
    let layer = scene.builder(Mode::Require).scopes(["orders"]).error_signaling(signaling).build().unwrap();
    let answer = scene.send(&layer, scene.call().request()).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(answer.challenge().contains(r#"error="insufficient_scope""#));
    assert!(answer.challenge().contains(r#"scope="orders""#));
    assert_eq!(answer.json()["detail"], "a required scope is missing");
}

#[tokio::test]
async fn a_store_that_is_down_is_a_fault_and_lets_nobody_in() {
    let scene = Scene::new();
    let layer = scene.without_store(Mode::Require).replay_store(UnavailableReplayStore).build().unwrap();
    let answer = scene.send(&layer, scene.call().request()).await;
    assert_eq!((answer.status, answer.challenge()), (StatusCode::SERVICE_UNAVAILABLE, ""));
    assert_eq!(answer.json()["status"], 503);
    assert!(answer.refused.unwrap().is_fault());
    assert_eq!(scene.reached(), 0);
}

#[tokio::test]
async fn an_expired_window_is_measured_with_the_given_clock() {
    let scene = Scene::new();
    let layer = scene.builder(Mode::Require).build().unwrap();
    let request = scene.call().request();
    scene.clock.advance(Duration::from_secs(61));
    assert_eq!(scene.send(&layer, request).await.error(), Some(ErrorCode::InvalidDpopProof));
}

#[tokio::test]
async fn bodies_of_refusals_can_be_turned_off() {
    let scene = Scene::new();
    let layer = scene.builder(Mode::Require).error_body(ErrorBody::Empty).build().unwrap();
    let answer = scene.send(&layer, scene.call().attack(Attack::NoProof)).await;
    assert!(answer.body.is_empty() && !answer.headers.contains_key("content-type"));
    assert_eq!(answer.error(), Some(ErrorCode::InvalidDpopProof));
}

#[tokio::test]
async fn a_host_that_lies_changes_nothing_behind_a_public_origin() {
    let scene = Scene::new();
    let layer = scene.builder(Mode::Require).build().unwrap();
    let mut request = scene.call().request();
    request.headers_mut().insert("host", "evil.example".parse().unwrap());
    request.headers_mut().insert("x-forwarded-host", "evil.example".parse().unwrap());
    assert_eq!(scene.send(&layer, request).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_request_without_a_readable_host_is_bad() {
    let scene = Scene::new();
    let layer = DpopLayer::rfc9449()
        .issuer(scene.issuer.name(), StaticKeys::new(scene.issuer.jwk_set()))
        .audience("shop")
        .origin_from_host(http::uri::Scheme::HTTPS)
        .mode(Mode::Require)
        .replay_store(MemoryReplayStore::new(10))
        .clock(scene.clock.reader())
        .build()
        .unwrap();
    assert_eq!(scene.send(&layer, scene.call().request()).await.status, StatusCode::OK);
    let mut request = scene.call().request();
    request.headers_mut().append("host", "api.example.com".parse().unwrap());
    let answer = scene.send(&layer, request).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.json()["detail"], "the Host field is missing, repeated or malformed");
}

#[tokio::test]
async fn the_scheme_of_the_proven_request_is_told() {
    let scene = Scene::new();
    let layer = scene.builder(Mode::Require).build().unwrap();
    let service = layer.layer(service_fn(|request: Request<Empty<Bytes>>| {
        let verified = request.extensions().get::<Arc<Verified>>().unwrap();
        assert_eq!(verified.scheme, Scheme::Dpop);
        std::future::ready(Ok::<_, Infallible>(Response::new(Full::new(Bytes::new()))))
    }));
    service.oneshot(scene.call().request()).await.unwrap();
}

#[tokio::test]
async fn challenges_point_to_metadata_that_say_what_is_checked() {
    let scene = Scene::new();
    let url = "https://api.example.com/.well-known/oauth-protected-resource/v1";
    let builder = scene.builder(Mode::Require).scopes(["orders"]);
    let layer = builder.resource_metadata("https://api.example.com/v1").build().unwrap();
    for request in [
        scene.call().attack(Attack::NoCredentials),
        scene.call().attack(Attack::BoundTokenAsBearer),
        scene.call().request(),
    ] {
        let answer = scene.send(&layer, request).await;
        assert!(
            answer.challenge().contains(&format!(r#"resource_metadata="{url}""#)),
            "{}",
            answer.challenge()
        );
    }
    let metadata =
        layer.resource_metadata().unwrap().clone().name("Shop").scopes_supported(["orders", "admin"]);
    assert_eq!((metadata.url().as_str(), metadata.path()), (url, &url["https://api.example.com".len()..]));
    let (parts, body) = metadata.response::<Full<Bytes>>().into_parts();
    assert_eq!(parts.headers["content-type"], "application/json");
    let document: Value = serde_json::from_slice(&body.collect().await.unwrap().to_bytes()).unwrap();
    assert_eq!(
        document,
        json!({
            "resource": "https://api.example.com/v1",
            "authorization_servers": ["https://issuer.example"],
            "scopes_supported": ["orders", "admin"],
            "bearer_methods_supported": ["header"],
            "dpop_signing_alg_values_supported": ["ES256", "Ed25519", "EdDSA"],
            "dpop_bound_access_tokens_required": true,
            "resource_name": "Shop",
        })
    );
}

#[tokio::test]
async fn metadata_of_a_layer_that_looks_at_no_proofs_promise_none() {
    let scene = Scene::new();
    let builder = scene.builder(Mode::Off).resource_metadata("https://api.example.com");
    let layer = builder.build().unwrap();
    let document = layer.resource_metadata().unwrap().document().clone();
    assert_eq!(document["dpop_bound_access_tokens_required"], json!(false));
    assert!(!document.contains_key("dpop_signing_alg_values_supported"));
    assert!(!document.contains_key("scopes_supported"));
}

#[test]
fn what_is_forgotten_is_told_all_at_once() {
    let error = DpopLayer::rfc9449().build().unwrap_err();
    assert_eq!(
        error.problems(),
        [Problem::NoIssuer, Problem::NoAudience, Problem::NoMode, Problem::NoOrigin]
    );
    assert!(error.to_string().contains("call `mode`"));
}

#[test]
fn what_contradicts_itself_is_not_built() {
    fn check(builder: DpopLayerBuilder, expected: Problem) {
        match builder.build() {
            Ok(_) => panic!("built in spite of {expected:?}"),
            Err(error) => assert_eq!(error.problems(), [expected]),
        }
    }
    let scene = Scene::new();
    let good = || scene.builder(Mode::Require);
    let origin = |origin| scene.builder(Mode::Require).public_origin(origin);
    let mut generous = Policy::rfc9449();
    generous.max_proof_bytes = 1 << 20;
    check(scene.without_store(Mode::Require), Problem::NoReplayStore);
    check(scene.without_store(Mode::Permit), Problem::NoReplayStore);
    check(good().replay_allowed(), Problem::ReplayStoreAndAllowed);
    check(good().any_audience(), Problem::AudienceAndAny);
    let same = scene.issuer.name();
    check(good().issuer(same, StaticKeys::new(scene.issuer.jwk_set())), Problem::RepeatedIssuer);
    assert!(good().issuer("https://other", StaticKeys::new(scene.issuer.jwk_set())).build().is_ok());
    check(good().origin_from_host(http::uri::Scheme::HTTPS), Problem::SeveralOrigins);
    check(good().trusted_proxies([], http::uri::Scheme::HTTPS), Problem::NoProxies);
    check(good().any_forwarded_host(), Problem::AnyForwardedHost);
    let proxied = || {
        DpopLayer::rfc9449()
            .issuer(scene.issuer.name(), StaticKeys::new(scene.issuer.jwk_set()))
            .audience("shop")
            .mode(Mode::Require)
            .replay_store(MemoryReplayStore::new(10))
            .trusted_proxies(["10.0.0.0/8".parse().unwrap()], http::uri::Scheme::HTTPS)
    };
    check(proxied(), Problem::ProxiesWithoutOrigin);
    assert!(proxied().any_forwarded_host().build().is_ok());
    assert!(proxied().public_origin("https://api.example.com").build().is_ok());
    check(good().stripped_prefix("v1"), Problem::StrippedPrefix);
    check(good().nonce_lifetime(Duration::from_secs(60)), Problem::NonceLifetimeWithoutNonces);
    check(good().nonces(scene.nonces.ring()).nonce_lifetime(Duration::ZERO), Problem::NonceLifetime);
    let clockless = Policy { nonce_replaces_iat: true, ..Policy::rfc9449() };
    let by_nonce = DpopLayer::with_proof_policy(clockless)
        .issuer(scene.issuer.name(), StaticKeys::new(scene.issuer.jwk_set()))
        .audience("shop")
        .public_origin("https://api.example.com")
        .mode(Mode::Require)
        .replay_store(MemoryReplayStore::new(10));
    check(by_nonce, Problem::NonceReplacesIatWithoutNonces);
    check(good().scopes(["a b"]), Problem::ChallengeText);
    check(good().resource_metadata("api"), Problem::ResourceIdentifier);
    check(good().resource_metadata("https://api.example.com?a"), Problem::ResourceIdentifier);
    check(good().resource_metadata("https://other.example.com"), Problem::ResourceElsewhere);
    assert!(good().resource_metadata("https://API.example.com:443/v1").build().is_ok());
    let told = |url: &str| {
        let resource_metadata = Some(url.to_owned());
        good().error_signaling(ErrorSignaling { resource_metadata, ..ErrorSignaling::default() })
    };
    assert!(told("https://docs.example.com/metadata").build().is_ok());
    check(told("a\"b"), Problem::ChallengeText);
    check(
        told("https://docs.example.com/metadata").resource_metadata("https://api.example.com"),
        Problem::SeveralResourceMetadata,
    );
    check(origin("api.example.com"), Problem::PublicOrigin);
    check(origin("https://api.example.com/v1"), Problem::PublicOrigin);
    check(origin("http://api.example.com"), Problem::PlainHttp);
    assert!(origin("http://api.example.com").allow_plain_http().build().is_ok());
    assert!(origin("http://127.0.0.1:3000").build().is_ok());
    assert!(origin("http://localhost:3000").build().is_ok());
    assert!(scene.without_store(Mode::Off).build().is_ok());
    assert!(scene.without_store(Mode::Require).replay_allowed().build().is_ok());
}
