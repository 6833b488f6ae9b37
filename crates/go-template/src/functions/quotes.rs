//! `quote` and `squote`.

use crate::{
    error::FunctionError,
    functions::{Call, Function, FunctionResult, Parameter::Any},
    quoting,
    value::Value,
};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::variadic("quote", &[], Any, |call| {
        each(call, |call, value| {
            Ok(quoting::quote(call.environment.printed(value)?.as_bytes(), false).into_bytes())
        })
    }),
    Function::variadic("squote", &[], Any, |call| {
        each(call, |call, value| {
            let printed = call.environment.printed(value)?;
            Ok([b"'", printed.as_bytes(), b"'"].concat())
        })
    }),
];

/// Quotes every argument but null, with spaces between.
fn each(
    call: &Call<'_>,
    quoted: impl Fn(&Call<'_>, &Value) -> Result<Vec<u8>, FunctionError>,
) -> FunctionResult {
    let mut output = call.environment.output();
    let given = call.arguments.iter().filter(|argument| !matches!(argument, Value::Nil));
    for (index, argument) in given.enumerate() {
        if index > 0 {
            output.push(b" ")?;
        }
        output.push(&quoted(call, argument)?)?;
    }
    Ok(Value::String(output.into_bytes().into()))
}
