//! Conversions between types, `size`, `type` and `dyn` (language definition, section "Standard Definitions").

use std::str::FromStr;

use super::{Function, Shape, Style, double_text, mismatch, times, to};
use crate::expression::{
    budget::Budget, error::ExpressionErrorCause as Cause, error_type::ErrorTypes, objects::Object,
    types::ObjectType, value::Value,
};
use Shape::{
    A, B, Bool, Bytes, Double, Duration, Dyn, Int, List, Map, Object as Thing, String, Timestamp, Type, Uint,
};

const SIZES: &[super::Overload] = &[
    to(Int, &[String]),
    to(Int, &[Bytes]),
    to(Int, &[List(&A)]),
    to(Int, &[Map(&A, &B)]),
    to(Int, &[Thing(ObjectType::Subject)]),
];

pub(super) const FUNCTIONS: &[Function] = &[
    Function { name: "size", style: Style::Global, overloads: SIZES, run: size },
    Function { name: "size", style: Style::Receiver, overloads: SIZES, run: size },
    // `type(Error)` has a type of its own, which the check knows.
    Function { name: "type", style: Style::Global, overloads: &[to(Type, &[Dyn])], run: type_of },
    Function { name: "dyn", style: Style::Global, overloads: &[to(Dyn, &[Dyn])], run: dynamic },
    Function {
        name: "bool",
        style: Style::Global,
        overloads: &[to(Bool, &[Bool]), to(Bool, &[String])],
        run: bool,
    },
    Function {
        name: "bytes",
        style: Style::Global,
        overloads: &[to(Bytes, &[Bytes]), to(Bytes, &[String])],
        run: bytes,
    },
    Function {
        name: "double",
        style: Style::Global,
        overloads: &[to(Double, &[Double]), to(Double, &[Int]), to(Double, &[Uint]), to(Double, &[String])],
        run: double,
    },
    Function {
        name: "int",
        style: Style::Global,
        overloads: &[
            to(Int, &[Int]),
            to(Int, &[Uint]),
            to(Int, &[Double]),
            to(Int, &[String]),
            to(Int, &[Timestamp]),
        ],
        run: int,
    },
    Function {
        name: "uint",
        style: Style::Global,
        overloads: &[to(Uint, &[Uint]), to(Uint, &[Int]), to(Uint, &[Double]), to(Uint, &[String])],
        run: uint,
    },
    Function {
        name: "string",
        style: Style::Global,
        overloads: &[
            to(String, &[String]),
            to(String, &[Bool]),
            to(String, &[Int]),
            to(String, &[Uint]),
            to(String, &[Double]),
            to(String, &[Bytes]),
            to(String, &[Timestamp]),
            to(String, &[Duration]),
        ],
        run: string,
    },
];

fn size<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Result<Value<'a>, Cause> {
    let size = match arguments {
        [Value::String(text)] => {
            budget.charge_text(text.len())?;
            text.chars().count()
        }
        [Value::Bytes(bytes)] => bytes.len(),
        [Value::List(list)] => list.len(),
        [Value::Map(map)] => map.len(),
        [Value::Object(Object::Subject(subject))] => subject.principals().count(),
        _ => return Err(mismatch("size", arguments)),
    };
    i64::try_from(size).map(Value::Int).map_err(|_| Cause::Overflow)
}

fn type_of<'a>(arguments: &[Value<'a>], _: &mut Budget) -> Result<Value<'a>, Cause> {
    match arguments {
        [Value::Object(Object::Error(error))] => Ok(Value::ErrorTypes(ErrorTypes::of(error.failure))),
        [value] => Ok(Value::Type(value.type_name())),
        _ => Err(mismatch("type", arguments)),
    }
}

fn dynamic<'a>(arguments: &[Value<'a>], _: &mut Budget) -> Result<Value<'a>, Cause> {
    match arguments {
        [value] => Ok(value.clone()),
        _ => Err(mismatch("dyn", arguments)),
    }
}

fn bool<'a>(arguments: &[Value<'a>], _: &mut Budget) -> Result<Value<'a>, Cause> {
    match arguments {
        [Value::Bool(value)] => Ok(Value::Bool(*value)),
        [Value::String(text)] => match &**text {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Value::Bool(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Value::Bool(false)),
            _ => Err(Cause::Unreadable { wanted: "bool" }),
        },
        _ => Err(mismatch("bool", arguments)),
    }
}

fn bytes<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Result<Value<'a>, Cause> {
    match arguments {
        [Value::Bytes(bytes)] => Ok(Value::Bytes(bytes.clone())),
        [Value::String(text)] => {
            budget.charge_text(text.len())?;
            Ok(Value::Bytes(text.as_bytes().into()))
        }
        _ => Err(mismatch("bytes", arguments)),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a double is what was asked for")]
fn double<'a>(arguments: &[Value<'a>], _: &mut Budget) -> Result<Value<'a>, Cause> {
    match arguments {
        [Value::Double(number)] => Ok(Value::Double(*number)),
        [Value::Int(number)] => Ok(Value::Double(*number as f64)),
        [Value::Uint(number)] => Ok(Value::Double(*number as f64)),
        [Value::String(text)] => read::<f64>(text, "double").map(Value::Double),
        _ => Err(mismatch("double", arguments)),
    }
}

fn int<'a>(arguments: &[Value<'a>], _: &mut Budget) -> Result<Value<'a>, Cause> {
    match arguments {
        [Value::Int(number)] => Ok(Value::Int(*number)),
        [Value::Uint(number)] => i64::try_from(*number).map(Value::Int).map_err(|_| Cause::Overflow),
        [Value::Double(number)] => whole(number.trunc()).map(Value::Int).ok_or(Cause::Overflow),
        [Value::String(text)] => read::<i64>(text, "int").map(Value::Int),
        [Value::Timestamp(time)] => Ok(Value::Int(time.as_second())),
        _ => Err(mismatch("int", arguments)),
    }
}

fn uint<'a>(arguments: &[Value<'a>], _: &mut Budget) -> Result<Value<'a>, Cause> {
    match arguments {
        [Value::Uint(number)] => Ok(Value::Uint(*number)),
        [Value::Int(number)] => u64::try_from(*number).map(Value::Uint).map_err(|_| Cause::Overflow),
        [Value::Double(number)] => whole_unsigned(number.trunc()).map(Value::Uint).ok_or(Cause::Overflow),
        [Value::String(text)] => read::<u64>(text, "uint").map(Value::Uint),
        _ => Err(mismatch("uint", arguments)),
    }
}

fn string<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Result<Value<'a>, Cause> {
    match arguments {
        [Value::String(text)] => Ok(Value::String(text.clone())),
        [Value::Bytes(bytes)] => {
            budget.charge_text(bytes.len())?;
            let text = std::str::from_utf8(bytes).map_err(|_| Cause::Unreadable { wanted: "UTF-8" })?;
            Ok(Value::from(text.to_owned()))
        }
        [value] => scalar_text(value).map(Value::from).ok_or_else(|| mismatch("string", arguments)),
        _ => Err(mismatch("string", arguments)),
    }
}

/// The text of a value that is no list, map or thing.
pub(super) fn scalar_text(value: &Value<'_>) -> Option<std::string::String> {
    match value {
        Value::Bool(value) => Some(value.to_string()),
        Value::Int(number) => Some(number.to_string()),
        Value::Uint(number) => Some(number.to_string()),
        Value::Double(number) => Some(double_text::shortest(*number)),
        Value::Timestamp(time) => Some(times::timestamp_text(*time)),
        Value::Duration(duration) => Some(times::duration_text(*duration)),
        Value::String(text) => Some(text.to_string()),
        _ => None,
    }
}

fn read<T: FromStr>(text: &str, wanted: &'static str) -> Result<T, Cause> {
    text.parse().map_err(|_| Cause::Unreadable { wanted })
}

/// A double as an integer, if it is one.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "the range is checked")]
pub(super) fn whole(number: f64) -> Option<i64> {
    (number.trunc() == number && number >= i64::MIN as f64 && number < i64::MAX as f64)
        .then_some(number as i64)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "the range is checked"
)]
fn whole_unsigned(number: f64) -> Option<u64> {
    (number >= 0.0 && number < u64::MAX as f64).then_some(number as u64)
}
