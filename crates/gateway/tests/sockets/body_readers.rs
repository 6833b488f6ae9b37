//! Rules that look into the request's body: it is read, limited, and still passed on as it came.

use gateway::Mode;

use super::{
    raw_client::{RawClient, exchange},
    running_gateway::RunningGateway,
    upstream::{Upstream, seen_header},
};

const JSON: &str = "Content-Type: application/json\r\n";

fn configuration(serve: &str) -> String {
    format!(
        "serve:\n  host: 127.0.0.1\n{serve}mechanisms:\n  authenticators:\n    - {{id: anybody, type: anonymous}}\n    \
         - {{id: nobody, type: unauthorized}}\n  finalizers:\n    - {{id: as_is, type: noop}}\n    \
         - {{id: name, type: header, config: {{headers: {{X-Name: \"{{{{ .Request.Body.name }}}}\"}}}}}}\n\
         providers:\n  file_system: {{src: /etc/heimdall/rules}}\n"
    )
}

async fn reading(serve: &str, upstream: &Upstream) -> RunningGateway {
    let rule = |id: &str, execute: &str| {
        format!(
            "  - id: {id}\n    match: {{http: {{paths: [{{path: /{id}}}]}}}}\n    forward_to: {{host: \"{}\"}}\n    \
             execute: [{execute}]\n",
            upstream.address
        )
    };
    let rules = [
        rule("reads", "{authenticator: anybody}, {finalizer: name}"),
        rule("refuses", "{authenticator: nobody}, {finalizer: name}"),
        rule("streams", "{authenticator: anybody}, {finalizer: as_is}"),
    ];
    let rules = format!("version: \"1beta1\"\nrules:\n{}", rules.concat());
    RunningGateway::start(&configuration(serve), &[("rules.yaml", &rules)]).await
}

fn post(path: &str, fields: &str, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: a\r\n{fields}Content-Length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn a_template_sees_the_body_and_the_upstream_gets_it_unchanged() {
    let upstream = Upstream::start().await;
    let gateway = reading("", &upstream).await;
    let body = r#"{"name": "alice",  "n": 1}"#;
    let seen = exchange(gateway.address(), &post("/reads", JSON, body)).await.unwrap().json();
    assert_eq!((seen_header(&seen, "x-name"), &seen["body"]), (vec!["alice".to_owned()], &body.into()));
    let chunked = format!(
        "POST /reads HTTP/1.1\r\nHost: a\r\n{JSON}Transfer-Encoding: chunked\r\n\r\n5\r\n{}\r\n{:x}\r\n{}\r\n0\r\n\r\n",
        &body[..5],
        body.len() - 5,
        &body[5..]
    );
    let seen = exchange(gateway.address(), &chunked).await.unwrap().json();
    assert_eq!((seen_header(&seen, "x-name"), &seen["body"]), (vec!["alice".to_owned()], &body.into()));
}

#[tokio::test]
async fn a_body_in_single_bytes_is_one_body() {
    let upstream = Upstream::start().await;
    let gateway = reading("", &upstream).await;
    let body = format!(r#"{{"name": "alice", "padding": "{}"}}"#, "x".repeat(1_000));
    let chunks: String = body.chars().map(|byte| format!("1\r\n{byte}\r\n")).collect();
    let request = format!(
        "POST /reads HTTP/1.1\r\nHost: a\r\n{JSON}Transfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n"
    );
    let seen = exchange(gateway.address(), &request).await.unwrap().json();
    assert_eq!((seen_header(&seen, "x-name"), &seen["body"]), (vec!["alice".to_owned()], &body.into()));
}

#[tokio::test]
async fn a_body_over_a_megabyte_is_413_where_it_is_read_and_streams_elsewhere() {
    let upstream = Upstream::start().await;
    let gateway = reading("", &upstream).await;
    let body = "x".repeat((1 << 20) + 1);
    let answer = exchange(gateway.address(), &post("/reads", "", &body[..1 << 20])).await.unwrap();
    assert_eq!(answer.status, 500, "text has no member `name`");
    let mut client = RawClient::connect(gateway.address()).await;
    client.send(&format!("POST /reads HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len())).await;
    let answer = client.read_answer().await.unwrap();
    assert_eq!((answer.status, answer.header("connection")), (413, Some("close")));
    let answer = exchange(gateway.address(), &post("/streams", "", &body)).await.unwrap();
    assert_eq!((answer.status, answer.json()["body"].as_str().unwrap().len()), (200, body.len()));
}

#[tokio::test]
async fn the_listeners_own_limit_counts_as_well() {
    let upstream = Upstream::start().await;
    let gateway = reading("  limits: {max_body_size: 8B}\n", &upstream).await;
    let chunked =
        "POST /reads HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n123456789\r\n0\r\n\r\n";
    assert_eq!(exchange(gateway.address(), chunked).await.unwrap().status, 413);
}

#[tokio::test]
async fn a_body_that_stalls_or_breaks_while_it_is_read_is_refused() {
    let upstream = Upstream::start().await;
    let gateway = reading("  timeout: {read: 300ms, write: 1s, idle: 1s}\n", &upstream).await;
    let half = format!("POST /reads HTTP/1.1\r\nHost: a\r\n{JSON}Content-Length: 10\r\n\r\nhalf");
    let answer = exchange(gateway.address(), &half).await.unwrap();
    assert_eq!((answer.status, answer.header("connection")), (408, Some("close")));
    let broken = "POST /reads HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n";
    assert!(exchange(gateway.address(), broken).await.is_none_or(|answer| answer.status == 400));
    assert_eq!(upstream.seen(), 0);
}

#[tokio::test]
async fn nobody_is_waited_for_who_may_not_pass() {
    let upstream = Upstream::start().await;
    let gateway = reading("", &upstream).await;
    let mut client = RawClient::connect(gateway.address()).await;
    client
        .send("POST /refuses HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
        .await;
    assert_eq!(client.read_head().await.unwrap().status, 401);
}

#[tokio::test]
async fn decision_mode_has_no_body() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("rules")).unwrap();
    let rules = "version: \"1beta1\"\nrules:\n  - id: reads\n    match: {http: {paths: [{path: /reads}]}}\n    \
                 execute: [{authenticator: anybody}, {finalizer: body}]\n";
    std::fs::write(folder.path().join("rules/rules.yaml"), rules).unwrap();
    let configuration = configuration("")
        .replace("id: name,", "id: body,")
        .replace("X-Name: \"{{ .Request.Body.name }}\"", "X-Body: \"[{{ .Request.Body }}]\"")
        .replace("/etc/heimdall", folder.path().to_str().unwrap());
    let path = folder.path().join("heimdall-config.yaml");
    std::fs::write(&path, configuration).unwrap();
    let gateway = RunningGateway::start_in_mode(Mode::Decision, folder, &path).await;
    let answer = exchange(gateway.address(), &post("/reads", "", "secret")).await.unwrap();
    assert_eq!((answer.status, answer.header("x-body")), (200, Some("[]")));
}
