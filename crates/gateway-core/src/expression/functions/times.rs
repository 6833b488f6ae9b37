//! Times and durations (language definition, section "Standard Definitions"). Parts of a time are those in UTC unless a
//! time zone is given, as an offset (`+02:00`) or by its name.

use jiff::{
    SignedDuration, Timestamp,
    civil::Weekday,
    tz::{Offset, TimeZone, TimeZoneDatabase},
};

use super::{
    Function, Overload, Run, Shape, Style,
    arithmetic::{duration as in_range, timestamp as in_years},
    mismatch, to,
};
use crate::expression::{budget::Budget, error::ExpressionErrorCause as Cause, value::Value};
use Shape::{Duration, Int, String, Timestamp as Time};

const OF_TIME: &[Overload] = &[to(Int, &[Time]), to(Int, &[Time, String])];
const OF_BOTH: &[Overload] = &[to(Int, &[Time]), to(Int, &[Time, String]), to(Int, &[Duration])];

const fn part(name: &'static str, overloads: &'static [Overload], run: Run) -> Function {
    Function { name, style: Style::Receiver, overloads, run }
}

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "timestamp",
        style: Style::Global,
        overloads: &[to(Time, &[String]), to(Time, &[Int]), to(Time, &[Time])],
        run: timestamp,
    },
    Function {
        name: "duration",
        style: Style::Global,
        overloads: &[to(Duration, &[String]), to(Duration, &[Duration])],
        run: duration,
    },
    part("getFullYear", OF_TIME, |values, _| of_time("getFullYear", values, |time| i64::from(time.year()))),
    part("getMonth", OF_TIME, |values, _| of_time("getMonth", values, |time| i64::from(time.month()) - 1)),
    part("getDate", OF_TIME, |values, _| of_time("getDate", values, |time| i64::from(time.day()))),
    part("getDayOfMonth", OF_TIME, |values, _| {
        of_time("getDayOfMonth", values, |time| i64::from(time.day()) - 1)
    }),
    part("getDayOfWeek", OF_TIME, |values, _| {
        of_time("getDayOfWeek", values, |time| i64::from(Weekday::to_sunday_zero_offset(time.weekday())))
    }),
    part("getDayOfYear", OF_TIME, |values, _| {
        of_time("getDayOfYear", values, |time| i64::from(time.day_of_year()) - 1)
    }),
    part("getHours", OF_BOTH, |values, _| match values {
        [Value::Duration(duration)] => Ok(Value::Int(duration.as_hours())),
        _ => of_time("getHours", values, |time| i64::from(time.hour())),
    }),
    part("getMinutes", OF_BOTH, |values, _| match values {
        [Value::Duration(duration)] => Ok(Value::Int(duration.as_mins())),
        _ => of_time("getMinutes", values, |time| i64::from(time.minute())),
    }),
    part("getSeconds", OF_BOTH, |values, _| match values {
        [Value::Duration(duration)] => Ok(Value::Int(duration.as_secs())),
        _ => of_time("getSeconds", values, |time| i64::from(time.second())),
    }),
    part("getMilliseconds", OF_BOTH, |values, _| match values {
        [Value::Duration(duration)] => Ok(Value::Int(i64::from(duration.subsec_millis()))),
        _ => of_time("getMilliseconds", values, |time| i64::from(time.millisecond())),
    }),
];

fn of_time<'a>(
    name: &'static str,
    arguments: &[Value<'a>],
    part: fn(&jiff::Zoned) -> i64,
) -> Result<Value<'a>, Cause> {
    let (time, zone) = match arguments {
        [Value::Timestamp(time)] => (time, TimeZone::UTC),
        [Value::Timestamp(time), Value::String(name)] => {
            (time, time_zone(name).ok_or(Cause::Unreadable { wanted: "time zone" })?)
        }
        _ => return Err(mismatch(name, arguments)),
    };
    Ok(Value::Int(part(&time.to_zoned(zone))))
}

/// `+02:00`, `-8:30`, `UTC`, `Europe/Berlin`.
fn time_zone(name: &str) -> Option<TimeZone> {
    let (sign, digits) = match name.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, name.strip_prefix('+').unwrap_or(name)),
    };
    if let Some((hours, minutes)) = digits.split_once(':') {
        let number = |digits: &str, largest: i32| {
            let number = digits.parse::<u8>().ok().filter(|_| digits.len() <= 2).map(i32::from);
            number.filter(|number| *number <= largest)
        };
        let seconds = number(hours, 23)? * 3600 + number(minutes, 59)? * 60;
        return Offset::from_seconds(sign * seconds).ok().map(TimeZone::fixed);
    }
    // The zones compiled into the program: no file is read.
    TimeZoneDatabase::bundled().get(name).ok()
}

fn timestamp<'a>(arguments: &[Value<'a>], _: &mut Budget) -> Result<Value<'a>, Cause> {
    match arguments {
        [Value::Timestamp(time)] => Ok(Value::Timestamp(*time)),
        [Value::Int(seconds)] => {
            Timestamp::from_second(*seconds).ok().and_then(in_years).ok_or(Cause::Overflow)
        }
        [Value::String(text)] => {
            let parsed = is_rfc3339(text).then(|| text.parse::<Timestamp>().ok()).flatten();
            parsed.and_then(in_years).ok_or(Cause::Unreadable { wanted: "timestamp" })
        }
        _ => Err(mismatch("timestamp", arguments)),
    }
}

/// Only the form of RFC 3339: a date, `T`, a time and a zone. The library reads more than that.
fn is_rfc3339(text: &str) -> bool {
    let bytes = text.as_bytes();
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    separators
        .iter()
        .all(|(position, wanted)| bytes.get(*position).is_some_and(|byte| byte.eq_ignore_ascii_case(wanted)))
        && bytes.len() > 19
        && !text.contains('[')
}

fn duration<'a>(arguments: &[Value<'a>], _: &mut Budget) -> Result<Value<'a>, Cause> {
    match arguments {
        [Value::Duration(duration)] => Ok(Value::Duration(*duration)),
        [Value::String(text)] => {
            parse_duration(text).and_then(in_range).ok_or(Cause::Unreadable { wanted: "duration" })
        }
        _ => Err(mismatch("duration", arguments)),
    }
}

/// Go's durations: `1h30m`, `-1.5s`, `0`.
fn parse_duration(text: &str) -> Option<SignedDuration> {
    const UNITS: [(&str, i128); 8] = [
        ("ns", 1),
        ("us", 1_000),
        ("µs", 1_000),
        ("μs", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
    ];
    let (is_negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(SignedDuration::ZERO);
    }
    let mut nanoseconds = 0_i128;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let length = rest.find(|next: char| !next.is_ascii_digit() && next != '.').unwrap_or(rest.len());
        let (number, behind) = rest.split_at_checked(length)?;
        let (_, unit) = UNITS
            .into_iter()
            .filter(|(name, _)| behind.starts_with(name))
            .max_by_key(|(name, _)| name.len())?;
        let name_length =
            behind.find(|next: char| next.is_ascii_digit() || next == '.').unwrap_or(behind.len());
        let (name, next) = behind.split_at_checked(name_length)?;
        if !UNITS.iter().any(|(known, length)| *known == name && *length == unit) {
            return None;
        }
        nanoseconds = nanoseconds.checked_add(scaled(number, unit)?)?;
        rest = next;
    }
    let nanoseconds = i64::try_from(if is_negative { -nanoseconds } else { nanoseconds }).ok()?;
    Some(SignedDuration::from_nanos(nanoseconds))
}

/// A decimal number of units in nanoseconds; what is smaller is cut off.
fn scaled(number: &str, unit: i128) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') || whole.len() > 19 {
        return None;
    }
    let whole = if whole.is_empty() { 0 } else { whole.parse::<i128>().ok()? };
    let fraction: String18 = fraction.chars().take(18).collect();
    let denominator = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let numerator = if fraction.is_empty() { 0 } else { fraction.parse::<i128>().ok()? };
    whole.checked_mul(unit)?.checked_add(numerator.checked_mul(unit)? / denominator)
}

type String18 = std::string::String;

/// RFC 3339 in UTC, without needless zeros.
pub(super) fn timestamp_text(time: Timestamp) -> std::string::String {
    time.to_string()
}

/// Seconds with their fraction: `90s`, `1.5s`.
pub(super) fn duration_text(duration: SignedDuration) -> std::string::String {
    let (seconds, nanoseconds) = (duration.as_secs().unsigned_abs(), duration.subsec_nanos().unsigned_abs());
    let sign = if duration.is_negative() { "-" } else { "" };
    let fraction = format!("{nanoseconds:09}");
    match fraction.trim_end_matches('0') {
        "" => format!("{sign}{seconds}s"),
        fraction => format!("{sign}{seconds}.{fraction}s"),
    }
}
