//! Layout of text: indenting, wrapping, abbreviating. Widths count bytes, as in Go.

use crate::{
    error::FunctionError,
    functions::{
        Call, Function, FunctionResult,
        Parameter::{Int, Text},
    },
    value::Value,
};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("indent", &[Int, Text], |call| indent(call, b"")),
    Function::new("nindent", &[Int, Text], |call| indent(call, b"\n")),
    Function::new("wrap", &[Int, Text], |call| wrap(call, call.bytes(1)?, b"\n", false)),
    Function::new("wrapWith", &[Int, Text, Text], |call| {
        let separator = call.bytes(1)?;
        wrap(call, call.bytes(2)?, if separator.is_empty() { b"\n" } else { separator }, true)
    }),
    Function::new("abbrev", &[Int, Text], |call| {
        let (width, text) = (call.int(0)?, call.bytes(1)?);
        Ok(abbreviated(text, 0, width))
    }),
    Function::new("abbrevboth", &[Int, Int, Text], |call| {
        let (offset, width, text) = (call.int(0)?, call.int(1)?, call.bytes(2)?);
        Ok(if offset > 0 && width < 7 {
            Value::String(text.into())
        } else {
            abbreviated(text, offset, width)
        })
    }),
];

fn indent(call: &Call<'_>, start: &[u8]) -> FunctionResult {
    let width = u128::try_from(call.int(0)?)
        .map_err(|_| FunctionError::Refused("a text cannot be indented by less than 0"))?;
    let width = call.environment.check_elements(width)?;
    let mut output = call.environment.output();
    output.push(start)?;
    for (index, line) in call.bytes(1)?.split(|byte| *byte == b'\n').enumerate() {
        if index > 0 {
            output.push(b"\n")?;
        }
        output.push_repeated(b" ", width)?;
        output.push(line)?;
    }
    Ok(Value::String(output.into_bytes().into()))
}

/// Breaks lines at spaces; words longer than a line are broken only if asked for.
fn wrap(call: &Call<'_>, text: &[u8], separator: &[u8], breaks_words: bool) -> FunctionResult {
    let width = usize::try_from(call.int(0)?).unwrap_or(1).max(1);
    let mut output = call.environment.output();
    let mut rest = text;
    while rest.len() > width {
        if let Some(after) = rest.strip_prefix(b" ") {
            rest = after;
            continue;
        }
        let line = rest.get(..=width).unwrap_or(rest);
        let last_space = line.iter().rposition(|byte| *byte == b' ');
        let (end, skipped) = match last_space {
            Some(space) => (space, 1),
            None if breaks_words => (width, 0),
            None => match rest.get(width..).and_then(|beyond| beyond.iter().position(|byte| *byte == b' ')) {
                Some(space) => (width + space, 1),
                None => break,
            },
        };
        output.push(rest.get(..end).unwrap_or_default())?;
        output.push(separator)?;
        rest = rest.get(end + skipped..).unwrap_or_default();
    }
    output.push(rest)?;
    Ok(Value::String(output.into_bytes().into()))
}

const DOTS: &[u8] = b"...";

/// At most `width` bytes of a text from about `offset` on, with dots for what is left out; unchanged for widths under 4.
fn abbreviated(text: &[u8], offset: i64, width: i64) -> Value {
    let width = usize::try_from(width).unwrap_or(0);
    let Some(room) = width.checked_sub(DOTS.len()).filter(|room| *room > 0 && text.len() > width) else {
        return Value::String(text.into());
    };
    let tail_start = text.len() - room;
    let offset = usize::try_from(offset).unwrap_or(0).min(tail_start);
    let parts = if offset <= 4 {
        vec![text.get(..room).unwrap_or_default(), DOTS]
    } else if offset + room < text.len() {
        // Both ends are left out.
        let room = room.saturating_sub(DOTS.len());
        vec![DOTS, text.get(offset..offset + room).unwrap_or_default(), DOTS]
    } else {
        vec![DOTS, text.get(tail_start..).unwrap_or_default()]
    };
    Value::String(parts.concat().into())
}
