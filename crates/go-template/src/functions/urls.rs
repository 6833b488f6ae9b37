//! `urlParse` and `urlJoin`.

use std::collections::BTreeMap;

use crate::{
    error::FunctionError,
    functions::{
        Call, Function, FunctionResult,
        Parameter::{Map as AnyMap, Text},
        wrong_type,
    },
    map::Map,
    url::Url,
    value::Value,
};

pub(super) const FUNCTIONS: &[Function] =
    &[Function::new("urlParse", &[Text], parse), Function::new("urlJoin", &[AnyMap], join)];

fn parse(call: &Call<'_>) -> FunctionResult {
    let parts = Url::parse(&call.str(0)?)?.to_parts();
    let entries: BTreeMap<_, _> = parts.into_iter().map(|(name, value)| (name.into(), value)).collect();
    Ok(Value::Map(Map::changeable(entries)))
}

fn join(call: &Call<'_>) -> FunctionResult {
    let parts = call.map(0)?;
    let part = |name: &str| -> Result<String, FunctionError> {
        match parts.get(name.as_bytes()) {
            None => Ok(String::new()),
            Some(Value::String(text)) => Ok(text.to_str_lossy().into_owned()),
            Some(other) => Err(wrong_type("string", &other)),
        }
    };
    Ok(Url::join(part)?.into())
}
