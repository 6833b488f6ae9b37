//! Sessions that an endpoint knows about.

use std::sync::Arc;

use resource_server::OutboundError;

use super::{
    dependencies::{Services, world_of},
    world::{NOW, World, answer, codes, get},
};

const WHOAMI: &str = "https://sessions.example/whoami";
const CONFIGURATION: &str = "
mechanisms:
  authenticators:
    - id: session
      type: generic
      config:
        identity_info_endpoint:
          url: https://sessions.example/whoami
          headers: {X-Session: '{{ .AuthenticationData }}'}
          auth: {type: api_key, config: {in: query, name: key, secret: {source: texts, selector: api-key}}}
        authentication_data_source: [{header: X-Session-Token}, {cookie: session}]
        forward_headers: [X-Device]
        forward_cookies: [device]
        payload: '{\"session\": {{ quote .AuthenticationData }}}'
        principal: {id: identity.id, attributes: identity}
        session_lifespan: {active: active, not_after: exp}
    - {id: guest, type: anonymous}
  finalizers:
    - {id: user, type: header, config: {headers: {X-User: '{{ .Subject.ID }} {{ .Subject.Attributes.mail }}'}}}
rules:
  - id: kept
    match: {http: {paths: [{path: /kept}]}}
    forward_to: {host: up.example}
    execute: [{authenticator: session, config: {cache_ttl: 60s}}, {finalizer: user}]
  - id: fresh
    match: {http: {paths: [{path: /fresh}]}}
    forward_to: {host: up.example}
    execute: [{authenticator: session}, {finalizer: user}]
  - id: open
    match: {http: {paths: [{path: /open}]}}
    forward_to: {host: up.example}
    execute: [{authenticator: session}, {authenticator: guest}]
";

fn gateway() -> (World, Arc<Services>) {
    let services = Arc::new(Services::default());
    let session =
        format!(r#"{{"active": true, "exp": {}, "identity": {{"id": "alice", "mail": "a@b"}}}}"#, NOW + 30);
    services.answer(WHOAMI, 200, "application/json", &session);
    (world_of(CONFIGURATION, &services), services)
}

fn ask(world: &World, path: &str, session: &str, now: i64) -> String {
    let cookie = format!("session={session}; device=d1; other=x");
    let request = get(&format!("https://gw.example{path}"), &[("cookie", &cookie), ("x-device", "d2")]);
    answer(&world.decide_at(request, now))
}

#[test]
fn the_answer_names_the_principal() {
    let (world, services) = gateway();
    let request = get(
        "https://gw.example/fresh",
        &[("x-session-token", "s1"), ("x-device", "d2"), ("cookie", "device=d1; b=2")],
    );
    let permit = world.permit(request);
    assert_eq!(permit.changes.headers()["x-user"], "alice a@b");
    let call = services.calls().remove(0);
    assert_eq!((call.method.as_str(), call.url.as_str()), ("POST", "https://sessions.example/whoami?key=k1"));
    assert_eq!(call.body, r#"{"session": "s1"}"#);
    assert_eq!(call.headers["x-session"], "s1");
    assert_eq!(call.headers["x-device"], "d2");
    assert_eq!(call.headers["cookie"], "device=d1");
}

#[test]
fn answers_are_kept_for_the_same_session_only() {
    let (world, services) = gateway();
    for _ in 0..3 {
        assert_eq!(ask(&world, "/kept", "s1", NOW), "200");
    }
    assert_eq!(services.count(), 1);
    assert_eq!(ask(&world, "/kept", "s2", NOW), "200");
    assert_eq!(services.count(), 2);
    for _ in 0..2 {
        assert_eq!(ask(&world, "/fresh", "s1", NOW), "200");
    }
    assert_eq!(services.count(), 4, "without cache_ttl every request asks");
}

#[test]
fn a_session_that_has_ended_is_refused_also_from_the_cache() {
    let (world, services) = gateway();
    assert_eq!(ask(&world, "/kept", "s1", NOW), "200");
    assert_eq!(ask(&world, "/kept", "s1", NOW + 39), "200");
    assert_eq!(ask(&world, "/kept", "s1", NOW + 40), "401 Bearer");
    assert_eq!(services.count(), 1);
    assert_eq!(ask(&world, "/kept", "s1", NOW + 60), "401 Bearer");
    assert_eq!(services.count(), 2, "the answer was kept for its time only");
}

#[test]
fn refusals_and_faults_are_told_apart() {
    let (world, services) = gateway();
    let check = |status: u16, body: &str, expected: &str, in_chain: &str| {
        services.answer(WHOAMI, status, "application/json", body);
        assert_eq!(ask(&world, "/kept", "s9", NOW), expected, "{status} {body}");
        assert_eq!(ask(&world, "/open", "s9", NOW), in_chain, "{status} {body}");
    };
    check(401, "", "401 Bearer", "200");
    check(403, "", "401 Bearer", "200");
    check(500, "", "502", "502");
    check(404, "", "502", "502");
    check(200, "<html>", "502", "502");
    check(200, "[]", "502", "502");
    check(200, r#"{"active": false}"#, "401 Bearer", "200");
    services.fail(WHOAMI, OutboundError::TimedOut);
    assert_eq!(ask(&world, "/fresh", "s9", NOW), "504");
    services.fail(WHOAMI, OutboundError::Unreachable("no".into()));
    assert_eq!(ask(&world, "/fresh", "s9", NOW), "502");
    assert_eq!(ask(&world, "/open", "s9", NOW), "502", "a fault ends the chain");
    let answered = services.count();
    assert_eq!(answer(&world.decide(get("https://gw.example/fresh", &[]))), "401 Bearer");
    assert_eq!(answer(&world.decide(get("https://gw.example/open", &[]))), "200");
    assert_eq!(services.count(), answered, "without data nobody is asked");
}

#[test]
fn an_answer_without_the_id_is_a_mistake_of_the_configuration() {
    let (world, services) = gateway();
    services.answer(WHOAMI, 200, "application/json", &format!(r#"{{"active": true, "exp": {NOW}}}"#));
    assert_eq!(ask(&world, "/fresh", "s1", NOW), "500");
}

#[test]
fn mistakes_are_found_at_load() {
    let check = |from: &str, to: &str, expected: &[&str]| {
        assert!(CONFIGURATION.contains(from), "{from}");
        assert_eq!(codes(&CONFIGURATION.replace(from, to)), expected, "{to}");
    };
    check("{id: identity.id, attributes: identity}", "{attributes: identity}", &["missing_key"]);
    check("[{header: X-Session-Token}, {cookie: session}]", "[]", &["out_of_range"]);
    check("{cookie: session}]", "{cookie: session, header: X}]", &["mutually_exclusive"]);
    check("{cookie: session}]", "{}]", &["missing_key"]);
    check("[X-Device]", "[Content-Length]", &["not_one_of"]);
    check("[X-Device]", "[Host]", &["wrong_type"]);
    check("[device]", "['a b']", &["wrong_type"]);
    check("selector: api-key", "selector: shop", &["wrong_secret_kind"]);
    check("https://sessions.example/whoami", "http://sessions.example/whoami", &["plain_http_endpoint"]);
    check("https://sessions.example/whoami", "https://u:p@sessions.example/whoami", &["wrong_type"]);
    check("config: {cache_ttl: 60s}", "config: {payload: x}", &["override_not_allowed"]);
    check("{{ quote .AuthenticationData }}", "{{ quote .Subject.ID }}", &["template_reads_unknown"]);
}
