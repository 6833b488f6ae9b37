//! The table "measured on heimdall" of the mechanisms: what Keybound answers.

use std::sync::Arc;

use dpop::{Claim, ReplayKey, ReplayStore};
use gateway_core::{decision::Decision, denial::DenialKind};
use jose::UnixTime;
use oauth::AccessToken;
use resource_server::OutboundError;
use serde_json::json;

use super::world::{KeyEndpoint, NOW, World, answer, get, parties, proof_for, world, world_with};

pub(crate) const GUIDE: &str = "
master_key: {source: nonce_keys, selector: nonce-key-1}
mechanisms:
  authenticators:
    - {id: nobody, type: unauthorized}
    - id: token
      type: jwt
      config:
        jwks_endpoint: {url: https://idp.example/certs}
        assertions:
          issuers: [https://idp.example]
          allowed_algorithms: [ES256]
          validity_leeway: 10s
          proof_of_possession:
            type: dpop
            config: {max_age: 1m, nonce_required: false, replay_allowed: false}
  finalizers:
    - {id: pass, type: noop}
default_rule:
  execute: [{authenticator: nobody}, {finalizer: pass}]
rules:
  - id: api
    match: {http: {paths: [{path: /api}, {path: /api/**}]}}
    forward_to: {host: upstream:8081}
    execute: [{authenticator: token}]
";

const API: &str = "https://gw.example/api";

fn with_nonces() -> String {
    GUIDE.replace("nonce_required: false", "nonce_required: true")
}

fn without_requirement() -> String {
    let start = GUIDE.find("          proof_of_possession").unwrap();
    let end = GUIDE.find("  finalizers:").unwrap();
    format!("{}{}", &GUIDE[..start], &GUIDE[end..])
}

/// `GET /api?x=1` with a token under a scheme, and a proof if one is given.
fn ask(world: &World, scheme: &str, token: &str, proof: Option<&str>) -> Decision {
    let authorization = format!("{scheme} {token}");
    let mut fields = vec![("authorization", authorization.as_str())];
    fields.extend(proof.map(|proof| ("dpop", proof)));
    world.decide(get(&format!("{API}?x=1"), &fields))
}

const INVALID_PROOF: &str = "401 DPoP error=\"invalid_dpop_proof\", algs=\"ES256\"";
const INVALID_TOKEN: &str = "401 DPoP error=\"invalid_token\", algs=\"ES256\"";

#[test]
fn a_bound_token_with_its_proof_passes_once() {
    let world = world(GUIDE);
    let token = world.parties.bound_token();
    let proof = proof_for(&world.parties.client, &token, API, |proof| proof);
    assert_eq!(answer(&ask(&world, "DPoP", &token, Some(&proof))), "200");
    let again = ask(&world, "DPoP", &token, Some(&proof));
    assert_eq!(answer(&again), INVALID_PROOF);
    let Decision::Denial(denial) = again else { panic!("permitted") };
    assert_eq!((denial.kind, denial.reason), (DenialKind::Authentication, "proof_replayed"));
    assert_eq!(denial.rule_id.as_deref(), Some("api"));
    assert_eq!(denial.headers["cache-control"], "no-store");
    assert_eq!(denial.headers["vary"], "Authorization, DPoP");
    assert!(!denial.detail.contains(&token), "{}", denial.detail);
}

#[test]
fn what_is_wrong_is_told_as_the_table_says() {
    let world = world(GUIDE);
    let parties = &world.parties;
    let token = parties.bound_token();
    let good = || proof_for(&parties.client, &token, API, |proof| proof);
    let check = |scheme: &str, token: &str, proof: Option<String>, expected: &str| {
        assert_eq!(answer(&ask(&world, scheme, token, proof.as_deref())), expected, "{scheme} {expected}");
    };
    check("DPoP", &token, None, INVALID_PROOF);
    check("Bearer", &token, None, INVALID_TOKEN);
    check("Bearer", &token, Some(good()), INVALID_TOKEN);
    check("dpop", &token, Some(good()), "200");
    check(
        "DPoP",
        &token,
        Some(proof_for(&parties.client, &token, "HTTPS://GW.example:443/api", |p| p)),
        "200",
    );
    check("DPoP", &token, Some(proof_for(&parties.client, &token, &format!("{API}?other"), |p| p)), "200");
    check(
        "DPoP",
        &token,
        Some(proof_for(&parties.client, &token, "https://gw.example/apis", |p| p)),
        INVALID_PROOF,
    );
    check("DPoP", &token, Some(proof_for(&parties.other_client, &token, API, |p| p)), INVALID_TOKEN);
    let other = parties.token(json!({}));
    check("DPoP", &token, Some(proof_for(&parties.client, &other, API, |p| p)), INVALID_PROOF);
    check("DPoP", &other, Some(proof_for(&parties.client, &other, API, |p| p)), INVALID_TOKEN);
    let jkt = json!({"jkt": parties.client.thumbprint().to_string()});
    let expired = parties.token(json!({"cnf": jkt, "exp": NOW - 60}));
    check("DPoP", &expired, Some(proof_for(&parties.client, &expired, API, |p| p)), INVALID_TOKEN);
    let foreign = parties.token(json!({"cnf": jkt, "iss": "https://other.example"}));
    check("DPoP", &foreign, Some(proof_for(&parties.client, &foreign, API, |p| p)), INVALID_TOKEN);
}

#[test]
fn the_window_of_a_proof_is_that_of_heimdall() {
    let world = world(GUIDE);
    let token = world.parties.bound_token();
    let check = |age: i64, expected: &str| {
        let parsed = AccessToken::parse(&token).unwrap();
        let proof = dpop::ProofBuilder::new(&world.parties.client, "GET", API).access_token(&parsed);
        let proof = proof.sign(UnixTime::from_seconds(NOW - age)).unwrap();
        assert_eq!(answer(&ask(&world, "DPoP", &token, Some(&proof))), expected, "{age}");
    };
    check(65, "200");
    check(70, "200");
    check(71, INVALID_PROOF);
    check(-10, "200");
    check(-11, INVALID_PROOF);
}

#[test]
fn without_credentials_there_is_a_bare_challenge() {
    let world = world(GUIDE);
    let check = |fields: &[(&str, &str)], expected: &str| {
        assert_eq!(answer(&world.decide(get(API, fields))), expected, "{fields:?}");
    };
    check(&[], "401 DPoP algs=\"ES256\"");
    check(&[("authorization", "Basic YTpi")], "401 DPoP algs=\"ES256\"");
    check(&[("dpop", "x.y.z")], "401 DPoP algs=\"ES256\"");
    // The default rule's `unauthorized` borrows the challenge of the first authenticator that speaks DPoP.
    assert_eq!(answer(&world.decide(get("https://gw.example/other", &[]))), "401 DPoP algs=\"ES256\"");
}

#[test]
fn a_token_in_the_query_is_a_bearer_token_and_never_one_that_needs_a_proof() {
    let world = world(&without_requirement());
    let address = |token: &str| format!("{API}?access_token={token}");
    let unbound = address(&world.parties.token(json!({})));
    assert_eq!(answer(&world.decide(get(&unbound, &[]))), "200");
    let bound = address(&world.parties.bound_token());
    assert_eq!(
        answer(&world.decide(get(&bound, &[]))),
        "401 DPoP algs=\"ES256\", Bearer error=\"invalid_token\""
    );
    let strict = self::world(GUIDE);
    let unbound_there = address(&strict.parties.token(json!({})));
    assert_eq!(answer(&strict.decide(get(&unbound_there, &[]))), "401 DPoP algs=\"ES256\"");
    let address = unbound;
    let with_proof = world.decide(get(&address, &[("dpop", "x")]));
    assert_eq!(
        answer(&with_proof),
        "400 DPoP error=\"invalid_request\", algs=\"ES256\", Bearer error=\"invalid_request\""
    );
}

#[test]
fn two_authorization_lines_are_a_bad_request() {
    let world = world(GUIDE);
    let decision = world.decide(get(API, &[("authorization", "DPoP a"), ("authorization", "DPoP b")]));
    assert_eq!(answer(&decision), "400 DPoP error=\"invalid_request\", algs=\"ES256\"");
}

#[test]
fn a_nonce_is_demanded_then_accepted_then_renewed() {
    let world = world(&with_nonces());
    let token = world.parties.bound_token();
    let plain = proof_for(&world.parties.client, &token, API, |proof| proof);
    let challenged = ask(&world, "DPoP", &token, Some(&plain));
    assert_eq!(answer(&challenged), "401 DPoP error=\"use_dpop_nonce\", algs=\"ES256\" + DPoP-Nonce");
    let Decision::Denial(denial) = challenged else { panic!("permitted") };
    assert_eq!(denial.reason, "use_dpop_nonce");
    let nonce = denial.headers["dpop-nonce"].to_str().unwrap().to_owned();

    let proof = proof_for(&world.parties.client, &token, API, |proof| proof.nonce(&nonce));
    let authorization = format!("DPoP {token}");
    let fields = [("authorization", authorization.as_str()), ("dpop", proof.as_str())];
    let permit = world.permit(get(API, &fields));
    assert!(permit.response_headers.is_empty(), "the nonce is still fresh");

    let parsed = AccessToken::parse(&token).unwrap();
    let later = NOW + 31;
    let proof =
        dpop::ProofBuilder::new(&world.parties.client, "GET", API).access_token(&parsed).nonce(&nonce);
    let proof = proof.sign(UnixTime::from_seconds(later)).unwrap();
    let fields = [("authorization", authorization.as_str()), ("dpop", proof.as_str())];
    let Decision::Permit(permit) = world.decide_at(get(API, &fields), later) else { panic!("refused") };
    assert_ne!(permit.response_headers["dpop-nonce"], nonce);
    assert_eq!(permit.response_headers["cache-control"], "no-store");

    let forged = proof_for(&world.parties.client, &token, API, |proof| proof.nonce("bm9uY2Uta2V5LTE.AA.AA"));
    let refused = ask(&world, "DPoP", &token, Some(&forged));
    assert_eq!(answer(&refused), "401 DPoP error=\"use_dpop_nonce\", algs=\"ES256\" + DPoP-Nonce");
}

#[test]
fn without_a_requirement_bound_tokens_must_prove_and_unbound_ones_may_pass() {
    let world = world(&without_requirement());
    let parties = &world.parties;
    let bound = parties.bound_token();
    let unbound = parties.token(json!({}));
    let proof = |token: &str| proof_for(&parties.client, token, API, |proof| proof);
    let check = |scheme: &str, token: &str, proof: Option<String>, expected: &str| {
        assert_eq!(answer(&ask(&world, scheme, token, proof.as_deref())), expected, "{scheme} {expected}");
    };
    check("DPoP", &bound, Some(proof(&bound)), "200");
    check("DPoP", &bound, None, "401 DPoP error=\"invalid_dpop_proof\", algs=\"ES256\", Bearer");
    check("Bearer", &bound, None, "401 DPoP algs=\"ES256\", Bearer error=\"invalid_token\"");
    check("Bearer", &unbound, None, "200");
    check(
        "DPoP",
        &unbound,
        Some(proof(&unbound)),
        "401 DPoP error=\"invalid_token\", algs=\"ES256\", Bearer",
    );
    let to_certificate = parties.token(json!({"cnf": {"x5t#S256": "A".repeat(43)}}));
    check("Bearer", &to_certificate, None, "401 DPoP algs=\"ES256\", Bearer error=\"invalid_token\"");
}

#[test]
fn a_missing_scope_is_forbidden_and_told_only_when_configured() {
    let scopes = "assertions:\n          scopes: {matching_strategy: wildcard, values: [admin.read]}";
    let world = world(&GUIDE.replace("assertions:", scopes));
    let token = world.parties.bound_token();
    let proof = proof_for(&world.parties.client, &token, API, |proof| proof);
    let decision = ask(&world, "DPoP", &token, Some(&proof));
    assert_eq!(answer(&decision), "403 DPoP error=\"insufficient_scope\", algs=\"ES256\"");
    let Decision::Denial(denial) = decision else { panic!("permitted") };
    assert_eq!(denial.kind, DenialKind::Authorization);
}

#[test]
fn a_key_endpoint_that_does_not_answer_is_a_fault() {
    let check = |error: OutboundError, kind: DenialKind, status: u16| {
        let world = world_with(
            GUIDE,
            parties(),
            KeyEndpoint::Fails(error),
            Arc::new(dpop::MemoryReplayStore::new(10)),
        );
        let token = world.parties.bound_token();
        let proof = proof_for(&world.parties.client, &token, API, |proof| proof);
        let authorization = format!("DPoP {token}");
        let fields = [("authorization", authorization.as_str()), ("dpop", proof.as_str())];
        let denial = world.denial(get(API, &fields));
        assert_eq!((denial.kind, denial.status.as_u16()), (kind, status));
        assert!(!denial.headers.contains_key("www-authenticate"));
        assert!(!denial.headers.contains_key("retry-after"));
    };
    check(OutboundError::Unreachable("refused".into()), DenialKind::Communication, 502);
    check(OutboundError::TimedOut, DenialKind::CommunicationTimeout, 504);
}

#[derive(Debug)]
struct BrokenStore;

impl ReplayStore for BrokenStore {
    fn claim(&self, _: ReplayKey, _: UnixTime, _: UnixTime) -> dpop::ClaimFuture<'_> {
        Box::pin(std::future::ready(Claim::Unavailable))
    }

    fn remembers_since(&self) -> Option<UnixTime> {
        None
    }
}

#[test]
fn a_replay_store_that_can_not_answer_is_a_fault_and_never_a_pass() {
    let parties = parties();
    let endpoint = KeyEndpoint::Answers(parties.key_set());
    let world = world_with(GUIDE, parties, endpoint, Arc::new(BrokenStore));
    let token = world.parties.bound_token();
    let proof = proof_for(&world.parties.client, &token, API, |proof| proof);
    let authorization = format!("DPoP {token}");
    let denial =
        world.denial(get(API, &[("authorization", authorization.as_str()), ("dpop", proof.as_str())]));
    assert_eq!((denial.kind, denial.status.as_u16()), (DenialKind::ReplayStoreUnavailable, 503));
    assert!(denial.headers.contains_key("retry-after"));
    assert!(!denial.headers.contains_key("www-authenticate"));
}
