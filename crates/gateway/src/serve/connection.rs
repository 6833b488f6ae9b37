//! Listeners and client connections.
//!
//! Plain listeners speak HTTP/1 only, through hyper's own builder: the automatic one looks for the HTTP/2 preface without
//! any time limit and has no limit for the size of a head. Over TLS the client chooses with ALPN.

use std::{future::Future, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use prometheus::IntGauge;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    body::ResponseBody,
    http1, http2,
    timed_io::{ConnectionPhase, ConnectionTimeouts},
};
use crate::tls::listener::H2;

/// A socket to take connections from.
pub(crate) struct Listener {
    /// The socket.
    pub(crate) socket: TcpListener,
    /// TLS on its connections; `None` for plain ones.
    pub(crate) tls: Option<TlsAcceptor>,
}

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
    /// Its address in words, as rules, upstreams and the log have it: written once for all requests.
    pub(crate) peer_address: Arc<str>,
    /// To be told when the connection is upgraded.
    pub(crate) phase: Arc<ConnectionPhase>,
}

impl Connection {
    /// A connection from this peer. `::ffff:10.0.0.1`, as dual-stack sockets report IPv4 peers, is `10.0.0.1`.
    pub(crate) fn new(peer: SocketAddr, phase: Arc<ConnectionPhase>) -> Self {
        Self { peer, peer_address: peer.ip().to_canonical().to_string().into(), phase }
    }
}

/// Answers requests.
pub(crate) trait Handler: Send + Sync + 'static {
    /// Answers one request. Never fails: a failure is an answer too.
    fn handle(
        self: Arc<Self>,
        request: Request<Incoming>,
        connection: Connection,
    ) -> impl Future<Output = Response<ResponseBody>> + Send;

    /// What a client sent is no HTTP, and was answered with this status without anybody being asked.
    fn unreadable(&self, peer: SocketAddr, status: StatusCode) {
        let _ = (peer, status);
    }

    /// A client connected; the connection is open until the result is dropped.
    fn opened(&self) -> Option<OpenConnection> {
        None
    }
}

/// Counts a connection while it is open.
pub(crate) struct OpenConnection(IntGauge);

impl OpenConnection {
    /// Counts one more.
    pub(crate) fn new(open: &IntGauge) -> Self {
        open.inc();
        Self(open.clone())
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
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
                biased;
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
    listener: Listener,
    limits: ConnectionLimits,
    handler: Arc<H>,
    shutdown: &Shutdown,
) {
    let accepting = accept_connections(listener, limits, handler, shutdown.clone());
    shutdown.spawn(accepting);
}

/// How long connections are still accepted when shutdown begins: those that were made before, with their first request.
const LAST_CONNECTIONS: Duration = Duration::from_millis(20);

async fn accept_connections<H: Handler>(
    Listener { socket, tls }: Listener,
    limits: ConnectionLimits,
    handler: Arc<H>,
    shutdown: Shutdown,
) {
    let slots = limits.max_connections.map(|max| Arc::new(Semaphore::new(max)));
    let mut ending = pin!(async {
        shutdown.stopping().await;
        tokio::time::sleep(LAST_CONNECTIONS).await;
    });
    loop {
        let accepted = tokio::select! {
            () = ending.as_mut() => break,
            accepted = accept(&socket, slots.as_ref()) => accepted,
        };
        match accepted {
            Ok((stream, peer, slot)) => {
                let open = handler.opened();
                let (handler, stopping) = (Arc::clone(&handler), shutdown.clone());
                let connection = serve_connection(stream, peer, tls.clone(), limits, handler, stopping);
                // On the heap once: whatever wraps a future has room for it twice.
                let mut connection = Box::pin(connection);
                shutdown.spawn(async move {
                    connection.as_mut().await;
                    drop((slot, open));
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
    tls: Option<TlsAcceptor>,
    limits: ConnectionLimits,
    handler: Arc<H>,
    shutdown: Shutdown,
) {
    // Answers are written whole; waiting for more to send with them only adds latency.
    let _ = stream.set_nodelay(true);
    let Some(acceptor) = tls else {
        return http1::serve(stream, peer, limits, handler, shutdown).await;
    };
    let handshake = tokio::time::timeout(handshake_limit(limits), acceptor.accept(stream));
    let outcome = tokio::select! {
        outcome = handshake => outcome,
        () = shutdown.stopping() => return,
    };
    // Boxed, so that a plain connection does not take up the room that these need.
    match outcome {
        Ok(Ok(stream)) if stream.get_ref().1.alpn_protocol() == Some(H2) => {
            Box::pin(http2::serve(stream, peer, limits, handler, shutdown)).await;
        }
        Ok(Ok(stream)) => Box::pin(http1::serve(stream, peer, limits, handler, shutdown)).await,
        Ok(Err(error)) => tracing::debug!(%peer, %error, "TLS handshake failed"),
        Err(_) => tracing::debug!(%peer, "TLS handshake took too long"),
    }
}

/// The handshake is cheap for an honest client; it gets `timeout.read`, but never more than ten seconds.
fn handshake_limit(limits: ConnectionLimits) -> Duration {
    limits.timeouts.read.min(Duration::from_secs(10))
}
