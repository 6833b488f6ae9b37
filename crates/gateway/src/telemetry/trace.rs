//! Spans over OTLP, one for each request, one for each call that it makes.
//!
//! Without an exporter there are no spans. A `traceparent` of the client then goes on to the upstream as it came, and the log
//! names its trace all the same.

mod export;
mod propagation;
pub(crate) mod steps;

use std::{sync::OnceLock, time::Duration};

use gateway_core::request::Request;
use http::{HeaderMap, StatusCode, request::Parts};
use opentelemetry::{
    Context, KeyValue,
    trace::{
        SpanBuilder, SpanId, SpanKind, Status, TraceContextExt as _, TraceId, Tracer as _,
        TracerProvider as _,
    },
};
use opentelemetry_sdk::{
    Resource,
    trace::{BatchSpanProcessor, SdkTracer, SdkTracerProvider},
};

use self::export::{OtlpSpanExporter, SimpleProcessor};
use super::{access::AccessEvent, otlp::OtlpSender};
use crate::config::settings::SpanProcessor;

/// How long the last spans may take when the gateway stops.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// Makes spans once it is started; before that, and without an exporter, it makes none.
#[derive(Default)]
pub(crate) struct Tracing {
    running: OnceLock<Running>,
}

struct Running {
    /// Whether `traceparent` is read and written.
    propagates: bool,
    exporting: Option<(SdkTracer, SdkTracerProvider)>,
}

impl Tracing {
    /// Begins to read `traceparent` if it is to be propagated, and to make spans if there is somewhere to send them.
    pub(crate) fn start(&self, propagates: bool, exporting: Option<SdkTracerProvider>) {
        let exporting = exporting.map(|provider| (provider.tracer("keybound"), provider));
        let _ = self.running.set(Running { propagates, exporting });
    }

    /// The span of a request, and the trace it belongs to.
    pub(crate) fn request(&self, mode: &'static str, parts: &Parts) -> RequestTrace {
        let Some(running) = self.running.get() else { return RequestTrace::default() };
        let remote = if running.propagates { propagation::extract(&parts.headers) } else { None };
        let parent = remote.as_ref().map(|remote| remote.span_id());
        let outside = match remote {
            Some(remote) => Context::new().with_remote_span_context(remote),
            None => Context::new(),
        };
        let Some((tracer, _)) = &running.exporting else { return RequestTrace { context: outside, parent } };
        let method = known_method(parts.method.as_str());
        let builder = SpanBuilder::from_name(method).with_kind(SpanKind::Server).with_attributes([
            KeyValue::new("http.request.method", method),
            KeyValue::new("network.protocol.version", http_version(parts.version)),
            KeyValue::new("keybound.mode", mode),
        ]);
        let span = tracer.build_with_context(builder, &outside);
        RequestTrace { context: outside.with_span(span), parent }
    }

    /// The span of a call that the request of the moment makes. Without such a request there is none.
    pub(crate) fn call(&self, purpose: &'static str, method: &str, address: &str) -> CallTrace {
        let Some(Running { exporting: Some((tracer, _)), .. }) = self.running.get() else {
            return CallTrace::default();
        };
        let current = Context::current();
        if !current.span().span_context().is_valid() {
            return CallTrace::default();
        }
        let method = known_method(method);
        let builder = SpanBuilder::from_name(format!("{method} {purpose}"))
            .with_kind(SpanKind::Client)
            .with_attributes([
                KeyValue::new("http.request.method", method),
                KeyValue::new("server.address", address.to_owned()),
                KeyValue::new("keybound.purpose", purpose),
            ]);
        let span = tracer.build_with_context(builder, &current);
        CallTrace { context: Some((current.with_span(span), self.propagates())) }
    }

    fn propagates(&self) -> bool {
        self.running.get().is_some_and(|running| running.propagates)
    }

    /// Sends what is left. Blocks.
    pub(crate) fn stop(&self) {
        if let Some(Running { exporting: Some((_, provider)), .. }) = self.running.get()
            && let Err(error) = provider.shutdown_with_timeout(STOP_PATIENCE)
        {
            tracing::warn!(%error, "the last spans were not exported");
        }
    }
}

/// What makes spans and sends them through `sender`, as a process with these attributes. Needs a tokio runtime.
pub(crate) fn provider(
    sender: OtlpSender,
    processor: SpanProcessor,
    attributes: Vec<KeyValue>,
    failed: impl Fn() + Send + Sync + 'static,
) -> SdkTracerProvider {
    let resource = Resource::builder_empty().with_attributes(attributes).build();
    let exporter = OtlpSpanExporter::new(sender, failed);
    let builder = SdkTracerProvider::builder().with_resource(resource);
    match processor {
        SpanProcessor::Batch => builder.with_span_processor(BatchSpanProcessor::builder(exporter).build()),
        SpanProcessor::Simple => builder.with_span_processor(SimpleProcessor::new(exporter)),
    }
    .build()
}

/// The trace of a request.
#[derive(Default)]
pub(crate) struct RequestTrace {
    context: Context,
    /// The caller's span.
    parent: Option<SpanId>,
}

/// What names a request in a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TraceIds {
    /// The trace.
    pub(crate) trace: TraceId,
    /// Our span; the caller's where we make none.
    pub(crate) span: SpanId,
    /// The caller's span, if it named one.
    pub(crate) parent: Option<SpanId>,
}

impl RequestTrace {
    /// To be current while the request is worked on, so that log lines and calls find their trace; `None` without one.
    pub(crate) fn context(&self) -> Option<Context> {
        self.context.span().span_context().is_valid().then(|| self.context.clone())
    }

    /// How the log names the trace; `None` if the request belongs to none.
    pub(crate) fn ids(&self) -> Option<TraceIds> {
        let span = self.context.span();
        let context = span.span_context();
        context.is_valid().then(|| TraceIds {
            trace: context.trace_id(),
            span: context.span_id(),
            parent: self.parent,
        })
    }

    /// What the client asked for. The query is left out: people put tokens there.
    pub(crate) fn asked_for(&self, request: &Request) {
        let span = self.context.span();
        if span.is_recording() {
            span.set_attributes([
                KeyValue::new("url.scheme", request.uri.scheme().to_owned()),
                KeyValue::new("server.address", request.uri.host().to_owned()),
                KeyValue::new("url.path", request.uri.path().to_owned()),
            ]);
            if let Some(client) = request.client_addresses.first() {
                span.set_attribute(KeyValue::new("client.address", client.clone()));
            }
        }
    }

    /// Ends the span with what became of the request.
    pub(crate) fn end(&self, event: &AccessEvent, status: StatusCode) {
        let span = self.context.span();
        if !span.is_recording() {
            return;
        }
        if event.has_rule() {
            span.update_name(format!("{} {}", known_method(event.method()), event.rule()));
            span.set_attribute(KeyValue::new("keybound.rule.id", event.rule().to_owned()));
        }
        span.set_attributes([
            KeyValue::new("http.response.status_code", i64::from(status.as_u16())),
            KeyValue::new("keybound.decision", event.decision()),
        ]);
        if !event.reason().is_empty() {
            span.set_attribute(KeyValue::new("keybound.reason", event.reason()));
        }
        if status.is_server_error() {
            span.set_attribute(KeyValue::new("error.type", status.as_str().to_owned()));
            span.set_status(Status::error(event.reason()));
        }
        span.end();
    }
}

/// The span of an outgoing call, and the headers that tell the other side about it.
#[derive(Default)]
pub(crate) struct CallTrace {
    context: Option<(Context, bool)>,
}

impl CallTrace {
    /// To be current while the call is made; `None` without a span.
    pub(crate) fn inject(&self, headers: &mut HeaderMap) {
        if let Some((context, true)) = &self.context {
            propagation::inject(context.span().span_context(), headers);
        }
    }

    /// Ends the span with the answer, or with the word of what went wrong.
    pub(crate) fn end(&self, outcome: Result<StatusCode, &'static str>) {
        let Some((context, _)) = &self.context else { return };
        let span = context.span();
        match outcome {
            Ok(status) => {
                span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status.as_u16())));
                if status.is_client_error() || status.is_server_error() {
                    span.set_attribute(KeyValue::new("error.type", status.as_str().to_owned()));
                    span.set_status(Status::error(""));
                }
            }
            Err(error) => {
                span.set_attribute(KeyValue::new("error.type", error));
                span.set_status(Status::error(error));
            }
        }
        span.end();
    }
}

/// A method as span names and attributes have it: a client's inventions do not become names.
fn known_method(method: &str) -> &'static str {
    const KNOWN: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
    KNOWN.into_iter().find(|known| *known == method).unwrap_or("_OTHER")
}

/// The version of HTTP as telemetry writes it.
pub(crate) fn http_version(version: http::Version) -> &'static str {
    match version {
        http::Version::HTTP_09 => "0.9",
        http::Version::HTTP_10 => "1.0",
        http::Version::HTTP_11 => "1.1",
        http::Version::HTTP_2 => "2",
        http::Version::HTTP_3 => "3",
        _ => "",
    }
}
