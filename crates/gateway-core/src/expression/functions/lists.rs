//! Lists: the extension for lists, and heimdall's `last` and `at`. `sortBy` is a macro over [`SORT_BY_KEYS`].

use std::cmp::Ordering;

use super::{Function, Run, Shape, Style, index, mismatch, to};
use crate::expression::{
    budget::Budget,
    error::ExpressionErrorCause as Cause,
    value::{List, Value},
};
use Shape::{A, Dyn, Int, List as ListOf, String};

/// The most elements of `lists.range`.
const MAX_RANGE: i64 = 100_000;

const fn receiver(name: &'static str, overloads: &'static [super::Overload], run: Run) -> Function {
    Function { name, style: Style::Receiver, overloads, run }
}

pub(super) const FUNCTIONS: &[Function] = &[
    receiver("last", &[to(A, &[ListOf(&A)])], last),
    receiver("at", &[to(A, &[ListOf(&A), Int])], at),
    receiver("slice", &[to(ListOf(&A), &[ListOf(&A), Int, Int])], slice),
    receiver("flatten", &[to(ListOf(&Dyn), &[ListOf(&A)]), to(ListOf(&Dyn), &[ListOf(&A), Int])], flatten),
    receiver("distinct", &[to(ListOf(&A), &[ListOf(&A)])], distinct),
    receiver("reverse", &[to(ListOf(&A), &[ListOf(&A)]), to(String, &[String])], reverse),
    receiver("sort", &[to(ListOf(&A), &[ListOf(&A)])], sort),
    Function {
        name: "lists.range",
        style: Style::Global,
        overloads: &[to(ListOf(&Int), &[Int])],
        run: range,
    },
];

/// `list.sortBy(x, key)`: the list in the order of the keys, which come as the second argument.
pub(in crate::expression) const SORT_BY_KEYS: Run = sort_by_keys;

fn last<'a>(arguments: &[Value<'a>], _: &mut Budget) -> Result<Value<'a>, Cause> {
    match arguments {
        [Value::List(list)] => list.len().checked_sub(1).and_then(|last| list.get(last)).ok_or(Cause::Empty),
        _ => Err(mismatch("last", arguments)),
    }
}

/// Negative positions count from the end: -1 is the last element.
fn at<'a>(arguments: &[Value<'a>], _: &mut Budget) -> Result<Value<'a>, Cause> {
    match arguments {
        [Value::List(list), position] => {
            let position = index(position).ok_or_else(|| mismatch("at", arguments))?;
            let length = i64::try_from(list.len()).map_err(|_| Cause::OutOfRange)?;
            let from_start = if position < 0 { position.saturating_add(length) } else { position };
            usize::try_from(from_start).ok().and_then(|index| list.get(index)).ok_or(Cause::OutOfRange)
        }
        _ => Err(mismatch("at", arguments)),
    }
}

fn slice<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Result<Value<'a>, Cause> {
    let [Value::List(list), start, end] = arguments else { return Err(mismatch("slice", arguments)) };
    let position = |value: &Value<'_>| -> Result<usize, Cause> {
        let position = index(value).ok_or_else(|| mismatch("slice", arguments))?;
        usize::try_from(position).ok().filter(|position| *position <= list.len()).ok_or(Cause::OutOfRange)
    };
    let (start, end) = (position(start)?, position(end)?);
    let length = end.checked_sub(start).ok_or(Cause::OutOfRange)?;
    budget.charge(length)?;
    Ok(Value::List(Value::list(list.iter().skip(start).take(length))))
}

fn flatten<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Result<Value<'a>, Cause> {
    let (list, depth) = match arguments {
        [Value::List(list)] => (list, 1),
        [Value::List(list), depth] => (list, index(depth).ok_or_else(|| mismatch("flatten", arguments))?),
        _ => return Err(mismatch("flatten", arguments)),
    };
    let depth = usize::try_from(depth).map_err(|_| Cause::OutOfRange)?;
    let mut flat = Vec::new();
    flatten_into(list, depth, &mut flat, budget)?;
    Ok(Value::List(Value::list(flat)))
}

fn flatten_into<'a>(
    list: &List<'a>,
    depth: usize,
    flat: &mut Vec<Value<'a>>,
    budget: &mut Budget,
) -> Result<(), Cause> {
    budget.charge(list.len())?;
    for item in list.iter() {
        match (item, depth.checked_sub(1)) {
            (Value::List(inner), Some(depth)) => flatten_into(&inner, depth, flat, budget)?,
            (item, _) => flat.push(item),
        }
    }
    Ok(())
}

fn distinct<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Result<Value<'a>, Cause> {
    let [Value::List(list)] = arguments else { return Err(mismatch("distinct", arguments)) };
    let mut kept: Vec<Value<'a>> = Vec::new();
    for item in list.iter() {
        budget.charge((1 + kept.len()).saturating_mul(1 + item.weight()))?;
        if !kept.iter().any(|other| other.equals(&item)) {
            kept.push(item);
        }
    }
    Ok(Value::List(Value::list(kept)))
}

fn reverse<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Result<Value<'a>, Cause> {
    match arguments {
        [Value::List(list)] => {
            budget.charge(list.len())?;
            let mut items: Vec<_> = list.iter().collect();
            items.reverse();
            Ok(Value::List(Value::list(items)))
        }
        [Value::String(text)] => {
            budget.charge_text(text.len())?;
            Ok(Value::from(text.chars().rev().collect::<std::string::String>()))
        }
        _ => Err(mismatch("reverse", arguments)),
    }
}

fn sort<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Result<Value<'a>, Cause> {
    let [Value::List(list)] = arguments else { return Err(mismatch("sort", arguments)) };
    sort_by_keys(&[Value::List(list.clone()), Value::List(list.clone())], budget)
        .map_err(|error| renamed(error, "sort"))
}

fn sort_by_keys<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Result<Value<'a>, Cause> {
    let [Value::List(list), Value::List(keys)] = arguments else { return Err(mismatch("sortBy", arguments)) };
    let keys: Vec<_> = keys.iter().collect();
    // Elements are compared about as often as their number has binary digits.
    let weight: usize = keys.iter().map(|key| 1 + key.weight()).sum();
    budget.charge(weight.saturating_mul(1 + keys.len().checked_ilog2().unwrap_or(0) as usize))?;
    // A total order needs keys that compare with each other: all like the first one.
    if let Some(first) = keys.first()
        && let Some(odd) = keys.iter().find(|key| key.compare(first).is_none())
    {
        return Err(mismatch("sortBy", &[first.clone(), odd.clone()]));
    }
    let mut pairs: Vec<_> = keys.into_iter().zip(list.iter()).collect();
    pairs.sort_by(|(left, _), (right, _)| left.compare(right).unwrap_or(Ordering::Equal));
    Ok(Value::List(Value::list(pairs.into_iter().map(|(_, item)| item))))
}

fn renamed(error: Cause, function: &'static str) -> Cause {
    match error {
        Cause::NoOverload { types, .. } => Cause::NoOverload { function, types },
        other => other,
    }
}

fn range<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Result<Value<'a>, Cause> {
    let [Value::Int(end)] = arguments else { return Err(mismatch("lists.range", arguments)) };
    if *end > MAX_RANGE {
        return Err(Cause::OutOfRange);
    }
    budget.charge(usize::try_from(*end).unwrap_or(0))?;
    Ok(Value::List(Value::list((0..*end).map(Value::Int))))
}
