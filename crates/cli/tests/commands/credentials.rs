//! The commands around the stored token: what they show, what they keep to themselves, what they leave behind.

use std::fs;

use serde_json::Value;

use crate::{
    fake_servers::FakeServers,
    program::{Client, Finished},
};

fn json(finished: &Finished) -> Value {
    serde_json::from_str(&finished.stdout).unwrap_or_else(|error| panic!("{error}: {}", finished.stdout))
}

/// A client after its login, and its token.
async fn logged_in(servers: &FakeServers) -> (Client, String) {
    let client = Client::new();
    let login = client.log_in(servers, &["login"], &servers.environment(), "").await;
    assert_eq!(login.code, 0, "{}", login.stderr);
    let stored = fs::read_to_string(client.state_dir().join("token.json")).unwrap();
    let stored: Value = serde_json::from_str(&stored).unwrap();
    (client, stored["access_token"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn token_shows_everything_but_the_token() {
    let servers = FakeServers::start().await;
    let (client, token) = logged_in(&servers).await;
    let shown = client.run(&["token"], &[]).await;
    assert_eq!(shown.code, 0, "{}", shown.stderr);
    assert!(shown.stdout.starts_with("token_type: DPoP\nselected access token claims:\n{\n  \"iss\": "));
    assert!(shown.stdout.contains("\nbound to: the key of this client\n"), "{}", shown.stdout);
    assert!(shown.stdout.ends_with("\nrefresh token: none\n"), "{}", shown.stdout);
    let summary = client.run(&["token", "--json"], &[]).await;
    assert_eq!(json(&summary)["is_bound_to_stored_key"], true);
    assert_eq!(json(&summary)["claims"]["preferred_username"], "alice");
    for output in [&shown.stdout, &summary.stdout] {
        assert!(!output.contains(token.rsplit('.').next().unwrap()), "the signature makes it a token");
    }
    assert_eq!(client.run(&["token", "--raw"], &[]).await.stdout, format!("{token}\n"));

    client.run(&["keygen"], &[]).await;
    let shown = client.run(&["token"], &[]).await;
    assert!(shown.stdout.contains("bound to: another key"), "{}", shown.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_is_told_by_the_exit_status() {
    let client = Client::new();
    fs::create_dir_all(client.state_dir()).unwrap();
    // {"alg":"ES256"}.{"iat":1700000000,"exp":1700000300}
    let response = r#"{"access_token":"eyJhbGciOiJFUzI1NiJ9.eyJpYXQiOjE3MDAwMDAwMDAsImV4cCI6MTcwMDAwMDMwMH0.AA","token_type":"DPoP"}"#;
    fs::write(client.state_dir().join("token.json"), response).unwrap();
    let shown = client.run(&["token"], &[]).await;
    assert_eq!(shown.code, 3, "{}", shown.stderr);
    assert!(shown.stdout.contains("expires: 2023-11-14 22:18:20 UTC ("), "{}", shown.stdout);
    assert!(shown.stdout.contains("bound to: no key"), "{}", shown.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn proof_makes_one_that_the_api_accepts() {
    let servers = FakeServers::start().await;
    let (client, token) = logged_in(&servers).await;
    let url = format!("{}/api/things?page=2", servers.base());
    let challenge = client.run(&["call", &url, "--no-retry-nonce"], &[]).await.stdout;
    let nonce = challenge.lines().find_map(|line| line.strip_prefix("DPoP-Nonce: ")).unwrap();
    let proof = client.run(&["proof", "GET", &url, "--nonce", nonce], &[]).await;
    assert_eq!(proof.code, 0, "{}", proof.stderr);
    let header = format!("DPoP: {}", proof.stdout.trim_end());
    let call = client.run(&["call", &url, "--no-proof", "-H", &header], &[]).await;
    assert_eq!(call.code, 0, "{}", call.stdout);

    let printed = json(&client.run(&["proof", "--json", "--no-token", "POST", &url], &[]).await);
    assert_eq!((&printed["htm"], &printed["has_ath"]), (&"POST".into(), &false.into()));
    assert_eq!(printed["htu"], format!("{}/api/things", servers.base()));
    assert!(!printed.to_string().contains(&token));

    let stranger = Client::new();
    let refused = stranger.run(&["proof", "GET", &url], &[]).await;
    assert_eq!((refused.code, refused.stdout.as_str()), (4, ""), "and no key is made");
    assert!(refused.stderr.contains("No DPoP key found."), "{}", refused.stderr);
    assert!(!stranger.state_dir().exists());
    assert_eq!(client.run(&["proof", "GET", &url, "--nonce", "a\"b"], &[]).await.code, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn logout_forgets_the_token_and_keeps_the_key() {
    let servers = FakeServers::start().await;
    let (client, _) = logged_in(&servers).await;
    client.run(&["call"], &servers.environment()).await;
    let logout = client.run(&["logout"], &[]).await;
    assert_eq!(logout.code, 0, "{}", logout.stderr);
    assert!(logout.stdout.contains("not revoked at its server"), "{}", logout.stdout);
    let left: Vec<_> =
        fs::read_dir(client.state_dir()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["dpop-private-key.pem"]);
    let again = client.run(&["logout", "--json"], &[]).await;
    assert_eq!((again.code, json(&again)["was_logged_in"].clone()), (0, false.into()));
    assert_eq!(client.run(&["token"], &[]).await.code, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn logout_keeps_a_token_that_was_not_revoked() {
    let servers = FakeServers::start().await;
    let (client, token) = logged_in(&servers).await;
    let endpoint = format!("{}/nowhere", servers.base());
    let arguments = ["logout", "--revocation-endpoint", &endpoint, "--client-id", "the-client"];
    let logout = client.run(&arguments, &[]).await;
    assert_eq!(logout.code, 5);
    assert!(logout.stderr.contains("logout --local"), "{}", logout.stderr);
    assert!(!logout.stderr.contains(&token));
    assert_eq!(client.run(&["token"], &[]).await.code, 0);
    // A server that revokes no such tokens can do no more by being asked again.
    let endpoint = format!("{}/revoke", servers.base());
    let arguments = ["logout", "--json", "--revocation-endpoint", &endpoint, "--client-id", "the-client"];
    let logout = client.run(&arguments, &[]).await;
    assert_eq!((logout.code, json(&logout)["is_revoked"].clone()), (0, false.into()), "{}", logout.stderr);
    let (client, _) = logged_in(&servers).await;
    assert_eq!(client.run(&["logout", "--local"], &[("ISSUER".into(), servers.base())]).await.code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn logout_revokes_at_the_development_authorization_server() {
    let (server, client) = (Client::new(), Client::new());
    let arguments = ["authorization-server", "--port", "0"];
    let running = server.run_until(&arguments, "Authorization server listening on ", |line| async move {
        let base =
            line.split_whitespace().find(|word| word.starts_with("http://")).unwrap().trim_end_matches(',');
        let environment = [
            ("ISSUER".to_owned(), format!("{base}/realms/dpop")),
            ("CLIENT_ID".to_owned(), "keybound-demo-service".to_owned()),
            ("CLIENT_SECRET".to_owned(), "keybound-demo-secret".to_owned()),
            ("PROTECTED_API".to_owned(), format!("{base}/admin/realms/dpop/users")),
        ];
        let login = client.run(&["login", "--client-credentials"], &environment).await;
        assert_eq!(login.code, 0, "{}", login.stderr);
        let logout = client.run(&["logout", "--json"], &environment).await;
        assert_eq!(logout.code, 0, "{}", logout.stderr);
        assert_eq!(json(&logout)["is_revoked"], true);
    });
    assert_eq!(running.await.code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn inspect_decodes_tokens_proofs_and_keys() {
    let servers = FakeServers::start().await;
    let (client, token) = logged_in(&servers).await;
    let inspected = client.run(&["inspect", &token], &[]).await;
    assert_eq!(inspected.code, 0, "{}", inspected.stderr);
    assert!(inspected.stdout.starts_with("JWT\nheader:\n{\n"), "{}", inspected.stdout);
    assert!(inspected.stdout.contains("\nbound to key: "), "{}", inspected.stdout);
    assert!(inspected.stdout.contains("warning: no exp"), "{}", inspected.stdout);

    let proof = client.run(&["proof", "GET", "https://api.example.com/"], &[]).await.stdout;
    let report = json(&client.run(&["inspect", "--json", proof.trim_end()], &[]).await);
    assert_eq!((&report["kind"], &report["warnings"]), (&"DPoP proof".into(), &Value::Array(vec![])));
    assert_eq!(report["signature"], "good, by the key in the header");

    let key_file = format!("@{}", client.state_dir().join("dpop-private-key.pem").display());
    let inspected = client.run(&["inspect", &key_file], &[]).await;
    let thumbprint = report["keys"][0]["thumbprint"].as_str().unwrap();
    assert!(inspected.stdout.contains(&format!("thumbprint: {thumbprint}")), "{}", inspected.stdout);
    assert!(!inspected.stdout.contains("\"d\""), "no private part");

    let opaque = client.run(&["inspect", "opaque"], &[]).await;
    assert_eq!((opaque.code, opaque.stdout.as_str()), (1, ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn completion_knows_every_command() {
    let client = Client::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = client.run(&["completion", shell], &[]).await;
        assert_eq!(script.code, 0, "{}", script.stderr);
        for command in ["login", "logout", "inspect", "clear-state"] {
            assert!(script.stdout.contains(command), "{shell}: {command}");
        }
    }
}
