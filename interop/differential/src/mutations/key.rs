//! `jwk`: there, public, well-formed, fitting (RFC 9449 §4.3 (3, 7), RFC 7517, RFC 7518 §6).

use jose::{Algorithm, base64url};
use serde_json::{Value, json};

use super::{EC, EDDSA, ES256, Mutation, RSA, refused};
use crate::draft::Draft;
use crate::world::ED25519_SEED;

/// The private part of some key on P-256: RFC 7515 A.3.
const SOME_D: &str = "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI";

pub(super) fn mutations() -> Vec<Mutation> {
    vec![
        refused("jwk-missing", "jwk_missing", |d, _| drop(d.header.remove("jwk"))),
        refused("jwk-missing-but-kid", "jwk_missing", |d, _| {
            let jkt = d.key.thumbprint().to_string();
            d.header.remove("jwk");
            d.set_header("kid", json!(jkt));
        }),
        refused("jwk-null", "jwk_missing", |d, _| d.set_header("jwk", json!(null))),
        refused("jwk-array", "jwk_missing", |d, _| d.set_header("jwk", json!([d.jwk()]))),
        refused("jwk-text", "jwk_missing", |d, _| {
            let text = Value::Object(d.jwk()).to_string();
            d.set_header("jwk", json!(text));
        }),
        refused("jwk-empty", "jwk", |d, _| d.set_header("jwk", json!({}))),
        refused("jwk-set", "jwk", |d, _| d.set_header("jwk", json!({ "keys": [d.jwk()] }))),
        refused("jwk-kty-missing", "jwk", |d, _| without_member(d, "kty")),
        refused("jwk-kty-in-lower-case", "jwk", |d, _| {
            let kty = d.jwk_text("kty").to_lowercase();
            d.set_jwk("kty", json!(kty));
        }),
        refused("jwk-crv-missing", "jwk", |d, _| without_member(d, "crv")).on(EC),
        refused("jwk-crv-of-another-curve", "jwk", |d, _| d.set_jwk("crv", json!("P-384"))).on(ES256),
        refused("jwk-y-missing", "jwk", |d, _| without_member(d, "y")).on(EC),
        refused("jwk-with-private-d", "jwk", |d, _| d.set_jwk("d", json!(SOME_D))),
        refused("jwk-with-its-own-private-d", "jwk", |d, _| d.set_jwk("d", json!(ED25519_SEED))).on(EDDSA),
        refused("jwk-with-empty-d", "jwk", |d, _| d.set_jwk("d", json!(""))),
        refused("jwk-with-null-d", "jwk", |d, _| d.set_jwk("d", json!(null))),
        refused("jwk-with-private-p", "jwk", |d, _| d.set_jwk("p", json!("AQAB"))).on(RSA),
        refused("jwk-with-private-oth", "jwk", |d, _| d.set_jwk("oth", json!([]))).on(RSA),
        refused("jwk-with-symmetric-k", "jwk", |d, _| d.set_jwk("k", json!(SOME_D))),
        refused("jwk-with-private-priv", "jwk", |d, _| d.set_jwk("priv", json!(SOME_D))),
        refused("jwk-symmetric", "alg", |d, _| {
            d.set_header("jwk", json!({ "kty": "oct", "k": SOME_D }));
            d.set_header("alg", json!("HS256"));
            let (header, claims) = d.texts();
            let input = format!("{}.{}", base64url::encode(header), base64url::encode(claims));
            let secret = base64url::decode(SOME_D).expect("the key is base64url");
            let tag = jose::crypto::hmac_sha256(&secret, input.as_bytes());
            d.send_proofs([format!("{input}.{}", base64url::encode(tag))]);
        }),
        refused("jwk-use-enc", "jwk_for_other_alg", |d, _| d.set_jwk("use", json!("enc"))),
        refused("jwk-use-number", "jwk", |d, _| d.set_jwk("use", json!(1))),
        refused("jwk-key-ops-sign-only", "jwk_for_other_alg", |d, _| d.set_jwk("key_ops", json!(["sign"]))),
        refused("jwk-key-ops-text", "jwk", |d, _| d.set_jwk("key_ops", json!("verify"))),
        refused("jwk-alg-contradicts", "jwk_for_other_alg", |d, _| {
            let other = if d.algorithm == Algorithm::Es256 { "PS256" } else { "ES256" };
            d.set_jwk("alg", json!(other));
        }),
        refused("jwk-member-twice", "bad_json", |d, _| {
            d.edit_header(|header| header.replacen("\"jwk\":{", r#""jwk":{"kid":"a","kid":"b","#, 1));
        }),
        refused("jwk-x-twice", "bad_json", |d, _| {
            d.edit_header(|header| header.replacen("\"jwk\":{", r#""jwk":{"x":"AQAB","#, 1));
        })
        .on(EC),
        // From here on the token is bound to the key as it is written, so that nothing but the form of the key is wrong.
        refused("jwk-x-padded", "jwk", |d, _| rewritten(d, "x", |x| format!("{x}="))).on(ES256),
        refused("jwk-x-not-canonical", "jwk", |d, _| rewritten(d, "x", |x| with_spare_bits(&x))).on(ES256),
        refused("jwk-x-with-leading-zero", "jwk", |d, _| rewritten(d, "x", with_leading_zero)).on(EC),
        refused("jwk-x-too-long", "jwk", |d, _| {
            rewritten(d, "x", |x| {
                let mut bytes = base64url::decode(x).expect("the member is base64url");
                bytes.push(0);
                base64url::encode(bytes)
            });
        })
        .on(EDDSA),
        refused("jwk-x-number", "jwk", |d, _| d.set_jwk("x", json!(1))).on(EC),
        refused("jwk-x-empty", "jwk", |d, _| d.set_jwk("x", json!(""))).on(EC),
        refused("jwk-off-curve", "jwk", |d, _| {
            rewritten(d, "y", |y| {
                let mut bytes = base64url::decode(y).expect("the member is base64url");
                if let Some(last) = bytes.last_mut() {
                    *last ^= 1;
                }
                base64url::encode(bytes)
            });
        })
        .on(EC),
        refused("jwk-of-small-order", "jwk", |d, _| {
            // The neutral element, as key and as R; with S = 0 the equation holds for every message.
            let neutral = [&[1][..], &[0; 31]].concat();
            rewritten(d, "x", |_| base64url::encode(&neutral));
            d.edit_signature(|_| [neutral, vec![0; 32]].concat());
        })
        .on(EDDSA),
        refused("jwk-n-with-leading-zero", "jwk", |d, _| rewritten(d, "n", with_leading_zero)).on(RSA),
        refused("jwk-e-with-leading-zero", "jwk", |d, _| rewritten(d, "e", with_leading_zero)).on(RSA),
        refused("jwk-e-is-1", "jwk", |d, _| rewritten(d, "e", |_| "AQ".to_owned())).on(RSA),
        refused("jwk-n-padded", "jwk", |d, _| rewritten(d, "n", |n| format!("{n}=="))).on(RSA),
    ]
}

fn without_member(draft: &mut Draft<'_>, name: &str) {
    let mut jwk = draft.jwk();
    jwk.remove(name);
    draft.set_header("jwk", Value::Object(jwk));
}

/// Another text for a member of the key, and a token bound to the key as it is written then.
fn rewritten(draft: &mut Draft<'_>, name: &str, rewrite: impl FnOnce(String) -> String) {
    let text = rewrite(draft.jwk_text(name));
    draft.set_jwk(name, json!(text));
    draft.bind_to_written_key();
}

fn with_leading_zero(text: String) -> String {
    let bytes = base64url::decode(text).expect("the member is base64url");
    base64url::encode([&[0], bytes.as_slice()].concat())
}

/// The same bytes in base64url with another last character.
pub(super) fn with_spare_bits(text: &str) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (rest, last) = text.split_at(text.len() - 1);
    let at = ALPHABET
        .iter()
        .position(|byte| last.as_bytes() == [*byte])
        .expect("the last character is of the alphabet");
    assert_eq!(at % 4, 0, "the length leaves spare bits");
    format!("{rest}{}", char::from(*ALPHABET.get(at + 1).unwrap_or(&b'_')))
}
