//! HTTP/1 on one connection.

use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
    time::Duration,
};

use http::{HeaderValue, StatusCode, header};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::sleep,
};

use super::{
    body::{ServedBody, Transfer},
    connection::{Connection, ConnectionLimits, Handler, Shutdown},
    read_limits::ReadLimits,
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
    let mut read_limits = ReadLimits::new(Arc::clone(&phase), limits.timeouts);
    let io = TokioIo::new(TimedIo::new(stream, Arc::clone(&phase), limits.timeouts.write));
    let (ending, connection) = (Arc::new(shutdown.clone()), Connection::new(peer, phase));
    let service = service_fn(move |request| {
        let connection = connection.clone();
        connection.phase.serving();
        let (handler, ending) = (Arc::clone(&handler), Arc::clone(&ending));
        // On the heap while there is a request: hyper keeps room for it on every connection, idle ones too, and copies it in.
        Box::pin(async move {
            let answering = Answering(Arc::clone(&connection.phase));
            let mut response = handler.handle(request, connection).await;
            if ending.is_stopping() && response.status() != StatusCode::SWITCHING_PROTOCOLS {
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(response.map(|body| ServedBody::new(body, answering)))
        })
    });
    let mut connection = pin!(builder(limits).serve_connection(io, service).with_upgrades());
    let outcome = tokio::select! {
        biased;
        outcome = unless_overdue(connection.as_mut(), &mut read_limits) => outcome,
        () = shutdown.stopping() => tokio::select! {
            outcome = unless_overdue(connection.as_mut(), &mut read_limits) => outcome,
            () = sleep(LAST_REQUEST) => {
                connection.as_mut().graceful_shutdown();
                unless_overdue(connection, &mut read_limits).await
            }
        },
    };
    let Some(outcome) = outcome else {
        tracing::debug!(%peer, "connection ended: nothing was read for too long");
        return;
    };
    if let Err(error) = outcome {
        if error.is_parse() {
            unreadable.unreadable(peer, answer_to_no_http(&error));
        }
        tracing::debug!(%peer, %error, "connection ended");
    }
}

/// The end of a connection; `None` if its client let it wait for too long. The limits are looked at last: only then is it
/// known how far the connection is.
async fn unless_overdue<C: Future>(
    mut connection: Pin<&mut C>,
    limits: &mut ReadLimits,
) -> Option<C::Output> {
    poll_fn(|context| match connection.as_mut().poll(context) {
        Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
        Poll::Pending => limits.poll_overdue(context).map(|()| None),
    })
    .await
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
        // `ReadLimits` has this limit and finer ones, and starts no timer for each request.
        .header_read_timeout(None)
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
