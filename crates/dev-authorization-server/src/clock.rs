//! The one place of this crate that asks what time it is.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use jose::UnixTime;

/// Where the server gets the time from.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// The system's clock.
    #[default]
    System,
    /// A clock that stands still until it is moved, for tests.
    Manual(ManualClock),
}

impl Clock {
    pub(crate) fn now(&self) -> UnixTime {
        match self {
            Self::System => system_time(),
            Self::Manual(clock) => UnixTime::from_seconds(clock.0.load(Ordering::SeqCst)),
        }
    }
}

/// A clock moved by hand. Clones show the same time.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// A clock that shows this time.
    #[must_use]
    pub fn new(time: UnixTime) -> Self {
        Self(Arc::new(AtomicI64::new(time.as_seconds())))
    }

    /// Moves the clock forward by whole seconds.
    pub fn advance(&self, by: Duration) {
        let seconds = i64::try_from(by.as_secs()).unwrap_or(i64::MAX);
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this crate is an outermost one: its clock is read here and nowhere else"
)]
fn system_time() -> UnixTime {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixTime::from_seconds(i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX))
}
