//! Mistakes in mechanisms and steps, and their codes.

use super::{dpop_table::GUIDE, world::codes};

#[track_caller]
fn check(from: &str, to: &str, expected: &[&str]) {
    assert!(GUIDE.contains(from), "{from}");
    assert_eq!(codes(&GUIDE.replace(from, to)), expected, "{to}");
}

#[test]
fn the_guide_is_accepted_without_a_word() {
    assert_eq!(codes(GUIDE), [""; 0]);
    check("nonce_required: false", "nonce_required: true", &[]);
}

#[test]
fn types_are_known_later_or_wrong() {
    check("type: unauthorized", "type: oauth", &["not_one_of"]);
    check("type: unauthorized", "type: basic_auth", &["missing_key"]);
    check("type: noop", "type: cookies", &["not_one_of"]);
    check("type: unauthorized}", "type: unauthorized, config: {x: 1}}", &["unknown_key"]);
}

#[test]
fn ids_are_unique_and_known() {
    check(
        "id: nobody, type: unauthorized}",
        "id: nobody, type: unauthorized}\n    - {id: nobody, type: anonymous}",
        &["duplicate_mechanism_id"],
    );
    check("[{authenticator: token}]", "[{authenticator: tokn}]", &["unknown_mechanism"]);
    check(
        "[{authenticator: token}]",
        "[{authenticator: token}, {finalizer: nobody}]",
        &["unknown_mechanism"],
    );
    check("[{authenticator: nobody}", "[{authenticator: nobdy}", &["unknown_mechanism"]);
}

#[test]
fn steps_change_only_what_they_may() {
    let step = |config: &str| format!("[{{authenticator: token, config: {config}}}]");
    let check_step =
        |config: &str, expected: &[&str]| check("[{authenticator: token}]", &step(config), expected);
    check_step("{jwks_endpoint: {url: https://other.example/jwks}}", &["override_not_allowed"]);
    check_step("{validate_jwk: false}", &["override_not_allowed"]);
    check_step(
        "{assertions: {proof_of_possession: {config: {max_proof_size: 8KB}}}}",
        &["override_not_allowed"],
    );
    check_step("{assertions: {audiance: [x]}}", &["unknown_key"]);
    check_step("{assertions: {max_age: 1m}}", &["unknown_key"]);
    check_step("{assertions: {validity_leeway: 1m30s}, cache_ttl: 5m}", &[]);
    check(
        "[{authenticator: token}]",
        "[{authenticator: token}, {finalizer: pass, config: {a: b}}]",
        &["override_not_allowed"],
    );
}

#[test]
fn a_jwt_authenticator_says_what_it_can_not_do() {
    check("issuers: [https://idp.example]", "audience: [x]", &["missing_key"]);
    check("issuers: [https://idp.example]", "issuers: []", &["out_of_range"]);
    check("{url: https://idp.example/certs}", "{url: http://idp.example/certs}", &["plain_http_endpoint"]);
    check("{url: https://idp.example/certs}", "{url: https://idp.example/certs, headers: {A: b}}", &[]);
    check("jwks_endpoint:", "metadata_endpoint:", &[]);
    check("{url: https://idp.example/certs}", "\"https://idp.example/{{ .TokenIssuer | urlenc }}\"", &[]);
    check(
        "{url: https://idp.example/certs}",
        "\"https://idp.example/{{ .Issuer }}\"",
        &["template_reads_unknown"],
    );
    check(
        "        assertions:",
        "        metadata_endpoint: https://idp.example/c\n        assertions:",
        &["mutually_exclusive"],
    );
    check("[ES256]", "[ES256, none]", &["bad_algorithm"]);
    check("[ES256]", "[HS256]", &["bad_algorithm"]);
    check("[ES256]", "[es256]", &["bad_algorithm"]);
    check("type: dpop", "type: mtls", &["unenforceable"]);
    check("type: dpop", "type: dpp", &["not_one_of"]);
    check("max_age: 1m", "max_age: 1m, max_proof_size: 32KB", &["out_of_range"]);
    check("        assertions:", "        jwt_source: [{cookie: access_token}]\n        assertions:", &[]);
    check(
        "        assertions:",
        "        trust_anchors: {source: texts}\n        assertions:",
        &["wrong_secret_kind"],
    );
    check("        assertions:", "        trust_anchors: {source: roots}\n        assertions:", &[]);
    check(
        "        assertions:",
        "        trust_anchors: {source: roots}\n        validate_jwk: false\n        assertions:",
        &["mutually_exclusive"],
    );
    check(
        "        assertions:",
        "        principal: {id: 'a.#'}\n        assertions:",
        &["not_supported_yet"],
    );
}

#[test]
fn nonces_need_a_key() {
    let with_nonces = GUIDE.replace("nonce_required: false", "nonce_required: true");
    let master_key = "master_key: {source: nonce_keys, selector: nonce-key-1}";
    let check = |key: &str, expected: &[&str]| {
        assert_eq!(codes(&with_nonces.replace(master_key, key)), expected, "{key}")
    };
    check("", &["missing_master_key"]);
    check("master_key: {source: nonce_key}", &["unknown_secret_source"]);
    check("master_key: {source: nonce_keys, selector: other}", &["unknown_secret"]);
    check("master_key: {source: signing_keys}", &["wrong_secret_kind"]);
    check("master_key: {source: nonce_keys}", &[]);
}

#[test]
fn a_jwt_finalizer_needs_a_private_key_and_a_life() {
    let finalizer = |config: &str| format!("{{id: pass, type: jwt, config: {config}}}");
    let check_finalizer =
        |config: &str, expected: &[&str]| check("{id: pass, type: noop}", &finalizer(config), expected);
    check_finalizer("{signer: {secret: {source: signing_keys}}}", &[]);
    check_finalizer("{signer: {source: signing_keys, selector: signer-1, name: me}}", &["flat_signer"]);
    check_finalizer("{ttl: 1s, signer: {secret: {source: signing_keys}}}", &["out_of_range"]);
    check_finalizer("{ttl: 1m}", &["missing_key"]);
    check_finalizer("{signer: {secret: {source: nonce_keys}}}", &["wrong_secret_kind"]);
    check_finalizer("{signer: {secret: {source: signing_keys, selector: x}}}", &["unknown_secret"]);
    check_finalizer("{signer: {secret: {source: signing_keys}}, claims: '{{ qoute 1 }}'}", &["bad_template"]);
    check_finalizer(
        "{signer: {secret: {source: signing_keys}}, header: {name: X-Token}, values: {a: b}}",
        &[],
    );
}

#[test]
fn templates_of_rules_read_released_secrets_only() {
    let header =
        |template: &str| format!("{{id: pass, type: header, config: {{headers: {{X-Key: '{template}'}}}}}}");
    check("{id: pass, type: noop}", &header("{{ secret \"texts\" \"api-key\" }}"), &[]);
    check("{id: pass, type: noop}", &header("{{ secret \"nope\" \"api-key\" }}"), &["unknown_secret_source"]);
    check("{id: pass, type: noop}", &header("{{ env \"HOME\" }}"), &["bad_template"]);
    let in_rule = GUIDE
        .replace("{id: pass, type: noop}", &header("x"))
        .replace(
            "[{authenticator: token}]",
            "[{authenticator: token}, {finalizer: pass, config: {headers: {X-Key: '{{ secret \"texts\" \"api-key\" }}'}}}]",
        );
    assert_eq!(codes(&in_rule), ["secret_not_allowed_in_rules"]);
}

#[test]
fn rules_need_an_authenticator() {
    let start = GUIDE.find("default_rule:").unwrap();
    let end = GUIDE.find("rules:\n").unwrap();
    let without_default = format!("{}{}", &GUIDE[..start], &GUIDE[end..]);
    assert_eq!(codes(&without_default), [""; 0]);
    assert_eq!(
        codes(&without_default.replace("[{authenticator: token}]", "[{finalizer: pass}]")),
        ["missing_authenticator"]
    );
    check(
        "[{authenticator: nobody}, {finalizer: pass}]",
        "[{authenticator: token}]",
        &["default_rule_without_upstream"],
    );
}
