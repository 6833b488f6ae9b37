//! Runs `compat/cases.json`: published heimdall configurations and rule files, with the requests that must pass and those
//! that must not, over real sockets. In decision mode the same table holds: status, challenge and nonce are equal.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    dead_code
)]

mod sockets {
    pub mod dpop_setup;
    pub mod issuer;
    pub mod raw_client;
    pub mod running_gateway;
    pub mod upstream;
}

use gateway::Mode;
use jose::{Algorithm, KeyPair, jwt::UnverifiedJwt};
use serde_json::{Value, json};

use sockets::{
    dpop_setup::{DpopSetup, compat_folder},
    issuer::{now, proof},
    raw_client::Answer,
    upstream::seen_header,
};

#[tokio::test]
async fn every_setup_gives_the_expected_decisions_as_a_proxy() {
    run_table(Mode::Proxy).await;
}

#[tokio::test]
async fn every_setup_gives_the_expected_decisions_to_a_proxy_in_front() {
    run_table(Mode::Decision).await;
}

async fn run_table(mode: Mode) {
    let text = std::fs::read_to_string(compat_folder().join("cases.json")).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    let mut failures = Vec::new();
    for setup in document["setups"].as_array().unwrap() {
        let rules: Vec<&str> =
            setup["rules"].as_array().unwrap().iter().map(|rule| rule.as_str().unwrap()).collect();
        let configuration = setup["configuration"].as_str().unwrap();
        let running = DpopSetup::start_in_mode(mode, configuration, &rules, ("", "")).await;
        for case in document["cases"].as_array().unwrap() {
            if let Err(failure) = run(mode, &running, case, setup["upstream"].as_str().unwrap()).await {
                failures.push(format!("{}: {}: {failure}", setup["name"], case["name"]));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// A member of the case's `request`, or what the base request has.
fn text<'a>(request: &'a Value, name: &str, base: &'a str) -> Option<&'a str> {
    request.get(name).map_or(Some(base), Value::as_str)
}

async fn run(mode: Mode, setup: &DpopSetup, case: &Value, upstream: &str) -> Result<(), String> {
    let request = &case["request"];
    let method = text(request, "method", "GET").unwrap();
    let path = text(request, "path", "/api").unwrap();
    let token = token(setup, text(request, "token", "bound").unwrap());
    let proof = match request.get("proof") {
        Some(Value::Null) => None,
        spoiled => Some(make_proof(setup, spoiled.unwrap_or(&json!({})), method, path, &token).await),
    };
    let authorization = text(request, "scheme", "DPoP").map(|scheme| format!("{scheme} {token}"));
    let mut fields = Vec::new();
    fields.extend(authorization.as_deref().map(|value| ("Authorization", value)));
    fields.extend(proof.as_deref().map(|value| ("DPoP", value)));
    if request["repeat"] == true {
        let first = setup.send(method, path, &fields).await;
        expect(first.status == 200, || format!("first sending: {}", first.status))?;
    }
    let before = setup.upstream.seen();
    let answer = setup.send(method, path, &fields).await;
    check_answer(case, &answer)?;
    let passed = answer.status == 200;
    let reached = setup.upstream.seen() - before;
    let forwards = passed && mode == Mode::Proxy;
    expect(reached == usize::from(forwards), || format!("{reached} requests at the upstream"))?;
    match (passed, mode) {
        (true, Mode::Proxy) => check_upstream(setup, upstream, &answer, path, &token),
        (true, Mode::Decision) => check_decision(setup, upstream, &answer, path),
        (false, _) => Ok(()),
    }
}

fn token(setup: &DpopSetup, kind: &str) -> String {
    let issuer = &setup.issuer;
    let mut claims = issuer.claims(&setup.alice);
    match kind {
        "bound" => {}
        "expired" => claims["exp"] = json!(now() - 60),
        "other_issuer" => claims["iss"] = json!("http://other.example/realms/dpop"),
        "unbound" => drop(claims.as_object_mut().unwrap().remove("cnf")),
        "tampered" => {
            let token = issuer.sign(&claims);
            let (head, signature) = token.rsplit_once('.').unwrap();
            let flipped = if signature.starts_with('A') { "B" } else { "A" };
            return format!("{head}.{flipped}{}", &signature[1..]);
        }
        other => panic!("unknown token {other}"),
    }
    issuer.sign(&claims)
}

/// The base proof, spoiled as the case says.
async fn make_proof(setup: &DpopSetup, spoiled: &Value, method: &str, path: &str, token: &str) -> String {
    let thief = KeyPair::generate(Algorithm::Es256).unwrap();
    let key = if spoiled["key"] == "thief" { &thief } else { &setup.alice };
    let nonce = match spoiled.get("nonce") {
        None => {
            // Nonces are bound to the token, and an unacceptable token gets none.
            setup.try_nonce(token).await
        }
        Some(nonce) => nonce.as_str().map(str::to_owned),
    };
    let over = if spoiled["token"] == "other" { setup.issuer.token(&setup.alice) } else { token.to_owned() };
    let method = spoiled["method"].as_str().unwrap_or(method);
    let path = spoiled["path"].as_str().unwrap_or(path);
    let path = path.split('?').next().unwrap();
    let age = spoiled["age_seconds"].as_i64().unwrap_or(0);
    proof(key, method, &setup.uri(path), &over, nonce.as_deref(), age)
}

fn check_answer(case: &Value, answer: &Answer) -> Result<(), String> {
    expect(case["status"] == answer.status, || {
        format!("status {} {:?}", answer.status, answer.header("www-authenticate"))
    })?;
    let challenge = answer.header("www-authenticate").unwrap_or_default();
    let challenges = oauth::challenge::parse(challenge);
    if let Some(expected) = case.get("challenge") {
        let first = challenges.first().ok_or("no challenge")?;
        let got = json!([first.scheme, first.parameter("error")]);
        expect(got == *expected, || format!("challenge {got}"))?;
        expect(first.parameter("algs") == Some("RS256 ES256"), || format!("no algs in {challenge}"))?;
    } else {
        expect(challenges.is_empty(), || format!("challenge {challenge}"))?;
    }
    if answer.status != 200 {
        let nonce = answer.header("dpop-nonce").is_some();
        expect(nonce == (case["nonce"] == true), || format!("nonce: {nonce}"))?;
        expect(answer.header("cache-control") == Some("no-store"), || "cacheable".to_owned())?;
    }
    Ok(())
}

fn check_upstream(
    setup: &DpopSetup,
    kind: &str,
    answer: &Answer,
    path: &str,
    token: &str,
) -> Result<(), String> {
    let seen = answer.json();
    expect(seen["target"] == path, || format!("target {}", seen["target"]))?;
    let (authorization, proofs) = (seen_header(&seen, "authorization"), seen_header(&seen, "dpop"));
    if kind == "client_credentials" {
        expect(authorization[0].ends_with(token) && proofs.len() == 1, || {
            "credentials do not pass".to_owned()
        })?;
        return Ok(());
    }
    expect(proofs.is_empty(), || "the proof passes".to_owned())?;
    check_internal_token(setup, kind, &authorization[0], path)
}

/// What a proxy in front copies to the request it forwards.
fn check_decision(setup: &DpopSetup, kind: &str, answer: &Answer, path: &str) -> Result<(), String> {
    expect(answer.body.is_empty(), || format!("body {}", answer.text()))?;
    let authorization = answer.header("authorization");
    if kind == "client_credentials" {
        return expect(authorization.is_none(), || "a token in the answer".to_owned());
    }
    check_internal_token(setup, kind, authorization.ok_or("no internal token")?, path)
}

fn check_internal_token(
    setup: &DpopSetup,
    kind: &str,
    authorization: &str,
    path: &str,
) -> Result<(), String> {
    let internal = authorization.strip_prefix("Bearer ").ok_or("no internal token")?;
    let jwt = UnverifiedJwt::parse(internal).map_err(|error| error.to_string())?;
    jwt.verify(setup.signer.public_jwk()).map_err(|error| error.to_string())?;
    expect(jwt.claims["sub"] == "alice-id", || format!("claims {:?}", jwt.claims))?;
    let life = jwt.claims["exp"].as_i64().unwrap_or(0) - jwt.claims["iat"].as_i64().unwrap_or(0);
    expect(life == 60, || format!("lives {life} seconds"))?;
    if kind == "internal_token_with_claims" {
        let expected = (json!(setup.uri(path)), json!("upstream"));
        let got = (jwt.claims["url"].clone(), jwt.claims["service"].clone());
        expect(got == expected, || format!("claims {got:?}"))?;
    }
    Ok(())
}

fn expect(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}
