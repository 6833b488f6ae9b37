//! Whether 32 bytes are an acceptable Ed25519 public key (RFC 8032, section 5.1.3): a canonical encoding of a curve point that is not of
//! small order.
//!
//! Signature libraries check this late, partly or not at all; with a point of small order one signature fits many messages. Everything here
//! is public, so nothing needs constant time.

/// Why an encoding is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PointRefusal {
    NotCanonical,
    SmallOrder,
    NotOnCurve,
}

/// y coordinates of the eight points of small order, little-endian, without the sign bit of x.
const SMALL_ORDER: [[u64; 4]; 5] = [
    [0, 0, 0, 0],
    [1, 0, 0, 0],
    [0xffff_ffff_ffff_ffec, u64::MAX, u64::MAX, 0x7fff_ffff_ffff_ffff],
    [0x4fd8_4d3d_706a_17c7, 0x0f67_100d_760b_3cba, 0xc6cc_392c_fa53_202a, 0x7a03_ac92_77fd_c74e],
    [0xb027_b2c2_8f95_e826, 0xf098_eff2_89f4_c345, 0x3933_c6d3_05ac_dfd5, 0x05fc_536d_8802_38b1],
];

/// Refuses everything that is not a good public key.
pub(crate) fn check(encoded: &[u8; 32]) -> Result<(), PointRefusal> {
    let mut words = [0_u64; 4];
    for (word, bytes) in words.iter_mut().zip(encoded.as_chunks::<8>().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    let [w0, w1, w2, w3] = words;
    let w3 = w3 & 0x7fff_ffff_ffff_ffff;
    // p = 2^255 - 19
    if w3 == 0x7fff_ffff_ffff_ffff && w2 == u64::MAX && w1 == u64::MAX && w0 >= 0xffff_ffff_ffff_ffed {
        return Err(PointRefusal::NotCanonical);
    }
    if SMALL_ORDER.contains(&[w0, w1, w2, w3]) {
        return Err(PointRefusal::SmallOrder);
    }
    let y = FieldElement([
        w0 & LIMB,
        ((w0 >> 51) | (w1 << 13)) & LIMB,
        ((w1 >> 38) | (w2 << 26)) & LIMB,
        ((w2 >> 25) | (w3 << 39)) & LIMB,
        w3 >> 12,
    ]);
    // x² = (y² - 1) / (d·y² + 1) with d = -121665/121666: there is an x when 121666·(y² - 1)·(121666 - 121665·y²) is a square.
    let y2 = y.mul(y);
    let numerator = y2.sub(FieldElement::small(1)).mul(FieldElement::small(121_666));
    let denominator = FieldElement::small(121_666).sub(y2.mul(FieldElement::small(121_665)));
    if numerator.mul(denominator).is_nonzero_square() { Ok(()) } else { Err(PointRefusal::NotOnCurve) }
}

const LIMB: u64 = (1 << 51) - 1;

/// An integer modulo 2^255 - 19 in five limbs of 51 bits, each below 2^54.
#[derive(Clone, Copy)]
struct FieldElement([u64; 5]);

impl FieldElement {
    const fn small(value: u64) -> Self {
        Self([value, 0, 0, 0, 0])
    }

    /// The difference; adds 2p first, so that no limb falls below zero. `other` must come from `mul` or `small`.
    fn sub(self, other: Self) -> Self {
        let [a0, a1, a2, a3, a4] = self.0;
        let [b0, b1, b2, b3, b4] = other.0;
        let (first, rest) = ((LIMB - 18) * 2, LIMB * 2);
        Self([a0 + first - b0, a1 + rest - b1, a2 + rest - b2, a3 + rest - b3, a4 + rest - b4])
    }

    fn mul(self, other: Self) -> Self {
        let [a0, a1, a2, a3, a4] = self.0.map(u128::from);
        let [b0, b1, b2, b3, b4] = other.0.map(u128::from);
        // 2^255 = 19
        let r0 = a0 * b0 + 19 * (a1 * b4 + a2 * b3 + a3 * b2 + a4 * b1);
        let r1 = a0 * b1 + a1 * b0 + 19 * (a2 * b4 + a3 * b3 + a4 * b2);
        let r2 = a0 * b2 + a1 * b1 + a2 * b0 + 19 * (a3 * b4 + a4 * b3);
        let r3 = a0 * b3 + a1 * b2 + a2 * b1 + a3 * b0 + 19 * (a4 * b4);
        let r4 = a0 * b4 + a1 * b3 + a2 * b2 + a3 * b1 + a4 * b0;
        let (r0, r1) = carry(r0, r1);
        let (r1, r2) = carry(r1, r2);
        let (r2, r3) = carry(r2, r3);
        let (r3, r4) = carry(r3, r4);
        let (r4, overflow) = carry(r4, 0);
        let (r0, overflow) = carry(u128::from(r0) + 19 * overflow, 0);
        #[expect(clippy::cast_possible_truncation, reason = "what is carried out of 58 bits is below 2^8")]
        Self([r0, r1 + overflow as u64, r2, r3, r4])
    }

    fn square_times(self, times: u32) -> Self {
        (0..times).fold(self, |value, _| value.mul(value))
    }

    /// Euler's criterion: z^((p-1)/2) = 1, with (p-1)/2 = 2^254 - 10.
    fn is_nonzero_square(self) -> bool {
        let z2 = self.mul(self);
        let z9 = z2.square_times(2).mul(self);
        let z11 = z9.mul(z2);
        let ones5 = z11.square_times(1).mul(z9); // 2^5 - 1
        let ones10 = ones5.square_times(5).mul(ones5);
        let ones20 = ones10.square_times(10).mul(ones10);
        let ones40 = ones20.square_times(20).mul(ones20);
        let ones50 = ones40.square_times(10).mul(ones10);
        let ones100 = ones50.square_times(50).mul(ones50);
        let ones200 = ones100.square_times(100).mul(ones100);
        let ones250 = ones200.square_times(50).mul(ones50);
        let power = ones250.square_times(2).mul(self); // 2^252 - 3
        power.square_times(2).mul(z2).reduced() == [1, 0, 0, 0, 0]
    }

    /// The one representative below p.
    fn reduced(self) -> [u64; 5] {
        let [a0, a1, a2, a3, a4] = self.mul(Self::small(1)).0;
        // The quotient by p is 0 or 1 here: 1 when adding 19 reaches 2^255.
        let mut quotient = (a0 + 19) >> 51;
        for limb in [a1, a2, a3, a4] {
            quotient = (limb + quotient) >> 51;
        }
        let mut over = 19 * quotient;
        [a0, a1, a2, a3, a4].map(|limb| {
            let sum = limb + over;
            over = sum >> 51;
            sum & LIMB
        })
    }
}

/// Keeps 51 bits of `low` and adds the rest to `high`.
#[expect(clippy::cast_possible_truncation, reason = "masked to 51 bits")]
const fn carry(low: u128, high: u128) -> (u64, u128) {
    (low as u64 & LIMB, high + (low >> 51))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bit i: whether y = i + 2 is the coordinate of a curve point; computed apart with big integers.
    const SMALL_Y_ON_CURVE: u128 = 0xe0e4_641c_83bc_1a12_bdf6_476a_dfeb_719e;

    fn encoded(y: [u64; 4]) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (chunk, word) in bytes.chunks_mut(8).zip(y) {
            chunk.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    #[test]
    fn knows_which_y_are_on_the_curve() {
        for y in 2..130_u64 {
            let expected =
                if SMALL_Y_ON_CURVE >> (y - 2) & 1 == 1 { Ok(()) } else { Err(PointRefusal::NotOnCurve) };
            assert_eq!(check(&encoded([y, 0, 0, 0])), expected, "y = {y}");
            // -y = p - y is on the curve exactly when y is; the sign bit does not matter.
            let negated = encoded([0xffff_ffff_ffff_ffed - y, u64::MAX, u64::MAX, 0x7fff_ffff_ffff_ffff]);
            assert_eq!(check(&negated), expected, "y = p - {y}");
            let mut signed = negated;
            signed[31] |= 0x80;
            assert_eq!(check(&signed), expected, "y = p - {y}, negative x");
        }
    }

    #[test]
    fn refuses_small_order_and_what_is_not_canonical() {
        for y in SMALL_ORDER {
            assert_eq!(check(&encoded(y)), Err(PointRefusal::SmallOrder));
            assert_eq!(check(&encoded([y[0], y[1], y[2], y[3] | 1 << 63])), Err(PointRefusal::SmallOrder));
        }
        for above in 0..19 {
            let y = [0xffff_ffff_ffff_ffed + above, u64::MAX, u64::MAX, 0x7fff_ffff_ffff_ffff];
            assert_eq!(check(&encoded(y)), Err(PointRefusal::NotCanonical));
            assert_eq!(check(&encoded([y[0], y[1], y[2], u64::MAX])), Err(PointRefusal::NotCanonical));
        }
    }

    #[test]
    fn accepts_generated_keys() {
        for _ in 0..200 {
            let key = crate::KeyPair::generate(crate::Algorithm::Ed25519).unwrap();
            let x = key.public_jwk().to_json()["x"].as_str().unwrap().to_owned();
            assert_eq!(check(&crate::base64url::decode_array(x).unwrap()), Ok(()));
        }
    }
}
