//! [`Time`]: a point in time in a time zone, with the methods templates may call on it.

use jiff::{Timestamp, Zoned, tz::TimeZone};

use crate::{error::FunctionError, layout, value::Value};

/// A point in time in a time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Time(pub(crate) Zoned);

impl Time {
    /// Reads a text in a layout of Go's (`2006-01-02T15:04:05Z07:00`); without zone it is UTC. `None` if the text does not
    /// fit.
    pub fn parse(layout: &str, text: &str) -> Option<Self> {
        layout::parse(layout, text)
    }

    /// The time `seconds` and `nanoseconds` after the Unix epoch, in UTC. `None` outside of the years -9999 to 9999.
    pub fn from_unix(seconds: i64, nanoseconds: u32) -> Option<Self> {
        let nanoseconds = i32::try_from(nanoseconds).ok()?;
        Timestamp::new(seconds, nanoseconds).ok().map(|timestamp| Self(timestamp.to_zoned(TimeZone::UTC)))
    }

    /// Whole seconds since the Unix epoch, rounded down.
    pub fn unix_seconds(&self) -> i64 {
        self.unix_nanoseconds().div_euclid(1_000_000_000).try_into().unwrap_or_default()
    }

    pub(crate) fn unix_nanoseconds(&self) -> i128 {
        self.0.timestamp().as_nanosecond()
    }

    /// Go's zero time, 1 January of the year 1: what `toDate` gives for a text it cannot read.
    pub(crate) fn zero() -> Self {
        Self::from_unix(-62_135_596_800, 0)
            .unwrap_or_else(|| Self(Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC)))
    }

    pub(crate) fn in_zone(&self, zone: TimeZone) -> Self {
        Self(self.0.with_time_zone(zone))
    }

    /// This time plus a duration; unchanged if that is out of range.
    pub(crate) fn plus_nanoseconds(&self, nanoseconds: i64) -> Self {
        let moved = Timestamp::from_nanosecond(self.unix_nanoseconds() + i128::from(nanoseconds));
        moved.map_or_else(|_| self.clone(), |moved| Self(moved.to_zoned(self.0.time_zone().clone())))
    }

    /// The text form: how a time prints.
    pub(crate) fn to_text(&self) -> String {
        layout::format(self, "2006-01-02 15:04:05.999999999 -0700 MST")
    }

    /// Calls a method of Go's `time.Time`.
    pub(crate) fn method(&self, name: &str, arguments: &[Value]) -> Option<Result<Value, FunctionError>> {
        let no_argument = || match arguments {
            [] => Ok(()),
            [..] => Err(FunctionError::ArgumentCount { expected: 0, given: arguments.len() }),
        };
        let integer = |value: i64| Some(no_argument().map(|()| Value::int(value)));
        let integer64 = |value: i128| {
            Some(no_argument().map(|()| Value::int64(i64::try_from(value).unwrap_or(i64::MAX))))
        };
        let layout = |layout: &str| Some(no_argument().map(|()| Value::from(layout::format(self, layout))));
        match name {
            "Unix" => integer64(i128::from(self.unix_seconds())),
            "UnixMilli" => integer64(self.unix_nanoseconds().div_euclid(1_000_000)),
            "UnixMicro" => integer64(self.unix_nanoseconds().div_euclid(1_000)),
            "UnixNano" => integer64(self.unix_nanoseconds()),
            "Year" => integer(self.0.year().into()),
            "Month" => layout("January"),
            "Day" => integer(self.0.day().into()),
            "Hour" => integer(self.0.hour().into()),
            "Minute" => integer(self.0.minute().into()),
            "Second" => integer(self.0.second().into()),
            "Nanosecond" => integer(self.0.subsec_nanosecond().into()),
            "YearDay" => integer(self.0.day_of_year().into()),
            "Weekday" => layout("Monday"),
            "UTC" | "Local" => Some(no_argument().map(|()| Value::Time(self.in_zone(TimeZone::UTC)))),
            "IsZero" => Some(no_argument().map(|()| Value::Bool(*self == Self::zero()))),
            "String" => Some(no_argument().map(|()| Value::from(self.to_text()))),
            "Format" => Some(match arguments {
                [Value::String(text)] => Ok(Value::from(layout::format(self, &text.to_str_lossy()))),
                [other] => Err(FunctionError::ArgumentType { expected: "string", found: other.type_name() }),
                [..] => Err(FunctionError::ArgumentCount { expected: 1, given: arguments.len() }),
            }),
            "Before" => Some(self.compared(arguments).map(|order| Value::Bool(order.is_lt()))),
            "After" => Some(self.compared(arguments).map(|order| Value::Bool(order.is_gt()))),
            "Equal" => Some(self.compared(arguments).map(|order| Value::Bool(order.is_eq()))),
            _ => None,
        }
    }

    fn compared(&self, arguments: &[Value]) -> Result<std::cmp::Ordering, FunctionError> {
        match arguments {
            [Value::Time(other)] => Ok(self.unix_nanoseconds().cmp(&other.unix_nanoseconds())),
            [other] => Err(FunctionError::ArgumentType { expected: "time.Time", found: other.type_name() }),
            [..] => Err(FunctionError::ArgumentCount { expected: 1, given: arguments.len() }),
        }
    }
}
