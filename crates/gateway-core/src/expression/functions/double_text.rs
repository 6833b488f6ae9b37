//! Doubles as Go writes them in their shortest form: with an exponent below 0.0001 and from 1000000 on.

/// `3`, `1.5`, `1e+06`, `NaN`, `+Inf`.
pub(super) fn shortest(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{number:e}");
    let exponent =
        scientific.split_once('e').and_then(|(_, exponent)| exponent.parse::<i32>().ok()).unwrap_or(0);
    if (-4..6).contains(&exponent) { number.to_string() } else { with_go_exponent(&scientific) }
}

/// `1e5` as Go writes it: sign and at least two digits.
pub(super) fn with_go_exponent(scientific: &str) -> String {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    format!("{mantissa}e{sign}{digits:0>2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_look_as_in_go() {
        for (number, text) in [
            (3.0, "3"),
            (-1.5, "-1.5"),
            (999_999.0, "999999"),
            (1e6, "1e+06"),
            (1e21, "1e+21"),
            (1.25e-7, "1.25e-07"),
            (0.0001, "0.0001"),
            (f64::INFINITY, "+Inf"),
        ] {
            assert_eq!(shortest(number), text);
        }
    }
}
