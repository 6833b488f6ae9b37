//! The header of the proof: `typ`, `alg`, and what changes how a JWS is processed (RFC 9449 §4.2, RFC 7515 §4.1).

use jose::{base64url, crypto};
use serde_json::json;

use super::{EC, ES256, Mutation, PKCS1, PSS, RSA, refused};

pub(super) fn mutations() -> Vec<Mutation> {
    vec![
        refused("typ-missing", "typ", |d, _| drop(d.header.remove("typ"))),
        refused("typ-jwt", "typ", |d, _| d.set_header("typ", json!("JWT"))),
        refused("typ-at-jwt", "typ", |d, _| d.set_header("typ", json!("at+jwt"))),
        refused("typ-in-upper-case", "typ", |d, _| d.set_header("typ", json!("DPOP+JWT"))),
        refused("typ-with-application", "typ", |d, _| d.set_header("typ", json!("application/dpop+jwt"))),
        refused("typ-with-blank", "typ", |d, _| d.set_header("typ", json!("dpop+jwt "))),
        refused("typ-number", "typ", |d, _| d.set_header("typ", json!(1))),
        refused("typ-null", "typ", |d, _| d.set_header("typ", json!(null))),
        refused("typ-array", "typ", |d, _| d.set_header("typ", json!(["dpop+jwt"]))),
        refused("alg-missing", "alg", |d, _| drop(d.header.remove("alg"))),
        refused("alg-none", "alg", |d, _| d.set_header("alg", json!("none"))),
        refused("alg-none-and-no-signature", "malformed", |d, _| {
            d.set_header("alg", json!("none"));
            d.edit_signature(|_| Vec::new());
        }),
        refused("alg-none-in-other-case", "alg", |d, _| d.set_header("alg", json!("nOnE"))),
        refused("alg-number", "alg", |d, _| d.set_header("alg", json!(256))),
        refused("alg-null", "alg", |d, _| d.set_header("alg", json!(null))),
        refused("alg-in-lower-case", "alg", |d, _| d.set_header("alg", json!("es256"))).on(ES256),
        refused("alg-es256k", "alg", |d, _| d.set_header("alg", json!("ES256K"))).on(ES256),
        refused("alg-rs1", "alg", |d, _| d.set_header("alg", json!("RS1"))).on(PKCS1),
        refused("alg-ecdh-es", "alg", |d, _| d.set_header("alg", json!("ECDH-ES"))),
        refused("alg-hs256-with-the-public-key", "alg", |d, _| {
            d.set_header("alg", json!("HS256"));
            let (header, claims) = d.texts();
            let input = format!("{}.{}", base64url::encode(header), base64url::encode(claims));
            let jwk = serde_json::Value::Object(d.jwk()).to_string();
            let tag = crypto::hmac_sha256(jwk.as_bytes(), input.as_bytes());
            d.send_proofs([format!("{input}.{}", base64url::encode(tag))]);
        }),
        refused("alg-of-another-key-type", "jwk_for_other_alg", |d, _| d.set_header("alg", json!("RS256")))
            .on(EC),
        refused("alg-of-another-curve", "jwk_for_other_alg", |d, _| d.set_header("alg", json!("ES384")))
            .on(ES256),
        refused("alg-pss-signed-as-pkcs1", "signature", |d, _| {
            d.set_header("alg", json!(d.algorithm.as_str().replace("PS", "RS")));
        })
        .on(PSS),
        refused("alg-pkcs1-signed-as-pss", "signature", |d, _| {
            d.set_header("alg", json!(d.algorithm.as_str().replace("RS", "PS")));
        })
        .on(PKCS1),
        refused("alg-of-another-hash", "signature", |d, _| {
            let (family, bits) = d.algorithm.as_str().split_at(2);
            d.set_header("alg", json!(format!("{family}{}", if bits == "256" { "512" } else { "256" })));
        })
        .on(RSA),
        refused("crit-unknown", "unsupported_header", |d, _| {
            d.set_header("crit", json!(["example"]));
            d.set_header("example", json!(true));
        }),
        refused("crit-absent-parameter", "unsupported_header", |d, _| {
            d.set_header("crit", json!(["example"]))
        }),
        refused("crit-empty", "unsupported_header", |d, _| d.set_header("crit", json!([]))),
        refused("crit-registered", "unsupported_header", |d, _| d.set_header("crit", json!(["typ"]))),
        refused("crit-text", "unsupported_header", |d, _| d.set_header("crit", json!("typ"))),
        refused("crit-b64-true", "unsupported_header", |d, _| {
            d.set_header("crit", json!(["b64"]));
            d.set_header("b64", json!(true));
        }),
        refused("b64-false", "unsupported_header", |d, _| d.set_header("b64", json!(false))),
        refused("b64-true", "unsupported_header", |d, _| d.set_header("b64", json!(true))),
        refused("zip", "unsupported_header", |d, _| d.set_header("zip", json!("DEF"))),
        refused("header-typ-twice", "bad_json", |d, _| {
            d.edit_header(|header| header.replacen('{', r#"{"typ":"JWT","#, 1));
        }),
        refused("header-alg-twice", "bad_json", |d, _| {
            d.edit_header(|header| header.replacen('{', r#"{"alg":"none","#, 1));
        }),
        refused("header-unknown-twice", "bad_json", |d, _| {
            d.edit_header(|header| header.replacen('{', r#"{"a":1,"a":2,"#, 1));
        }),
        refused("header-array", "bad_json", |d, _| d.edit_header(|header| format!("[{header}]"))),
    ]
}
