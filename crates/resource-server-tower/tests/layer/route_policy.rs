//! Routes with policies of their own, over one store and one memory.

use std::time::Duration;

use http::StatusCode;
use oauth::ErrorCode;
use resource_server_tower::{
    AcceptedAudience, AlgorithmSet, DpopLayer, Mode, NonceDemand, Outcomes, Problem, ProofReuse,
    RequiredRoles, RequiredScopes, RoutePolicy,
};
use serde_json::json;
use testkit::{Attack, Call};

use crate::scene::{Scene, URI};

const NO_NONCES: NonceDemand = NonceDemand::NotDemanded;

fn plain(mode: Mode) -> RoutePolicy {
    RoutePolicy::rfc9449(mode, NO_NONCES, ProofReuse::Refused)
}

#[tokio::test]
async fn a_stolen_bound_token_as_bearer_is_refused_whatever_the_route_says() {
    let scene = Scene::new();
    let layer = scene.builder(Mode::Permit).build().unwrap();
    for mode in [Mode::Off, Mode::Observe, Mode::Permit, Mode::Require] {
        let route = layer.with_policy(plain(mode)).unwrap();
        for attack in [Attack::BoundTokenAsBearer, Attack::BoundTokenAsBearerWithProof] {
            let answer = scene.send(&route, scene.call().attack(attack)).await;
            assert_eq!(answer.error(), Some(ErrorCode::InvalidToken), "{mode:?} {attack:?}");
        }
        let answer = scene.send(&route, scene.call().request()).await;
        assert_eq!(answer.status, StatusCode::OK, "{mode:?}");
    }
    assert_eq!(scene.reached(), 4);
    assert_eq!(layer.outcomes(), Outcomes { passed: 4, observed: 0, refused: 8, faults: 0 });
}

#[tokio::test]
async fn modes_differ_in_what_they_demand() {
    let scene = Scene::new();
    let layer = scene.builder(Mode::Require).build().unwrap();
    for (mode, unproven, unbound) in [
        (Mode::Off, true, true),
        (Mode::Observe, true, true),
        (Mode::Permit, false, true),
        (Mode::Require, false, false),
    ] {
        let route = layer.with_policy(plain(mode)).unwrap();
        for (attack, gets_in) in [(Attack::NoProof, unproven), (Attack::UnboundTokenAsBearer, unbound)] {
            let answer = scene.send(&route, scene.call().attack(attack)).await;
            assert_eq!(answer.status == StatusCode::OK, gets_in, "{mode:?} {attack:?}");
        }
    }
}

#[tokio::test]
async fn one_store_serves_all_routes_for_the_longest_window() {
    let scene = Scene::new();
    let layer = scene.builder(Mode::Require).build().unwrap();
    let mut short = layer.policy().clone();
    short.proof.max_age = Duration::from_secs(5);
    let short = layer.with_policy(short).unwrap();
    let long = layer.with_policy(RoutePolicy::mcp(Mode::Require, NO_NONCES, ProofReuse::Refused)).unwrap();
    let headers = scene.call().headers();
    let request = || scene.call().request_with(headers.clone());
    let (first, late) = (request(), request());
    assert_eq!(scene.send(&short, first).await.status, StatusCode::OK);
    // Long forgotten by the short window's own measure, and good for the long one.
    scene.clock.advance(Duration::from_secs(200));
    assert_eq!(scene.send(&long, late).await.error(), Some(ErrorCode::InvalidDpopProof));
    assert_eq!(scene.send(&long, scene.call().request()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn window_algorithms_and_nonces_are_the_routes_own() {
    let scene = Scene::new();
    let layer = scene.builder(Mode::Require).nonces(scene.nonces.ring()).build().unwrap();
    let without = RoutePolicy { nonces: NO_NONCES, ..layer.policy().clone() };
    let route = layer.with_policy(without.clone()).unwrap();
    assert_eq!(scene.send(&layer, scene.call().request()).await.error(), Some(ErrorCode::UseDpopNonce));
    assert_eq!(scene.send(&route, scene.call().request()).await.status, StatusCode::OK);

    let mut strict = without.clone();
    strict.proof.max_age = Duration::from_secs(10);
    let strict = layer.with_policy(strict).unwrap();
    let request = scene.call().request();
    scene.clock.advance(Duration::from_secs(11));
    assert_eq!(scene.send(&strict, request).await.error(), Some(ErrorCode::InvalidDpopProof));

    let mut other = without;
    other.proof.algorithms = AlgorithmSet::new([resource_server_tower::Algorithm::Ed25519]);
    let other = layer.with_policy(other).unwrap();
    let answer = scene.send(&other, scene.call().request()).await;
    assert_eq!(answer.error(), Some(ErrorCode::InvalidDpopProof));
    assert!(answer.challenge().contains(r#"algs="Ed25519 EdDSA""#), "{}", answer.challenge());
}

#[tokio::test]
async fn a_nonce_takes_the_place_of_the_clients_clock_where_the_route_says_so() {
    let scene = Scene::new();
    let layer = scene.builder(Mode::Require).nonces(scene.nonces.ring()).build().unwrap();
    let mut policy = layer.policy().clone();
    policy.proof.nonce_replaces_iat = true;
    let route = layer.with_policy(policy).unwrap();
    for (layer, expected) in [(&layer, StatusCode::UNAUTHORIZED), (&route, StatusCode::OK)] {
        let call = scene.call();
        let nonce = scene.nonces.seal(call.token(), scene.clock.now());
        let call = call.with_nonce(&nonce);
        let wrong_clock = scene.clock.now().as_seconds() - 86_400;
        let mut headers = call.headers();
        headers.insert("dpop", call.proof().claim("iat", json!(wrong_clock)).sign().parse().unwrap());
        assert_eq!(scene.send(layer, call.request_with(headers)).await.status, expected);
    }
}

#[tokio::test]
async fn scopes_roles_and_audience_are_the_routes_own() {
    let scene = Scene::new();
    let layer = scene.builder(Mode::Require).nonces(scene.nonces.ring()).build().unwrap();
    let own = || RoutePolicy { nonces: NO_NONCES, ..layer.policy().clone() };
    let route = |policy| layer.with_policy(policy).unwrap();
    let roles = || vec![RequiredRoles::any(["realm_access", "roles"], ["clerk", "manager"])];
    let scoped = route(RoutePolicy { scopes: RequiredScopes::all(["transfer"]), ..own() });
    let guarded = route(RoutePolicy { roles: roles(), ..own() });
    let elsewhere = vec!["reports".to_owned()];
    let reports = route(RoutePolicy { audience: AcceptedAudience::OneOf(elsewhere), ..own() });
    let anyone = route(RoutePolicy { audience: AcceptedAudience::Any, ..own() });

    let token = || scene.issuer.token(scene.clock.now());
    let call = |token| Call::new(&scene.client, token, "GET", URI, scene.clock.now());
    let shop = || token().audience("shop");
    let clerk = shop().claim("realm_access", json!({"roles": ["clerk"]})).scope("transfer");
    for (layer, token, status, error) in [
        (&scoped, clerk.clone(), 200, None),
        (&scoped, shop(), 403, Some(ErrorCode::InsufficientScope)),
        (&guarded, clerk.clone(), 200, None),
        (&guarded, shop(), 403, Some(ErrorCode::InsufficientScope)),
        (&reports, token().audience("reports"), 200, None),
        (&reports, clerk, 401, Some(ErrorCode::InvalidToken)),
        (&anyone, token().audience("anything"), 200, None),
    ] {
        let answer = scene.send(layer, call(token).request()).await;
        assert_eq!((answer.status.as_u16(), answer.error()), (status, error), "{layer:?}");
    }
    // The role is missing, the proof was good, and its nonce ages.
    let policy = RoutePolicy { roles: roles(), ..layer.policy().clone() };
    let call = call(shop());
    let ageing =
        scene.nonces.seal(call.token(), scene.clock.now().checked_sub(Duration::from_secs(40)).unwrap());
    let answer = scene.send(&route(policy), call.with_nonce(&ageing).request()).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(answer.headers.get_all("dpop-nonce").iter().count(), 1);
}

#[test]
fn what_a_route_contradicts_or_the_layer_lacks_is_not_built() {
    let scene = Scene::new();
    let full = scene.builder(Mode::Require).nonces(scene.nonces.ring()).build().unwrap();
    let bare = scene.without_store(Mode::Off).build().unwrap();
    let problems = |layer: &DpopLayer, policy: RoutePolicy| match layer.with_policy(policy) {
        Ok(_) => Vec::new(),
        Err(error) => error.problems().to_vec(),
    };
    let demanded = |seconds| NonceDemand::Demanded { lifetime: Duration::from_secs(seconds) };
    for mode in [Mode::Observe, Mode::Permit, Mode::Require] {
        assert_eq!(problems(&bare, plain(mode)), [Problem::NoReplayStore], "{mode:?}");
        let reused = RoutePolicy { reuse: ProofReuse::Allowed, ..plain(mode) };
        assert_eq!(problems(&bare, reused), [], "{mode:?}");
        assert_eq!(problems(&full, plain(mode)), [], "{mode:?}");
    }
    assert_eq!(problems(&bare, plain(Mode::Off)), []);
    let with_nonces = |seconds| RoutePolicy { nonces: demanded(seconds), ..plain(Mode::Off) };
    assert_eq!(problems(&bare, with_nonces(60)), [Problem::NoncesWithoutKeys]);
    assert_eq!(problems(&full, with_nonces(1)), [Problem::NonceLifetime]);
    let mut clockless = plain(Mode::Require);
    clockless.proof.nonce_replaces_iat = true;
    assert_eq!(problems(&full, clockless), [Problem::NonceReplacesIatWithoutNonces]);
    let mut dumb = plain(Mode::Require);
    dumb.proof.algorithms = AlgorithmSet::new([]);
    dumb.proof.max_proof_bytes = 1 << 20;
    assert_eq!(problems(&full, dumb), [Problem::NoProofAlgorithm, Problem::ProofLimit]);
    let nobody = RoutePolicy { audience: AcceptedAudience::OneOf(Vec::new()), ..plain(Mode::Require) };
    assert_eq!(problems(&full, nobody), [Problem::NoAudience]);
    let scopes = RequiredScopes::all(["a b"]);
    assert_eq!(problems(&full, RoutePolicy { scopes, ..plain(Mode::Require) }), [Problem::ChallengeText]);
}
