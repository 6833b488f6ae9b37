//! The extension for encodings: base64 of the standard alphabet, with padding; decoding takes it without as well.

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::{Function, Shape, Style, mismatch, to};
use crate::expression::{budget::Budget, error::ExpressionErrorCause as Cause, value::Value};
use Shape::{Bytes, String};

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

pub(super) const FUNCTIONS: &[Function] = &[
    Function { name: "base64.encode", style: Style::Global, overloads: &[to(String, &[Bytes])], run: encode },
    Function { name: "base64.decode", style: Style::Global, overloads: &[to(Bytes, &[String])], run: decode },
];

fn encode<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Result<Value<'a>, Cause> {
    let [Value::Bytes(bytes)] = arguments else { return Err(mismatch("base64.encode", arguments)) };
    budget.charge_text(bytes.len())?;
    Ok(Value::from(BASE64.encode(bytes)))
}

fn decode<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Result<Value<'a>, Cause> {
    let [Value::String(text)] = arguments else { return Err(mismatch("base64.decode", arguments)) };
    budget.charge_text(text.len())?;
    let decoded = BASE64.decode(text.as_bytes()).map_err(|_| Cause::Unreadable { wanted: "base64" })?;
    Ok(Value::Bytes(decoded.into()))
}
