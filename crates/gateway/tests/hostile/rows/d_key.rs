//! The key in the proof.

use jose::{Algorithm, KeyPair, base64url, crypto};
use serde_json::{Value, json};
use testkit::malleable::ED25519_ORDER;

use super::{
    case::{Case, plain},
    draft::Draft,
    expectation::*,
    issuer_keys::rsa_key,
    rsa_by_hand::{BITS_512, BITS_1024, BITS_2047, BITS_2048, Key, LONG_EXPONENT, double},
};

fn jwk(draft: &mut Draft, edit: fn(&mut Value)) {
    let mut jwk = draft.proof.header["jwk"].clone();
    edit(&mut jwk);
    draft.proof.header["jwk"] = jwk;
}

/// The key is written differently, and the token bound to it as it is written.
fn bound_jwk(draft: &mut Draft, edit: fn(&mut Value)) {
    let mut jwk = draft.proof.header["jwk"].clone();
    edit(&mut jwk);
    draft.bind_to(jwk);
}

/// A key whose x begins with a zero byte.
fn use_short_key(draft: &mut Draft) {
    loop {
        let key = KeyPair::generate(Algorithm::Es256).unwrap();
        if x(&Value::Object(key.public_jwk().to_json()))[0] == 0 {
            return draft.use_key(key);
        }
    }
}

fn x(jwk: &Value) -> Vec<u8> {
    base64url::decode(jwk["x"].as_str().unwrap()).unwrap()
}

fn strip_zero(jwk: &mut Value) {
    jwk["x"] = json!(base64url::encode(&x(jwk)[1..]));
}

fn add_zero(jwk: &mut Value) {
    jwk["x"] = json!(base64url::encode([vec![0], x(jwk)].concat()));
}

fn pad(jwk: &mut Value) {
    jwk["x"] = json!(format!("{}=", jwk["x"].as_str().unwrap()));
}

fn rsa_private(draft: &mut Draft, member: &str) {
    draft.use_key(rsa_key());
    draft.proof.header["jwk"][member] = json!(base64url::encode([7; 128]));
}

/// Names an RSA key of which only these two numbers are known.
fn rsa(draft: &mut Draft, modulus: &[u8], exponent: &[u8]) {
    draft.bind_to(json!({"kty": "RSA", "n": base64url::encode(modulus), "e": base64url::encode(exponent)}));
    draft.proof.header["alg"] = json!("RS256");
}

/// An RSA key of another size or exponent, with a signature that holds.
pub fn rsa_by_hand(draft: &mut Draft, key: &Key, sign: fn(&[u8]) -> Vec<u8>) {
    rsa(draft, &key.modulus(), &key.exponent());
    resign(draft, sign);
}

/// Signs by hand.
pub fn resign(draft: &mut Draft, sign: fn(&[u8]) -> Vec<u8>) {
    draft.sign_by_hand = Some(sign);
}

/// A small-order point A of Ed25519 with R = identity and S = 0, which holds by RFC 8032 §5.1.7 wherever the hash k of R, A
/// and the message is a multiple of the order of A. A `jti` is looked for that makes it one.
fn small_order(draft: &mut Draft, point: [u8; 32]) {
    draft.use_new_key(Algorithm::EdDsa);
    draft.bind_to(json!({"kty": "OKP", "crv": "Ed25519", "x": base64url::encode(point)}));
    draft.proof.compact = Some(|_, jws| {
        let decode =
            |part: &str| -> Value { serde_json::from_slice(&base64url::decode(part).unwrap()).unwrap() };
        let parts: Vec<&str> = jws.split('.').collect();
        let (point, mut claims) = (x(&decode(parts[0])["jwk"]), decode(parts[1]));
        let signature = [vec![1], vec![0; 63]].concat();
        loop {
            claims["jti"] = json!(dpop::fresh_jti());
            let input = format!("{}.{}", parts[0], base64url::encode(claims.to_string()));
            let hash = crypto::sha512(&[&signature[..32], &point, input.as_bytes()].concat());
            if remainder_by_l(&hash).is_multiple_of(8) {
                return format!("{input}.{}", base64url::encode(&signature));
            }
        }
    });
}

/// The lowest byte of a number, least significant byte first, modulo the order of the base point of Ed25519.
pub fn remainder_by_l(number: &[u8]) -> u8 {
    let order = words_from_low(&ED25519_ORDER);
    let mut rest = vec![0_u64; 4];
    for bit in (0..number.len() * 8).rev() {
        double(&mut rest, &order);
        rest[0] |= u64::from(number[bit / 8] >> (bit % 8) & 1);
        if rest == order {
            rest.fill(0);
        }
    }
    rest[0] as u8
}

fn words_from_low(bytes: &[u8]) -> Vec<u64> {
    bytes.chunks(8).map(|chunk| u64::from_le_bytes(chunk.try_into().unwrap())).collect()
}

fn filled(first: u8, middle: u8, last: u8) -> [u8; 32] {
    let mut point = [middle; 32];
    point[0] = first;
    point[31] = last;
    point
}

const ORDER_8: [u8; 32] = [
    0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5,
    0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
];
const ORDER_8_TOO: [u8; 32] = [
    0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a,
    0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
];

fn with_sign_bit(mut point: [u8; 32]) -> [u8; 32] {
    point[31] |= 0x80;
    point
}

/// A point of P-256 whose x was raised by p.
const OVER_P: [&str; 2] =
    ["_____wAAAAEAAAAAAAAAAAAAAAEAAAAAAAAAAAAAAAQ", "RZJDuapYGAb-kTvOmYF63hHKUDxk2aPFM0FcCDJI-8w"];
/// A point of the twist of P-256.
const ON_TWIST: [&str; 2] =
    ["AAAAAAAAAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "dKHvaA9CUwikr3bpsxkNRurzK6MBkuWnyIbksq3u9vE"];

fn point(draft: &mut Draft, point: [&str; 2]) {
    draft.bind_to(json!({"kty": "EC", "crv": "P-256", "x": point[0], "y": point[1]}));
}

pub fn rows() -> Vec<Case> {
    vec![
        plain("D3", BAD_KEY, |d| d.proof.header["jwk"] = json!("x")),
        plain("D4", BAD_KEY, |d| d.proof.header["jwk"] = json!(1)),
        plain("D9", BAD_KEY, |d| {
            d.proof.header["jwk"]["d"] = json!(base64url::encode([7; 32]));
            d.proof.header_text = Some(|t| t.replace("\"d\":", "\"\\u0064\":"));
        }),
        plain("D10", BAD_KEY, |d| {
            d.use_new_key(Algorithm::EdDsa);
            jwk(d, |jwk| jwk["d"] = json!(base64url::encode([7; 32])));
        }),
        plain("D11", BAD_KEY, |d| rsa_private(d, "d")),
        plain("D12", BAD_KEY, |d| rsa_private(d, "p")),
        plain("D13", BAD_KEY, |d| rsa_private(d, "q")),
        plain("D14", BAD_KEY, |d| rsa_private(d, "dp")),
        plain("D16", BAD_KEY, |d| jwk(d, |jwk| jwk["kty"] = json!("XX"))),
        plain("D17", BAD_KEY, |d| jwk(d, |jwk| jwk["kty"] = json!(null))),
        plain("D18", BAD_KEY, |d| jwk(d, |jwk| drop(jwk.as_object_mut().unwrap().remove("kty")))),
        plain("D19", BAD_KEY, |d| bound_jwk(d, |jwk| drop(jwk.as_object_mut().unwrap().remove("crv")))),
        plain("D21", BAD_KEY, |d| {
            bound_jwk(d, |jwk| {
                let mut y = base64url::decode(jwk["y"].as_str().unwrap()).unwrap();
                y[31] = y[31].wrapping_add(1);
                jwk["y"] = json!(base64url::encode(y));
            });
        }),
        plain("D23", BAD_KEY, |d| point(d, OVER_P)),
        plain("D24", BAD_KEY, |d| {
            use_short_key(d);
            jwk(d, strip_zero);
        }),
        plain("D25", BAD_KEY, |d| {
            use_short_key(d);
            bound_jwk(d, strip_zero);
        }),
        plain("D26", BAD_KEY, |d| jwk(d, add_zero)),
        plain("D27", BAD_KEY, |d| jwk(d, pad)),
        plain("D28", BAD_KEY, |d| bound_jwk(d, pad)),
        plain("D29", ALLOWED, use_short_key),
        plain("D30", BAD_KEY, |d| bound_jwk(d, |jwk| jwk["x"] = json!(""))),
        plain("D31", BAD_KEY, |d| bound_jwk(d, |jwk| drop(jwk.as_object_mut().unwrap().remove("y")))),
        plain("D32", BAD_KEY, |d| {
            bound_jwk(d, |jwk| {
                let y = base64url::decode(jwk["y"].as_str().unwrap()).unwrap();
                jwk["x"] = json!(base64url::encode([vec![2 + (y[31] & 1)], x(jwk)].concat()));
                jwk["y"] = json!("");
            });
        }),
        plain("D33", BAD_KEY, |d| point(d, ON_TWIST)),
        plain("D34", BAD_KEY, |d| {
            d.use_new_key(Algorithm::EdDsa);
            bound_jwk(d, |jwk| jwk["x"] = json!(base64url::encode([x(jwk), vec![0]].concat())));
        }),
        plain("D35", BAD_KEY, |d| small_order(d, filled(0xec, 0xff, 0x7f))),
        plain("D36", BAD_KEY, |d| small_order(d, filled(0, 0, 0x80))),
        plain("D37", BAD_KEY, |d| small_order(d, ORDER_8)),
        plain("D38", BAD_KEY, |d| small_order(d, with_sign_bit(ORDER_8))),
        plain("D39", BAD_KEY, |d| small_order(d, ORDER_8_TOO)),
        plain("D40", BAD_KEY, |d| small_order(d, with_sign_bit(ORDER_8_TOO))),
        plain("D41", BAD_KEY, |d| small_order(d, filled(0xee, 0xff, 0x7f))),
        plain("D42", BAD_KEY, |d| rsa_by_hand(d, &BITS_512, |input| BITS_512.sign(input))),
        plain("D43", BAD_KEY, |d| rsa_by_hand(d, &BITS_1024, |input| BITS_1024.sign(input))),
        plain("D44", BAD_KEY, |d| rsa_by_hand(d, &BITS_2047, |input| BITS_2047.sign(input))),
        plain("D45", BAD_KEY, |d| {
            rsa_by_hand(d, &BITS_1024, |input| {
                BITS_1024.sign_pss(input, |m| crypto::sha256(m).to_vec(), &[7; 32])
            });
            d.proof.header["alg"] = json!("PS256");
        }),
        plain("D46", ALLOWED, |d| {
            let key = KeyPair::generate(Algorithm::Rs384).unwrap();
            d.use_key(key.with_default_algorithm(Algorithm::Rs256));
        }),
        plain("D47", LIMIT, |d| rsa(d, &[0xff; 2_048], &[1, 0, 1])),
        plain("D48", BAD_KEY, |d| rsa(d, &BITS_2048.modulus(), &[0])),
        plain("D49", BAD_KEY, |d| {
            rsa(d, &BITS_2048.modulus(), &[1]);
            resign(d, |input| {
                let end = [&super::rsa_by_hand::DIGEST_INFO[..], &crypto::sha256(input)].concat();
                [vec![0, 1], vec![0xff; 256 - 3 - end.len()], vec![0], end].concat()
            });
        }),
        plain("D50", BAD_KEY, |d| rsa(d, &BITS_2048.modulus(), &[1, 0, 2])),
        plain("D51", BAD_KEY, |d| rsa_by_hand(d, &LONG_EXPONENT, |input| LONG_EXPONENT.sign(input))),
        plain("D52", LIMIT, |d| rsa(d, &BITS_2048.modulus(), &BITS_2048.modulus())),
        plain("D53", BAD_KEY, |d| {
            let mut modulus = BITS_2048.modulus();
            modulus[255] &= 0xfe;
            rsa(d, &modulus, &[1, 0, 1]);
        }),
        plain("D54", BAD_KEY, |d| {
            rsa(d, &[vec![0], BITS_2048.modulus()].concat(), &[1, 0, 1]);
            resign(d, |input| BITS_2048.sign(input));
        }),
        plain("D55", BAD_KEY, |d| rsa(d, &[1], &[1, 0, 1])),
        plain("D56", BAD_KEY, |d| rsa(d, &[vec![0x80], vec![0; 255]].concat(), &[1, 0, 1])),
        plain("D57", BAD_KEY, |d| rsa(d, &[0], &[1, 0, 1])),
        plain("D58", BAD_ALG, |d| {
            d.proof.header["jwk"] = json!({"kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA"});
            d.proof.header["alg"] = json!("ML-DSA-44");
        }),
        plain("D59", BAD_ALG, |d| {
            let public = base64url::encode([7; 1_312]);
            d.proof.header["jwk"] = json!({"kty": "AKP", "alg": "ML-DSA-44", "pub": public, "priv": "AAAA"});
            d.proof.header["alg"] = json!("ML-DSA-44");
        }),
        plain("D60", LIMIT, |d| {
            for number in 0..1_000 {
                d.proof.header["jwk"][format!("x{number}")] = json!(1);
            }
        }),
        plain("D61", ALLOWED, |d| {
            let key = d.issuer_key.take().unwrap();
            d.use_key(key);
        }),
        plain("D62", PROOF_OR_TOKEN, |d| {
            let key = d.issuer_key.take().unwrap();
            d.proof_by(key);
        }),
    ]
}
