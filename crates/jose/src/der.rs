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

/// r and s, each half of a JWS signature (RFC 7518, section 3.4), as an `ECDSA-Sig-Value` (RFC 3279, section 2.2.3).
///
/// `signature` has at most 132 bytes, those of P-521.
pub(crate) fn ecdsa_signature(signature: &[u8]) -> Vec<u8> {
    let (r, s) = signature.split_at(signature.len() / 2);
    let (r, s) = (minimal(r), minimal(s));
    let integer_bytes = |number: &[u8]| 2 + usize::from(needs_sign(number)) + number.len();
    let mut der = Vec::with_capacity(3 + integer_bytes(r) + integer_bytes(s));
    push_head(&mut der, SEQUENCE, integer_bytes(r) + integer_bytes(s));
    for number in [r, s] {
        push_head(&mut der, INTEGER, integer_bytes(number) - 2);
        if needs_sign(number) {
            der.push(0);
        }
        der.extend_from_slice(number);
    }
    der
}

/// Without leading zeros, but for the last byte.
fn minimal(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros.min(number.len().saturating_sub(1))..).unwrap_or_default()
}

/// A number whose highest bit is set would be read as a negative one.
fn needs_sign(number: &[u8]) -> bool {
    number.first().is_none_or(|first| *first >= 0x80)
}

/// Tag and length of an element of less than 256 bytes.
fn push_head(der: &mut Vec<u8>, tag: u8, length: usize) {
    der.push(tag);
    if length >= 0x80 {
        der.push(0x81);
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "two numbers of 66 bytes are 138 with what is around them"
    )]
    der.push(length as u8);
}

fn without_sign(integer: &[u8]) -> &[u8] {
    integer.strip_prefix(&[0]).unwrap_or(integer)
}

const INTEGER: u8 = 0x02;
const SEQUENCE: u8 = 0x30;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(signature: &[u8], expected: &[u8]) {
        assert_eq!(ecdsa_signature(signature), expected, "{signature:02x?}");
    }

    #[test]
    fn writes_the_shortest_form_of_both_numbers() {
        check(&[1, 2], &[0x30, 6, 2, 1, 1, 2, 1, 2]);
        check(&[0, 0, 0, 0x7f], &[0x30, 6, 2, 1, 0, 2, 1, 0x7f]);
        check(&[0x80, 0, 0, 0x80], &[0x30, 9, 2, 3, 0, 0x80, 0, 2, 2, 0, 0x80]);
        check(&[], &[0x30, 6, 2, 1, 0, 2, 1, 0]);
    }

    #[test]
    fn writes_what_can_be_read() {
        for (bytes, first) in
            [32, 48, 66].into_iter().flat_map(|bytes| [(bytes, 0), (bytes, 1), (bytes, 0xff)])
        {
            let signature: Vec<u8> = [vec![first; bytes], vec![first ^ 0x80; bytes]].concat();
            let der = ecdsa_signature(&signature);
            assert!(is_one_sequence(&der));
            let (r, s) = rsa_public_key(&der).unwrap();
            let padded = |number: &[u8]| [vec![0; bytes - number.len()], number.to_vec()].concat();
            assert_eq!([padded(r), padded(s)].concat(), signature);
        }
    }
}
