//! One connection that mends itself.

use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use redis::{Cmd, ErrorKind, RedisError, ServerErrorKind, Value};
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};
use tracing::{error, info, warn};

use crate::config::{Credentials, RedisConfig};
use crate::connect::{Connection, connect};

/// After so many answers in a row that came too late the connection is taken for dead.
const LATE_ANSWERS: u32 = 3;
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A command had no usable answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// There is no connection at the moment.
    #[error("not connected")]
    NotConnected,
    /// No answer within the time limit. The command may have been carried out.
    #[error("no answer within {} ms", .0.as_millis())]
    Late(Duration),
    /// The server refused, or the connection broke. The command may have been carried out.
    #[error("{}", .0.category())]
    Failed(#[source] RedisError),
}

/// A connection to Redis for many callers at once, which mends itself.
pub struct Link {
    shared: Arc<Shared>,
    config: RedisConfig,
    credentials: watch::Sender<Option<Credentials>>,
    keeper: OnceLock<AbortHandle>,
}

struct Shared {
    current: ArcSwapOption<Numbered>,
    broken: Notify,
    opened: Notify,
    late_in_a_row: AtomicU32,
    connections: AtomicU64,
}

/// A connection and its number, so that a late complaint does not hit its successor.
struct Numbered {
    number: u64,
    connection: Connection,
}

impl Link {
    /// A link that is not connected; see [`Link::connect`].
    #[must_use]
    pub fn new(config: RedisConfig) -> Self {
        let shared = Arc::new(Shared {
            current: ArcSwapOption::empty(),
            broken: Notify::new(),
            opened: Notify::new(),
            late_in_a_row: AtomicU32::new(0),
            connections: AtomicU64::new(0),
        });
        let (credentials, _) = watch::channel(config.credentials.clone());
        Self { shared, config, credentials, keeper: OnceLock::new() }
    }

    /// Connects in the background, and again whenever the connection breaks, for as long as the link lives. A second
    /// call does nothing.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn connect(&self) {
        self.keeper.get_or_init(|| {
            let changes = self.credentials.subscribe();
            tokio::spawn(keep_connected(Arc::clone(&self.shared), self.config.clone(), changes))
                .abort_handle()
        });
    }

    /// Is there a connection at the moment?
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.shared.current.load().is_some()
    }

    /// Waits until there is a connection.
    pub async fn connected(&self) {
        loop {
            // Registered before the look, so that no connection in between is missed.
            let opened = self.shared.opened.notified();
            if self.is_connected() {
                return;
            }
            opened.await;
        }
    }

    /// From now on connects with these credentials; the connection is opened anew.
    pub fn set_credentials(&self, credentials: Option<Credentials>) {
        self.credentials.send_replace(credentials);
    }

    /// Sends a command once and waits for its answer, for at most `limit`.
    ///
    /// # Errors
    ///
    /// A [`CommandError`]; it says nothing about whether the command was carried out.
    pub async fn send(&self, command: &Cmd, limit: Duration) -> Result<Value, CommandError> {
        let Some(current) = self.shared.current.load_full() else { return Err(CommandError::NotConnected) };
        match timeout(limit, current.connection.clone().send(command)).await {
            Ok(Ok(value)) => {
                self.shared.late_in_a_row.store(0, Ordering::Relaxed);
                Ok(value)
            }
            Ok(Err(error)) => {
                if ends_connection(&error) {
                    self.shared.give_up(current.number);
                }
                Err(CommandError::Failed(error))
            }
            Err(_) => {
                // A peer that is gone without a word shows in no other way.
                if self.shared.late_in_a_row.fetch_add(1, Ordering::Relaxed) + 1 >= LATE_ANSWERS {
                    self.shared.give_up(current.number);
                }
                Err(CommandError::Late(limit))
            }
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Some(keeper) = self.keeper.get() {
            keeper.abort();
        }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("connected", &self.is_connected()).finish_non_exhaustive()
    }
}

impl Shared {
    /// Lets the keeper open another connection in place of the one with this number.
    fn give_up(&self, number: u64) {
        if self.current.load().as_ref().is_some_and(|current| current.number == number) {
            self.broken.notify_one();
        }
    }
}

/// A primary that became a replica, and a cluster whose slots moved, are found by connecting again.
fn ends_connection(error: &RedisError) -> bool {
    error.is_io_error()
        || error.is_unrecoverable_error()
        || error.is_cluster_error()
        || matches!(
            error.kind(),
            ErrorKind::ClusterConnectionNotFound
                | ErrorKind::Server(ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown)
        )
        || matches!(error.code(), Some("NOAUTH" | "WRONGPASS"))
}

async fn keep_connected(
    shared: Arc<Shared>,
    mut config: RedisConfig,
    mut credentials: watch::Receiver<Option<Credentials>>,
) {
    let mut pause = SHORTEST_PAUSE;
    let mut told = false;
    loop {
        config.credentials = credentials.borrow_and_update().clone();
        match connect(&config).await {
            Ok(connection) => {
                info!(_event = "redis_connected", "connected to Redis");
                (pause, told) = (SHORTEST_PAUSE, false);
                shared.late_in_a_row.store(0, Ordering::Relaxed);
                let number = shared.connections.fetch_add(1, Ordering::Relaxed);
                shared.current.store(Some(Arc::new(Numbered { number, connection })));
                shared.opened.notify_waiters();
                tokio::select! {
                    () = shared.broken.notified() => {
                        warn!(_event = "redis_connection_lost", "the connection to Redis is lost; connecting again");
                    }
                    changed = credentials.changed() => if changed.is_err() { return },
                }
                shared.current.store(None);
            }
            Err(error) => {
                // Once for each outage, not once for each attempt.
                if !told {
                    error!(
                        _event = "redis_unreachable",
                        reason = %crate::connect::Chain(&error),
                        "can not connect to Redis; requests that need it are refused until it answers"
                    );
                    told = true;
                }
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}
