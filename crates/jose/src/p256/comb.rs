//! Multiples of a point, kept so that any other multiple takes few additions and, with those of other points, few doublings.

use std::array;

use super::point::{Affine, Exceptional, Sum};
use super::residue::{N, Residue};
use super::words;

/// A number has a row for each of its pieces of 32 bits.
const ROWS: usize = 8;
const ROW_BITS: usize = 32;

/// For each row, the multiples 1 to 2^(bits - 1) of 2^(32·row) times the point, where a digit has 32/`DIGITS` bits.
pub(super) struct Comb<const DIGITS: usize> {
    multiples: Box<[Affine]>,
}

/// An integer modulo n in signed digits, least significant first, each row for itself.
pub(super) struct Digits<const DIGITS: usize>([[i16; DIGITS]; ROWS]);

impl<const DIGITS: usize> Comb<DIGITS> {
    const MULTIPLES: usize = 1 << (ROW_BITS / DIGITS - 1);

    /// # Errors
    ///
    /// Never: as n is prime, no point is one of its own multiples up to n.
    pub(super) fn new(point: Affine) -> Result<Self, Exceptional> {
        let mut power = Sum::from(point);
        let powers: [Sum; ROWS] = array::from_fn(|row| {
            for _ in 0..if row == 0 { 0 } else { ROW_BITS } {
                power.double();
            }
            power
        });
        let mut multiples = Vec::with_capacity(ROWS * Self::MULTIPLES);
        for point in Sum::to_affine(&powers) {
            let mut multiple = Sum::from(point);
            multiples.push(multiple);
            // The second is no sum of different points.
            multiple.double();
            multiples.push(multiple);
            for _ in 2..Self::MULTIPLES {
                multiple.add(&point)?;
                multiples.push(multiple);
            }
        }
        Ok(Self { multiples: Sum::to_affine(&multiples).into() })
    }

    /// Adds what the digits at this place of all rows stand for.
    pub(super) fn add(
        &self,
        digits: &Digits<DIGITS>,
        place: usize,
        sum: &mut Sum,
    ) -> Result<(), Exceptional> {
        for (multiples, digits) in self.multiples.chunks_exact(Self::MULTIPLES).zip(&digits.0) {
            let digit = digits.get(place).copied().unwrap_or_default();
            // None for the digit zero.
            let Some(point) = multiples.get(usize::from(digit.unsigned_abs()).wrapping_sub(1)) else {
                continue;
            };
            sum.add(&Affine { x: point.x, y: point.y.negated_if(digit < 0) })?;
        }
        Ok(())
    }
}

impl<const DIGITS: usize> Digits<DIGITS> {
    const DIGIT_BITS: usize = ROW_BITS / DIGITS;

    pub(super) fn of(number: Residue<N>) -> Self {
        // The number or its negative is below 2^255, so that the last digit leaves no carry.
        let (number, opposite) = (number.value(), (-number).value());
        let is_negative = words::is_below(opposite, number);
        let number = if is_negative { opposite } else { number };
        let (half, whole) = (1 << (Self::DIGIT_BITS - 1), 1 << Self::DIGIT_BITS);
        let mut digits = [[0; DIGITS]; ROWS];
        let mut carry = 0;
        let mut rows = number.into_iter().flat_map(|word| [word & u64::from(u32::MAX), word >> 32]);
        for digits in &mut digits {
            let mut row = rows.next().unwrap_or_default();
            for digit in digits {
                let value = i16::try_from(row % whole as u64).unwrap_or_default() + carry;
                carry = i16::from(value > half);
                let value = value - carry * whole;
                *digit = if is_negative { -value } else { value };
                row /= whole as u64;
            }
        }
        Self(digits)
    }
}
