//! Several authenticators in a chain.

use serde_json::json;

use super::{
    dpop_table::GUIDE,
    world::{World, answer, get, proof_for, world},
};

const API: &str = "https://gw.example/api";

/// The guide's gateway with other steps in its rule and more authenticators.
fn chain(steps: &str) -> World {
    let more = "    - {id: guest, type: anonymous}
    - id: other_issuer
      type: jwt
      config:
        jwks_endpoint: https://other.example/certs
        assertions: {issuers: [https://other.example], allowed_algorithms: [ES256]}
    - id: rsa_proofs
      type: jwt
      config:
        jwks_endpoint: https://idp.example/certs
        assertions:
          issuers: [https://idp.example]
          allowed_algorithms: [ES256]
          proof_of_possession: {type: dpop, config: {allowed_algorithms: [PS256]}}
  finalizers:";
    world(&GUIDE.replace("  finalizers:", more).replace("[{authenticator: token}]", steps))
}

fn principal(world: &World, fields: &[(&str, &str)]) -> String {
    match world.decide(get(API, fields)) {
        gateway_core::decision::Decision::Permit(permit) => {
            permit.changes.headers()["x-user"].to_str().unwrap().to_owned()
        }
        refused => answer(&refused),
    }
}

fn with_user_header(steps: &str) -> World {
    let more =
        "  finalizers:\n    - {id: user, type: header, config: {headers: {X-User: '{{ .Subject.ID }}'}}}";
    let guests = "    - {id: guest, type: anonymous}\n";
    world(
        &GUIDE
            .replace("  finalizers:", &format!("{guests}{more}"))
            .replace("[{authenticator: token}]", steps),
    )
}

#[test]
fn goes_on_without_credentials_and_with_foreign_tokens() {
    let world = with_user_header("[{authenticator: token}, {authenticator: guest}, {finalizer: user}]");
    assert_eq!(principal(&world, &[]), "anonymous");
    let foreign = world.parties.token(json!({"iss": "https://other.example"}));
    assert_eq!(principal(&world, &[("authorization", &format!("Bearer {foreign}"))]), "anonymous");
    let token = world.parties.bound_token();
    let proof = proof_for(&world.parties.client, &token, API, |proof| proof);
    let fields = [("authorization", format!("DPoP {token}")), ("dpop", proof)];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(principal(&world, &fields), "alice");
}

#[test]
fn a_stolen_token_never_passes_as_anonymous() {
    let world = chain("[{authenticator: token}, {authenticator: guest}]");
    let token = world.parties.bound_token();
    let check = |fields: &[(&str, &str)], expected: &str| {
        assert_eq!(answer(&world.decide(get(API, fields))), expected, "{expected}");
    };
    let (dpop, bearer) = (format!("DPoP {token}"), format!("Bearer {token}"));
    check(&[("authorization", &bearer)], "401 DPoP error=\"invalid_token\", algs=\"ES256\"");
    check(&[("authorization", &dpop)], "401 DPoP error=\"invalid_dpop_proof\", algs=\"ES256\"");
    let by_thief = proof_for(&world.parties.other_client, &token, API, |proof| proof);
    check(
        &[("authorization", &dpop), ("dpop", &by_thief)],
        "401 DPoP error=\"invalid_token\", algs=\"ES256\"",
    );
    let good = proof_for(&world.parties.client, &token, API, |proof| proof);
    check(&[("authorization", &dpop), ("dpop", &good)], "200");
    check(
        &[("authorization", &dpop), ("dpop", &good)],
        "401 DPoP error=\"invalid_dpop_proof\", algs=\"ES256\"",
    );
}

#[test]
fn a_nonce_challenge_is_not_hidden_by_anonymous() {
    let config = GUIDE
        .replace("nonce_required: false", "nonce_required: true")
        .replace("  finalizers:", "    - {id: guest, type: anonymous}\n  finalizers:")
        .replace("[{authenticator: token}]", "[{authenticator: token}, {authenticator: guest}]");
    let world = world(&config);
    let token = world.parties.bound_token();
    let proof = proof_for(&world.parties.client, &token, API, |proof| proof);
    let fields = [("authorization", format!("DPoP {token}")), ("dpop", proof)];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(
        answer(&world.decide(get(API, &fields))),
        "401 DPoP error=\"use_dpop_nonce\", algs=\"ES256\" + DPoP-Nonce"
    );
}

#[test]
fn a_proof_algorithm_that_is_not_listed_may_be_listed_further_behind() {
    let token_and_proof = |world: &World| {
        let token = world.parties.bound_token();
        let proof = proof_for(&world.parties.client, &token, API, |proof| proof);
        [("authorization", format!("DPoP {token}")), ("dpop", proof)]
    };
    let check = |steps: &str, expected: &str| {
        let world = chain(steps);
        let fields = token_and_proof(&world);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(answer(&world.decide(get(API, &fields))), expected, "{steps}");
    };
    check("[{authenticator: rsa_proofs}, {authenticator: token}]", "200");
    // Nobody else allows the algorithm: the proof is refused, and anonymous is not asked.
    check(
        "[{authenticator: rsa_proofs}, {authenticator: guest}]",
        "401 DPoP error=\"invalid_dpop_proof\", algs=\"PS256\"",
    );
    check(
        "[{authenticator: rsa_proofs}, {authenticator: other_issuer}, {authenticator: guest}]",
        "401 DPoP error=\"invalid_dpop_proof\", algs=\"PS256\"",
    );
}

#[test]
fn a_failure_that_saw_credentials_is_reported_first() {
    let world = chain("[{authenticator: nobody}, {authenticator: token}]");
    let expired = world.parties.token(json!({"exp": 1}));
    assert_eq!(
        answer(&world.decide(get(API, &[("authorization", &format!("DPoP {expired}"))]))),
        "401 DPoP error=\"invalid_dpop_proof\", algs=\"ES256\""
    );
    let decision = world.decide(get(API, &[("authorization", &format!("Bearer {expired}"))]));
    assert_eq!(answer(&decision), "401 DPoP error=\"invalid_token\", algs=\"ES256\"");
}

#[test]
fn every_principal_must_be_established() {
    let world = with_user_header(
        "[{authenticator: guest}, {authenticator: token, principal: machine}, {finalizer: user}]",
    );
    assert_eq!(principal(&world, &[]), "401 DPoP algs=\"ES256\"");
    let token = world.parties.bound_token();
    let proof = proof_for(&world.parties.client, &token, API, |proof| proof);
    let fields = [("authorization", format!("DPoP {token}")), ("dpop", proof)];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(principal(&world, &fields), "anonymous");
}
