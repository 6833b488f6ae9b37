//! Several principals in one rule that look at the same token and proof.

use serde_json::{Value, json};

use super::dpop_table::GUIDE;
use super::world::{World, answer, get, proof_for, world};

const TWO: &str = "
master_key: {source: nonce_keys, selector: nonce-key-1}
mechanisms:
  authenticators:
    - id: token
      type: jwt
      config:
        jwks_endpoint: {url: https://idp.example/certs}
        assertions:
          issuers: [https://idp.example]
          allowed_algorithms: [ES256]
          proof_of_possession: {type: dpop, config: {max_age: 1m}}
    - id: patient
      type: jwt
      config:
        jwks_endpoint: {url: https://idp.example/certs}
        assertions:
          issuers: [https://idp.example]
          allowed_algorithms: [ES256]
          validity_leeway: 1m
          proof_of_possession: {type: dpop, config: {max_age: 10m}}
    - {id: guest, type: anonymous}
rules:
  - id: api
    match: {http: {paths: [{path: /api}]}}
    forward_to: {host: upstream:8081}
    execute:
      - {authenticator: token}
      - {authenticator: guest}
      - {authenticator: patient, principal: second}
";

const API: &str = "https://gw.example/api";

fn ask_at(world: &World, token: &str, proof: &str, now: i64) -> String {
    let authorization = format!("DPoP {token}");
    answer(&world.decide_at(get(API, &[("authorization", &authorization), ("dpop", proof)]), now))
}

#[test]
fn one_proof_serves_all_principals_of_a_request_and_no_second_request() {
    let world = world(TWO);
    let token = world.parties.bound_token();
    let proof = proof_for(&world.parties.client, &token, API, |proof| proof);
    assert_eq!(ask_at(&world, &token, &proof, super::world::NOW), "200");
    let again = ask_at(&world, &token, &proof, super::world::NOW);
    assert!(again.starts_with("401 DPoP error=\"invalid_dpop_proof\""), "{again}");
}

/// RFC 9068 §2.2 and L103 of the catalogue of hostile requests: a token that names nobody is a bad token, not a fault.
#[test]
fn a_token_must_name_its_subject() {
    let check = |sub: Value, expected: &str| {
        let world = world(GUIDE);
        let cnf = json!({"jkt": world.parties.client.thumbprint().to_string()});
        let token = world.parties.token(json!({"sub": sub, "cnf": cnf}));
        let proof = proof_for(&world.parties.client, &token, API, |proof| proof);
        assert_eq!(ask_at(&world, &token, &proof, super::world::NOW), expected, "{sub}");
    };
    let refused = "401 DPoP error=\"invalid_token\", algs=\"ES256\"";
    check(json!("alice"), "200");
    check(json!(7), "200");
    for nobody in [json!(null), json!(""), json!([]), json!({"id": "alice"}), json!(true)] {
        check(nobody, refused);
    }
}

/// The first principal's authenticator stops accepting the token, and a guest takes its place; the second's would still
/// accept the proof. The claim of the first must have lasted for it as well.
#[test]
fn the_claim_lasts_as_long_as_any_of_them_would_accept_the_proof() {
    let world = world(TWO);
    let now = super::world::NOW;
    let cnf = json!({"jkt": world.parties.client.thumbprint().to_string()});
    let token = world.parties.token(json!({"exp": now + 50, "cnf": cnf}));
    let proof = proof_for(&world.parties.client, &token, API, |proof| proof);
    assert_eq!(ask_at(&world, &token, &proof, now), "200");
    for later in [61, 85, 100] {
        let answer = ask_at(&world, &token, &proof, now + later);
        assert!(answer.starts_with("401"), "{later}: {answer}");
    }
    let fresh = proof_for(&world.parties.client, &token, API, |proof| proof);
    assert_eq!(ask_at(&world, &token, &fresh, now + 85), "200", "it is the claim that refuses above");
}
