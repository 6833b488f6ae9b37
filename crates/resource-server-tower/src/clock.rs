//! Where the time comes from.

use std::time::{SystemTime, UNIX_EPOCH};

use jose::UnixTime;

/// Tells the time. Every function without arguments that returns it is a clock.
///
/// ```
/// use resource_server_tower::{Clock, UnixTime};
///
/// let stopped = || UnixTime::from_seconds(1_800_000_000);
/// assert_eq!(stopped.now().as_seconds(), 1_800_000_000);
/// ```
pub trait Clock: Send + Sync {
    /// The wall-clock time now.
    fn now(&self) -> UnixTime;
}

impl<F: Fn() -> UnixTime + Send + Sync> Clock for F {
    fn now(&self) -> UnixTime {
        self()
    }
}

/// The clock of the system: what a layer uses unless it is given another one.
///
/// ```
/// use resource_server_tower::{Clock, SystemClock};
///
/// assert!(SystemClock.now().as_seconds() > 1_700_000_000);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this crate is an outermost one: its clock is read here and nowhere else"
    )]
    fn now(&self) -> UnixTime {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixTime::from_seconds(i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX))
    }
}
