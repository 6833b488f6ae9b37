//! Connections to upstreams that are kept for the next request.
//!
//! Over https the upstream chooses HTTP/2 or HTTP/1.1 with ALPN; over plain http it is HTTP/1.1. A connection of HTTP/1.1
//! carries one request at a time and is kept while it is idle, one of HTTP/2 carries many. `connections_limit` bounds both:
//! whoever finds all connections of a host in use waits for one, in a queue with an end.

use std::{
    collections::HashMap,
    pin::pin,
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::{Uri, uri::Scheme};
use http_body::Body;
use hyper::client::conn::{http1, http2};
use hyper_util::{
    client::legacy::connect::Connection as _,
    rt::{TokioExecutor, TokioTimer},
};
use outbound::Connector;
use parking_lot::Mutex;
use tokio::{
    runtime::Handle,
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use tower_service::Service as _;

use crate::tls::UpstreamConnectors;

/// Below what servers usually keep idle connections for, so that we are the ones to close.
const KEEP_IDLE: Duration = Duration::from_secs(30);
/// How often connections that were idle for too long are looked for.
const TIDY_UP: Duration = Duration::from_secs(5);
/// Requests that may wait for a connection to one host.
const MAX_WAITING: usize = 1024;
/// A peer on a connection with requests under way that says nothing for so long is asked whether it is there.
const PING_AFTER: Duration = Duration::from_secs(30);
const PING_ANSWER: Duration = Duration::from_secs(20);

pub(super) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// `serve.connections_limit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PoolLimits {
    /// Connections to one host, in use or idle; `None`: no limit.
    pub(crate) max_per_host: Option<usize>,
    /// Idle connections altogether.
    pub(crate) max_idle: usize,
    /// Idle connections to one host.
    pub(crate) max_idle_per_host: usize,
}

/// Where an upstream is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin<'a> {
    /// Whether it is asked over https; over http otherwise.
    pub(crate) is_https: bool,
    /// Host and port as configured.
    pub(crate) authority: &'a str,
}

impl Origin<'_> {
    fn uri(self) -> Result<Uri, http::Error> {
        let scheme = if self.is_https { Scheme::HTTPS } else { Scheme::HTTP };
        Uri::builder().scheme(scheme).authority(self.authority).path_and_query("/").build()
    }
}

/// The hosts of one scheme by their authorities as configured: those of rules, so that there are few.
type Hosts<B> = HashMap<Box<str>, Arc<Host<B>>>;

/// The connections to all upstreams.
pub(super) struct Pool<B> {
    connectors: UpstreamConnectors,
    limits: PoolLimits,
    http: Mutex<Hosts<B>>,
    https: Mutex<Hosts<B>>,
    idle: Arc<AtomicUsize>,
}

/// The connections to one host.
pub(super) struct Host<B> {
    uri: Uri,
    connectors: UpstreamConnectors,
    limits: PoolLimits,
    kept: Mutex<Kept<B>>,
    slots: Option<Arc<Semaphore>>,
    returned: Notify,
    waiting: AtomicUsize,
    /// Idle connections of all hosts.
    idle: Arc<AtomicUsize>,
}

struct Kept<B> {
    http1: Vec<(http1::SendRequest<B>, Instant)>,
    http2: Option<(http2::SendRequest<B>, Instant)>,
}

/// A connection that takes a request.
pub(super) enum Connection<B> {
    /// One request at a time; it goes back with [`Borrowed`].
    Http1(http1::SendRequest<B>),
    /// Many requests.
    Http2(http2::SendRequest<B>),
}

/// A connection of HTTP/1.1 that goes back to its host when this is dropped, which is to be done when the answer's body is
/// read: then the connection is free already, as a rule, and no task has to wait for it.
pub(super) struct Borrowed<B>
where
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    host: Arc<Host<B>>,
    sender: Option<http1::SendRequest<B>>,
}

impl<B> Borrowed<B>
where
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    pub(super) fn from(host: &Arc<Host<B>>, sender: http1::SendRequest<B>) -> Self {
        Self { host: Arc::clone(host), sender: Some(sender) }
    }
}

impl<B> Drop for Borrowed<B>
where
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    fn drop(&mut self) {
        if let Some(sender) = self.sender.take() {
            self.host.keep(sender);
        }
    }
}

/// What a request gets.
pub(super) enum Reservation<B> {
    /// A connection that is there.
    Kept(Connection<B>),
    /// Room for a new one.
    Room(Option<OwnedSemaphorePermit>),
}

/// Too many requests wait already.
#[derive(Debug)]
pub(super) struct QueueIsFull;

impl<B> Pool<B>
where
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    /// An empty pool. Connections that were idle for too long are closed while the pool lives.
    pub(super) fn new(connectors: UpstreamConnectors, limits: PoolLimits) -> Arc<Self> {
        let pool = Arc::new(Self {
            connectors,
            limits,
            http: Mutex::default(),
            https: Mutex::default(),
            idle: Arc::default(),
        });
        tokio::spawn(tidy_up(Arc::downgrade(&pool)));
        pool
    }

    /// The host there.
    ///
    /// # Errors
    ///
    /// If the authority is none.
    pub(super) fn host(&self, origin: Origin<'_>) -> Result<Arc<Host<B>>, http::Error> {
        let mut hosts = if origin.is_https { self.https.lock() } else { self.http.lock() };
        if let Some(host) = hosts.get(origin.authority) {
            return Ok(Arc::clone(host));
        }
        let host = Arc::new(Host {
            uri: origin.uri()?,
            connectors: self.connectors.clone(),
            limits: self.limits,
            kept: Mutex::new(Kept { http1: Vec::new(), http2: None }),
            slots: self.limits.max_per_host.map(|max| Arc::new(Semaphore::new(max))),
            returned: Notify::new(),
            waiting: AtomicUsize::new(0),
            idle: Arc::clone(&self.idle),
        });
        hosts.insert(origin.authority.into(), Arc::clone(&host));
        Ok(host)
    }
}

impl<B> Host<B>
where
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    /// The URI that is connected to.
    pub(super) fn uri(&self) -> &Uri {
        &self.uri
    }

    /// A kept connection, or room for a new one, if nobody has to be waited for.
    pub(super) fn reserve_now(&self, needs_http1: bool) -> Option<Reservation<B>> {
        if let Some(connection) = self.take(needs_http1) {
            return Some(Reservation::Kept(connection));
        }
        let Some(slots) = &self.slots else { return Some(Reservation::Room(None)) };
        Arc::clone(slots).try_acquire_owned().ok().map(|slot| Reservation::Room(Some(slot)))
    }

    /// A kept connection, or room for a new one, as soon as there is one or the other.
    ///
    /// # Errors
    ///
    /// If too many wait already.
    pub(super) async fn reserve(&self, needs_http1: bool) -> Result<Reservation<B>, QueueIsFull> {
        let mut place = None;
        loop {
            // Listening comes before looking, so that no return falls in between.
            let mut returned = pin!(self.returned.notified());
            returned.as_mut().enable();
            if let Some(reservation) = self.reserve_now(needs_http1) {
                return Ok(reservation);
            }
            let Some(slots) = &self.slots else { return Ok(Reservation::Room(None)) };
            if place.is_none() {
                place = Some(Place::in_queue(&self.waiting)?);
            }
            tokio::select! {
                slot = Arc::clone(slots).acquire_owned() => return Ok(Reservation::Room(slot.ok())),
                () = returned => {}
            }
        }
    }

    /// Opens a connection, which holds `slot` for as long as it lives. One of HTTP/2 is there for others too.
    ///
    /// # Errors
    ///
    /// Why it can not be opened.
    pub(super) async fn connect(
        &self,
        needs_http1: bool,
        slot: Option<OwnedSemaphorePermit>,
    ) -> Result<Connection<B>, BoxError> {
        let mut connector: Connector = self.connectors.for_versions(needs_http1).clone();
        std::future::poll_fn(|context| connector.poll_ready(context)).await?;
        let io = connector.call(self.uri.clone()).await?;
        if !io.connected().is_negotiated_h2() {
            let (sender, connection) = http1::handshake(io).await?;
            tokio::spawn(async move {
                if let Err(error) = connection.with_upgrades().await {
                    tracing::debug!(%error, "upstream connection ended");
                }
                drop(slot);
            });
            return Ok(Connection::Http1(sender));
        }
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .keep_alive_interval(PING_AFTER)
            .keep_alive_timeout(PING_ANSWER)
            .handshake(io)
            .await?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "upstream connection ended");
            }
            drop(slot);
        });
        Ok(Connection::Http2(self.share(sender)))
    }

    /// Takes back a connection of HTTP/1.1 once its answer is complete.
    fn keep(self: &Arc<Self>, mut sender: http1::SendRequest<B>) {
        if sender.is_ready() {
            return self.put(sender);
        }
        // While the runtime ends there is nobody left to use the connection.
        let Ok(runtime) = Handle::try_current() else { return };
        let host = Arc::clone(self);
        runtime.spawn(async move {
            if sender.ready().await.is_ok() {
                host.put(sender);
            }
        });
    }

    fn put(&self, sender: http1::SendRequest<B>) {
        let mut kept = self.kept.lock();
        let has_room = kept.http1.len() < self.limits.max_idle_per_host
            && self
                .idle
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |idle| {
                    (idle < self.limits.max_idle).then_some(idle + 1)
                })
                .is_ok();
        if has_room {
            kept.http1.push((sender, Instant::now()));
            drop(kept);
            self.returned.notify_one();
        }
    }

    /// The newest connection that is still open: older ones may end unused.
    fn take(&self, needs_http1: bool) -> Option<Connection<B>> {
        let mut kept = self.kept.lock();
        if !needs_http1 && let Some((sender, used)) = &mut kept.http2 {
            if sender.is_ready() {
                *used = Instant::now();
                return Some(Connection::Http2(sender.clone()));
            }
            kept.http2 = None;
        }
        while let Some((sender, since)) = kept.http1.pop() {
            self.idle.fetch_sub(1, Ordering::Relaxed);
            if sender.is_ready() && since.elapsed() < KEEP_IDLE {
                return Some(Connection::Http1(sender));
            }
        }
        None
    }

    /// Keeps a connection of HTTP/2, or gives the one that somebody else opened at the same time.
    fn share(&self, sender: http2::SendRequest<B>) -> http2::SendRequest<B> {
        let mut kept = self.kept.lock();
        let shared = match kept.http2.take() {
            Some((earlier, _)) if earlier.is_ready() => earlier,
            _ => sender,
        };
        kept.http2 = Some((shared.clone(), Instant::now()));
        drop(kept);
        // One is enough for all who wait.
        self.returned.notify_waiters();
        shared
    }

    /// Lets go of what was idle for too long or ended. Tells whether anything is left that the host is needed for.
    fn tidy_up(&self) -> bool {
        let mut kept = self.kept.lock();
        let before = kept.http1.len();
        kept.http1.retain(|(sender, since)| sender.is_ready() && since.elapsed() < KEEP_IDLE);
        self.idle.fetch_sub(before - kept.http1.len(), Ordering::Relaxed);
        // Requests under way have handles of their own and are not disturbed.
        kept.http2 =
            kept.http2.take().filter(|(sender, used)| sender.is_ready() && used.elapsed() < KEEP_IDLE);
        let all_closed = self
            .slots
            .as_ref()
            .is_none_or(|slots| Some(slots.available_permits()) == self.limits.max_per_host);
        !kept.http1.is_empty() || kept.http2.is_some() || !all_closed
    }
}

async fn tidy_up<B>(pool: Weak<Pool<B>>)
where
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    loop {
        tokio::time::sleep(TIDY_UP).await;
        let Some(pool) = pool.upgrade() else { return };
        for hosts in [&pool.http, &pool.https] {
            hosts.lock().retain(|_, host| host.tidy_up() || Arc::strong_count(host) > 1);
        }
    }
}

/// A place in the queue of a host.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn in_queue(waiting: &'a AtomicUsize) -> Result<Self, QueueIsFull> {
        if waiting.fetch_add(1, Ordering::Relaxed) >= MAX_WAITING {
            waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(QueueIsFull);
        }
        Ok(Self(waiting))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
