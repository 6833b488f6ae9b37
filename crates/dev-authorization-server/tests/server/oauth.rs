//! The flows and refusals of OAuth 2.0, PKCE, PAR, OpenID Connect, introspection, revocation and logout.

use ::oauth::pkce::CodeVerifier;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::Request;
use http_body_util::Full;
use jose::{JwkSet, base64url, crypto, jwt::UnverifiedJwt};
use serde_json::json;

use crate::world::{ADMIN, Answer, CALLBACK, World, app_form, claims, key, refresh_form};

const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A good authorization request of `app`, with some parameters replaced or (by an empty value) left out.
async fn open_changed(world: &World, changes: &[(&str, &str)]) -> Answer {
    let mut parameters = vec![
        ("response_type", "code"),
        ("client_id", "app"),
        ("redirect_uri", CALLBACK),
        ("state", "s"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    parameters.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    parameters.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
    world.open(&parameters).await
}

#[tokio::test]
async fn what_can_not_be_trusted_is_told_on_a_page_and_redirected_nowhere() {
    let world = World::start().await;
    let cases: &[&[(&str, &str)]] = &[
        &[("client_id", "")],
        &[("client_id", "nobody")],
        &[("client_id", "kc-admin-client")],
        &[("redirect_uri", "")],
        &[("redirect_uri", "https://evil.example/callback")],
        &[("redirect_uri", "http://127.0.0.1:1/other")],
        &[("redirect_uri", "http://127.0.0.1:1/callback#x")],
        &[("request_uri", "urn:ietf:params:oauth:request_uri:made-up")],
    ];
    for changes in cases {
        let answer = open_changed(&world, changes).await;
        assert_eq!(answer.status, 400, "{changes:?}");
        assert!(!answer.has("location"), "{changes:?}");
        assert!(answer.header("content-type").starts_with("text/html"));
    }
    let twice = world.get(&format!("{}?client_id=app&client_id=web", world.endpoint("auth")), &[]).await;
    assert_eq!(twice.status, 400);
}

#[tokio::test]
async fn other_faults_go_back_to_the_client_with_state_and_issuer() {
    let world = World::start().await;
    let cases: &[(&[(&str, &str)], &str)] = &[
        (&[("response_type", "")], "invalid_request"),
        (&[("response_type", "code id_token")], "unsupported_response_type"),
        (&[("response_mode", "form_post")], "invalid_request"),
        (&[("scope", "openid root")], "invalid_scope"),
        (&[("code_challenge", "")], "invalid_request"),
        (&[("code_challenge_method", "")], "invalid_request"),
        (&[("code_challenge_method", "plain")], "invalid_request"),
        (&[("code_challenge", "short")], "invalid_request"),
        (&[("request", "e30.e30.")], "invalid_request"),
        (&[("prompt", "none")], "login_required"),
    ];
    for (changes, error) in cases {
        let callback = open_changed(&world, changes).await.callback();
        assert_eq!(callback["error"], *error, "{changes:?}");
        assert_eq!(callback["state"], "s");
        assert_eq!(callback["iss"], world.server.issuer("acme"));
    }
}

#[tokio::test]
async fn a_redirect_uri_keeps_its_query_and_a_fragment_can_be_asked_for() {
    let world = World::start().await;
    let plain = [("client_id", "plain-app"), ("redirect_uri", "https://plain.example/callback?from=acme")];
    let page = open_changed(&world, &plain).await;
    let answer = world.submit(&page, "alice", "wonderland").await;
    assert!(answer.header("location").starts_with("https://plain.example/callback?from=acme&code="));
    let page = open_changed(&world, &[("response_mode", "fragment")]).await;
    let answer = world.submit(&page, "alice", "wonderland").await;
    assert!(answer.header("location").starts_with(&format!("{CALLBACK}#code=")));
}

#[tokio::test]
async fn a_wrong_password_shows_the_form_again_and_ten_end_the_login() {
    let world = World::start().await;
    let page = open_changed(&world, &[]).await;
    for username in ["alice", "nobody", "carol", "service-account-kc-admin-client"] {
        let answer = world.submit(&page, username, "singer").await;
        assert_eq!(answer.status, 200);
        assert!(answer.text().contains("Invalid username or password."), "{username}");
    }
    for _ in 4..10 {
        world.submit(&page, "alice", "wrong").await;
    }
    assert_eq!(world.submit(&page, "alice", "wonderland").await.status, 400);
}

#[tokio::test]
async fn a_login_form_works_once() {
    let world = World::start().await;
    let page = open_changed(&world, &[]).await;
    assert_eq!(world.submit(&page, "alice", "wonderland").await.status, 303);
    assert_eq!(world.submit(&page, "alice", "wonderland").await.status, 400);
}

#[tokio::test]
async fn pages_are_not_framed_not_cached_and_escape_what_they_show() {
    let world = World::start().await;
    let page = open_changed(&world, &[("login_hint", "\"><script>alert(1)</script>")]).await;
    assert!(page.header("content-security-policy").contains("frame-ancestors 'none'"));
    assert_eq!(page.header("cache-control"), "no-store");
    assert!(!page.text().contains("<script>"));
}

#[tokio::test]
async fn a_code_works_once_and_its_second_use_ends_the_session() {
    let world = World::start().await;
    let key = key();
    let (code, verifier) = world.app_code(&[]).await;
    let logged_in = world.exchange(&key, &code, &verifier).await;
    let token = logged_in.access_token();
    assert_eq!(world.introspect(&token).await["active"], true);
    world.advance(100);
    world.exchange(&key, &code, &verifier).await.assert_error(400, "invalid_grant");
    assert_eq!(world.introspect(&token).await, json!({ "active": false }));
    let refresh_token = logged_in.refresh_token();
    world.token(&key, &refresh_form("app", &refresh_token)).await.assert_error(400, "invalid_grant");
    assert_eq!(world.call(&key, &token, &world.endpoint("userinfo")).await.status, 401);
}

#[tokio::test]
async fn a_code_is_for_its_client_its_redirect_uri_and_its_verifier() {
    let world = World::start().await;
    let key = key();
    let (code, verifier) = world.app_code(&[]).await;
    let other_client = [
        ("grant_type", "authorization_code"),
        ("client_id", "plain-app"),
        ("code", code.as_str()),
        ("redirect_uri", CALLBACK),
        ("code_verifier", verifier.as_str()),
    ];
    world.token(&key, &other_client).await.assert_error(400, "invalid_grant");
    // Another client's attempt costs nothing.
    assert_eq!(world.exchange(&key, &code, &verifier).await.status, 200);

    let (code, verifier) = world.app_code(&[]).await;
    let mut other_place = app_form(&code, &verifier);
    other_place[3] = ("redirect_uri", "http://127.0.0.1:9/callback");
    world.token(&key, &other_place).await.assert_error(400, "invalid_grant");
    // A wrong guess spends the code.
    world.exchange(&key, &code, &verifier).await.assert_error(400, "invalid_grant");

    let (code, _) = world.app_code(&[]).await;
    world.exchange(&key, &code, &CodeVerifier::generate()).await.assert_error(400, "invalid_grant");
    let (code, verifier) = world.app_code(&[]).await;
    world.token(&key, &app_form(&code, &verifier)[..4]).await.assert_error(400, "invalid_grant");
}

#[tokio::test]
async fn two_exchanges_of_one_code_at_once_give_one_token_at_most() {
    let world = World::start().await;
    let (key, other) = (key(), key());
    let (code, verifier) = world.app_code(&[]).await;
    let (first, second) =
        tokio::join!(world.exchange(&key, &code, &verifier), world.exchange(&other, &code, &verifier));
    let granted = [&first, &second].iter().filter(|answer| answer.status == 200).count();
    assert!(granted <= 1);
}

#[tokio::test]
async fn a_client_authenticates_in_exactly_one_way() {
    let world = World::start().await;
    let (url, key) = (world.endpoint("token"), key());
    let grant = ("grant_type", "client_credentials");
    let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
    let send = |authorization: Option<String>, form: Vec<(&'static str, &'static str)>| {
        let proof = world.proof(&key, "POST", &url);
        let (world, url) = (&world, &url);
        async move {
            let mut headers = vec![("dpop", proof.as_str())];
            headers.extend(authorization.as_deref().map(|value| ("authorization", value)));
            world.post(url, &headers, &form).await
        }
    };
    assert_eq!(send(Some(basic("watcher:watcher-secret")), vec![grant]).await.status, 200);
    let named = vec![grant, ("client_id", "watcher")];
    assert_eq!(send(Some(basic("watcher:watcher-secret")), named).await.status, 200);

    let wrong = send(Some(basic("watcher:wrong")), vec![grant]).await;
    wrong.assert_error(401, "invalid_client");
    assert!(wrong.header("www-authenticate").starts_with("Basic"));
    let posted = send(None, vec![grant, ("client_id", "watcher"), ("client_secret", "wrong")]).await;
    posted.assert_error(401, "invalid_client");
    send(None, vec![grant, ("client_id", "watcher")]).await.assert_error(401, "invalid_client");
    send(None, vec![grant]).await.assert_error(401, "invalid_client");
    send(None, vec![grant, ("client_id", "nobody")]).await.assert_error(401, "invalid_client");
    let both = vec![grant, ("client_id", "watcher"), ("client_secret", "watcher-secret")];
    send(Some(basic("watcher:watcher-secret")), both).await.assert_error(400, "invalid_request");
    let other = vec![grant, ("client_id", "web")];
    send(Some(basic("watcher:watcher-secret")), other).await.assert_error(400, "invalid_request");
    send(Some("Bearer x".to_owned()), vec![grant]).await.assert_error(401, "invalid_client");
}

#[tokio::test]
async fn grants_are_for_clients_that_registered_them() {
    let world = World::start().await;
    let web = ("client_id", "web");
    let secret = ("client_secret", "web-secret");
    let ask = async |grant_type| world.token_without_proof(&[("grant_type", grant_type), web, secret]).await;
    ask("client_credentials").await.assert_error(400, "unauthorized_client");
    ask("password").await.assert_error(400, "unsupported_grant_type");
    world.token_without_proof(&[web, secret]).await.assert_error(400, "invalid_request");
    ask("authorization_code").await.assert_error(400, "invalid_request");
}

#[tokio::test]
async fn a_token_request_is_a_form_with_each_parameter_once() {
    let world = World::start().await;
    let request = |content_type: &str, body: &'static str| {
        Request::post(world.endpoint("token"))
            .header("content-type", content_type)
            .body(Full::from(body))
            .unwrap()
    };
    let form = "application/x-www-form-urlencoded";
    let json = world.send(request("application/json", "{}")).await;
    json.assert_error(400, "invalid_request");
    let twice = world.send(request(form, "grant_type=client_credentials&grant_type=refresh_token")).await;
    twice.assert_error(400, "invalid_request");
    assert_eq!(world.get(&world.endpoint("token"), &[]).await.status, 405);
}

#[tokio::test]
async fn a_refresh_gives_the_same_or_less_scope() {
    let world = World::start().await;
    let key = key();
    let refresh_token = world.log_in(&key).await.refresh_token();
    let with_scope = |token, scope| {
        let mut form = refresh_form("app", token).to_vec();
        form.push(("scope", scope));
        form
    };
    world.token(&key, &with_scope(&refresh_token, "openid phone")).await.assert_error(400, "invalid_scope");
    let narrowed = world.token(&key, &with_scope(&refresh_token, "openid")).await;
    assert_eq!(narrowed.json()["scope"], "openid");
    assert_eq!(narrowed.claims().get("email"), None);
    let whole = world.token(&key, &refresh_form("app", &narrowed.refresh_token())).await;
    assert_eq!(whole.json()["scope"], "openid email profile");
}

#[tokio::test]
async fn a_refresh_token_ends_when_it_is_not_used() {
    let world = World::start().await;
    let key = key();
    let refresh_token = world.log_in(&key).await.refresh_token();
    world.advance(1800);
    world.token(&key, &refresh_form("app", &refresh_token)).await.assert_error(400, "invalid_grant");
}

#[tokio::test]
async fn the_id_token_names_the_login() {
    let world = World::start().await;
    let (code, verifier) = world.app_code(&[("nonce", "n-0S6_WzA2Mj")]).await;
    let answer = world.exchange(&key(), &code, &verifier).await;
    let access_token = answer.access_token();
    let id_token = answer.json()["id_token"].as_str().unwrap().to_owned();
    let jwt = UnverifiedJwt::parse(&id_token).unwrap();
    let keys = world.get(&world.endpoint("certs"), &[]).await.json().to_string();
    let keys = JwkSet::parse(keys.as_bytes()).unwrap();
    let key = keys.candidates(jwt.header.kid.as_deref(), jwt.header.alg).next().unwrap();
    jwt.verify(&key.key).unwrap();
    let claims = claims(&id_token);
    assert_eq!(claims["iss"], world.server.issuer("acme"));
    assert_eq!(claims["aud"], "app");
    assert_eq!(claims["nonce"], "n-0S6_WzA2Mj");
    let half = &crypto::sha256(access_token.as_bytes())[..16];
    assert_eq!(claims["at_hash"], base64url::encode(half));
    // No ID token without the scope openid.
    assert!(world.token(&crate::world::key(), &ADMIN).await.json().get("id_token").is_none());
}

#[tokio::test]
async fn an_id_token_is_no_access_token() {
    let world = World::start().await;
    let id_token = world.log_in_web(None).await.json()["id_token"].as_str().unwrap().to_owned();
    assert_eq!(world.introspect(&id_token).await, json!({ "active": false }));
    let answer =
        world.get(&world.endpoint("userinfo"), &[("authorization", &format!("Bearer {id_token}"))]).await;
    assert_eq!(answer.status, 401);
}

#[tokio::test]
async fn a_pushed_request_is_for_its_client_and_for_one_login() {
    let world = World::start().await;
    let url = world.endpoint("ext/par/request");
    let form = [
        ("client_id", "par-only"),
        ("client_secret", "par-secret"),
        ("response_type", "code"),
        ("redirect_uri", "https://par.example/callback"),
        ("state", "pushed"),
    ];
    let push = async || world.post(&url, &[], &form).await.json()["request_uri"].as_str().unwrap().to_owned();
    let request_uri = push().await;
    let open = async |client_id, request_uri: &str| {
        world.open(&[("client_id", client_id), ("request_uri", request_uri), ("state", "beside")]).await
    };
    assert_eq!(open("web", &request_uri).await.status, 400);
    // Loading the page twice is fine, logging in twice is not.
    let (page, again) = (open("par-only", &request_uri).await, open("par-only", &request_uri).await);
    let callback = world.submit(&page, "alice", "wonderland").await.callback();
    assert_eq!(callback["state"], "pushed");
    assert_eq!(world.submit(&again, "alice", "wonderland").await.status, 400);
    assert_eq!(open("par-only", &request_uri).await.status, 400);

    let late = push().await;
    world.advance(60);
    assert_eq!(open("par-only", &late).await.status, 400);
}

#[tokio::test]
async fn a_pushed_request_is_checked_like_any_other_and_needs_the_client() {
    let world = World::start().await;
    let url = world.endpoint("ext/par/request");
    let client = [("client_id", "par-only"), ("client_secret", "par-secret"), ("response_type", "code")];
    let push = async |more: &[(&str, &str)]| {
        let mut form = client.to_vec();
        form.extend(more);
        world.post(&url, &[], &form).await
    };
    push(&[("redirect_uri", "https://evil.example/")]).await.assert_error(400, "invalid_request");
    let good = ("redirect_uri", "https://par.example/callback");
    push(&[good, ("scope", "root")]).await.assert_error(400, "invalid_scope");
    push(&[good, ("request_uri", "urn:x")]).await.assert_error(400, "invalid_request");
    let stranger = [("client_id", "par-only"), ("response_type", "code"), good];
    world.post(&url, &[], &stranger).await.assert_error(401, "invalid_client");
}

#[tokio::test]
async fn a_client_can_be_made_to_push() {
    let world = World::start().await;
    let redirect_uri = ("redirect_uri", "https://par.example/callback");
    let callback = open_changed(&world, &[("client_id", "par-only"), redirect_uri]).await.callback();
    assert_eq!(callback["error"], "invalid_request");
}

#[tokio::test]
async fn introspection_is_for_confidential_clients() {
    let world = World::start().await;
    let url = world.endpoint("token/introspect");
    world.post(&url, &[], &[("token", "x")]).await.assert_error(401, "invalid_client");
    world.post(&url, &[], &[("token", "x"), ("client_id", "app")]).await.assert_error(401, "invalid_client");
    let token = world.token(&key(), &ADMIN).await.access_token();
    assert_eq!(world.introspect(&token).await["active"], true);
    let mut tampered = token.clone();
    tampered.replace_range(
        token.len() - 4..token.len() - 3,
        if token.as_bytes()[token.len() - 4] == b'A' { "B" } else { "A" },
    );
    assert_eq!(world.introspect(&tampered).await, json!({ "active": false }));
    world.advance(300);
    assert_eq!(world.introspect(&token).await, json!({ "active": false }));
}

#[tokio::test]
async fn revocation_ends_a_token_or_the_whole_session() {
    let world = World::start().await;
    let (url, key) = (world.endpoint("revoke"), key());
    let admin = [("client_id", "kc-admin-client"), ("client_secret", "admin-secret")];
    let token = world.token(&key, &ADMIN).await.access_token();
    let revoke = async |token: &str, client: &[(&str, &str)]| {
        let mut form = client.to_vec();
        form.push(("token", token));
        world.post(&url, &[], &form).await
    };
    revoke(&token, &[("client_id", "app")]).await.assert_error(400, "invalid_grant");
    assert_eq!(world.call(&key, &token, &world.users()).await.status, 200);
    assert_eq!(revoke(&token, &admin).await.status, 200);
    assert_eq!(world.introspect(&token).await, json!({ "active": false }));
    let refused = world.call(&key, &token, &world.users()).await;
    assert_eq!(refused.status, 401);
    assert!(refused.header("www-authenticate").contains("invalid_token"));

    let logged_in = world.log_in(&key).await;
    assert_eq!(revoke(&logged_in.refresh_token(), &[("client_id", "app")]).await.status, 200);
    assert_eq!(world.introspect(&logged_in.access_token()).await, json!({ "active": false }));
    assert_eq!(revoke("unknown", &[("client_id", "app")]).await.status, 200);
}

#[tokio::test]
async fn logout_ends_the_session_and_returns_to_a_registered_place_only() {
    let world = World::start().await;
    let logged_in = world.log_in_web(None).await;
    let hint = logged_in.json()["id_token"].as_str().unwrap().to_owned();
    let log_out = async |uri: &str| {
        let parameters =
            [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", uri), ("state", "bye now")];
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        world.get(&format!("{}?{query}", world.endpoint("logout")), &[]).await
    };
    assert_eq!(log_out("https://evil.example/").await.status, 400);
    assert_eq!(
        log_out("https://web.example/bye").await.header("location"),
        "https://web.example/bye?state=bye+now"
    );
    assert_eq!(world.introspect(&logged_in.access_token()).await, json!({ "active": false }));

    let logged_in = world.log_in_web(None).await;
    let form = [
        ("client_id", "web"),
        ("client_secret", "web-secret"),
        ("refresh_token", &*logged_in.refresh_token()),
    ];
    assert_eq!(world.post(&world.endpoint("logout"), &[], &form).await.status, 204);
    assert_eq!(world.introspect(&logged_in.access_token()).await, json!({ "active": false }));
}
