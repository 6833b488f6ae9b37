//! HTTP/2 (RFC 9113) on one connection, chosen by the client with ALPN.
//!
//! | against | limit |
//! |---|---|
//! | large heads, endless CONTINUATION | `buffer_limit.read` for the decoded fields: 431; 100 fields ([`super::http_checks`]) |
//! | many requests at once | 128 streams, further ones are refused with `REFUSED_STREAM` |
//! | rapid reset | hyper ends a connection with 20 streams that were reset before they were looked at |
//! | a peer that is gone | a PING after 30 quiet seconds, 20 seconds for the answer |
//! | a peer that asks nothing | `timeout.idle`, then GOAWAY |
//! | a peer that takes nothing | `timeout.write` in which no stream gets on although answers wait, then the end |

use std::{convert::Infallible, future::Future, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use http::header;
use hyper::{rt::Executor, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    body::ServedBody,
    connection::{Connection, ConnectionLimits, Handler, Shutdown},
    streams::{Overdue, Streams},
    timed_io::{ConnectionPhase, TimedIo},
};

/// Requests under way at the same time on one connection.
const MAX_STREAMS: u32 = 128;
const PING_AFTER: Duration = Duration::from_secs(30);
const PING_ANSWER: Duration = Duration::from_secs(20);
/// How long a connection may take to end after GOAWAY if nothing is under way.
const LEAVE: Duration = Duration::from_secs(5);

/// Answers the requests of one connection until it ends, shutdown begins or a limit strikes.
pub(crate) async fn serve<H: Handler>(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    peer: SocketAddr,
    limits: ConnectionLimits,
    handler: Arc<H>,
    shutdown: Shutdown,
) {
    // Reads are limited by what happens on the streams, not by bytes: frames may come at any time.
    let phase = Arc::new(ConnectionPhase::default());
    phase.serving();
    let io = TokioIo::new(TimedIo::new(stream, Arc::clone(&phase), limits.timeouts.write));
    let streams = Arc::new(Streams::default());
    let counted = Arc::clone(&streams);
    let connection = Connection::new(peer, phase);
    let service = service_fn(move |request| {
        let connection = connection.clone();
        let (handler, stream) = (Arc::clone(&handler), counted.open());
        async move {
            let mut response = handler.handle(request, connection).await;
            // The frames say where a message ends: nothing has to be closed, and the field is forbidden (RFC 9113 §8.2.2).
            response.headers_mut().remove(header::CONNECTION);
            Ok::<_, Infallible>(response.map(|body| ServedBody::new(body, stream)))
        }
    });
    let executor = StreamTasks(shutdown.clone());
    let mut connection = pin!(builder(limits, executor).serve_connection(io, service));
    let mut overdue = pin!(streams.overdue(limits.timeouts));
    let mut is_leaving = false;
    let outcome = loop {
        tokio::select! {
            outcome = connection.as_mut() => break outcome,
            () = shutdown.stopping(), if !is_leaving => {
                is_leaving = true;
                connection.as_mut().graceful_shutdown();
            }
            why = overdue.as_mut() => match why {
                Overdue::Idle if !is_leaving => {
                    connection.as_mut().graceful_shutdown();
                    match tokio::time::timeout(LEAVE, connection).await {
                        Ok(outcome) => break outcome,
                        Err(_) => return,
                    }
                }
                Overdue::Idle | Overdue::Blocked => {
                    tracing::debug!(%peer, ?why, "connection ended for want of movement");
                    return;
                }
            },
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(%peer, %error, "connection ended");
    }
}

fn builder(limits: ConnectionLimits, executor: StreamTasks) -> http2::Builder<StreamTasks> {
    let mut builder = http2::Builder::new(executor);
    builder
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(limits.max_head_bytes).unwrap_or(u32::MAX))
        .max_concurrent_streams(MAX_STREAMS)
        .keep_alive_interval(PING_AFTER)
        .keep_alive_timeout(PING_ANSWER);
    builder
}

/// Runs streams so that shutdown waits for them.
#[derive(Clone)]
struct StreamTasks(Shutdown);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for StreamTasks {
    fn execute(&self, stream: F) {
        self.0.spawn(stream);
    }
}
