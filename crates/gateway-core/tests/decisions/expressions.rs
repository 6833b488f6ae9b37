//! Expressions in rules: the `cel` authorizer, and conditions of steps.

use bytes::Bytes;
use gateway_core::{denial::DenialKind, request::Request, request_body::RequestBody};
use http::{HeaderValue, Method};

use super::world::{World, codes, get, world};

const CONFIGURATION: &str = r#"
verbose: true
mechanisms:
  authenticators: [{id: guest, type: anonymous}]
  authorizers:
    - {id: closed, type: deny}
    - id: house
      type: cel
      config:
        expressions:
          - {expression: 'Request.Method == Values.method', message: only this method}
          - {expression: 'Request.URL.Captures.id.matches("^[0-9]+$")'}
        values: {method: GET, tenant: '{{ .Request.Header "X-Tenant" }}'}
  finalizers:
    - {id: user, type: header, config: {headers: {X-User: '{{ .Subject.ID }}'}}}
    - {id: admin, type: header, config: {headers: {X-Admin: 'yes'}}}
rules:
  - id: house
    match: {http: {paths: [{path: /house/:id}]}}
    forward_to: {host: up}
    execute: [{authenticator: guest}, {authorizer: house}]
  - id: tenant
    match: {http: {paths: [{path: /tenant/:id}]}}
    forward_to: {host: up}
    execute:
      - authenticator: guest
      - authorizer: house
        config: {expressions: [{expression: 'Values.method == "POST" && Values.tenant == "acme"'}], values: {method: POST}}
  - id: conditions
    match: {http: {paths: [{path: /conditions}]}}
    forward_to: {host: up}
    execute:
      - authenticator: guest
      - {authorizer: closed, if: 'Request.Header("X-Block") != ""'}
      - {finalizer: user, if: 'Subject.ID == "anonymous"'}
      - {finalizer: admin, if: 'Request.URL.Query().admin == ["1"]'}
  - id: body
    match: {http: {paths: [{path: /body}]}}
    forward_to: {host: up}
    execute: [{authenticator: guest}, {authorizer: closed, if: 'Request.Body().amount > 100'}]
"#;

fn status(world: &World, request: Request) -> (u16, Bytes) {
    let denial = world.denial(request);
    (denial.status.as_u16(), denial.body)
}

#[test]
fn all_expressions_of_an_authorizer_must_be_true() {
    let world = world(CONFIGURATION);
    world.permit(get("https://gw.example/house/42", &[]));
    let denial = world.denial(get("https://gw.example/house/x", &[]));
    assert_eq!((denial.kind, denial.reason), (DenialKind::Authorization, "expression_false"));
    assert!(
        denial.detail.starts_with("authorizer `house`: `Request.URL.Captures.id.matches"),
        "{}",
        denial.detail
    );
}

#[test]
fn the_message_of_an_expression_is_told() {
    let world = world(CONFIGURATION);
    let mut request = get("https://gw.example/house/42", &[("accept", "text/plain")]);
    request.method = Method::POST;
    assert_eq!(status(&world, request), (403, Bytes::from_static(b"authorization error: only this method")));
}

#[test]
fn a_step_replaces_expressions_and_merges_values() {
    let world = world(CONFIGURATION);
    world.permit(get("https://gw.example/tenant/x", &[("x-tenant", "acme")]));
    assert_eq!(status(&world, get("https://gw.example/tenant/x", &[("x-tenant", "other")])).0, 403);
}

#[test]
fn a_step_whose_condition_is_false_is_left_out() {
    let world = world(CONFIGURATION);
    let permit = world.permit(get("https://gw.example/conditions?admin=1", &[]));
    let headers = permit.changes.headers();
    assert_eq!(
        (&headers["x-user"], &headers["x-admin"]),
        (&HeaderValue::from_static("anonymous"), &HeaderValue::from_static("yes"))
    );
    let permit = world.permit(get("https://gw.example/conditions?admin=0", &[]));
    assert!(!permit.changes.headers().contains_key("x-admin"));
    assert_eq!(status(&world, get("https://gw.example/conditions?admin=1", &[("x-block", "1")])).0, 403);
}

#[test]
fn a_condition_that_fails_refuses_with_an_internal_error() {
    let world = world(CONFIGURATION);
    let denial = world.denial(get("https://gw.example/conditions", &[]));
    assert_eq!((denial.status.as_u16(), denial.reason), (500, "condition_failed"));
    assert_eq!(
        denial.detail,
        "finalizer `admin`: condition `Request.URL.Query().admin`: there is no such key (line 1, column 1)"
    );
}

#[test]
fn conditions_look_into_the_body() {
    let world = world(CONFIGURATION);
    let pay = |body: &'static str| {
        let mut request = get("https://gw.example/body", &[("content-type", "application/json")]);
        request.body = RequestBody::buffered(Bytes::from_static(body.as_bytes()));
        request
    };
    world.permit(pay(r#"{"amount": 100}"#));
    assert_eq!(status(&world, pay(r#"{"amount": 100.5}"#)).0, 403);
    assert_eq!(status(&world, pay(r#"{"amount": 1, "amount": 1000}"#)).0, 500);
    assert_eq!(status(&world, pay("")).0, 500);
}

#[test]
fn mistakes_are_found_at_load() {
    let with = |from: &str, to: &str| {
        assert!(CONFIGURATION.contains(from), "{from}");
        codes(&CONFIGURATION.replace(from, to))
    };
    assert_eq!(codes(CONFIGURATION), [""; 0]);
    assert_eq!(with("Request.Method == Values.method", "Request.Method = Values.method"), ["bad_cel"]);
    assert_eq!(with("Request.Method == Values.method", "Request.Method"), ["bad_cel"]);
    assert_eq!(with("Subject.ID == \"anonymous\"", "Values.x == \"\""), ["bad_cel"]);
    assert_eq!(with("values: {method: POST}", "vals: {method: POST}"), ["override_not_allowed"]);
    assert_eq!(with("tenant: '{{ .Request", "tenant: '{{ .Reqest"), ["template_reads_unknown"]);
    assert_eq!(with("message: only this method", "mesage: only this method"), ["unknown_key"]);
    let start = CONFIGURATION.find("        expressions:\n").unwrap();
    let end = CONFIGURATION.find("        values: {method: GET").unwrap();
    let without = |list: &str| format!("{}{list}{}", &CONFIGURATION[..start], &CONFIGURATION[end..]);
    assert_eq!(codes(&without("")), ["missing_key"]);
    assert_eq!(codes(&without("        expressions: []\n")), ["out_of_range"]);
    // Mistakes of a condition and of the step's mechanism are told together.
    let both = "{authorizer: clsed, if: 'Request.Methd =='}";
    assert_eq!(
        with("{authorizer: closed, if: 'Request.Body().amount > 100'}", both),
        ["bad_cel", "unknown_mechanism"]
    );
}
