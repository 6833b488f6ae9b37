//! Inverses modulo an odd number, by division steps (D. J. Bernstein, B.-Y. Yang: Fast constant-time gcd computation and modular
//! inversion, 2019).
//!
//! A division step looks at the lowest bits only, so that a batch of 62 is done on single words; one multiplication by a matrix
//! then does to the whole integers what the batch did to their lowest words. How many batches there are depends on the
//! integers, which are public.

use super::words::Words;

const LIMB_BITS: u32 = 62;
const LIMB: u64 = (1 << LIMB_BITS) - 1;

/// A signed integer: limbs of 62 bits, least significant first, all but the last one not negative.
type Signed = [i64; 5];

/// The inverse of `value`, which is below `modulus`; both have no common divisor. Zero gives zero.
pub(super) fn inverse(value: Words, modulus: Words) -> Words {
    let modulus = split(modulus);
    let low_inverse = inverse_of_lowest_limb(&modulus);
    let mut batch = Batch { exchange_in: -1 };
    let (mut f, mut g) = (modulus, split(value));
    // Always f = d·value and g = e·value modulo `modulus`; d and e are above -2·modulus and below modulus.
    let (mut d, mut e): (Signed, Signed) = ([0; 5], [1, 0, 0, 0, 0]);
    while g != [0; 5] {
        let [of_f, of_g] = batch.steps(lowest(&f), lowest(&g));
        (f, g) = (combined(of_f, &f, &g), combined(of_g, &f, &g));
        (d, e) = (
            combined_modulo(of_f, &d, &e, &modulus, low_inverse),
            combined_modulo(of_g, &d, &e, &modulus, low_inverse),
        );
    }
    // f is the greatest common divisor now, 1 or -1.
    let mut inverse = if is_negative(&f) { sum(&[0; 5], -1, &d) } else { d };
    while is_negative(&inverse) {
        inverse = sum(&inverse, 1, &modulus);
    }
    loop {
        let less = sum(&inverse, -1, &modulus);
        if is_negative(&less) {
            return join(inverse);
        }
        inverse = less;
    }
}

/// Division steps on lowest words.
struct Batch {
    /// Steps until f and g are exchanged, if g is odd then, less one; negative if that is due.
    exchange_in: i64,
}

/// New value of f or g after a batch: `times_f`·f + `times_g`·g, over 2^62.
#[derive(Clone, Copy)]
struct Row {
    times_f: i64,
    times_g: i64,
}

impl Batch {
    fn steps(&mut self, mut f: u64, mut g: u64) -> [Row; 2] {
        // Wrapping arithmetic, as 64 bits hold every value between -2^62 and 2^62.
        let (mut of_f, mut of_g) = ([1_u64, 0], [0_u64, 1]);
        let mut left = LIMB_BITS;
        loop {
            let halvings = (g | u64::MAX << left).trailing_zeros();
            g >>= halvings;
            of_f = of_f.map(|times| times << halvings);
            self.exchange_in -= i64::from(halvings);
            left -= halvings;
            if left == 0 {
                return [of_f, of_g].map(|[times_f, times_g]| Row {
                    times_f: times_f.cast_signed(),
                    times_g: times_g.cast_signed(),
                });
            }
            if self.exchange_in < 0 {
                self.exchange_in = -self.exchange_in;
                (f, g) = (g, f.wrapping_neg());
                (of_f, of_g) = (of_g, of_f.map(u64::wrapping_neg));
            }
            // Both are odd. The multiple of f that makes the lowest bits of g zero: all bits until the next exchange,
            // but no more than six, for which f·(f² - 2) is -1/f.
            let until_exchange = u32::try_from(self.exchange_in + 1).unwrap_or(LIMB_BITS);
            let bits = until_exchange.min(left).min(6);
            let minus_inverse = f.wrapping_mul(f.wrapping_mul(f).wrapping_sub(2));
            let multiple = g.wrapping_mul(minus_inverse) & ((1 << bits) - 1);
            g = g.wrapping_add(f.wrapping_mul(multiple));
            for (of_g, of_f) in of_g.iter_mut().zip(of_f) {
                *of_g = of_g.wrapping_add(of_f.wrapping_mul(multiple));
            }
        }
    }
}

/// `times_f`·f + `times_g`·g, over 2^62, which leaves no remainder.
fn combined(row: Row, f: &Signed, g: &Signed) -> Signed {
    shifted([(row.times_f, f), (row.times_g, g), (0, &[0; 5])])
}

/// The same modulo `modulus` of d and e, where 2^62 may not divide.
fn combined_modulo(row: Row, d: &Signed, e: &Signed, modulus: &Signed, low_inverse: u64) -> Signed {
    // As if d and e were between -modulus and modulus, so that the result is as far from zero as they were.
    let if_negative = |times: i64, value: &Signed| if is_negative(value) { times } else { 0 };
    let times = if_negative(row.times_f, d) + if_negative(row.times_g, e);
    let term = |times: i64, value: &Signed| times.cast_unsigned().wrapping_mul(lowest(value));
    let remainder = term(row.times_f, d).wrapping_add(term(row.times_g, e)).wrapping_mul(low_inverse);
    let times = times - (remainder.wrapping_add(times.cast_unsigned()) & LIMB).cast_signed();
    shifted([(row.times_f, d), (row.times_g, e), (times, modulus)])
}

/// The sum of three products, without its lowest 62 bits.
#[inline(always)]
fn shifted(
    [(a, [a0, a_rest @ ..]), (b, [b0, b_rest @ ..]), (c, [c0, c_rest @ ..])]: [(i64, &Signed); 3],
) -> Signed {
    let product = |factor: i64, limb: &i64| i128::from(factor) * i128::from(*limb);
    let mut sum = (product(a, a0) + product(b, b0) + product(c, c0)) >> LIMB_BITS;
    let mut result = [0; 5];
    let [limbs @ .., last] = &mut result;
    for (limb, ((x, y), z)) in limbs.iter_mut().zip(a_rest.iter().zip(b_rest).zip(c_rest)) {
        sum += product(a, x) + product(b, y) + product(c, z);
        *limb = low_word(sum) & LIMB.cast_signed();
        sum >>= LIMB_BITS;
    }
    *last = low_word(sum);
    result
}

/// a + sign·b
fn sum(a: &Signed, sign: i64, b: &Signed) -> Signed {
    let mut result = [0; 5];
    let mut carry = 0;
    for (limb, (a, b)) in result.iter_mut().zip(a.iter().zip(b)) {
        let sum = carry + a + sign * b;
        *limb = sum & LIMB.cast_signed();
        carry = sum >> LIMB_BITS;
    }
    let [.., last] = &mut result;
    *last |= carry << LIMB_BITS;
    result
}

fn is_negative([.., last]: &Signed) -> bool {
    *last < 0
}

fn lowest([limb, ..]: &Signed) -> u64 {
    limb.cast_unsigned()
}

#[expect(clippy::cast_possible_truncation, reason = "that is the low word")]
fn low_word(value: i128) -> i64 {
    value as i64
}

/// 1/m modulo 2^62, by Newton's iteration; m itself is right in three bits.
fn inverse_of_lowest_limb(modulus: &Signed) -> u64 {
    let low = lowest(modulus);
    let better = |inverse: u64| inverse.wrapping_mul(2_u64.wrapping_sub(low.wrapping_mul(inverse)));
    (0..5).fold(low, |inverse, _| better(inverse)) & LIMB
}

fn split([w0, w1, w2, w3]: Words) -> Signed {
    [w0, w0 >> 62 | w1 << 2, w1 >> 60 | w2 << 4, w2 >> 58 | w3 << 6, w3 >> 56]
        .map(|limb| (limb & LIMB).cast_signed())
}

fn join(limbs: Signed) -> Words {
    let [l0, l1, l2, l3, l4] = limbs.map(i64::cast_unsigned);
    [l0 | l1 << 62, l1 >> 2 | l2 << 60, l2 >> 4 | l3 << 58, l3 >> 6 | l4 << 56]
}
