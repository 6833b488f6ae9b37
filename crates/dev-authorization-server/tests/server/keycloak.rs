//! What clients written for Keycloak rely on.

use dev_authorization_server::{AuthorizationServer, Options, Realm, StartError};
use http::{Request, header::HOST};
use http_body_util::Full;
use jose::jwt::UnverifiedJwt;
use serde_json::{Value, json};

use crate::world::{ADMIN, START, World, claims, key};

#[tokio::test]
async fn the_admin_api_lists_users_for_a_bound_service_account() {
    let world = World::start().await;
    let key = key();
    let token = world.token(&key, &ADMIN).await.access_token();
    let answer = world.call(&key, &token, &format!("{}?first=0&max=5", world.users())).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let users = answer.json();
    let names: Vec<&str> =
        users.as_array().unwrap().iter().map(|user| user["username"].as_str().unwrap()).collect();
    assert_eq!(names, ["alice", "bob", "carol"]);
    assert_eq!(users[0]["email"], "alice@example.org");
    assert_eq!(users[0]["firstName"], "Alice");
    assert!(!answer.text().contains("wonderland"));
    let names_of = async |query: &str| -> Vec<Value> {
        let answer = world.call(&key, &token, &format!("{}?{query}", world.users())).await;
        answer.json().as_array().unwrap().iter().map(|user| user["username"].clone()).collect()
    };
    assert_eq!(names_of("first=1&max=1").await, [json!("bob")]);
    assert_eq!(names_of("search=ACME").await, [json!("alice")]);
    assert_eq!(names_of("username=car").await, [json!("carol")]);
    assert_eq!(names_of("first=9").await, [json!(null); 0]);
}

#[tokio::test]
async fn the_admin_api_asks_for_the_role_and_for_dpop() {
    let world = World::start().await;
    let key = key();
    let watcher =
        [("grant_type", "client_credentials"), ("client_id", "watcher"), ("client_secret", "watcher-secret")];
    let powerless = world.token(&key, &watcher).await.access_token();
    assert_eq!(world.call(&key, &powerless, &world.users()).await.status, 403);

    let token = world.token(&key, &ADMIN).await.access_token();
    let bearer = world.get(&world.users(), &[("authorization", &format!("Bearer {token}"))]).await;
    assert_eq!(bearer.status, 401);
    assert!(bearer.header("www-authenticate").contains("invalid_token"));
    let wrong_number = world.call(&key, &token, &format!("{}?max=many", world.users())).await;
    assert_eq!(wrong_number.status, 400);
    assert_eq!(world.get(&world.users(), &[]).await.status, 401);
}

#[tokio::test]
async fn access_tokens_carry_keycloaks_claims() {
    let world = World::start().await;
    let key = key();
    let token = world.log_in(&key).await.access_token();
    let header = UnverifiedJwt::parse(&token).unwrap().header;
    assert_eq!(header.typ.as_deref(), Some("JWT"));
    let claims_of_alice = claims(&token);
    assert_eq!(claims_of_alice["typ"], "DPoP");
    assert_eq!(claims_of_alice["azp"], "app");
    assert_eq!(claims_of_alice["preferred_username"], "alice");
    assert_eq!(claims_of_alice["name"], "Alice Acme");
    assert_eq!(claims_of_alice["email_verified"], true);
    assert_eq!(claims_of_alice["scope"], "openid email profile");
    assert_eq!(claims_of_alice["allowed-origins"], json!(["https://app.example"]));
    assert_eq!(
        (claims_of_alice["iat"].as_i64(), claims_of_alice["exp"].as_i64()),
        (Some(START), Some(START + 300))
    );
    assert_eq!(claims_of_alice.get("aud"), None);

    let admin = claims(&world.token(&key, &ADMIN).await.access_token());
    assert_eq!(admin["preferred_username"], "service-account-kc-admin-client");
    assert!(
        admin["resource_access"]["realm-management"]["roles"]
            .as_array()
            .unwrap()
            .contains(&json!("view-users"))
    );
    assert_eq!(admin["aud"], "realm-management");
    assert_eq!(admin.get("sid"), None);
}

#[tokio::test]
async fn the_issuer_stays_while_the_host_changes() {
    // A container reaches the token endpoint by another name than the browser reaches the login page.
    let world = World::start().await;
    let key = key();
    let path = "/realms/acme/protocol/openid-connect/token";
    let post = async |host: &str, htu: &str| {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(ADMIN).finish();
        let request = Request::post(format!("{}{path}", world.server.base_url()))
            .header(HOST, host)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("dpop", world.proof(&key, "POST", htu))
            .body(Full::from(body))
            .unwrap();
        world.send(request).await
    };
    let inside = post("keycloak:8080", &format!("http://keycloak:8080{path}")).await;
    assert_eq!(inside.claims()["iss"], world.server.issuer("acme"));
    let elsewhere = post("keycloak:8080", &format!("http://other:8080{path}")).await;
    elsewhere.assert_error(400, "invalid_dpop_proof");
}

#[tokio::test]
async fn a_public_name_becomes_the_issuer() {
    let world = World::start_with(|options| options.base_url = Some("https://id.example/".to_owned())).await;
    let url = format!("http://{}/realms/acme/.well-known/openid-configuration", world.server.address());
    let metadata = world.get(&url, &[]).await.json();
    assert_eq!(metadata["issuer"], "https://id.example/realms/acme");
}

#[tokio::test]
async fn a_realm_that_is_not_there_is_not_found() {
    let world = World::start().await;
    let base = world.server.base_url();
    let answer = world.get(&format!("{base}/realms/other/.well-known/openid-configuration"), &[]).await;
    assert_eq!((answer.status.as_u16(), answer.json()), (404, json!({ "error": "Realm does not exist" })));
}

#[tokio::test]
async fn the_key_set_holds_public_signing_keys_only() {
    let world = World::start().await;
    let keys = world.get(&world.endpoint("certs"), &[]).await.json();
    let key = &keys["keys"][0];
    assert_eq!((key["use"].as_str(), key["alg"].as_str()), (Some("sig"), Some("ES256")));
    for private in ["d", "p", "q", "k"] {
        assert!(key.get(private).is_none());
    }
}

#[tokio::test]
async fn a_token_of_one_realm_is_nothing_in_another() {
    let other = br#"{"realm":"other","defaultSignatureAlgorithm":"ES256"}"#;
    let world = World::start_with(|options| options.realms.push(Realm::parse(other).unwrap())).await;
    let key = key();
    let token = world.token(&key, &ADMIN).await.access_token();
    let url = format!("{}/admin/realms/other/users", world.server.base_url());
    let answer = world.call(&key, &token, &url).await;
    assert_eq!(answer.status, 401);
    assert!(answer.header("www-authenticate").contains("invalid_token"));
}

#[tokio::test]
async fn the_built_in_realm_signs_with_rs256_like_keycloak() {
    let options = Options::new(([127, 0, 0, 1], 0).into(), vec![Realm::built_in().unwrap()]);
    let server = AuthorizationServer::start(options).await.unwrap();
    let world = World::start().await;
    let keys =
        world.get(&format!("{}/protocol/openid-connect/certs", server.issuer("dpop")), &[]).await.json();
    assert_eq!(keys["keys"][0]["alg"], "RS256");
    server.shutdown().await;
}

#[tokio::test]
async fn a_server_that_can_not_start_says_why() {
    let realm = || Realm::parse(br#"{"realm":"r","defaultSignatureAlgorithm":"ES256"}"#).unwrap();
    let address = ([127, 0, 0, 1], 0).into();
    let twice = AuthorizationServer::start(Options::new(address, vec![realm(), realm()])).await;
    assert!(matches!(twice, Err(StartError::DuplicateRealm(name)) if name == "r"));
    let world = World::start().await;
    let taken = AuthorizationServer::start(Options::new(world.server.address(), vec![realm()])).await;
    assert!(matches!(taken, Err(StartError::Listen { .. })));
}
