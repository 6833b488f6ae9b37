//! The claims of the proof: there, of the right type, and right (RFC 9449 §4.2, §4.3 (3, 8, 10, 11, 12a)).

use jose::{base64url, crypto};
use serde_json::{Value, json};

use super::{Mutation, refused};
use crate::draft::Draft;
use crate::world::{AUDIENCE, WINDOW};

pub(super) fn mutations() -> Vec<Mutation> {
    vec![
        refused("jti-missing", "claim_missing", |d, _| drop(d.claims.remove("jti"))),
        refused("htm-missing", "claim_missing", |d, _| drop(d.claims.remove("htm"))),
        refused("htu-missing", "claim_missing", |d, _| drop(d.claims.remove("htu"))),
        refused("iat-missing", "claim_missing", |d, _| drop(d.claims.remove("iat"))),
        refused("ath-missing", "claim_missing", |d, _| drop(d.claims.remove("ath"))),
        refused("jti-null", "claim_malformed", |d, _| d.set_claim("jti", json!(null))),
        refused("htm-null", "claim_malformed", |d, _| d.set_claim("htm", json!(null))),
        refused("htu-null", "claim_malformed", |d, _| d.set_claim("htu", json!(null))),
        refused("iat-null", "claim_malformed", |d, _| d.set_claim("iat", json!(null))),
        refused("ath-null", "claim_malformed", |d, _| d.set_claim("ath", json!(null))),
        refused("jti-number", "claim_malformed", |d, r| d.set_claim("jti", json!(r.next()))),
        refused("jti-object", "claim_malformed", |d, r| d.set_claim("jti", json!({ "id": r.next() }))),
        refused("jti-empty", "claim_malformed", |d, _| d.set_claim("jti", json!(""))),
        refused("jti-white-space", "claim_malformed", |d, _| d.set_claim("jti", json!(" \t "))),
        refused("jti-of-513-bytes", "claim_too_long", |d, r| {
            d.set_claim("jti", json!(r.text(b"abcdefghijklmnop", 513)));
        }),
        refused("htm-array", "claim_malformed", |d, _| in_array(d, "htm")),
        refused("htu-array", "claim_malformed", |d, _| in_array(d, "htu")),
        refused("ath-array", "claim_malformed", |d, _| in_array(d, "ath")),
        refused("name-in-upper-case-jti", "claim_missing", |d, _| renamed(d, "jti")),
        refused("name-in-upper-case-htm", "claim_missing", |d, _| renamed(d, "htm")),
        refused("htm-other", "htm", |d, _| {
            let other = if d.method == "GET" { "POST" } else { "GET" };
            d.set_claim("htm", json!(other));
        }),
        refused("htm-in-lower-case", "htm", |d, _| d.set_claim("htm", json!(d.method.to_lowercase()))),
        refused("htm-with-blank", "htm", |d, _| d.set_claim("htm", json!(format!("{} ", d.method)))),
        refused("iat-text", "claim_malformed", |d, _| {
            d.set_claim("iat", json!(d.world.now().as_seconds().to_string()));
        }),
        refused("iat-date", "claim_malformed", |d, _| d.set_claim("iat", json!("2027-01-15T08:00:00Z"))),
        refused("iat-true", "claim_malformed", |d, _| d.set_claim("iat", json!(true))),
        refused("iat-array", "claim_malformed", |d, _| in_array(d, "iat")),
        refused("iat-just-too-old", "too_old", |d, _| {
            d.set_claim("iat", json!(d.world.now().as_seconds() - seconds() - 1));
        }),
        refused("iat-just-too-new", "issued_in_future", |d, _| {
            d.set_claim("iat", json!(d.world.now().as_seconds() + seconds() + 1));
        }),
        refused("iat-an-hour-ago", "too_old", |d, _| {
            d.set_claim("iat", json!(d.world.now().as_seconds() - 3600));
        }),
        refused("iat-in-an-hour", "issued_in_future", |d, _| {
            d.set_claim("iat", json!(d.world.now().as_seconds() + 3600));
        }),
        refused("iat-zero", "too_old", |d, _| d.set_claim("iat", json!(0))),
        refused("iat-negative", "too_old", |d, _| d.set_claim("iat", json!(-d.world.now().as_seconds()))),
        refused("iat-lowest-of-64-bits", "too_old", |d, _| d.set_claim("iat", json!(i64::MIN))),
        refused("iat-highest-of-64-bits", "issued_in_future", |d, _| d.set_claim("iat", json!(i64::MAX))),
        refused("iat-milliseconds", "issued_in_future", |d, _| {
            d.set_claim("iat", json!(d.world.now().as_seconds() * 1000));
        }),
        refused("iat-huge", "issued_in_future", |d, _| d.set_claim("iat", json!(1e308))),
        refused("iat-infinite", "bad_json", |d, _| {
            d.set_claim("iat", json!("<iat>"));
            d.edit_claims(|claims| claims.replacen("\"<iat>\"", "1e999999", 1).into_bytes());
        }),
        refused("exp-over", "expired", |d, _| d.set_claim("exp", json!(d.world.now().as_seconds() - 3600))),
        refused("nbf-to-come", "not_yet_valid", |d, _| {
            d.set_claim("nbf", json!(d.world.now().as_seconds() + 3600));
        }),
        refused("exp-text", "claim_malformed", |d, _| d.set_claim("exp", json!("tomorrow"))),
        refused("nbf-text", "claim_malformed", |d, _| d.set_claim("nbf", json!("yesterday"))),
        refused("exp-null", "claim_malformed", |d, _| d.set_claim("exp", json!(null))),
        refused("ath-of-another-token", "ath", |d, r| {
            let other = d.world.issuer.token(d.world.now()).audience(AUDIENCE).subject(&r.next().to_string());
            let ath = dpop::AccessTokenHash::of(&other.issue()).to_string();
            d.set_claim("ath", json!(ath));
        }),
        refused("ath-hexadecimal", "claim_malformed", |d, _| {
            let hash = crypto::sha256(d.access_token().as_str().as_bytes());
            d.set_claim("ath", json!(hash.map(|byte| format!("{byte:02x}")).concat()));
        }),
        refused("ath-padded", "claim_malformed", |d, _| {
            let ath = text(d, "ath");
            d.set_claim("ath", json!(format!("{ath}=")));
        }),
        refused("ath-sha512", "claim_malformed", |d, _| {
            let hash = crypto::sha512(d.access_token().as_str().as_bytes());
            d.set_claim("ath", json!(base64url::encode(hash)));
        }),
        refused("ath-with-the-scheme", "ath", |d, _| {
            let hash = crypto::sha256(format!("DPoP {}", d.access_token().as_str()).as_bytes());
            d.set_claim("ath", json!(base64url::encode(hash)));
        }),
        refused("ath-empty", "claim_malformed", |d, _| d.set_claim("ath", json!(""))),
        refused("nonce-missing", "nonce_missing", |d, _| {
            d.demand_nonce();
            d.claims.remove("nonce");
        }),
        refused("nonce-made-up", "nonce", |d, _| {
            d.demand_nonce();
            d.set_claim("nonce", json!("made-up"));
        }),
        refused("nonce-changed", "nonce", |d, _| {
            d.demand_nonce();
            let nonce = text(d, "nonce");
            let other = if nonce.ends_with('A') { "B" } else { "A" };
            d.set_claim("nonce", json!(format!("{}{other}", &nonce[..nonce.len() - 1])));
        }),
        refused("nonce-of-another-token", "nonce", |d, _| {
            d.demand_nonce();
            let other = d.world.issuer.token(d.world.now()).issue();
            d.set_claim("nonce", json!(d.world.nonces.seal(&other, d.world.now())));
        }),
        refused("nonce-too-old", "nonce", |d, _| {
            d.demand_nonce();
            let then = d.world.now().checked_sub(WINDOW * 2).unwrap_or(d.world.now());
            d.set_claim("nonce", json!(d.world.nonces.seal(d.access_token(), then)));
        }),
        refused("nonce-number", "claim_malformed", |d, r| {
            d.demand_nonce();
            d.set_claim("nonce", json!(r.next()));
        }),
        refused("nonce-empty", "nonce", |d, _| {
            d.demand_nonce();
            d.set_claim("nonce", json!(""));
        }),
    ]
}

fn seconds() -> i64 {
    i64::try_from(WINDOW.as_secs()).expect("the window is short")
}

fn text(draft: &Draft<'_>, claim: &str) -> String {
    draft.claims.get(claim).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn in_array(draft: &mut Draft<'_>, name: &str) {
    let value = draft.claims.get(name).cloned();
    draft.set_claim(name, json!([value]));
}

fn renamed(draft: &mut Draft<'_>, name: &str) {
    if let Some(value) = draft.claims.remove(name) {
        draft.set_claim(&name.to_uppercase(), value);
    }
}
