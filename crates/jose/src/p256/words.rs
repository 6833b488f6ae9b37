//! Integers below 2^256 as four words, least significant first.

pub(super) type Words = [u64; 4];

pub(super) fn from_be_bytes(bytes: &[u8; 32]) -> Words {
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().rev().zip(bytes.as_chunks::<8>().0) {
        *word = u64::from_be_bytes(*bytes);
    }
    words
}

pub(super) fn is_below([a0, a1, a2, a3]: Words, [b0, b1, b2, b3]: Words) -> bool {
    [a3, a2, a1, a0] < [b3, b2, b1, b0]
}

/// a + b modulo 2^256, and whether the sum has one more bit.
#[inline]
pub(super) fn sum([a0, a1, a2, a3]: Words, [b0, b1, b2, b3]: Words) -> (Words, bool) {
    let (s0, carry) = a0.carrying_add(b0, false);
    let (s1, carry) = a1.carrying_add(b1, carry);
    let (s2, carry) = a2.carrying_add(b2, carry);
    let (s3, carry) = a3.carrying_add(b3, carry);
    ([s0, s1, s2, s3], carry)
}

/// a - b modulo 2^256, and whether b was larger.
#[inline]
pub(super) fn difference([a0, a1, a2, a3]: Words, [b0, b1, b2, b3]: Words) -> (Words, bool) {
    let (d0, borrow) = a0.borrowing_sub(b0, false);
    let (d1, borrow) = a1.borrowing_sub(b1, borrow);
    let (d2, borrow) = a2.borrowing_sub(b2, borrow);
    let (d3, borrow) = a3.borrowing_sub(b3, borrow);
    ([d0, d1, d2, d3], borrow)
}

/// `yes` if the condition holds, else `no`. Without a branch: a processor guesses half of these conditions wrong, and that costs
/// more than everything around them.
#[inline(always)]
pub(super) fn choose(condition: bool, yes: Words, no: Words) -> Words {
    let mask = u64::from(condition).wrapping_neg();
    let ([y0, y1, y2, y3], [n0, n1, n2, n3]) = (yes, no);
    [n0 ^ (y0 ^ n0) & mask, n1 ^ (y1 ^ n1) & mask, n2 ^ (y2 ^ n2) & mask, n3 ^ (y3 ^ n3) & mask]
}
