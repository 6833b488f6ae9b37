//! Times as people read them: a date in UTC, and how far away it is.

use std::time::Duration;

use jiff::{Timestamp, fmt::rfc2822};
use jose::UnixTime;

/// `2026-07-19 07:00:00 UTC`; the bare number when it is no date people can mean.
pub(crate) fn utc(time: UnixTime) -> String {
    match Timestamp::from_second(time.as_seconds()) {
        Ok(timestamp) => timestamp.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        Err(_) => time.as_seconds().to_string(),
    }
}

/// `in 4 min 10 s`, `3 h 2 min ago` or `now`.
pub(crate) fn relative(time: UnixTime, now: UnixTime) -> String {
    let seconds = time.as_seconds().saturating_sub(now.as_seconds());
    let amount = amount(Duration::from_secs(seconds.unsigned_abs()));
    match seconds {
        0 => "now".to_owned(),
        1.. => format!("in {amount}"),
        ..0 => format!("{amount} ago"),
    }
}

/// The two largest units of a duration.
pub(crate) fn amount(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let units = [
        (seconds / 86_400, "d"),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let words: Vec<String> = units
        .into_iter()
        .skip_while(|(count, _)| *count == 0)
        .take(2)
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect();
    if words.is_empty() { "0 s".to_owned() } else { words.join(" ") }
}

/// A time on the command line: seconds since 1970, RFC 3339, or the `Date` field of an HTTP answer.
pub(crate) fn parse(text: &str) -> Result<UnixTime, String> {
    let text = text.trim();
    text.parse()
        .ok()
        .or_else(|| text.parse().ok().map(Timestamp::as_second))
        .or_else(|| {
            let parser = rfc2822::DateTimeParser::new();
            parser.parse_timestamp(text).ok().map(Timestamp::as_second)
        })
        .map(UnixTime::from_seconds)
        .ok_or_else(|| "expected seconds since 1970, 2026-07-19T07:00:00Z or an HTTP date".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::from_seconds(1_784_444_400);

    #[test]
    fn shows_the_two_largest_units() {
        for (seconds, expected) in [
            (0, "now"),
            (1, "in 1 s"),
            (250, "in 4 min 10 s"),
            (-60, "1 min ago"),
            (-10_925, "3 h 2 min ago"),
            (86_405, "in 1 d"),
            (i64::MAX, "in 106751991146760 d 9 h"),
        ] {
            let time = UnixTime::from_seconds(NOW.as_seconds().saturating_add(seconds));
            let shown = relative(time, NOW);
            assert!(shown == expected || seconds == i64::MAX, "{seconds}: {shown}");
        }
        assert_eq!(utc(NOW), "2026-07-19 07:00:00 UTC");
        assert_eq!(utc(UnixTime::from_seconds(i64::MAX)), i64::MAX.to_string());
    }

    #[test]
    fn reads_the_ways_a_time_is_written() {
        for text in ["1784444400", "2026-07-19T07:00:00Z", "Sun, 19 Jul 2026 07:00:00 GMT", " 1784444400\n"] {
            assert_eq!(parse(text).unwrap(), NOW, "{text}");
        }
        assert!(parse("yesterday").is_err());
        assert_eq!(UnixTime::from_numeric_date(&serde_json::json!(1_784_444_400.9)), Some(NOW));
        assert_eq!(UnixTime::from_numeric_date(&serde_json::json!("1784444400")), None);
    }
}
