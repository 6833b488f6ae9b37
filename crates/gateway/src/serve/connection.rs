//! Listeners and client connections.
//!
//! Plain listeners speak HTTP/1 only, through hyper's own builder: the automatic one looks for the HTTP/2 preface without
//! any time limit and has no limit for the size of a head.

use std::{convert::Infallible, future::Future, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use http::{Request, Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    body::{ResponseBody, ServedBody},
    timed_io::{ConnectionPhase, ConnectionTimeouts, TimedIo},
};

/// The limits of a listener.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConnectionLimits {
    /// Time limits.
    pub(crate) timeouts: ConnectionTimeouts,
    /// The largest head of a request in bytes; more is answered with 431.
    pub(crate) max_head_bytes: usize,
    /// Open connections; more wait in the kernel's queue. `None`: no limit of ours.
    pub(crate) max_connections: Option<usize>,
}

/// The connection a request came in on.
#[derive(Clone)]
pub(crate) struct Connection {
    /// The client or the proxy in front of us.
    pub(crate) peer: SocketAddr,
    /// To be told when the connection is upgraded.
    pub(crate) phase: Arc<ConnectionPhase>,
}

/// Answers requests.
pub(crate) trait Handler: Send + Sync + 'static {
    /// Answers one request. Never fails: a failure is an answer too.
    fn handle(
        self: Arc<Self>,
        request: Request<Incoming>,
        connection: Connection,
    ) -> impl Future<Output = Response<ResponseBody>> + Send;
}

/// Stops listeners and ends their connections.
#[derive(Clone, Default)]
pub(crate) struct Shutdown {
    /// Accept no more; finish the requests that are under way.
    stopping: CancellationToken,
    /// Drop everything.
    aborting: CancellationToken,
    /// Connections and upgraded streams.
    tasks: TaskTracker,
}

impl Shutdown {
    /// Whether it has begun.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.is_cancelled()
    }

    /// Runs a task that shutdown waits for, and that ends when its patience does.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let aborting = self.aborting.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = task => {}
                () = aborting.cancelled() => {}
            }
        });
    }

    /// Resolves when shutdown begins.
    pub(crate) async fn stopping(&self) {
        self.stopping.cancelled().await;
    }

    /// Stops, waits up to `patience` for what is under way, then drops the rest. Tells whether all of it finished.
    pub(crate) async fn run(&self, patience: Duration) -> bool {
        self.stopping.cancel();
        self.tasks.close();
        let finished = tokio::time::timeout(patience, self.tasks.wait()).await.is_ok();
        self.aborting.cancel();
        self.tasks.wait().await;
        finished
    }
}

/// Serves a listener until shutdown begins.
pub(crate) fn serve<H: Handler>(
    listener: TcpListener,
    limits: ConnectionLimits,
    handler: Arc<H>,
    shutdown: &Shutdown,
) {
    let accepting = accept_connections(listener, limits, handler, shutdown.clone());
    shutdown.spawn(accepting);
}

async fn accept_connections<H: Handler>(
    listener: TcpListener,
    limits: ConnectionLimits,
    handler: Arc<H>,
    shutdown: Shutdown,
) {
    let slots = limits.max_connections.map(|max| Arc::new(Semaphore::new(max)));
    loop {
        let accepted = tokio::select! {
            () = shutdown.stopping() => break,
            accepted = accept(&listener, slots.as_ref()) => accepted,
        };
        match accepted {
            Ok((stream, peer, slot)) => {
                let connection =
                    serve_connection(stream, peer, limits, Arc::clone(&handler), shutdown.clone());
                shutdown.spawn(async move {
                    connection.await;
                    drop(slot);
                });
            }
            Err(error) => {
                // Out of file descriptors, most likely: existing connections must get a chance to end.
                tracing::error!(%error, "connection not accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn accept(
    listener: &TcpListener,
    slots: Option<&Arc<Semaphore>>,
) -> std::io::Result<(TcpStream, SocketAddr, Option<OwnedSemaphorePermit>)> {
    let slot = match slots {
        Some(slots) => Arc::clone(slots).acquire_owned().await.ok(),
        None => None,
    };
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, slot))
}

async fn serve_connection<H: Handler>(
    stream: TcpStream,
    peer: SocketAddr,
    limits: ConnectionLimits,
    handler: Arc<H>,
    shutdown: Shutdown,
) {
    // Answers are written whole; waiting for more to send with them only adds latency.
    let _ = stream.set_nodelay(true);
    let phase = Arc::new(ConnectionPhase::default());
    let io = TokioIo::new(TimedIo::new(stream, Arc::clone(&phase), limits.timeouts));
    let service = service_fn(move |request| {
        let connection = Connection { peer, phase: Arc::clone(&phase) };
        connection.phase.serving();
        let handler = Arc::clone(&handler);
        async move {
            let phase = Arc::clone(&connection.phase);
            let response = handler.handle(request, connection).await;
            Ok::<_, Infallible>(response.map(|body| ServedBody::new(body, phase)))
        }
    });
    let mut connection = pin!(http1(limits).serve_connection(io, service).with_upgrades());
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = shutdown.stopping() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(%peer, %error, "connection ended");
    }
}

fn http1(limits: ConnectionLimits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        // hyper's limit is for the whole wait, idle time included; `TimedIo` has the finer ones.
        .header_read_timeout(limits.timeouts.read.max(limits.timeouts.idle))
        .max_header_size(limits.max_head_bytes)
        .max_buf_size((limits.max_head_bytes * 2).max(64 * 1024));
    builder
}
