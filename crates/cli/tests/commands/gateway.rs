//! `serve` and `validate`: what they print where, and how they end.

use std::{fs, net::TcpListener, path::PathBuf};

use bytes::Bytes;
use dpop_client::{HttpClient, HyperClient, PlainHttp};
use http::Request;
use serde_json::Value;

use crate::program::Client;

/// A configuration that lets nobody in, and the origin it serves.
pub(crate) fn configuration(folder: &Client, extra: &str) -> (PathBuf, String) {
    let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (port, management) = (free(), free());
    let text = format!(
        "log: {{level: info}}\n\
         serve: {{host: 127.0.0.1, port: {port}}}\n\
         management: {{host: 127.0.0.1, port: {management}}}\n\
         mechanisms:\n  authenticators: [{{id: deny_all, type: unauthorized}}]\n  \
         finalizers: [{{id: noop, type: noop}}]\n\
         default_rule:\n  execute: [{{authenticator: deny_all}}, {{finalizer: noop}}]\n{extra}"
    );
    fs::create_dir_all(folder.state_dir()).unwrap();
    let path = folder.state_dir().join("keybound.yaml");
    fs::write(&path, text).unwrap();
    (path, format!("http://127.0.0.1:{port}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn serve_proxy_serves_until_it_is_told_to_stop() {
    let program = Client::new();
    let (path, origin) = configuration(&program, "");
    let arguments = ["serve", "proxy", "-c", path.to_str().unwrap(), "--insecure"];
    let file = path.to_str().unwrap().to_owned();
    let served = program.run_until(&arguments, "Started", |line| async move {
        assert!(line.contains(&format!("configuration={file}")), "{line}");
        let client = HyperClient::new(PlainHttp::LoopbackOnly).unwrap();
        let request = Request::get(format!("{origin}/api")).body(Bytes::new()).unwrap();
        assert_eq!(client.send(request).await.unwrap().status(), 401);
    });
    let served = served.await;
    assert_eq!(served.code, 0, "{}", served.stderr);
    assert!(served.stderr.contains("warning[enforcement_skipped]"), "{}", served.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_configuration_starts_nothing_and_tells_every_mistake() {
    let program = Client::new();
    let (path, _) = configuration(&program, "surve: 1\nproviders: {file_system: {}}\n");
    let file = path.to_str().unwrap();
    for arguments in [&["serve", "proxy", "-c", file][..], &["validate", "config", "-c", file]] {
        let refused = program.run(arguments, &[]).await;
        assert_eq!((refused.code, refused.stdout.as_str()), (1, ""), "{arguments:?}");
        for expected in
            ["error[unknown_key]", "did you mean `serve`?", "error[missing_tls]", "keybound.yaml:9:1"]
        {
            assert!(refused.stderr.contains(expected), "{expected}: {}", refused.stderr);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn validate_says_when_all_is_well() {
    let program = Client::new();
    let (path, _) = configuration(&program, "");
    let arguments = ["validate", "config", "-c", path.to_str().unwrap(), "--insecure"];
    let valid = program.run(&arguments, &[]).await;
    assert_eq!((valid.code, valid.stdout.as_str()), (0, "Configuration is valid\n"), "{}", valid.stderr);
    let denied = program.run(&[&arguments[..], &["--deny-warnings"]].concat(), &[]).await;
    assert_eq!((denied.code, denied.stdout.as_str()), (1, ""));
    let json = program.run(&[&arguments[..], &["-o", "json"]].concat(), &[]).await;
    assert_eq!((json.code, json.stderr.as_str()), (0, ""));
    assert!(serde_json::from_str::<Value>(&json.stdout).is_ok(), "{}", json.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn validate_ruleset_demands_an_upstream_in_proxy_mode() {
    let program = Client::new();
    let (path, _) = configuration(&program, "");
    let rules = program.state_dir().join("rules.yaml");
    let text = "version: \"1beta1\"\nrules: [{id: a, match: {routes: [{path: /a}]}, execute: [{authenticator: deny_all}]}]\n";
    fs::write(&rules, text).unwrap();
    let (configuration, rules) = (path.to_str().unwrap(), rules.to_str().unwrap());
    let arguments = ["validate", "ruleset", "-c", configuration, "--insecure", rules];
    let valid = program.run(&arguments, &[]).await;
    assert_eq!((valid.code, valid.stdout.as_str()), (0, "Rule set is valid\n"), "{}", valid.stderr);
    let refused = program.run(&[&arguments[..], &["--proxy-mode"]].concat(), &[]).await;
    assert_eq!((refused.code, refused.stdout.as_str()), (1, ""));
    assert!(refused.stderr.contains("error[missing_forward_to]"), "{}", refused.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_refuses_every_attack() {
    let demo = Client::new().run(&["demo"], &[]).await;
    assert_eq!(demo.code, 0, "{}\n{}", demo.stdout, demo.stderr);
    assert!(!demo.stdout.contains('✗'), "{}", demo.stdout);
    assert!(demo.stdout.contains("attacks refused, all good calls allowed"), "{}", demo.stdout);
    assert!(!demo.stdout.contains('\u{1b}'), "no colour without a terminal");
}
