//! ECDSA verification with P-256 and SHA-256 for keys that return (FIPS 186-5, section 6.4.2).
//!
//! Who calls an API calls it again, with the same key: that is what DPoP is about. Of such a key 64 multiples are kept, 4 KB, and a
//! signature is verified with them in less than half of the time that the cryptographic library takes for a key it knows nothing
//! about. Everything else stays with the library: making keys and signatures, other curves, keys that were seen a few times only,
//! and every case that the formulas here do not cover.
//!
//! All values are public, the key, the message and the signature: nothing here has to take the same time for all of them, and
//! nothing here may ever be used with a private key. The one duty is to accept exactly what the library accepts.

mod comb;
mod inverse;
mod point;
mod residue;
#[cfg(test)]
mod tests;
mod words;

use std::sync::LazyLock;

use self::comb::{Comb, Digits};
use self::point::{Affine, Exceptional, Sum};
use self::residue::{N, P, Prime, Residue};
use self::words::Words;

/// Whether big-endian coordinates are those of a point of the curve.
///
/// The curve has prime order, so that every such point is a public key (SP 800-56A, section 5.6.2.3.3). The library finds the same
/// with twenty times the work; that is done when a signature is to be verified, and this before anything is known about the sender.
pub(crate) fn is_on_curve(x: &[u8; 32], y: &[u8; 32]) -> bool {
    point(x, y).is_some()
}

fn point(x: &[u8; 32], y: &[u8; 32]) -> Option<Affine> {
    Affine::new(words::from_be_bytes(x), words::from_be_bytes(y))
}

/// A public key with what makes the verification of its signatures quick.
pub(crate) struct ReturningKey(Comb<KEY_DIGITS>);

/// Digits of four bits: 4 KB for a key.
const KEY_DIGITS: usize = 8;
const DOUBLINGS: usize = 32 / KEY_DIGITS;
/// Digits of eight bits for the curve's base point: 64 KB, and half as many additions.
const BASE_DIGITS: usize = 4;
const KEY_DIGITS_FOR_ONE_OF_BASE: usize = KEY_DIGITS / BASE_DIGITS;

/// The curve's base point.
const BASE_X: Words =
    [0xf4a1_3945_d898_c296, 0x7703_7d81_2deb_33a0, 0xf8bc_e6e5_63a4_40f2, 0x6b17_d1f2_e12c_4247];
const BASE_Y: Words =
    [0xcbb6_4068_37bf_51f5, 0x2bce_3357_6b31_5ece, 0x8ee7_eb4a_7c0f_9e16, 0x4fe3_42e2_fe1a_7f9b];

/// Its multiples; made when the first key returns.
static BASE: LazyLock<Option<Comb<BASE_DIGITS>>> =
    LazyLock::new(|| Affine::new(BASE_X, BASE_Y).and_then(|base| Comb::new(base).ok()));

impl ReturningKey {
    /// Of big-endian coordinates; none if they are not those of a point of the curve.
    pub(crate) fn new(x: &[u8; 32], y: &[u8; 32]) -> Option<Self> {
        Comb::new(point(x, y)?).ok().map(Self)
    }

    /// Whether r and s, 32 bytes each and big-endian, are a signature of the message with this SHA-256 digest.
    ///
    /// `None` if this can not tell, and the library must.
    #[inline(never)]
    pub(crate) fn verifies(&self, digest: &[u8; 32], r: &[u8; 32], s: &[u8; 32]) -> Option<bool> {
        let r_words = words::from_be_bytes(r);
        let (Some(r), Some(s)) = (Residue::<N>::new(r_words), Residue::<N>::new(words::from_be_bytes(s)))
        else {
            return Some(false);
        };
        if r.is_zero() || s.is_zero() {
            return Some(false);
        }
        let digest = Residue::<N>::modulo(words::from_be_bytes(digest));
        let inverse = s.inverted();
        let sum = self.sum(digest * inverse, r * inverse).ok()?;
        // The x of the sum is below p, which is above n: it may be r, or r + n.
        let (r_and_n, is_beyond) = words::sum(r_words, N::VALUE);
        let candidates = [Some(r_words), (!is_beyond).then_some(r_and_n)];
        Some(candidates.into_iter().flatten().filter_map(Residue::<P>::new).any(|x| sum.has_x(x)))
    }

    /// `of_base` times the base point and `of_key` times the key, from the highest digits to the lowest.
    fn sum(&self, of_base: Residue<N>, of_key: Residue<N>) -> Result<Sum, Exceptional> {
        let base = BASE.as_ref().ok_or(Exceptional)?;
        let (of_base, of_key) = (Digits::of(of_base), Digits::of(of_key));
        let mut sum = Sum::INFINITY;
        for place in (0..KEY_DIGITS).rev() {
            if !sum.is_infinity() {
                for _ in 0..DOUBLINGS {
                    sum.double();
                }
            }
            self.0.add(&of_key, place, &mut sum)?;
            if place % KEY_DIGITS_FOR_ONE_OF_BASE == 0 {
                base.add(&of_base, place / KEY_DIGITS_FOR_ONE_OF_BASE, &mut sum)?;
            }
        }
        Ok(sum)
    }
}
