//! Dates. The local time zone is UTC; `now` is an argument of the rendering.

use jiff::tz::TimeZone;

use crate::{
    error::FunctionError,
    functions::{
        Call, Function, FunctionResult,
        Parameter::{Any, Text, Time as AnyTime},
    },
    layout,
    time::Time,
    value::{IntegerKind, Value},
};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("now", &[], |call| Ok(Value::Time(call.environment.now.clone()))),
    Function::new("date", &[Text, Any], |call| in_zone(call, &call.str(0)?, call.value(1), "UTC")),
    Function::new("dateInZone", &[Text, Any, Text], date_in_zone),
    Function::new("date_in_zone", &[Text, Any, Text], date_in_zone),
    Function::new("htmlDate", &[Any], |call| in_zone(call, HTML_DATE, call.value(0), "UTC")),
    Function::new("htmlDateInZone", &[Any, Text], |call| {
        in_zone(call, HTML_DATE, call.value(0), &call.str(1)?)
    }),
    Function::new("dateModify", &[Text, AnyTime], |call| modify(call).or_else(|_| Ok(call.value(1).clone()))),
    Function::new("date_modify", &[Text, AnyTime], |call| {
        modify(call).or_else(|_| Ok(call.value(1).clone()))
    }),
    Function::new("mustDateModify", &[Text, AnyTime], modify),
    Function::new("must_date_modify", &[Text, AnyTime], modify),
    Function::new("toDate", &[Text, Text], |call| {
        Ok(Value::Time(layout::parse(&call.str(0)?, &call.str(1)?).unwrap_or_else(Time::zero)))
    }),
    Function::new("mustToDate", &[Text, Text], |call| {
        let time = layout::parse(&call.str(0)?, &call.str(1)?);
        time.map(Value::Time).ok_or(FunctionError::Unreadable { what: "date in this layout" })
    }),
    Function::new("unixEpoch", &[AnyTime], |call| Ok(call.time(0)?.unix_seconds().to_string().into())),
    Function::new("ago", &[Any], ago),
    Function::new("duration", &[Any], duration),
    Function::new("durationRound", &[Any], rounded_duration),
];

const HTML_DATE: &str = "2006-01-02";
const NANOSECONDS: i64 = 1_000_000_000;

/// A time, or seconds since the Unix epoch. Anything else counts as now, as in Go.
fn point_in_time(call: &Call<'_>, value: &Value) -> Result<Time, FunctionError> {
    match value {
        Value::Time(time) => Ok(time.clone()),
        Value::Int(integer) if matches!(integer.kind, IntegerKind::Int | IntegerKind::Int64) => {
            Time::from_unix(integer.value, 0).ok_or(FunctionError::OutOfRange)
        }
        Value::Nil
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Float(_)
        | Value::String(_)
        | Value::List(_)
        | Value::Map(_)
        | Value::Object(_) => Ok(call.environment.now.clone()),
    }
}

/// Formats in a zone by name; a zone that does not exist counts as UTC.
fn in_zone(call: &Call<'_>, layout: &str, value: &Value, zone: &str) -> FunctionResult {
    let time = point_in_time(call, value)?;
    let zone = match zone {
        "" | "UTC" | "Local" => TimeZone::UTC,
        name => TimeZone::get(name).unwrap_or(TimeZone::UTC),
    };
    Ok(layout::format(&time.in_zone(zone), layout).into())
}

fn date_in_zone(call: &Call<'_>) -> FunctionResult {
    in_zone(call, &call.str(0)?, call.value(1), &call.str(2)?)
}

fn modify(call: &Call<'_>) -> FunctionResult {
    let nanoseconds = parse_duration(&call.str(0)?).ok_or(FunctionError::Unreadable { what: "duration" })?;
    Ok(Value::Time(call.time(1)?.plus_nanoseconds(nanoseconds)))
}

/// How long ago a time is, to the second.
fn ago(call: &Call<'_>) -> FunctionResult {
    let time = point_in_time(call, call.value(0))?;
    let elapsed = call.environment.now.unix_nanoseconds() - time.unix_nanoseconds();
    let second = i128::from(NANOSECONDS);
    let half = if elapsed < 0 { -second / 2 } else { second / 2 };
    let seconds = i64::try_from((elapsed + half) / second).map_err(|_| FunctionError::OutOfRange)?;
    Ok(duration_text(seconds.saturating_mul(NANOSECONDS)).into())
}

/// Seconds as a duration: of a text, or of an `int64`; of everything else none.
fn duration(call: &Call<'_>) -> FunctionResult {
    let seconds = match call.value(0) {
        Value::String(text) => text.to_str_lossy().parse().unwrap_or(0),
        Value::Int(integer) if integer.kind == IntegerKind::Int64 => integer.value,
        _ => 0,
    };
    Ok(duration_text(seconds.wrapping_mul(NANOSECONDS)).into())
}

/// The largest unit only: `2h10m5s` becomes `2h`.
fn rounded_duration(call: &Call<'_>) -> FunctionResult {
    let nanoseconds = match call.value(0) {
        Value::String(text) => parse_duration(&text.to_str_lossy()).unwrap_or(0),
        Value::Int(integer) if integer.kind == IntegerKind::Int64 => integer.value,
        Value::Time(time) => {
            let elapsed = call.environment.now.unix_nanoseconds() - time.unix_nanoseconds();
            i64::try_from(elapsed).map_err(|_| FunctionError::OutOfRange)?
        }
        _ => 0,
    };
    let magnitude = nanoseconds.unsigned_abs();
    const HOUR: u64 = 3_600_000_000_000;
    let units = [
        (HOUR * 24 * 365, "y"),
        (HOUR * 24 * 30, "mo"),
        (HOUR * 24, "d"),
        (HOUR, "h"),
        (HOUR / 60, "m"),
        (HOUR / 3600, "s"),
    ];
    let largest = units.into_iter().find(|(unit, _)| magnitude > *unit);
    Ok(largest.map_or_else(|| "0s".into(), |(unit, name)| format!("{}{name}", magnitude / unit)).into())
}

/// Go's durations: `1h30m`, `-1.5s`, `+90s`, `100ms`; in nanoseconds.
fn parse_duration(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total = 0_i128;
    while !rest.is_empty() {
        let number_length = rest.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
        let (number, after) = rest.split_at_checked(number_length)?;
        let unit_length =
            after.find(|next: char| next.is_ascii_digit() || next == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(unit_length)?;
        let scale: i128 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return None,
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return None;
        }
        let whole: i128 = if whole.is_empty() { 0 } else { whole.parse::<u64>().ok()?.into() };
        total += whole * scale;
        // Eighteen digits are more than a nanosecond needs.
        let fraction = fraction.get(..18).unwrap_or(fraction);
        if !fraction.is_empty() {
            let digits = u32::try_from(fraction.len()).ok()?;
            total += i128::from(fraction.parse::<u64>().ok()?) * scale / 10_i128.pow(digits);
        }
        rest = after;
    }
    i64::try_from(if negative { -total } else { total }).ok()
}

/// A duration as Go prints it: `1h30m0s`, `1.5s`, `100ms`, `0s`.
fn duration_text(nanoseconds: i64) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let magnitude = nanoseconds.unsigned_abs();
    let fraction = |value: u64, unit: u64| {
        let digits = unit.to_string().len() - 1;
        let text = format!("{}.{:0digits$}", value / unit, value % unit);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    let text = match magnitude {
        0 => "0s".to_owned(),
        1..=999 => format!("{magnitude}ns"),
        1_000..=999_999 => format!("{}µs", fraction(magnitude, 1_000)),
        1_000_000..=999_999_999 => format!("{}ms", fraction(magnitude, 1_000_000)),
        _ => {
            let minutes = magnitude / 60_000_000_000;
            let seconds = fraction(magnitude % 60_000_000_000, 1_000_000_000);
            match (minutes / 60, minutes % 60) {
                (0, 0) => format!("{seconds}s"),
                (0, minutes) => format!("{minutes}m{seconds}s"),
                (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
            }
        }
    };
    format!("{sign}{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_come_back_as_written() {
        for text in ["0s", "1.5s", "1h30m0s", "-90ms", "2m0.25s", "3ns", "1.001µs"] {
            assert_eq!(duration_text(parse_duration(text).unwrap()), text.trim_start_matches('+'));
        }
        for wrong in ["", "1", "h", "1.5", "1x", "-", "1..5s", ".s"] {
            assert_eq!(parse_duration(wrong), None, "{wrong}");
        }
    }
}
