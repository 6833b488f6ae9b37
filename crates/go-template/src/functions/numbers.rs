//! Arithmetic and conversions. The integer functions first convert whatever they get to an integer, unreadable text to 0.

use crate::{
    error::FunctionError,
    functions::{
        Call, Environment, Function, FunctionResult,
        Parameter::{Any, Float, Int, Text},
    },
    list::List,
    number::{float_to_integer, parse_float, parse_integer},
    value::{ElementType, Value},
};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("int", &[Any], |call| Ok(Value::int(to_integer(call.value(0))))),
    Function::new("int64", &[Any], |call| Ok(Value::int64(to_integer(call.value(0))))),
    Function::new("float64", &[Any], |call| Ok(Value::Float(to_float(call.value(0))))),
    Function::new("atoi", &[Text], |call| Ok(Value::int(call.str(0)?.parse().unwrap_or(0)))),
    Function::new("toDecimal", &[Any], octal_to_decimal),
    Function::variadic("add", &[], Any, |call| fold(0, call.arguments, i64::wrapping_add)),
    Function::new("add1", &[Any], |call| Ok(Value::int64(to_integer(call.value(0)).wrapping_add(1)))),
    Function::new("sub", &[Any, Any], |call| {
        Ok(Value::int64(to_integer(call.value(0)).wrapping_sub(to_integer(call.value(1)))))
    }),
    Function::variadic("mul", &[Any], Any, |call| {
        fold(to_integer(call.value(0)), call.rest(1), i64::wrapping_mul)
    }),
    Function::new("div", &[Any, Any], |call| divide(call, i64::wrapping_div)),
    Function::new("mod", &[Any, Any], |call| divide(call, i64::wrapping_rem)),
    Function::variadic("max", &[Any], Any, |call| fold(to_integer(call.value(0)), call.rest(1), i64::max)),
    Function::variadic("biggest", &[Any], Any, |call| {
        fold(to_integer(call.value(0)), call.rest(1), i64::max)
    }),
    Function::variadic("min", &[Any], Any, |call| fold(to_integer(call.value(0)), call.rest(1), i64::min)),
    Function::variadic("maxf", &[Any], Any, |call| extreme(call, |left, right| left > right)),
    Function::variadic("minf", &[Any], Any, |call| extreme(call, |left, right| left < right)),
    Function::new("floor", &[Any], |call| Ok(Value::Float(to_float(call.value(0)).floor()))),
    Function::new("ceil", &[Any], |call| Ok(Value::Float(to_float(call.value(0)).ceil()))),
    Function::variadic("round", &[Any, Int], Float, round),
    Function::new("until", &[Int], |call| {
        let count = call.int(0)?;
        integers(steps(call.environment, 0, count, if count < 0 { -1 } else { 1 })?)
    }),
    Function::new("untilStep", &[Int, Int, Int], |call| {
        integers(steps(call.environment, call.int(0)?, call.int(1)?, call.int(2)?)?)
    }),
    Function::variadic("seq", &[], Int, sequence),
];

/// The integer a value stands for: floats are cut off, text is read in any base, everything else is 0.
pub(super) fn to_integer(value: &Value) -> i64 {
    match value {
        Value::Int(integer) => integer.value,
        Value::Float(float) => float_to_integer(*float),
        Value::Bool(truth) => i64::from(*truth),
        Value::String(text) => parse_integer(without_zero_decimals(&text.to_str_lossy())).unwrap_or(0),
        Value::Nil | Value::List(_) | Value::Map(_) | Value::Time(_) | Value::Object(_) => 0,
    }
}

/// `12.00` counts as `12`, `12.7` does not.
fn without_zero_decimals(text: &str) -> &str {
    let trimmed = text.trim_end_matches('0');
    match trimmed.strip_suffix('.') {
        Some(whole) if trimmed.len() < text.len() => whole,
        Some(_) | None => text,
    }
}

pub(super) fn to_float(value: &Value) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "the nearest float is what Go takes as well")]
    match value {
        Value::Int(integer) => integer.value as f64,
        Value::Float(float) => *float,
        Value::Bool(truth) => f64::from(u8::from(*truth)),
        Value::String(text) => parse_float(&text.to_str_lossy()).unwrap_or(0.0),
        Value::Nil | Value::List(_) | Value::Map(_) | Value::Time(_) | Value::Object(_) => 0.0,
    }
}

fn fold(first: i64, values: &[Value], operation: fn(i64, i64) -> i64) -> FunctionResult {
    Ok(Value::int64(values.iter().map(to_integer).fold(first, operation)))
}

fn divide(call: &Call<'_>, operation: fn(i64, i64) -> i64) -> FunctionResult {
    match to_integer(call.value(1)) {
        0 => Err(FunctionError::DivisionByZero),
        divisor => Ok(Value::int64(operation(to_integer(call.value(0)), divisor))),
    }
}

fn extreme(call: &Call<'_>, better: fn(f64, f64) -> bool) -> FunctionResult {
    let first = to_float(call.value(0));
    let best = call.rest(1).iter().map(to_float).fold(first, |best, value| {
        if best.is_nan() || value.is_nan() {
            f64::NAN
        } else if better(value, best) {
            value
        } else {
            best
        }
    });
    Ok(Value::Float(best))
}

/// Rounds to so many decimals; up from the fraction given, else from one half.
fn round(call: &Call<'_>) -> FunctionResult {
    let value = to_float(call.value(0));
    #[expect(clippy::cast_precision_loss, reason = "a number of decimals is small")]
    let power = 10.0_f64.powf(call.int(1)? as f64);
    let threshold = if call.rest(2).is_empty() { 0.5 } else { call.float(2)? };
    let scaled = power * value;
    let rounded = if scaled.fract() >= threshold { scaled.ceil() } else { scaled.floor() };
    Ok(Value::Float(rounded / power))
}

fn octal_to_decimal(call: &Call<'_>) -> FunctionResult {
    let text = call.environment.printed(call.value(0))?;
    Ok(Value::int64(i64::from_str_radix(&text.to_str_lossy(), 8).unwrap_or(0)))
}

/// From `start` towards `stop`, which is left out; empty if the step leads away from it.
fn steps(environment: &Environment<'_>, start: i64, stop: i64, step: i64) -> Result<Vec<i64>, FunctionError> {
    let distance = i128::from(stop) - i128::from(start);
    let wide_step = i128::from(step);
    if distance == 0 || step == 0 || (distance < 0) != (step < 0) {
        return Ok(Vec::new());
    }
    let count = (distance.unsigned_abs()).div_ceil(wide_step.unsigned_abs());
    environment.check_elements(count)?;
    let mut values = Vec::new();
    let mut next = i128::from(start);
    while (step > 0 && next < i128::from(stop)) || (step < 0 && next > i128::from(stop)) {
        values.push(i64::try_from(next).unwrap_or(i64::MAX));
        next += wide_step;
    }
    Ok(values)
}

fn integers(values: Vec<i64>) -> FunctionResult {
    Ok(Value::List(List::with_element(ElementType::Int, values.into_iter().map(Value::int))))
}

/// As the command `seq`: last, or first and last, or first, step and last; the last one is included.
fn sequence(call: &Call<'_>) -> FunctionResult {
    let (start, step, end) = match call.arguments.len() {
        1 => (1, None, call.int(0)?),
        2 => (call.int(0)?, None, call.int(1)?),
        3 => (call.int(0)?, Some(call.int(1)?), call.int(2)?),
        _ => return Ok("".into()),
    };
    let direction = if end < start { -1 } else { 1 };
    if direction < 0 && step.is_some_and(|step| step > 0) {
        return Ok("".into());
    }
    let values = steps(call.environment, start, end.saturating_add(direction), step.unwrap_or(direction))?;
    let texts: Vec<String> = values.iter().map(i64::to_string).collect();
    Ok(texts.join(" ").into())
}
