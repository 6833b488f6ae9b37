//! `addf`, `subf`, `mulf`, `divf`: floats calculated as the decimal fractions they print as, so that 0.1 + 0.2 is 0.3.

use crate::{
    error::FunctionError,
    functions::{Call, Function, FunctionResult, Parameter::Any, numbers::to_float},
    value::Value,
};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::variadic("addf", &[], Any, |call| fold(call, Some(0.0), ADD)),
    Function::new("add1f", &[Any], |call| fold(call, Some(1.0), ADD)),
    Function::variadic("subf", &[Any], Any, |call| fold(call, None, SUBTRACT)),
    Function::variadic("mulf", &[Any], Any, |call| fold(call, None, MULTIPLY)),
    Function::variadic("divf", &[Any], Any, |call| fold(call, None, DIVIDE)),
];

/// How many decimals a quotient has.
const QUOTIENT_DECIMALS: i32 = 16;

/// `coefficient * 10^exponent`
#[derive(Debug, Clone, Copy)]
struct Decimal {
    coefficient: i128,
    exponent: i32,
}

struct Operation {
    /// `None` where the result has more digits than fit.
    exact: fn(Decimal, Decimal) -> Result<Option<Decimal>, FunctionError>,
    /// What is done with the floats themselves then.
    direct: fn(f64, f64) -> f64,
}

/// Applies an operation from left to right, beginning with `first` or with the first argument.
fn fold(call: &Call<'_>, first: Option<f64>, operation: Operation) -> FunctionResult {
    let (mut result, others) = match first {
        Some(first) => (first, call.arguments),
        None => (to_float(call.value(0)), call.rest(1)),
    };
    let mut decimal = Some(Decimal::of(result)?);
    for other in others {
        let other = to_float(other);
        let operand = Decimal::of(other)?;
        decimal = match decimal {
            Some(decimal) => (operation.exact)(decimal, operand)?,
            None => None,
        };
        result = decimal.map_or_else(|| (operation.direct)(result, other), Decimal::to_float);
    }
    // Decimals have no negative zero.
    Ok(Value::Float(if result == 0.0 { 0.0 } else { result }))
}

impl Decimal {
    /// The shortest decimal that reads back as this float.
    fn of(float: f64) -> Result<Self, FunctionError> {
        const UNFIT: FunctionError = FunctionError::Refused("infinity and NaN cannot be calculated with");
        if !float.is_finite() {
            return Err(UNFIT);
        }
        let text = format!("{float:e}");
        let (mantissa, exponent) = text.split_once('e').ok_or(UNFIT)?;
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let exponent: i32 = exponent.parse().map_err(|_| UNFIT)?;
        let decimals = i32::try_from(fraction.len()).map_err(|_| UNFIT)?;
        let coefficient = format!("{whole}{fraction}").parse().map_err(|_| UNFIT)?;
        Ok(Self { coefficient, exponent: exponent - decimals })
    }

    fn to_float(self) -> f64 {
        format!("{}e{}", self.coefficient, self.exponent).parse().unwrap_or(f64::NAN)
    }

    /// The coefficient for a lower exponent.
    fn scaled_to(self, exponent: i32) -> Option<i128> {
        let shift = u32::try_from(self.exponent - exponent).ok()?;
        if self.coefficient == 0 {
            return Some(0);
        }
        self.coefficient.checked_mul(10_i128.checked_pow(shift)?)
    }
}

fn combined(left: Decimal, right: Decimal, combine: fn(i128, i128) -> Option<i128>) -> Option<Decimal> {
    let exponent = left.exponent.min(right.exponent);
    let coefficient = combine(left.scaled_to(exponent)?, right.scaled_to(exponent)?)?;
    Some(Decimal { coefficient, exponent })
}

const ADD: Operation = Operation {
    exact: |left, right| Ok(combined(left, right, i128::checked_add)),
    direct: |left, right| left + right,
};

const SUBTRACT: Operation = Operation {
    exact: |left, right| Ok(combined(left, right, i128::checked_sub)),
    direct: |left, right| left - right,
};

const MULTIPLY: Operation = Operation {
    exact: |left, right| {
        let coefficient = left.coefficient.checked_mul(right.coefficient);
        Ok(coefficient.map(|coefficient| Decimal { coefficient, exponent: left.exponent + right.exponent }))
    },
    direct: |left, right| left * right,
};

const DIVIDE: Operation = Operation { exact: quotient, direct: |left, right| left / right };

/// Rounded half away from zero.
fn quotient(left: Decimal, right: Decimal) -> Result<Option<Decimal>, FunctionError> {
    if right.coefficient == 0 {
        return Err(FunctionError::DivisionByZero);
    }
    let scale = left.exponent - right.exponent + QUOTIENT_DECIMALS;
    let power =
        |exponent: i32| u32::try_from(exponent).ok().and_then(|exponent| 10_i128.checked_pow(exponent));
    let (dividend, divisor) = if scale >= 0 {
        (power(scale).and_then(|power| left.coefficient.checked_mul(power)), Some(right.coefficient))
    } else {
        (Some(left.coefficient), power(-scale).and_then(|power| right.coefficient.checked_mul(power)))
    };
    let (Some(dividend), Some(divisor)) = (dividend, divisor) else { return Ok(None) };
    let Some(doubled_rest) = (dividend % divisor).unsigned_abs().checked_mul(2) else { return Ok(None) };
    let away = i128::from(doubled_rest >= divisor.unsigned_abs());
    let sign = if (dividend < 0) == (divisor < 0) { 1 } else { -1 };
    Ok(Some(Decimal { coefficient: dividend / divisor + sign * away, exponent: -QUOTIENT_DECIMALS }))
}
