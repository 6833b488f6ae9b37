//! Where `jwt` finds an issuer's keys: metadata, addresses that depend on the issuer, keys with certificates.

use std::sync::Arc;

use dpop::MemoryReplayStore;
use gateway_core::denial::DenialKind;
use serde_json::{Value, json};

use super::world::{ISSUER, KeyEndpoint, NOW, Network, World, answer, codes, get, parties, world_with};

const DISCOVERED: &str = "
mechanisms:
  authenticators:
    - id: token
      type: jwt
      config:
        metadata_endpoint: https://idp.example/.well-known/openid-configuration
        assertions: {allowed_algorithms: [ES256]}
rules:
  - id: api
    match: {http: {paths: [{path: /api}]}}
    forward_to: {host: upstream:8081}
    execute: [{authenticator: token}]
  - id: listed
    match: {http: {paths: [{path: /listed}]}}
    forward_to: {host: upstream:8081}
    execute:
      - authenticator: token
        config: {assertions: {issuers: [https://other.example]}}
";

const METADATA: &str = "https://idp.example/.well-known/openid-configuration";
const KEYS: &str = "https://idp.example/keys";

fn world(configuration: &str) -> (World, Arc<Network>) {
    let network = Network::new();
    let endpoint = KeyEndpoint::Network(Arc::clone(&network));
    (world_with(configuration, parties(), endpoint, Arc::new(MemoryReplayStore::new(100))), network)
}

fn ask(world: &World, path: &str, claims: Value, now: i64) -> String {
    let authorization = format!("Bearer {}", world.parties.token(claims));
    let request = get(&format!("https://gw.example{path}"), &[("authorization", &authorization)]);
    answer(&world.decide_at(request, now))
}

const REFUSED: &str = "401 DPoP algs=\"ES256\", Bearer error=\"invalid_token\"";

#[test]
fn metadata_name_the_issuer_and_its_keys() {
    let (world, network) = world(DISCOVERED);
    network.answer(METADATA, 200, json!({"issuer": ISSUER, "jwks_uri": KEYS}));
    network.answer(KEYS, 200, world.parties.key_set());
    for seconds in [0, 1, 2] {
        assert_eq!(ask(&world, "/api", json!({}), NOW + seconds), "200");
    }
    assert_eq!((network.calls(METADATA), network.calls(KEYS)), (1, 1));
    let stranger = json!({"iss": "https://other.example"});
    assert_eq!(ask(&world, "/api", stranger.clone(), NOW), REFUSED);
    // A step that lists issuers takes those in place of the one in the metadata.
    assert_eq!(ask(&world, "/listed", stranger, NOW), "200");
    assert_eq!(ask(&world, "/listed", json!({}), NOW), REFUSED);
    assert_eq!((network.calls(METADATA), network.calls(KEYS)), (1, 1));
}

#[test]
fn metadata_that_belong_elsewhere_are_a_fault_unless_that_is_allowed() {
    let evil = json!({"issuer": "https://evil.example", "jwks_uri": KEYS});
    let (world, network) = world(DISCOVERED);
    network.answer(METADATA, 200, &evil);
    network.answer(KEYS, 200, world.parties.key_set());
    for issuer in [ISSUER, "https://evil.example"] {
        assert_eq!(ask(&world, "/api", json!({"iss": issuer}), NOW), "502", "{issuer}");
    }
    let unchecked = format!("{{url: {METADATA}, disable_issuer_identifier_verification: true}}");
    let (world, network) = self::world(&DISCOVERED.replace(METADATA, &unchecked));
    network.answer(METADATA, 200, evil);
    network.answer(KEYS, 200, world.parties.key_set());
    assert_eq!(ask(&world, "/api", json!({"iss": "https://evil.example"}), NOW), "200");
    assert_eq!(ask(&world, "/api", json!({}), NOW), REFUSED);
}

#[test]
fn metadata_that_can_not_be_had_are_told_to_the_log() {
    let (world, network) = world(DISCOVERED);
    network.answer(METADATA, 503, "");
    let token = world.parties.token(json!({}));
    let denial =
        world.denial(get("https://gw.example/api", &[("authorization", &format!("Bearer {token}"))]));
    assert_eq!((denial.kind, denial.reason), (DenialKind::Communication, "metadata_unavailable"));
    assert!(denial.detail.contains("503"), "{}", denial.detail);
}

#[test]
fn an_address_with_the_issuer_in_it_is_one_for_each_configured_issuer() {
    let templated = DISCOVERED
        .replace(
            "metadata_endpoint: https://idp.example/.well-known/openid-configuration",
            "jwks_endpoint: \"https://idp.example/{{ .TokenIssuer }}/keys\"",
        )
        .replace("{allowed_algorithms: [ES256]}", "{allowed_algorithms: [ES256], issuers: [one, two]}")
        .replace("issuers: [https://other.example]", "issuers: [two, three]");
    let (world, network) = world(&templated);
    network.answer("https://idp.example/one/keys", 200, world.parties.key_set());
    network.answer("https://idp.example/three/keys", 200, world.parties.key_set());
    network.answer("https://idp.example/two/keys", 200, parties().key_set());
    assert_eq!(ask(&world, "/api", json!({"iss": "one"}), NOW), "200");
    assert_eq!(ask(&world, "/api", json!({"iss": "two"}), NOW), REFUSED, "signed by the key of one");
    for stranger in ["three", "one/../evil", "", "one/keys?x="] {
        assert_eq!(ask(&world, "/api", json!({"iss": stranger}), NOW), REFUSED, "{stranger}");
    }
    assert_eq!(ask(&world, "/listed", json!({"iss": "three"}), NOW), "200");
    assert_eq!(ask(&world, "/listed", json!({"iss": "one"}), NOW), REFUSED);
    let count = |issuer: &str| network.calls(&format!("https://idp.example/{issuer}/keys"));
    assert_eq!((count("one"), count("two"), count("three")), (1, 1, 1));
    let elsewhere = templated.replace("issuers: [one, two]", "issuers: [\"a b/../../\"]");
    assert_eq!(codes(&elsewhere), ["bad_template"]);
    let nobody = templated.replace("jwks_endpoint", "metadata_endpoint").replace(", issuers: [one, two]", "");
    assert_eq!(codes(&nobody), ["missing_key"]);
}

#[test]
fn a_key_with_a_certificate_that_nobody_vouches_for_is_not_used() {
    let with_certificate = |world: &World| {
        let mut set: Value = serde_json::from_str(&world.parties.key_set()).unwrap();
        set["keys"][0]["x5c"] = json!(["MAA="]);
        set
    };
    let metadata = json!({"issuer": ISSUER, "jwks_uri": KEYS});
    let (world, network) = world(DISCOVERED);
    network.answer(METADATA, 200, &metadata);
    network.answer(KEYS, 200, with_certificate(&world));
    let token = world.parties.token(json!({}));
    let denial =
        world.denial(get("https://gw.example/api", &[("authorization", &format!("Bearer {token}"))]));
    assert_eq!((denial.status.as_u16(), denial.reason), (401, "invalid_token"));
    assert!(denial.detail.contains("`validate_jwk: false`"), "{}", denial.detail);
    let unchecked =
        DISCOVERED.replace("        assertions:", "        validate_jwk: false\n        assertions:");
    let (world, network) = self::world(&unchecked);
    network.answer(METADATA, 200, metadata);
    network.answer(KEYS, 200, with_certificate(&world));
    assert_eq!(ask(&world, "/api", json!({}), NOW), "200");
}
