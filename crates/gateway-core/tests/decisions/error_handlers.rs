//! What the client gets to see of a refusal: conditions of error handlers, and each handler's answer.

use gateway_core::denial::Denial;

use super::{
    dpop_table::GUIDE,
    world::{World, codes, get, world},
};

const CONFIGURATION: &str = r#"
verbose: true
mechanisms:
  authenticators:
    - {id: guest, type: anonymous}
    - {id: nobody, type: unauthorized}
  authorizers:
    - {id: closed, type: deny}
    - {id: broken, type: cel, config: {expressions: [{expression: 'Subject.Attributes.x == 1'}]}}
  error_handlers:
    - {id: plain, type: default}
    - id: problem
      type: generic
      config:
        code: 418
        headers:
          - {Content-Type: application/problem+json}
          - {X-Reason: '{{ .Values.reason }}'}
          - {X-Reason: second}
        body: '{"title": {{ quote .Values.reason }}, "instance": {{ quote .Request.URL.Path }}}'
        values: {reason: 'not {{ .Request.Method }}'}
    - {id: login, type: redirect, config: {to: 'https://login.example/?to={{ .Request.URL | urlenc }}'}}
    - {id: moved, type: redirect, config: {to: '/login', code: 301}}
    - {id: away, type: redirect, config: {to: '{{ .Request.Header "X-To" }}'}}
    - {id: password, type: www_authenticate}
rules:
  - id: chosen
    match: {http: {paths: [{path: /chosen}]}}
    forward_to: {host: up}
    execute: [{authenticator: nobody}]
    on_error:
      - {error_handler: login, if: 'type(Error) == authentication_error && Request.Header("Accept").contains("text/html")'}
      - {error_handler: problem, if: 'type(Error) in [authorization_error, internal_error]'}
      - {error_handler: password, if: 'Error.Source == "nobody" && Error.StepID == "nobody"', config: {realm: a "b"}}
      - {error_handler: problem}
  - id: closed
    match: {http: {paths: [{path: /closed}]}}
    forward_to: {host: up}
    execute: [{authenticator: guest}, {authorizer: closed, id: gate}]
    on_error:
      - {error_handler: plain, if: 'type(Error) == authentication_error || type(Error) == internal_error'}
      - {error_handler: problem, if: 'Error.StepID == "gate" && type(Error) != internal_error', config: {code: 404, values: {reason: gone}}}
  - id: broken
    match: {http: {paths: [{path: /broken}]}}
    forward_to: {host: up}
    execute: [{authenticator: guest}, {authorizer: broken}]
    on_error: [{error_handler: plain, if: 'type(Error) == internal_error'}, {error_handler: moved}]
  - id: none_applies
    match: {http: {paths: [{path: /none}]}}
    forward_to: {host: up}
    execute: [{authenticator: guest}, {authorizer: closed}]
    on_error: [{error_handler: moved, if: 'false'}]
  - id: away
    match: {http: {paths: [{path: /away}]}}
    forward_to: {host: up}
    execute: [{authenticator: nobody}]
    on_error: [{error_handler: away}]
  - id: bad_condition
    match: {http: {paths: [{path: /bad}]}}
    forward_to: {host: up}
    execute: [{authenticator: nobody}]
    on_error: [{error_handler: moved, if: 'Request.URL.Query().x == ["1"]'}]
"#;

fn denial(world: &World, path: &str, fields: &[(&str, &str)]) -> Denial {
    world.denial(get(&format!("https://gw.example{path}"), fields))
}

fn values(denial: &Denial, name: &str) -> Vec<String> {
    denial.headers.get_all(name).iter().map(|value| value.to_str().unwrap().to_owned()).collect()
}

#[test]
fn the_first_handler_whose_condition_holds_answers() {
    let world = world(CONFIGURATION);
    let html = denial(&world, "/chosen", &[("accept", "text/html")]);
    assert_eq!(html.status.as_u16(), 302);
    assert_eq!(values(&html, "location"), ["https://login.example/?to=https%3A%2F%2Fgw.example%2Fchosen"]);
    assert!(html.body.is_empty());
    assert_eq!(values(&html, "cache-control"), ["no-store"]);
    let other = denial(&world, "/chosen", &[("accept", "text/plain")]);
    assert_eq!(other.status.as_u16(), 401);
    assert_eq!(values(&other, "www-authenticate"), [r#"Basic realm="a \"b\"""#]);
}

#[test]
fn a_generic_answer_is_the_configured_one() {
    let world = world(CONFIGURATION);
    let closed = denial(&world, "/closed", &[]);
    assert_eq!(closed.status.as_u16(), 404);
    assert_eq!(closed.body, r#"{"title": "gone", "instance": "/closed"}"#);
    assert_eq!(values(&closed, "x-reason"), ["gone", "second"]);
    assert_eq!(values(&closed, "content-type"), ["application/problem+json"]);
    assert_eq!(values(&closed, "x-content-type-options"), ["nosniff"]);
    assert!(closed.detail.contains("authorizer `closed`"), "{}", closed.detail);
}

#[test]
fn default_is_implied_where_no_handler_applies() {
    let world = world(CONFIGURATION);
    let plain = denial(&world, "/none", &[("accept", "text/plain")]);
    assert_eq!(
        (plain.status.as_u16(), &*plain.body),
        (403, b"authorization error: denied by authorizer".as_slice())
    );
}

#[test]
fn an_evaluation_that_fails_is_an_internal_error() {
    let world = world(CONFIGURATION);
    let broken = denial(&world, "/broken", &[("accept", "text/plain")]);
    assert_eq!((broken.status.as_u16(), broken.reason), (500, "expression_failed"));
    assert_eq!(broken.body, "internal error: internal error");
    let condition = denial(&world, "/bad", &[]);
    assert_eq!((condition.status.as_u16(), condition.reason), (500, "condition_failed"));
    assert!(
        condition.detail.contains("error_handler `moved`: condition `Request.URL.Query().x`"),
        "{}",
        condition.detail
    );
    assert!(condition.detail.contains("it was to answer: authenticator `nobody`"), "{}", condition.detail);
}

#[test]
fn a_redirection_leads_to_a_page_or_a_path_of_ours() {
    let world = world(CONFIGURATION);
    assert_eq!(denial(&world, "/away", &[("x-to", "https://a.example/")]).status.as_u16(), 302);
    assert_eq!(denial(&world, "/away", &[("x-to", "/login")]).status.as_u16(), 302);
    for bad in ["//evil.example", "http://a.example/", "javascript:alert(1)", ""] {
        let refused = denial(&world, "/away", &[("x-to", bad)]);
        assert_eq!((refused.status.as_u16(), refused.reason), (500, "bad_redirect"), "{bad}");
        assert!(!refused.headers.contains_key("location"));
    }
}

#[test]
fn challenges_and_nonces_reach_the_client_whatever_the_handler() {
    let handlers = "  error_handlers:\n    - {id: plain, type: default}\n    - {id: teapot, type: generic, config: {code: 418, headers: [{WWW-Authenticate: Own}], body: sorry}}\n    \
                    - {id: password, type: www_authenticate}\n    - {id: login, type: redirect, config: {to: /login}}\n";
    let guide = |handler: &str| {
        let end = GUIDE.find("default_rule:").unwrap();
        let with_nonces = GUIDE.replace("nonce_required: false", "nonce_required: true");
        let end = end + with_nonces.len() - GUIDE.len();
        let configuration = format!("{}{handlers}{}", &with_nonces[..end], &with_nonces[end..]);
        let step = "[{authenticator: token}]";
        assert!(configuration.contains(step));
        configuration.replace(step, &format!("{step}\n    on_error: [{{error_handler: {handler}}}]"))
    };
    let check = |handler: &str, status: u16, own: &[&str]| {
        let world = world(&guide(handler));
        let token = world.parties.bound_token();
        let address = "https://gw.example/api";
        let proof = super::world::proof_for(&world.parties.client, &token, address, |proof| proof);
        let authorization = format!("DPoP {token}");
        let denial = world.denial(get(address, &[("authorization", &authorization), ("dpop", &proof)]));
        assert_eq!(denial.status.as_u16(), status, "{handler}");
        assert!(denial.headers.contains_key("dpop-nonce"), "{handler}");
        let challenges = values(&denial, "www-authenticate");
        assert!(challenges[0].starts_with("DPoP error=\"use_dpop_nonce\""), "{handler}: {challenges:?}");
        assert_eq!(challenges[1..], *own, "{handler}");
    };
    check("teapot", 418, &["Own"]);
    check("password", 401, &["Basic realm=\"Please authenticate\""]);
    check("login", 302, &[]);
}

#[test]
fn who_sends_no_credentials_misses_a_precondition() {
    let with = |condition: &str| {
        GUIDE.replace(
            "[{authenticator: token}]",
            &format!(
                "[{{authenticator: token}}]\n    on_error: [{{error_handler: teapot, if: '{condition}'}}]"
            ),
        )
    };
    let end = |text: &str| text.find("default_rule:").unwrap();
    let check = |condition: &str, status: u16| {
        let text = with(condition);
        let handlers = "  error_handlers: [{id: teapot, type: generic, config: {code: 418}}]\n";
        let text = format!("{}{handlers}{}", &text[..end(&text)], &text[end(&text)..]);
        let denial = world(&text).denial(get("https://gw.example/api", &[]));
        assert_eq!(denial.status.as_u16(), status, "{condition}");
    };
    check("type(Error) == precondition_error", 418);
    check("type(Error) == authentication_error", 418);
    check("type(Error) == authorization_error", 401);
    check("type(Error) != precondition_error", 401);
}

#[test]
fn mistakes_are_found_at_load() {
    let with = |from: &str, to: &str| {
        assert!(CONFIGURATION.contains(from), "{from}");
        codes(&CONFIGURATION.replace(from, to))
    };
    assert_eq!(codes(CONFIGURATION), [""; 0]);
    assert_eq!(with("code: 418", "code: 600"), ["out_of_range"]);
    assert_eq!(with("code: 418", "code: 200"), ["success_for_refusal"]);
    assert_eq!(with("        code: 418\n", ""), ["missing_key"]);
    assert_eq!(with("- {X-Reason: second}", "- {Transfer-Encoding: chunked}"), ["not_one_of"]);
    assert_eq!(with("quote .Values.reason", "quote .Subject.ID"), ["template_reads_unknown"]);
    assert_eq!(with(".Values.reason }}, ", ".Vals.reason }}, "), ["template_reads_unknown"]);
    assert_eq!(with("{{ quote .Values.reason }}", "\"{{ quote .Values.reason }}\""), ["suspicious_template"]);
    assert_eq!(with("to: '/login', code: 301", "to: '/login', code: 307"), ["not_one_of"]);
    assert_eq!(with("to: 'https://login", "to: 'http://login"), ["plain_http_endpoint"]);
    assert_eq!(with("config: {realm: a \"b\"}", "config: {relm: a}"), ["override_not_allowed"]);
    assert_eq!(
        with("{error_handler: moved, if: 'false'}", "{error_handler: moved, config: {code: 301}}"),
        ["override_not_allowed"]
    );
    assert_eq!(with("if: 'false'", "if: 'Subject.ID == \"\"'"), ["bad_cel"]);
    assert_eq!(with("type(Error) == internal_error'}, {error", "type(Error) == int'}, {error"), ["bad_cel"]);
}
