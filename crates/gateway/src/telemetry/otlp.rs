//! OTLP over HTTP with protobuf: sends traces and metrics to the collector that the environment names.

pub(crate) mod resource;
pub(crate) mod settings;

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use outbound::Connector;
use tokio::time::{Instant, sleep, timeout_at};

use self::settings::ExportSettings;
use super::metrics::Signal;

/// The first pause before a batch is tried again; each further one is twice as long (OTLP 1.x, "OTLP/HTTP Throttling").
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// What is read of an answer, and thrown away: the rest of the connection is then of no use.
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// Sends the batches of one signal.
pub(crate) struct OtlpSender {
    client: Client<Connector, Full<Bytes>>,
    signal: Signal,
    settings: ExportSettings,
    /// Whether the last batch was lost: the log hears of the first loss and of the end of it, not of each batch.
    losing: AtomicBool,
}

/// Why a batch did not arrive. Holds nothing of the batch, of the headers or of the answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExportError {
    /// No connection, or it broke.
    #[error("the collector can not be reached: {0}")]
    Unreachable(String),
    /// Another status than 2xx.
    #[error("the collector answered {0}")]
    Status(StatusCode),
    /// The time for a batch was over.
    #[error("the collector did not answer in time")]
    TimedOut,
}

impl ExportError {
    /// Whether the specification wants the batch to be tried again.
    fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::Status(status) => matches!(status.as_u16(), 429 | 502 | 503 | 504),
            Self::TimedOut => false,
        }
    }
}

impl OtlpSender {
    /// A sender with connections of its own.
    ///
    /// # Errors
    ///
    /// If TLS can not be set up.
    pub(crate) fn new(signal: Signal, settings: ExportSettings) -> Result<Self, rustls::Error> {
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(90))
            .build(outbound::connector()?);
        Ok(Self { client, signal, settings, losing: AtomicBool::new(false) })
    }

    /// Sends one batch, again and again until its time is over. What does not arrive then is lost: telemetry must not pile
    /// up in a process that has other work.
    ///
    /// # Errors
    ///
    /// As [`ExportError`] says, for the last try.
    pub(crate) async fn send(&self, batch: Vec<u8>) -> Result<(), ExportError> {
        let sent = self.send_in_time(Bytes::from(batch)).await;
        let signal = self.signal.as_str();
        match (&sent, self.losing.swap(sent.is_err(), Ordering::Relaxed)) {
            (Err(error), false) => tracing::warn!(signal, %error, "telemetry not exported"),
            (Ok(()), true) => tracing::info!(signal, "telemetry exported again"),
            (Err(_), true) | (Ok(()), false) => {}
        }
        sent
    }

    async fn send_in_time(&self, batch: Bytes) -> Result<(), ExportError> {
        let deadline = Instant::now() + self.settings.timeout;
        let mut pause = FIRST_PAUSE;
        loop {
            let tried = timeout_at(deadline, self.try_once(batch.clone())).await;
            match tried.unwrap_or(Err(ExportError::TimedOut)) {
                Err(error) if error.is_passing() && Instant::now() + pause < deadline => {
                    sleep(pause).await;
                    pause *= 2;
                }
                outcome => return outcome,
            }
        }
    }

    async fn try_once(&self, batch: Bytes) -> Result<(), ExportError> {
        let mut request = Request::new(Full::new(batch));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.settings.endpoint.clone();
        *request.headers_mut() = self.settings.headers.clone();
        let protobuf = HeaderValue::from_static("application/x-protobuf");
        request.headers_mut().insert(header::CONTENT_TYPE, protobuf);
        let answer = self.client.request(request).await.map_err(|error| {
            ExportError::Unreachable(gateway_core::mechanisms::step::chain_of_causes(&error))
        })?;
        let status = answer.status();
        // Read to the end, so that the connection can be used again.
        let _ = Limited::new(answer.into_body(), MAX_ANSWER_BYTES).collect().await;
        if status.is_success() { Ok(()) } else { Err(ExportError::Status(status)) }
    }
}

impl std::fmt::Debug for OtlpSender {
    /// Without the headers: they may hold a key.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("OtlpSender")
            .field("signal", &self.signal)
            .field("endpoint", &self.settings.endpoint)
            .finish_non_exhaustive()
    }
}
