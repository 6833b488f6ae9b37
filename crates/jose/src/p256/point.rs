//! Points of the curve y² = x³ - 3x + b, and their sums.
//!
//! The formulas are those of the Explicit-Formulas Database for short Weierstrass curves in XYZZ coordinates: `madd-2008-s` and
//! `dbl-2008-s-1`.

use super::residue::{P, Residue};
use super::words::Words;

pub(super) type Coordinate = Residue<P>;

/// The curve's constant b.
const B: Words = [0x3bce_3c3e_27d2_604b, 0x651d_06b0_cc53_b0f6, 0xb3eb_bd55_7698_86bc, 0x5ac6_35d8_aa3a_93e7];

/// A point with coordinates: every one but the point at infinity. Aligned so that a processor fetches it in one piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(align(64))]
pub(super) struct Affine {
    pub(super) x: Coordinate,
    pub(super) y: Coordinate,
}

/// A sum of points: x = `x`/`zz`, y = `y`/`zzz`, where `zz`³ = `zzz`². The point at infinity where `zz` is zero.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sum {
    x: Coordinate,
    y: Coordinate,
    zz: Coordinate,
    zzz: Coordinate,
}

/// A sum of a point and itself or its negative, for which there are other formulas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exceptional;

impl Affine {
    /// None if a coordinate is not below p, or the point is not on the curve.
    pub(super) fn new(x: Words, y: Words) -> Option<Self> {
        let (x, y) = (Residue::new(x)?, Residue::new(y)?);
        let three_x = x.doubled() + x;
        (y.squared() == x.squared() * x - three_x + Residue::new(B)?).then_some(Self { x, y })
    }
}

impl Sum {
    pub(super) const INFINITY: Self =
        Self { x: Coordinate::ZERO, y: Coordinate::ZERO, zz: Coordinate::ZERO, zzz: Coordinate::ZERO };

    pub(super) fn is_infinity(&self) -> bool {
        self.zz.is_zero()
    }

    /// Whether the sum has this x; the point at infinity has none.
    pub(super) fn has_x(&self, x: Coordinate) -> bool {
        !self.is_infinity() && self.x == x * self.zz
    }

    /// Adds the sum to itself. No point of the curve has y = 0, so that this has no exception.
    pub(super) fn double(&mut self) {
        let u = self.y.doubled();
        let v = u.squared();
        let w = u * v;
        let s = self.x * v;
        // 3·x² - 3·zz²
        let m = (self.x - self.zz) * (self.x + self.zz);
        let m = m.doubled() + m;
        self.x = m.squared() - s.doubled();
        self.y = m * (s - self.x) - w * self.y;
        self.zz = v * self.zz;
        self.zzz = w * self.zzz;
    }

    pub(super) fn add(&mut self, point: &Affine) -> Result<(), Exceptional> {
        if self.is_infinity() {
            *self = Self::from(*point);
            return Ok(());
        }
        let p = point.x * self.zz - self.x;
        if p.is_zero() {
            return Err(Exceptional);
        }
        let r = point.y * self.zzz - self.y;
        let pp = p.squared();
        let ppp = p * pp;
        let q = self.x * pp;
        self.x = r.squared() - ppp - q.doubled();
        self.y = r * (q - self.x) - self.y * ppp;
        self.zz = self.zz * pp;
        self.zzz = self.zzz * ppp;
        Ok(())
    }

    /// The points that the sums are, for the price of one inversion. None may be the point at infinity.
    pub(super) fn to_affine(sums: &[Self]) -> Vec<Affine> {
        let mut product = Coordinate::ONE;
        let mut before = Vec::with_capacity(sums.len());
        for sum in sums {
            before.push(product);
            product = product * sum.zzz;
        }
        // 1 over the product of all up to this one.
        let mut inverse = product.inverted();
        let mut points = Vec::with_capacity(sums.len());
        for (sum, before) in sums.iter().zip(before).rev() {
            let one_over_zzz = inverse * before;
            let one_over_zz = (sum.zz * one_over_zzz).squared();
            points.push(Affine { x: sum.x * one_over_zz, y: sum.y * one_over_zzz });
            inverse = inverse * sum.zzz;
        }
        points.reverse();
        points
    }
}

impl From<Affine> for Sum {
    fn from(point: Affine) -> Self {
        Self { x: point.x, y: point.y, zz: Coordinate::ONE, zzz: Coordinate::ONE }
    }
}
