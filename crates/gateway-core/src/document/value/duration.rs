//! Durations: one number and one unit in the static configuration, Go's compound form in rules and environment values.

use std::time::Duration;

use crate::document::decode::{Decode, report_wrong_type};
use crate::document::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::document::key_path::{DocumentKind, KeyPath};
use crate::document::node::{Node, NodeValue};

/// A duration as configured.
///
/// In the static configuration `^[0-9]+(ns|us|ms|s|m|h)$`; in rule sets and environment values several units (`1h30m`) and
/// fractions (`1.5h`) are allowed too. Nanosecond resolution; at most about 292 years, as in Go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConfigDuration(pub Duration);

impl ConfigDuration {
    /// The duration.
    #[must_use]
    pub fn as_duration(self) -> Duration {
        self.0
    }
}

impl From<ConfigDuration> for Duration {
    fn from(duration: ConfigDuration) -> Self {
        duration.0
    }
}

impl Decode for ConfigDuration {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let text = match &node.value {
            NodeValue::String(text) | NodeValue::Number(text) => text.as_str(),
            NodeValue::Null | NodeValue::Bool(_) | NodeValue::Sequence(_) | NodeValue::Mapping(_) => {
                report_wrong_type(node, path, "a duration", Some("write for example `10s`"), diagnostics);
                return None;
            }
        };
        let compound = node.place.is_environment() || path.document() == DocumentKind::RuleSet;
        let parsed = if compound { parse_compound_duration(text) } else { parse_single_unit(text) };
        if parsed.is_none() {
            diagnostics.push(
                Diagnostic::error(Code::BadDuration, format!("`{path}` is not a duration"), &node.place)
                    .found(text)
                    .expected("a number and a unit: ns us ms s m h")
                    .hint(hint(text)),
            );
        }
        parsed.map(Self)
    }
}

/// Longest duration: Go counts nanoseconds in 63 bits.
const MAX_NANOSECONDS: u128 = i64::MAX as u128;

const UNITS: [(&str, u128); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

fn unit_nanoseconds(unit: &str) -> Option<u128> {
    UNITS.iter().find(|(name, _)| *name == unit).map(|(_, nanoseconds)| *nanoseconds)
}

fn from_nanoseconds(nanoseconds: u128) -> Option<Duration> {
    if nanoseconds > MAX_NANOSECONDS {
        return None;
    }
    u64::try_from(nanoseconds).ok().map(Duration::from_nanos)
}

fn parse_single_unit(text: &str) -> Option<Duration> {
    let digits_end = text.find(|c: char| !c.is_ascii_digit())?;
    let (digits, unit) = text.split_at_checked(digits_end)?;
    if !unit.is_ascii() {
        return None;
    }
    let number: u128 = digits.parse().ok()?;
    from_nanoseconds(number.checked_mul(unit_nanoseconds(unit)?)?)
}

/// Reads Go's form of a duration without sign: one or more decimal numbers, each with a unit, or `0`.
#[must_use]
pub fn parse_compound_duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    if text.is_empty() {
        return None;
    }
    let mut rest = text;
    let mut total: u128 = 0;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at_checked(number_end)?;
        let unit_end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(unit_end)?;
        let unit = unit_nanoseconds(unit)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
            return None;
        }
        let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        total = total.checked_add(whole.checked_mul(unit)?)?;
        // Digits behind the resolution of a nanosecond do not count.
        let mut scale = unit;
        for digit in fraction.bytes() {
            total = total.checked_add(u128::from(digit - b'0').checked_mul(scale)? / 10)?;
            scale /= 10;
        }
        rest = after;
    }
    from_nanoseconds(total)
}

/// Suggests the spelling that was probably meant.
fn hint(text: &str) -> String {
    if let Some(duration) = parse_compound_duration(text)
        && !duration.is_zero()
    {
        return format!("one unit only here, write `{}`", as_single_unit(duration));
    }
    let text = text.trim();
    if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
        return format!("a unit is needed: `{text}s` for seconds");
    }
    let digits_end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, word) = text.split_at_checked(digits_end).unwrap_or((text, ""));
    let unit = match word.trim().to_ascii_lowercase().as_str() {
        "second" | "seconds" | "sec" | "secs" | "s" => Some("s"),
        "minute" | "minutes" | "min" | "mins" | "m" => Some("m"),
        "hour" | "hours" | "h" => Some("h"),
        "millisecond" | "milliseconds" | "millis" | "msec" | "ms" => Some("ms"),
        "d" | "day" | "days" => {
            let hours = digits.parse::<u64>().ok().and_then(|days| days.checked_mul(24));
            return hours
                .map_or_else(|| "write for example `10s`".to_owned(), |hours| format!("write `{hours}h`"));
        }
        _ => None,
    };
    match unit {
        Some(unit) if !digits.is_empty() => format!("write `{digits}{unit}`"),
        Some(_) | None => "write for example `10s`".to_owned(),
    }
}

fn as_single_unit(duration: Duration) -> String {
    let nanoseconds = duration.as_nanos();
    for (unit, size) in [
        ("h", 3_600_000_000_000),
        ("m", 60_000_000_000),
        ("s", 1_000_000_000),
        ("ms", 1_000_000),
        ("us", 1_000),
    ] {
        if nanoseconds.is_multiple_of(size) {
            return format!("{}{unit}", nanoseconds / size);
        }
    }
    format!("{nanoseconds}ns")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::document::node::Place;

    fn check(text: &str, path: &KeyPath) -> Result<Duration, Option<String>> {
        let mut diagnostics = Diagnostics::new();
        let node = Node::plain_scalar(text, Place::new(Arc::from("f"), 1, 1));
        ConfigDuration::decode(&node, path, &mut diagnostics)
            .map(Duration::from)
            .ok_or_else(|| diagnostics.errors().next().and_then(|error| error.hint.clone()))
    }

    #[test]
    fn configuration_takes_one_number_and_one_unit() {
        let path = KeyPath::configuration().key("ttl");
        assert_eq!(check("900000us", &path), Ok(Duration::from_millis(900)));
        assert_eq!(check("0s", &path), Ok(Duration::ZERO));
        assert_eq!(check("2m", &path), Ok(Duration::from_secs(120)));
        for (text, hint) in [
            ("1m30s", "one unit only here, write `90s`"),
            ("1.5h", "one unit only here, write `90m`"),
            ("10 seconds", "write `10s`"),
            ("5", "a unit is needed: `5s` for seconds"),
            ("2d", "write `48h`"),
            ("-1s", "write for example `10s`"),
        ] {
            assert_eq!(check(text, &path), Err(Some(hint.to_owned())), "{text}");
        }
    }

    #[test]
    fn rules_take_several_units_and_fractions() {
        let path = KeyPath::rule_set().key("ttl");
        assert_eq!(check("1h30m", &path), Ok(Duration::from_secs(5400)));
        assert_eq!(check("1.5h", &path), Ok(Duration::from_secs(5400)));
        assert_eq!(check(".5s", &path), Ok(Duration::from_millis(500)));
        assert_eq!(check("1.25ms", &path), Ok(Duration::from_micros(1250)));
        assert!(check("1.2.3s", &path).is_err());
        assert!(check("s", &path).is_err());
        assert!(check(".s", &path).is_err());
        assert!(check("1h 30m", &path).is_err());
    }
}
