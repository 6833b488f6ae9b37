//! `oauth2_introspection`: tokens about which the issuer is asked.

use std::sync::Arc;

use dpop::MemoryReplayStore;
use gateway_core::denial::DenialKind;
use serde_json::{Value, json};

use super::world::{
    ISSUER, KeyEndpoint, NOW, Network, World, answer, codes, get, parties, proof_for, world_with,
};

const OPAQUE: &str = "
mechanisms:
  authenticators:
    - {id: guest, type: anonymous}
    - id: opaque
      type: oauth2_introspection
      config:
        introspection_endpoint:
          url: https://idp.example/introspect
          headers: {X-Gateway: keybound}
          auth: {type: basic_auth, config: {credentials: {source: texts, selector: introspection}}}
        assertions:
          issuers: [https://idp.example]
          audience: [shop]
          allowed_algorithms: [ES256]
  finalizers:
    - {id: user, type: header, config: {headers: {X-User: '{{ .Subject.ID }} {{ .Subject.Attributes.scope }}'}}}
rules:
  - id: api
    match: {http: {paths: [{path: /api}]}}
    forward_to: {host: upstream:8081}
    execute: [{authenticator: opaque}, {finalizer: user}]
  - id: strict
    match: {http: {paths: [{path: /strict}]}}
    forward_to: {host: upstream:8081}
    execute:
      - authenticator: opaque
        config: {assertions: {audience: [partners]}, cache_ttl: 0s}
  - id: chain
    match: {http: {paths: [{path: /chain}]}}
    forward_to: {host: upstream:8081}
    execute: [{authenticator: opaque}, {authenticator: guest}]
";

const ENDPOINT: &str = "https://idp.example/introspect";
const API: &str = "https://gw.example/api";
const TOKEN: &str = "opaque~token";

fn active(world: &World, changes: Value) -> Value {
    let mut response = json!({
        "active": true, "iss": ISSUER, "sub": "alice", "aud": "shop", "exp": NOW + 300, "token_type": "DPoP",
        "cnf": {"jkt": world.parties.client.thumbprint().to_string()},
    });
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(response.as_object_mut().unwrap().remove(name)),
            value => response[name] = value.clone(),
        }
    }
    response
}

fn world() -> (World, Arc<Network>) {
    let network = Network::new();
    let endpoint = KeyEndpoint::Network(Arc::clone(&network));
    (world_with(OPAQUE, parties(), endpoint, Arc::new(MemoryReplayStore::new(100))), network)
}

/// The answer to the opaque token with a proof of the client.
fn proven(world: &World, path: &str) -> String {
    let address = format!("https://gw.example{path}");
    let proof = proof_for(&world.parties.client, TOKEN, &address, |proof| proof);
    let authorization = format!("DPoP {TOKEN}");
    answer(&world.decide(get(&address, &[("authorization", &authorization), ("dpop", &proof)])))
}

fn as_bearer(world: &World, path: &str) -> String {
    let authorization = format!("Bearer {TOKEN}");
    answer(&world.decide(get(&format!("https://gw.example{path}"), &[("authorization", &authorization)])))
}

const BEARER_REFUSED: &str = "401 DPoP algs=\"ES256\", Bearer error=\"invalid_token\"";

#[test]
fn a_bound_opaque_token_needs_its_proof_every_time_and_is_asked_about_once() {
    let (world, network) = world();
    network.answer(ENDPOINT, 200, active(&world, json!({})));
    assert_eq!(proven(&world, "/api"), "200");
    assert_eq!(proven(&world, "/api"), "200");
    assert_eq!(as_bearer(&world, "/api"), BEARER_REFUSED);
    let other = proof_for(&world.parties.other_client, TOKEN, API, |proof| proof);
    let stolen = get(API, &[("authorization", "DPoP opaque~token"), ("dpop", &other)]);
    assert_eq!(answer(&world.decide(stolen)), "401 DPoP error=\"invalid_token\", algs=\"ES256\", Bearer");
    assert_eq!(network.calls(ENDPOINT), 1);
    let call = network.last_call();
    assert_eq!(call.method(), "POST");
    assert_eq!(call.headers()["x-gateway"], "keybound");
    assert_eq!(call.headers()["content-type"], "application/x-www-form-urlencoded");
    assert_eq!(call.headers()["authorization"], "Basic dGhlIHVzZXJfaWQ6dGhlIHBhc3N3b3Jk");
    assert_eq!(call.body(), "token=opaque%7Etoken&token_type_hint=access_token");
}

#[test]
fn what_the_endpoint_says_is_the_principal() {
    let (world, network) = world();
    network.answer(ENDPOINT, 200, active(&world, json!({"cnf": null, "token_type": "Bearer", "scope": "a"})));
    let permit = world.permit(get(API, &[("authorization", "Bearer opaque~token")]));
    assert_eq!(permit.request.headers["authorization"], "Bearer opaque~token");
    assert_eq!(permit.changes.headers()["x-user"], "alice a");
}

#[test]
fn a_step_judges_the_answer_by_its_own_assertions_and_may_ask_each_time() {
    let (world, network) = world();
    network.answer(ENDPOINT, 200, active(&world, json!({})));
    assert_eq!(proven(&world, "/api"), "200");
    assert_eq!(proven(&world, "/strict"), "401 DPoP error=\"invalid_token\", algs=\"ES256\", Bearer");
    assert_eq!(network.calls(ENDPOINT), 2);
    network.answer(ENDPOINT, 200, active(&world, json!({"aud": "partners"})));
    assert_eq!(proven(&world, "/strict"), "200");
    network.answer(ENDPOINT, 200, json!({"active": false}));
    assert_eq!(proven(&world, "/strict"), "401 DPoP error=\"invalid_token\", algs=\"ES256\", Bearer");
    assert_eq!(network.calls(ENDPOINT), 4);
}

#[test]
fn inactive_tokens_go_on_in_a_chain_and_faults_and_contradictions_end_it() {
    let (world, network) = world();
    let check = |status: u16, body: String, expected: &str| {
        network.answer(ENDPOINT, status, &body);
        assert_eq!(as_bearer(&world, "/chain"), expected, "{status} {body}");
    };
    check(200, json!({"active": false}).to_string(), "200");
    check(500, String::new(), "502");
    check(401, json!({"error": "invalid_client"}).to_string(), "502");
    check(200, "<html>".to_owned(), "502");
    check(200, active(&world, json!({})).to_string(), BEARER_REFUSED);
}

#[test]
fn nobody_hears_of_the_token_and_the_log_hears_why() {
    let (world, network) = world();
    network.answer(ENDPOINT, 503, "");
    let denial = world.denial(get(API, &[("authorization", "Bearer opaque~token")]));
    assert_eq!((denial.kind, denial.reason), (DenialKind::Communication, "introspection_unavailable"));
    assert!(denial.detail.contains("503"), "{}", denial.detail);
    assert!(!denial.detail.contains(TOKEN) && denial.headers.get("www-authenticate").is_none());
}

#[test]
fn the_endpoint_can_come_from_metadata() {
    let discovered = OPAQUE.replace(
        "introspection_endpoint:\n          url: https://idp.example/introspect\n          headers: {X-Gateway: keybound}\n          auth: {type: basic_auth, config: {credentials: {source: texts, selector: introspection}}}",
        "metadata_endpoint:\n          url: https://idp.example/.well-known/openid-configuration\n          resolved_endpoints:\n            introspection_endpoint:\n              auth: {type: basic_auth, config: {credentials: {source: texts, selector: introspection}}}",
    );
    assert_ne!(discovered, OPAQUE);
    let network = Network::new();
    let endpoint = KeyEndpoint::Network(Arc::clone(&network));
    let world = world_with(&discovered, parties(), endpoint, Arc::new(MemoryReplayStore::new(100)));
    assert_eq!(proven(&world, "/api"), "502");
    let metadata = json!({"issuer": ISSUER, "introspection_endpoint": ENDPOINT});
    network.answer("https://idp.example/.well-known/openid-configuration", 200, metadata);
    network.answer(ENDPOINT, 200, active(&world, json!({})));
    let runtime_later = NOW + 2;
    let proof = proof_for(&world.parties.client, TOKEN, API, |proof| proof);
    let request = get(API, &[("authorization", "DPoP opaque~token"), ("dpop", &proof)]);
    assert_eq!(answer(&world.decide_at(request, runtime_later)), "200");
    assert!(network.last_call().headers().contains_key("authorization"));
}

#[test]
fn mistakes_are_found_at_load() {
    let check = |from: &str, to: &str, expected: &[&str]| {
        assert!(OPAQUE.contains(from), "{from}");
        assert_eq!(codes(&OPAQUE.replace(from, to)), expected, "{to}");
    };
    check("introspection_endpoint:", "introspection_endpont:", &["missing_key", "unknown_key"]);
    check("selector: introspection", "selector: api-key", &["wrong_secret_kind"]);
    check("cache_ttl: 0s", "token_source: [{cookie: a}]", &["override_not_allowed"]);
    check(
        "        assertions:\n          issuers",
        "        metadata_endpoint: https://idp.example/m\n        assertions:\n          issuers",
        &["mutually_exclusive"],
    );
    check("url: https://idp.example/introspect", "url: \"https://idp.example/{{ .TokenIssuer }}\"", &[]);
    let without_issuers = "          issuers: [https://idp.example]\n";
    let templated = OPAQUE
        .replace("url: https://idp.example/introspect", "url: \"https://idp.example/{{ .TokenIssuer }}\"");
    assert_eq!(codes(&templated.replace(without_issuers, "")), ["missing_key"]);
}

/// Rows N of the catalogue of hostile cases, and others: a valid proof with whatever the endpoint says. Where the catalogue
/// leaves a choice of answers, this is the one we give.
#[test]
fn hostile_answers_never_let_a_request_pass() {
    let refused = "401 DPoP error=\"invalid_token\", algs=\"ES256\", Bearer";
    let bound = json!({"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"});
    let mut both = bound.clone();
    both["x5t#S256"] = bound["jkt"].clone();
    let rows: [(&str, u16, &'static str, Value, &str); 30] = [
        ("N1", 200, "application/json", json!({}), "200"),
        ("N4", 200, "application/json", json!({"token_type": "dpop"}), "200"),
        ("N5", 200, "application/json; charset=utf-8", json!({"aud": ["a", "shop"], "x": [1]}), "200"),
        ("N6", 200, "application/json", json!({"cnf": null}), refused),
        ("N8", 200, "application/json", json!({"cnf": {}}), refused),
        ("N9", 200, "application/json", json!({"cnf": "jkt"}), refused),
        ("N10", 200, "application/json", json!({"cnf": both}), refused),
        ("other key", 200, "application/json", json!({"cnf": bound}), refused),
        ("N11", 200, "application/json", json!({"active": "true"}), refused),
        ("N13", 200, "application/json", json!({"active": false}), refused),
        ("N14", 200, "application/json", json!({"active": null}), refused),
        ("N15", 200, "application/json", json!({"active": []}), refused),
        ("N16", 200, "application/json", json!({"active": {}}), refused),
        ("N17", 200, "application/json", json!({"token_type": "N_A"}), refused),
        ("N18", 200, "application/json", json!({"token_type": 7}), refused),
        ("N19", 200, "application/json", json!({"token_type": "access_token"}), refused),
        ("Bearer", 200, "application/json", json!({"token_type": "Bearer"}), refused),
        ("N20", 200, "application/json", json!({"exp": NOW - 60}), refused),
        ("issuer", 200, "application/json", json!({"iss": "https://evil.example"}), refused),
        ("no issuer", 200, "application/json", json!({"iss": null}), refused),
        ("audience", 200, "application/json", json!({"aud": "shops"}), refused),
        ("N21", 500, "application/json", json!({}), "502"),
        ("N25", 503, "application/json", json!({}), "502"),
        ("N26", 400, "application/json", json!({}), "502"),
        ("N27", 204, "application/json", json!({}), "502"),
        ("redirect", 302, "application/json", json!({}), "502"),
        ("N29", 200, "text/html", json!({}), "502"),
        ("plain", 200, "text/plain", json!({}), "502"),
        ("unauthorized", 401, "application/json", json!({}), "502"),
        ("typ", 200, "application/json", json!({"typ": "Refresh"}), refused),
    ];
    for (row, status, media_type, changes, expected) in rows {
        let (world, network) = world();
        network.answer_as(ENDPOINT, status, media_type, active(&world, changes));
        assert_eq!(proven(&world, "/api"), expected, "{row}");
    }
    let bodies = [
        ("N7", r#"{"active":true,"sub":"alice","cnf":null}"#, refused),
        ("N22", "<!doctype html><p>active</p>", "502"),
        ("N23", r#"{"active":true,"sub":"al"#, "502"),
        ("N24", r#"[{"active":true}]"#, "502"),
        ("N41", r#"{"active":true,"sub":"alice","active":false}"#, "502"),
        ("empty", "", "502"),
    ];
    for (row, body, expected) in bodies {
        let (world, network) = world();
        network.answer(ENDPOINT, 200, body);
        assert_eq!(proven(&world, "/api"), expected, "{row}");
    }
}

#[test]
fn n30_n35_n36_what_is_remembered_belongs_to_one_token_and_is_no_failure() {
    let (world, network) = world();
    network.answer(ENDPOINT, 500, "");
    assert_eq!(proven(&world, "/api"), "502");
    network.answer(ENDPOINT, 200, active(&world, json!({})));
    assert_eq!(proven(&world, "/api"), "200", "a failure is not remembered");
    network.answer(ENDPOINT, 200, json!({"active": false}));
    let longer = format!("{TOKEN}x");
    let proof = proof_for(&world.parties.client, &longer, API, |proof| proof);
    let authorization = format!("DPoP {longer}");
    let request = get(API, &[("authorization", &authorization), ("dpop", &proof)]);
    assert_eq!(answer(&world.decide(request)), "401 DPoP error=\"invalid_token\", algs=\"ES256\", Bearer");
    assert_eq!(proven(&world, "/api"), "200", "the shorter token is remembered");
    let without = get(API, &[("authorization", "DPoP opaque~token")]);
    assert_eq!(
        answer(&world.decide(without)),
        "401 DPoP error=\"invalid_dpop_proof\", algs=\"ES256\", Bearer"
    );
}
