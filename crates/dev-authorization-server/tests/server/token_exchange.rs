//! Token exchange (RFC 8693).

use jose::KeyPair;
use serde_json::json;

use crate::world::{Answer, World, key};

const GRANT: (&str, &str) = ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange");

/// An exchange by the confidential client `exchanger`, which tokens of `shop` name as an audience.
async fn exchange(world: &World, key: Option<&KeyPair>, token: &str, extra: &[(&str, &str)]) -> Answer {
    let mut form = vec![
        GRANT,
        ("client_id", "exchanger"),
        ("client_secret", "exchanger-secret"),
        ("subject_token", token),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
    ];
    form.extend(extra);
    match key {
        Some(key) => world.token(key, &form).await,
        None => world.token_without_proof(&form).await,
    }
}

#[tokio::test]
async fn the_holder_of_the_key_gets_a_token_for_another_audience() {
    let (world, key) = (World::start().await, key());
    let login = world.log_in_as("shop", "shop-secret", Some(&key)).await;
    let answer =
        exchange(&world, Some(&key), &login.access_token(), &[("audience", "watcher"), ("scope", "openid")])
            .await;
    let claims = answer.claims();
    assert_eq!(answer.json()["issued_token_type"], "urn:ietf:params:oauth:token-type:access_token");
    assert_eq!(answer.json().get("refresh_token"), None);
    assert_eq!((&claims["sub"], &claims["azp"]), (&login.claims()["sub"], &json!("exchanger")));
    assert_eq!(claims["aud"], "watcher");
    assert_eq!(claims["cnf"]["jkt"], key.thumbprint().to_string());
    assert_eq!(claims["sid"], login.claims()["sid"], "the end of the login ends both");
}

#[tokio::test]
async fn a_bound_token_is_not_exchanged_without_its_key() {
    let (world, key_of_alice) = (World::start().await, key());
    let token = world.log_in_as("shop", "shop-secret", Some(&key_of_alice)).await.access_token();
    exchange(&world, None, &token, &[]).await.assert_error(400, "invalid_request");
    exchange(&world, Some(&key()), &token, &[]).await.assert_error(400, "invalid_request");
    assert_eq!(exchange(&world, Some(&key_of_alice), &token, &[]).await.status, 200);
}

#[tokio::test]
async fn only_good_tokens_for_the_client_are_exchanged() {
    let (world, key) = (World::start().await, key());
    let token = world.log_in_as("shop", "shop-secret", Some(&key)).await.access_token();
    for bad in ["", "no-token", &format!("{token}x")] {
        exchange(&world, Some(&key), bad, &[]).await.assert_error(400, "invalid_request");
    }
    let of_web = world.log_in_web(Some(&key)).await.access_token();
    exchange(&world, Some(&key), &of_web, &[]).await.assert_error(400, "invalid_request");
    world.advance(301);
    exchange(&world, Some(&key), &token, &[]).await.assert_error(400, "invalid_request");
}

#[tokio::test]
async fn asks_for_nothing_that_is_not_there() {
    let (world, key) = (World::start().await, key());
    let token = world.log_in_as("shop", "shop-secret", Some(&key)).await.access_token();
    for (name, value, error) in [
        ("audience", "nobody", "invalid_target"),
        ("resource", "https://api.example.com", "invalid_target"),
        ("scope", "phone", "invalid_scope"),
        ("actor_token", "a.b.c", "invalid_request"),
        ("requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token", "invalid_request"),
    ] {
        exchange(&world, Some(&key), &token, &[(name, value)]).await.assert_error(400, error);
    }
}

#[tokio::test]
async fn only_clients_with_the_switch_exchange() {
    let (world, key) = (World::start().await, key());
    let token = world.log_in_as("shop", "shop-secret", Some(&key)).await.access_token();
    let form = [GRANT, ("client_id", "web"), ("client_secret", "web-secret"), ("subject_token", &token)];
    world.token(&key, &form).await.assert_error(400, "unauthorized_client");
    let form = [GRANT, ("client_id", "app"), ("subject_token", &token)];
    world.token(&key, &form).await.assert_error(400, "unauthorized_client");
}
