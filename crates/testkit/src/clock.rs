//! A clock that stands still until it is moved.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jose::UnixTime;

/// What a new clock shows: 2027-01-15T08:00:00Z.
const START: i64 = 1_800_000_000;

/// A clock moved by hand. Clones show the same time.
///
/// ```
/// # use testkit::ManualClock;
/// # use std::time::Duration;
/// let clock = ManualClock::new();
/// let now = clock.reader();
/// let before = now();
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(now().checked_duration_since(before), Some(Duration::from_secs(60)));
/// ```
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// A clock at a fixed time, the same in every test.
    #[must_use]
    pub fn new() -> Self {
        Self::at(UnixTime::from_seconds(START))
    }

    /// A clock that shows `time`.
    ///
    /// ```
    /// use jose::UnixTime;
    /// use testkit::ManualClock;
    ///
    /// let clock = ManualClock::at(UnixTime::from_seconds(1_900_000_000));
    /// clock.set(UnixTime::from_seconds(1_899_999_940)); // a minute back
    /// assert_eq!(clock.now().as_seconds(), 1_899_999_940);
    /// ```
    #[must_use]
    pub fn at(time: UnixTime) -> Self {
        Self(Arc::new(AtomicI64::new(time.as_seconds())))
    }

    /// What the clock shows.
    #[must_use]
    pub fn now(&self) -> UnixTime {
        UnixTime::from_seconds(self.0.load(Ordering::SeqCst))
    }

    /// Moves the clock forward by whole seconds.
    pub fn advance(&self, by: Duration) {
        self.set(self.now().checked_add(by).expect("the time fits into 64 bits"));
    }

    /// Sets the clock, also backwards.
    pub fn set(&self, time: UnixTime) {
        self.0.store(time.as_seconds(), Ordering::SeqCst);
    }

    /// The clock as a function, for whatever asks for the time by calling one.
    pub fn reader(&self) -> impl Fn() -> UnixTime + Clone + Send + Sync + 'static {
        let clock = self.clone();
        move || clock.now()
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}
