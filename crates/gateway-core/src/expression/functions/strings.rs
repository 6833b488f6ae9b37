//! Text: the standard functions and the extension for strings. Positions count characters, not bytes.

use super::{Function, Shape, Style, index, mismatch, to};
use crate::expression::{
    budget::Budget,
    error::ExpressionErrorCause as Cause,
    value::{List, Value},
};
use Shape::{Bool, Int, List as ListOf, String};

const fn receiver(name: &'static str, overloads: &'static [super::Overload], run: super::Run) -> Function {
    Function { name, style: Style::Receiver, overloads, run }
}

pub(super) const FUNCTIONS: &[Function] = &[
    receiver("contains", &[to(Bool, &[String, String])], contains),
    receiver("startsWith", &[to(Bool, &[String, String])], starts_with),
    receiver("endsWith", &[to(Bool, &[String, String])], ends_with),
    receiver("charAt", &[to(String, &[String, Int])], char_at),
    receiver("indexOf", &[to(Int, &[String, String]), to(Int, &[String, String, Int])], index_of),
    receiver("lastIndexOf", &[to(Int, &[String, String]), to(Int, &[String, String, Int])], last_index_of),
    receiver("join", &[to(String, &[ListOf(&String)]), to(String, &[ListOf(&String), String])], join),
    receiver("lowerAscii", &[to(String, &[String])], lower),
    receiver("upperAscii", &[to(String, &[String])], upper),
    receiver(
        "replace",
        &[to(String, &[String, String, String]), to(String, &[String, String, String, Int])],
        replace,
    ),
    receiver(
        "split",
        &[to(ListOf(&String), &[String, String]), to(ListOf(&String), &[String, String, Int])],
        split,
    ),
    receiver("substring", &[to(String, &[String, Int]), to(String, &[String, Int, Int])], substring),
    receiver("trim", &[to(String, &[String])], trim),
    Function { name: "strings.quote", style: Style::Global, overloads: &[to(String, &[String])], run: quote },
];

fn contains<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Result<Value<'a>, Cause> {
    match arguments {
        [Value::String(text), Value::String(part)] => {
            budget.charge_text(text.len())?;
            Ok(Value::Bool(text.contains(&**part)))
        }
        _ => Err(mismatch("contains", arguments)),
    }
}

fn starts_with<'a>(arguments: &[Value<'a>], _: &mut Budget) -> Result<Value<'a>, Cause> {
    match arguments {
        [Value::String(text), Value::String(part)] => Ok(Value::Bool(text.starts_with(&**part))),
        _ => Err(mismatch("startsWith", arguments)),
    }
}

fn ends_with<'a>(arguments: &[Value<'a>], _: &mut Budget) -> Result<Value<'a>, Cause> {
    match arguments {
        [Value::String(text), Value::String(part)] => Ok(Value::Bool(text.ends_with(&**part))),
        _ => Err(mismatch("endsWith", arguments)),
    }
}

fn char_at<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Result<Value<'a>, Cause> {
    let [Value::String(text), position] = arguments else { return Err(mismatch("charAt", arguments)) };
    budget.charge_text(text.len())?;
    let position = position_in(text, position).ok_or_else(|| mismatch("charAt", arguments))??;
    let character = text.get(position..).and_then(|rest| rest.chars().next());
    Ok(Value::from(character.map(std::string::String::from).unwrap_or_default()))
}

/// The byte at which the character at a position starts; the end of the text is a position too. `None` for a value that is
/// no index.
fn position_in(text: &str, position: &Value<'_>) -> Option<Result<usize, Cause>> {
    let position = index(position)?;
    let found = usize::try_from(position)
        .ok()
        .and_then(|position| text.char_indices().map(|(byte, _)| byte).chain([text.len()]).nth(position));
    Some(found.ok_or(Cause::OutOfRange))
}

fn characters_before(text: &str, byte: usize) -> Result<Value<'static>, Cause> {
    let before = text.get(..byte).unwrap_or_default().chars().count();
    i64::try_from(before).map(Value::Int).map_err(|_| Cause::Overflow)
}

fn index_of<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Result<Value<'a>, Cause> {
    let (text, part, start) = match arguments {
        [Value::String(text), Value::String(part)] => (text, part, 0),
        [Value::String(text), Value::String(part), start] => {
            (text, part, position_in(text, start).ok_or_else(|| mismatch("indexOf", arguments))??)
        }
        _ => return Err(mismatch("indexOf", arguments)),
    };
    budget.charge_text(text.len())?;
    match text.get(start..).and_then(|rest| rest.find(&**part)) {
        Some(found) => characters_before(text, start + found),
        None => Ok(Value::Int(-1)),
    }
}

fn last_index_of<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Result<Value<'a>, Cause> {
    let (text, part, last) = match arguments {
        [Value::String(text), Value::String(part)] => (text, part, text.len()),
        [Value::String(text), Value::String(part), last] => {
            (text, part, position_in(text, last).ok_or_else(|| mismatch("lastIndexOf", arguments))??)
        }
        _ => return Err(mismatch("lastIndexOf", arguments)),
    };
    budget.charge_text(text.len())?;
    // The part may start at `last`, so the text that is searched ends where it would end there.
    let mut end = (last + part.len()).min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    match text.get(..end).and_then(|before| before.rfind(&**part)).filter(|found| *found <= last) {
        Some(found) => characters_before(text, found),
        None => Ok(Value::Int(-1)),
    }
}

fn join<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Result<Value<'a>, Cause> {
    let (list, separator) = match arguments {
        [Value::List(list)] => (list, ""),
        [Value::List(list), Value::String(separator)] => (list, &**separator),
        _ => return Err(mismatch("join", arguments)),
    };
    let mut joined = std::string::String::new();
    for (position, item) in list.iter().enumerate() {
        let Value::String(text) = item else { return Err(mismatch("join", &[item])) };
        budget.charge_text(text.len() + separator.len())?;
        if position > 0 {
            joined.push_str(separator);
        }
        joined.push_str(&text);
    }
    Ok(Value::from(joined))
}

fn lower<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Result<Value<'a>, Cause> {
    match arguments {
        [Value::String(text)] => {
            budget.charge_text(text.len())?;
            Ok(Value::from(text.to_ascii_lowercase()))
        }
        _ => Err(mismatch("lowerAscii", arguments)),
    }
}

fn upper<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Result<Value<'a>, Cause> {
    match arguments {
        [Value::String(text)] => {
            budget.charge_text(text.len())?;
            Ok(Value::from(text.to_ascii_uppercase()))
        }
        _ => Err(mismatch("upperAscii", arguments)),
    }
}

fn replace<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Result<Value<'a>, Cause> {
    let (text, part, new, limit) = match arguments {
        [Value::String(text), Value::String(part), Value::String(new)] => (text, part, new, -1),
        [Value::String(text), Value::String(part), Value::String(new), limit] => {
            (text, part, new, index(limit).ok_or_else(|| mismatch("replace", arguments))?)
        }
        _ => return Err(mismatch("replace", arguments)),
    };
    budget.charge_text(text.len())?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let found = text.matches(&**part).take(limit).count();
    budget.charge_text(found.saturating_mul(new.len()))?;
    Ok(Value::from(text.replacen(&**part, new, limit)))
}

/// As in Go: an empty separator splits into characters; a limit of 0 gives nothing, a negative one is none.
fn split<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Result<Value<'a>, Cause> {
    let (text, separator, limit) = match arguments {
        [Value::String(text), Value::String(separator)] => (text, separator, -1),
        [Value::String(text), Value::String(separator), limit] => {
            (text, separator, index(limit).ok_or_else(|| mismatch("split", arguments))?)
        }
        _ => return Err(mismatch("split", arguments)),
    };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let (text, separator): (&str, &str) = (text, separator);
    budget.charge(1 + text.len() / 16 + text.matches(separator).take(limit).count())?;
    let part = |part: &str| Value::from(part.to_owned());
    let parts: List<'_> = if limit == 0 {
        Value::list([])
    } else if separator.is_empty() {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next().filter(|_| parts.len() + 1 < limit) {
            let (before, behind) = rest.split_at(first.len_utf8());
            parts.push(part(before));
            rest = behind;
        }
        if !rest.is_empty() {
            parts.push(part(rest));
        }
        Value::list(parts)
    } else {
        Value::list(text.splitn(limit, separator).map(part))
    };
    Ok(Value::List(parts))
}

fn substring<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Result<Value<'a>, Cause> {
    let (text, start, end) = match arguments {
        [Value::String(text), start] => (text, start, None),
        [Value::String(text), start, end] => (text, start, Some(end)),
        _ => return Err(mismatch("substring", arguments)),
    };
    budget.charge_text(text.len())?;
    let position =
        |position: &Value<'_>| position_in(text, position).ok_or_else(|| mismatch("substring", arguments))?;
    let start = position(start)?;
    let end = end.map_or(Ok(text.len()), position)?;
    text.get(start..end).map(|part| Value::from(part.to_owned())).ok_or(Cause::OutOfRange)
}

fn trim<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Result<Value<'a>, Cause> {
    match arguments {
        [Value::String(text)] => {
            budget.charge_text(text.len())?;
            Ok(Value::from(text.trim().to_owned()))
        }
        _ => Err(mismatch("trim", arguments)),
    }
}

fn quote<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Result<Value<'a>, Cause> {
    let [Value::String(text)] = arguments else { return Err(mismatch("strings.quote", arguments)) };
    budget.charge_text(text.len())?;
    let mut quoted = std::string::String::from("\"");
    for character in text.chars() {
        match character {
            '\x07' => quoted.push_str("\\a"),
            '\x08' => quoted.push_str("\\b"),
            '\x0c' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\x0b' => quoted.push_str("\\v"),
            '\\' => quoted.push_str("\\\\"),
            '"' => quoted.push_str("\\\""),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    Ok(Value::from(quoted))
}
