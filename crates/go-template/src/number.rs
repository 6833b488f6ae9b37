//! Numbers in Go's spelling: constants of templates, texts that `int` and `float64` read, floats as they print.

/// A number constant of a template. Go decides only where it is used whether it is an integer or a float.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Number {
    /// The value where an integer is wanted.
    pub(crate) integer: Option<i64>,
    /// The value where a float is wanted.
    pub(crate) float: Option<f64>,
    /// What it is where anything is wanted.
    pub(crate) natural: Natural,
}

/// What a number constant is where its use does not say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Natural {
    Integer(i64),
    Float(f64),
    /// Real part zero: `1i`.
    Imaginary(f64),
    /// Fits only into 64 bits without sign.
    TooLarge,
}

/// Why a constant is no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NumberError {
    Syntax,
    Overflow,
}

impl Number {
    /// The number of a character constant.
    pub(crate) fn of_character(character: char) -> Self {
        let value = i64::from(u32::from(character));
        Self {
            integer: Some(value),
            float: Some(f64::from(u32::from(character))),
            natural: Natural::Integer(value),
        }
    }

    pub(crate) fn parse(text: &str) -> Result<Self, NumberError> {
        if let Some(imaginary) = text.strip_suffix('i') {
            let value = parse_float(imaginary).ok_or(NumberError::Syntax)?;
            let real = (value == 0.0).then_some(0);
            return Ok(Self { integer: real, float: real.map(|_| 0.0), natural: Natural::Imaginary(value) });
        }
        #[expect(clippy::cast_precision_loss, reason = "the nearest float is what Go takes as well")]
        match parse_any_integer(text) {
            Ok(integer) => {
                let natural = Natural::Integer(integer);
                return Ok(Self { integer: Some(integer), float: Some(integer as f64), natural });
            }
            Err(IntegerError::Unsigned(value)) => {
                return Ok(Self { integer: None, float: Some(value as f64), natural: Natural::TooLarge });
            }
            Err(IntegerError::Syntax | IntegerError::Overflow) => {}
        }
        let float = parse_float(text).ok_or(NumberError::Syntax)?;
        // A float without point and exponent is an integer that does not fit.
        if !text.contains(['.', 'e', 'E', 'p', 'P']) {
            return Err(NumberError::Overflow);
        }
        Ok(Self { integer: whole(float), float: Some(float), natural: Natural::Float(float) })
    }
}

/// The integer a float stands for, if it stands for one exactly.
fn whole(float: f64) -> Option<i64> {
    let integer = float_to_integer(float);
    #[expect(clippy::cast_precision_loss, reason = "compared for exactness right here")]
    (integer as f64 == float).then_some(integer)
}

/// Go's conversion of a float to a 64-bit integer: cut off; what does not fit is the least integer.
pub(crate) fn float_to_integer(float: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked here")]
    if (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&float) {
        float as i64
    } else {
        i64::MIN
    }
}

enum IntegerError {
    Syntax,
    Overflow,
    /// Positive, beyond `i64`, within `u64`.
    Unsigned(u64),
}

/// An integer in base 10, 16 (`0x`), 8 (`0o`, `0`) or 2 (`0b`), with `_` between digits where Go allows it.
pub(crate) fn parse_integer(text: &str) -> Option<i64> {
    parse_any_integer(text).ok()
}

fn parse_any_integer(text: &str) -> Result<i64, IntegerError> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (radix, digits) =
        if let Some(digits) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
            (16, digits.strip_prefix('_').unwrap_or(digits))
        } else if let Some(digits) = digits.strip_prefix("0b").or_else(|| digits.strip_prefix("0B")) {
            (2, digits.strip_prefix('_').unwrap_or(digits))
        } else if let Some(digits) = digits.strip_prefix("0o").or_else(|| digits.strip_prefix("0O")) {
            (8, digits.strip_prefix('_').unwrap_or(digits))
        } else if let Some(digits) = digits.strip_prefix('0').filter(|digits| !digits.is_empty()) {
            (8, digits.strip_prefix('_').unwrap_or(digits))
        } else {
            (10, digits)
        };
    let digits = without_underscores(digits).ok_or(IntegerError::Syntax)?;
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return Err(IntegerError::Syntax);
    }
    let magnitude = u64::from_str_radix(&digits, radix).map_err(|_| IntegerError::Overflow)?;
    if negative {
        0_i64.checked_sub_unsigned(magnitude).ok_or(IntegerError::Overflow)
    } else {
        i64::try_from(magnitude).map_err(|_| IntegerError::Unsigned(magnitude))
    }
}

/// Drops underscores, each of which must stand between two digits.
fn without_underscores(digits: &str) -> Option<String> {
    let misplaced = digits.starts_with('_') || digits.ends_with('_') || digits.contains("__");
    (!misplaced).then(|| digits.replace('_', ""))
}

/// A float in Go's spelling: decimal or hexadecimal, `inf`, `nan`.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let magnitude = if let Some(hex) = unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0X")) {
        parse_hex_float(hex)?
    } else {
        match unsigned.to_ascii_lowercase().as_str() {
            "inf" | "infinity" => f64::INFINITY,
            "nan" => f64::NAN,
            lower => {
                if !lower.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'+' | b'-' | b'_')) {
                    return None;
                }
                let misplaced = ["_.", "._", "_e", "e_", "+_", "-_"].iter().any(|pair| lower.contains(pair));
                if misplaced {
                    return None;
                }
                let value: f64 = without_underscores(lower)?.parse().ok()?;
                // What does not fit is an error in Go, not infinity.
                if value.is_infinite() {
                    return None;
                }
                value
            }
        }
    };
    Some(if negative { -magnitude } else { magnitude })
}

/// The part behind `0x`: digits with at most one point, then `p` and a power of two.
fn parse_hex_float(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once(['p', 'P'])?;
    let mut exponent: i32 = exponent.parse().ok()?;
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = without_underscores(&format!("{}{after}", before.strip_prefix('_').unwrap_or(before)))?;
    if digits.is_empty() {
        return None;
    }
    let mut value = 0.0_f64;
    for digit in digits.chars() {
        value = value * 16.0 + f64::from(digit.to_digit(16)?);
    }
    exponent = exponent.checked_sub(i32::try_from(after.replace('_', "").len()).ok()?.checked_mul(4)?)?;
    let result = value * 2.0_f64.powi(exponent);
    result.is_finite().then_some(result)
}

/// A float without sign as `%e`, `%f` or `%g` (also in capitals) show it; without precision the shortest text that reads back alike.
pub(crate) fn format_float(magnitude: f64, verb: char, precision: Option<usize>) -> String {
    if magnitude.is_nan() {
        return "NaN".into();
    }
    if magnitude.is_infinite() {
        return "Inf".into();
    }
    let lower = verb.to_ascii_lowercase();
    let text = match (lower, precision) {
        ('e', None) => go_exponent(&format!("{magnitude:e}")),
        ('e', Some(precision)) => go_exponent(&format!("{magnitude:.precision$e}")),
        ('f', None) => format!("{magnitude}"),
        ('f', Some(precision)) => format!("{magnitude:.precision$}"),
        (_, precision) => general(magnitude, precision),
    };
    if verb.is_ascii_uppercase() { text.to_ascii_uppercase() } else { text }
}

/// `%g`: with exponent below 0.0001 and from 10^precision upward; the shortest form counts as precision 6, in plain digits up to 21.
fn general(magnitude: f64, precision: Option<usize>) -> String {
    let scientific = match precision {
        None => format!("{magnitude:e}"),
        Some(precision) => {
            let digits = precision.max(1) - 1;
            let text = format!("{magnitude:.digits$e}");
            match text.split_once('e') {
                Some((mantissa, exponent)) if mantissa.contains('.') => {
                    format!("{}e{exponent}", mantissa.trim_end_matches('0').trim_end_matches('.'))
                }
                Some(_) | None => text,
            }
        }
    };
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let bound = precision.map_or(6, |precision| i32::try_from(precision.max(1)).unwrap_or(i32::MAX));
    // A long shortest form moves the bound: 1234567 has seven digits, yet prints with exponent.
    if exponent < -4 || exponent >= bound {
        return go_exponent(&scientific);
    }
    let digits = mantissa.len() - usize::from(mantissa.contains('.'));
    let decimals = i32::try_from(digits).unwrap_or(i32::MAX) - 1 - exponent;
    let decimals = usize::try_from(decimals).unwrap_or(0);
    format!("{magnitude:.decimals$}")
}

/// Turns Rust's exponent (`1e6`) into Go's (`1e+06`).
fn go_exponent(text: &str) -> String {
    let Some((mantissa, exponent)) = text.split_once('e') else { return text.into() };
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    format!("{mantissa}e{sign}{digits:0>2}")
}

/// A float as it prints: `%v`.
pub(crate) fn float_text(value: f64) -> String {
    if value.is_infinite() {
        return if value < 0.0 { "-Inf".into() } else { "+Inf".into() };
    }
    let sign = if value.is_sign_negative() && !value.is_nan() { "-" } else { "" };
    format!("{sign}{}", format_float(value.abs(), 'g', None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_print_as_in_go() {
        for (value, expected) in [
            (0.0, "0"),
            (1.5, "1.5"),
            (999_999.0, "999999"),
            (1_000_000.0, "1e+06"),
            (1_000_000.5, "1.0000005e+06"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1e21, "1e+21"),
            (-2.5, "-2.5"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(float_text(value), expected);
        }
    }

    #[test]
    fn reads_integers_of_every_base() {
        for (text, expected) in [
            ("017", Some(15)),
            ("0x1F", Some(31)),
            ("0b101", Some(5)),
            ("1_000", Some(1000)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("08", None),
            ("", None),
            ("1__0", None),
            ("0", Some(0)),
        ] {
            assert_eq!(parse_integer(text), expected, "{text}");
        }
    }

    #[test]
    fn a_float_constant_without_fraction_serves_as_integer() {
        let number = Number::parse("1e3").unwrap();
        assert_eq!((number.integer, number.natural), (Some(1000), Natural::Float(1000.0)));
        assert_eq!(Number::parse("99999999999999999999"), Err(NumberError::Overflow));
        assert_eq!(Number::parse("1.b"), Err(NumberError::Syntax));
        assert_eq!(Number::parse("0x1p-2").unwrap().float, Some(0.25));
    }
}
