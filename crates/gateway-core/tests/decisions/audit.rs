//! What decisions tell the log about proofs and principals.

use gateway_core::{audit::Audit, decision::Decision};
use resource_server::{JtiHash, ProofTrace};
use serde_json::json;

use super::{
    dpop_table::GUIDE,
    world::{World, get, proof_for, world},
};

const API: &str = "https://gw.example/api";

fn audit(world: &World, scheme: &str, token: &str, proof: Option<&str>) -> Audit {
    let authorization = format!("{scheme} {token}");
    let mut fields = vec![("authorization", authorization.as_str())];
    fields.extend(proof.map(|proof| ("dpop", proof)));
    match world.decide(get(API, &fields)) {
        Decision::Permit(permit) => permit.audit,
        Decision::Denial(denial) => denial.audit,
    }
}

/// Outcome of the proof, whether the client's key is named, and the subject.
fn told(world: &World, audit: &Audit) -> (Option<&'static str>, bool, Option<String>) {
    let thumbprint = world.parties.client.thumbprint();
    let proof = audit.proof.as_ref();
    (
        proof.map(|proof| proof.outcome.as_str()),
        proof.is_some_and(|proof| proof.trace.as_ref().is_some_and(|trace| trace.thumbprint == thumbprint)),
        audit.subject.clone(),
    )
}

#[test]
fn a_proof_and_its_replay_show_the_same_hash() {
    let world = world(GUIDE);
    let token = world.parties.bound_token();
    let proof = proof_for(&world.parties.client, &token, API, |proof| proof);
    let first = audit(&world, "DPoP", &token, Some(&proof));
    let again = audit(&world, "DPoP", &token, Some(&proof));
    assert_eq!(told(&world, &first), (Some("accepted"), true, Some("alice".to_owned())));
    assert_eq!(told(&world, &again), (Some("replayed"), true, None));
    let hash = |audit: &Audit| audit.proof.as_ref().unwrap().trace.as_ref().unwrap().jti_hash();
    assert_eq!(hash(&first), hash(&again));
    let mut headers = http::HeaderMap::new();
    headers.insert("dpop", proof.parse().unwrap());
    let policy = dpop::Policy::rfc9449();
    let parsed = dpop::UnverifiedProof::from_headers(&headers, &policy).unwrap();
    assert_eq!(hash(&first), JtiHash::of(&parsed.claims().jti));
    assert_eq!(ProofTrace::of(&parsed).jti_hash(), hash(&first));
}

#[test]
fn every_refusal_names_its_check() {
    let world = world(GUIDE);
    let parties = &world.parties;
    let token = parties.bound_token();
    let check = |scheme: &str, token: &str, proof: Option<String>, expected: (Option<&'static str>, bool)| {
        let audit = audit(&world, scheme, token, proof.as_deref());
        let (outcome, names_client, subject) = told(&world, &audit);
        assert_eq!((outcome, names_client, subject), (expected.0, expected.1, None), "{scheme}");
    };
    let other = parties.token(json!({}));
    let expired = parties.token(json!({"exp": 1}));
    let good = |token: &str| proof_for(&parties.client, token, API, |proof| proof);
    check("DPoP", &token, None, (Some("missing"), false));
    check("DPoP", &token, Some("x".to_owned()), (Some("malformed"), false));
    let elsewhere = proof_for(&parties.client, &token, "https://gw.example/apis", |proof| proof);
    check("DPoP", &token, Some(elsewhere), (Some("htu"), true));
    check("DPoP", &token, Some(good(&other)), (Some("ath"), true));
    let foreign = proof_for(&parties.other_client, &token, API, |proof| proof);
    check("DPoP", &token, Some(foreign), (Some("key_not_bound"), false));
    check("DPoP", &expired, Some(good(&expired)), (Some("not_judged"), true));
    check("Bearer", &token, None, (None, false));
}

#[test]
fn a_proof_counts_as_accepted_when_only_a_scope_is_missing() {
    let scopes = "assertions:\n          scopes: {matching_strategy: wildcard, values: [admin.read]}";
    let world = world(&GUIDE.replace("assertions:", scopes));
    let token = world.parties.bound_token();
    let proof = proof_for(&world.parties.client, &token, API, |proof| proof);
    let audit = audit(&world, "DPoP", &token, Some(&proof));
    assert_eq!(told(&world, &audit).0, Some("accepted"));
}

#[test]
fn what_is_only_observed_says_what_would_have_been_refused() {
    let world = world(&GUIDE.replace("config: {max_age", "config: {mode: observe, max_age"));
    let token = world.parties.bound_token();
    let elsewhere = proof_for(&world.parties.client, &token, "https://gw.example/apis", |proof| proof);
    let observed = audit(&world, "DPoP", &token, Some(&elsewhere));
    assert_eq!(told(&world, &observed), (Some("htu"), true, Some("alice".to_owned())));
    let bearer = world.parties.token(json!({}));
    assert_eq!(told(&world, &audit(&world, "Bearer", &bearer, None)).0, Some("bearer"));
}

#[test]
fn rules_are_named_with_their_set() {
    let world = world(GUIDE);
    let Decision::Denial(denial) = world.decide(get(API, &[])) else { panic!("permitted") };
    assert_eq!(denial.rule_set.as_deref(), Some("gateway.yaml"));
    let Decision::Denial(denial) = world.decide(get("https://gw.example/x", &[])) else {
        panic!("permitted")
    };
    assert_eq!((denial.rule_id.as_deref(), denial.rule_set.as_deref()), (Some("default"), None));
    assert_eq!(world.gateway.rule_sets().into_iter().collect::<Vec<_>>(), [("gateway.yaml".into(), 1)]);
    assert_eq!(world.gateway.key_sources().into_iter().map(|(id, _)| id).collect::<Vec<_>>(), ["token"]);
}
