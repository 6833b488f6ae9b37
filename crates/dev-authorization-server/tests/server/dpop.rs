//! What RFC 9449 asks of an authorization server, one test for each item A of the requirements.

use std::time::Duration;

use ::dpop::ProofBuilder;
use dev_authorization_server::Misbehaviour;
use jose::UnixTime;
use serde_json::{Value, json};

use crate::world::{self, ADMIN, CALLBACK, START, World, app_form, claims, key, refresh_form};

#[tokio::test]
async fn a1_a_failing_proof_is_answered_with_invalid_dpop_proof_as_json() {
    let world = World::start().await;
    let url = world.endpoint("token");
    let key = key();
    let good = world.proof(&key, "POST", &url);
    let stale = ProofBuilder::new(&key, "POST", &url).sign(UnixTime::from_seconds(START - 61)).unwrap();
    let early = ProofBuilder::new(&key, "POST", &url).sign(UnixTime::from_seconds(START + 11)).unwrap();
    let mut flipped = good.clone();
    let last = if flipped.ends_with('A') { "Q" } else { "A" };
    flipped.replace_range(flipped.len() - 1.., last);
    let cases = [
        ("not a JWT", String::from("x")),
        ("empty", String::new()),
        ("other method", world.proof(&key, "GET", &url)),
        ("other endpoint", world.proof(&key, "POST", &world.endpoint("userinfo"))),
        (
            "other host",
            world.proof(&key, "POST", "https://id.example/realms/acme/protocol/openid-connect/token"),
        ),
        ("too old", stale),
        ("from the future", early),
        ("signature changed", flipped),
    ];
    for (name, proof) in cases {
        let answer = world.post(&url, &[("dpop", &proof)], &ADMIN).await;
        assert_eq!(answer.status, 400, "{name}");
        answer.assert_error(400, "invalid_dpop_proof");
    }
    let twice = world.post(&url, &[("dpop", &good), ("dpop", &good)], &ADMIN).await;
    twice.assert_error(400, "invalid_dpop_proof");
    assert_eq!(world.post(&url, &[("dpop", &good)], &ADMIN).await.status, 200);
}

#[tokio::test]
async fn a1_an_ath_means_nothing_at_the_token_endpoint() {
    let world = World::start().await;
    let url = world.endpoint("token");
    let proof = world.proof_of_token(&key(), "POST", &url, "some-token", None);
    assert_eq!(world.post(&url, &[("dpop", &proof)], &ADMIN).await.status, 200);
}

#[tokio::test]
async fn a2_a_bound_token_has_the_type_dpop_and_an_unbound_one_bearer() {
    let world = World::start().await;
    assert_eq!(world.log_in(&key()).await.json()["token_type"], "DPoP");
    assert_eq!(world.log_in_web(Some(&key())).await.json()["token_type"], "DPoP");
    let unbound = world.log_in_web(None).await;
    assert_eq!(unbound.json()["token_type"], "Bearer");
    assert_eq!(unbound.claims().get("cnf"), None);
}

#[tokio::test]
async fn a3_the_binding_is_in_the_token_and_in_the_introspection() {
    let world = World::start().await;
    let key = key();
    let token = world.log_in(&key).await.access_token();
    let confirmation = json!({ "jkt": key.thumbprint().to_string() });
    assert_eq!(claims(&token)["cnf"], confirmation);
    let introspected = world.introspect(&token).await;
    assert_eq!(introspected["active"], true);
    assert_eq!(introspected["cnf"], confirmation);
    assert_eq!(introspected["token_type"], "DPoP");
    assert_eq!(introspected["username"], "alice");
}

#[tokio::test]
async fn a4_a_refresh_token_of_a_public_client_needs_its_key() {
    let world = World::start().await;
    let owner = key();
    let refresh_token = world.log_in(&owner).await.refresh_token();
    let form = refresh_form("app", &refresh_token);
    world.token(&key(), &form).await.assert_error(400, "invalid_grant");
    world.token_without_proof(&form).await.assert_error(400, "invalid_dpop_proof");
    // Neither attempt cost the owner anything.
    let refreshed = world.token(&owner, &form).await;
    assert_eq!(refreshed.claims()["cnf"]["jkt"], owner.thumbprint().to_string());
}

#[tokio::test]
async fn a5_a_refresh_token_of_a_confidential_client_takes_another_key() {
    let world = World::start().await;
    let refresh_token = world.log_in_web(Some(&key())).await.refresh_token();
    let next = key();
    let mut form = refresh_form("web", &refresh_token).to_vec();
    form.push(("client_secret", "web-secret"));
    let refreshed = world.token(&next, &form).await;
    assert_eq!(refreshed.claims()["cnf"]["jkt"], next.thumbprint().to_string());
    assert_eq!(refreshed.refresh_token(), refresh_token);
}

#[tokio::test]
async fn a5_a_switch_binds_the_refresh_token_of_a_confidential_client() {
    let world = World::start().await;
    let owner = key();
    let refresh_token = world.log_in_as("careful", "careful-secret", Some(&owner)).await.refresh_token();
    let mut form = refresh_form("careful", &refresh_token).to_vec();
    form.push(("client_secret", "careful-secret"));
    world.token(&key(), &form).await.assert_error(400, "invalid_grant");
    world.token_without_proof(&form).await.assert_error(400, "invalid_dpop_proof");
    assert_eq!(world.token(&owner, &form).await.status, 200);
}

#[tokio::test]
async fn a6_the_metadata_lists_the_proof_algorithms() {
    let world = World::start().await;
    let issuer = world.server.issuer("acme");
    let oidc = world.get(&format!("{issuer}/.well-known/openid-configuration"), &[]).await.json();
    let algorithms = oidc["dpop_signing_alg_values_supported"].as_array().unwrap();
    for name in ["ES256", "Ed25519", "EdDSA", "PS256", "ES512"] {
        assert_eq!(algorithms.iter().filter(|algorithm| *algorithm == name).count(), 1, "{name}");
    }
    assert_eq!(oidc["issuer"], issuer);
    let base = world.server.base_url();
    let rfc8414 =
        world.get(&format!("{base}/.well-known/oauth-authorization-server/realms/acme"), &[]).await.json();
    assert_eq!(rfc8414, oidc);
}

#[tokio::test]
async fn a7_a_client_that_must_use_dpop_gets_no_token_without_a_proof() {
    let world = World::start().await;
    world.token_without_proof(&ADMIN).await.assert_error(400, "invalid_dpop_proof");
    let (code, verifier) = world.app_code(&[]).await;
    world.token_without_proof(&app_form(&code, &verifier)).await.assert_error(400, "invalid_dpop_proof");
    // The front channel issues codes only, never tokens.
    let implicit = world
        .open(&[("response_type", "token"), ("client_id", "app"), ("redirect_uri", CALLBACK), ("state", "x")])
        .await
        .callback();
    assert_eq!(implicit["error"], "unsupported_response_type");
}

#[tokio::test]
async fn a8_a_demanded_nonce_is_told_with_the_error() {
    let world = World::with_nonces().await;
    let (url, key) = (world.endpoint("token"), key());
    let challenged = world.token(&key, &ADMIN).await;
    challenged.assert_error(400, "use_dpop_nonce");
    let nonce = challenged.header("dpop-nonce");
    assert!(::dpop::is_nonce_syntax(nonce));
    let proof = world.proof_with_nonce(&key, "POST", &url, nonce);
    assert_eq!(world.post(&url, &[("dpop", &proof)], &ADMIN).await.status, 200);
    let forged = world.proof_with_nonce(&key, "POST", &url, "forged");
    world.post(&url, &[("dpop", &forged)], &ADMIN).await.assert_error(400, "use_dpop_nonce");
}

#[tokio::test]
async fn a9_a_new_nonce_rides_on_a_success_when_the_old_one_nears_its_end() {
    let world = World::with_nonces().await;
    let (url, key) = (world.endpoint("token"), key());
    let nonce = world.token(&key, &ADMIN).await.header("dpop-nonce").to_owned();
    let fresh =
        world.post(&url, &[("dpop", &world.proof_with_nonce(&key, "POST", &url, &nonce))], &ADMIN).await;
    assert_eq!(fresh.status, 200);
    assert!(!fresh.has("dpop-nonce"));
    world.advance(151);
    let ageing =
        world.post(&url, &[("dpop", &world.proof_with_nonce(&key, "POST", &url, &nonce))], &ADMIN).await;
    assert_eq!(ageing.status, 200);
    assert_ne!(ageing.header("dpop-nonce"), nonce);
    assert_eq!(ageing.header("cache-control"), "no-store");
    world.advance(150);
    let old =
        world.post(&url, &[("dpop", &world.proof_with_nonce(&key, "POST", &url, &nonce))], &ADMIN).await;
    old.assert_error(400, "use_dpop_nonce");
}

#[tokio::test]
async fn a10_a_code_bound_by_dpop_jkt_is_for_that_key_only() {
    let world = World::start().await;
    let key = key();
    let jkt = key.thumbprint().to_string();
    let (code, verifier) = world.app_code(&[("dpop_jkt", &jkt)]).await;
    assert_eq!(world.exchange(&key, &code, &verifier).await.status, 200);
    let (code, verifier) = world.app_code(&[("dpop_jkt", &jkt)]).await;
    world.exchange(&world::key(), &code, &verifier).await.assert_error(400, "invalid_grant");
}

#[tokio::test]
async fn a10_a_malformed_dpop_jkt_is_an_invalid_request() {
    let world = World::start().await;
    for jkt in
        ["x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB"]
    {
        let callback = world
            .open(&[
                ("response_type", "code"),
                ("client_id", "app"),
                ("redirect_uri", CALLBACK),
                ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
                ("code_challenge_method", "S256"),
                ("dpop_jkt", jkt),
            ])
            .await
            .callback();
        assert_eq!(callback["error"], "invalid_request", "{jkt}");
    }
}

#[tokio::test]
async fn a11_a_pushed_request_binds_the_code_by_parameter_or_by_header() {
    let world = World::start().await;
    let (url, owner, thief) = (world.endpoint("ext/par/request"), key(), key());
    let jkt = owner.thumbprint().to_string();
    let verifier = ::oauth::pkce::CodeVerifier::generate();
    let challenge = verifier.challenge().to_string();
    let form = [
        ("client_id", "app"),
        ("response_type", "code"),
        ("redirect_uri", CALLBACK),
        ("scope", "openid"),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    let mut with_parameter = form.to_vec();
    with_parameter.push(("dpop_jkt", &jkt));
    let header = |key| world.proof(key, "POST", &url);
    for variant in ["by parameter", "by header", "by both"] {
        for (redeemer, status) in [(&thief, 400), (&owner, 200)] {
            let pushed = match variant {
                "by parameter" => world.post(&url, &[], &with_parameter).await,
                "by header" => world.post(&url, &[("dpop", &header(&owner))], &form).await,
                _ => world.post(&url, &[("dpop", &header(&owner))], &with_parameter).await,
            };
            assert_eq!(pushed.status, 201, "{}", pushed.text());
            assert_eq!(pushed.header("cache-control"), "no-store");
            let request_uri = pushed.json()["request_uri"].as_str().unwrap().to_owned();
            let page = world.open(&[("client_id", "app"), ("request_uri", &request_uri)]).await;
            let code = world.submit(&page, "alice", "wonderland").await.callback()["code"].clone();
            assert_eq!(world.exchange(redeemer, &code, &verifier).await.status, status, "{variant}");
        }
    }
    let disagree = world.post(&url, &[("dpop", &header(&thief))], &with_parameter).await;
    disagree.assert_error(400, "invalid_dpop_proof");
    let other_endpoint = world.proof(&owner, "POST", &world.endpoint("token"));
    world.post(&url, &[("dpop", &other_endpoint)], &form).await.assert_error(400, "invalid_dpop_proof");
}

#[tokio::test]
async fn a12_browser_apps_may_read_nonce_and_challenge_on_errors_too() {
    let world = World::with_nonces().await;
    let url = world.endpoint("token");
    let preflight = world
        .request(
            "OPTIONS",
            &url,
            &[
                ("origin", "https://app.example"),
                ("access-control-request-method", "POST"),
                ("access-control-request-headers", "dpop,authorization"),
            ],
            None,
        )
        .await;
    assert_eq!(preflight.status, 204);
    assert_eq!(preflight.header("access-control-allow-origin"), "https://app.example");
    assert!(preflight.header("access-control-allow-headers").contains("DPoP"));
    assert!(preflight.header("access-control-allow-headers").contains("Authorization"));

    let proof = world.proof(&key(), "POST", &url);
    let refused = world.post(&url, &[("origin", "https://app.example"), ("dpop", &proof)], &ADMIN).await;
    refused.assert_error(400, "use_dpop_nonce");
    assert_eq!(refused.header("access-control-expose-headers"), "DPoP-Nonce, WWW-Authenticate");
    let userinfo = world.get(&world.endpoint("userinfo"), &[("origin", "https://app.example")]).await;
    assert_eq!(userinfo.status, 401);
    assert_eq!(userinfo.header("access-control-allow-origin"), "https://app.example");

    let stranger = world.post(&url, &[("origin", "https://evil.example")], &ADMIN).await;
    assert!(!stranger.has("access-control-allow-origin"));
}

#[tokio::test]
async fn a13_once_nonces_are_demanded_every_proof_needs_one() {
    let world = World::with_nonces().await;
    for _ in 0..2 {
        world.token(&key(), &ADMIN).await.assert_error(400, "use_dpop_nonce");
    }
    let url = world.endpoint("ext/par/request");
    let proof = world.proof(&key(), "POST", &url);
    world.post(&url, &[("dpop", &proof)], &[("client_id", "app")]).await.assert_error(400, "use_dpop_nonce");
}

#[tokio::test]
async fn a14_introspection_asks_no_proof_for_the_token_looked_at() {
    let world = World::with_nonces().await;
    assert_eq!(world.introspect("anything").await, json!({ "active": false }));
}

#[tokio::test]
async fn a15_a_code_survives_use_dpop_nonce_and_a_bad_proof() {
    let world = World::with_nonces().await;
    let (url, key) = (world.endpoint("token"), key());
    let (code, verifier) = world.app_code(&[]).await;
    let form = app_form(&code, &verifier);
    let challenged = world.exchange(&key, &code, &verifier).await;
    challenged.assert_error(400, "use_dpop_nonce");
    let nonce = challenged.header("dpop-nonce").to_owned();
    let wrong_method = world.proof_with_nonce(&key, "GET", &url, &nonce);
    world.post(&url, &[("dpop", &wrong_method)], &form).await.assert_error(400, "invalid_dpop_proof");
    let proof = world.proof_with_nonce(&key, "POST", &url, &nonce);
    let logged_in = world.post(&url, &[("dpop", &proof)], &form).await;
    assert_eq!(logged_in.status, 200, "{}", logged_in.text());

    // And so does a refresh token.
    let refresh_token = logged_in.refresh_token();
    let form = refresh_form("app", &refresh_token);
    world.token(&key, &form).await.assert_error(400, "use_dpop_nonce");
    let proof = world.proof_with_nonce(&key, "POST", &url, &nonce);
    assert_eq!(world.post(&url, &[("dpop", &proof)], &form).await.status, 200);
}

#[tokio::test]
async fn a16_a_proof_is_good_for_one_request_at_the_token_and_par_endpoints() {
    let world = World::start().await;
    let key = key();
    let url = world.endpoint("token");
    let proof = world.proof(&key, "POST", &url);
    assert_eq!(world.post(&url, &[("dpop", &proof)], &ADMIN).await.status, 200);
    world.post(&url, &[("dpop", &proof)], &ADMIN).await.assert_error(400, "invalid_dpop_proof");

    let url = world.endpoint("ext/par/request");
    let proof = world.proof(&key, "POST", &url);
    let form = [
        ("client_id", "app"),
        ("response_type", "code"),
        ("redirect_uri", CALLBACK),
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("code_challenge_method", "S256"),
    ];
    assert_eq!(world.post(&url, &[("dpop", &proof)], &form).await.status, 201);
    world.post(&url, &[("dpop", &proof)], &form).await.assert_error(400, "invalid_dpop_proof");
}

#[tokio::test]
async fn a17_userinfo_is_a_protected_resource() {
    let world = World::start().await;
    let (url, owner) = (world.endpoint("userinfo"), key());
    let token = world.log_in(&owner).await.access_token();
    let found = world.call(&owner, &token, &url).await;
    assert_eq!(found.status, 200, "{}", found.text());
    assert_eq!(found.json()["preferred_username"], "alice");
    assert_eq!(found.json()["sub"], claims(&token)["sub"]);

    let bearer = world.get(&url, &[("authorization", &format!("Bearer {token}"))]).await;
    assert_eq!(bearer.status, 401);
    assert!(bearer.header("www-authenticate").contains("invalid_token"));
    let unproven = world.get(&url, &[("authorization", &format!("DPoP {token}"))]).await;
    assert!(unproven.header("www-authenticate").contains("invalid_dpop_proof"));
    let thief = world.call(&key(), &token, &url).await;
    assert!(thief.header("www-authenticate").contains("invalid_token"));
    let anonymous = world.get(&url, &[]).await;
    assert_eq!(anonymous.status, 401);
    assert!(!anonymous.header("www-authenticate").contains("error="));

    // A token without the scope openid.
    let service = key();
    let token = world.token(&service, &ADMIN).await.access_token();
    let refused = world.call(&service, &token, &url).await;
    assert_eq!(refused.status, 403);
    assert!(refused.header("www-authenticate").contains("insufficient_scope"));
}

#[tokio::test]
async fn a17_userinfo_has_nonces_of_its_own() {
    let world = World::with_nonces().await;
    let (url, token_url, key) = (world.endpoint("userinfo"), world.endpoint("token"), key());
    let (code, verifier) = world.app_code(&[]).await;
    let nonce = world.exchange(&key, &code, &verifier).await.header("dpop-nonce").to_owned();
    let proof = world.proof_with_nonce(&key, "POST", &token_url, &nonce);
    let token = world.post(&token_url, &[("dpop", &proof)], &app_form(&code, &verifier)).await.access_token();
    let authorization = format!("DPoP {token}");

    let proof = world.proof_of_token(&key, "GET", &url, &token, Some(&nonce));
    let challenged = world.get(&url, &[("authorization", &authorization), ("dpop", &proof)]).await;
    assert_eq!(challenged.status, 401);
    assert!(challenged.header("www-authenticate").contains("use_dpop_nonce"));
    let proof = world.proof_of_token(&key, "GET", &url, &token, Some(challenged.header("dpop-nonce")));
    assert_eq!(world.get(&url, &[("authorization", &authorization), ("dpop", &proof)]).await.status, 200);
}

#[tokio::test]
async fn a18_a_code_lives_a_minute_at_most() {
    let world = World::start().await;
    let key = key();
    let (code, verifier) = world.app_code(&[]).await;
    world.advance(59);
    assert_eq!(world.exchange(&key, &code, &verifier).await.status, 200);
    let (code, verifier) = world.app_code(&[]).await;
    world.advance(60);
    world.exchange(&key, &code, &verifier).await.assert_error(400, "invalid_grant");
}

#[tokio::test]
async fn a19_a_refresh_token_of_a_public_client_is_rotated_and_its_reuse_ends_the_session() {
    let world = World::start().await;
    let key = key();
    let first = world.log_in(&key).await.refresh_token();
    let refreshed = world.token(&key, &refresh_form("app", &first)).await;
    let second = refreshed.refresh_token();
    assert_ne!(first, second);
    world.token(&key, &refresh_form("app", &first)).await.assert_error(400, "invalid_grant");
    world.token(&key, &refresh_form("app", &second)).await.assert_error(400, "invalid_grant");
    assert_eq!(world.introspect(&refreshed.access_token()).await, json!({ "active": false }));
}

#[tokio::test]
async fn a20_a_nonce_can_be_one_that_is_never_accepted() {
    let world = World::misbehaving(Misbehaviour::UnacceptableNonce).await;
    let (url, key) = (world.endpoint("token"), key());
    let nonce = world.token(&key, &ADMIN).await.header("dpop-nonce").to_owned();
    let proof = world.proof_with_nonce(&key, "POST", &url, &nonce);
    world.post(&url, &[("dpop", &proof)], &ADMIN).await.assert_error(400, "use_dpop_nonce");
}

#[tokio::test]
async fn a20_tokens_can_lack_the_binding_or_name_the_wrong_type() {
    let world = World::misbehaving(Misbehaviour::NoConfirmation).await;
    let answer = world.token(&key(), &ADMIN).await;
    assert_eq!((answer.json()["token_type"].as_str(), answer.claims().get("cnf")), (Some("DPoP"), None));
    let world = World::misbehaving(Misbehaviour::BearerType).await;
    let answer = world.token(&key(), &ADMIN).await;
    assert_eq!(answer.json()["token_type"], "Bearer");
    assert!(answer.claims().get("cnf").is_some());
}

#[tokio::test]
async fn a20_keys_can_change_with_every_token() {
    let world = World::misbehaving(Misbehaviour::RotatingKeys).await;
    let url = world.endpoint("certs");
    let before = world.get(&url, &[]).await.json();
    world.token(&key(), &ADMIN).await.access_token();
    let after = world.get(&url, &[]).await.json();
    let kid = |set: &Value| set["keys"][0]["kid"].clone();
    assert_ne!(kid(&before), kid(&after));
}

#[tokio::test]
async fn a20_keys_can_be_slow() {
    let world = World::misbehaving(Misbehaviour::SlowKeys(Duration::from_secs(3600))).await;
    let url = world.endpoint("certs");
    let waited = tokio::time::timeout(Duration::from_millis(100), world.get(&url, &[])).await;
    assert!(waited.is_err());
    assert_eq!(world.token(&key(), &ADMIN).await.status, 200);
}
