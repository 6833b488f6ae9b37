//! What the gateway tells its operator: log, metrics and traces. Never a token, a proof, a nonce or a key.

pub(crate) mod access;
#[cfg(test)]
mod documentation;
pub mod log;
pub(crate) mod metrics;
pub(crate) mod otlp;
pub(crate) mod outbound;
pub(crate) mod trace;
pub(crate) mod watch;

use std::{fmt, sync::Arc};

use tokio::task::spawn_blocking;

use self::{
    metrics::{Metrics, Signal, push::MetricPusher},
    otlp::{OtlpSender, resource, settings::Exports},
    trace::Tracing,
};
use crate::{
    app::StartError,
    config::{Environment, settings::SpanProcessor},
    serve::connection::Shutdown,
};

/// Counts from the beginning, traces once it is started.
pub(crate) struct Telemetry {
    /// What is counted.
    pub(crate) metrics: Arc<Metrics>,
    /// What is traced.
    pub(crate) tracing: Tracing,
}

impl Telemetry {
    /// Nothing counted yet, nothing traced.
    ///
    /// # Errors
    ///
    /// If the metrics can not be set up.
    pub(crate) fn new() -> Result<Self, StartError> {
        Ok(Self { metrics: Arc::new(Metrics::new()?), tracing: Tracing::default() })
    }

    /// Begins to export, where the environment names a collector. The pushing of metrics ends with `shutdown`; the result
    /// sends the last ones.
    ///
    /// # Errors
    ///
    /// If TLS can not be set up.
    pub(crate) fn start(
        self: &Arc<Self>,
        exports: Exports,
        processor: SpanProcessor,
        environment: &Environment,
        shutdown: &Shutdown,
    ) -> Result<Exporting, StartError> {
        let attributes = resource::attributes(environment);
        let provider = match exports.traces {
            Some(settings) => {
                let sender = OtlpSender::new(Signal::Traces, settings)?;
                let metrics = Arc::clone(&self.metrics);
                let failed = move || metrics.export_failed(Signal::Traces);
                Some(trace::provider(sender, processor, attributes.clone(), failed))
            }
            None => None,
        };
        self.tracing.start(exports.propagates, provider);
        let pusher = match exports.metrics {
            Some((settings, period)) => {
                let sender = OtlpSender::new(Signal::Metrics, settings)?;
                let pusher = Arc::new(MetricPusher::new(Arc::clone(&self.metrics), sender, &attributes));
                let (pushing, stopping) = (Arc::clone(&pusher), shutdown.clone());
                shutdown.spawn(async move {
                    tokio::select! {
                        () = pushing.run(period) => {}
                        () = stopping.stopping() => {}
                    }
                });
                Some(pusher)
            }
            None => None,
        };
        Ok(Exporting { telemetry: Arc::clone(self), pusher })
    }
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Telemetry").finish_non_exhaustive()
    }
}

/// Exports that are under way.
pub(crate) struct Exporting {
    telemetry: Arc<Telemetry>,
    pusher: Option<Arc<MetricPusher>>,
}

impl Exporting {
    /// Sends what is left, once the last request is answered.
    pub(crate) async fn stop(self) {
        let telemetry = self.telemetry;
        // The library waits for its thread, which needs this one to make its calls.
        let _ = spawn_blocking(move || telemetry.tracing.stop()).await;
        if let Some(pusher) = self.pusher {
            pusher.push().await;
        }
    }
}
