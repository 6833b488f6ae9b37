//! Right in everything, in forms that a verifier may trip over.

use jose::base64url;
use serde_json::{Value, json};
use testkit::malleable::es256_twin;

use super::{EDDSA, ES256, Mutation, accepted};
use crate::world::WINDOW;

/// A certificate that has nothing to do with the key.
const SOME_DER: &[u8] = &[0x30, 0x03, 0x02, 0x01, 0x00];

/// Nothing is changed.
pub(crate) const PLAIN: &str = "plain";

pub(super) fn mutations() -> Vec<Mutation> {
    vec![
        accepted(PLAIN, |_, _| {}),
        accepted("alg-ed25519", |d, _| d.set_header("alg", json!("Ed25519"))).on(EDDSA),
        accepted("header-unknown-parameters", |d, _| {
            d.set_header("kid", json!("../../etc/passwd"));
            d.set_header("example", json!({ "nested": [1, 2, 3] }));
        }),
        accepted("header-foreign-keys", |d, _| {
            d.set_header("jku", json!("https://attacker.example/keys"));
            d.set_header("x5u", json!("https://attacker.example/certificate"));
            d.set_header("x5t", json!(base64url::encode([7; 20])));
        }),
        accepted("header-x5c", |d, _| {
            // Standard base64, as RFC 7515 §4.1.6 wants; without `+` and `/` the alphabets are the same.
            let certificate = base64url::encode(SOME_DER);
            d.set_header("x5c", json!([format!("{certificate}=")]));
        }),
        accepted("claims-unknown", |d, _| {
            d.set_claim("iss", json!("somebody"));
            d.set_claim("sub", json!("alice"));
            d.set_claim("aud", json!("elsewhere"));
            d.set_claim("example", json!([null, true, { "a": 1.5 }]));
        }),
        accepted("json-with-white-space", |d, _| {
            let pretty = |members| {
                serde_json::to_vec_pretty(&Value::Object(members)).expect("a JSON value can be written")
            };
            let proof = d.sign_bytes(&pretty(d.header.clone()), &pretty(d.claims.clone()));
            d.send_proofs([proof]);
        }),
        accepted("json-with-escapes", |d, _| {
            d.edit_claims(|claims| claims.replacen("\"htm\"", "\"\\u0068tm\"", 1).into_bytes());
        }),
        accepted("jwk-public-members", |d, _| {
            d.set_jwk("kid", json!("mine"));
            d.set_jwk("use", json!("sig"));
            d.set_jwk("key_ops", json!(["verify"]));
            d.set_jwk("alg", json!(d.algorithm.as_str()));
        }),
        accepted("jwk-key-ops-sign-too", |d, _| d.set_jwk("key_ops", json!(["sign", "verify"]))),
        accepted("jwk-unknown-members", |d, _| d.set_jwk("example", json!("text"))),
        accepted("jti-one-character", |d, _| d.set_claim("jti", json!("x"))),
        accepted("jti-of-512-bytes", |d, r| d.set_claim("jti", json!(r.text(b"abcdefghijklmnop", 512)))),
        accepted("jti-unicode", |d, r| d.set_claim("jti", json!(format!("été-{}-\u{1f511}", r.next())))),
        accepted("iat-fraction", |d, _| d.set_claim("iat", json!(d.world.now().as_seconds() as f64 - 0.5))),
        accepted("iat-with-exponent", |d, _| {
            let iat = d.world.now().as_seconds();
            d.set_claim("iat", json!("<iat>"));
            d.edit_claims(|claims| claims.replacen("\"<iat>\"", &format!("{}e2", iat / 100), 1).into_bytes());
        }),
        accepted("iat-at-the-oldest", |d, _| {
            let oldest = d.world.now().checked_sub(WINDOW).unwrap_or(d.world.now());
            d.set_claim("iat", json!(oldest.as_seconds()));
        }),
        accepted("iat-at-the-newest", |d, _| {
            d.set_claim("iat", json!(d.world.now().saturating_add(WINDOW).as_seconds()));
        }),
        accepted("exp-to-come", |d, _| d.set_claim("exp", json!(d.world.now().as_seconds() + 60))),
        accepted("nbf-over", |d, _| d.set_claim("nbf", json!(d.world.now().as_seconds() - 60))),
        accepted("method-unregistered", |d, _| {
            d.method = "PURGE".to_owned();
            d.set_claim("htm", json!("PURGE"));
        }),
        accepted("method-in-lower-case", |d, _| {
            d.method = "patch".to_owned();
            d.set_claim("htm", json!("patch"));
        }),
        accepted("scheme-in-lower-case", |d, _| {
            d.authorization = vec![format!("dpop {}", d.access_token().as_str())];
        })
        .of_token(),
        accepted("scheme-and-two-spaces", |d, _| {
            d.authorization = vec![format!("DPoP  {}", d.access_token().as_str())];
        })
        .of_token(),
        accepted("nonce", |d, _| d.demand_nonce()),
        accepted("nonce-nobody-asked-for", |d, _| d.set_claim("nonce", json!("of-another-server"))),
        accepted("signature-twin", |d, _| d.edit_signature(|signature| es256_twin(&signature))).on(ES256),
        accepted("token-typ-jwt", |d, _| d.change_token(|token| token.header("typ", json!("JWT"))))
            .of_token(),
        accepted("cnf-unknown-member-too", |d, _| {
            let jkt = d.key.thumbprint().to_string();
            d.change_token(|token| token.claim("cnf", json!({ "jkt": jkt, "example": "member" })));
        })
        .of_token(),
    ]
}
