//! `"%s has %d".format([a, b])` of the extension for strings.

use super::{
    Function, Shape, Style,
    conversions::{scalar_text, whole},
    double_text::with_go_exponent,
    mismatch, to,
};
use crate::expression::{
    budget::Budget,
    error::ExpressionErrorCause as Cause,
    value::{List, Map, Value},
};
use Shape::{Dyn, List as ListOf, String};

/// Digits behind the point unless the clause says otherwise.
const PRECISION: usize = 6;
/// The most digits behind the point.
const MAX_PRECISION: usize = 100;

pub(super) const FUNCTIONS: &[Function] = &[Function {
    name: "format",
    style: Style::Receiver,
    overloads: &[to(String, &[String, ListOf(&Dyn)])],
    run: format,
}];

fn format<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Result<Value<'a>, Cause> {
    let [Value::String(pattern), Value::List(values)] = arguments else {
        return Err(mismatch("format", arguments));
    };
    budget.charge_text(pattern.len())?;
    let mut values = values.iter();
    let mut text = std::string::String::new();
    let mut rest: &str = pattern;
    while let Some((before, behind)) = rest.split_once('%') {
        text.push_str(before);
        if let Some(behind) = behind.strip_prefix('%') {
            text.push('%');
            rest = behind;
            continue;
        }
        let (precision, behind) = precision(behind)?;
        let clause = behind.chars().next().ok_or(Cause::Unreadable { wanted: "format clause" })?;
        let value = values.next().ok_or(Cause::OutOfRange)?;
        budget.charge(1 + value.weight())?;
        text.push_str(&formatted(clause, precision, &value)?);
        rest = behind.get(clause.len_utf8()..).unwrap_or_default();
    }
    text.push_str(rest);
    Ok(Value::from(text))
}

fn precision(text: &str) -> Result<(usize, &str), Cause> {
    let Some(behind) = text.strip_prefix('.') else { return Ok((PRECISION, text)) };
    let length = behind.find(|next: char| !next.is_ascii_digit()).unwrap_or(behind.len());
    let (digits, behind) = behind.split_at_checked(length).unwrap_or((behind, ""));
    let precision = digits.parse().ok().filter(|precision| *precision <= MAX_PRECISION);
    Ok((precision.ok_or(Cause::Unreadable { wanted: "format clause" })?, behind))
}

fn formatted(clause: char, precision: usize, value: &Value<'_>) -> Result<std::string::String, Cause> {
    let wrong = || mismatch("format", std::slice::from_ref(value));
    match (clause, value) {
        ('s', value) => Ok(shown(value)),
        ('d', Value::Int(number)) => Ok(number.to_string()),
        ('d', Value::Uint(number)) => Ok(number.to_string()),
        ('d', Value::Double(number)) => whole(*number).map(|number| number.to_string()).ok_or_else(wrong),
        ('f', value) => Ok(std::format!("{:.precision$}", number(value).ok_or_else(wrong)?)),
        ('e', value) => {
            Ok(with_go_exponent(&std::format!("{:.precision$e}", number(value).ok_or_else(wrong)?)))
        }
        ('b', Value::Bool(value)) => Ok(if *value { "1" } else { "0" }.to_owned()),
        ('b' | 'o' | 'x' | 'X', Value::Int(number)) => {
            let sign = if *number < 0 { "-" } else { "" };
            Ok(std::format!("{sign}{}", digits(clause, number.unsigned_abs())))
        }
        ('b' | 'o' | 'x' | 'X', Value::Uint(number)) => Ok(digits(clause, *number)),
        ('x', Value::String(text)) => Ok(hexadecimal(text.as_bytes())),
        ('X', Value::String(text)) => Ok(hexadecimal(text.as_bytes()).to_uppercase()),
        ('x', Value::Bytes(bytes)) => Ok(hexadecimal(bytes)),
        ('X', Value::Bytes(bytes)) => Ok(hexadecimal(bytes).to_uppercase()),
        ('d' | 'b' | 'o' | 'x' | 'X', _) => Err(wrong()),
        _ => Err(Cause::Unreadable { wanted: "format clause" }),
    }
}

#[expect(clippy::cast_precision_loss, reason = "it is shown as a decimal fraction")]
fn number(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Double(number) => Some(*number),
        Value::Int(number) => Some(*number as f64),
        Value::Uint(number) => Some(*number as f64),
        _ => None,
    }
}

fn digits(clause: char, number: u64) -> std::string::String {
    match clause {
        'b' => std::format!("{number:b}"),
        'o' => std::format!("{number:o}"),
        'X' => std::format!("{number:X}"),
        _ => std::format!("{number:x}"),
    }
}

fn hexadecimal(bytes: &[u8]) -> std::string::String {
    bytes.iter().map(|byte| std::format!("{byte:02x}")).collect()
}

/// A value as `%s` shows it.
fn shown(value: &Value<'_>) -> std::string::String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Type(name) => (*name).to_owned(),
        Value::Bytes(bytes) => std::string::String::from_utf8_lossy(bytes).into_owned(),
        Value::List(list) => std::format!("[{}]", items(list).join(", ")),
        Value::Map(map) => std::format!("{{{}}}", entries(map).join(", ")),
        other => scalar_text(other).unwrap_or_else(|| other.type_name().to_owned()),
    }
}

fn items(list: &List<'_>) -> Vec<std::string::String> {
    list.iter().map(|item| shown(&item)).collect()
}

/// In order of the keys' texts.
fn entries(map: &Map<'_>) -> Vec<std::string::String> {
    let mut entries: Vec<_> =
        map.entries().iter().map(|(key, value)| std::format!("{}: {}", shown(key), shown(value))).collect();
    entries.sort();
    entries
}
