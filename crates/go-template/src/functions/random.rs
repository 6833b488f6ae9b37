//! Random texts and numbers, from the bytes the host gives.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{
    error::FunctionError,
    functions::{
        Call, Environment, Function, FunctionResult,
        Parameter::{Int, Text},
    },
    value::Value,
};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("uuidv4", &[], |call| uuid(call.environment)),
    Function::new("randAlphaNum", &[Int], |call| characters(call, |byte| byte.is_ascii_alphanumeric())),
    Function::new("randAlpha", &[Int], |call| characters(call, |byte| byte.is_ascii_alphabetic())),
    Function::new("randNumeric", &[Int], |call| characters(call, |byte| byte.is_ascii_digit())),
    Function::new("randAscii", &[Int], |call| characters(call, |byte| (b' '..=b'~').contains(&byte))),
    Function::new("randBytes", &[Int], |call| {
        Ok(STANDARD.encode(bytes(call.environment, count(call)?)?).into())
    }),
    Function::new("randInt", &[Int, Int], |call| {
        let (low, high) = (call.int(0)?, call.int(1)?);
        let size = u64::try_from(i128::from(high) - i128::from(low)).ok().filter(|size| *size > 0);
        let size = size.ok_or(FunctionError::Refused("the upper bound must be above the lower one"))?;
        Ok(Value::int(low.wrapping_add_unsigned(below(call.environment, size)?)))
    }),
    Function::new("shuffle", &[Text], shuffle),
];

fn count(call: &Call<'_>) -> Result<usize, FunctionError> {
    let count = u128::try_from(call.int(0)?)
        .map_err(|_| FunctionError::Refused("the length must not be negative"))?;
    call.environment.check_elements(count)
}

fn bytes(environment: &Environment<'_>, count: usize) -> Result<Vec<u8>, FunctionError> {
    let mut bytes = vec![0; count];
    if (environment.random)(&mut bytes) { Ok(bytes) } else { Err(FunctionError::NoRandomness) }
}

/// Evenly distributed characters: those outside of the alphabet are drawn again.
fn characters(call: &Call<'_>, belongs: fn(u8) -> bool) -> FunctionResult {
    let wanted = count(call)?;
    let mut text = Vec::with_capacity(wanted);
    while text.len() < wanted {
        let missing = wanted - text.len();
        let drawn = bytes(call.environment, missing * 4)?;
        text.extend(drawn.into_iter().map(|byte| byte & 0x7f).filter(|byte| belongs(*byte)).take(missing));
        call.environment.steps.spend()?;
    }
    Ok(Value::String(text.into()))
}

/// An evenly distributed number below `bound`.
fn below(environment: &Environment<'_>, bound: u64) -> Result<u64, FunctionError> {
    let usable = u64::MAX - u64::MAX % bound;
    loop {
        let drawn = bytes(environment, 8)?;
        let number = drawn.iter().fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
        if number < usable {
            return Ok(number % bound);
        }
        environment.steps.spend()?;
    }
}

/// RFC 9562, section 5.4.
fn uuid(environment: &Environment<'_>) -> FunctionResult {
    let drawn = bytes(environment, 16)?;
    let mut text = String::with_capacity(36);
    for (index, byte) in drawn.into_iter().enumerate() {
        let byte = match index {
            6 => (byte & 0x0f) | 0x40,
            8 => (byte & 0x3f) | 0x80,
            _ => byte,
        };
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    Ok(text.into())
}

fn shuffle(call: &Call<'_>) -> FunctionResult {
    let mut left: Vec<char> = call.str(0)?.chars().collect();
    let mut shuffled = String::new();
    while !left.is_empty() {
        call.environment.steps.spend()?;
        let index = below(call.environment, left.len() as u64)?;
        shuffled.push(left.swap_remove(usize::try_from(index).unwrap_or(0)));
    }
    Ok(shuffled.into())
}
