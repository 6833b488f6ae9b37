//! Options that the client commands share: JSON, bodies, transcripts, profiles, keys elsewhere.

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
async fn every_client_command_speaks_json() {
    let (servers, client) = (FakeServers::start().await, Client::new());
    let environment = servers.environment();
    let key = json(&client.run(&["keygen", "--json"], &[]).await);
    assert_eq!((&key["algorithm"], &key["has_passphrase"]), (&"ES256".into(), &false.into()));
    assert_eq!(key["thumbprint"].as_str().unwrap().len(), 43);
    let secret = [environment.clone(), vec![("CLIENT_SECRET".to_owned(), "s3cret".to_owned())]].concat();
    let login = client.run(&["login", "--client-credentials", "--json"], &secret).await;
    assert_eq!(json(&login)["jkt"], key["thumbprint"], "{}", login.stderr);
    let call = client.run(&["call", "--json", "-d", "x=1"], &environment).await;
    assert_eq!(call.code, 0, "{}", call.stderr);
    assert_eq!((&json(&call)["status"], &json(&call)["body"]["body"]), (&200.into(), &"x=1".into()));
    let refused = client.run(&["call", "--json", "--wrong-ath"], &environment).await;
    assert_eq!((refused.code, &json(&refused)["status"]), (6, &401.into()));
    assert!(json(&refused)["headers"]["www-authenticate"][0].as_str().unwrap().starts_with("DPoP "));
    let cleared = json(&client.run(&["clear-state", "--json"], &[]).await);
    assert_ne!(cleared["thumbprint"], key["thumbprint"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn call_prints_as_curl_does() {
    let servers = FakeServers::start().await;
    let (client, token) = logged_in(&servers).await;
    let environment = servers.environment();
    let whole = client.run(&["call", "-i"], &environment).await;
    assert!(whole.stdout.starts_with("HTTP/1.1 200 OK\n"), "{}", whole.stdout);
    assert!(whole.stdout.ends_with("\n\n{\"method\":\"GET\",\"body\":\"\"}"), "{}", whole.stdout);

    let file = client.state_dir().join("answer.json");
    let written = client.run(&["call", "-o", &file.display().to_string()], &environment).await;
    assert!(written.stdout.starts_with("HTTP 200\n"), "{}", written.stdout);
    assert_eq!(fs::read_to_string(file).unwrap(), "{\"method\":\"GET\",\"body\":\"\"}");

    let verbose = client.run(&["call", "-v", "-H", "X-Trace: 7"], &environment).await;
    for shown in [
        "> GET /api HTTP/1.1",
        "> x-trace: 7",
        "> authorization: DPoP [hidden]",
        "> dpop: [hidden]",
        "* the proof says {",
        "\"htm\":\"GET\"",
        "< HTTP/1.1 401 Unauthorized",
        "< www-authenticate: DPoP ",
        "< HTTP/1.1 200 OK",
    ] {
        assert!(verbose.stderr.contains(shown), "{shown} in {}", verbose.stderr);
    }
    assert!(!verbose.stderr.contains(token.rsplit('.').next().unwrap()));
    assert!(verbose.stdout.contains("HTTP 200"), "{}", verbose.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn call_sends_files_and_joined_parts() {
    let servers = FakeServers::start().await;
    let (client, _) = logged_in(&servers).await;
    let environment = servers.environment();
    let file = client.state_dir().join("order.json");
    fs::write(&file, "{\"a\": 1}\n").unwrap();
    let part = format!("@{}", file.display());
    let call = client.run(&["call", "--json", "-d", &part], &environment).await;
    assert_eq!(json(&call)["body"]["body"], "{\"a\": 1}\n", "as it is, the line break included");
    let call = client.run(&["call", "--json", "-d", "a=1", "-d", "b=2"], &environment).await;
    assert_eq!(json(&call)["body"]["body"], "a=1&b=2");
    let call = client.run(&["call", "-d", "@/does/not/exist"], &environment).await;
    assert_eq!(call.code, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passphrase_protects_the_key() {
    let (servers, client) = (FakeServers::start().await, Client::new());
    let passphrase = client.state_dir().with_file_name("passphrase");
    fs::write(&passphrase, "correct horse\n").unwrap();
    let file = ("DPOP_KEY_PASSPHRASE_FILE".to_owned(), passphrase.display().to_string());
    let environment = [servers.environment(), vec![file]].concat();
    let key = json(&client.run(&["keygen", "--json"], &environment).await);
    assert_eq!(key["has_passphrase"], true);
    let pem = fs::read_to_string(client.state_dir().join("dpop-private-key.pem")).unwrap();
    assert!(pem.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
    let login = client.log_in(&servers, &["login"], &environment, "").await;
    assert_eq!(login.code, 0, "{}", login.stderr);
    assert_eq!(client.run(&["call"], &environment).await.code, 0);
    let locked = client.run(&["call"], &servers.environment()).await;
    assert_eq!(locked.code, 1);
    assert!(locked.stderr.contains("the key is behind a passphrase"), "{}", locked.stderr);
    fs::write(&passphrase, "wrong").unwrap();
    let wrong = client.run(&["call"], &environment).await;
    assert_eq!(wrong.code, 1);
    assert!(wrong.stderr.contains("can not be opened with the passphrase"), "{}", wrong.stderr);
    let nobody = client.run(&["keygen", "--passphrase"], &[]).await;
    assert_eq!(nobody.code, 2, "nobody can be asked: {}", nobody.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_says_it_once() {
    let (servers, client) = (FakeServers::start().await, Client::new());
    let folder = client.state_dir().with_file_name("config");
    fs::create_dir_all(folder.join("keybound")).unwrap();
    fs::write(folder.join("service.secret"), "s3cret\n").unwrap();
    let profile = |name: &str, more: &str| {
        format!(
            "[profiles.{name}]\nissuer = \"{}\"\nclient_id = \"the-client\"\napi = \"{}/api\"\nstate_dir = \"../state-of-{name}\"\n{more}",
            servers.base(),
            servers.base()
        )
    };
    let text = format!(
        "default_profile = \"service\"\n{}{}",
        profile("service", "client_secret_file = \"../service.secret\"\n"),
        profile("other", "redirect_port = 0\n")
    );
    fs::write(folder.join("keybound/config.toml"), text).unwrap();
    let config = ("XDG_CONFIG_HOME".to_owned(), folder.display().to_string());
    // The program's environment names a state folder, which would win over the profile.
    let environment = [config, ("STATE_DIR".to_owned(), String::new())];
    let login = client.run(&["login", "--client-credentials"], &environment).await;
    assert_eq!(login.code, 0, "{}", login.stderr);
    assert!(folder.join("state-of-service/token.json").exists());
    assert_eq!(client.run(&["call"], &environment).await.code, 0, "the API stands in the profile");
    let other = client.run(&["call", "--profile", "other"], &environment).await;
    assert_eq!(other.code, 4, "another state: {}", other.stderr);
    let unknown = client.run(&["token", "--profile=none"], &environment).await;
    assert_eq!(unknown.code, 2);
    assert!(unknown.stderr.contains("has no profile `none`; it has other, service"), "{}", unknown.stderr);
    let help = client.run(&["login", "--help"], &environment).await;
    let words: Vec<&str> = help.stdout.split_whitespace().collect();
    assert!(words.join(" ").contains("[default: the-client]"), "{}", help.stdout);
    fs::write(folder.join("keybound/config.toml"), "[profiles.a]\nclient_secret = \"x\"").unwrap();
    let broken = client.run(&["token", "--profile", "a"], &environment).await;
    assert_eq!(broken.code, 1);
    assert!(broken.stderr.contains("unknown field `client_secret`"), "{}", broken.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_cause_has_its_exit_status() {
    let servers = FakeServers::start().await;
    let (client, _) = logged_in(&servers).await;
    let environment = servers.environment();
    let nowhere = ["login", "--client-id", "c", "--issuer"];
    let with = |issuer: &'static str| [&nowhere[..], &[issuer]].concat();
    assert_eq!(client.run(&["call", "--no-such-option"], &environment).await.code, 2);
    assert_eq!(client.run(&["login", "--client-id", "c"], &[]).await.code, 2);
    assert_eq!(client.run(&with("not-a-url"), &[]).await.code, 2);
    assert_eq!(client.run(&with("http://127.0.0.1:1"), &[]).await.code, 8);
    assert_eq!(client.run(&with("http://as.example.com"), &[]).await.code, 9);
    let missing = format!("{}/nowhere", servers.base());
    assert_eq!(client.run(&["login", "--client-id", "c", "--issuer", &missing], &[]).await.code, 5);
    let url = format!("{}/nowhere", servers.base());
    let call = client.run(&["call", &url], &[]).await;
    assert_eq!(call.code, 7, "{}{}", call.stdout, call.stderr);
}
