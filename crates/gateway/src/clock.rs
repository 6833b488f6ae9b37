//! The clock of the process: the one place of this crate that reads the system's time.
//!
//! Requests are judged by the [`Clock`] of [`crate::ServeOptions`]; certificates, logs and metrics by the system's.

use std::{
    fmt,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use jose::UnixTime;

/// What requests are judged by: tokens, proofs and nonces, and how old keys are. Clones show the same time.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> UnixTime + Send + Sync>);

impl Clock {
    /// The wall clock of the system.
    #[must_use]
    pub fn of_system() -> Self {
        Self::reading(now)
    }

    /// A clock that shows what this function returns. It may go back.
    #[must_use]
    pub fn reading(read: impl Fn() -> UnixTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// What it shows, in whole seconds.
    pub(crate) fn now(&self) -> UnixTime {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Clock").field(&self.now()).finish()
    }
}

/// The wall clock in whole seconds. A clock before 1970 reads as 1970: every token is then not valid yet, and every
/// request with credentials is refused.
#[must_use]
pub(crate) fn now() -> UnixTime {
    UnixTime::from_seconds(i64::try_from(since_epoch().as_secs()).unwrap_or(i64::MAX))
}

/// The wall clock for timestamps in logs, in milliseconds since the Unix epoch.
pub(crate) fn now_milliseconds() -> i64 {
    i64::try_from(since_epoch().as_millis()).unwrap_or(i64::MAX)
}

/// The wall clock for telemetry, in nanoseconds since the Unix epoch.
pub(crate) fn now_nanoseconds() -> u64 {
    u64::try_from(since_epoch().as_nanos()).unwrap_or(u64::MAX)
}

#[expect(clippy::disallowed_methods, reason = "the clock adapter of this crate")]
fn since_epoch() -> std::time::Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
