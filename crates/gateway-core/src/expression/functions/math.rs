//! The extension for mathematics. `math.greatest` and `math.least` take any number of arguments; the check at load makes a
//! list of them.

use std::cmp::Ordering;

use super::{Function, Run, Shape, Style, mismatch, to};
use crate::expression::{budget::Budget, error::ExpressionErrorCause as Cause, value::Value};
use Shape::{A, Bool, Double, Int, List as ListOf, Uint};

const fn global(name: &'static str, overloads: &'static [super::Overload], run: Run) -> Function {
    Function { name, style: Style::Global, overloads, run }
}

const ROUNDING: &[super::Overload] = &[to(Double, &[Double])];
const TESTS: &[super::Overload] = &[to(Bool, &[Double])];
const SAME: &[super::Overload] = &[to(Double, &[Double]), to(Int, &[Int]), to(Uint, &[Uint])];
const BITS: &[super::Overload] = &[to(Int, &[Int, Int]), to(Uint, &[Uint, Uint])];
const SHIFTS: &[super::Overload] = &[to(Int, &[Int, Int]), to(Uint, &[Uint, Int])];

pub(super) const FUNCTIONS: &[Function] = &[
    global("math.greatest", &[to(A, &[ListOf(&A)])], greatest),
    global("math.least", &[to(A, &[ListOf(&A)])], least),
    global("math.ceil", ROUNDING, |arguments, _| rounded("math.ceil", arguments, f64::ceil)),
    global("math.floor", ROUNDING, |arguments, _| rounded("math.floor", arguments, f64::floor)),
    global("math.round", ROUNDING, |arguments, _| rounded("math.round", arguments, f64::round)),
    global("math.trunc", ROUNDING, |arguments, _| rounded("math.trunc", arguments, f64::trunc)),
    global("math.isInf", TESTS, |arguments, _| tested("math.isInf", arguments, f64::is_infinite)),
    global("math.isNaN", TESTS, |arguments, _| tested("math.isNaN", arguments, f64::is_nan)),
    global("math.isFinite", TESTS, |arguments, _| tested("math.isFinite", arguments, f64::is_finite)),
    global("math.abs", SAME, absolute),
    global("math.sign", SAME, sign),
    global("math.sqrt", &[to(Double, &[Double]), to(Double, &[Int]), to(Double, &[Uint])], square_root),
    global("math.bitAnd", BITS, |arguments, _| bits("math.bitAnd", arguments, |left, right| left & right)),
    global("math.bitOr", BITS, |arguments, _| bits("math.bitOr", arguments, |left, right| left | right)),
    global("math.bitXor", BITS, |arguments, _| bits("math.bitXor", arguments, |left, right| left ^ right)),
    global("math.bitNot", &[to(Int, &[Int]), to(Uint, &[Uint])], not),
    global("math.bitShiftLeft", SHIFTS, |arguments, _| {
        shifted("math.bitShiftLeft", arguments, u64::checked_shl)
    }),
    global("math.bitShiftRight", SHIFTS, |arguments, _| {
        shifted("math.bitShiftRight", arguments, u64::checked_shr)
    }),
];

fn greatest<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Result<Value<'a>, Cause> {
    extreme("math.greatest", arguments, Ordering::Greater, budget)
}

fn least<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Result<Value<'a>, Cause> {
    extreme("math.least", arguments, Ordering::Less, budget)
}

fn extreme<'a>(
    name: &'static str,
    arguments: &[Value<'a>],
    wanted: Ordering,
    budget: &mut Budget,
) -> Result<Value<'a>, Cause> {
    let [Value::List(list)] = arguments else { return Err(mismatch(name, arguments)) };
    budget.charge(list.len())?;
    let mut best: Option<Value<'a>> = None;
    for item in list.iter() {
        if !matches!(item, Value::Int(_) | Value::Uint(_) | Value::Double(_)) {
            return Err(mismatch(name, &[item]));
        }
        if best.as_ref().is_none_or(|best| item.compare(best) == Some(wanted)) {
            best = Some(item);
        }
    }
    best.ok_or(Cause::Empty)
}

fn rounded<'a>(
    name: &'static str,
    arguments: &[Value<'a>],
    round: fn(f64) -> f64,
) -> Result<Value<'a>, Cause> {
    match arguments {
        [Value::Double(number)] => Ok(Value::Double(round(*number))),
        _ => Err(mismatch(name, arguments)),
    }
}

fn tested<'a>(
    name: &'static str,
    arguments: &[Value<'a>],
    test: fn(f64) -> bool,
) -> Result<Value<'a>, Cause> {
    match arguments {
        [Value::Double(number)] => Ok(Value::Bool(test(*number))),
        _ => Err(mismatch(name, arguments)),
    }
}

fn absolute<'a>(arguments: &[Value<'a>], _: &mut Budget) -> Result<Value<'a>, Cause> {
    match arguments {
        [Value::Double(number)] => Ok(Value::Double(number.abs())),
        [Value::Int(number)] => number.checked_abs().map(Value::Int).ok_or(Cause::Overflow),
        [Value::Uint(number)] => Ok(Value::Uint(*number)),
        _ => Err(mismatch("math.abs", arguments)),
    }
}

fn sign<'a>(arguments: &[Value<'a>], _: &mut Budget) -> Result<Value<'a>, Cause> {
    match arguments {
        [Value::Double(number)] if *number == 0.0 || number.is_nan() => Ok(Value::Double(*number)),
        [Value::Double(number)] => Ok(Value::Double(number.signum())),
        [Value::Int(number)] => Ok(Value::Int(number.signum())),
        [Value::Uint(number)] => Ok(Value::Uint((*number).min(1))),
        _ => Err(mismatch("math.sign", arguments)),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a double is what was asked for")]
fn square_root<'a>(arguments: &[Value<'a>], _: &mut Budget) -> Result<Value<'a>, Cause> {
    match arguments {
        [Value::Double(number)] => Ok(Value::Double(number.sqrt())),
        [Value::Int(number)] => Ok(Value::Double((*number as f64).sqrt())),
        [Value::Uint(number)] => Ok(Value::Double((*number as f64).sqrt())),
        _ => Err(mismatch("math.sqrt", arguments)),
    }
}

fn bits<'a>(
    name: &'static str,
    arguments: &[Value<'a>],
    combine: fn(u64, u64) -> u64,
) -> Result<Value<'a>, Cause> {
    match arguments {
        [Value::Int(left), Value::Int(right)] => {
            Ok(Value::Int(combine(left.cast_unsigned(), right.cast_unsigned()).cast_signed()))
        }
        [Value::Uint(left), Value::Uint(right)] => Ok(Value::Uint(combine(*left, *right))),
        _ => Err(mismatch(name, arguments)),
    }
}

fn not<'a>(arguments: &[Value<'a>], _: &mut Budget) -> Result<Value<'a>, Cause> {
    match arguments {
        [Value::Int(number)] => Ok(Value::Int(!number)),
        [Value::Uint(number)] => Ok(Value::Uint(!number)),
        _ => Err(mismatch("math.bitNot", arguments)),
    }
}

/// Shifts over the bits, signs included, as cel-go does; 64 places and more leave nothing.
fn shifted<'a>(
    name: &'static str,
    arguments: &[Value<'a>],
    shift: fn(u64, u32) -> Option<u64>,
) -> Result<Value<'a>, Cause> {
    let (bits, places) = match arguments {
        [Value::Int(number), Value::Int(places)] => (number.cast_unsigned(), places),
        [Value::Uint(number), Value::Int(places)] => (*number, places),
        _ => return Err(mismatch(name, arguments)),
    };
    let places = u32::try_from(*places).map_err(|_| Cause::OutOfRange)?;
    let shifted = shift(bits, places).unwrap_or(0);
    Ok(match arguments {
        [Value::Int(_), ..] => Value::Int(shifted.cast_signed()),
        _ => Value::Uint(shifted),
    })
}
