//! `load`, with an API that demands nonces and refuses replays.

use serde_json::Value;

use crate::{fake_servers::FakeServers, program::Client};

fn environment(servers: &FakeServers) -> Vec<(String, String)> {
    let mut environment = servers.environment();
    environment.push(("CLIENT_SECRET".to_owned(), "secret".to_owned()));
    environment
}

#[tokio::test(flavor = "multi_thread")]
async fn fresh_keys_get_tokens_and_every_wrong_request_is_refused() {
    let servers = FakeServers::start().await;
    let client = Client::new();
    let issuer = servers.base();
    let arguments = [
        "load",
        "--issuer",
        &issuer,
        "--keys",
        "3",
        "--requests",
        "400",
        "--connections",
        "8",
        "--replays",
        "0.2",
        "--bad",
        "0.3",
        // What is signed far ahead of the first answer lacks the nonce, and tells nothing about replays.
        "--ahead",
        "8",
        "--json",
    ];
    let ended = client.run(&arguments, &environment(&servers)).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{}", ended.stdout);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    let count = |pointer: &str| report.pointer(pointer).unwrap().as_u64().unwrap();
    // Each token needs a nonce of its own first; the wrong ones may be the first to hear that.
    assert!(count("/nonces_renewed") >= 3, "{report}");
    assert!(count("/bad/refused") > 60 && count("/bad/accepted") == 0, "{report}");
    assert!(count("/replays/accepted_once") > 20 && count("/replays/accepted_twice") == 0, "{report}");
    assert!(count("/errors/invalid_dpop_proof") > 60, "{report}");
    assert_eq!(count("/good/sent"), count("/good/accepted"), "{report}");
    assert!(report["latency_us"]["p99"].as_f64().unwrap() > 0.0, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_of_the_last_login_is_used_at_a_rate() {
    let servers = FakeServers::start().await;
    let client = Client::new();
    let environment = environment(&servers);
    let none = client.run(&["load"], &environment).await;
    assert_eq!((none.code, none.stdout.as_str()), (4, ""), "{}", none.stderr);
    let login = client.run(&["login", "--client-credentials"], &environment).await;
    assert_eq!(login.code, 0, "{}", login.stderr);
    let arguments = ["load", "--rate", "200", "--duration", "250ms", "--http2", "--connections", "1"];
    let http1_only = client.run(&arguments, &environment).await;
    assert_eq!(http1_only.code, 8, "{} {}", http1_only.stdout, http1_only.stderr);
    let ended = client.run(&["load", "--rate", "200", "--duration", "250ms"], &environment).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{}", ended.stdout);
    assert!(ended.stdout.contains("good      50: 50 accepted, 0 refused, 0 failed"), "{}", ended.stdout);
    assert!(ended.stdout.ends_with("Exactly the good requests were accepted.\n"), "{}", ended.stdout);
    assert_eq!(servers.accepted(), 51, "one goes first, alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_usage_and_refusals_have_their_status() {
    let servers = FakeServers::start().await;
    let client = Client::new();
    let environment = environment(&servers);
    let issuer = servers.base();
    for (arguments, code, expected) in [
        (&["load", "--keys", "2"][..], 2, "one token has one key"),
        (&["load", "--issuer", &issuer, "--replays", "0.6"], 2, "replays can be up to 0.5"),
        (&["load", "--issuer", &issuer, "--rate", "0"], 2, "the rate must be above zero"),
        (&["load", "--issuer", &issuer, "--bad-proof", "wrong-colour"], 2, "wrong-signature"),
        (&["load", "--issuer", &issuer, "http://api.example.com/"], 9, "api.example.com"),
        (&["load", "--issuer", &issuer, "http://127.0.0.1:9/"], 8, "can not connect"),
    ] {
        let ended = client.run(arguments, &environment).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (code, ""), "{arguments:?} {}", ended.stderr);
        assert!(ended.stderr.contains(expected), "{arguments:?} {}", ended.stderr);
    }
    // Of a key that the API does not know.
    let stranger = client.state_dir().join("stranger.pem");
    let login = client.run(&["keygen", "--key", stranger.to_str().unwrap()], &environment).await;
    assert_eq!(login.code, 0, "{}", login.stderr);
    let arguments = ["load", "--issuer", &issuer, "--issuer-key", stranger.to_str().unwrap()];
    let ended = client.run(&arguments, &environment).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (6, ""), "{}", ended.stderr);
    assert!(ended.stderr.contains("401 Unauthorized, invalid_token"), "{}", ended.stderr);
}
