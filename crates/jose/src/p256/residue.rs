//! Integers modulo one of the curve's two primes, in Montgomery's form.

use std::marker::PhantomData;
use std::ops::{Add, Mul, Neg, Sub};

use super::inverse::inverse;
use super::words::{self, Words};

/// A prime between 2^255 and 2^256.
pub(super) trait Prime: Copy {
    const VALUE: Words;
    /// R² modulo the prime, where R = 2^256.
    const R_SQUARED: Words;

    /// Adds the multiple of the prime that makes the lowest word zero, and drops that word.
    fn without_lowest_word(sum: [u64; 6]) -> [u64; 5];
}

/// p = 2^256 - 2^224 + 2^192 + 2^96 - 1: coordinates are integers modulo p.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct P;

/// n, how many points the curve has: both halves of a signature, and what points are multiplied with, are integers modulo n.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct N;

impl Prime for P {
    const VALUE: Words = [0xffff_ffff_ffff_ffff, 0x0000_0000_ffff_ffff, 0, 0xffff_ffff_0000_0001];
    const R_SQUARED: Words = [3, 0xffff_fffb_ffff_ffff, 0xffff_ffff_ffff_fffe, 0x0000_0004_ffff_fffd];

    #[inline(always)]
    fn without_lowest_word([s0, s1, s2, s3, s4, s5]: [u64; 6]) -> [u64; 5] {
        // -p⁻¹ modulo 2^64 is 1, so that the multiple is s0·p = s0·(2^256 - 2^224 + 2^192) + s0·2^96 - s0.
        let (low, high) = s0.carrying_mul(0xffff_ffff_0000_0001, 0);
        let (s1, carry) = s1.carrying_add(s0 << 32, false);
        let (s2, carry) = s2.carrying_add(s0 >> 32, carry);
        let (s3, carry) = s3.carrying_add(low, carry);
        let (s4, carry) = s4.carrying_add(high, carry);
        [s1, s2, s3, s4, s5 + u64::from(carry)]
    }
}

impl Prime for N {
    const VALUE: Words =
        [0xf3b9_cac2_fc63_2551, 0xbce6_faad_a717_9e84, 0xffff_ffff_ffff_ffff, 0xffff_ffff_0000_0000];
    const R_SQUARED: Words =
        [0x8324_4c95_be79_eea2, 0x4699_799c_49bd_6fa6, 0x2845_b239_2b6b_ec59, 0x66e1_2d94_f3d9_5620];

    #[inline(always)]
    fn without_lowest_word([s0, s1, s2, s3, s4, s5]: [u64; 6]) -> [u64; 5] {
        let [n0, n1, n2, n3] = Self::VALUE;
        // -n⁻¹ modulo 2^64
        let times = s0.wrapping_mul(0xccd1_c8aa_ee00_bc4f);
        let (_, carry) = times.carrying_mul_add(n0, s0, 0);
        let (s1, carry) = times.carrying_mul_add(n1, s1, carry);
        let (s2, carry) = times.carrying_mul_add(n2, s2, carry);
        let (s3, carry) = times.carrying_mul_add(n3, s3, carry);
        let (s4, carry) = s4.carrying_add(carry, false);
        [s1, s2, s3, s4, s5 + u64::from(carry)]
    }
}

/// An integer modulo `M`. The words are x·R modulo `M`, below it, so that equal integers have equal words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Residue<M: Prime>(Words, PhantomData<M>);

impl<M: Prime> Residue<M> {
    pub(super) const ZERO: Self = Self([0; 4], PhantomData);
    /// 2^256 less the prime, which is odd.
    pub(super) const ONE: Self = {
        let [m0, m1, m2, m3] = M::VALUE;
        Self([!m0 + 1, !m1, !m2, !m3], PhantomData)
    };
    const R_SQUARED: Self = Self(M::R_SQUARED, PhantomData);

    /// The integer, if it is below the prime.
    pub(super) fn new(value: Words) -> Option<Self> {
        words::is_below(value, M::VALUE).then(|| Self(value, PhantomData) * Self::R_SQUARED)
    }

    /// The integer modulo the prime.
    pub(super) fn modulo(value: Words) -> Self {
        Self::below_twice(value, false) * Self::R_SQUARED
    }

    /// The integer, between zero and the prime.
    pub(super) fn value(self) -> Words {
        (self * Self([1, 0, 0, 0], PhantomData)).0
    }

    pub(super) fn is_zero(self) -> bool {
        self.0 == [0; 4]
    }

    /// The inverse; zero has none and gives zero.
    pub(super) fn inverted(self) -> Self {
        // (x·R)⁻¹·R²·R²/R/R = x⁻¹·R
        Self(inverse(self.0, M::VALUE), PhantomData) * Self::R_SQUARED * Self::R_SQUARED
    }

    #[inline(always)]
    pub(super) fn doubled(self) -> Self {
        self + self
    }

    #[inline(always)]
    pub(super) fn squared(self) -> Self {
        self * self
    }

    #[inline(always)]
    pub(super) fn negated_if(self, condition: bool) -> Self {
        Self(words::choose(condition, (-self).0, self.0), PhantomData)
    }

    /// Words that stand for less than twice the prime; `carry` stands for 2^256.
    #[inline(always)]
    fn below_twice(words: Words, carry: bool) -> Self {
        let (less, borrow) = words::difference(words, M::VALUE);
        Self(words::choose(borrow & !carry, words, less), PhantomData)
    }
}

impl<M: Prime> Mul for Residue<M> {
    type Output = Self;

    /// The product of both words, divided by R (Montgomery's multiplication).
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        let [a0, a1, a2, a3] = self.0;
        // Below twice the prime after each round.
        let mut sum = [0; 5];
        for digit in other.0 {
            let [s0, s1, s2, s3, s4] = sum;
            let (s0, carry) = a0.carrying_mul_add(digit, s0, 0);
            let (s1, carry) = a1.carrying_mul_add(digit, s1, carry);
            let (s2, carry) = a2.carrying_mul_add(digit, s2, carry);
            let (s3, carry) = a3.carrying_mul_add(digit, s3, carry);
            let (s4, carry) = s4.carrying_add(carry, false);
            sum = M::without_lowest_word([s0, s1, s2, s3, s4, u64::from(carry)]);
        }
        let [s0, s1, s2, s3, s4] = sum;
        Self::below_twice([s0, s1, s2, s3], s4 != 0)
    }
}

impl<M: Prime> Add for Residue<M> {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        let (sum, carry) = words::sum(self.0, other.0);
        Self::below_twice(sum, carry)
    }
}

impl<M: Prime> Sub for Residue<M> {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        let (difference, borrow) = words::difference(self.0, other.0);
        Self(words::sum(difference, words::choose(borrow, M::VALUE, [0; 4])).0, PhantomData)
    }
}

impl<M: Prime> Neg for Residue<M> {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        Self::ZERO - self
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Integers where carries and borrows happen, and any other.
    pub(crate) fn integers() -> impl Strategy<Value = Words> {
        let near = |[w0, w1, w2, w3]: Words| {
            (-2_i64..=2).prop_map(move |by| [w0.wrapping_add_signed(by), w1, w2, w3]).boxed()
        };
        let edge =
            prop_oneof![Just(0), Just(1), Just(u64::MAX), Just(1 << 63), Just(0xffff_ffff), any::<u64>()];
        prop_oneof![
            near([2, 0, 0, 0]),
            near(P::VALUE),
            near(N::VALUE),
            Just([u64::MAX; 4]),
            any::<Words>(),
            [edge.clone(), edge.clone(), edge.clone(), edge],
        ]
    }

    /// a·b, by doubling and adding bit for bit.
    fn product_by_hand<M: Prime>(a: Residue<M>, b: Residue<M>) -> Residue<M> {
        let factor = a.value();
        let mut product = Residue::ZERO;
        for word in factor.iter().rev() {
            for bit in (0..64).rev() {
                product = product.doubled();
                if word >> bit & 1 == 1 {
                    product = product + b;
                }
            }
        }
        product
    }

    fn check_constants<M: Prime + std::fmt::Debug + PartialEq>() {
        assert_eq!(Residue::<M>::ONE.value(), [1, 0, 0, 0]);
        let r = (0..256).fold(Residue::<M>::ONE, |power, _| power.doubled());
        assert_eq!(r.0, M::R_SQUARED, "the words of R are R·R");
        assert_eq!(Residue::<M>::new(M::VALUE), None);
        assert_eq!(Residue::<M>::modulo(M::VALUE), Residue::ZERO);
        assert!(Residue::<M>::ZERO.inverted().is_zero());
    }

    fn check<M: Prime + std::fmt::Debug + PartialEq>(a: Words, b: Words) {
        let (x, y) = (Residue::<M>::modulo(a), Residue::<M>::modulo(b));
        if words::is_below(a, M::VALUE) {
            assert_eq!((Residue::new(a), x.value()), (Some(x), a));
        } else {
            assert_eq!((Residue::<M>::new(a), x.value()), (None, words::difference(a, M::VALUE).0));
        }
        for result in [x, y, x + y, x - y, -x, x * y, x.inverted()] {
            assert!(words::is_below(result.0, M::VALUE));
        }
        assert_eq!((x + y) - y, x);
        assert_eq!(x - y, -(y - x));
        assert_eq!(x * y, product_by_hand(x, y));
        assert_eq!(x.squared(), x * x);
        assert_eq!((x.negated_if(true), x.negated_if(false)), (-x, x));
        if !x.is_zero() {
            assert_eq!(x * x.inverted(), Residue::ONE);
        }
    }

    #[test]
    fn constants_are_right() {
        check_constants::<P>();
        check_constants::<N>();
    }

    proptest! {
        #[test]
        fn counts_as_is_done_by_hand(a in integers(), b in integers()) {
            check::<P>(a, b);
            check::<N>(a, b);
        }
    }
}
