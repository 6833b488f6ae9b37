//! As much DER (X.690) as is needed to take an RSA public key apart and to tell a sequence from noise.

/// Splits off one element with this tag; its content and what follows it.
pub(crate) fn element(tag: u8, input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (first, rest) = input.split_first()?;
    if *first != tag {
        return None;
    }
    let (length, rest) = rest.split_first()?;
    let (length, rest) = if *length < 0x80 {
        (usize::from(*length), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(*length & 0x7f))?;
        if digits.is_empty() || digits.len() > 4 {
            return None;
        }
        (digits.iter().fold(0, |length, digit| (length << 8) | usize::from(*digit)), rest)
    };
    rest.split_at_checked(length)
}

/// Modulus and exponent of a PKCS#1 `RSAPublicKey` (RFC 8017, appendix A.1.1), minimal big-endian.
pub(crate) fn rsa_public_key(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (sequence, _) = element(SEQUENCE, der)?;
    let (modulus, rest) = element(INTEGER, sequence)?;
    let (exponent, _) = element(INTEGER, rest)?;
    Some((without_sign(modulus), without_sign(exponent)))
}

/// Whether the bytes are exactly one sequence, as a certificate is.
pub(crate) fn is_one_sequence(der: &[u8]) -> bool {
    element(SEQUENCE, der).is_some_and(|(_, rest)| rest.is_empty())
}

fn without_sign(integer: &[u8]) -> &[u8] {
    integer.strip_prefix(&[0]).unwrap_or(integer)
}

const INTEGER: u8 = 0x02;
const SEQUENCE: u8 = 0x30;
