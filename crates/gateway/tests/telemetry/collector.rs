//! A collector that takes OTLP over HTTP and keeps what it got.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use http_body_util::{BodyExt, Empty};
use hyper::{
    HeaderMap, Request, Response, body::Bytes, body::Incoming, server::conn::http1, service::service_fn,
};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::{
    collector::{metrics::v1::ExportMetricsServiceRequest, trace::v1::ExportTraceServiceRequest},
    common::v1::{KeyValue, any_value::Value},
    metrics::v1::Metric,
    trace::v1::Span,
};
use prost::Message;

use crate::sockets::upstream::scripted;

#[derive(Clone, Default)]
pub struct Collected {
    pub spans: Vec<Span>,
    pub metrics: Vec<Metric>,
    pub service_names: Vec<String>,
    pub headers: Vec<HeaderMap>,
}

pub struct Collector {
    pub address: SocketAddr,
    collected: Arc<Mutex<Collected>>,
}

impl Collector {
    pub async fn start() -> Self {
        let collected = Arc::<Mutex<Collected>>::default();
        let keep = Arc::clone(&collected);
        let address = scripted(move |stream| {
            let keep = Arc::clone(&keep);
            async move {
                let service = service_fn(move |request| take(request, Arc::clone(&keep)));
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            }
        })
        .await;
        Self { address, collected }
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn collected(&self) -> Collected {
        self.collected.lock().unwrap().clone()
    }

    /// Waits until enough has arrived.
    pub async fn wait_until(&self, enough: impl Fn(&Collected) -> bool) -> Collected {
        let waiting = async {
            while !enough(&self.collected.lock().unwrap()) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("the telemetry in time");
        self.collected()
    }
}

async fn take(
    request: Request<Incoming>,
    collected: Arc<Mutex<Collected>>,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    assert_eq!(
        (parts.method.as_str(), &parts.headers["content-type"]),
        ("POST", &"application/x-protobuf".parse().unwrap())
    );
    let mut collected = collected.lock().unwrap();
    collected.headers.push(parts.headers);
    match parts.uri.path() {
        "/v1/traces" => {
            for resource in ExportTraceServiceRequest::decode(body).unwrap().resource_spans {
                let attributes = resource.resource.unwrap().attributes;
                collected.service_names.extend(text(&attributes, "service.name"));
                collected.spans.extend(resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
            }
        }
        "/v1/metrics" => {
            for resource in ExportMetricsServiceRequest::decode(body).unwrap().resource_metrics {
                let attributes = resource.resource.unwrap().attributes;
                collected.service_names.extend(text(&attributes, "service.name"));
                collected.metrics.extend(resource.scope_metrics.into_iter().flat_map(|scope| scope.metrics));
            }
        }
        other => panic!("nobody asks for {other}"),
    }
    Ok(Response::new(Empty::new()))
}

/// The text of an attribute.
pub fn text(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        Value::IntValue(number) => Some(number.to_string()),
        _ => None,
    }
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
