//! `+ - * / %` and the sign: the overloads of the language definition. Integers do not wrap, and types do not mix.

use jiff::{SignedDuration, Timestamp};

use super::{Function, Overload, Shape, Style, mismatch, to};
use crate::expression::{
    budget::Budget,
    error::ExpressionErrorCause as Cause,
    value::{List, Text, Value},
};
use Shape::{A, Bytes, Double, Duration, Int, List as ListOf, String, Timestamp as Time, Uint};

macro_rules! operator {
    ($(#[$doc:meta])* $name:ident, $symbol:literal, $run:ident, [$($overload:expr),+ $(,)?]) => {
        $(#[$doc])*
        pub(in crate::expression) static $name: Function = Function {
            name: $symbol,
            style: Style::Global,
            overloads: { const OVERLOADS: &[Overload] = &[$($overload),+]; OVERLOADS },
            run: $run,
        };
    };
}

operator!(
    /// `a + b`
    ADD, "+", add, [
        to(Int, &[Int, Int]),
        to(Uint, &[Uint, Uint]),
        to(Double, &[Double, Double]),
        to(String, &[String, String]),
        to(Bytes, &[Bytes, Bytes]),
        to(ListOf(&A), &[ListOf(&A), ListOf(&A)]),
        to(ListOf(&Shape::Dyn), &[ListOf(&Shape::Dyn), ListOf(&Shape::Dyn)]),
        to(Duration, &[Duration, Duration]),
        to(Time, &[Time, Duration]),
        to(Time, &[Duration, Time]),
    ]
);
operator!(
    /// `a - b`
    SUBTRACT, "-", subtract, [
        to(Int, &[Int, Int]),
        to(Uint, &[Uint, Uint]),
        to(Double, &[Double, Double]),
        to(Duration, &[Duration, Duration]),
        to(Time, &[Time, Duration]),
        to(Duration, &[Time, Time]),
    ]
);
operator!(
    /// `a * b`
    MULTIPLY, "*", multiply, [to(Int, &[Int, Int]), to(Uint, &[Uint, Uint]), to(Double, &[Double, Double])]
);
operator!(
    /// `a / b`
    DIVIDE, "/", divide, [to(Int, &[Int, Int]), to(Uint, &[Uint, Uint]), to(Double, &[Double, Double])]
);
operator!(
    /// `a % b`
    REMAINDER, "%", remainder, [to(Int, &[Int, Int]), to(Uint, &[Uint, Uint])]
);
operator!(
    /// `-a`
    NEGATE, "-", negate, [to(Int, &[Int]), to(Double, &[Double]), to(Duration, &[Duration])]
);

fn add<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Result<Value<'a>, Cause> {
    match arguments {
        [Value::Int(left), Value::Int(right)] => fits(left.checked_add(*right).map(Value::Int)),
        [Value::Uint(left), Value::Uint(right)] => fits(left.checked_add(*right).map(Value::Uint)),
        [Value::Double(left), Value::Double(right)] => Ok(Value::Double(left + right)),
        [Value::String(left), Value::String(right)] => {
            budget.charge_text(left.len() + right.len())?;
            let parts: [&str; 2] = [left, right];
            Ok(Value::String(Text::Shared(parts.concat().into())))
        }
        [Value::Bytes(left), Value::Bytes(right)] => {
            budget.charge_text(left.len() + right.len())?;
            Ok(Value::Bytes([&**left, &**right].concat().into()))
        }
        [Value::List(left), Value::List(right)] => {
            budget.charge(left.len() + right.len())?;
            Ok(Value::List(List::Shared(left.iter().chain(right.iter()).collect())))
        }
        [Value::Duration(left), Value::Duration(right)] => fits(left.checked_add(*right).and_then(duration)),
        [Value::Timestamp(time), Value::Duration(duration)]
        | [Value::Duration(duration), Value::Timestamp(time)] => {
            fits(time.checked_add(*duration).ok().and_then(timestamp))
        }
        _ => Err(mismatch("+", arguments)),
    }
}

fn subtract<'a>(arguments: &[Value<'a>], _: &mut Budget) -> Result<Value<'a>, Cause> {
    match arguments {
        [Value::Int(left), Value::Int(right)] => fits(left.checked_sub(*right).map(Value::Int)),
        [Value::Uint(left), Value::Uint(right)] => fits(left.checked_sub(*right).map(Value::Uint)),
        [Value::Double(left), Value::Double(right)] => Ok(Value::Double(left - right)),
        [Value::Duration(left), Value::Duration(right)] => fits(left.checked_sub(*right).and_then(duration)),
        [Value::Timestamp(time), Value::Duration(duration)] => {
            fits(time.checked_sub(*duration).ok().and_then(timestamp))
        }
        [Value::Timestamp(left), Value::Timestamp(right)] => fits(duration(left.duration_since(*right))),
        _ => Err(mismatch("-", arguments)),
    }
}

fn multiply<'a>(arguments: &[Value<'a>], _: &mut Budget) -> Result<Value<'a>, Cause> {
    match arguments {
        [Value::Int(left), Value::Int(right)] => fits(left.checked_mul(*right).map(Value::Int)),
        [Value::Uint(left), Value::Uint(right)] => fits(left.checked_mul(*right).map(Value::Uint)),
        [Value::Double(left), Value::Double(right)] => Ok(Value::Double(left * right)),
        _ => Err(mismatch("*", arguments)),
    }
}

fn divide<'a>(arguments: &[Value<'a>], _: &mut Budget) -> Result<Value<'a>, Cause> {
    match arguments {
        [Value::Int(_), Value::Int(0)] | [Value::Uint(_), Value::Uint(0)] => Err(Cause::DivisionByZero),
        [Value::Int(left), Value::Int(right)] => fits(left.checked_div(*right).map(Value::Int)),
        [Value::Uint(left), Value::Uint(right)] => fits(left.checked_div(*right).map(Value::Uint)),
        [Value::Double(left), Value::Double(right)] => Ok(Value::Double(left / right)),
        _ => Err(mismatch("/", arguments)),
    }
}

fn remainder<'a>(arguments: &[Value<'a>], _: &mut Budget) -> Result<Value<'a>, Cause> {
    match arguments {
        [Value::Int(_), Value::Int(0)] | [Value::Uint(_), Value::Uint(0)] => Err(Cause::DivisionByZero),
        [Value::Int(left), Value::Int(right)] => fits(left.checked_rem(*right).map(Value::Int)),
        [Value::Uint(left), Value::Uint(right)] => fits(left.checked_rem(*right).map(Value::Uint)),
        _ => Err(mismatch("%", arguments)),
    }
}

fn negate<'a>(arguments: &[Value<'a>], _: &mut Budget) -> Result<Value<'a>, Cause> {
    match arguments {
        [Value::Int(number)] => fits(number.checked_neg().map(Value::Int)),
        [Value::Double(number)] => Ok(Value::Double(-number)),
        [Value::Duration(length)] => fits(length.checked_neg().and_then(duration)),
        _ => Err(mismatch("-", arguments)),
    }
}

fn fits(value: Option<Value<'_>>) -> Result<Value<'_>, Cause> {
    value.ok_or(Cause::Overflow)
}

/// Durations have the range of 64 bits of nanoseconds, as in heimdall.
pub(super) fn duration<'a>(duration: SignedDuration) -> Option<Value<'a>> {
    i64::try_from(duration.as_nanos()).ok().map(|_| Value::Duration(duration))
}

/// Times have the years 1 to 9999 (language definition, section "Timestamps").
pub(super) fn timestamp<'a>(time: Timestamp) -> Option<Value<'a>> {
    const FIRST: i64 = -62_135_596_800;
    const LAST: i64 = 253_402_300_799;
    (FIRST..=LAST).contains(&time.as_second()).then_some(Value::Timestamp(time))
}
