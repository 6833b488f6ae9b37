//! What `/metrics` tells after requests, and what is pushed.

use gateway::config::Environment;
use opentelemetry_proto::tonic::metrics::v1::{metric::Data, number_data_point::Value};

use super::collector::{Collector, text};
use crate::sockets::{
    dpop_setup::DpopSetup,
    issuer::{Issuer, proof},
    raw_client::{RawClient, exchange},
    running_gateway::{RunningGateway, open_configuration, open_rules},
    upstream::{Upstream, scripted},
};

const CONFIGURATION: &str = "article/heimdall-config.yaml";
const RULES: &[&str] = &["rules/article.yaml"];

async fn scrape(gateway: &RunningGateway) -> String {
    let request = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n";
    let answer = exchange(gateway.app.management_address(), request).await.unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    answer.text()
}

#[track_caller]
fn has(text: &str, line: &str) {
    assert!(text.lines().any(|found| found == line), "{line}\n{text}");
}

#[tokio::test]
async fn counts_what_a_day_with_dpop_brings() {
    let setup = DpopSetup::start(CONFIGURATION, RULES).await;
    let token = setup.issuer.token(&setup.alice);
    let nonce = setup.nonce(&token).await;
    let good = proof(&setup.alice, "GET", &setup.uri("/api"), &token, Some(&nonce), 0);
    let wrong = proof(&setup.alice, "GET", &setup.uri("/elsewhere"), &token, Some(&nonce), 0);
    let authorization = format!("DPoP {token}");
    let with = |proof: &str| [("Authorization", authorization.clone()), ("DPoP", proof.to_owned())];
    for (proof, status) in [(&good, 200), (&good, 401), (&wrong, 401)] {
        let fields = with(proof);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(setup.send("GET", "/api", &fields).await.status, status);
    }
    assert_eq!(setup.send("GET", "/other\u{1b}", &[]).await.status, 400);
    let text = scrape(&setup.gateway).await;
    for line in [
        "keybound_proofs_total{enforced=\"true\",outcome=\"accepted\"} 1",
        "keybound_proofs_total{enforced=\"true\",outcome=\"nonce_missing\"} 1",
        "keybound_proofs_total{enforced=\"true\",outcome=\"replayed\"} 1",
        "keybound_proofs_total{enforced=\"true\",outcome=\"htu\"} 1",
        "keybound_decisions_total{decision=\"permit\",reason=\"\"} 1",
        "keybound_decisions_total{decision=\"authentication_error\",reason=\"proof_replayed\"} 1",
        "keybound_challenges_total 3",
        "keybound_nonces_issued_total{occasion=\"challenge\"} 1",
        "keybound_replay_claims_total{result=\"claimed\"} 1",
        "keybound_replay_claims_total{result=\"already_used\"} 1",
        "keybound_replay_entries 1",
        "keybound_ready 1",
        "http_server_active_requests 0",
        "http_server_request_duration_seconds_count{http_request_method=\"GET\",http_response_status_code=\"401\"} 3",
        "http_client_request_duration_seconds_count{error_type=\"\",http_response_status_code=\"200\",purpose=\"keys\"} 1",
        "http_client_request_duration_seconds_count{error_type=\"\",http_response_status_code=\"200\",purpose=\"upstream\"} 1",
        "keybound_connections{listener=\"management\"} 1",
    ] {
        has(&text, line);
    }
    assert!(text.contains("rules_loaded{ruleset_id=\"") && !text.contains("rule_execution"), "{text}");
    let thumbprint = setup.alice.thumbprint().to_string();
    for part in token.split('.').chain(good.split('.')).chain([nonce.as_str(), thumbprint.as_str(), "alice"])
    {
        assert!(!text.contains(part), "{part}");
    }
}

#[tokio::test]
async fn a_client_that_does_not_wait_is_counted_and_told() {
    let started = std::sync::Arc::new(tokio::sync::Notify::new());
    let begun = std::sync::Arc::clone(&started);
    let upstream = scripted(move |mut stream| {
        let begun = std::sync::Arc::clone(&begun);
        async move {
            let mut buffer = [0; 4096];
            while let Ok(1..) = tokio::io::AsyncReadExt::read(&mut stream, &mut buffer).await {
                begun.notify_one();
            }
        }
    })
    .await;
    let gateway = RunningGateway::open_to(upstream).await;
    let mut client = RawClient::connect(gateway.address()).await;
    client.send("GET /named/x HTTP/1.1\r\nHost: a\r\n\r\n").await;
    started.notified().await;
    has(&scrape(&gateway).await, "http_server_active_requests 1");
    drop(client);
    let gone = "http_server_request_duration_seconds_count{http_request_method=\"GET\",http_response_status_code=\"499\"} 1";
    let waiting = async {
        while !scrape(&gateway).await.contains(gone) {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), waiting).await.unwrap();
    has(&scrape(&gateway).await, "http_server_active_requests 0");
}

#[tokio::test]
async fn rules_are_timed_where_that_is_wanted_and_reloads_are_counted() {
    let upstream = Upstream::start().await;
    let configuration = format!("{}metrics: {{cover_rules: true}}\n", open_configuration(""));
    let rules = open_rules(upstream.address);
    let gateway = RunningGateway::start(&configuration, &[("open.yaml", &rules)]).await;
    let request = "GET /named/x HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(exchange(gateway.address(), request).await.unwrap().status, 200);
    let text = scrape(&gateway).await;
    let count = text.lines().find(|line| line.starts_with("rule_execution_duration_seconds_count")).unwrap();
    assert!(count.contains("rule_id=\"named\"") && count.ends_with("} 1"), "{count}");

    let file = gateway.folder.path().join("rules/open.yaml");
    for (content, result) in [("rules: [{id: broken}]", "refused"), (rules.as_str(), "loaded")] {
        std::fs::write(&file, content).unwrap();
        let expected = format!("keybound_rule_reloads_total{{result=\"{result}\"}} ");
        let waiting = async {
            while !scrape(&gateway).await.contains(&expected) {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(15), waiting).await.unwrap();
    }
}

#[tokio::test]
async fn pushes_the_same_numbers_under_their_names_with_dots() {
    let collector = Collector::start().await;
    let endpoint = collector.endpoint();
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("OTEL_TRACES_EXPORTER", "none"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "60000"),
    ];
    let setup = DpopSetup::start_with(Environment::from_pairs(variables), CONFIGURATION, RULES).await;
    setup.nonce(&setup.issuer.token(&setup.alice)).await;
    // The last numbers are sent when the gateway stops, long before the interval is over.
    setup.gateway.stop().await;
    let metrics = collector.collected().metrics;
    let find = |name: &str| metrics.iter().find(|metric| metric.name == name).unwrap().data.clone().unwrap();
    let Data::Sum(proofs) = find("keybound.proofs") else { panic!("no sum") };
    assert!(proofs.is_monotonic);
    let point = proofs
        .data_points
        .iter()
        .find(|point| text(&point.attributes, "outcome").as_deref() == Some("nonce_missing"))
        .unwrap();
    assert_eq!(point.value, Some(Value::AsDouble(1.0)));
    assert!(point.time_unix_nano > point.start_time_unix_nano);
    let Data::Histogram(requests) = find("http.server.request.duration") else { panic!("no histogram") };
    assert_eq!(requests.data_points[0].count, 1);
    let status = text(&requests.data_points[0].attributes, "http.response.status_code");
    assert_eq!(status.as_deref(), Some("401"));
    let Data::Gauge(capacity) = find("keybound.replay.capacity") else { panic!("no gauge") };
    assert_eq!(capacity.data_points[0].value, Some(Value::AsDouble(10_000_000.0)));
}

#[tokio::test]
async fn nothing_is_told_where_metrics_are_switched_off() {
    let upstream = Upstream::start().await;
    for more in ["metrics: {enabled: false}\n", "management: {metrics: false}\n"] {
        let configuration = format!("{}{more}", open_configuration(""));
        let rules = open_rules(upstream.address);
        let gateway = RunningGateway::start(&configuration, &[("open.yaml", &rules)]).await;
        let request = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n";
        let answer = exchange(gateway.app.management_address(), request).await.unwrap();
        assert_eq!(answer.status, 404, "{more}");
    }
}

#[tokio::test]
async fn is_ready_once_every_key_endpoint_has_answered() {
    // A port where nobody listens yet.
    let reserved = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = reserved.local_addr().unwrap();
    drop(reserved);
    let upstream = Upstream::start().await;
    let configuration = open_configuration("").replace(
        "{id: anybody, type: anonymous}",
        &format!("{{id: anybody, type: anonymous}}\n    - {{id: token, type: jwt, config: {{jwks_endpoint: 'http://{address}/keys', assertions: {{issuers: [i]}}}}}}"),
    );
    let rules = open_rules(upstream.address);
    let gateway = RunningGateway::start(&configuration, &[("open.yaml", &rules)]).await;
    let ask = async |path: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
        exchange(gateway.app.management_address(), request).await.unwrap()
    };
    let answer = ask("/.well-known/ready").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.text(), r#"{"missing":["keys of the authenticator `token`"],"status":"unavailable"}"#);
    assert_eq!(ask("/.well-known/health").await.status, 200);
    has(&scrape(&gateway).await, "keybound_ready 0");

    let _issuer = Issuer::start_at(address).await;
    let waiting = async {
        while ask("/.well-known/ready").await.status != 200 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), waiting).await.unwrap();
    has(&scrape(&gateway).await, "keybound_ready 1");
}
