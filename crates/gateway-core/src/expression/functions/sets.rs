//! The extension for sets: lists without regard to order and repetition.

use super::{Function, Shape, Style, mismatch, to};
use crate::expression::{
    budget::Budget,
    error::ExpressionErrorCause as Cause,
    value::{List, Value},
};
use Shape::{A, Bool, List as ListOf};

const OVERLOADS: &[super::Overload] = &[to(Bool, &[ListOf(&A), ListOf(&A)])];

const fn global(name: &'static str, run: super::Run) -> Function {
    Function { name, style: Style::Global, overloads: OVERLOADS, run }
}

pub(super) const FUNCTIONS: &[Function] = &[
    global("sets.contains", contains),
    global("sets.equivalent", equivalent),
    global("sets.intersects", intersects),
];

fn contains<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Result<Value<'a>, Cause> {
    match arguments {
        [Value::List(list), Value::List(sublist)] => has_all(list, sublist, budget).map(Value::Bool),
        _ => Err(mismatch("sets.contains", arguments)),
    }
}

fn equivalent<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Result<Value<'a>, Cause> {
    match arguments {
        [Value::List(left), Value::List(right)] => {
            Ok(Value::Bool(has_all(left, right, budget)? && has_all(right, left, budget)?))
        }
        _ => Err(mismatch("sets.equivalent", arguments)),
    }
}

fn intersects<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Result<Value<'a>, Cause> {
    match arguments {
        [Value::List(left), Value::List(right)] => {
            for item in left.iter() {
                if has(right, &item, budget)? {
                    return Ok(Value::Bool(true));
                }
            }
            Ok(Value::Bool(false))
        }
        _ => Err(mismatch("sets.intersects", arguments)),
    }
}

fn has_all(list: &List<'_>, sublist: &List<'_>, budget: &mut Budget) -> Result<bool, Cause> {
    for item in sublist.iter() {
        if !has(list, &item, budget)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn has(list: &List<'_>, item: &Value<'_>, budget: &mut Budget) -> Result<bool, Cause> {
    budget.charge(list.len().saturating_mul(1 + item.weight()))?;
    Ok(list.iter().any(|other| other.equals(item)))
}
