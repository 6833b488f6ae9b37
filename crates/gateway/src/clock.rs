//! The clock of the process: the one place of this crate that reads the system's time.
//!
//! Everything else takes the time as an argument.

use std::time::{SystemTime, UNIX_EPOCH};

use jose::UnixTime;

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
