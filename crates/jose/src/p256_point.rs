//! Whether two coordinates are those of a point of the curve P-256 (FIPS 186-5; SEC 2, section 2.4.2).
//!
//! A proof's key is looked at before anything is known about its sender. The cryptographic library checks the same when it takes
//! a key over, for twenty times the work; that is done when a signature is to be verified. All values here are public, so
//! nothing needs constant time.

/// An integer below 2^256, least significant word first.
type Words = [u64; 4];

/// The prime p = 2^256 - 2^224 + 2^192 + 2^96 - 1.
const P: Words = [0xffff_ffff_ffff_ffff, 0x0000_0000_ffff_ffff, 0, 0xffff_ffff_0000_0001];
/// 3·R⁻¹ modulo p, where R = 2^256.
const THREE: Words =
    [0x0000_0009_0000_0002, 0x0000_0003_ffff_fffa, 0xffff_fff7_0000_0006, 0xffff_fffc_0000_0009];
/// -b·R⁻² modulo p, where b is the curve's constant.
const MINUS_B: Words =
    [0x1a64_1f59_ba7b_5ec8, 0x03ca_de15_635f_9a58, 0x83e8_797b_5f0b_acfc, 0xcf7e_23c6_26b7_bce6];

/// Whether y² = x³ - 3x + b modulo p, and both are below p. They are big-endian.
///
/// The curve has prime order, so that every such point is a public key (SP 800-56A, section 5.6.2.3.3).
pub(crate) fn is_on_curve(x: &[u8; 32], y: &[u8; 32]) -> bool {
    let (x, y) = (words(x), words(y));
    if !is_below_p(x) || !is_below_p(y) {
        return false;
    }
    // Every product brings a factor R⁻¹. Both sides have two products, and the constants have the factors they meet.
    let left = product(product(y, y), [1, 0, 0, 0]);
    let right = difference(product(difference(product(x, x), THREE), x), MINUS_B);
    left == right
}

fn words(bytes: &[u8; 32]) -> Words {
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().rev().zip(bytes.as_chunks::<8>().0) {
        *word = u64::from_be_bytes(*bytes);
    }
    words
}

fn is_below_p([w0, w1, w2, w3]: Words) -> bool {
    let [p0, p1, p2, p3] = P;
    [w3, w2, w1, w0] < [p3, p2, p1, p0]
}

/// a·b·R⁻¹ modulo p, for a and b below p (Montgomery's multiplication).
fn product(a: Words, b: Words) -> Words {
    let [a0, a1, a2, a3] = a;
    let [p0, p1, p2, p3] = P;
    // Below 2p after each round.
    let (mut sum, mut high) = ([0; 4], 0);
    for digit in b {
        let [s0, s1, s2, s3] = sum;
        let (s0, carry) = multiply_add(s0, a0, digit, 0);
        let (s1, carry) = multiply_add(s1, a1, digit, carry);
        let (s2, carry) = multiply_add(s2, a2, digit, carry);
        let (s3, carry) = multiply_add(s3, a3, digit, carry);
        let (s4, s5) = high_and_low(u128::from(high) + u128::from(carry));
        // -p⁻¹ modulo 2^64 is 1: adding s0 times p makes the lowest word zero, which is then dropped.
        let (_, carry) = multiply_add(s0, p0, s0, 0);
        let (s1, carry) = multiply_add(s1, p1, s0, carry);
        let (s2, carry) = multiply_add(s2, p2, s0, carry);
        let (s3, carry) = multiply_add(s3, p3, s0, carry);
        let (s4, carry) = high_and_low(u128::from(s4) + u128::from(carry));
        (sum, high) = ([s1, s2, s3, s4], s5 + carry);
    }
    if high != 0 || !is_below_p(sum) { without_borrow(sum, P).0 } else { sum }
}

/// a - b modulo p, for a and b below p.
fn difference(a: Words, b: Words) -> Words {
    let (difference, borrow) = without_borrow(a, b);
    if !borrow {
        return difference;
    }
    let mut carry = false;
    let mut words = difference;
    for (word, of_p) in words.iter_mut().zip(P) {
        let (more, first) = word.overflowing_add(of_p);
        let (more, second) = more.overflowing_add(u64::from(carry));
        (*word, carry) = (more, first | second);
    }
    words
}

/// a - b modulo 2^256, and whether b was larger.
fn without_borrow(a: Words, b: Words) -> (Words, bool) {
    let mut borrow = false;
    let mut words = a;
    for (word, other) in words.iter_mut().zip(b) {
        let (less, first) = word.overflowing_sub(other);
        let (less, second) = less.overflowing_sub(u64::from(borrow));
        (*word, borrow) = (less, first | second);
    }
    (words, borrow)
}

/// sum + a·b + carry: its low and its high word.
fn multiply_add(sum: u64, a: u64, b: u64, carry: u64) -> (u64, u64) {
    high_and_low(u128::from(sum) + u128::from(a) * u128::from(b) + u128::from(carry))
}

#[expect(clippy::cast_possible_truncation, reason = "that is the low word")]
fn high_and_low(value: u128) -> (u64, u64) {
    (value as u64, (value >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
    use proptest::prelude::*;

    use super::*;
    use crate::{Algorithm, KeyPair};

    /// The library's answer.
    fn is_key(x: &[u8; 32], y: &[u8; 32]) -> bool {
        ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, [&[4], x.as_slice(), y].concat()).is_ok()
    }

    fn check(x: &[u8; 32], y: &[u8; 32], expected: bool) {
        assert_eq!((is_on_curve(x, y), is_key(x, y)), (expected, expected), "{x:02x?} {y:02x?}");
    }

    fn big_endian(words: Words) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (chunk, word) in bytes.chunks_mut(8).zip(words.iter().rev()) {
            chunk.copy_from_slice(&word.to_be_bytes());
        }
        bytes
    }

    fn point() -> ([u8; 32], [u8; 32]) {
        let key = KeyPair::generate(Algorithm::Es256).unwrap().public_jwk().to_json();
        let coordinate = |name: &str| crate::base64url::decode_array(key[name].as_str().unwrap()).unwrap();
        (coordinate("x"), coordinate("y"))
    }

    #[test]
    fn takes_points_and_their_negatives_only() {
        for _ in 0..300 {
            let (x, y) = point();
            check(&x, &y, true);
            check(&x, &big_endian(difference([0; 4], words(&y))), true);
            check(&y, &x, false);
            for bit in [0, 1, 100, 128, 255] {
                let mut changed = y;
                changed[bit / 8] ^= 0x80 >> (bit % 8);
                check(&x, &changed, false);
                let mut changed = x;
                changed[bit / 8] ^= 0x80 >> (bit % 8);
                check(&changed, &y, false);
            }
        }
    }

    #[test]
    fn takes_no_coordinate_from_p_on() {
        // x = 0 is on the curve, and so would be x = p.
        let y_of_0 = "66485c780e2f83d72433bd5d84a06bb6541c2af31dae871728bf856a174f93f4";
        let y: Vec<u8> =
            (0..32).map(|at| u8::from_str_radix(&y_of_0[2 * at..2 * at + 2], 16).unwrap()).collect();
        let y: [u8; 32] = y.try_into().unwrap();
        check(&[0; 32], &y, true);
        check(&big_endian(P), &y, false);
        let [p0, p1, p2, p3] = P;
        for y in [P, [p0 - 1, p1, p2, p3], [0, p1 + 1, p2, p3], [u64::MAX; 4], [0; 4], [1, 0, 0, 0]] {
            for x in [P, [p0 - 1, p1, p2, p3], [u64::MAX; 4], [0; 4], [1, 0, 0, 0]] {
                assert_eq!(
                    is_on_curve(&big_endian(x), &big_endian(y)),
                    is_key(&big_endian(x), &big_endian(y))
                );
            }
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_library(x: [u8; 32], y: [u8; 32]) {
            prop_assert_eq!(is_on_curve(&x, &y), is_key(&x, &y));
        }

        #[test]
        fn multiplies_as_is_done_by_hand(a: [u64; 4], b: [u64; 4]) {
            let below = |[w0, w1, w2, w3]: Words| [w0, w1, w2, w3 >> 1];
            let (a, b) = (below(a), below(b));
            // a·b·R⁻¹, bit by bit: halve modulo p once for each of the 256 bits of a.
            let mut expected = [0; 4];
            for bit in 0..256 {
                if a[bit / 64] >> (bit % 64) & 1 == 1 {
                    expected = difference(expected, difference([0; 4], b));
                }
                expected = half(expected);
            }
            prop_assert_eq!(product(a, b), expected);
        }
    }

    fn half(value: Words) -> Words {
        let shifted = |[w0, w1, w2, w3]: Words, top: u64| {
            [w0 >> 1 | w1 << 63, w1 >> 1 | w2 << 63, w2 >> 1 | w3 << 63, w3 >> 1 | top << 63]
        };
        if value[0] & 1 == 0 {
            return shifted(value, 0);
        }
        // value + p = value - (2^256 - p) + 2^256
        let (_, wraps) = without_borrow(without_borrow([u64::MAX; 4], value).0, P);
        let sum = without_borrow(value, without_borrow([0; 4], P).0).0;
        shifted(sum, u64::from(wraps))
    }
}
