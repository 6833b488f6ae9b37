//! Base64 and base32. What cannot be decoded gives a message as result instead of an error, as in Go.

use base64::{
    DecodeError, Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};

use crate::{
    functions::{Call, Function, FunctionResult, Parameter::Text},
    value::Value,
};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("b64enc", &[Text], |call| Ok(STANDARD.encode(call.bytes(0)?).into())),
    Function::new("b64dec", &[Text], decode_base64),
    Function::new("b32enc", &[Text], |call| Ok(encode_base32(call.bytes(0)?).into())),
    Function::new("b32dec", &[Text], decode_base32),
];

/// Go ignores line ends and bits behind the last byte.
fn decode_base64(call: &Call<'_>) -> FunctionResult {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
    );
    let encoded: Vec<u8> =
        call.bytes(0)?.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    Ok(match LENIENT.decode(&encoded) {
        Ok(bytes) => Value::String(bytes.into()),
        Err(error) => {
            let position = match error {
                DecodeError::InvalidByte(position, _)
                | DecodeError::InvalidLastSymbol { offset: position, .. } => position,
                // Where the group of four begins that is not complete.
                DecodeError::InvalidLength(_) | DecodeError::InvalidPadding => encoded.len() / 4 * 4,
            };
            format!("illegal base64 data at input byte {position}").into()
        }
    })
}

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn encode_base32(bytes: &[u8]) -> String {
    let mut encoded = String::with_capacity(bytes.len().div_ceil(5) * 8);
    for group in bytes.chunks(5) {
        let bits =
            group.iter().fold(0_u64, |bits, byte| (bits << 8) | u64::from(*byte)) << (8 * (5 - group.len()));
        let characters = (group.len() * 8).div_ceil(5);
        for index in 0..8 {
            let five = usize::try_from((bits >> (35 - 5 * index)) & 31).unwrap_or(0);
            let character = BASE32.get(five).copied().unwrap_or(b'=');
            encoded.push(if index < characters { char::from(character) } else { '=' });
        }
    }
    encoded
}

fn decode_base32(call: &Call<'_>) -> FunctionResult {
    let encoded: Vec<u8> =
        call.bytes(0)?.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    Ok(match base32_bytes(&encoded) {
        Ok(bytes) => Value::String(bytes.into()),
        Err(position) => format!("illegal base32 data at input byte {position}").into(),
    })
}

/// The decoded bytes, or the position of the first mistake.
fn base32_bytes(encoded: &[u8]) -> Result<Vec<u8>, usize> {
    let mut bytes = Vec::with_capacity(encoded.len() / 8 * 5);
    for (group_index, group) in encoded.chunks(8).enumerate() {
        let start = group_index * 8;
        let is_last = start + 8 >= encoded.len();
        let symbols = group.iter().take_while(|byte| **byte != b'=').count();
        let mut bits = 0_u64;
        for (index, byte) in group.iter().take(symbols).enumerate() {
            let value = BASE32.iter().position(|symbol| symbol == byte).ok_or(start + index)?;
            bits |= u64::try_from(value).unwrap_or(0) << (35 - 5 * index);
        }
        let is_padded = is_last && matches!(symbols, 2 | 4 | 5 | 7);
        if group.len() < 8 || !(symbols == 8 || is_padded) {
            return Err(start);
        }
        if !group.iter().skip(symbols).all(|byte| *byte == b'=') {
            return Err(encoded.len());
        }
        bytes.extend(bits.to_be_bytes().iter().skip(3).take(symbols * 5 / 8));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base32_of_every_length_comes_back() {
        for length in 0..12 {
            let bytes: Vec<u8> = (0..length).map(|byte| byte * 23).collect();
            assert_eq!(base32_bytes(encode_base32(&bytes).as_bytes()), Ok(bytes));
        }
        assert_eq!(encode_base32(b"foobar"), "MZXW6YTBOI======");
    }

    #[test]
    fn base32_with_mistakes_is_refused() {
        for wrong in ["A", "A=======", "MZXW6YT!", "MZXW6YTB========"] {
            assert!(base32_bytes(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
