//! HTTP/1 on one connection.

use std::{convert::Infallible, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use http::{HeaderValue, StatusCode, header};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::sleep,
};

use super::{
    body::{ServedBody, Transfer},
    connection::{Connection, ConnectionLimits, Handler, Shutdown},
    timed_io::{ConnectionPhase, TimedIo},
};

/// How long a connection without a request goes on when shutdown begins: a request may be here unread, or on its way. Each
/// answer of that time ends its connection, so that no client is surprised by the end.
const LAST_REQUEST: Duration = Duration::from_millis(100);

/// Answers the requests of one connection, one after the other, until it ends or shutdown begins.
pub(crate) async fn serve<H: Handler>(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    peer: SocketAddr,
    limits: ConnectionLimits,
    handler: Arc<H>,
    shutdown: Shutdown,
) {
    let (phase, unreadable) = (Arc::new(ConnectionPhase::default()), Arc::clone(&handler));
    let io = TokioIo::new(TimedIo::new(stream, Arc::clone(&phase), limits.timeouts));
    let ending = shutdown.clone();
    let service = service_fn(move |request| {
        let connection = Connection { peer, phase: Arc::clone(&phase) };
        connection.phase.serving();
        let (handler, ending) = (Arc::clone(&handler), ending.clone());
        async move {
            let answering = Answering(Arc::clone(&connection.phase));
            let mut response = handler.handle(request, connection).await;
            if ending.is_stopping() && response.status() != StatusCode::SWITCHING_PROTOCOLS {
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(response.map(|body| ServedBody::new(body, answering)))
        }
    });
    let mut connection = pin!(builder(limits).serve_connection(io, service).with_upgrades());
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = shutdown.stopping() => tokio::select! {
            outcome = connection.as_mut() => outcome,
            () = sleep(LAST_REQUEST) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        },
    };
    if let Err(error) = outcome {
        if error.is_parse() {
            unreadable.unreadable(peer, answer_to_no_http(&error));
        }
        tracing::debug!(%peer, %error, "connection ended");
    }
}

/// What hyper answers by itself.
fn answer_to_no_http(error: &hyper::Error) -> StatusCode {
    match error.is_parse_too_large() {
        true => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        false => StatusCode::BAD_REQUEST,
    }
}

fn builder(limits: ConnectionLimits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        // `TimedIo` has the finer limits, but looks at them when it is read: a connection whose last read found nothing while
        // its answer was under way would wait for ever. hyper's limit is for the whole wait, idle time included.
        .header_read_timeout(limits.timeouts.read.max(limits.timeouts.idle))
        .max_header_size(limits.max_head_bytes)
        .max_buf_size((limits.max_head_bytes * 2).max(64 * 1024));
    builder
}

/// Tells the connection when the answer is over, or nobody wants it any more.
struct Answering(Arc<ConnectionPhase>);

/// A blocked write shows on the connection itself.
impl Transfer for Answering {}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.answered();
    }
}
