//! A proof, a jti and a nonce used again, and nonces that are not ours.

use std::time::Duration;

use jose::Algorithm;
use serde_json::{Value, json};

use super::{
    answer::Answer,
    case::{Case, at, plain, twice},
    draft::{Draft, now},
    expectation::*,
};

const PLAIN: &str = "/plain/a/b";
const NONCE_ROUTE: &str = "/nonce/a";
const SHORT: &str = "/short/a";
const SHORT_NONCE: &str = "/short-nonce/a";

fn as_given(nonce: String) -> Value {
    json!(nonce)
}

pub fn replays() -> Vec<Case> {
    vec![
        plain("J1", BAD_CLAIM, |d| d.claim("jti", json!("\t"))),
        plain("J2", ALLOWED, |d| d.claim("jti", json!("a"))),
        plain("J3", ALLOWED, |d| d.claim("jti", json!("a".repeat(500)))),
        plain("J4", PROOF_TOO_LARGE, |d| d.claim("jti", json!("a".repeat(4_096)))),
        plain("J5", LIMIT, |d| d.claim("jti", json!("a".repeat(1_000_000)))),
        twice(PLAIN, "J6", (|_| {}, 200), REPLAYED, |d| {
            d.repeats_proof = true;
            d.scheme = "dpop";
        }),
        twice(PLAIN, "J7", (|_| {}, 200), REPLAYED, |d| {
            d.proof.claims_text = Some(|t| {
                let claims: serde_json::Map<String, Value> = serde_json::from_str(&t).unwrap();
                let members: Vec<String> =
                    claims.iter().rev().map(|(name, value)| format!("\"{name}\":{value}")).collect();
                format!("{{{}}}", members.join(","))
            });
        }),
        twice(PLAIN, "J8", (|d| d.claim("jti", json!("a-jti-of-mine")), 200), REPLAYED, |d| {
            d.proof.claims_text = Some(|t| t.replace("a-jti-of-mine", "\\u0061-jti-of-mine"));
        }),
        twice(PLAIN, "J9", (|d| d.use_new_key(Algorithm::EdDsa), 200), REPLAYED, again),
        twice(NONCE_ROUTE, "J10", (|d| d.nonce = Some(as_given), 200), REPLAYED, again),
        twice(PLAIN, "J12", (|_| {}, 200), BAD_ATH, |d| {
            again(d);
            d.token_text = None;
            d.token.claims["jti"] = json!(dpop::fresh_jti());
        }),
        twice(PLAIN, "J16", (|_| {}, 200), REPLAYED, |d| d.claim("iat", json!(now() - 3))),
        twice(PLAIN, "J17", (|_| {}, 200), ALLOWED, |d| {
            d.token_text = None;
            d.use_new_key(Algorithm::Es256);
        }),
        twice(PLAIN, "J18", (|_| {}, 200), REPLAYED, |d| d.target = "/plain/other".to_owned()),
        twice(PLAIN, "J19", (wrong_signature, 401), ALLOWED, |d| d.proof.signature = None),
        twice(PLAIN, "J20", (|d| d.claim("htu", json!("http://evil.example/")), 401), ALLOWED, |d| {
            d.claim("htu", json!("<htu>"));
        }),
        twice(PLAIN, "J21", (|d| d.proof.signer = Some(another_key()), 401), ALLOWED, |d| {
            d.proof.signer = None;
        }),
        twice(NONCE_ROUTE, "J22", (|_| {}, 401), ALLOWED, |d| d.nonce = Some(as_given)),
        twice(PLAIN, "J23", (|d| d.claim("htm", json!("POST")), 401), ALLOWED, |d| {
            d.claim("htm", json!("<htm>"));
        }),
        twice("/dropping/a", "J26", (|_| {}, 502), REPLAYED, again),
        twice(PLAIN, "J27", (|d| d.claim("jti", json!("abc-DEF")), 200), ALLOWED, |d| {
            d.claim("jti", json!("ABC-def"));
        }),
        twice(PLAIN, "J28", (|d| d.claim("jti", json!("caf\u{e9}")), 200), ALLOWED, |d| {
            d.claim("jti", json!("cafe\u{301}"));
        }),
    ]
}

/// The same bytes once more.
fn again(draft: &mut Draft) {
    draft.repeats_proof = true;
}

/// Rows that take time.
pub fn later() -> Vec<Case> {
    let after = |pause: u64, case: Case| case.after(Duration::from_millis(pause));
    vec![
        after(3_000, twice(PLAIN, "J11", (|_| {}, 200), REPLAYED, again)),
        after(2_300, twice(SHORT, "J24", (|d| d.claim("iat", json!(now() + 1)), 200), REPLAYED, again)),
        after(4_300, twice(SHORT, "J25", (|_| {}, 200), TOO_OLD, again)),
        after(5_500, twice(SHORT_NONCE, "K14", (|_| {}, 401), BAD_NONCE, with_given_nonce)),
        twice(SHORT_NONCE, "K15", (|_| {}, 401), ALLOWED, with_given_nonce),
        after(2_200, twice(SHORT_NONCE, "K28", (|_| {}, 401), ALLOWED, with_given_nonce)).also(has_new_nonce),
        after(
            2_200,
            twice(SHORT_NONCE, "K30", (|_| {}, 401), ALLOWED, |d| {
                with_given_nonce(d);
                d.wire = Some(|w| w.add("X-Answer-Cache-Control", "public"));
            }),
        )
        .also(|answer| has_new_nonce(answer) && answer.header("cache-control") == Some("no-store")),
    ]
}

/// A new proof with the nonce of the challenge before.
fn with_given_nonce(draft: &mut Draft) {
    draft.fresh_proof();
    draft.nonce = Some(as_given);
}

fn has_new_nonce(answer: &Answer) -> bool {
    answer.nonce().is_some_and(|nonce| nonce != "of-the-upstream")
}

fn wrong_signature(draft: &mut Draft) {
    draft.proof.signature = Some(|mut bytes| {
        bytes[20] ^= 1;
        bytes
    });
}

fn another_key() -> jose::KeyPair {
    jose::KeyPair::generate(Algorithm::Es256).unwrap()
}

fn with_kid(nonce: &str, kid: &str) -> Value {
    json!(format!("{kid}.{}", nonce.split_once('.').unwrap().1))
}

/// A row whose nonce is what an edit makes of the one that the gateway gave.
macro_rules! nonce {
    ($id:literal, $expected:expr, $edit:expr) => {
        at(NONCE_ROUTE, $id, $expected, |d| d.nonce = Some($edit))
    };
}

/// Nonces that are not as they were given.
pub fn spoiled() -> Vec<Case> {
    vec![
        nonce!("K4", ALLOWED, as_given),
        nonce!("K5", BAD_NONCE, |n| json!(n[..n.len() / 2])),
        nonce!("K6", BAD_NONCE, |_| json!("")),
        nonce!("K7", BAD_NONCE, |_| json!("eyJ7S_zG.eyJH0-Z.HX4w-7v")),
        nonce!("K8", BAD_NONCE, |n| json!(format!(" {n}"))),
        nonce!("K9", PROOF_OR_NONCE, |_| json!(1)),
        nonce!("K10", PROOF_OR_NONCE, |_| json!(["x"])),
        nonce!("K11", PROOF_OR_NONCE, |_| json!({})),
        nonce!("K12", PROOF_OR_NONCE, |n| json!([n])),
        nonce!("K16", BAD_NONCE, |n| with_kid(&n, "Li4vLi4vZXRjL3Bhc3N3ZA")),
        nonce!("K17", BAD_NONCE, |n| with_kid(&n, "")),
        nonce!("K18", PROOF_OR_NONCE, |_| json!("a".repeat(8_192))),
        nonce!("K19", PROOF_OR_NONCE, |n| json!(format!("{n}\u{e9}\"\\"))),
        nonce!("K20", PROOF_OR_NONCE, |n| json!(format!("{n}\r\n"))),
        nonce!("K21", PROOF_OR_NONCE, |_| json!(".".repeat(2_000))),
    ]
}

pub fn nonces() -> Vec<Case> {
    vec![
        at(NONCE_ROUTE, "K1", NO_NONCE, |_| {})
            .also(|answer| answer.header("www-authenticate").unwrap().contains("algs=\"RS256 PS256 ES256 ")),
        at(NONCE_ROUTE, "K2", NO_NONCE, |d| {
            d.method = "POST";
            d.wire = Some(|w| w.body("{}"));
        }),
        at(NONCE_ROUTE, "K13", PROOF_OR_NONCE, |d| {
            d.nonce = Some(as_given);
            d.proof.claims_text = Some(|t| format!("{},\"nonce\":\"wrong\"}}", t.strip_suffix('}').unwrap()));
        }),
        plain("K22", ALLOWED, |d| d.claim("nonce", json!(""))),
        twice(NONCE_ROUTE, "K23", (|d| d.nonce = Some(as_given), 200), NO_NONCE, |d| {
            d.nonce = None;
            d.proof.remove_claim("nonce");
            d.claim("jti", json!(dpop::fresh_jti()));
        }),
        at(NONCE_ROUTE, "K24", NO_NONCE, wrong_signature),
        at(NONCE_ROUTE, "K25", BAD_ATH, |d| {
            d.nonce = Some(as_given);
            d.claim("ath", json!("47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"));
        }),
        at(NONCE_ROUTE, "K26", BAD_HTU, |d| {
            d.nonce = Some(as_given);
            d.claim("htu", json!("http://evil.example/"));
        }),
        at(NONCE_ROUTE, "K27", BAD_TYP, |d| {
            d.nonce = Some(as_given);
            d.proof.header["typ"] = json!("JWT");
        }),
        plain("K29", ALLOWED, |_| {}),
        at(NONCE_ROUTE, "K31", TOKEN_OR_NONCE, |d| d.token.claims["exp"] = json!(now() - 600)),
        at(NONCE_ROUTE, "K32", TOKEN_SIGNATURE, |d| d.token.signer = Some(another_key())),
        at(NONCE_ROUTE, "G11", PROOF_OR_NONCE, |d| {
            d.nonce = Some(as_given);
            d.claim("iat", json!(now() - 3_600));
        }),
    ]
}
