//! The signature of the proof.

use jose::{Algorithm, base64url, crypto};
use testkit::malleable::{P256_ORDER, ed25519_beyond_order};

use super::{
    case::{Case, plain, twice},
    d_key::rsa_by_hand,
    draft::Draft,
    expectation::*,
    l_binding::other_s,
    rsa_by_hand::{BITS_2048, DIGEST_INFO, EXPONENT_3},
};

fn ed25519(draft: &mut Draft, edit: fn(Vec<u8>) -> Vec<u8>) {
    draft.use_new_key(Algorithm::EdDsa);
    draft.proof.signature = Some(edit);
}

fn rs256(draft: &mut Draft, sign: fn(&[u8]) -> Vec<u8>) {
    rsa_by_hand(draft, &BITS_2048, sign);
}

fn ps256(draft: &mut Draft, sign: fn(&[u8]) -> Vec<u8>) {
    rs256(draft, sign);
    draft.proof.header["alg"] = serde_json::json!("PS256");
}

fn sha256(message: &[u8]) -> Vec<u8> {
    crypto::sha256(message).to_vec()
}

/// The sum of two numbers, least significant byte first.
fn add(left: &mut [u8], right: &[u8]) {
    let mut carry = 0;
    for (byte, more) in left.iter_mut().zip(right) {
        let sum = u16::from(*byte) + u16::from(*more) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
}

/// The cube root, from above, of a number that begins with a block of our choice.
fn forged(input: &[u8]) -> Vec<u8> {
    let mut block = vec![0, 1];
    block.extend_from_slice(&[0xff; 8]);
    block.push(0);
    block.extend_from_slice(&DIGEST_INFO);
    block.extend(sha256(input));
    block.resize(256, 0);
    // Bit by bit, the largest root whose cube begins below the block with garbage behind it.
    let mut limit = block.clone();
    limit[62..].fill(0xff);
    let mut root = vec![0_u8; 86];
    for bit in 0..root.len() * 8 {
        root[bit / 8] |= 0x80 >> (bit % 8);
        if cube(&root) > limit {
            root[bit / 8] &= !(0x80 >> (bit % 8));
        }
    }
    assert_eq!(cube(&root)[..62], block[..62], "the forgery has the block in front");
    [vec![0; 256 - root.len()], root].concat()
}

/// The cube of a number, most significant byte first, in 258 bytes less the two that stay zero.
fn cube(number: &[u8]) -> Vec<u8> {
    let multiply = |left: &[u8], right: &[u8]| {
        let mut product = vec![0_u8; left.len() + right.len()];
        for (i, a) in left.iter().rev().enumerate() {
            let mut carry = 0_u32;
            for (j, b) in right.iter().rev().enumerate() {
                let at = product.len() - 1 - i - j;
                let sum = u32::from(product[at]) + u32::from(*a) * u32::from(*b) + carry;
                product[at] = sum as u8;
                carry = sum >> 8;
            }
            let at = product.len() - 1 - i - right.len();
            product[at] = carry as u8;
        }
        product
    };
    let product = multiply(&multiply(number, number), number);
    if product[..2] == [0, 0] { product[2..].to_vec() } else { vec![0xff; 256] }
}

pub fn rows() -> Vec<Case> {
    vec![
        plain("E6", BAD_SIGNATURE, |d| d.proof.signature = Some(|_| [P256_ORDER, P256_ORDER].concat())),
        plain("E7", BAD_SIGNATURE, |d| {
            d.proof.signature = Some(|_| [&P256_ORDER[..], &[0; 31], &[1]].concat())
        }),
        twice("/plain/a/b", "E9", (|_| {}, 200), REPLAYED, |d| {
            d.repeats_proof = true;
            d.wire = Some(|w| {
                let (input, signature) = w.proof.rsplit_once('.').unwrap();
                let twin = other_s(base64url::decode(signature).unwrap());
                w.set("DPoP", format!("{input}.{}", base64url::encode(twin)));
            });
        }),
        plain("E12", BAD_SIGNATURE, |d| {
            d.proof.signature = Some(|b| [&[0], &b[..32], &[0], &b[32..]].concat());
        }),
        plain("E15", BAD_SIGNATURE, |d| {
            ed25519(d, |signature| ed25519_beyond_order(&signature));
        }),
        plain("E16", BAD_SIGNATURE, |d| ed25519(d, |_| vec![0; 64])),
        plain("E17", BAD_SIGNATURE, |d| ed25519(d, |signature| signature[..63].to_vec())),
        plain("E18", BAD_SIGNATURE, |d| ed25519(d, |signature| [signature, vec![0]].concat())),
        plain("E19", BAD_SIGNATURE, |d| rsa_by_hand(d, &EXPONENT_3, forged)),
        plain("E20", BAD_SIGNATURE, |d| {
            rs256(d, |input| {
                let info = [0x30, 0x2f, 0x30, 0x0b, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 4, 0x20];
                BITS_2048.sign_block(1, 0xff, &[info.to_vec(), sha256(input)].concat())
            });
        }),
        plain("E21", BAD_SIGNATURE, |d| {
            rs256(d, |input| BITS_2048.sign_block(2, 0xff, &[DIGEST_INFO.to_vec(), sha256(input)].concat()));
        }),
        plain("E22", BAD_SIGNATURE, |d| {
            rs256(d, |input| BITS_2048.sign_block(1, 0xfe, &[DIGEST_INFO.to_vec(), sha256(input)].concat()));
        }),
        plain("E23", BAD_SIGNATURE, |d| rs256(d, |input| BITS_2048.sign_block(1, 0xff, &sha256(input)))),
        plain("E24", BAD_SIGNATURE, |d| ps256(d, |input| BITS_2048.sign_pss(input, sha256, &[]))),
        plain("E25", BAD_SIGNATURE, |d| {
            ps256(d, |input| BITS_2048.sign_pss(input, |m| crypto::sha1(m).to_vec(), &[7; 32]));
        }),
        plain("E26", BAD_SIGNATURE, |d| rs256(d, |input| BITS_2048.sign_pss(input, sha256, &[7; 32]))),
        plain("E27", BAD_SIGNATURE, |d| rs256(d, |input| [vec![0], BITS_2048.sign(input)].concat())),
        plain("E28", BAD_SIGNATURE, |d| {
            rs256(d, |input| {
                let mut sum = BITS_2048.sign(input);
                sum.reverse();
                sum.push(0);
                let mut modulus = BITS_2048.modulus();
                modulus.reverse();
                modulus.push(0);
                add(&mut sum, &modulus);
                sum.reverse();
                // In 256 bytes if it fits.
                if sum[0] == 0 { sum[1..].to_vec() } else { sum }
            });
        }),
        plain("E29", BAD_SIGNATURE, |d| {
            rs256(d, |_| [vec![0; 255], vec![1]].concat());
        }),
    ]
}

/// What is made by hand is right where it is not spoiled: else the rows above would show nothing.
pub fn sound() -> Vec<Case> {
    vec![
        plain("RS256", ALLOWED, |d| rs256(d, |input| BITS_2048.sign(input))),
        plain("PS256", ALLOWED, |d| ps256(d, |input| BITS_2048.sign_pss(input, sha256, &[7; 32]))),
        plain("another S", ALLOWED, |d| d.proof.signature = Some(other_s)),
    ]
}
