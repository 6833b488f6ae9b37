//! JSON. The forms without `must` hide errors: `fromJson` of rubbish is null, `toJson` of what has no JSON form is empty.

use crate::{
    error::FunctionError,
    functions::{
        Call, Function, FunctionResult,
        Parameter::{Any, Text},
    },
    json::{self, Style},
    limits::MAX_WALK_DEPTH,
    map::Map,
    value::Value,
};

const PLAIN: Style = Style { pretty: false, escapes_markup: true };
const PRETTY: Style = Style { pretty: true, escapes_markup: true };
const RAW: Style = Style { pretty: false, escapes_markup: false };

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("toJson", &[Any], |call| encode(call, PLAIN).or_else(hidden)),
    Function::new("mustToJson", &[Any], |call| encode(call, PLAIN)),
    Function::new("toPrettyJson", &[Any], |call| encode(call, PRETTY).or_else(hidden)),
    Function::new("mustToPrettyJson", &[Any], |call| encode(call, PRETTY)),
    Function::new("toRawJson", &[Any], |call| encode(call, RAW)),
    Function::new("mustToRawJson", &[Any], |call| encode(call, RAW)),
    Function::new("fromJson", &[Text], |call| Ok(decode(call)?.unwrap_or(Value::Nil))),
    Function::new("mustFromJson", &[Text], |call| {
        decode(call)?.ok_or(FunctionError::Unreadable { what: "JSON" })
    }),
];

fn encode(call: &Call<'_>, style: Style) -> FunctionResult {
    let mut output = call.environment.output();
    json::write(&mut output, call.value(0), style, &call.environment.steps)?;
    Ok(Value::String(output.into_bytes().into()))
}

/// Only what Go hides is hidden; limits still fail.
fn hidden(error: FunctionError) -> FunctionResult {
    if error == FunctionError::NoJsonForm { Ok("".into()) } else { Err(error) }
}

fn decode(call: &Call<'_>) -> Result<Option<Value>, FunctionError> {
    let parsed: Option<serde_json::Value> = serde_json::from_slice(call.bytes(0)?).ok();
    // A copy that `set` can change, as a map of the template's own.
    parsed.map(|parsed| Map::thaw(&Value::from(parsed), MAX_WALK_DEPTH)).transpose()
}
