//! What endpoints say: the `remote` authorizer and the contextualizers.

use std::sync::Arc;

use resource_server::OutboundError;

use super::{
    dependencies::{Services, world_of},
    world::{NOW, World, answer, codes, get},
};

const PDP: &str = "https://pdp.example/check";
const PROFILES: &str = "https://profiles.example/alice%20b";
const CONFIGURATION: &str = "
verbose: true
mechanisms:
  authenticators:
    - {id: guest, type: anonymous, config: {principal: 'alice b'}}
  authorizers:
    - id: pdp
      type: remote
      config:
        endpoint: {url: https://pdp.example/check, headers: {Content-Type: application/json, X-Path: '{{ .Request.URL.Path }}'}}
        payload: '{\"user\": {{ quote .Subject.ID }}, \"action\": {{ quote .Values.action }}}'
        values: {action: '{{ .Request.Method }}'}
        expressions: [{expression: Payload.level >= 2.0, message: more is needed}]
        forward_response_headers_to_upstream: [X-Answered-By, X-Roles]
  contextualizers:
    - id: profile
      type: generic
      config:
        endpoint: {url: 'https://profiles.example/{{ urlquery .Subject.ID | replace \"+\" \"%20\" }}', method: GET}
        forward_headers: [X-Trace]
    - id: texts
      type: map
      config: {items: {who: '{{ .Subject.ID }} {{ .Values.x }}', mail: '{{ .Outputs.profile.mail }}'}, values: {x: '1'}}
  finalizers:
    - id: seen
      type: header
      config:
        headers:
          X-Mail: '{{ .Outputs.profile.mail }}'
          X-Level: '{{ .Outputs.again.level }} {{ .Results.again.Payload.level }}'
          X-From: '{{ .Results.again.Header \"X-Answered-By\" }}'
          X-Texts: '{{ .Outputs.texts.who }}/{{ .Outputs.texts.mail }}'
rules:
  - id: all
    match: {http: {paths: [{path: /all}]}}
    forward_to: {host: up.example}
    execute:
      - authenticator: guest
      - contextualizer: profile
      - contextualizer: texts
        config: {values: {x: '2'}}
      - authorizer: pdp
        id: again
        if: Outputs.profile.mail == 'a@b'
      - finalizer: seen
  - id: kept
    match: {http: {paths: [{path: /kept}]}}
    forward_to: {host: up.example}
    execute:
      - authenticator: guest
      - authorizer: pdp
        config: {cache_ttl: 30s}
  - id: strict
    match: {http: {paths: [{path: /strict}]}}
    forward_to: {host: up.example}
    execute:
      - authenticator: guest
      - authorizer: pdp
        config: {cache_ttl: 30s, expressions: [{expression: Payload.level > 5.0}], values: {action: '{{ .Request.Method }}'}, payload: '{{ .Values.action }}'}
      - authorizer: pdp
        config: {cache_ttl: 30s, values: {other: x}}
";

fn gateway() -> (World, Arc<Services>) {
    let services = Arc::new(Services::default());
    services.answer(PDP, 200, "application/json; charset=utf-8", r#"{"level": 3}"#);
    services.answer(PROFILES, 200, "application/yaml", "mail: a@b\n");
    (world_of(CONFIGURATION, &services), services)
}

fn ask(world: &World, path: &str, now: i64) -> String {
    answer(&world.decide_at(get(&format!("https://gw.example{path}"), &[]), now))
}

#[test]
fn every_step_sees_what_those_before_it_found_out() {
    let (world, services) = gateway();
    let fields = [("x-trace", "t"), ("x-roles", "admin"), ("x-answered-by", "me"), ("x-other", "kept")];
    let permit = world.permit(get("https://gw.example/all", &fields));
    let set = permit.changes.headers();
    assert_eq!(set["x-mail"], "a@b");
    assert_eq!(set["x-level"], "3 3");
    assert_eq!(set["x-from"], PDP);
    assert_eq!(set["x-texts"], "alice b 2/a@b");
    let mut sent: http::HeaderMap = http::HeaderMap::new();
    for (name, value) in fields {
        sent.insert(name, value.parse().unwrap());
    }
    permit.changes.apply_to(&mut sent);
    assert_eq!(sent["x-answered-by"], PDP);
    assert!(
        !sent.contains_key("x-roles"),
        "a field that the answer does not have never comes from the client"
    );
    assert_eq!(sent["x-other"], "kept");
    let calls = services.calls();
    assert_eq!((calls[0].method.as_str(), calls[0].url.as_str()), ("GET", PROFILES));
    assert_eq!(calls[0].headers["x-trace"], "t");
    assert_eq!((calls[1].method.as_str(), calls[1].url.as_str()), ("POST", PDP));
    assert_eq!(calls[1].headers["x-path"], "/all");
    assert_eq!(calls[1].body, r#"{"user": "alice b", "action": "GET"}"#);
}

#[test]
fn a_condition_on_what_was_found_out_skips_the_question() {
    let (world, services) = gateway();
    services.answer(PROFILES, 200, "application/json", r#"{"mail": "c@d"}"#);
    services.answer(PDP, 403, "text/plain", "");
    assert_eq!(ask(&world, "/all", NOW), "200");
    assert_eq!(services.count(), 1);
}

#[test]
fn answers_are_kept_and_expressions_are_asked_all_the_same() {
    let (world, services) = gateway();
    assert_eq!(ask(&world, "/kept", NOW), "200");
    assert_eq!(ask(&world, "/kept", NOW + 29), "200");
    assert_eq!(services.count(), 1);
    assert_eq!(ask(&world, "/kept", NOW + 30), "200");
    assert_eq!(services.count(), 2);
    for _ in 0..3 {
        assert_eq!(ask(&world, "/strict", NOW), "403");
    }
    assert_eq!(services.count(), 3, "the answer was kept, the decision was not");
    let mut request = get("https://gw.example/strict", &[]);
    request.method = http::Method::POST;
    assert_eq!(answer(&world.decide(request)), "403");
    assert_eq!(services.count(), 4, "another payload is another question");
    assert_eq!(ask(&world, "/all", NOW), "200");
    assert_eq!(services.count(), 6, "without cache_ttl the authorizer asks");
    assert_eq!(ask(&world, "/all", NOW + 9), "200");
    assert_eq!(services.count(), 7, "a contextualizer's answer is kept for 10 seconds");
}

#[test]
fn refusals_and_faults_are_told_apart() {
    let (world, services) = gateway();
    let check = |status: u16, body: &str, expected: &str| {
        services.answer(PDP, status, "application/json", body);
        assert_eq!(ask(&world, "/kept", NOW), expected, "{status} {body}");
    };
    check(403, "", "403");
    check(401, "", "403");
    check(302, "", "403");
    check(404, "", "403");
    check(500, "", "502");
    check(503, "", "502");
    check(200, r#"{"level": 1}"#, "403");
    let denial = world.denial(get("https://gw.example/kept", &[("accept", "text/plain")]));
    assert!(std::str::from_utf8(&denial.body).unwrap().contains("more is needed"));
    services.fail(PDP, OutboundError::TimedOut);
    assert_eq!(ask(&world, "/all", NOW), "504");
    services.answer(PROFILES, 404, "text/plain", "");
    assert_eq!(ask(&world, "/all", NOW + 10), "502", "a contextualizer needs its answer");
}

#[test]
fn an_expression_that_can_not_be_evaluated_refuses() {
    let (world, services) = gateway();
    for body in ["", "text", "[]", r#"{"lvl": 3}"#] {
        services.answer(PDP, 200, "application/json", body);
        assert_eq!(ask(&world, "/all", NOW), "500", "{body}");
    }
}

#[test]
fn an_answer_without_body_leaves_nothing_behind() {
    let (world, services) = gateway();
    services.answer(PROFILES, 204, "text/plain", "");
    // The condition reads what is not there.
    assert_eq!(ask(&world, "/all", NOW), "500");
}

#[test]
fn rendered_urls_stay_where_the_configuration_points() {
    let escaped = "urlquery .Subject.ID | replace \"+\" \"%20\"";
    let configuration = CONFIGURATION.replace(escaped, ".Subject.ID");
    assert_ne!(configuration, CONFIGURATION);
    let check = |principal: &str, expected: &str| {
        let services = Arc::new(Services::default());
        services.answer(PDP, 200, "application/json", r#"{"level": 3}"#);
        services.answer(PROFILES, 200, "application/yaml", "mail: a@b\n");
        let world = world_of(&configuration.replace("'alice b'", principal), &services);
        assert_eq!(ask(&world, "/all", NOW), expected, "{principal}");
        services.calls().first().map(|call| call.url.clone())
    };
    assert_eq!(check("'alice b'", "200").as_deref(), Some(PROFILES));
    assert_eq!(check("'../admin'", "500"), None);
    assert_eq!(check("'a/%2e%2E/b'", "500"), None);
    assert_eq!(check("'a#b'", "500"), None);
    assert_eq!(check("\"a\\nb\"", "500"), None);
}

#[test]
fn mistakes_are_found_at_load() {
    let check = |from: &str, to: &str, expected: &[&str]| {
        assert!(CONFIGURATION.contains(from), "{from}");
        assert_eq!(codes(&CONFIGURATION.replace(from, to)), expected, "{to}");
    };
    check("Payload.level >= 2.0", "Payload.level", &["bad_cel"]);
    check("Payload.level >= 2.0", "Request.Method == 'GET'", &["bad_cel"]);
    check("[{expression: Payload.level > 5.0}]", "[]", &["out_of_range"]);
    check("endpoint: {url: https://pdp", "endpoint: {methd: GET, url: https://pdp", &["unknown_key"]);
    check("[X-Answered-By, X-Roles]", "[Connection]", &["not_one_of"]);
    check("config: {values: {x: '2'}}", "config: {items: {x: '2'}}", &["override_not_allowed"]);
    check("contextualizer: profile\n", "contextualizer: profle\n", &["unknown_mechanism"]);
    check("{{ .Outputs.texts.who }}", "{{ .Values.who }}", &["template_reads_unknown"]);
    check("type: map", "type: mapp", &["not_one_of"]);
}
