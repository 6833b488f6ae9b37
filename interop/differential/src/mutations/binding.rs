//! What ties proof, key, access token and request together (RFC 9449 §4.3 (12b), §6, §7, §11.1).

use serde_json::json;

use super::{ES256, Mutation, refused};
use crate::draft::Draft;

pub(super) fn mutations() -> Vec<Mutation> {
    vec![
        refused("sent-again", "replayed", |d, _| d.is_copy = true),
        refused("proof-by-another-key", "key_not_bound", |d, _| {
            d.key = d.world.strangers_key(d.algorithm);
            d.set_header("jwk", json!(d.key.public_jwk().to_json()));
        }),
        refused("proof-showing-another-key", "key_not_bound", |d, _| {
            d.set_header("jwk", json!(d.world.strangers_key(d.algorithm).public_jwk().to_json()));
        }),
        refused("token-not-bound", "unbound token as DPoP", |d, _| {
            d.change_token(|token| token.without_claim("cnf"))
        })
        .of_token(),
        refused("bound-token-as-bearer", "bound token as Bearer", |d, _| {
            d.authorization = vec![format!("Bearer {}", d.access_token().as_str())];
        })
        .of_token(),
        refused("bound-token-as-bearer-without-proof", "bound token as Bearer", |d, _| {
            d.authorization = vec![format!("Bearer {}", d.access_token().as_str())];
            d.send_proofs([]);
        })
        .of_token(),
        refused("no-token", "no credentials", |d, _| d.authorization.clear()).of_token(),
        refused("token-in-two-lines", "malformed credentials", |d, _| {
            d.authorization.extend(d.authorization.clone());
        })
        .of_token(),
        refused("token-of-another-scheme", "no credentials", |d, _| {
            d.authorization = vec![format!("Basic {}", d.access_token().as_str())];
        })
        .of_token(),
        refused("token-behind-a-tab", "malformed credentials", |d, _| {
            d.authorization = vec![format!("DPoP\t{}", d.access_token().as_str())];
        })
        .of_token(),
        refused("token-and-more", "malformed credentials", |d, _| {
            d.authorization = vec![format!("DPoP {} more", d.access_token().as_str())];
        })
        .of_token(),
        refused("cnf-null", "token", |d, _| confirmed(d, json!(null))).of_token(),
        refused("cnf-array", "token", |d, _| {
            let jkt = d.key.thumbprint().to_string();
            confirmed(d, json!([{ "jkt": jkt }]));
        })
        .of_token(),
        refused("cnf-empty", "token", |d, _| confirmed(d, json!({}))).of_token(),
        refused("cnf-unknown-only", "token", |d, _| confirmed(d, json!({ "example": "member" }))).of_token(),
        refused("cnf-jkt-number", "token", |d, _| confirmed(d, json!({ "jkt": 1 }))).of_token(),
        refused("cnf-jkt-empty", "token", |d, _| confirmed(d, json!({ "jkt": "" }))).of_token(),
        refused("cnf-jkt-padded", "token", |d, _| {
            let jkt = format!("{}=", d.key.thumbprint());
            confirmed(d, json!({ "jkt": jkt }));
        })
        .of_token(),
        refused("cnf-certificate-too", "certificate", |d, _| {
            let jkt = d.key.thumbprint().to_string();
            let certificate = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
            confirmed(d, json!({ "jkt": jkt, "x5t#S256": certificate }));
        })
        .of_token(),
        refused("token-expired", "token", |d, _| {
            let then = d.world.now().as_seconds() - 3600;
            d.change_token(|token| token.claim("exp", json!(then)));
        })
        .of_token(),
        refused("token-to-come", "token", |d, _| {
            let then = d.world.now().as_seconds() + 3600;
            d.change_token(|token| token.claim("nbf", json!(then)));
        })
        .of_token(),
        refused("token-of-another-issuer", "token", |d, _| {
            d.change_token(|token| token.claim("iss", json!("https://other.example")));
        })
        .of_token(),
        refused("token-for-another-audience", "token", |d, _| {
            d.change_token(|token| token.audience("https://other.example"));
        })
        .of_token(),
        refused("token-by-a-forger", "token", |d, _| {
            let forger = &d.world.forger;
            d.change_token(|token| token.signed_by(forger));
        })
        .of_token(),
        refused("token-unsigned", "token", |d, _| d.change_token(|token| token.header("alg", json!("none"))))
            .of_token(),
        refused("token-changed-afterwards", "token", |d, _| {
            let good = d.access_token().as_str().to_owned();
            let signature = good.rsplit('.').next().unwrap_or_default();
            let thief = d.world.strangers_key(d.algorithm);
            d.change_token(|token| token.bound_to(&thief.thumbprint()));
            let evil = d.access_token().as_str().to_owned();
            let input = evil.rsplit_once('.').map_or("", |(input, _)| input);
            let token = oauth::AccessToken::parse(&format!("{input}.{signature}"))
                .expect("the token has the syntax of one");
            d.send(token);
            d.key = thief;
            d.set_header("jwk", json!(thief.public_jwk().to_json()));
        })
        .of_token(),
        refused("token-typ-of-a-proof", "token", |d, _| {
            d.change_token(|token| token.header("typ", json!("dpop+jwt")));
        })
        .of_token(),
        // A proof is a JWT by a key that somebody trusts: the client. It is no access token.
        refused("proof-as-token", "token", |d, _| {
            let proof = oauth::AccessToken::parse(&d.sign()).expect("a proof has the syntax of a token");
            d.send(proof);
        })
        .on(ES256)
        .of_token(),
    ]
}

fn confirmed(draft: &mut Draft<'_>, cnf: serde_json::Value) {
    draft.change_token(|token| token.claim("cnf", cnf));
}
