//! Maps of anything. `set`, `unset`, `merge` and `mergeOverwrite` change the map they are given, as in Go.

use std::collections::BTreeMap;

use crate::{
    error::FunctionError,
    functions::{
        Call, Function, FunctionResult,
        Parameter::{Any, Map as AnyMap, Text},
        defaults::is_empty,
        wrong_type,
    },
    limits::{MAX_NESTING, MAX_WALK_DEPTH, check_nesting},
    list::List,
    map::Map,
    value::{ElementType, Value},
};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::variadic("dict", &[], Any, dict),
    Function::new("get", &[AnyMap, Text], |call| {
        Ok(call.map(0)?.get(call.bytes(1)?).unwrap_or_else(|| "".into()))
    }),
    Function::new("set", &[AnyMap, Text, Any], set),
    Function::new("unset", &[AnyMap, Text], unset),
    Function::new("hasKey", &[AnyMap, Text], |call| {
        Ok(Value::Bool(call.map(0)?.get(call.bytes(1)?).is_some()))
    }),
    Function::variadic("pluck", &[Text], AnyMap, pluck),
    Function::variadic("keys", &[], AnyMap, keys),
    Function::new("values", &[AnyMap], |call| {
        Ok(Value::List(List::new(call.map(0)?.entries().values().cloned())))
    }),
    Function::variadic("pick", &[AnyMap], Text, pick),
    Function::variadic("omit", &[AnyMap], Text, omit),
    Function::variadic("merge", &[AnyMap], AnyMap, |call| merge(call, false)),
    Function::variadic("mustMerge", &[AnyMap], AnyMap, |call| merge(call, false)),
    Function::variadic("mergeOverwrite", &[AnyMap], AnyMap, |call| merge(call, true)),
    Function::variadic("mustMergeOverwrite", &[AnyMap], AnyMap, |call| merge(call, true)),
    Function::variadic("dig", &[Any, Any, Any], Any, dig),
    Function::new("deepCopy", &[Any], deep_copy),
    Function::new("mustDeepCopy", &[Any], deep_copy),
];

/// Keys and values in turn; the last key may lack its value.
fn dict(call: &Call<'_>) -> FunctionResult {
    let mut entries = BTreeMap::new();
    for pair in call.arguments.chunks(2) {
        let (key, value) = match pair {
            [key, value] => (key, value.clone()),
            [key] => (key, "".into()),
            [..] => continue,
        };
        check_nesting(&value, &call.environment.steps)?;
        entries.insert(call.environment.printed(key)?, value);
    }
    let map = Map::changeable(BTreeMap::new());
    for (key, value) in entries {
        map.insert(key, value)?;
    }
    Ok(Value::Map(map))
}

fn set(call: &Call<'_>) -> FunctionResult {
    if matches!(call.value(0), Value::Nil) {
        return Err(FunctionError::Refused("a missing map cannot be changed"));
    }
    let map = call.map(0)?.to_changeable();
    check_nesting(call.value(2), &call.environment.steps)?;
    map.insert(call.text(1)?.clone(), call.value(2).clone())?;
    Ok(Value::Map(map))
}

fn unset(call: &Call<'_>) -> FunctionResult {
    let map = call.map(0)?.to_changeable();
    map.remove(call.bytes(1)?);
    Ok(Value::Map(map))
}

fn pluck(call: &Call<'_>) -> FunctionResult {
    let key = call.bytes(0)?;
    let mut found = Vec::new();
    for index in 1..call.arguments.len() {
        found.extend(call.map(index)?.get(key));
    }
    Ok(Value::List(List::new(found)))
}

/// In key order; in Go the order is random.
fn keys(call: &Call<'_>) -> FunctionResult {
    let mut keys = Vec::new();
    for index in 0..call.arguments.len() {
        keys.extend(call.map(index)?.entries().keys().cloned());
    }
    Ok(Value::List(List::of_strings(keys)))
}

fn pick(call: &Call<'_>) -> FunctionResult {
    let map = call.map(0)?;
    let mut picked = BTreeMap::new();
    for index in 1..call.arguments.len() {
        let key = call.text(index)?;
        if let Some(value) = map.get(key.as_bytes()) {
            picked.insert(key.clone(), value);
        }
    }
    Ok(Value::Map(Map::changeable(picked)))
}

fn omit(call: &Call<'_>) -> FunctionResult {
    let mut entries = (*call.map(0)?.entries()).clone();
    for index in 1..call.arguments.len() {
        entries.remove(call.bytes(index)?);
    }
    Ok(Value::Map(Map::changeable(entries)))
}

fn merge(call: &Call<'_>, overwrite: bool) -> FunctionResult {
    let target = call.map(0)?.to_changeable();
    for index in 1..call.arguments.len() {
        check_nesting(call.value(index), &call.environment.steps)?;
        merge_into(&target, &call.map(index)?, overwrite, MAX_NESTING)?;
    }
    Ok(Value::Map(target))
}

/// Without `overwrite`, what is missing or empty in the target is filled, but not with null; with it, the source wins. Maps are merged.
fn merge_into(target: &Map, source: &Map, overwrite: bool, depth: usize) -> Result<(), FunctionError> {
    let deeper = depth.checked_sub(1).ok_or(FunctionError::NestedTooDeeply { limit: MAX_NESTING })?;
    for (key, value) in source.entries().iter() {
        match (target.get(key.as_bytes()), value) {
            (Some(Value::Map(present)), Value::Map(new)) if present.element() == ElementType::Any => {
                let changeable = present.to_changeable();
                merge_into(&changeable, new, overwrite, deeper)?;
                if !changeable.is_same(&present) {
                    target.insert(key.clone(), Value::Map(changeable))?;
                }
            }
            (present, value) => {
                let is_open = present.is_none_or(|present| is_empty(&present));
                if overwrite || (is_open && !matches!(value, Value::Nil)) {
                    target.insert(key.clone(), value.clone())?;
                }
            }
        }
    }
    Ok(())
}

/// Steps down into nested maps; the last argument is the map, the one before it the default.
fn dig(call: &Call<'_>) -> FunctionResult {
    let [keys @ .., default, map] = call.arguments else {
        return Err(FunctionError::ArgumentCount { expected: 3, given: call.arguments.len() });
    };
    let mut value = map.clone();
    for key in keys {
        let Value::Map(map) = &value else { return Err(wrong_type("map[string]interface {}", &value)) };
        if map.element() != ElementType::Any {
            return Err(wrong_type("map[string]interface {}", &value));
        }
        let Value::String(key) = key else { return Err(wrong_type("string", key)) };
        match map.get(key.as_bytes()) {
            Some(next) => value = next,
            None => return Ok(default.clone()),
        }
    }
    Ok(value)
}

fn deep_copy(call: &Call<'_>) -> FunctionResult {
    if matches!(call.value(0), Value::Nil) {
        return Err(wrong_type("a value", call.value(0)));
    }
    check_nesting(call.value(0), &call.environment.steps)?;
    Map::thaw(call.value(0), MAX_WALK_DEPTH)
}
