//! Texts: trimming, cutting, joining, replacing. Lengths and positions count bytes, as in Go.

use std::collections::BTreeSet;

use crate::{
    error::FunctionError,
    functions::{
        Call, Environment, Function, FunctionResult,
        Parameter::{Any, Int, Text},
    },
    list::List,
    map::Map,
    text::{self, Occurrences, first_char},
    value::Value,
};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("trim", &[Text], |call| Ok(call.str(0)?.trim_matches(is_space).into())),
    Function::new("trimAll", &[Text, Text], trim_all),
    Function::new("trimall", &[Text, Text], trim_all),
    Function::new("trimPrefix", &[Text, Text], |call| {
        let (prefix, text) = (call.bytes(0)?, call.bytes(1)?);
        Ok(Value::String(text.strip_prefix(prefix).unwrap_or(text).into()))
    }),
    Function::new("trimSuffix", &[Text, Text], |call| {
        let (suffix, text) = (call.bytes(0)?, call.bytes(1)?);
        Ok(Value::String(text.strip_suffix(suffix).unwrap_or(text).into()))
    }),
    Function::new("nospace", &[Text], without_spaces),
    Function::new("contains", &[Text, Text], |call| {
        Ok(Value::Bool(text::contains(call.bytes(1)?, call.bytes(0)?)))
    }),
    Function::new("hasPrefix", &[Text, Text], |call| {
        Ok(Value::Bool(call.bytes(1)?.starts_with(call.bytes(0)?)))
    }),
    Function::new("hasSuffix", &[Text, Text], |call| {
        Ok(Value::Bool(call.bytes(1)?.ends_with(call.bytes(0)?)))
    }),
    Function::new("replace", &[Text, Text, Text], replace),
    Function::new("repeat", &[Int, Text], repeat),
    Function::new("trunc", &[Int, Text], truncate),
    Function::new("substr", &[Int, Int, Text], substring),
    Function::new("split", &[Text, Text], |call| {
        Ok(numbered(text::split(call.bytes(1)?, call.bytes(0)?, None)))
    }),
    Function::new("splitn", &[Text, Int, Text], |call| {
        let limit = usize::try_from(call.int(1)?).ok();
        Ok(numbered(text::split(call.bytes(2)?, call.bytes(0)?, limit)))
    }),
    Function::new("splitList", &[Text, Text], |call| {
        Ok(Value::List(List::of_strings(text::split(call.bytes(1)?, call.bytes(0)?, None))))
    }),
    Function::new("join", &[Text, Any], join),
    Function::variadic("cat", &[], Any, concatenate),
    Function::new("toString", &[Any], |call| Ok(Value::String(call.environment.printed(call.value(0))?))),
    Function::new("toStrings", &[Any], |call| {
        Ok(Value::List(List::of_strings(texts_of(call, call.value(0))?)))
    }),
    Function::new("plural", &[Text, Text, Int], |call| {
        Ok(Value::String(call.text(usize::from(call.int(2)? != 1))?.clone()))
    }),
];

/// What counts as white space in Go.
pub(super) fn is_space(character: char) -> bool {
    character.is_whitespace()
}

fn trim_all(call: &Call<'_>) -> FunctionResult {
    let (cut, text) = (call.str(0)?, call.str(1)?);
    let cut: BTreeSet<char> = cut.chars().collect();
    Ok(text.trim_matches(|character| cut.contains(&character)).into())
}

/// Byte by byte, each taken as a character: what is not ASCII comes out as Latin-1, as in Go.
fn without_spaces(call: &Call<'_>) -> FunctionResult {
    let bytes = call.bytes(0)?;
    let kept: String =
        bytes.iter().map(|byte| char::from(*byte)).filter(|character| !is_space(*character)).collect();
    if kept.chars().count() == bytes.len() {
        return Ok(call.value(0).clone());
    }
    Ok(kept.into())
}

fn replace(call: &Call<'_>) -> FunctionResult {
    let (old, new, text) = (call.bytes(0)?, call.bytes(1)?, call.bytes(2)?);
    let mut output = call.environment.output();
    if old.is_empty() {
        let mut rest = text;
        output.push(new)?;
        while let Some((_, length)) = first_char(rest) {
            let (character, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
            output.push(character)?;
            output.push(new)?;
            rest = after;
        }
    } else {
        let mut start = 0;
        for position in Occurrences::new(text, old) {
            output.push(text.get(start..position).unwrap_or_default())?;
            output.push(new)?;
            start = position + old.len();
        }
        output.push(text.get(start..).unwrap_or_default())?;
    }
    Ok(Value::String(output.into_bytes().into()))
}

fn repeat(call: &Call<'_>) -> FunctionResult {
    let count = call.int(0)?;
    let count = u128::try_from(count)
        .map_err(|_| FunctionError::Refused("a text cannot be repeated less than 0 times"))?;
    let count = call.environment.check_elements(count)?;
    let mut output = call.environment.output();
    output.push_repeated(call.bytes(1)?, count)?;
    Ok(Value::String(output.into_bytes().into()))
}

/// The first so many bytes, or with a negative length the last.
fn truncate(call: &Call<'_>) -> FunctionResult {
    let (length, text) = (call.int(0)?, call.bytes(1)?);
    let wanted = usize::try_from(length.unsigned_abs()).unwrap_or(usize::MAX);
    let cut = if length < 0 {
        text.len().checked_sub(wanted).and_then(|start| text.get(start..))
    } else {
        text.get(..wanted)
    };
    Ok(Value::String(cut.unwrap_or(text).into()))
}

/// From `start` to `end`; a negative `start` means the beginning, a negative or too large `end` the end.
fn substring(call: &Call<'_>) -> FunctionResult {
    let (start, end, text) = (call.int(0)?, call.int(1)?, call.bytes(2)?);
    let end = usize::try_from(end).ok();
    let cut = match usize::try_from(start) {
        Err(_) => end.and_then(|end| text.get(..end)),
        Ok(start) => text.get(start..end.filter(|end| *end <= text.len()).unwrap_or(text.len())),
    };
    cut.map(|cut| Value::String(cut.into())).ok_or(FunctionError::OutOfRange)
}

/// Parts as a map with the keys `_0`, `_1` and so on.
fn numbered(parts: Vec<&[u8]>) -> Value {
    Value::Map(Map::of_strings(
        parts.into_iter().enumerate().map(|(index, part)| (format!("_{index}"), part)),
    ))
}

/// The items of a list as they print, null left out; anything else becomes a list of its own.
pub(super) fn texts_of(call: &Call<'_>, value: &Value) -> Result<Vec<crate::Text>, FunctionError> {
    match value {
        Value::Nil => Ok(Vec::new()),
        Value::List(list) => list
            .items()
            .iter()
            .filter(|item| !matches!(item, Value::Nil))
            .map(|item| call.environment.printed(item))
            .collect(),
        Value::Bool(_)
        | Value::Int(_)
        | Value::Float(_)
        | Value::String(_)
        | Value::Map(_)
        | Value::Time(_)
        | Value::Object(_) => Ok(vec![call.environment.printed(value)?]),
    }
}

fn join(call: &Call<'_>) -> FunctionResult {
    let separator = call.bytes(0)?;
    joined(call.environment, separator, &texts_of(call, call.value(1))?)
}

/// The arguments but null, with spaces between, trimmed only where the arguments are none.
fn concatenate(call: &Call<'_>) -> FunctionResult {
    let mut texts = Vec::new();
    for argument in call.arguments.iter().filter(|argument| !matches!(argument, Value::Nil)) {
        texts.push(call.environment.printed(argument)?);
    }
    joined(call.environment, b" ", &texts)
}

fn joined(environment: &Environment<'_>, separator: &[u8], texts: &[crate::Text]) -> FunctionResult {
    let mut output = environment.output();
    for (index, text) in texts.iter().enumerate() {
        if index > 0 {
            output.push(separator)?;
        }
        output.push(text.as_bytes())?;
    }
    Ok(Value::String(output.into_bytes().into()))
}
