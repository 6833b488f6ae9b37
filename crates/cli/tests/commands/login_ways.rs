//! Logins at the development authorization server: device, signed assertion, pushed request; and renewal.

use std::fs;

use serde_json::{Value, json};

use crate::program::{self, Client};

/// A realm with a client of each kind, and tokens that live for `token_life` seconds.
fn realm(client_key: Option<&Value>, token_life: u64) -> Value {
    let keys = match client_key {
        Some(key) => json!({ "jwks.string": json!({ "keys": [key] }).to_string() }),
        None => json!({}),
    };
    json!({
        "realm": "acme",
        "enabled": true,
        "accessTokenLifespan": token_life,
        "oauth2DevicePollingInterval": 1,
        "clients": [
            {
                "clientId": "app",
                "publicClient": true,
                "redirectUris": ["http://127.0.0.1/callback"],
                "attributes": {
                    "dpop.bound.access.tokens": "true",
                    "oauth2.device.authorization.grant.enabled": "true"
                }
            },
            {
                "clientId": "signer",
                "clientAuthenticatorType": "client-jwt",
                "serviceAccountsEnabled": true,
                "attributes": keys
            },
            { "clientId": "service", "secret": "s3cret", "serviceAccountsEnabled": true }
        ],
        "users": [
            { "username": "alice", "enabled": true, "credentials": [{ "type": "password", "value": "wonderland" }] },
            {
                "username": "service-account-service",
                "enabled": true,
                "serviceAccountClientId": "service",
                "clientRoles": { "realm-management": ["view-users"] }
            }
        ]
    })
}

/// Runs the development server with nonces and this realm, and `then` with its issuer.
async fn with_server<F: Future<Output = ()>>(realm: &Value, then: impl FnOnce(String) -> F) {
    let server = Client::new();
    fs::create_dir_all(server.state_dir()).unwrap();
    let file = server.state_dir().join("realm.json");
    fs::write(&file, realm.to_string()).unwrap();
    let file = file.display().to_string();
    let arguments = ["authorization-server", "--port", "0", "--nonces", "--realm", &file];
    let running = server.run_until(&arguments, "Authorization server listening on ", |line| {
        let base = line.split_whitespace().find(|word| word.starts_with("http://")).unwrap();
        then(format!("{}/realms/acme", base.trim_end_matches(',')))
    });
    let running = running.await;
    assert_eq!(running.code, 0, "{}", running.stderr);
}

fn environment(issuer: &str, client_id: &str) -> Vec<(String, String)> {
    let base = issuer.split("/realms/").next().unwrap();
    [
        ("ISSUER", issuer.to_owned()),
        ("CLIENT_ID", client_id.to_owned()),
        ("PROTECTED_API", format!("{base}/admin/realms/acme/users?first=0&max=5")),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_logs_in_on_another_device() {
    with_server(&realm(None, 300), |issuer| async move {
        let client = Client::new();
        let environment = environment(&issuer, "app");
        let login =
            client.run_with_line(&["login", "--device"], &environment, "or open: ", |line| async move {
                let page = line.strip_prefix("or open: ").unwrap();
                let (url, query) = page.split_once('?').unwrap();
                let form = format!("{query}&answer=yes&username=alice&password=wonderland");
                let answer = program::post(url, &form).await;
                assert!(answer.contains("Device connected"), "{answer}");
            });
        let login = login.await;
        assert_eq!(login.code, 0, "{}{}", login.stdout, login.stderr);
        assert!(login.stdout.contains("and enter the code: "), "{}", login.stdout);
        assert!(login.stdout.contains("token_type: DPoP\n"), "{}", login.stdout);

        let refused =
            client.run_with_line(&["login", "--device"], &environment, "or open: ", |line| async move {
                let (url, query) = line.strip_prefix("or open: ").unwrap().split_once('?').unwrap();
                program::post(url, &format!("{query}&answer=no")).await;
            });
        let refused = refused.await;
        assert_eq!(refused.code, 5, "{}", refused.stderr);
        assert!(refused.stderr.contains("access_denied"), "{}", refused.stderr);
        // RFC 7009 with what the login remembered, nothing said again.
        let logout = client.run(&["logout", "--json"], &[]).await;
        assert!(logout.stdout.contains("\"is_revoked\": true"), "{}{}", logout.stdout, logout.stderr);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_signs_its_assertion() {
    let keys = Client::new();
    keys.run(&["keygen"], &[]).await;
    let file = keys.state_dir().join("dpop-private-key.pem").display().to_string();
    let inspected = keys.run(&["inspect", "--json", &format!("@{file}")], &[]).await;
    let inspected: Value = serde_json::from_str(&inspected.stdout).unwrap();
    with_server(&realm(Some(&inspected["keys"][0]["jwk"]), 300), |issuer| async move {
        let client = Client::new();
        let environment = environment(&issuer, "signer");
        let login = ["login", "--client-credentials", "--client-key", &file];
        let signed = client.run(&login, &environment).await;
        assert_eq!(signed.code, 0, "{}", signed.stderr);
        let stranger = client.state_dir().with_file_name("stranger.pem").display().to_string();
        client.run(&["keygen", "--key", &stranger], &[]).await;
        let login = ["login", "--client-credentials", "--client-key", &stranger];
        let refused = client.run(&login, &environment).await;
        assert_eq!(refused.code, 5);
        assert!(refused.stderr.contains("invalid_client"), "{}", refused.stderr);
        let nothing = client.run(&["login", "--client-credentials"], &environment).await;
        assert_eq!(nothing.code, 2, "{}", nothing.stderr);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_is_renewed_where_nobody_has_to_be_asked() {
    // Each token is over before the program ends: less than the margin is left.
    with_server(&realm(None, 5), |issuer| async move {
        let client = Client::new();
        let secret = ("CLIENT_SECRET".to_owned(), "s3cret".to_owned());
        let environment = environment(&issuer, "service");
        let with_secret = [environment.clone(), vec![secret]].concat();
        let login = client.run(&["login", "--client-credentials"], &with_secret).await;
        assert_eq!(login.code, 0, "{}", login.stderr);
        let stored = || fs::read(client.state_dir().join("token.json")).unwrap();
        let first = stored();
        let call = client.run(&["call", "-v"], &with_secret).await;
        assert_eq!(call.code, 0, "{}{}", call.stdout, call.stderr);
        assert!(call.stdout.contains("\"username\": \"alice\""), "{}", call.stdout);
        assert!(call.stderr.contains("The token had expired and was renewed."), "{}", call.stderr);
        let second = stored();
        assert_ne!(second, first);
        assert_eq!(client.run(&["call", "--no-renewal"], &with_secret).await.code, 0);
        assert_eq!(client.run(&["call"], &environment).await.code, 0, "without the secret as it is");
        assert_eq!(stored(), second);
    })
    .await;
    with_server(&realm(None, 5), |issuer| async move {
        let client = Client::new();
        let environment = environment(&issuer, "app");
        let login =
            client.run_with_line(&["login", "--device"], &environment, "or open: ", |line| async move {
                let (url, query) = line.strip_prefix("or open: ").unwrap().split_once('?').unwrap();
                program::post(url, &format!("{query}&answer=yes&username=alice&password=wonderland")).await;
            });
        assert_eq!(login.await.code, 0);
        // alice may not list users, but her token is good: 403 and not 401. Twice, with a refresh token that rotates.
        for _ in 0..2 {
            let call = client.run(&["call", "-v"], &environment).await;
            assert_eq!(call.code, 7, "{}{}", call.stdout, call.stderr);
            assert!(call.stderr.contains("was renewed."), "{}", call.stderr);
        }
        assert_eq!(client.run(&["logout"], &environment).await.code, 0);
    })
    .await;
}
