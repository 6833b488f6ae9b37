//! `eq`, `ne`, `lt`, `le`, `gt`, `ge`: only values of one basic kind can be compared.

use std::{cmp::Ordering, sync::Arc};

use crate::{
    error::FunctionError,
    functions::{Function, FunctionResult, Parameter::Any},
    value::Value,
};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::variadic("eq", &[Any], Any, |call| equals_any(call.value(0), call.rest(1))),
    Function::new("ne", &[Any, Any], |call| {
        equal(call.value(0), call.value(1)).map(|equal| Value::Bool(!equal))
    }),
    Function::new("lt", &[Any, Any], |call| {
        order(call.value(0), call.value(1)).map(|order| truth(order, Ordering::is_lt))
    }),
    Function::new("le", &[Any, Any], |call| {
        order(call.value(0), call.value(1)).map(|order| truth(order, Ordering::is_le))
    }),
    // Go defines these two as the opposite of `le` and `lt`, which matters for NaN.
    Function::new("gt", &[Any, Any], |call| {
        order(call.value(0), call.value(1)).map(|order| not(truth(order, Ordering::is_le)))
    }),
    Function::new("ge", &[Any, Any], |call| {
        order(call.value(0), call.value(1)).map(|order| not(truth(order, Ordering::is_lt)))
    }),
];

fn truth(order: Option<Ordering>, holds: fn(Ordering) -> bool) -> Value {
    Value::Bool(order.is_some_and(holds))
}

fn not(value: Value) -> Value {
    Value::Bool(!value.is_true())
}

fn equals_any(left: &Value, alternatives: &[Value]) -> FunctionResult {
    if alternatives.is_empty() {
        return Err(FunctionError::ArgumentCount { expected: 2, given: 1 });
    }
    for alternative in alternatives {
        if equal(left, alternative)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

fn incomparable(left: &Value, right: &Value) -> FunctionError {
    FunctionError::NotComparable { left: left.type_name(), right: right.type_name() }
}

fn equal(left: &Value, right: &Value) -> Result<bool, FunctionError> {
    match (left, right) {
        (Value::Nil, Value::Nil) => Ok(true),
        (Value::Nil, _) | (_, Value::Nil) => Ok(false),
        (Value::Bool(left), Value::Bool(right)) => Ok(left == right),
        (Value::Int(left), Value::Int(right)) => Ok(left.value == right.value),
        (Value::Float(left), Value::Float(right)) => Ok(left == right),
        (Value::String(left), Value::String(right)) => Ok(left == right),
        (Value::Time(left), Value::Time(right)) => Ok(left == right),
        (Value::Object(left_object), Value::Object(right_object)) => {
            let map = left_object.entries().is_some() || right_object.entries().is_some();
            if map { Err(incomparable(left, right)) } else { Ok(Arc::ptr_eq(left_object, right_object)) }
        }
        (
            Value::Bool(_)
            | Value::Int(_)
            | Value::Float(_)
            | Value::String(_)
            | Value::Time(_)
            | Value::Object(_)
            | Value::List(_)
            | Value::Map(_),
            _,
        ) => Err(incomparable(left, right)),
    }
}

fn order(left: &Value, right: &Value) -> Result<Option<Ordering>, FunctionError> {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => Ok(Some(left.value.cmp(&right.value))),
        (Value::Float(left), Value::Float(right)) => Ok(left.partial_cmp(right)),
        (Value::String(left), Value::String(right)) => Ok(Some(left.cmp(right))),
        (
            Value::Nil
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Float(_)
            | Value::String(_)
            | Value::List(_)
            | Value::Map(_)
            | Value::Time(_)
            | Value::Object(_),
            _,
        ) => Err(incomparable(left, right)),
    }
}
