//! Spans of requests and their calls, and the trace context in both directions.

use gateway::{App, ServeOptions, config::Environment};
use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::collector::{Collector, hex, text};
use crate::sockets::{
    dpop_setup::DpopSetup,
    issuer::proof,
    raw_client::exchange,
    running_gateway::{RunningGateway, open_configuration, open_rules, options},
    upstream::{Upstream, scripted, seen_header},
};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// A gateway that lets everything through, with these variables.
async fn traced(configuration: &str, upstream: &Upstream, variables: &[(&str, String)]) -> RunningGateway {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("rules")).unwrap();
    std::fs::write(folder.path().join("rules/open.yaml"), open_rules(upstream.address)).unwrap();
    let path = folder.path().join("config.yaml");
    let text = open_configuration("").replace("/etc/heimdall", folder.path().to_str().unwrap());
    std::fs::write(&path, format!("{text}{configuration}")).unwrap();
    let environment = Environment::from_pairs(variables.iter().map(|(name, value)| (*name, value.as_str())));
    let app =
        App::start(ServeOptions { environment, ..options(&path) }).await.unwrap_or_else(|e| panic!("{e}"));
    RunningGateway { folder, app }
}

fn of_kind(spans: &[Span], kind: SpanKind) -> Vec<&Span> {
    spans.iter().filter(|span| span.kind == i32::from(kind)).collect()
}

async fn get(gateway: &RunningGateway, path: &str, lines: &str) -> crate::sockets::raw_client::Answer {
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
    exchange(gateway.address(), request).await.unwrap()
}

#[tokio::test]
async fn a_request_is_a_span_of_the_callers_trace_and_the_upstream_a_child_of_it() {
    let (collector, upstream) = (Collector::start().await, Upstream::start().await);
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=of%20the%20collector".to_owned()),
        ("OTEL_METRICS_EXPORTER", "none".to_owned()),
        ("OTEL_SERVICE_NAME", "edge".to_owned()),
    ];
    let gateway = traced("", &upstream, &variables).await;
    let lines = format!("traceparent: {PARENT}\r\ntracestate: vendor=1\r\n");
    let answer = get(&gateway, "/named/x?code=in-the-query", &lines).await;
    assert_eq!(answer.status, 200);
    let forwarded = seen_header(&answer.json(), "traceparent");
    assert_eq!(seen_header(&answer.json(), "tracestate"), ["vendor=1"]);
    // Shutdown sends what is left.
    gateway.stop().await;

    let collected = collector.collected();
    assert_eq!(collected.service_names, ["edge"]);
    assert_eq!(collected.headers[0]["api-key"], "of the collector");
    let [server] = of_kind(&collected.spans, SpanKind::Server)[..] else { panic!("{:?}", collected.spans) };
    let [client] = of_kind(&collected.spans, SpanKind::Client)[..] else { panic!("{:?}", collected.spans) };
    assert_eq!(server.name, "GET named");
    assert_eq!(
        (hex(&server.trace_id).as_str(), hex(&server.parent_span_id).as_str()),
        ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
    );
    assert_eq!((&client.trace_id, &client.parent_span_id), (&server.trace_id, &server.span_id));
    assert_eq!(forwarded, [format!("00-0af7651916cd43dd8448eb211c80319c-{}-01", hex(&client.span_id))]);
    let attribute = |span: &Span, key: &str| text(&span.attributes, key).unwrap_or_default();
    assert_eq!(attribute(server, "http.response.status_code"), "200");
    assert_eq!(attribute(server, "url.path"), "/named/x");
    assert_eq!(attribute(server, "keybound.rule.id"), "named");
    assert_eq!(attribute(server, "keybound.decision"), "permit");
    assert_eq!(attribute(client, "server.address"), upstream.address.to_string());
    assert!(!format!("{:?}", collected.spans).contains("in-the-query"));
}

#[tokio::test]
async fn steps_are_spans_of_their_own_where_that_is_wanted() {
    let (collector, upstream) = (Collector::start().await, Upstream::start().await);
    let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint())];
    let gateway = traced("tracing: {cover_rules: true}\n", &upstream, &variables).await;
    assert_eq!(get(&gateway, "/named/x", "").await.status, 200);
    gateway.stop().await;
    let collected = collector.collected();
    let [server] = of_kind(&collected.spans, SpanKind::Server)[..] else { panic!("{:?}", collected.spans) };
    let steps = of_kind(&collected.spans, SpanKind::Internal);
    let names: Vec<&str> = steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["authenticator anybody", "finalizer user"]);
    assert!(steps.iter().all(|step| step.parent_span_id == server.span_id));
}

#[tokio::test]
async fn a_request_without_a_parent_begins_a_trace_and_simple_sends_it_at_once() {
    let (collector, upstream) = (Collector::start().await, Upstream::start().await);
    let variables = [("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", format!("{}/v1/traces", collector.endpoint()))];
    let gateway = traced("tracing: {span_processor: simple}\n", &upstream, &variables).await;
    let answer = get(&gateway, "/named/x", "").await;
    let collected = collector.wait_until(|collected| collected.spans.len() == 2).await;
    let [server] = of_kind(&collected.spans, SpanKind::Server)[..] else { panic!("{:?}", collected.spans) };
    assert!(server.parent_span_id.is_empty());
    let forwarded = seen_header(&answer.json(), "traceparent").remove(0);
    assert!(forwarded.starts_with(&format!("00-{}-", hex(&server.trace_id))), "{forwarded}");
    gateway.stop().await;
}

#[tokio::test]
async fn what_the_caller_does_not_sample_is_not_sent_and_goes_on_so() {
    let (collector, upstream) = (Collector::start().await, Upstream::start().await);
    let gateway = traced("", &upstream, &[("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint())]).await;
    let unsampled = PARENT.replace("-01", "-00");
    let answer = get(&gateway, "/named/x", &format!("traceparent: {unsampled}\r\n")).await;
    let forwarded = seen_header(&answer.json(), "traceparent").remove(0);
    assert!(forwarded.starts_with("00-0af7651916cd43dd8448eb211c80319c-") && forwarded.ends_with("-00"));
    gateway.stop().await;
    assert!(collector.collected().spans.is_empty());
}

#[tokio::test]
async fn without_an_exporter_the_callers_trace_goes_on_untouched() {
    let upstream = Upstream::start().await;
    let gateway = traced("", &upstream, &[]).await;
    let answer = get(&gateway, "/named/x", &format!("traceparent: {PARENT}\r\n")).await;
    assert_eq!(seen_header(&answer.json(), "traceparent"), [PARENT]);
    gateway.stop().await;
}

#[tokio::test]
async fn a_collector_that_is_down_delays_nobody() {
    let upstream = Upstream::start().await;
    // Takes connections and never answers.
    let dead = scripted(|mut stream| async move {
        let mut buffer = [0; 4096];
        while let Ok(1..) = stream.read(&mut buffer).await {}
        let _ = stream.shutdown().await;
    })
    .await;
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{dead}")),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "200".to_owned()),
    ];
    let gateway = traced("tracing: {span_processor: simple}\n", &upstream, &variables).await;
    let started = std::time::Instant::now();
    for _ in 0..20 {
        assert_eq!(get(&gateway, "/named/x", "").await.status, 200);
    }
    assert!(started.elapsed().as_secs() < 4, "{:?}", started.elapsed());
    gateway.stop().await;
}

#[tokio::test]
async fn calls_to_the_key_endpoint_belong_to_the_trace_and_no_span_holds_a_credential() {
    let collector = Collector::start().await;
    let endpoint = collector.endpoint();
    let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()), ("OTEL_METRICS_EXPORTER", "none")];
    let environment = Environment::from_pairs(variables);
    let setup =
        DpopSetup::start_with(environment, "article/heimdall-config.yaml", &["rules/article.yaml"]).await;
    let token = setup.issuer.token(&setup.alice);
    let nonce = setup.nonce(&token).await;
    let proof = proof(&setup.alice, "GET", &setup.uri("/api"), &token, Some(&nonce), 0);
    let authorization = format!("DPoP {token}");
    let fields = [("Authorization", authorization.as_str()), ("DPoP", proof.as_str())];
    assert_eq!(setup.send("GET", "/api", &fields).await.status, 200);
    assert_eq!(setup.send("GET", "/api", &fields).await.status, 401);
    setup.gateway.stop().await;

    let collected = collector.collected();
    let reasons: Vec<_> = of_kind(&collected.spans, SpanKind::Server)
        .into_iter()
        .map(|span| text(&span.attributes, "keybound.reason").unwrap_or_default())
        .collect();
    assert_eq!(reasons, ["use_dpop_nonce", "", "proof_replayed"]);
    let told = format!("{:?}", collected.spans);
    for part in token.split('.').chain(proof.split('.')).chain([nonce.as_str()]) {
        assert!(!told.contains(part), "{part}");
    }
}
