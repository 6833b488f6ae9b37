//! Lists. No function changes a list: each gives a new one.

use crate::{
    error::FunctionError,
    functions::{
        Call, Function, FunctionResult,
        Parameter::{Any, Int},
        defaults::is_empty,
        numbers,
        strings::texts_of,
        wrong_type,
    },
    limits::check_nesting,
    list::List,
    value::{ElementType, Value},
};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::variadic("list", &[], Any, list),
    Function::variadic("tuple", &[], Any, list),
    Function::new("first", &[Any], |call| Ok(items(call.value(0))?.first().cloned().unwrap_or(Value::Nil))),
    Function::new("mustFirst", &[Any], |call| {
        Ok(items(call.value(0))?.first().cloned().unwrap_or(Value::Nil))
    }),
    Function::new("last", &[Any], |call| Ok(items(call.value(0))?.last().cloned().unwrap_or(Value::Nil))),
    Function::new("mustLast", &[Any], |call| Ok(items(call.value(0))?.last().cloned().unwrap_or(Value::Nil))),
    Function::new("rest", &[Any], rest),
    Function::new("mustRest", &[Any], rest),
    Function::new("initial", &[Any], initial),
    Function::new("mustInitial", &[Any], initial),
    Function::new("append", &[Any, Any], append),
    Function::new("mustAppend", &[Any, Any], append),
    Function::new("push", &[Any, Any], append),
    Function::new("mustPush", &[Any, Any], append),
    Function::new("prepend", &[Any, Any], prepend),
    Function::new("mustPrepend", &[Any, Any], prepend),
    Function::variadic("concat", &[], Any, concat),
    Function::new("reverse", &[Any], reverse),
    Function::new("mustReverse", &[Any], reverse),
    Function::new("uniq", &[Any], unique),
    Function::new("mustUniq", &[Any], unique),
    Function::variadic("without", &[Any], Any, without),
    Function::variadic("mustWithout", &[Any], Any, without),
    Function::new("compact", &[Any], compact),
    Function::new("mustCompact", &[Any], compact),
    Function::new("has", &[Any, Any], has),
    Function::new("mustHas", &[Any, Any], has),
    Function::variadic("slice", &[Any], Any, slice),
    Function::variadic("mustSlice", &[Any], Any, slice),
    Function::new("chunk", &[Int, Any], chunk),
    Function::new("mustChunk", &[Int, Any], chunk),
    Function::new("sortAlpha", &[Any], sort_alphabetically),
];

/// The items of a list; everything else, null included, is an error.
fn items(value: &Value) -> Result<&[Value], FunctionError> {
    match value {
        Value::List(list) => Ok(list.items()),
        other => Err(wrong_type("a list", other)),
    }
}

fn list_of(items: Vec<Value>) -> FunctionResult {
    Ok(Value::List(List::new(items)))
}

fn list(call: &Call<'_>) -> FunctionResult {
    for item in call.arguments {
        check_nesting(item, &call.environment.steps)?;
    }
    list_of(call.arguments.to_vec())
}

/// Go's nil list where there was nothing to leave out.
fn without_one(value: &Value, rest: fn(&[Value]) -> Option<&[Value]>) -> FunctionResult {
    match rest(items(value)?) {
        Some(rest) => list_of(rest.to_vec()),
        None => Ok(Value::List(List::null(ElementType::Any))),
    }
}

fn rest(call: &Call<'_>) -> FunctionResult {
    without_one(call.value(0), |items| items.split_first().map(|(_, rest)| rest))
}

fn initial(call: &Call<'_>) -> FunctionResult {
    without_one(call.value(0), |items| items.split_last().map(|(_, rest)| rest))
}

fn append(call: &Call<'_>) -> FunctionResult {
    let items = items(call.value(0))?;
    check_nesting(call.value(1), &call.environment.steps)?;
    list_of(items.iter().chain([call.value(1)]).cloned().collect())
}

fn prepend(call: &Call<'_>) -> FunctionResult {
    let items = items(call.value(0))?;
    check_nesting(call.value(1), &call.environment.steps)?;
    list_of([call.value(1)].into_iter().chain(items).cloned().collect())
}

fn concat(call: &Call<'_>) -> FunctionResult {
    let mut all = Vec::new();
    for argument in call.arguments {
        let items = items(argument)?;
        call.environment.check_elements(all.len() as u128 + items.len() as u128)?;
        all.extend_from_slice(items);
    }
    if all.is_empty() {
        return Ok(Value::List(List::null(ElementType::Any)));
    }
    list_of(all)
}

fn reverse(call: &Call<'_>) -> FunctionResult {
    list_of(items(call.value(0))?.iter().rev().cloned().collect())
}

/// Whether `items` hold a value. Each comparison is accounted for: lists may be compared with lists.
fn contains(call: &Call<'_>, items: &[Value], wanted: &Value) -> Result<bool, FunctionError> {
    for item in items {
        call.environment.steps.spend()?;
        if item == wanted {
            return Ok(true);
        }
    }
    Ok(false)
}

fn unique(call: &Call<'_>) -> FunctionResult {
    let mut kept = Vec::new();
    for item in items(call.value(0))? {
        if !contains(call, &kept, item)? {
            kept.push(item.clone());
        }
    }
    list_of(kept)
}

fn without(call: &Call<'_>) -> FunctionResult {
    let mut kept = Vec::new();
    for item in items(call.value(0))? {
        if !contains(call, call.rest(1), item)? {
            kept.push(item.clone());
        }
    }
    list_of(kept)
}

fn compact(call: &Call<'_>) -> FunctionResult {
    list_of(items(call.value(0))?.iter().filter(|item| !is_empty(item)).cloned().collect())
}

/// Null holds nothing; any other value that is no list is an error.
fn has(call: &Call<'_>) -> FunctionResult {
    if matches!(call.value(1), Value::Nil) {
        return Ok(Value::Bool(false));
    }
    contains(call, items(call.value(1))?, call.value(0)).map(Value::Bool)
}

fn slice(call: &Call<'_>) -> FunctionResult {
    let Value::List(list) = call.value(0) else { return Err(wrong_type("a list", call.value(0))) };
    let items = list.items();
    if items.is_empty() {
        return Ok(Value::Nil);
    }
    let bound =
        |value: &Value| usize::try_from(numbers::to_integer(value)).map_err(|_| FunctionError::OutOfRange);
    let start = match call.rest(1) {
        [start, ..] => bound(start)?,
        [] => 0,
    };
    let end = match call.rest(2) {
        [end, ..] => bound(end)?,
        [] => items.len(),
    };
    let slice = items.get(start..end).ok_or(FunctionError::OutOfRange)?;
    Ok(Value::List(list.with_items(slice.to_vec())))
}

fn chunk(call: &Call<'_>) -> FunctionResult {
    let items = items(call.value(1))?;
    let size = usize::try_from(call.int(0)?).ok().filter(|size| *size > 0);
    let size = size.ok_or(FunctionError::Refused("the size must be at least 1"))?;
    check_nesting(call.value(1), &call.environment.steps)?;
    let chunks = items.chunks(size).map(|chunk| Value::List(List::new(chunk.to_vec())));
    Ok(Value::List(List::with_element(ElementType::List, chunks)))
}

fn sort_alphabetically(call: &Call<'_>) -> FunctionResult {
    let mut texts = match call.value(0) {
        Value::Nil => vec![call.environment.printed(&Value::Nil)?],
        value => texts_of(call, value)?,
    };
    texts.sort_unstable();
    Ok(Value::List(List::of_strings(texts)))
}
