//! The pool of connections to upstreams.

use std::{sync::Arc, time::Duration};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, Error},
    rt::{TokioExecutor, TokioTimer},
};
use tokio::time::sleep_until;

use super::body::{BodyError, BodyProgress, RequestBody};
use crate::tls::{self, Connector};

/// Why an upstream gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpstreamError {
    /// The client's body broke, not the upstream.
    #[error("{0}")]
    ClientBody(BodyError),
    /// The connection failed, or what came back is no HTTP.
    #[error("upstream failed: {}", with_causes(.0))]
    Failed(Error),
    /// The request was sent, and `timeout.read` passed without an answer; connecting counts too.
    #[error("upstream did not answer in time")]
    TimedOut,
}

/// Sends requests to upstreams over kept-alive connections. hyper repeats a request only if the kept-alive connection
/// turned out to be closed before the first byte was sent.
pub(crate) struct UpstreamClient {
    client: Client<Connector, RequestBody>,
    head_timeout: Duration,
}

impl UpstreamClient {
    /// `head_timeout` is the longest time between the end of a request's body (or its last movement) and the upstream's
    /// head; `max_idle_per_host` the number of unused connections that are kept.
    ///
    /// # Errors
    ///
    /// If TLS can not be set up.
    pub(crate) fn new(head_timeout: Duration, max_idle_per_host: usize) -> Result<Self, rustls::Error> {
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            // Below what servers usually keep idle connections for, so that we are the ones to close.
            .pool_idle_timeout(Duration::from_secs(30))
            .pool_max_idle_per_host(max_idle_per_host)
            .build(tls::connector()?);
        Ok(Self { client, head_timeout })
    }

    /// Sends a request and waits for the head of the answer. Dropping the future ends the call.
    ///
    /// # Errors
    ///
    /// As [`UpstreamError`] says.
    pub(crate) async fn send(
        &self,
        request: Request<RequestBody>,
        progress: &Arc<BodyProgress>,
    ) -> Result<Response<Incoming>, UpstreamError> {
        tokio::select! {
            outcome = self.client.request(request) => outcome.map_err(|error| match progress.error() {
                Some(body) => UpstreamError::ClientBody(body),
                None => UpstreamError::Failed(error),
            }),
            error = self.head_is_overdue(progress) => Err(error),
        }
    }

    /// A slow upload that moves is not the upstream's fault: the clock starts anew with each piece.
    async fn head_is_overdue(&self, progress: &BodyProgress) -> UpstreamError {
        loop {
            let moved = progress.last_moved();
            sleep_until(moved + self.head_timeout).await;
            if progress.last_moved() == moved {
                let waits = progress.waits_for_client();
                return if waits {
                    UpstreamError::ClientBody(BodyError::Stalled)
                } else {
                    UpstreamError::TimedOut
                };
            }
        }
    }
}

fn with_causes(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
