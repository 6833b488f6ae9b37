//! The field, the compact serialisation, base64url and JSON (RFC 9449 §4.3 (1, 2), RFC 7515 §3.1, §4, RFC 8259).

use jose::base64url;
use serde_json::json;

use super::key::with_spare_bits;
use super::{LEAVES_SPARE_BITS, Mutation, refused};
use crate::draft::Draft;

pub(super) fn mutations() -> Vec<Mutation> {
    vec![
        refused("proof-missing", "missing", |d, _| d.send_proofs([])),
        refused("proof-empty", "malformed", |d, _| d.send_proofs([String::new()])),
        refused("proof-twice", "multiple", |d, _| {
            let proof = d.sign();
            d.send_proofs([proof.clone(), proof]);
        }),
        refused("proofs-in-two-lines", "multiple", |d, _| {
            let first = d.sign();
            d.set_claim("jti", json!(dpop::fresh_jti()));
            d.send_proofs([first, d.sign()]);
        }),
        refused("proofs-joined", "malformed", |d, _| d.send_proofs([format!("{}, {}", d.sign(), d.sign())])),
        refused("proof-with-scheme", "malformed", |d, _| d.send_proofs([format!("DPoP {}", d.sign())])),
        refused("proof-quoted", "malformed", |d, _| d.send_proofs([format!("\"{}\"", d.sign())])),
        refused("proof-with-blank-inside", "malformed", |d, _| {
            d.send_proofs([d.sign().replacen('.', ". ", 1)])
        }),
        refused("proof-in-json", "malformed", |d, _| {
            let proof = d.sign();
            let mut parts = proof.split('.');
            let mut part = || parts.next().unwrap_or_default();
            let json = json!({ "protected": part(), "payload": part(), "signature": part() });
            d.send_proofs([json.to_string()]);
        }),
        refused("proof-of-two-parts", "malformed", |d, _| {
            let proof = d.sign();
            d.send_proofs([proof.rsplit_once('.').map_or_else(String::new, |(input, _)| input.to_owned())]);
        }),
        refused("proof-of-four-parts", "malformed", |d, _| d.send_proofs([format!("{}.AAAA", d.sign())])),
        refused("proof-of-five-parts", "malformed", |d, _| {
            d.send_proofs([format!("{}.AAAA.AAAA", d.sign())])
        }),
        refused("proof-with-trailing-dot", "malformed", |d, _| d.send_proofs([format!("{}.", d.sign())])),
        refused("proof-too-large", "too_large", |d, _| d.set_claim("example", json!("x".repeat(4096)))),
        refused("signature-missing", "malformed", |d, _| d.edit_signature(|_| Vec::new())),
        refused("signature-padded", "malformed", |d, _| d.send_proofs([format!("{}==", d.sign())]))
            .on(LEAVES_SPARE_BITS),
        refused("signature-not-canonical", "malformed", |d, _| {
            let proof = d.sign();
            let (input, signature) = proof.rsplit_once('.').unwrap_or_default();
            let signature = with_spare_bits(signature);
            d.send_proofs([format!("{input}.{signature}")]);
        })
        .on(LEAVES_SPARE_BITS),
        refused("signature-in-standard-alphabet", "malformed", |d, _| {
            let mut proof = d.sign();
            let mut signature = String::new();
            while !signature.contains(['-', '_']) {
                d.set_claim("jti", json!(dpop::fresh_jti()));
                proof = d.sign();
                proof.rsplit('.').next().unwrap_or_default().clone_into(&mut signature);
            }
            let standard = signature.replace('-', "+").replace('_', "/");
            d.send_proofs([proof.replace(&signature, &standard)]);
        }),
        refused("header-padded", "malformed", |d, _| {
            let (header, claims) = padded_to(d, 1);
            send_input(d, &format!("{}==.{}", base64url::encode(header), base64url::encode(claims)));
        }),
        refused("header-not-canonical", "malformed", |d, _| {
            let (header, claims) = padded_to(d, 1);
            let header = with_spare_bits(&base64url::encode(header));
            send_input(d, &format!("{header}.{}", base64url::encode(claims)));
        }),
        refused("header-with-tab-inside", "malformed", |d, _| {
            let (header, claims) = d.texts();
            let header = base64url::encode(header);
            let (left, right) = header.split_at(20);
            send_input(d, &format!("{left}\t{right}.{}", base64url::encode(claims)));
        }),
        refused("claims-array", "bad_json", |d, _| {
            d.edit_claims(|claims| format!("[{claims}]").into_bytes())
        }),
        refused("claims-text", "bad_json", |d, _| {
            d.edit_claims(|claims| json!(claims).to_string().into_bytes())
        }),
        refused("claims-null", "bad_json", |d, _| d.edit_claims(|_| b"null".to_vec())),
        refused("claims-and-more", "bad_json", |d, _| {
            d.edit_claims(|claims| format!("{claims}x").into_bytes())
        }),
        refused("claims-two-objects", "bad_json", |d, _| {
            d.edit_claims(|claims| format!("{claims}{claims}").into_bytes());
        }),
        refused("claims-with-byte-order-mark", "bad_json", |d, _| {
            d.edit_claims(|claims| format!("\u{feff}{claims}").into_bytes());
        }),
        refused("claims-with-comment", "bad_json", |d, _| {
            d.edit_claims(|claims| claims.replacen('{', "{/* comment */", 1).into_bytes());
        }),
        refused("claims-with-trailing-comma", "bad_json", |d, _| {
            d.edit_claims(|claims| claims.replacen('}', ",}", 1).into_bytes());
        }),
        refused("claims-with-nan", "bad_json", |d, _| {
            d.edit_claims(|claims| claims.replacen('{', r#"{"example":NaN,"#, 1).into_bytes());
        }),
        refused("claims-with-infinite-number", "bad_json", |d, _| {
            d.edit_claims(|claims| claims.replacen('{', r#"{"example":1e999999,"#, 1).into_bytes());
        }),
        refused("claims-with-single-quotes", "bad_json", |d, _| {
            d.edit_claims(|claims| claims.replace('"', "'").into_bytes());
        }),
        refused("claims-with-lone-surrogate", "bad_json", |d, _| {
            d.edit_claims(|claims| claims.replacen('{', r#"{"example":"\ud800","#, 1).into_bytes());
        }),
        refused("claims-not-utf8", "bad_json", |d, _| {
            d.edit_claims(|claims| {
                let mut bytes = claims.replacen('{', r#"{"example":"?","#, 1).into_bytes();
                if let Some(byte) = bytes.iter_mut().find(|byte| **byte == b'?') {
                    *byte = 0xff;
                }
                bytes
            });
        }),
        refused("claims-htm-twice-good-last", "bad_json", |d, _| {
            d.edit_claims(|claims| claims.replacen('{', r#"{"htm":"EVIL","#, 1).into_bytes());
        }),
        refused("claims-htm-twice-good-first", "bad_json", |d, _| {
            d.edit_claims(|mut claims| {
                claims.pop();
                format!(r#"{claims},"htm":"EVIL"}}"#).into_bytes()
            });
        }),
        refused("claims-htm-twice-by-escapes", "bad_json", |d, _| {
            d.edit_claims(|claims| claims.replacen('{', r#"{"\u0068tm":"EVIL","#, 1).into_bytes());
        }),
        refused("claims-unknown-twice", "bad_json", |d, _| {
            d.edit_claims(|claims| claims.replacen('{', r#"{"a":1,"a":2,"#, 1).into_bytes());
        }),
        refused("claims-nested-twice", "bad_json", |d, _| {
            d.edit_claims(|claims| claims.replacen('{', r#"{"a":{"b":1,"b":2},"#, 1).into_bytes());
        }),
        refused("claims-17-levels-deep", "bad_json", |d, _| nested(d, 16)),
        refused("claims-500-levels-deep", "bad_json", |d, _| nested(d, 500)),
    ]
}

/// Header and claims, the header so long that its base64url has two characters over.
fn padded_to(draft: &mut Draft<'_>, remainder: usize) -> (String, String) {
    draft.set_header("example", json!(""));
    while draft.texts().0.len() % 3 != remainder {
        let filling = draft.header.get("example").and_then(serde_json::Value::as_str).unwrap_or_default();
        let longer = format!("{filling}x");
        draft.set_header("example", json!(longer));
    }
    draft.texts()
}

fn send_input(draft: &mut Draft<'_>, input: &str) {
    let proof = draft.sign_input(input);
    draft.send_proofs([proof]);
}

/// A claim of arrays in arrays: with the claims themselves one level more.
fn nested(draft: &mut Draft<'_>, levels: usize) {
    let (open, close) = ("[".repeat(levels), "]".repeat(levels));
    draft
        .edit_claims(|claims| claims.replacen('{', &format!("{{\"example\":{open}{close},"), 1).into_bytes());
}
