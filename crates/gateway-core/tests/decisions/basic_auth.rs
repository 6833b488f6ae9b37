//! Users with passwords.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::Method;

use super::{
    dependencies::world_of,
    world::{World, answer, codes, get},
};

const CONFIGURATION: &str = "
mechanisms:
  authenticators:
    - id: operator
      type: basic_auth
      config: {credentials: {source: texts, selector: operator}}
    - {id: guest, type: anonymous}
  finalizers:
    - {id: user, type: header, config: {headers: {X-User: '{{ .Subject.ID }}'}}}
rules:
  - id: signaled
    match: {http: {paths: [{path: /signaled}]}}
    forward_to: {host: up.example}
    execute:
      - authenticator: operator
        config: {error_signaling: {enabled: true, realm: 'the \"door\"'}}
      - finalizer: user
  - id: silent
    match: {http: {paths: [{path: /silent}]}}
    forward_to: {host: up.example}
    execute: [{authenticator: operator}, {finalizer: user}]
  - id: open
    match: {http: {paths: [{path: /open}]}}
    forward_to: {host: up.example}
    execute: [{authenticator: operator}, {authenticator: guest}, {finalizer: user}]
";

fn gateway() -> World {
    world_of(CONFIGURATION, &Arc::default())
}

fn ask(world: &World, path: &str, credentials: &str) -> String {
    let authorization = format!("Basic {}", STANDARD.encode(credentials));
    let fields = [("authorization", authorization.as_str())];
    let fields = if credentials.is_empty() { &fields[..0] } else { &fields[..] };
    answer(&world.decide(get(&format!("https://gw.example{path}"), fields)))
}

#[test]
fn the_right_user_with_the_right_password_passes() {
    let world = gateway();
    assert_eq!(ask(&world, "/silent", "op:pass:word"), "200");
    let authorization = format!("Basic {}", STANDARD.encode("op:pass:word"));
    let permit = world.permit(get("https://gw.example/silent", &[("authorization", &authorization)]));
    assert_eq!(permit.changes.headers()["x-user"], "op");
}

#[test]
fn nobody_else_does() {
    let world = gateway();
    let challenge = "401 Basic realm=\"the \\\"door\\\"\"";
    for credentials in ["", "op:wrong", "op:", "other:pass:word", "op", ":pass:word", "OP:pass:word"] {
        assert_eq!(ask(&world, "/signaled", credentials), challenge, "{credentials}");
        // Every 401 has a challenge, if only that of no authenticator in particular.
        assert_eq!(ask(&world, "/silent", credentials), "401 Bearer", "{credentials}");
    }
}

#[test]
fn a_chain_goes_on() {
    let world = gateway();
    let permit = world.permit(get("https://gw.example/open", &[]));
    assert_eq!(permit.changes.headers()["x-user"], "anonymous");
    assert_eq!(ask(&world, "/open", "op:wrong"), "200");
    let mut request = get("https://gw.example/open", &[]);
    request.method = Method::POST;
    assert_eq!(answer(&world.decide(request)), "200");
}

#[test]
fn the_secret_must_be_a_user_with_a_hash() {
    let check = |selector: &str, expected: &str| {
        let configuration = CONFIGURATION.replace("selector: operator}", &format!("selector: {selector}}}"));
        assert_eq!(codes(&configuration), [expected], "{selector}");
    };
    check("shop", "wrong_secret_kind");
    check("api-key", "wrong_secret_kind");
    check("plain-user", "wrong_secret_kind");
    check("nobody", "unknown_secret");
}
