//! Digests for names and cache keys: `sha1sum`, `sha256sum`, `sha512sum`, `adler32sum`.
//!
//! Written out here because only the key and TLS crates may name the cryptographic library, and this crate depends on neither. Nothing that
//! is verified or kept secret goes through these.

use std::sync::LazyLock;

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

/// The message with the padding of FIPS 180-4, section 5.1, for blocks of `BLOCK` bytes.
fn padded<const BLOCK: usize>(message: &[u8]) -> Vec<[u8; BLOCK]> {
    let length_bytes = BLOCK / 8;
    let mut padded = message.to_vec();
    padded.push(0x80);
    while padded.len() % BLOCK != BLOCK - length_bytes {
        padded.push(0);
    }
    let bits = (message.len() as u128) * 8;
    padded.extend(bits.to_be_bytes().iter().skip(16 - length_bytes));
    padded.as_chunks::<BLOCK>().0.to_vec()
}

/// FIPS 180-4, section 6.1.
fn sha1(message: &[u8]) -> Vec<u8> {
    let mut state: [u32; 5] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    for block in padded::<64>(message) {
        let mut schedule: Vec<u32> =
            block.as_chunks::<4>().0.iter().map(|word| u32::from_be_bytes(*word)).collect();
        while let [.., w16, _, w14, _, _, _, _, _, w8, _, _, _, _, w3, _, _] = schedule.as_slice()
            && schedule.len() < 80
        {
            let next = (w3 ^ w8 ^ w14 ^ w16).rotate_left(1);
            schedule.push(next);
        }
        let [mut a, mut b, mut c, mut d, mut e] = state;
        for (round, word) in schedule.into_iter().enumerate() {
            let (mixed, constant) = match round {
                0..=19 => ((b & c) | (!b & d), 0x5a82_7999),
                20..=39 => (b ^ c ^ d, 0x6ed9_eba1),
                40..=59 => ((b & c) | (b & d) | (c & d), 0x8f1b_bcdc),
                _ => (b ^ c ^ d, 0xca62_c1d6_u32),
            };
            let next = a
                .rotate_left(5)
                .wrapping_add(mixed)
                .wrapping_add(e)
                .wrapping_add(constant)
                .wrapping_add(word);
            (e, d, c, b, a) = (d, c, b.rotate_left(30), a, next);
        }
        for (word, change) in state.iter_mut().zip([a, b, c, d, e]) {
            *word = word.wrapping_add(change);
        }
    }
    state.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// The constants of both SHA-2 digests here: the first 64 bits of the fractional parts of the cube roots of the first 80 primes.
/// SHA-256 takes the upper halves of the first 64.
static CUBE_ROOTS: LazyLock<Vec<u64>> =
    LazyLock::new(|| primes(80).into_iter().map(|prime| fractional_root(prime, 3)).collect());

/// The initial state: the same of the square roots of the first eight primes.
static SQUARE_ROOTS: LazyLock<Vec<u64>> =
    LazyLock::new(|| primes(8).into_iter().map(|prime| fractional_root(prime, 2)).collect());

fn primes(count: usize) -> Vec<u64> {
    let mut primes: Vec<u64> = Vec::with_capacity(count);
    let mut candidate = 2;
    while primes.len() < count {
        if primes.iter().all(|prime| candidate % prime != 0) {
            primes.push(candidate);
        }
        candidate += 1;
    }
    primes
}

/// The first 64 bits behind the point of a square (`degree` 2) or cube root, found bit by bit with exact integers.
fn fractional_root(radicand: u64, degree: u32) -> u64 {
    // The greatest r with r^degree <= radicand * 2^(64 * degree); r has the 64 fractional bits and a few more.
    let mut root = 0_u128;
    for bit in (0..72).rev() {
        let candidate = root | (1 << bit);
        if power_is_at_most(candidate, degree, radicand) {
            root = candidate;
        }
    }
    u64::try_from(root & u128::from(u64::MAX)).unwrap_or_default()
}

/// Whether `candidate^degree <= radicand * 2^(64 * degree)`, in limbs of 32 bits.
fn power_is_at_most(candidate: u128, degree: u32, radicand: u64) -> bool {
    let limbs = |value: u128| -> Vec<u64> {
        (0..4).map(|index| u64::try_from((value >> (32 * index)) & 0xffff_ffff).unwrap_or_default()).collect()
    };
    let factor = limbs(candidate);
    let mut power = factor.clone();
    for _ in 1..degree {
        power = multiply(&power, &factor);
    }
    let mut bound = vec![0; usize::try_from(2 * degree).unwrap_or_default()];
    bound.extend(limbs(u128::from(radicand)));
    let length = power.len().max(bound.len());
    power.resize(length, 0);
    bound.resize(length, 0);
    power.iter().rev().le(bound.iter().rev())
}

fn multiply(left: &[u64], right: &[u64]) -> Vec<u64> {
    let mut product = vec![0_u64; left.len() + right.len()];
    for (offset, factor) in left.iter().enumerate() {
        let mut carry = 0;
        let mut right = right.iter();
        for slot in product.iter_mut().skip(offset) {
            let sum = *slot + factor * right.next().copied().unwrap_or(0) + carry;
            *slot = sum & 0xffff_ffff;
            carry = sum >> 32;
        }
    }
    product
}

/// FIPS 180-4, section 6.2.
fn sha256(message: &[u8]) -> Vec<u8> {
    let high = |value: &u64| u32::try_from(value >> 32).unwrap_or_default();
    let constants: Vec<u32> = CUBE_ROOTS.iter().take(64).map(high).collect();
    let mut state: Vec<u32> = SQUARE_ROOTS.iter().map(high).collect();
    for block in padded::<64>(message) {
        let mut schedule: Vec<u32> =
            block.as_chunks::<4>().0.iter().map(|word| u32::from_be_bytes(*word)).collect();
        while let [.., w16, w15, _, _, _, _, _, _, _, w7, _, _, _, _, w2, _] = schedule.as_slice()
            && schedule.len() < 64
        {
            let small0 = w15.rotate_right(7) ^ w15.rotate_right(18) ^ (w15 >> 3);
            let small1 = w2.rotate_right(17) ^ w2.rotate_right(19) ^ (w2 >> 10);
            let next = small1.wrapping_add(*w7).wrapping_add(small0).wrapping_add(*w16);
            schedule.push(next);
        }
        let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] =
            state.as_slice().try_into().unwrap_or([0; 8]);
        for (word, constant) in schedule.iter().zip(&constants) {
            let big1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
            let choice = (e & f) ^ (!e & g);
            let first = h.wrapping_add(big1).wrapping_add(choice).wrapping_add(*constant).wrapping_add(*word);
            let big0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
            let majority = (a & b) ^ (a & c) ^ (b & c);
            let second = big0.wrapping_add(majority);
            (h, g, f, e, d, c, b, a) = (g, f, e, d.wrapping_add(first), c, b, a, first.wrapping_add(second));
        }
        for (word, change) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
            *word = word.wrapping_add(change);
        }
    }
    state.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// FIPS 180-4, section 6.4.
fn sha512(message: &[u8]) -> Vec<u8> {
    let constants = CUBE_ROOTS.as_slice();
    let mut state = SQUARE_ROOTS.clone();
    for block in padded::<128>(message) {
        let mut schedule: Vec<u64> =
            block.as_chunks::<8>().0.iter().map(|word| u64::from_be_bytes(*word)).collect();
        while let [.., w16, w15, _, _, _, _, _, _, _, w7, _, _, _, _, w2, _] = schedule.as_slice()
            && schedule.len() < 80
        {
            let small0 = w15.rotate_right(1) ^ w15.rotate_right(8) ^ (w15 >> 7);
            let small1 = w2.rotate_right(19) ^ w2.rotate_right(61) ^ (w2 >> 6);
            let next = small1.wrapping_add(*w7).wrapping_add(small0).wrapping_add(*w16);
            schedule.push(next);
        }
        let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] =
            state.as_slice().try_into().unwrap_or([0; 8]);
        for (word, constant) in schedule.iter().zip(constants) {
            let big1 = e.rotate_right(14) ^ e.rotate_right(18) ^ e.rotate_right(41);
            let choice = (e & f) ^ (!e & g);
            let first = h.wrapping_add(big1).wrapping_add(choice).wrapping_add(*constant).wrapping_add(*word);
            let big0 = a.rotate_right(28) ^ a.rotate_right(34) ^ a.rotate_right(39);
            let majority = (a & b) ^ (a & c) ^ (b & c);
            let second = big0.wrapping_add(majority);
            (h, g, f, e, d, c, b, a) = (g, f, e, d.wrapping_add(first), c, b, a, first.wrapping_add(second));
        }
        for (word, change) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
            *word = word.wrapping_add(change);
        }
    }
    state.iter().flat_map(|word| word.to_be_bytes()).collect()
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

    #[test]
    fn messages_around_the_block_length() {
        let message = [b'a'; 200];
        let of = |length: usize| hexadecimal(&sha256(&message[..length]));
        assert_eq!(of(55), "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318");
        assert_eq!(of(56), "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a");
        assert_eq!(of(64), "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb");
    }
}
