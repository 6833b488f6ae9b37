//! Finished spans on their way to the collector. The calls are made on the gateway's own runtime, whatever thread asks.

use std::{fmt, future::Future, sync::Arc, time::Duration};

use opentelemetry::Context;
use opentelemetry_proto::{
    tonic::collector::trace::v1::ExportTraceServiceRequest,
    transform::{
        common::tonic::ResourceAttributesWithSchema, trace::tonic::group_spans_by_resource_and_scope,
    },
};
use opentelemetry_sdk::{
    Resource,
    error::{OTelSdkError, OTelSdkResult},
    trace::{Span, SpanData, SpanExporter, SpanProcessor},
};
use prost::Message as _;
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

use crate::telemetry::otlp::OtlpSender;

/// Encodes batches of spans and sends them.
pub(super) struct OtlpSpanExporter {
    sender: Arc<OtlpSender>,
    resource: Arc<ResourceAttributesWithSchema>,
    runtime: Handle,
    failed: Arc<dyn Fn() + Send + Sync>,
}

impl OtlpSpanExporter {
    /// An exporter that makes its calls on the runtime of the moment; `failed` hears of lost batches.
    pub(super) fn new(sender: OtlpSender, failed: impl Fn() + Send + Sync + 'static) -> Self {
        Self {
            sender: Arc::new(sender),
            resource: Arc::default(),
            runtime: Handle::current(),
            failed: Arc::new(failed),
        }
    }

    /// Sends a batch; needs no runtime around it.
    fn send(&self, batch: Vec<SpanData>) -> impl Future<Output = OTelSdkResult> + Send + 'static {
        let resource_spans = group_spans_by_resource_and_scope(batch, &self.resource);
        let request = ExportTraceServiceRequest { resource_spans }.encode_to_vec();
        let (sender, failed) = (Arc::clone(&self.sender), Arc::clone(&self.failed));
        let sending = self.runtime.spawn(async move {
            let sent = sender.send(request).await;
            if sent.is_err() {
                failed();
            }
            sent
        });
        async move {
            match sending.await {
                Ok(sent) => sent.map_err(|error| OTelSdkError::InternalFailure(error.to_string())),
                Err(_) => Err(OTelSdkError::AlreadyShutdown),
            }
        }
    }
}

impl SpanExporter for OtlpSpanExporter {
    fn export(&self, batch: Vec<SpanData>) -> impl Future<Output = OTelSdkResult> + Send {
        self.send(batch)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = Arc::new(resource.into());
    }
}

impl fmt::Debug for OtlpSpanExporter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("OtlpSpanExporter").field("sender", &self.sender).finish_non_exhaustive()
    }
}

/// `tracing.span_processor: simple`: each span is sent by itself as soon as it ends. The library's own would block the
/// thread that ends the span, which here is one that serves requests.
#[derive(Debug)]
pub(super) struct SimpleProcessor {
    exporter: OtlpSpanExporter,
    sending: TaskTracker,
}

impl SimpleProcessor {
    /// Sends through `exporter`.
    pub(super) fn new(exporter: OtlpSpanExporter) -> Self {
        Self { exporter, sending: TaskTracker::new() }
    }
}

impl SpanProcessor for SimpleProcessor {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() {
            self.sending.spawn_on(self.exporter.send(vec![span]), &self.exporter.runtime);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.sending.close();
        let sent = self
            .exporter
            .runtime
            .block_on(async { tokio::time::timeout(timeout, self.sending.wait()).await });
        sent.map_err(|_| OTelSdkError::Timeout(timeout))
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
