//! Finalizers that give the upstream cookies, and tokens of an authorization server.

use std::sync::Arc;

use http::HeaderMap;
use resource_server::OutboundError;

use super::{
    dependencies::{Services, world_of},
    world::{NOW, World, answer, codes, get},
};

const TOKEN_URL: &str = "https://idp.example/token";
const CONFIGURATION: &str = "
mechanisms:
  authenticators:
    - {id: guest, type: anonymous, config: {principal: 'g u'}}
  finalizers:
    - {id: cookies, type: cookie, config: {cookies: {user: '{{ .Subject.ID }}', tenant: '{{ .Request.Header \"X-Tenant\" }}'}}}
    - id: token
      type: oauth2_client_credentials
      config:
        token_url: https://idp.example/token
        credentials: {source: texts, selector: shop}
        scopes: [a, b]
rules:
  - id: cookies
    match: {http: {paths: [{path: /cookies}]}}
    forward_to: {host: up.example}
    execute: [{authenticator: guest}, {finalizer: cookies}]
  - id: token
    match: {http: {paths: [{path: /token}]}}
    forward_to: {host: up.example}
    execute: [{authenticator: guest}, {finalizer: token}]
  - id: other_scope
    match: {http: {paths: [{path: /other}]}}
    forward_to: {host: up.example}
    execute:
      - authenticator: guest
      - finalizer: token
        config: {scopes: [c], cache_ttl: 20s, header: {name: X-Token, scheme: Tok}}
";

fn gateway() -> (World, Arc<Services>) {
    let services = Arc::new(Services::default());
    let granted = r#"{"access_token": "t1", "token_type": "bearer", "expires_in": 60}"#;
    services.answer(TOKEN_URL, 200, "application/json", granted);
    (world_of(CONFIGURATION, &services), services)
}

fn ask(world: &World, path: &str, now: i64) -> String {
    answer(&world.decide_at(get(&format!("https://gw.example{path}"), &[]), now))
}

#[test]
fn a_cookie_replaces_the_clients() {
    let (world, _) = gateway();
    let fields = [("cookie", "user=evil; a=1; tenant=evil"), ("x-tenant", "acme")];
    let permit = world.permit(get("https://gw.example/cookies", &fields));
    let mut sent = HeaderMap::new();
    sent.insert("cookie", "user=evil; a=1; tenant=evil".parse().unwrap());
    permit.changes.apply_to(&mut sent);
    assert_eq!(sent["cookie"], "a=1; tenant=acme; user=\"g u\"");
    let permit = world.permit(get("https://gw.example/cookies", &fields[..1]));
    permit.changes.apply_to(&mut sent);
    assert_eq!(
        sent["cookie"], "a=1; tenant=; user=\"g u\"",
        "an empty value does not let the client's through"
    );
    let fields = [("x-tenant", "a;b")];
    assert_eq!(answer(&world.decide(get("https://gw.example/cookies", &fields))), "500");
}

#[test]
fn one_token_serves_many_requests_until_shortly_before_it_expires() {
    let (world, services) = gateway();
    let permit = world.permit(get("https://gw.example/token", &[("authorization", "Bearer clients")]));
    assert_eq!(permit.changes.headers()["authorization"], "Bearer t1");
    assert_eq!(ask(&world, "/token", NOW + 54), "200");
    assert_eq!(services.count(), 1);
    assert_eq!(ask(&world, "/token", NOW + 55), "200");
    assert_eq!(services.count(), 2);
    let call = services.calls().remove(0);
    assert_eq!(call.body, "grant_type=client_credentials&scope=a%20b");
    assert_eq!(call.headers["authorization"], "Basic Z2F0ZXdheTpzM2NyZXQlMkIlM0E=");
    assert_eq!(call.headers["content-type"], "application/x-www-form-urlencoded");
}

#[test]
fn a_step_has_scopes_life_and_header_of_its_own() {
    let (world, services) = gateway();
    assert_eq!(ask(&world, "/token", NOW), "200");
    let permit = world.permit(get("https://gw.example/other", &[]));
    assert_eq!(permit.changes.headers()["x-token"], "Tok t1");
    assert_eq!(services.calls()[1].body, "grant_type=client_credentials&scope=c");
    assert_eq!(ask(&world, "/other", NOW + 19), "200");
    assert_eq!(services.count(), 2);
    assert_eq!(ask(&world, "/other", NOW + 20), "200");
    assert_eq!(services.count(), 3);
}

#[test]
fn credentials_can_go_in_the_body() {
    let services = Arc::new(Services::default());
    services.answer(TOKEN_URL, 200, "application/json", r#"{"access_token": "t1", "token_type": "X"}"#);
    let world = world_of(&CONFIGURATION.replace("scopes: [a, b]", "auth_method: request_body"), &services);
    let permit = world.permit(get("https://gw.example/token", &[]));
    assert_eq!(permit.changes.headers()["authorization"], "X t1");
    let call = services.calls().remove(0);
    assert_eq!(call.body, "grant_type=client_credentials&client_id=gateway&client_secret=s3cret%2B%3A");
    assert!(!call.headers.contains_key("authorization"));
    assert_eq!(ask(&world, "/token", NOW), "200");
    assert_eq!(services.count(), 2, "a token of unknown life is not used again");
}

#[test]
fn without_a_token_nothing_is_forwarded() {
    let (world, services) = gateway();
    let check = |status: u16, body: &str| {
        services.answer(TOKEN_URL, status, "application/json", body);
        let denial = world.denial(get("https://gw.example/token", &[]));
        assert_eq!(denial.status, 502, "{status} {body}");
        assert!(!denial.detail.contains("s3cret") && !denial.detail.contains("t9"), "{}", denial.detail);
    };
    check(401, r#"{"error": "invalid_client"}"#);
    check(200, "{}");
    check(200, r#"{"access_token": "t9", "token_type": "DPoP"}"#);
    check(200, r#"{"access_token": "t9 t9", "token_type": "Bearer"}"#);
    services.fail(TOKEN_URL, OutboundError::TimedOut);
    assert_eq!(ask(&world, "/token", NOW), "504");
}

#[test]
fn mistakes_are_found_at_load() {
    let check = |from: &str, to: &str, expected: &[&str]| {
        assert!(CONFIGURATION.contains(from), "{from}");
        assert_eq!(codes(&CONFIGURATION.replace(from, to)), expected, "{to}");
    };
    check("selector: shop", "selector: operator", &["wrong_secret_kind"]);
    check("token_url: https:", "token_url: http:", &["plain_http_endpoint"]);
    check("token_url: https://idp.example/token", "token_url: /token", &["wrong_type"]);
    check("{user: '", "{'us er': '", &["wrong_type"]);
    check("name: X-Token", "name: 'X Token'", &["wrong_type"]);
    check("name: X-Token", "name: Connection", &["not_one_of"]);
    check("scopes: [c]", "token_url: https://x", &["override_not_allowed"]);
}
