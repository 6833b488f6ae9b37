//! Points in time as JWT writes them: NumericDate (RFC 7519, section 2) in whole seconds.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

/// Whole seconds since 1970-01-01T00:00:00Z, leap seconds ignored (RFC 7519, section 2, "NumericDate").
///
/// Serialized as a JSON integer. Arithmetic is checked: hostile claims reach it.
///
/// ```
/// use std::time::Duration;
/// use jose::UnixTime;
///
/// let issued_at = UnixTime::from_seconds(1_800_000_000);
/// let now = issued_at.saturating_add(Duration::from_secs(61));
/// assert_eq!(now.checked_duration_since(issued_at), Some(Duration::from_secs(61)));
/// assert_eq!(issued_at.checked_duration_since(now), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixTime(i64);

impl UnixTime {
    /// The time that many seconds after the epoch; negative before it.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Seconds since the epoch.
    #[must_use]
    pub const fn as_seconds(self) -> i64 {
        self.0
    }

    /// This time plus the whole seconds of `duration` (the fraction is dropped); `None` when it does not fit.
    #[must_use]
    pub fn checked_add(self, duration: Duration) -> Option<Self> {
        self.0.checked_add_unsigned(duration.as_secs()).map(Self)
    }

    /// This time plus the whole seconds of `duration`; the last time there is when it does not fit.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add_unsigned(duration.as_secs()))
    }

    /// Reads a claim as NumericDate (RFC 7519, section 2): a fraction is floored, what is beyond the range becomes its end
    /// and so lies outside of every window. `None` for anything but a number.
    #[must_use]
    pub fn from_numeric_date(claim: &Value) -> Option<Self> {
        match claim {
            Value::Number(number) => Self::from_number(number),
            Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// As [`from_numeric_date`](Self::from_numeric_date), for what is known to be a number. `None` for one that is no double.
    #[must_use]
    pub fn from_number(number: &Number) -> Option<Self> {
        #[expect(clippy::cast_possible_truncation, reason = "saturating on purpose")]
        let seconds = number.as_i64().or_else(|| number.as_f64().map(|seconds| seconds.floor() as i64))?;
        Some(Self(seconds))
    }

    /// This time minus the whole seconds of `duration` (the fraction is dropped); `None` when it does not fit.
    #[must_use]
    pub fn checked_sub(self, duration: Duration) -> Option<Self> {
        self.0.checked_sub_unsigned(duration.as_secs()).map(Self)
    }

    /// How long after `earlier` this time is; `None` when it is before it.
    #[must_use]
    pub fn checked_duration_since(self, earlier: Self) -> Option<Duration> {
        let seconds = i128::from(self.0) - i128::from(earlier.0);
        u64::try_from(seconds).ok().map(Duration::from_secs)
    }
}

impl fmt::Display for UnixTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_to_overflow() {
        let last = UnixTime::from_seconds(i64::MAX);
        assert_eq!(last.checked_add(Duration::from_secs(1)), None);
        assert_eq!(last.checked_add(Duration::MAX), None);
        assert_eq!(UnixTime::from_seconds(i64::MIN).checked_sub(Duration::from_secs(1)), None);
        assert_eq!(
            UnixTime::from_seconds(10).checked_add(Duration::from_millis(2_900)),
            Some(UnixTime::from_seconds(12))
        );
    }

    #[test]
    fn saturates_where_asked_to() {
        let last = UnixTime::from_seconds(i64::MAX);
        assert_eq!(last.saturating_add(Duration::MAX), last);
        assert_eq!(
            UnixTime::from_seconds(i64::MIN).saturating_add(Duration::from_secs(1)).as_seconds(),
            i64::MIN + 1
        );
    }

    #[test]
    fn reads_numeric_dates() {
        let read = |text: &str| {
            let claim: Value = serde_json::from_str(text).unwrap();
            UnixTime::from_numeric_date(&claim).map(UnixTime::as_seconds)
        };
        assert_eq!(read("1562262616"), Some(1_562_262_616));
        assert_eq!(read("1562262616.9"), Some(1_562_262_616));
        assert_eq!(read("-0.5"), Some(-1));
        assert_eq!(read("18446744073709551615"), Some(i64::MAX));
        assert_eq!(read("1e308"), Some(i64::MAX));
        assert_eq!(read("-1e308"), Some(i64::MIN));
        for other in ["\"1\"", "true", "null", "[1]", "{}"] {
            assert_eq!(read(other), None, "{other}");
        }
    }

    #[test]
    fn measures_the_time_between_extremes() {
        let span = UnixTime::from_seconds(i64::MAX).checked_duration_since(UnixTime::from_seconds(i64::MIN));
        assert_eq!(span, Some(Duration::from_secs(u64::MAX)));
        assert_eq!(UnixTime::from_seconds(1).checked_duration_since(UnixTime::from_seconds(2)), None);
    }
}
