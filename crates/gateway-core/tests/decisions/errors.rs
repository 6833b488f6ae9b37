//! Refusals before and behind authentication.

use gateway_core::{decision::Decision, denial::DenialKind};

use super::{
    dpop_table::GUIDE,
    world::{NOW, get, world},
};

const OPEN: &str = "
verbose: true
mechanisms:
  authenticators: [{id: guest, type: anonymous}]
  authorizers: [{id: everyone, type: allow}, {id: closed, type: deny}]
  error_handlers: [{id: plain, type: default}]
rules:
  - id: open
    match: {http: {paths: [{path: /open/:name}]}}
    forward_to: {host: up}
    execute: [{authenticator: guest}, {authorizer: everyone}]
  - id: closed
    match: {http: {paths: [{path: /closed}]}}
    forward_to: {host: up}
    execute: [{authenticator: guest}, {authorizer: closed}]
    on_error: [{error_handler: plain}]
";

#[test]
fn an_authorizer_that_denies_is_forbidden() {
    let world = world(OPEN);
    let denial = world.denial(get("https://gw.example/closed", &[("accept", "application/json")]));
    assert_eq!((denial.kind, denial.status.as_u16()), (DenialKind::Authorization, 403));
    assert_eq!(denial.body, br#"{"code":"authorizationError","message":"denied by authorizer"}"#.as_slice());
    assert!(!denial.headers.contains_key("www-authenticate"));
    assert!(denial.detail.contains("authorizer `closed`"));
}

#[test]
fn captures_come_with_the_permit() {
    let world = world(OPEN);
    let permit = world.permit(get("https://gw.example/open/a%20b", &[]));
    assert_eq!(permit.request.captures["name"], "a b");
}

#[test]
fn requests_that_can_not_be_looked_up_are_refused_before_any_pipeline() {
    let world = world(OPEN);
    let check = |address: &str, kind: DenialKind, status: u16, has_body: bool| {
        let denial = world.denial(get(address, &[]));
        assert_eq!((denial.kind, denial.status.as_u16()), (kind, status), "{address}");
        assert_eq!(!denial.body.is_empty(), has_body, "{address}");
        assert_eq!(denial.rule_id, None);
        assert_eq!(denial.headers["cache-control"], "no-store");
    };
    check("https://gw.example/nothing", DenialKind::NoRule, 404, true);
    check("https://gw.example/open/%zz", DenialKind::Precondition, 400, true);
    check("https://gw.example/open/%2e%2e%2fx", DenialKind::Precondition, 400, true);
    check("https://bad host/open/x", DenialKind::BadRequest, 400, false);
}

#[test]
fn a_nonce_that_is_due_goes_out_with_a_later_refusal_too() {
    let config = GUIDE
        .replace("nonce_required: false", "nonce_required: true")
        .replace("  finalizers:\n", "  authorizers: [{id: closed, type: deny}]\n  finalizers:\n")
        .replace("[{authenticator: token}]", "[{authenticator: token}, {authorizer: closed}]");
    let world = world(&config);
    let address = "https://gw.example/api";
    let token = world.parties.bound_token();
    let authorization = format!("DPoP {token}");
    let ask = |nonce: &str, now: i64| {
        let parsed = oauth::AccessToken::parse(&token).unwrap();
        let proof = dpop::ProofBuilder::new(&world.parties.client, "GET", address).access_token(&parsed);
        let proof = proof.nonce(nonce).sign(jose::UnixTime::from_seconds(now)).unwrap();
        let request = get(address, &[("authorization", &authorization), ("dpop", &proof)]);
        match world.decide_at(request, now) {
            Decision::Denial(denial) => denial,
            Decision::Permit(_) => panic!("permitted"),
        }
    };
    let nonce = ask("none", NOW).headers["dpop-nonce"].to_str().unwrap().to_owned();
    let early = ask(&nonce, NOW + 1);
    assert_eq!((early.status.as_u16(), early.headers.contains_key("dpop-nonce")), (403, false));
    let late = ask(&nonce, NOW + 40);
    assert_eq!((late.status.as_u16(), late.headers.contains_key("dpop-nonce")), (403, true));
    assert_eq!(late.headers["cache-control"], "no-store");
}
