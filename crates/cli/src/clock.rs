//! The system's clock; everything else takes the time as an argument.

use std::time::{SystemTime, UNIX_EPOCH};

use jose::UnixTime;

/// The time now.
#[expect(clippy::disallowed_methods, reason = "the clock adapter of this program")]
pub(crate) fn now() -> UnixTime {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixTime::from_seconds(i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX))
}
