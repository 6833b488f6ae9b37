//! Go's time layouts: a layout shows how the reference time `Mon Jan 2 15:04:05 MST 2006` would look.

use jiff::{
    civil::DateTime,
    tz::{Offset, TimeZone},
};

use crate::time::Time;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// One element of a layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Element {
    LongMonth,
    ShortMonth,
    Month {
        padded: bool,
    },
    LongWeekday,
    ShortWeekday,
    Day(Padding),
    DayOfYear(Padding),
    Hour24,
    Hour12 {
        padded: bool,
    },
    Minute {
        padded: bool,
    },
    Second {
        padded: bool,
    },
    LongYear,
    ShortYear,
    /// `PM` or `pm`.
    HalfOfDay {
        upper: bool,
    },
    /// `MST`
    ZoneName,
    /// `-0700` and its kin; with `zulu`, UTC is `Z`.
    ZoneOffset {
        zulu: bool,
        form: OffsetForm,
    },
    /// `.000` or `,000`: exactly so many digits.
    Fraction {
        digits: usize,
        comma: bool,
    },
    /// `.999`: at most so many digits, no trailing zeros.
    TrimmedFraction {
        digits: usize,
        comma: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Padding {
    None,
    Space,
    Zero,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OffsetForm {
    Hours,
    HoursMinutes { colon: bool },
    HoursMinutesSeconds { colon: bool },
}

/// The elements with a fixed spelling, longer ones before their own beginnings; fractions come from [`fraction`].
const ELEMENTS: [(&str, Element); 33] = [
    ("January", Element::LongMonth),
    ("Jan", Element::ShortMonth),
    ("Monday", Element::LongWeekday),
    ("Mon", Element::ShortWeekday),
    ("MST", Element::ZoneName),
    ("002", Element::DayOfYear(Padding::Zero)),
    ("__2", Element::DayOfYear(Padding::Space)),
    ("2006", Element::LongYear),
    ("01", Element::Month { padded: true }),
    ("02", Element::Day(Padding::Zero)),
    ("03", Element::Hour12 { padded: true }),
    ("04", Element::Minute { padded: true }),
    ("05", Element::Second { padded: true }),
    ("06", Element::ShortYear),
    ("15", Element::Hour24),
    ("_2", Element::Day(Padding::Space)),
    ("1", Element::Month { padded: false }),
    ("2", Element::Day(Padding::None)),
    ("3", Element::Hour12 { padded: false }),
    ("4", Element::Minute { padded: false }),
    ("5", Element::Second { padded: false }),
    ("PM", Element::HalfOfDay { upper: true }),
    ("pm", Element::HalfOfDay { upper: false }),
    ("-070000", Element::ZoneOffset { zulu: false, form: OffsetForm::HoursMinutesSeconds { colon: false } }),
    ("-07:00:00", Element::ZoneOffset { zulu: false, form: OffsetForm::HoursMinutesSeconds { colon: true } }),
    ("-0700", Element::ZoneOffset { zulu: false, form: OffsetForm::HoursMinutes { colon: false } }),
    ("-07:00", Element::ZoneOffset { zulu: false, form: OffsetForm::HoursMinutes { colon: true } }),
    ("-07", Element::ZoneOffset { zulu: false, form: OffsetForm::Hours }),
    ("Z070000", Element::ZoneOffset { zulu: true, form: OffsetForm::HoursMinutesSeconds { colon: false } }),
    ("Z07:00:00", Element::ZoneOffset { zulu: true, form: OffsetForm::HoursMinutesSeconds { colon: true } }),
    ("Z0700", Element::ZoneOffset { zulu: true, form: OffsetForm::HoursMinutes { colon: false } }),
    ("Z07:00", Element::ZoneOffset { zulu: true, form: OffsetForm::HoursMinutes { colon: true } }),
    ("Z07", Element::ZoneOffset { zulu: true, form: OffsetForm::Hours }),
];

/// Text up to the first element, that element and the rest; without element everything is text.
fn next_element(layout: &str) -> (&str, Option<(Element, &str)>) {
    for (position, _) in layout.char_indices() {
        let (before, rest) = layout.split_at(position);
        if let Some((element, length)) = fraction(rest) {
            return (before, Some((element, rest.get(length..).unwrap_or_default())));
        }
        for (literal, element) in ELEMENTS {
            let Some(after) = rest.strip_prefix(literal) else { continue };
            // A short name with a lower-case letter behind is part of some word.
            let short_name = matches!(element, Element::ShortMonth | Element::ShortWeekday);
            if short_name && after.starts_with(|next: char| next.is_ascii_lowercase()) {
                continue;
            }
            // `_2006` is an underscore and a year, not a padded day.
            if literal == "_2" && after.starts_with("006") {
                continue;
            }
            return (before, Some((element, after)));
        }
    }
    (layout, None)
}

/// A fraction at the start: a separator and zeros or nines with no digit behind.
fn fraction(layout: &str) -> Option<(Element, usize)> {
    let bytes = layout.as_bytes();
    let comma = match bytes.first()? {
        b'.' => false,
        b',' => true,
        _ => return None,
    };
    let digit = *bytes.get(1)?;
    if !matches!(digit, b'0' | b'9') {
        return None;
    }
    let digits = bytes.iter().skip(1).take_while(|byte| **byte == digit).count();
    if bytes.get(digits + 1).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let element = match digit {
        b'0' => Element::Fraction { digits, comma },
        _ => Element::TrimmedFraction { digits, comma },
    };
    Some((element, digits + 1))
}

/// Writes a time in the given layout.
pub(crate) fn format(time: &Time, layout: &str) -> String {
    let mut output = String::new();
    let mut rest = layout;
    loop {
        let (text, found) = next_element(rest);
        output.push_str(text);
        let Some((element, after)) = found else { return output };
        output.push_str(&format_element(time, element));
        rest = after;
    }
}

fn format_element(time: &Time, element: Element) -> String {
    let zoned = &time.0;
    let month =
        MONTHS.get(usize::from(zoned.month().unsigned_abs()).saturating_sub(1)).copied().unwrap_or_default();
    let weekday = usize::from(zoned.weekday().to_monday_zero_offset().unsigned_abs());
    let weekday = WEEKDAYS.get(weekday).copied().unwrap_or_default();
    let number = |value: i64, padded: bool| if padded { format!("{value:02}") } else { value.to_string() };
    let hour12 = match zoned.hour() % 12 {
        0 => 12,
        hour => i64::from(hour),
    };
    match element {
        Element::LongMonth => month.into(),
        Element::ShortMonth => month.get(..3).unwrap_or_default().into(),
        Element::Month { padded } => number(zoned.month().into(), padded),
        Element::LongWeekday => weekday.into(),
        Element::ShortWeekday => weekday.get(..3).unwrap_or_default().into(),
        Element::Day(Padding::None) => zoned.day().to_string(),
        Element::Day(Padding::Space) => format!("{:2}", zoned.day()),
        Element::Day(Padding::Zero) => format!("{:02}", zoned.day()),
        Element::DayOfYear(Padding::None | Padding::Zero) => format!("{:03}", zoned.day_of_year()),
        Element::DayOfYear(Padding::Space) => format!("{:3}", zoned.day_of_year()),
        Element::Hour24 => number(zoned.hour().into(), true),
        Element::Hour12 { padded } => number(hour12, padded),
        Element::Minute { padded } => number(zoned.minute().into(), padded),
        Element::Second { padded } => number(zoned.second().into(), padded),
        Element::LongYear => {
            let sign = if zoned.year() < 0 { "-" } else { "" };
            format!("{sign}{:04}", zoned.year().unsigned_abs())
        }
        Element::ShortYear => format!("{:02}", i32::from(zoned.year()).rem_euclid(100)),
        Element::HalfOfDay { upper } => match (zoned.hour() < 12, upper) {
            (true, true) => "AM".into(),
            (true, false) => "am".into(),
            (false, true) => "PM".into(),
            (false, false) => "pm".into(),
        },
        Element::ZoneName => zone_name(time),
        Element::ZoneOffset { zulu: true, .. } if zoned.offset().seconds() == 0 => "Z".into(),
        Element::ZoneOffset { form, .. } => offset_text(zoned.offset().seconds(), form),
        Element::Fraction { digits, comma } => {
            let separator = if comma { ',' } else { '.' };
            format!("{separator}{}", fraction_digits(time, digits))
        }
        Element::TrimmedFraction { digits, comma } => {
            let all = fraction_digits(time, digits);
            let trimmed = all.trim_end_matches('0');
            let separator = if comma { ',' } else { '.' };
            if trimmed.is_empty() { String::new() } else { format!("{separator}{trimmed}") }
        }
    }
}

fn fraction_digits(time: &Time, digits: usize) -> String {
    let nanoseconds = format!("{:09}", time.0.subsec_nanosecond());
    nanoseconds.chars().chain(std::iter::repeat('0')).take(digits.min(9)).collect()
}

/// The abbreviation of the zone; where there is only an offset, that.
fn zone_name(time: &Time) -> String {
    let zone = time.0.time_zone();
    if *zone != TimeZone::UTC && zone.to_fixed_offset().is_ok() {
        return offset_text(time.0.offset().seconds(), OffsetForm::HoursMinutes { colon: false });
    }
    zone.to_offset_info(time.0.timestamp()).abbreviation().into()
}

fn offset_text(seconds: i32, form: OffsetForm) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let (hours, minutes, seconds) = (seconds.abs() / 3600, seconds.abs() / 60 % 60, seconds.abs() % 60);
    match form {
        OffsetForm::Hours => format!("{sign}{hours:02}"),
        OffsetForm::HoursMinutes { colon: false } => format!("{sign}{hours:02}{minutes:02}"),
        OffsetForm::HoursMinutes { colon: true } => format!("{sign}{hours:02}:{minutes:02}"),
        OffsetForm::HoursMinutesSeconds { colon: false } => {
            format!("{sign}{hours:02}{minutes:02}{seconds:02}")
        }
        OffsetForm::HoursMinutesSeconds { colon: true } => {
            format!("{sign}{hours:02}:{minutes:02}:{seconds:02}")
        }
    }
}

/// What has been read so far of a text in some layout.
#[derive(Default)]
struct Reading {
    year: Option<i16>,
    month: Option<i8>,
    day: Option<i8>,
    day_of_year: Option<i16>,
    hour: i8,
    minute: i8,
    second: i8,
    nanosecond: i32,
    afternoon: Option<bool>,
    offset: Option<i32>,
}

/// Reads a text in the given layout; without zone it is UTC.
pub(crate) fn parse(layout: &str, text: &str) -> Option<Time> {
    let mut reading = Reading::default();
    let (mut layout, mut text) = (layout, text);
    loop {
        let (literal, found) = next_element(layout);
        text = skip_literal(literal, text)?;
        let Some((element, after)) = found else { break };
        text = parse_element(&mut reading, element, text, after)?;
        layout = after;
    }
    if !text.is_empty() {
        return None;
    }
    reading.into_time()
}

/// Skips a literal part; spaces of the layout stand for any number of spaces of the text.
fn skip_literal<'a>(literal: &str, text: &'a str) -> Option<&'a str> {
    let mut text = text;
    let mut literal = literal;
    while let Some(expected) = literal.chars().next() {
        if expected == ' ' {
            if !text.is_empty() && !text.starts_with(' ') {
                return None;
            }
            literal = literal.trim_start_matches(' ');
            text = text.trim_start_matches(' ');
        } else {
            text = text.strip_prefix(expected)?;
            literal = literal.get(expected.len_utf8()..)?;
        }
    }
    Some(text)
}

fn parse_element<'a>(reading: &mut Reading, element: Element, text: &'a str, after: &str) -> Option<&'a str> {
    match element {
        Element::LongMonth | Element::ShortMonth => {
            let (index, rest) = name(&MONTHS, element == Element::LongMonth, text)?;
            reading.month = i8::try_from(index + 1).ok();
            Some(rest)
        }
        Element::LongWeekday | Element::ShortWeekday => {
            name(&WEEKDAYS, element == Element::LongWeekday, text).map(|(_, rest)| rest)
        }
        Element::Month { padded } => {
            let (value, rest) = digits(text, padded)?;
            reading.month = Some(within(value, 1, 12)?);
            Some(rest)
        }
        Element::Day(padding) => {
            let text = match padding {
                Padding::Space => text.strip_prefix(' ').unwrap_or(text),
                Padding::None | Padding::Zero => text,
            };
            let (value, rest) = digits(text, padding == Padding::Zero)?;
            reading.day = Some(within(value, 0, 31)?);
            Some(rest)
        }
        Element::DayOfYear(_) => {
            let text = text.trim_start_matches(' ');
            let (number, rest) = text.split_at_checked(text.len().min(3))?;
            reading.day_of_year = number.parse().ok();
            reading.day_of_year.map(|_| rest)
        }
        Element::Hour24 => {
            let (value, rest) = digits(text, false)?;
            reading.hour = within(value, 0, 23)?;
            Some(rest)
        }
        Element::Hour12 { padded } => {
            let (value, rest) = digits(text, padded)?;
            reading.hour = within(value, 0, 12)?;
            Some(rest)
        }
        Element::Minute { padded } => {
            let (value, rest) = digits(text, padded)?;
            reading.minute = within(value, 0, 59)?;
            Some(rest)
        }
        Element::Second { padded } => {
            let (value, rest) = digits(text, padded)?;
            reading.second = within(value, 0, 59)?;
            // A fraction in the text is taken even where the layout does not mention one.
            if matches!(
                next_element(after),
                ("", Some((Element::Fraction { .. } | Element::TrimmedFraction { .. }, _)))
            ) {
                return Some(rest);
            }
            Some(optional_fraction(reading, rest))
        }
        Element::LongYear => {
            let (year, rest) = text.split_at_checked(4)?;
            if !year.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            reading.year = year.parse().ok();
            reading.year.map(|_| rest)
        }
        Element::ShortYear => {
            let (value, rest) = digits(text, true)?;
            let year = i16::from(value);
            reading.year = Some(if year >= 69 { 1900 + year } else { 2000 + year });
            Some(rest)
        }
        Element::HalfOfDay { upper } => {
            let (half, rest) = text.split_at_checked(2)?;
            reading.afternoon = match (half, upper) {
                ("AM", true) | ("am", false) => Some(false),
                ("PM", true) | ("pm", false) => Some(true),
                _ => return None,
            };
            Some(rest)
        }
        Element::ZoneName => {
            let length = text.bytes().take_while(u8::is_ascii_uppercase).count();
            if !(3..=4).contains(&length) {
                return None;
            }
            text.get(length..)
        }
        Element::ZoneOffset { zulu, form } => {
            if let (true, Some(rest)) = (zulu, text.strip_prefix('Z')) {
                return Some(rest);
            }
            let (offset, rest) = parse_offset(text, form)?;
            reading.offset = Some(offset);
            Some(rest)
        }
        Element::Fraction { digits, .. } => {
            let rest = text.strip_prefix(['.', ','])?;
            let (fraction, rest) = rest.split_at_checked(digits)?;
            reading.nanosecond = nanoseconds(fraction)?;
            Some(rest)
        }
        Element::TrimmedFraction { .. } => Some(optional_fraction(reading, text)),
    }
}

fn optional_fraction<'a>(reading: &mut Reading, text: &'a str) -> &'a str {
    let Some(rest) = text.strip_prefix(['.', ',']) else { return text };
    let length = rest.bytes().take_while(u8::is_ascii_digit).count();
    match rest.split_at_checked(length).and_then(|(fraction, rest)| Some((nanoseconds(fraction)?, rest))) {
        Some((nanosecond, rest)) => {
            reading.nanosecond = nanosecond;
            rest
        }
        None => text,
    }
}

fn nanoseconds(fraction: &str) -> Option<i32> {
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let nine: String = fraction.chars().chain(std::iter::repeat('0')).take(9).collect();
    nine.parse().ok()
}

fn name<'a>(names: &[&str], long: bool, text: &'a str) -> Option<(usize, &'a str)> {
    names.iter().enumerate().find_map(|(index, name)| {
        let name = if long { name } else { name.get(..3)? };
        let (start, rest) = text.split_at_checked(name.len())?;
        start.eq_ignore_ascii_case(name).then_some((index, rest))
    })
}

/// One or two digits; exactly two if `padded`.
fn digits(text: &str, padded: bool) -> Option<(i8, &str)> {
    let length = text.bytes().take(2).take_while(u8::is_ascii_digit).count();
    if length == 0 || (padded && length < 2) {
        return None;
    }
    let (number, rest) = text.split_at_checked(length)?;
    number.parse().ok().map(|value| (value, rest))
}

fn within(value: i8, low: i8, high: i8) -> Option<i8> {
    (low..=high).contains(&value).then_some(value)
}

fn parse_offset(text: &str, form: OffsetForm) -> Option<(i32, &str)> {
    let (sign, mut rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (fields, colon) = match form {
        OffsetForm::Hours => (1, false),
        OffsetForm::HoursMinutes { colon } => (2, colon),
        OffsetForm::HoursMinutesSeconds { colon } => (3, colon),
    };
    let mut seconds = 0;
    for (field, unit) in [3600, 60, 1].into_iter().take(fields).enumerate() {
        if colon && field > 0 {
            rest = rest.strip_prefix(':')?;
        }
        let (value, after) = digits(rest, true)?;
        let highest = if field == 0 { 24 } else { 59 };
        seconds += i32::from(within(value, 0, highest)?) * unit;
        rest = after;
    }
    Some((sign * seconds, rest))
}

impl Reading {
    fn into_time(self) -> Option<Time> {
        let hour = match self.afternoon {
            Some(true) if self.hour < 12 => self.hour + 12,
            Some(false) if self.hour == 12 => 0,
            Some(_) | None => self.hour,
        };
        let year = self.year.unwrap_or(0);
        let mut date = DateTime::new(
            year,
            self.month.unwrap_or(1),
            self.day.unwrap_or(1),
            hour,
            self.minute,
            self.second,
            self.nanosecond,
        )
        .ok()?;
        if let Some(day) = self.day_of_year {
            date = date.with().day_of_year(day).build().ok()?;
            let contradicts = self.month.is_some_and(|month| month != date.month())
                || self.day.is_some_and(|day| day != date.day());
            if contradicts {
                return None;
            }
        }
        let zone = match self.offset {
            Some(seconds) if seconds != 0 => TimeZone::fixed(Offset::from_seconds(seconds).ok()?),
            Some(_) | None => TimeZone::UTC,
        };
        date.to_zoned(zone).ok().map(Time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(layout: &str, expected: &str) {
        let time = Time::from_unix(1_770_091_506, 789_000_000).unwrap();
        assert_eq!(format(&time, layout), expected);
    }

    #[test]
    fn writes_the_elements_of_a_layout() {
        check("2006-01-02T15:04:05Z07:00", "2026-02-03T04:05:06Z");
        check("Mon Jan _2 3:04PM", "Tue Feb  3 4:05AM");
        check("Monday, 02-Jan-06 15:04:05 MST", "Tuesday, 03-Feb-26 04:05:06 UTC");
        check("15:04:05.000 .999 ,000000", "04:05:06.789 .789 ,789000");
        check("002 __2 pm -07:00 -0700", "034  34 am +00:00 +0000");
        check("plain", "plain");
    }

    #[test]
    fn reads_what_it_wrote() {
        let time = parse("2006-01-02 15:04:05 -0700", "2026-05-17 01:02:03 +0200").unwrap();
        assert_eq!(time.unix_seconds(), 1_778_972_523);
        assert_eq!(format(&time, "2006-01-02T15:04:05Z07:00"), "2026-05-17T01:02:03+02:00");
        assert!(parse("2006-01-02", "2026-02-30").is_none());
        assert!(parse("2006-01-02", "17.05.2026").is_none());
        assert!(parse("2006-01-02", "2026-05-17 ").is_none());
        assert!(parse("3:04PM", "4:05PM").is_some());
    }
}
