//! `default`, `empty`, `coalesce` and their like.

use crate::{
    error::FunctionError,
    functions::{
        Call, Function, FunctionResult,
        Parameter::{Any, Bool, Text},
    },
    value::Value,
};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::variadic("default", &[Any], Any, default),
    Function::new("empty", &[Any], |call| Ok(Value::Bool(is_empty(call.value(0))))),
    Function::variadic("coalesce", &[], Any, |call| {
        Ok(call.arguments.iter().find(|value| !is_empty(value)).cloned().unwrap_or(Value::Nil))
    }),
    Function::new("ternary", &[Any, Any, Bool], |call| {
        Ok(call.value(if call.bool(2)? { 0 } else { 1 }).clone())
    }),
    Function::variadic("all", &[], Any, |call| Ok(Value::Bool(!call.arguments.iter().any(is_empty)))),
    Function::variadic("any", &[], Any, |call| Ok(Value::Bool(!call.arguments.iter().all(is_empty)))),
    Function::new("fail", &[Text], |_| Err(FunctionError::Failed)),
];

fn default(call: &Call<'_>) -> FunctionResult {
    let given = call.value(1);
    Ok(if is_empty(given) { call.value(0) } else { given }.clone())
}

/// What counts as not given: what is false for `if`.
pub(super) fn is_empty(value: &Value) -> bool {
    !value.is_true()
}
