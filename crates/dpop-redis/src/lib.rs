//! A [`ReplayStore`] in Redis or Valkey: several gateways with one store accept each proof once (RFC 9449 §11.1).
//!
//! A claim is one `SET NX` with an expiry over one multiplexed connection, with a time limit of its own and without
//! a retry: an answer that was not seen may have been a success. What can not be answered in time, for whatever
//! reason, is [`Claim::Unavailable`], and the request is refused with 503.
//!
//! ```no_run
//! use std::{sync::Arc, time::Duration};
//! use dpop_redis::{Link, RedisConfig, RedisReplayStore, Tls, Topology};
//!
//! # async fn start(tls: Arc<rustls::ClientConfig>) -> Result<(), dpop_redis::InvalidAddress> {
//! let config = RedisConfig {
//!     topology: Topology::Single { address: "redis.example.com:6379".parse()?, database: 0 },
//!     credentials: None,
//!     tls: Tls::On(tls),
//!     connect_timeout: Duration::from_secs(3),
//! };
//! let link = Arc::new(Link::new(config));
//! link.connect();
//! let store = RedisReplayStore::new(link, Duration::from_millis(100));
//! # let _: Arc<dyn dpop::ReplayStore> = Arc::new(store);
//! # Ok(()) }
//! ```
//!
//! # What the server must do
//!
//! - `maxmemory-policy noeviction`: any other policy forgets used proofs when memory gets short, and would let them
//!   in again. A server that is full then refuses writes, which refuses requests.
//! - Replication is asynchronous: a claim that was not yet replicated is lost with its primary, and that proof could
//!   be used once more for the rest of its life (a minute by default). Where that matters, ask for nonces as well.

mod address;
mod config;
mod connect;
mod link;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use dpop::{Claim, ClaimFuture, ReplayKey, ReplayStore};
use jose::UnixTime;
use redis::Value;

pub use address::{Address, InvalidAddress};
pub use config::{Credentials, RedisConfig, Tls, Topology};
pub use connect::ConnectError;
pub use link::{CommandError, Link};

/// The library underneath, for commands of other users of a [`Link`].
pub use redis;

/// What every key starts with.
pub const KEY_PREFIX: &str = "keybound:replay:";

/// How much longer an entry lives than the proof it stands for.
///
/// Gateways with one store have clocks of their own, and a clock can be set back: within this span no used proof gets
/// in again because of it.
pub const CLOCK_RESERVE: Duration = Duration::from_secs(60);

/// Remembers used proofs in Redis.
pub struct RedisReplayStore {
    link: Arc<Link>,
    timeout: Duration,
    clock_reserve: Duration,
    /// The highest `now` seen: a clock that jumps forward and back must not let a used proof in again.
    latest: AtomicI64,
}

impl RedisReplayStore {
    /// A store at the other end of `link`. It answers [`Claim::Unavailable`] whenever that is not connected. `timeout`
    /// is how long one claim may take (100 ms is a good value).
    #[must_use]
    pub fn new(link: Arc<Link>, timeout: Duration) -> Self {
        Self { link, timeout, clock_reserve: CLOCK_RESERVE, latest: AtomicI64::new(i64::MIN) }
    }

    /// With another reserve than [`CLOCK_RESERVE`], in whole seconds: less memory where clocks are known to be exact.
    #[must_use]
    pub fn with_clock_reserve(self, clock_reserve: Duration) -> Self {
        Self { clock_reserve, ..self }
    }

    async fn claim_in_redis(&self, key: ReplayKey, expires_at: i64, now: i64) -> Claim {
        let latest = self.latest.fetch_max(now, Ordering::SeqCst).max(now);
        if expires_at <= latest {
            // It may have been used and forgotten.
            return Claim::AlreadyUsed;
        }
        // From the clock as it is, not from the highest: after a step back an entry has longer to live.
        let seconds =
            expires_at.saturating_sub(now).unsigned_abs().saturating_add(self.clock_reserve.as_secs());
        let mut command = redis::cmd("SET");
        command.arg(format!("{KEY_PREFIX}{key}")).arg(1).arg("NX").arg("EX").arg(seconds);
        match self.link.send(&command, self.timeout).await {
            Ok(Value::Okay) => Claim::Claimed,
            Ok(Value::Nil) => Claim::AlreadyUsed,
            // Anything else is no answer to this question.
            Ok(_) | Err(_) => Claim::Unavailable,
        }
    }
}

impl ReplayStore for RedisReplayStore {
    fn claim(&self, key: ReplayKey, expires_at: UnixTime, now: UnixTime) -> ClaimFuture<'_> {
        Box::pin(self.claim_in_redis(key, expires_at.as_seconds(), now.as_seconds()))
    }

    fn remembers_since(&self) -> Option<UnixTime> {
        None
    }
}

impl fmt::Debug for RedisReplayStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisReplayStore").field("link", &self.link).finish_non_exhaustive()
    }
}
