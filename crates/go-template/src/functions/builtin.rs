//! The functions of the language itself, except comparisons, and those for the gateway's templates.

use crate::{
    error::FunctionError,
    functions::{
        Body, Call, Function, FunctionResult,
        Parameter::{Any, Int, Text},
        SECRET, wrong_type,
    },
    print, printf, quoting,
    text::first_char,
    url,
    value::Value,
};

pub(super) const FUNCTIONS: &[Function] = &[
    Function { name: "and", parameters: &[Any], rest: Some(Any), body: Body::FirstFalse },
    Function { name: "or", parameters: &[Any], rest: Some(Any), body: Body::FirstTrue },
    Function::new("not", &[Any], |call| Ok(Value::Bool(!call.value(0).is_true()))),
    Function::new("len", &[Any], length),
    Function::variadic("index", &[Any], Any, index),
    Function::variadic("call", &[Any], Any, |call| Err(wrong_type("a function", call.value(0)))),
    Function::variadic("print", &[], Any, print_all),
    Function::variadic("println", &[], Any, print_line),
    Function::variadic("printf", &[Text], Any, print_formatted),
    Function::variadic("html", &[], Any, html),
    Function::variadic("js", &[], Any, javascript),
    Function::variadic("urlquery", &[], Any, |call| Ok(url::escape_query(&escapable(call)?).into())),
    Function::new("urlenc", &[Any], encode_for_query),
    Function::new("atIndex", &[Int, Any], at_index),
    Function::new(SECRET, &[Text, Text], |_| {
        Err(FunctionError::Refused("the source and the selector of a secret must be string literals"))
    }),
    Function::new("hello", &[], |_| Ok("Hello!".into())),
];

fn length(call: &Call<'_>) -> FunctionResult {
    let value = call.value(0);
    let length = match value {
        Value::String(text) => text.len(),
        Value::List(list) => list.items().len(),
        other => match other.as_map() {
            Some(map) => map.len(),
            None => return Err(wrong_type("a string, list or map", other)),
        },
    };
    Ok(Value::int(i64::try_from(length).unwrap_or(i64::MAX)))
}

fn index(call: &Call<'_>) -> FunctionResult {
    let mut value = call.value(0).clone();
    if matches!(value, Value::Nil) {
        return Err(wrong_type("a list, map or string", &value));
    }
    for key in call.rest(1) {
        value = match &value {
            Value::String(text) => {
                let byte = *text.as_bytes().get(position(key)?).ok_or(FunctionError::OutOfRange)?;
                Value::Int(crate::Integer { value: byte.into(), kind: crate::IntegerKind::Uint8 })
            }
            Value::List(list) => {
                list.items().get(position(key)?).cloned().ok_or(FunctionError::OutOfRange)?
            }
            other => {
                let Some(map) = other.as_map() else {
                    return Err(wrong_type("a list, map or string", other));
                };
                let Value::String(key) = key else { return Err(wrong_type("string", key)) };
                map.get(key.as_bytes()).unwrap_or_else(|| map.element().zero())
            }
        };
    }
    Ok(value)
}

/// An index into a list: an integer, not a float.
fn position(key: &Value) -> Result<usize, FunctionError> {
    match key {
        Value::Int(integer) => usize::try_from(integer.value).map_err(|_| FunctionError::OutOfRange),
        other => Err(wrong_type("an integer", other)),
    }
}

/// From the front, or with a negative position from the end.
fn at_index(call: &Call<'_>) -> FunctionResult {
    let position = call.int(0)?;
    let Value::List(list) = call.value(1) else { return Err(wrong_type("a list", call.value(1))) };
    let items = list.items();
    if items.is_empty() {
        return Ok(Value::Nil);
    }
    let index = if position < 0 {
        usize::try_from(position.unsigned_abs()).ok().and_then(|back| items.len().checked_sub(back))
    } else {
        usize::try_from(position).ok()
    };
    index.and_then(|index| items.get(index)).cloned().ok_or(FunctionError::OutOfRange)
}

fn print_all(call: &Call<'_>) -> FunctionResult {
    let mut output = call.environment.output();
    print::write_all(&mut output, call.arguments, &call.environment.steps)?;
    Ok(Value::String(output.into_bytes().into()))
}

fn print_line(call: &Call<'_>) -> FunctionResult {
    let mut output = call.environment.output();
    print::write_line(&mut output, call.arguments, &call.environment.steps)?;
    Ok(Value::String(output.into_bytes().into()))
}

fn print_formatted(call: &Call<'_>) -> FunctionResult {
    let mut output = call.environment.output();
    printf::write_formatted(&mut output, call.bytes(0)?, call.rest(1), &call.environment.steps)?;
    Ok(Value::String(output.into_bytes().into()))
}

/// The text that `html`, `js` and `urlquery` escape: the arguments printed, null as a missing value.
fn escapable(call: &Call<'_>) -> Result<Vec<u8>, FunctionError> {
    let arguments: Vec<Value> = call
        .arguments
        .iter()
        .map(
            |argument| if matches!(argument, Value::Nil) { print::NO_VALUE.into() } else { argument.clone() },
        )
        .collect();
    let mut output = call.environment.output();
    print::write_all(&mut output, &arguments, &call.environment.steps)?;
    Ok(output.into_bytes())
}

fn html(call: &Call<'_>) -> FunctionResult {
    let text = escapable(call)?;
    let mut output = call.environment.output();
    for byte in &text {
        match byte {
            b'<' => output.push(b"&lt;")?,
            b'>' => output.push(b"&gt;")?,
            b'&' => output.push(b"&amp;")?,
            b'\'' => output.push(b"&#39;")?,
            b'"' => output.push(b"&#34;")?,
            0 => output.push("\u{fffd}".as_bytes())?,
            _ => output.push(&[*byte])?,
        }
    }
    Ok(Value::String(output.into_bytes().into()))
}

fn javascript(call: &Call<'_>) -> FunctionResult {
    let text = escapable(call)?;
    let mut output = call.environment.output();
    let mut rest = text.as_slice();
    while let Some((character, length)) = first_char(rest) {
        let (unit, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        rest = after;
        match character {
            '\\' => output.push(b"\\\\")?,
            '\'' => output.push(b"\\'")?,
            '"' => output.push(b"\\\"")?,
            '<' | '>' | '&' | '=' | '\0'..=' ' if character != ' ' => {
                output.push_str(&format!("\\u{:04X}", u32::from(character)))?;
            }
            _ if character.is_ascii() || quoting::is_printable(character) => output.push(unit)?,
            _ => output.push_str(&format!("\\u{:04X}", u32::from(character)))?,
        }
    }
    Ok(Value::String(output.into_bytes().into()))
}

/// Query escaping of a string or of an object with a text form; nothing for everything else.
fn encode_for_query(call: &Call<'_>) -> FunctionResult {
    Ok(match call.value(0) {
        Value::String(text) => url::escape_query(text.as_bytes()).into(),
        Value::Time(time) => url::escape_query(time.to_text().as_bytes()).into(),
        Value::Object(object) => url::escape_query(object.to_text().unwrap_or_default().as_bytes()).into(),
        Value::Nil | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::List(_) | Value::Map(_) => {
            "".into()
        }
    })
}
