//! `convert`, `health`, `man`: what operators use beside `serve` and `validate`.

use std::fs;

use crate::{gateway::configuration, program::Client};

const OLDER: &str = "version: \"1alpha4\"\nrules:\n  - id: a # why\n    match:\n      hosts: [{type: wildcard, value: \"*.example.com\"}]\n      routes: [{path: /a/:x, path_params: [{name: x, type: exact, value: y}]}]\n    execute: [{authenticator: deny_all}]\n";
const PRESENT: &str = "version: 1beta1\nrules:\n  - id: a\n    match:\n      http:\n        hosts: [\"*.example.com\"]\n        paths:\n          - path: /a/:x\n            captures:\n              - name: x\n                type: exact\n                value: y\n    execute:\n      - authenticator: deny_all\n";

#[tokio::test(flavor = "multi_thread")]
async fn convert_writes_the_present_dialect_and_the_older_one() {
    let program = Client::new();
    fs::create_dir_all(program.state_dir()).unwrap();
    let (older, present) = (program.state_dir().join("older.yaml"), program.state_dir().join("present.yaml"));
    fs::write(&older, OLDER).unwrap();
    let (older, present) = (older.to_str().unwrap(), present.to_str().unwrap());
    let converted = program.run(&["convert", "ruleset", older], &[]).await;
    assert_eq!((converted.code, converted.stdout.as_str(), converted.stderr.as_str()), (0, PRESENT, ""));
    let written = program.run(&["convert", "ruleset", older, "-o", present], &[]).await;
    assert_eq!((written.code, written.stdout.as_str()), (0, ""));
    assert_eq!(fs::read_to_string(present).unwrap(), PRESENT);
    let again = program.run(&["convert", "ruleset", "-v", "1alpha4", present], &[]).await;
    assert!(again.stdout.contains("routes:") && again.stdout.contains("type: wildcard"), "{}", again.stdout);
    let already = program.run(&["convert", "ruleset", present], &[]).await;
    assert_eq!((already.code, already.stdout.as_str()), (1, ""));
    assert!(already.stderr.contains("in dialect 1beta1 already"), "{}", already.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn convert_refuses_what_the_dialect_can_not_say() {
    let program = Client::new();
    fs::create_dir_all(program.state_dir()).unwrap();
    let rules = program.state_dir().join("rules.yaml");
    fs::write(&rules, OLDER.replace("wildcard", "regex").replace("*.example", ".example")).unwrap();
    let refused = program.run(&["convert", "ruleset", rules.to_str().unwrap()], &[]).await;
    assert_eq!((refused.code, refused.stdout.as_str()), (1, ""));
    assert!(refused.stderr.contains("error[no_equivalent]"), "{}", refused.stderr);
    assert!(refused.stderr.contains("rules.yaml:5:"), "{}", refused.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn health_asks_a_running_gateway() {
    let program = Client::new();
    let (path, _) = configuration(&program, "");
    let text = fs::read_to_string(&path).unwrap();
    let port = text.split("management: {host: 127.0.0.1, port: ").nth(1).unwrap().split('}').next().unwrap();
    let endpoint = format!("http://127.0.0.1:{port}/");
    let arguments = ["serve", "proxy", "-c", path.to_str().unwrap(), "--insecure"];
    let served = program.run_until(&arguments, "Started", |_| async {
        for (flags, expected) in [
            (&["health", "-e", &endpoint][..], "ok\n"),
            (&["health", "--ready", "-e", &endpoint], "ok\n"),
            (&["health", "-e", &endpoint, "-o", "json"], "{\n  \"status\": \"ok\"\n}\n"),
            (&["health", "-e", &endpoint, "-o", "yaml"], "status: ok\n"),
        ] {
            let healthy = program.run(flags, &[]).await;
            assert_eq!((healthy.code, healthy.stdout.as_str()), (0, expected), "{}", healthy.stderr);
        }
    });
    assert_eq!(served.await.code, 0);
    let gone = program.run(&["health", "-e", &endpoint], &[]).await;
    assert_eq!((gone.code, gone.stdout.as_str()), (1, ""));
    assert!(gone.stderr.contains("/.well-known/health"), "{}", gone.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_has_a_manual_page() {
    let program = Client::new();
    let folder = program.state_dir().join("man");
    let written = program.run(&["man", folder.to_str().unwrap()], &[]).await;
    assert_eq!(written.code, 0, "{}", written.stderr);
    for page in
        ["keybound.1", "keybound-serve-proxy.1", "keybound-validate-config.1", "keybound-convert-ruleset.1"]
    {
        let text = fs::read_to_string(folder.join(page)).unwrap();
        assert!(text.contains(".SH NAME") && text.contains("Examples"), "{page}");
    }
}
