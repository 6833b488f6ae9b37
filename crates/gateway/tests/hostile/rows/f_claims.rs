//! Claims of the proof: types, time, method.

use serde_json::json;

use super::{
    b_container::iat,
    case::{Case, plain},
    draft::{Draft, now},
    expectation::*,
};

/// The hash of another token.
pub fn wrong_ath(draft: &mut Draft) {
    draft.claim("ath", json!(jose::base64url::encode(jose::crypto::sha256(b"another"))));
}

pub fn rows() -> Vec<Case> {
    vec![
        plain("F1", NO_CLAIM, |d| d.proof.remove_claim("jti")),
        plain("F2", BAD_CLAIM, |d| d.claim("jti", json!(null))),
        plain("F3", BAD_CLAIM, |d| d.claim("jti", json!(7))),
        plain("F4", BAD_CLAIM, |d| d.claim("jti", json!([]))),
        plain("F5", BAD_CLAIM, |d| d.claim("jti", json!({}))),
        plain("F6", BAD_CLAIM, |d| d.claim("jti", json!(true))),
        plain("F7", BAD_CLAIM, |d| d.claim("jti", json!([dpop::fresh_jti()]))),
        plain("F8", NO_CLAIM, |d| d.proof.remove_claim("htm")),
        plain("F9", BAD_CLAIM, |d| d.claim("htm", json!(["GET"]))),
        plain("F10", BAD_CLAIM, |d| d.claim("htm", json!(true))),
        plain("F11", BAD_CLAIM, |d| d.claim("htu", json!(null))),
        plain("F12", BAD_CLAIM, |d| d.claim("htu", json!(1))),
        plain("F13", BAD_CLAIM, |d| d.claim("htu", json!([]))),
        plain("F14", BAD_CLAIM, |d| d.claim("htu", json!({}))),
        plain("F15", BAD_CLAIM, |d| d.claim("htu", json!(["<htu>"]))),
        plain("F16", BAD_CLAIM, |d| d.claim("iat", json!(null))),
        plain("F17", BAD_CLAIM, |d| d.claim("iat", json!("now"))),
        plain("F18", BAD_CLAIM, |d| d.claim("iat", json!({}))),
        plain("F19", NO_CLAIM, |d| d.proof.claims_text = Some(|t| t.replace("\"iat\"", "\"IAT\""))),
        plain("F20", BAD_CLAIM, |d| d.claim("ath", json!(null))),
        plain("F21", BAD_CLAIM, |d| d.claim("ath", json!(1))),
        plain("F22", BAD_CLAIM, |d| d.claim("ath", json!([]))),
        plain("F23", BAD_CLAIM, |d| d.claim("ath", json!({}))),
        plain("F24", BAD_CLAIM, |d| d.claim("ath", json!(true))),
        plain("F25", BAD_CLAIM, |d| d.claim("ath", json!(["<ath>"]))),
        plain("F26", NO_CLAIM, |d| d.proof.claims = json!({})),
        plain("F27", PROOF_EXPIRED, |d| d.claim("exp", json!(now() - 600))),
        plain("F28", TOO_EARLY, |d| d.claim("nbf", json!(now() + 600))),
        plain("F30", PROOF_OR_TOKEN, |d| {
            d.claim("iss", d.token.claims["iss"].clone());
            d.claim("sub", d.token.claims["sub"].clone());
            d.claim("exp", d.token.claims["exp"].clone());
            d.claim("cnf", d.token.claims["cnf"].clone());
            d.wire = Some(|w| w.set("Authorization", format!("DPoP {}", w.proof)));
        }),
        plain("F31", BAD_TYP, |d| d.wire = Some(|w| w.set("DPoP", w.token.clone()))),
        plain("F32", NO_CLAIM, |d| d.proof.remove_claim("ath")),
        // For these two the log is what counts: see the runner.
        plain("O7", ALLOWED, |_| {}),
        plain("O8", BAD_ATH, wrong_ath),
        plain("G1", ALLOWED, |_| {}),
        plain("G2", ALLOWED, |d| d.claim("iat", json!(now() - 30))),
        plain("G3", ALLOWED, |d| d.claim("iat", json!(now() + 8))),
        plain("G4", TOO_OLD, |d| d.claim("iat", json!(now() - 120))),
        plain("G5", TOO_EARLY, |d| d.claim("iat", json!(now() + 15))),
        plain("G6", TOO_EARLY, |d| d.claim("iat", json!(now() + 75))),
        plain("G7", TOO_OLD, |d| d.claim("iat", json!(now() - 3_600))),
        plain("G8", TOO_EARLY, |d| d.claim("iat", json!(now() + 3_600))),
        plain("G9", TOO_OLD, |d| d.claim("iat", json!(now() - 86_400))),
        plain("G10", TOO_EARLY, |d| d.claim("iat", json!(now() + 31_536_000))),
        plain("G12", ALLOWED, |d| d.claim("iat", json!(now() as f64 + 0.5))),
        plain("G13", BAD_CLAIM, |d| d.claim("iat", json!(now().to_string()))),
        plain("G14", BAD_CLAIM, |d| d.claim("iat", json!("2026-01-01T00:00:00Z"))),
        plain("G15", TOO_EARLY, |d| iat(d, |t| t.replace("\"IAT\"", "18446744073709551615"))),
        plain("G16", TOO_EARLY, |d| iat(d, |t| t.replace("\"IAT\"", "1e308"))),
        plain("G17", TOO_OLD, |d| iat(d, |t| t.replace("\"IAT\"", "-1e308"))),
        plain("G18", TOO_EARLY, |d| iat(d, |t| t.replace("\"IAT\"", "1e19"))),
        plain("G19", TOO_OLD, |d| iat(d, |t| t.replace("\"IAT\"", "-0"))),
        plain("G20", TOO_EARLY, |d| iat(d, |t| t.replace("\"IAT\"", "9223372036854775808"))),
        plain("G21", TOO_EARLY, |d| iat(d, |t| t.replace("\"IAT\"", "18446744073709551616"))),
        plain("G22", NO_JWS, |d| iat(d, |t| t.replace("\"IAT\"", "1e400"))),
        plain("G23", TOO_EARLY, |d| iat(d, |t| t.replace("\"IAT\"", "9223372036.854775807e9"))),
        plain("G24", TOO_EARLY, |d| d.claim("iat", json!(now() + (1 << 32)))),
        plain("G25", TOO_EARLY, |d| {
            iat(d, |t| t.replace("\"IAT\"", &(i128::from(now()) + (1 << 64)).to_string()));
        }),
        plain("G26", TOO_OLD, |d| {
            iat(d, |t| t.replace("\"IAT\"", &(i128::from(now()) - (1 << 64)).to_string()));
        }),
        plain("G27", NO_JWS, |d| iat(d, |t| t.replace("\"IAT\"", &format!("{:#x}", now())))),
        plain("G28", TOO_EARLY, |d| d.claim("iat", json!(now() * 1_000))),
        plain("H1", BAD_HTM, |d| d.claim("htm", json!("POST"))),
        plain("H2", BAD_HTM, |d| d.claim("htm", json!("Get"))),
        plain("H3", BAD_CLAIM, |d| d.claim("htm", json!(""))),
        plain("H4", BAD_HTM, |d| d.claim("htm", json!("G\u{395}T"))),
        plain("H5", BAD_HTM, |d| d.claim("htm", json!(" GET"))),
        plain("H6", BAD_HTM, |d| d.claim("htm", json!("GET,POST"))),
        plain("H7", BAD_HTM, |d| d.claim("htm", json!("*"))),
        plain("H8", BAD_HTM, |d| d.claim("htm", json!("GE"))),
        plain("H9", BAD_HTM, |d| {
            d.method = "POST";
            d.claim("htm", json!("DELETE"));
            d.wire = Some(|w| w.add("X-HTTP-Method-Override", "DELETE"));
        }),
        plain("H10", ALLOWED, |d| {
            d.method = "POST";
            d.wire = Some(|w| {
                w.add("X-HTTP-Method-Override", "DELETE");
                w.body("");
            });
        })
        .also(|answer| answer.json()["method"] == "POST"),
        plain("H11", BAD_HTM, |d| {
            d.claim("htm", json!("DELETE"));
            d.wire = Some(|w| w.add("X-Forwarded-Method", "DELETE"));
        }),
        plain("H12", BAD_HTM, |d| {
            d.method = "POST";
            d.target = "/plain/a?_method=DELETE".to_owned();
            d.claim("htm", json!("DELETE"));
        }),
        plain("H13", ALLOWED, |d| {
            d.trusted = true;
            d.claim("htm", json!("POST"));
            d.wire = Some(|w| w.add("X-Forwarded-Method", "POST"));
        }),
        plain("H14", BAD_HTM, |d| {
            d.trusted = true;
            d.wire = Some(|w| w.add("X-Forwarded-Method", "POST"));
        }),
        plain("H15", BAD_HTM, |d| d.claim("htm", json!("HEAD"))),
        plain("H16", ALLOWED, |d| {
            d.method = "POST";
            d.wire = Some(|w| w.body("{\"a\":1}"));
        }),
        plain("H17", ALLOWED, |d| {
            d.method = "POST";
            d.wire = Some(|w| {
                w.add("Transfer-Encoding", "chunked");
                w.body = b"3\r\nabc\r\n0\r\n\r\n".to_vec();
            });
        }),
    ]
}
