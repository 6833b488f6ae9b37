//! `providers.http_endpoint`: rules from HTTP servers.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use gateway::{App, config::Enforcement};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::{
    raw_client::exchange,
    running_gateway::{RunningGateway, open_rules, options},
    upstream::{Upstream, scripted},
};

/// A server whose answer can be changed.
#[derive(Clone)]
struct RuleServer {
    address: SocketAddr,
    answer: Arc<Mutex<String>>,
    asked: Arc<Mutex<Vec<String>>>,
}

fn answer(status: &str, content_type: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

impl RuleServer {
    async fn start(first: &str) -> Self {
        let answer = Arc::new(Mutex::new(first.to_owned()));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (current, heard) = (Arc::clone(&answer), Arc::clone(&asked));
        let address = scripted(move |mut stream| {
            let (current, heard) = (Arc::clone(&current), Arc::clone(&heard));
            async move {
                let mut buffer = [0; 4096];
                let count = stream.read(&mut buffer).await.unwrap_or(0);
                heard.lock().unwrap().push(String::from_utf8_lossy(&buffer[..count]).into_owned());
                let answer = current.lock().unwrap().clone();
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        })
        .await;
        Self { address, answer, asked }
    }

    fn says(&self, status: &str, content_type: &str, body: &str) {
        *self.answer.lock().unwrap() = answer(status, content_type, body);
    }

    /// Waits until the gateway asked again twice: it has then worked on the answer before.
    async fn be_asked(&self) {
        let before = self.asked.lock().unwrap().len();
        let waiting = async {
            while self.asked.lock().unwrap().len() < before + 2 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("asked again");
    }
}

fn rule(path: &str, upstream: SocketAddr) -> String {
    format!(
        "version: \"1beta1\"\nrules:\n  - id: \"{path}\"\n    match: {{routes: [{{path: {path}}}]}}\n    \
         forward_to: {{host: \"{upstream}\"}}\n    execute: [{{authenticator: anybody}}, {{finalizer: as_is}}]\n"
    )
}

fn configuration(endpoints: &str, more: &str) -> String {
    format!(
        "mechanisms:\n  authenticators: [{{id: anybody, type: anonymous}}]\n  finalizers: [{{id: as_is, type: noop}}]\n\
         secret_management: {{keys: {{type: inline, config: {{rules: s3cret}}}}}}\n\
         providers:\n  http_endpoint:\n    watch_interval: 100ms\n    endpoints: [{endpoints}]\n{more}"
    )
}

async fn status(gateway: &RunningGateway, path: &str) -> u16 {
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    exchange(gateway.address(), request).await.unwrap().status
}

async fn ready(gateway: &RunningGateway) -> (u16, String) {
    let request = "GET /.well-known/ready HTTP/1.1\r\nHost: a\r\n\r\n";
    let answer = exchange(gateway.app.management_address(), request).await.unwrap();
    (answer.status, answer.text())
}

#[tokio::test]
async fn rules_follow_their_server_and_bad_answers_change_nothing() {
    let upstream = Upstream::start().await;
    let yaml = "application/yaml; charset=utf-8";
    let server = RuleServer::start(&answer("200 OK", yaml, &rule("/first", upstream.address))).await;
    let endpoint = format!(
        "{{url: \"http://{}/rules?x=1\", auth: {{type: api_key, config: {{in: header, name: X-Key, secret: {{source: keys, selector: rules}}}}}}}}",
        server.address
    );
    let gateway = RunningGateway::start(&configuration(&endpoint, ""), &[]).await;
    // The rules are there before the first request.
    assert_eq!((status(&gateway, "/first").await, status(&gateway, "/second").await), (200, 404));
    assert_eq!(ready(&gateway).await.0, 200);
    let asked = server.asked.lock().unwrap()[0].to_lowercase();
    assert!(asked.starts_with("get /rules?x=1 ") && asked.contains("x-key: s3cret"), "{asked}");

    server.says("200 OK", yaml, &rule("/second", upstream.address));
    server.be_asked().await;
    assert_eq!((status(&gateway, "/first").await, status(&gateway, "/second").await), (404, 200));

    let third = rule("/third", upstream.address);
    for (status_line, content_type, body) in [
        ("500 Internal Server Error", yaml, third.as_str()),
        ("404 Not Found", yaml, &third),
        ("200 OK", "text/html", &third),
        ("200 OK", yaml, "rules: [{id: broken, math: nonsense}]"),
        ("200 OK", yaml, "}{"),
    ] {
        server.says(status_line, content_type, body);
        server.be_asked().await;
        assert_eq!(status(&gateway, "/second").await, 200, "{status_line} {content_type} {body}");
        assert_eq!(status(&gateway, "/third").await, 404);
    }
    server.says("200 OK", "application/json", "{\"version\": \"1beta1\", \"rules\": []}");
    server.be_asked().await;
    assert_eq!(status(&gateway, "/second").await, 404, "no rules are rules too");
    assert_eq!(ready(&gateway).await.0, 200);
    gateway.stop().await;
}

#[tokio::test]
async fn a_server_that_is_down_is_asked_again_and_meanwhile_nothing_passes() {
    let upstream = Upstream::start().await;
    let reserved = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = reserved.local_addr().unwrap();
    drop(reserved);
    let gateway =
        RunningGateway::start(&configuration(&format!("\"http://{address}/rules\""), ""), &[]).await;
    assert_eq!(status(&gateway, "/late").await, 404);
    let (code, text) = ready(&gateway).await;
    assert!(code == 503 && text.contains(&format!("http://{address}/rules")), "{text}");

    let listener = TcpListener::bind(address).await.unwrap();
    let body = answer("200 OK", "application/yaml", &rule("/late", upstream.address));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(body.as_bytes()).await;
        }
    });
    let waiting = async {
        while ready(&gateway).await.0 != 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.unwrap();
    assert_eq!(status(&gateway, "/late").await, 200);
}

#[tokio::test]
async fn rules_of_files_and_servers_stand_side_by_side_and_must_fit() {
    let upstream = Upstream::start().await;
    let server =
        RuleServer::start(&answer("200 OK", "application/yaml", &rule("/served", upstream.address))).await;
    let more = "  file_system: {src: /etc/heimdall/rules, watch: true}\n";
    let endpoint = format!("\"http://{}/\"", server.address);
    let own = open_rules(upstream.address).split("  - id: open").next().unwrap().to_owned();
    let gateway = RunningGateway::start(
        &configuration(&endpoint, more).replace("finalizers: [", "finalizers: [{id: user, type: noop}, "),
        &[("own.yaml", &own)],
    )
    .await;
    assert_eq!((status(&gateway, "/served").await, status(&gateway, "/named/x").await), (200, 200));

    // The same route in two sets is a conflict: what was there first stays.
    server.says("200 OK", "application/yaml", &rule("/named/**", upstream.address));
    server.be_asked().await;
    assert_eq!((status(&gateway, "/served").await, status(&gateway, "/named/x").await), (200, 200));

    // The files change, the server's rules stay.
    std::fs::remove_file(gateway.folder.path().join("rules/own.yaml")).unwrap();
    let waiting = async {
        while status(&gateway, "/named/x").await != 404 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(15), waiting).await.unwrap();
    assert_eq!(status(&gateway, "/served").await, 200);
}

#[tokio::test]
async fn plain_http_and_broken_endpoints_are_found_at_load() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.yaml");
    let endpoints = "\"http://rules.example/\", {url: \"https://rules.example/\", auth: {type: api_key, config: {in: header, name: X, secret: {source: nope, selector: a}}}}";
    std::fs::write(&path, configuration(endpoints, "")).unwrap();
    let strict = gateway::ServeOptions {
        enforcement: Enforcement { skip_egress_tls: false, ..Enforcement::none() },
        ..options(&path)
    };
    let error = App::start(strict).await.err().unwrap().to_string();
    assert!(error.contains("plain_http_endpoint") && error.contains("unknown_secret_source"), "{error}");
    std::fs::write(&path, configuration("", "")).unwrap();
    let error = App::start(options(&path)).await.err().unwrap().to_string();
    assert!(error.contains("endpoints` is empty"), "{error}");
}
