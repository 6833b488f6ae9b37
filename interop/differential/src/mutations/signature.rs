//! The signature: it holds, for these bytes, by this key, in one form (RFC 9449 §4.3 (6), RFC 7518 §3).

use jose::base64url;
use serde_json::json;
use testkit::malleable::{P256_ORDER, ed25519_beyond_order};

use super::{EC, EDDSA, ES256, Mutation, RSA, refused};

pub(super) fn mutations() -> Vec<Mutation> {
    vec![
        refused("signature-with-flipped-bit", "signature", |d, r| {
            d.edit_signature(|mut signature| {
                let bit = r.below(signature.len() * 8);
                if let Some(byte) = signature.get_mut(bit / 8) {
                    *byte ^= 1 << (bit % 8);
                }
                signature
            });
        }),
        refused("claims-changed-afterwards", "signature", |d, _| {
            let signed = d.sign();
            d.set_claim("jti", json!(dpop::fresh_jti()));
            let (header, claims) = d.texts();
            let signature = signed.rsplit('.').next().unwrap_or_default();
            d.send_proofs([format!(
                "{}.{}.{signature}",
                base64url::encode(header),
                base64url::encode(claims)
            )]);
        }),
        refused("header-changed-afterwards", "signature", |d, _| {
            let signed = d.sign();
            d.set_header("kid", json!("added"));
            let header = base64url::encode(d.texts().0);
            let rest = signed.split_once('.').map_or("", |(_, rest)| rest);
            d.send_proofs([format!("{header}.{rest}")]);
        }),
        refused("signed-by-a-stranger", "signature", |d, _| d.key = d.world.strangers_key(d.algorithm)),
        refused("signature-of-nothing-but-zeros", "signature", |d, _| {
            d.edit_signature(|signature| vec![0; signature.len()]);
        }),
        refused("signature-too-short", "signature", |d, _| {
            d.edit_signature(|mut signature| {
                signature.pop();
                signature
            });
        }),
        refused("signature-too-long", "signature", |d, _| {
            d.edit_signature(|signature| [signature, vec![0]].concat())
        }),
        refused("signature-r-zero", "signature", |d, _| {
            d.edit_signature(|mut signature| {
                let half = signature.len() / 2;
                signature.iter_mut().take(half).for_each(|byte| *byte = 0);
                signature
            });
        })
        .on(EC),
        refused("signature-s-zero", "signature", |d, _| {
            d.edit_signature(|mut signature| {
                let half = signature.len() / 2;
                signature.iter_mut().skip(half).for_each(|byte| *byte = 0);
                signature
            });
        })
        .on(EC),
        refused("signature-r-and-s-the-order", "signature", |d, _| {
            d.edit_signature(|_| [P256_ORDER, P256_ORDER].concat());
        })
        .on(ES256),
        refused("signature-der", "signature", |d, _| d.edit_signature(|signature| der(&signature))).on(ES256),
        refused("signature-with-wider-halves", "signature", |d, _| {
            d.edit_signature(|signature| {
                let (r, s) = signature.split_at(signature.len() / 2);
                [&[0], r, &[0], s].concat()
            });
        })
        .on(EC),
        refused("signature-s-beyond-order", "signature", |d, _| {
            d.edit_signature(|signature| ed25519_beyond_order(&signature));
        })
        .on(EDDSA),
        refused("signature-with-leading-zero", "signature", |d, _| {
            d.edit_signature(|signature| [vec![0], signature].concat());
        })
        .on(RSA),
    ]
}

/// The form of X.509 (RFC 3279 §2.2.3) in place of that of JWS.
fn der(signature: &[u8]) -> Vec<u8> {
    let integer = |bytes: &[u8]| {
        let mut content: Vec<u8> = bytes.iter().copied().skip_while(|byte| *byte == 0).collect();
        if content.first().is_none_or(|byte| byte & 0x80 != 0) {
            content.insert(0, 0);
        }
        [vec![0x02, u8::try_from(content.len()).unwrap_or_default()], content].concat()
    };
    let (r, s) = signature.split_at(signature.len() / 2);
    let content = [integer(r), integer(s)].concat();
    [vec![0x30, u8::try_from(content.len()).unwrap_or_default()], content].concat()
}
