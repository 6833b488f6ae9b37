//! Requests to upstreams: over which connection, how long, and what if it fails.

mod pool;
#[cfg(test)]
mod tests;

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{
    HeaderValue, Request, Response, Uri, Version, header,
    uri::{Authority, PathAndQuery, Scheme},
};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{sleep_until, timeout};

use self::pool::{Borrowed, BoxError, Connection, Host, Pool, Reservation};
pub(crate) use self::pool::{Origin, PoolLimits};
use super::body::{BodyError, BodyProgress, RequestBody};
use crate::tls::UpstreamConnectors;

/// Why an upstream gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpstreamError {
    /// The client's body broke, not the upstream.
    #[error("{0}")]
    ClientBody(BodyError),
    /// The connection failed, or what came back is no HTTP.
    #[error("upstream failed: {}", with_causes(&**.0))]
    Failed(BoxError),
    /// The request was sent, and `timeout.read` passed without an answer; connecting counts too.
    #[error("upstream did not answer in time")]
    TimedOut,
    /// All connections that `connections_limit.max_per_host` allows are in use, and none became free in `timeout.read`.
    #[error("all connections to the upstream are in use")]
    Busy,
}

/// Sends requests to upstreams over kept connections. A request is repeated only if the kept connection turned out to be
/// closed before the first byte was sent.
pub(crate) struct UpstreamClient {
    pool: Arc<Pool<RequestBody>>,
    patience: Duration,
}

/// How an attempt went that did not fail.
enum Attempt<B>
where
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    Answered(Box<Response<UpstreamBody<B>>>),
    /// The connection was closed before anything was sent.
    Unsent(Box<Request<B>>),
}

/// The body of an upstream's answer, with the connection that it comes over.
pub(crate) struct UpstreamBody<B = RequestBody>
where
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    // Dropped first: an answer that nobody reads to its end ends the connection.
    incoming: Incoming,
    _connection: Option<Borrowed<B>>,
}

impl<B> Body for UpstreamBody<B>
where
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.incoming).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl UpstreamClient {
    /// `patience` is the longest time between the end of a request's body (or its last movement) and the upstream's head,
    /// and the longest wait for a connection.
    pub(crate) fn new(patience: Duration, connectors: UpstreamConnectors, limits: PoolLimits) -> Self {
        Self { pool: Pool::new(connectors, limits), patience }
    }

    /// Sends a request and waits for the head of the answer. `origin` says where to connect, its `Host` what it is for.
    /// With `needs_http1` it goes over HTTP/1.1, as the opening of a WebSocket must. Dropping the future ends the call.
    ///
    /// # Errors
    ///
    /// As [`UpstreamError`] says.
    pub(crate) async fn send(
        &self,
        origin: Origin<'_>,
        mut request: Box<Request<RequestBody>>,
        needs_http1: bool,
        progress: &Arc<BodyProgress>,
    ) -> Result<Response<UpstreamBody>, UpstreamError> {
        let host = self.pool.host(origin).map_err(|error| UpstreamError::Failed(error.into()))?;
        loop {
            let reservation = match host.reserve_now(needs_http1) {
                Some(reservation) => reservation,
                None => {
                    let reservation = timeout(self.patience, host.reserve(needs_http1)).await;
                    progress.begins();
                    reservation.ok().and_then(Result::ok).ok_or(UpstreamError::Busy)?
                }
            };
            let attempt = attempt(&host, reservation, needs_http1, request);
            let outcome = tokio::select! {
                biased;
                outcome = attempt => outcome,
                error = self.head_is_overdue(progress) => return Err(error),
            };
            match outcome {
                Ok(Attempt::Answered(response)) => return Ok(*response),
                Ok(Attempt::Unsent(unsent)) => request = unsent,
                Err(error) => {
                    return Err(match progress.error() {
                        Some(body) => UpstreamError::ClientBody(body),
                        None => UpstreamError::Failed(error),
                    });
                }
            }
        }
    }

    /// A slow upload that moves is not the upstream's fault: the clock starts anew with each piece.
    async fn head_is_overdue(&self, progress: &BodyProgress) -> UpstreamError {
        loop {
            let moved = progress.last_moved();
            sleep_until(moved + self.patience).await;
            if progress.last_moved() == moved {
                // The body's own limit may have struck in the same moment, and the call not have noticed yet.
                return match progress.error() {
                    Some(body) => UpstreamError::ClientBody(body),
                    None if progress.waits_for_client() => UpstreamError::ClientBody(BodyError::Stalled),
                    None => UpstreamError::TimedOut,
                };
            }
        }
    }
}

async fn attempt<B>(
    host: &Arc<Host<B>>,
    reservation: Reservation<B>,
    needs_http1: bool,
    mut request: Box<Request<B>>,
) -> Result<Attempt<B>, BoxError>
where
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    let (connection, is_kept) = match reservation {
        Reservation::Kept(connection) => (connection, true),
        // Boxed, so that the many requests that find a connection pay for no room it needs, 6 KB.
        Reservation::Room(slot) => (Box::pin(host.connect(needs_http1, slot)).await?, false),
    };
    let (outcome, borrowed) = match connection {
        Connection::Http1(mut sender) => {
            write_for_http1(&mut request);
            let outcome = sender.try_send_request(*request).await;
            let borrowed = outcome.is_ok().then(|| Borrowed::from(host, sender));
            (outcome, borrowed)
        }
        Connection::Http2(mut sender) => {
            write_for_http2(&mut request, host.uri())?;
            (sender.try_send_request(*request).await, None)
        }
    };
    match outcome {
        Ok(response) => {
            let answer = response.map(|incoming| UpstreamBody { incoming, _connection: borrowed });
            Ok(Attempt::Answered(Box::new(answer)))
        }
        Err(mut error) => match error.take_message().filter(|_| is_kept) {
            Some(unsent) => Ok(Attempt::Unsent(Box::new(unsent))),
            None => Err(error.into_error().into()),
        },
    }
}

/// Path and query as target; the host is in its field (RFC 9112 §3.2.1).
fn write_for_http1<B>(request: &mut Request<B>) {
    if request.version() == Version::HTTP_2
        && let Some(host) = request.uri().authority()
        && let Ok(host) = HeaderValue::from_str(host.as_str())
    {
        request.headers_mut().insert(header::HOST, host);
    }
    *request.version_mut() = Version::HTTP_11;
    if request.uri().scheme().is_some() {
        *request.uri_mut() = Uri::from(path_and_query(request.uri()));
    }
}

/// The host as `:authority`, and nowhere else (RFC 9113 §8.3.1): it need not be the one we connect to.
fn write_for_http2<B>(request: &mut Request<B>, connected_to: &Uri) -> Result<(), BoxError> {
    if let Some(host) = request.headers_mut().remove(header::HOST) {
        *request.uri_mut() = Uri::builder()
            .scheme(connected_to.scheme().cloned().unwrap_or(Scheme::HTTPS))
            .authority(Authority::try_from(host.as_bytes())?)
            .path_and_query(path_and_query(request.uri()))
            .build()?;
    }
    *request.version_mut() = Version::HTTP_2;
    Ok(())
}

fn path_and_query(uri: &Uri) -> PathAndQuery {
    uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"))
}

fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
