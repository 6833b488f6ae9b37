//! The client commands: printed lines, files, refusals. The servers check every proof with `dpop` itself.

use std::{fs, os::unix::fs::PermissionsExt};

use serde_json::Value;

use crate::{
    fake_servers::FakeServers,
    program::{self, Client},
};

/// The printed lines without those that differ from run to run.
fn first_words(output: &str) -> Vec<&str> {
    output.lines().map(|line| line.split(':').next().unwrap_or_default()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn keygen_prints_the_guides_lines_and_keeps_the_key_private() {
    let client = Client::new();
    let keygen = client.run(&["keygen"], &[]).await;
    assert_eq!(keygen.code, 0, "{}", keygen.stderr);
    let key_file = client.state_dir().join("dpop-private-key.pem");
    let lines: Vec<&str> = keygen.stdout.lines().collect();
    assert_eq!(lines[0], format!("Created DPoP key: {}", key_file.display()));
    let thumbprint = lines[1].strip_prefix("JWK thumbprint: ").unwrap();
    assert_eq!((lines.len(), thumbprint.len()), (2, 43));
    assert_eq!(fs::metadata(&key_file).unwrap().permissions().mode() & 0o777, 0o600);
    let pem = fs::read_to_string(&key_file).unwrap();
    assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----"));
    assert!(!keygen.stdout.contains("PRIVATE"));

    let other = client.run(&["other-keygen"], &[]).await;
    assert!(other.stdout.contains("other-dpop-private-key.pem"));
    let cleared = client.run(&["clear-state"], &[]).await;
    assert_eq!(first_words(&cleared.stdout), ["Created DPoP key", "JWK thumbprint"]);
    assert!(!cleared.stdout.contains(thumbprint), "a fresh key");
    assert_eq!(fs::read_dir(client.state_dir()).unwrap().count(), 1, "only the fresh key is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn clear_state_leaves_foreign_files_alone() {
    let client = Client::new();
    fs::create_dir_all(client.state_dir()).unwrap();
    fs::write(client.state_dir().join("notes.txt"), "mine").unwrap();
    assert_eq!(client.run(&["clear-state"], &[]).await.code, 0);
    assert_eq!(fs::read_to_string(client.state_dir().join("notes.txt")).unwrap(), "mine");
}

#[tokio::test(flavor = "multi_thread")]
async fn login_and_call_go_as_the_guide_says() {
    let (servers, client) = (FakeServers::start().await, Client::new());
    client.run(&["keygen"], &[]).await;
    let login = client.log_in(&servers, &["login"], &servers.environment(), "").await;
    assert_eq!(login.code, 0, "{}", login.stderr);
    let lines: Vec<&str> = login.stdout.lines().collect();
    assert_eq!(lines[0], "Open this URL in your browser:");
    assert!(
        lines[1].starts_with(&format!("{}/auth?response_type=code&client_id=the-client&", servers.base()))
    );
    assert_eq!(lines[2], "");
    assert!(lines[3].starts_with("Waiting for redirect on http://127.0.0.1:"));
    assert!(lines[3].ends_with("/callback"));
    assert_eq!(lines[4], "token_type: DPoP");
    assert_eq!(lines[5], "selected access token claims:");
    let claims: Value = serde_json::from_str(&lines[6..].join("\n")).unwrap();
    assert_eq!(claims["preferred_username"], "alice");
    assert_eq!(claims["aud"], Value::Null);
    assert_eq!(claims["cnf"]["jkt"].as_str().unwrap().len(), 43);
    assert_eq!(lines[7], format!("  \"iss\": \"{}\",", servers.base()), "two blanks, the guide's order");
    let token_file = client.state_dir().join("token.json");
    assert_eq!(fs::metadata(&token_file).unwrap().permissions().mode() & 0o777, 0o600);

    let call = client.run(&["call"], &servers.environment()).await;
    assert_eq!(call.code, 0, "{}\n{}", call.stdout, call.stderr);
    let lines: Vec<&str> = call.stdout.lines().collect();
    assert_eq!(lines[0], "Received DPoP nonce challenge from heimdall");
    assert!(lines[1].starts_with("DPoP-Nonce: "));
    assert_eq!(lines[2], "Retrying with nonce");
    assert_eq!(lines[3], "HTTP 200");
    assert_eq!(lines[4..].join("\n"), "{\n  \"method\": \"GET\",\n  \"body\": \"\"\n}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_deviation_is_refused_with_status_six() {
    let (servers, client) = (FakeServers::start().await, Client::new());
    let environment = servers.environment();
    client.log_in(&servers, &["login"], &environment, "").await;
    client.run(&["other-keygen"], &[]).await;
    assert_eq!(client.run(&["call"], &environment).await.code, 0);
    let accepted = servers.accepted();
    for (options, error) in [
        (&["--no-proof"][..], "invalid_dpop_proof"),
        (&["--scheme", "Bearer"], "invalid_token"),
        (&["--wrong-key"], "invalid_token"),
        (&["--wrong-ath"], "invalid_dpop_proof"),
        (&["--wrong-htu"], "invalid_dpop_proof"),
        (&["--wrong-htm"], "invalid_dpop_proof"),
        (&["--stale"], "invalid_dpop_proof"),
        (&["--replay"], "invalid_dpop_proof"),
        (&["--no-retry-nonce"], "use_dpop_nonce"),
        (&["-H", "DPoP: a.b.c"], "invalid_dpop_proof"),
    ] {
        let arguments = [&["call"], options].concat();
        let call = client.run(&arguments, &environment).await;
        assert_eq!(call.code, 6, "{options:?}: {}", call.stdout);
        assert!(call.stdout.contains("HTTP 401\nWWW-Authenticate: DPoP "), "{options:?}: {}", call.stdout);
        assert!(call.stdout.contains(&format!("error=\"{error}\"")), "{options:?}: {}", call.stdout);
    }
    assert_eq!(servers.accepted(), accepted, "nothing wrong got through");
    assert_eq!(client.run(&["call"], &environment).await.code, 0, "and the right call still does");
}

#[tokio::test(flavor = "multi_thread")]
async fn call_sends_method_headers_body_and_url() {
    let (servers, client) = (FakeServers::start().await, Client::new());
    client.log_in(&servers, &["login"], &servers.environment(), "").await;
    let url = format!("{}/api/things?page=2", servers.base());
    let call = client.run(&["call", &url, "-d", "a=b"], &[]).await;
    assert_eq!(call.code, 0, "{}{}", call.stdout, call.stderr);
    assert!(call.stdout.ends_with("{\n  \"method\": \"POST\",\n  \"body\": \"a=b\"\n}\n"));
    let call =
        client.run(&["call", &url, "-X", "PUT", "-H", "Content-Type: text/plain", "-d", "x"], &[]).await;
    assert!(call.stdout.contains("\"method\": \"PUT\""), "{}", call.stdout);
    assert!(servers.last_request().headers.get_all("content-type").iter().eq(["text/plain"]));
    assert_eq!(servers.last_request().uri.path_and_query().unwrap(), "/api/things?page=2");
}

#[tokio::test(flavor = "multi_thread")]
async fn login_finds_endpoints_from_the_issuer_and_checks_iss() {
    let (servers, client) = (FakeServers::start().await, Client::new());
    let issuer = servers.base();
    let arguments = ["login", "--issuer", &issuer, "--client-id", "the-client", "--redirect-port", "0"];
    let iss = format!("&iss={}", issuer.replace(':', "%3A").replace('/', "%2F"));
    let login = client.log_in(&servers, &arguments, &[], &iss).await;
    assert_eq!(login.code, 0, "{}", login.stderr);
    for wrong in ["&iss=https%3A%2F%2Fevil.example.com", ""] {
        let login = client.log_in(&servers, &arguments, &[], wrong).await;
        assert_eq!(login.code, 9);
        assert_eq!(login.stderr, "error: Callback issuer did not match\n");
    }
    let arguments = ["login", "--issuer", &format!("{issuer}/"), "--client-id", "x"];
    let login = client.run(&arguments, &[]).await;
    assert_eq!(login.code, 9);
    assert!(login.stderr.contains("because: the metadata is that of another issuer"), "{}", login.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn login_aborts_on_a_wrong_state_and_a_refusal() {
    let (servers, client) = (FakeServers::start().await, Client::new());
    let environment = servers.environment();
    let login = client.log_in_with(&["login"], &environment, |_| "code=c&state=forged".to_owned()).await;
    assert_eq!((login.code, login.stderr.as_str()), (9, "error: Callback state did not match\n"));
    let login = client
        .log_in_with(&["login"], &environment, |state| format!("error=access_denied&state={state}"))
        .await;
    assert_eq!((login.code, login.stderr.as_str()), (5, "error: access_denied: \n"));
    assert!(!client.state_dir().join("token.json").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn c2_login_discards_a_bearer_token() {
    let (servers, client) = (FakeServers::start().await, Client::new());
    servers.issue_bearer_tokens();
    let login = client.log_in(&servers, &["login"], &servers.environment(), "").await;
    assert_eq!(login.code, 9);
    assert!(login.stderr.contains("\"Bearer\""), "{}", login.stderr);
    assert!(login.stderr.contains("discarded"));
    assert!(!client.state_dir().join("token.json").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_logs_in_without_a_browser() {
    let (servers, client) = (FakeServers::start().await, Client::new());
    let environment =
        [servers.environment(), vec![("CLIENT_SECRET".to_owned(), "s3cret".to_owned())]].concat();
    let login = client.run(&["login", "--client-credentials"], &environment).await;
    assert_eq!(login.code, 0, "{}", login.stderr);
    assert_eq!(first_words(&login.stdout)[2], "token_type");
    assert!(servers.last_token_request().contains("grant_type=client_credentials"));
    assert_eq!(client.run(&["call"], &environment).await.code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_a_key_file_that_others_can_read() {
    let (servers, client) = (FakeServers::start().await, Client::new());
    let environment = servers.environment();
    client.log_in(&servers, &["login"], &environment, "").await;
    let key_file = client.state_dir().join("dpop-private-key.pem");
    fs::set_permissions(&key_file, fs::Permissions::from_mode(0o644)).unwrap();
    let call = client.run(&["call"], &environment).await;
    assert_eq!(call.code, 1);
    assert!(call.stderr.contains("mode 644 lets others use the key"), "{}", call.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn says_what_is_missing() {
    let client = Client::new();
    let call = client.run(&["call", "http://127.0.0.1:1/"], &[]).await;
    assert_eq!(
        (call.code, call.stderr.as_str()),
        (4, "error: No access token found. Run `keybound login` first.\n")
    );
    assert_eq!(client.run(&["login"], &[]).await.code, 2);
    assert_eq!(client.run(&["call"], &[]).await.code, 2);
    let servers = FakeServers::start().await;
    client.log_in(&servers, &["login"], &servers.environment(), "").await;
    let call = client.run(&["call", "--replay"], &servers.environment()).await;
    assert_eq!((call.code, call.stdout.as_str()), (4, ""));
    assert!(call.stderr.starts_with("error: There is no accepted proof to replay."), "{}", call.stderr);
    let call = client.run(&["call", "http://api.example.com/"], &[]).await;
    assert_eq!(call.code, 9);
    assert!(call.stderr.contains("plain http to api.example.com refused"), "{}", call.stderr);
    assert!(call.stderr.contains("hint: use https or"), "{}", call.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn help_names_every_command_and_shows_no_secret() {
    let client = Client::new();
    let secret = [("CLIENT_SECRET".to_owned(), "s3cret".to_owned())];
    let help = client.run(&["login", "--help"], &secret).await;
    assert_eq!(help.code, 0);
    assert!(!help.stdout.contains("s3cret"));
    let help = client.run(&["--help"], &[]).await;
    for command in [
        "keygen",
        "other-keygen",
        "login",
        "call",
        "clear-state",
        "echo",
        "token",
        "logout",
        "proof",
        "inspect",
    ] {
        assert!(help.stdout.contains(command), "{command}");
    }
    assert!(!help.stdout.contains('\u{1b}'), "no colour without a terminal");
}

#[tokio::test(flavor = "multi_thread")]
async fn echo_answers_until_it_is_told_to_stop() {
    let client = Client::new();
    let echo = client.run_until(&["echo", "--port", "0"], "Echo listening on ", |line| async move {
        let url = line.strip_prefix("Echo listening on ").unwrap().to_owned() + "/api?x=1";
        let received: Value = serde_json::from_str(&program::get(&url).await).unwrap();
        assert_eq!((&received["url"], &received["method"]), (&"/api?x=1".into(), &"GET".into()));
    });
    let echo = echo.await;
    assert_eq!(echo.code, 0, "{}", echo.stderr);
    assert!(echo.stdout.ends_with("\nrequests answered: 1\n"), "{}", echo.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_lists_users_of_the_development_authorization_server() {
    let (server, client) = (Client::new(), Client::new());
    let arguments = ["authorization-server", "--port", "0", "--nonces"];
    let running = server.run_until(&arguments, "Authorization server listening on ", |line| async move {
        let base =
            line.split_whitespace().find(|word| word.starts_with("http://")).unwrap().trim_end_matches(',');
        let environment = [
            ("ISSUER".to_owned(), format!("{base}/realms/dpop")),
            ("CLIENT_ID".to_owned(), "keybound-demo-service".to_owned()),
            ("CLIENT_SECRET".to_owned(), "keybound-demo-secret".to_owned()),
            ("PROTECTED_API".to_owned(), format!("{base}/admin/realms/dpop/users?first=0&max=5")),
        ];
        let login = client.run(&["login", "--client-credentials"], &environment).await;
        assert_eq!(login.code, 0, "{}", login.stderr);
        let call = client.run(&["call"], &environment).await;
        assert_eq!(call.code, 0, "{}", call.stdout);
        assert!(call.stdout.contains("\"username\": \"alice\""), "{}", call.stdout);
        for wrong in ["--replay", "--wrong-key", "--stale"] {
            assert_eq!(client.run(&["call", wrong], &environment).await.code, 6, "{wrong}");
        }
    });
    assert_eq!(running.await.code, 0);
}
