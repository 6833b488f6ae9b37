//! The device authorization grant (RFC 8628).

use jose::KeyPair;
use serde_json::Value;

use crate::world::{Answer, World, key, refresh_form};

struct Device {
    device_code: String,
    user_code: String,
    page: String,
}

async fn begin(world: &World) -> Device {
    let form = [("client_id", "app"), ("scope", "openid")];
    let answer = world.post(&world.endpoint("auth/device"), &[], &form).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("cache-control"), "no-store");
    let answer = answer.json();
    let text = |name: &str| answer[name].as_str().unwrap().to_owned();
    assert_eq!((&answer["interval"], &answer["expires_in"]), (&Value::from(5), &Value::from(600)));
    assert_eq!(
        text("verification_uri_complete"),
        format!("{}?user_code={}", text("verification_uri"), text("user_code"))
    );
    Device {
        device_code: text("device_code"),
        user_code: text("user_code"),
        page: text("verification_uri_complete"),
    }
}

impl Device {
    async fn ask(&self, world: &World, key: &KeyPair) -> Answer {
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            ("client_id", "app"),
            ("device_code", &self.device_code),
        ];
        world.token(key, &form).await
    }

    /// What the user answers, in the form of the page.
    async fn answer(&self, world: &World, answer: &str, password: &str) -> Answer {
        let page = world.get(&self.page, &[]).await.text();
        assert!(page.contains(&self.user_code) && page.contains("app asks who you are"), "{page}");
        let form = [
            ("user_code", self.user_code.as_str()),
            ("answer", answer),
            ("username", "alice"),
            ("password", password),
        ];
        world.post(self.page.split('?').next().unwrap(), &[], &form).await
    }
}

#[tokio::test]
async fn a_user_lets_a_device_in() {
    let (world, key) = (World::start().await, key());
    let device = begin(&world).await;
    device.ask(&world, &key).await.assert_error(400, "authorization_pending");
    world.advance(4);
    device.ask(&world, &key).await.assert_error(400, "slow_down");
    let wrong = device.answer(&world, "yes", "wrong").await.text();
    assert!(wrong.contains("Invalid username or password."), "{wrong}");
    world.advance(5);
    device.ask(&world, &key).await.assert_error(400, "authorization_pending");
    let page = device.answer(&world, "yes", "wonderland").await.text();
    assert!(page.contains("Device connected"), "{page}");
    let tokens = device.ask(&world, &key).await;
    assert_eq!(tokens.json()["token_type"], "DPoP");
    assert_eq!(tokens.claims()["cnf"]["jkt"], key.thumbprint().to_string());
    assert_eq!(tokens.claims()["scope"], "openid email profile");
    device.ask(&world, &key).await.assert_error(400, "invalid_grant");
    let refreshed = world.token(&key, &refresh_form("app", &tokens.refresh_token())).await;
    assert_eq!(refreshed.claims()["sub"], tokens.claims()["sub"]);
}

#[tokio::test]
async fn a_user_refuses_a_device() {
    let (world, key) = (World::start().await, key());
    let device = begin(&world).await;
    assert!(device.answer(&world, "no", "").await.text().contains("Device refused"));
    device.ask(&world, &key).await.assert_error(400, "access_denied");
    let late = world.get(&device.page, &[]).await.text();
    assert!(late.contains("No device waits for this code."), "{late}");
}

#[tokio::test]
async fn a_device_code_ends_and_says_so() {
    let (world, key) = (World::start().await, key());
    let device = begin(&world).await;
    world.advance(600);
    device.ask(&world, &key).await.assert_error(400, "expired_token");
    world.advance(301);
    device.ask(&world, &key).await.assert_error(400, "invalid_grant");
}

#[tokio::test]
async fn guessing_a_password_ends_the_device() {
    let (world, key) = (World::start().await, key());
    let device = begin(&world).await;
    for _ in 0..10 {
        device.answer(&world, "yes", "guess").await;
    }
    device.ask(&world, &key).await.assert_error(400, "access_denied");
}

#[tokio::test]
async fn the_code_is_typed_in_any_way() {
    let world = World::start().await;
    let device = begin(&world).await;
    let page = device.page.split('?').next().unwrap();
    let empty = world.get(page, &[]).await.text();
    assert!(empty.contains("Code that the device shows"), "{empty}");
    let typed = device.user_code.to_lowercase().replace('-', "+");
    let found = world.get(&format!("{page}?user_code={typed}"), &[]).await.text();
    assert!(found.contains("app asks who you are"), "{found}");
    let other = world.get(&format!("{page}?user_code=%3Cscript%3E"), &[]).await.text();
    assert!(other.contains("No device waits") && !other.contains("<script>"), "{other}");
}

#[tokio::test]
async fn only_clients_with_the_switch_and_only_their_own_codes() {
    let (world, key) = (World::start().await, key());
    let endpoint = world.endpoint("auth/device");
    world.post(&endpoint, &[], &[("client_id", "plain-app")]).await.assert_error(400, "unauthorized_client");
    world.post(&endpoint, &[], &[("client_id", "nobody")]).await.assert_error(401, "invalid_client");
    let more = [("client_id", "app"), ("scope", "admin")];
    world.post(&endpoint, &[], &more).await.assert_error(400, "invalid_scope");
    let device = begin(&world).await;
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("client_id", "plain-app"),
        ("device_code", &device.device_code),
    ];
    world.token(&key, &form).await.assert_error(400, "invalid_grant");
}

#[tokio::test]
async fn a_device_without_a_nonce_may_ask_again_with_one() {
    let (world, key) = (World::with_nonces().await, key());
    let device = begin(&world).await;
    device.answer(&world, "yes", "wonderland").await;
    let challenged = device.ask(&world, &key).await;
    challenged.assert_error(400, "use_dpop_nonce");
    let url = world.endpoint("token");
    let proof = world.proof_with_nonce(&key, "POST", &url, challenged.header("dpop-nonce"));
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("client_id", "app"),
        ("device_code", &device.device_code),
    ];
    assert_eq!(world.post(&url, &[("dpop", &proof)], &form).await.status, 200);
}
