//! The keys of `proof_of_possession.config` that are Keybound's own: each with a request that it decides.

use gateway_core::decision::Decision;
use jose::{Algorithm, base64url, crypto, jws};
use serde_json::json;

use super::{
    dpop_table::GUIDE,
    world::{NOW, World, answer, get, proof_for, world},
};

const API: &str = "https://gw.example/api";
const INVALID_PROOF: &str = "401 DPoP error=\"invalid_dpop_proof\", algs=\"ES256\"";
const WANTS_NONCE: &str = "401 DPoP error=\"use_dpop_nonce\", algs=\"ES256\" + DPoP-Nonce";

fn world_of(settings: &str) -> World {
    world(&GUIDE.replace("{max_age: 1m, nonce_required: false,", &format!("{{max_age: 1m, {settings},")))
}

fn ask_at(world: &World, scheme: &str, token: &str, proof: Option<&str>, now: i64) -> Decision {
    let authorization = format!("{scheme} {token}");
    let mut fields = vec![("authorization", authorization.as_str())];
    fields.extend(proof.map(|proof| ("dpop", proof)));
    world.decide_at(get(API, &fields), now)
}

fn check(settings: &str, proof: impl FnOnce(&World, &str) -> String, expected: &str) {
    let world = world_of(settings);
    let token = world.parties.bound_token();
    let proof = proof(&world, &token);
    assert_eq!(answer(&ask_at(&world, "DPoP", &token, Some(&proof), NOW)), expected, "{settings}");
}

/// A proof with this type and more text in it.
fn proof_with(world: &World, token: &str, typ: &str, padding: usize) -> String {
    let key = &world.parties.client;
    let header = json!({"typ": typ, "alg": "ES256", "jwk": key.public_jwk().to_json()});
    let claims = json!({
        "jti": "a-jti-of-its-own", "htm": "GET", "htu": API, "iat": NOW, "padding": "x".repeat(padding),
        "ath": base64url::encode(crypto::sha256(token.as_bytes())),
    });
    jws::sign(&header, &claims, key, Algorithm::Es256).unwrap()
}

#[test]
fn strict_htu_refuses_a_query_in_the_claim() {
    let with_query = |world: &World, token: &str| {
        proof_for(&world.parties.client, token, "https://gw.example/api?a", |proof| proof)
    };
    check("strict_htu: false", with_query, "200");
    check("strict_htu: true", with_query, INVALID_PROOF);
    check(
        "strict_htu: true",
        |world, token| proof_for(&world.parties.client, token, API, |proof| proof),
        "200",
    );
}

#[test]
fn typ_lenient_takes_other_spellings_of_the_same_type() {
    for typ in ["application/dpop+jwt", "DPoP+JWT"] {
        check("typ_lenient: false", |world, token| proof_with(world, token, typ, 0), INVALID_PROOF);
        check("typ_lenient: true", |world, token| proof_with(world, token, typ, 0), "200");
    }
    check("typ_lenient: true", |world, token| proof_with(world, token, "jwt", 0), INVALID_PROOF);
}

#[test]
fn max_proof_size_is_a_limit() {
    let of_three_kilobytes = |world: &World, token: &str| proof_with(world, token, "dpop+jwt", 2_000);
    check("max_proof_size: 4KB", of_three_kilobytes, "200");
    check("max_proof_size: 1KB", of_three_kilobytes, INVALID_PROOF);
}

#[test]
fn allowed_algorithms_are_those_of_the_proof_alone() {
    let world = world_of("allowed_algorithms: [ES384]");
    let token = world.parties.bound_token();
    let proof = proof_for(&world.parties.client, &token, API, |proof| proof);
    let refused = "401 DPoP error=\"invalid_dpop_proof\", algs=\"ES384\"";
    assert_eq!(answer(&ask_at(&world, "DPoP", &token, Some(&proof), NOW)), refused);
}

fn nonce_of(world: &World, token: &str) -> String {
    let proof = proof_for(&world.parties.client, token, API, |proof| proof);
    let Decision::Denial(denial) = ask_at(world, "DPoP", token, Some(&proof), NOW) else {
        panic!("permitted")
    };
    denial.headers["dpop-nonce"].to_str().unwrap().to_owned()
}

#[test]
fn nonce_lifetime_is_the_life_of_a_nonce() {
    for (settings, expected) in
        [("nonce_required: true", "200"), ("nonce_required: true, nonce_lifetime: 20s", WANTS_NONCE)]
    {
        let world = world_of(settings);
        let token = world.parties.bound_token();
        let nonce = nonce_of(&world, &token);
        let proof = proof_for(&world.parties.client, &token, API, |proof| proof.nonce(&nonce));
        let answered = answer(&ask_at(&world, "DPoP", &token, Some(&proof), NOW + 45));
        assert!(answered.starts_with(expected), "{settings}: {answered}");
    }
}

#[test]
fn nonce_replaces_iat_forgives_a_wrong_clock() {
    for (settings, expected) in
        [("nonce_required: true", INVALID_PROOF), ("nonce_required: true, nonce_replaces_iat: true", "200")]
    {
        let world = world_of(settings);
        let token = world.parties.bound_token();
        let nonce = nonce_of(&world, &token);
        let parsed = oauth::AccessToken::parse(&token).unwrap();
        let of_last_week = jose::UnixTime::from_seconds(NOW - 7 * 86_400);
        let proof = dpop::ProofBuilder::new(&world.parties.client, "GET", API)
            .access_token(&parsed)
            .nonce(&nonce)
            .sign(of_last_week)
            .unwrap();
        let answered = answer(&ask_at(&world, "DPoP", &token, Some(&proof), NOW));
        assert!(answered.starts_with(expected), "{settings}: {answered}");
    }
}

#[test]
fn the_mode_says_who_must_prove_and_a_bound_token_is_never_a_bearer_token() {
    for (mode, unbound_passes, bound_without_proof_passes) in
        [("off", true, false), ("observe", true, false), ("permit", true, false), ("require", false, false)]
    {
        let world = world_of(&format!("mode: \"{mode}\""));
        let unbound = world.parties.token(json!({}));
        let passes = |decision: Decision| answer(&decision) == "200";
        assert_eq!(passes(ask_at(&world, "Bearer", &unbound, None, NOW)), unbound_passes, "{mode}");
        let bound = world.parties.bound_token();
        let alone = passes(ask_at(&world, "Bearer", &bound, None, NOW));
        assert_eq!(alone, bound_without_proof_passes, "{mode}");
        let proof = proof_for(&world.parties.client, &bound, API, |proof| proof);
        assert!(passes(ask_at(&world, "DPoP", &bound, Some(&proof), NOW)), "{mode}");
    }
}
