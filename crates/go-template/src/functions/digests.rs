//! Digests for names and cache keys: `sha1sum`, `sha256sum`, `sha512sum`, `adler32sum`.

use jose::crypto::{sha1, sha256, sha512};

use crate::functions::{Function, Parameter::Text};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("sha1sum", &[Text], |call| Ok(hexadecimal(&sha1(call.bytes(0)?)).into())),
    Function::new("sha256sum", &[Text], |call| Ok(hexadecimal(&sha256(call.bytes(0)?)).into())),
    Function::new("sha512sum", &[Text], |call| Ok(hexadecimal(&sha512(call.bytes(0)?)).into())),
    Function::new("adler32sum", &[Text], |call| Ok(adler32(call.bytes(0)?).to_string().into())),
];

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// RFC 1950, section 9.
fn adler32(bytes: &[u8]) -> u32 {
    let (low, high) = bytes.iter().fold((1_u32, 0_u32), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % 65_521;
        (low, (high + low) % 65_521)
    });
    (high << 16) | low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        assert_eq!(hexadecimal(&sha1(b"abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(hexadecimal(&sha1(b"")), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
        assert_eq!(
            hexadecimal(&sha256(b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        );
        assert_eq!(
            hexadecimal(&sha512(b"abc")),
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd\
             454d4423643ce80e2a9ac94fa54ca49f"
        );
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
    }
}
