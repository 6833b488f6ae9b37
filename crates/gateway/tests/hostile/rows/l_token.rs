//! The access token and what binds it to the key; header, key and signature of the proof; where the request goes.

use jose::{Algorithm, KeyPair, base64url, crypto};
use serde_json::json;

use super::{
    case::{Case, at, plain},
    draft::now,
    expectation::*,
};

const AUDIENCE: &str = "/audience/a";
const SCOPED: &str = "/scope/a";
const MIXED: &str = "/mixed/a";

fn stranger() -> KeyPair {
    KeyPair::generate(Algorithm::Es256).unwrap()
}

pub fn tokens() -> Vec<Case> {
    vec![
        plain("L3", BAD_CLAIM, |d| d.claim("ath", json!(""))),
        plain("L11", PROOF_OR_TOKEN, |d| d.proof_by_another_key()),
        plain("L12", OTHER_KEY, |d| d.proof_by_another_key()),
        at(MIXED, "L13", PROOF_OR_TOKEN, |d| d.proof_by_another_key()),
        plain("L14", PROOF_OR_TOKEN, |d| d.proof_by(KeyPair::generate(Algorithm::EdDsa).unwrap())),
        plain("L15", PROOF_OR_TOKEN, |d| d.token.remove_claim("cnf")),
        plain("L16", PROOF_OR_TOKEN, |d| d.token.claims["cnf"] = json!(null)),
        plain("L17", PROOF_OR_TOKEN, |d| d.token.claims["cnf"] = json!([])),
        plain("L18", PROOF_OR_TOKEN, |d| d.token.claims["cnf"] = json!("x")),
        plain("L19", PROOF_OR_TOKEN, |d| d.token.claims["cnf"] = json!({"jkt": null})),
        plain("L20", PROOF_OR_TOKEN, |d| d.token.claims["cnf"] = json!({"x5t#S256": "x"})),
        at(MIXED, "L21", DENIED, |d| d.token.claims["cnf"] = json!({"x5t#S256": "x"})),
        plain("L25", PROOF_OR_TOKEN, |d| d.token.claims["cnf"] = json!({"other": 1})),
        at(MIXED, "L26", DENIED, |d| {
            d.scheme = "Bearer";
            d.wire = Some(|w| w.remove("dpop"));
            d.token.claims["cnf"] = json!({});
        }),
        at(MIXED, "L27", DENIED, |d| {
            d.scheme = "Bearer";
            d.wire = Some(|w| w.remove("dpop"));
            d.token.claims["cnf"] = json!({"jkt": 1});
        }),
        at(MIXED, "L28", DENIED, |d| {
            d.scheme = "Bearer";
            d.wire = Some(|w| w.remove("dpop"));
            d.token.claims["cnf"] = json!([1]);
        }),
        plain("L34", TOKEN_FORM, |d| d.token.claims["exp"] = json!("x")),
        plain("L36", TOKEN_FORM, |d| d.token.claims["exp"] = json!(null)),
        plain("L37", TOKEN_FORM, |d| d.token.claims["exp"] = json!(true)),
        plain("L38", TOKEN_EARLY, |d| d.token.claims["nbf"] = json!(now() + 120)),
        plain("L39", TOKEN_FORM, |d| d.token.claims["nbf"] = json!("x")),
        plain("L40", TOKEN_EXPIRED, |d| d.token.claims["exp"] = json!(-1e300)),
        plain("L46", TOKEN_ISSUER, |d| d.token.claims["iss"] = json!([d.token.claims["iss"]])),
        plain("L47", TOKEN_ISSUER, |d| d.token.claims["iss"] = json!(null)),
        plain("L49", TOKEN_ISSUER, |d| d.token.claims["iss"] = json!("")),
        plain("L50", TOKEN_ISSUER, |d| d.token.claims["iss"] = json!({})),
        at(AUDIENCE, "L51", TOKEN_AUDIENCE, |d| d.token.claims["aud"] = json!("another")),
        at(AUDIENCE, "L52", TOKEN_AUDIENCE, |d| d.token.remove_claim("aud")),
        at(AUDIENCE, "L53", TOKEN_AUDIENCE, |d| d.token.claims["aud"] = json!("https://api.example/")),
        at(AUDIENCE, "L55", TOKEN_FORM, |d| d.token.claims["aud"] = json!(1)),
        at(AUDIENCE, "L56", TOKEN_FORM, |d| d.token.claims["aud"] = json!({})),
        at(AUDIENCE, "L57", TOKEN_AUDIENCE, |d| d.token.claims["aud"] = json!(["a", "b"])),
        at(AUDIENCE, "L58", TOKEN_AUDIENCE, |d| d.token.claims["aud"] = json!("HTTPS://API.EXAMPLE")),
        at(AUDIENCE, "L60", TOKEN_FORM, |d| d.token.claims["aud"] = json!([["https://api.example"]])),
        plain("L62", TOKEN_FORM, |d| {
            d.token.header["alg"] = json!("none");
        }),
        plain("L66", TOKEN_SIGNATURE, |d| d.token.signer = Some(stranger())),
        plain("L81", ALLOWED, |d| d.token.header["typ"] = json!("at+jwt")),
        plain("L83", ALLOWED, |d| d.token.remove_header("typ")),
        at(SCOPED, "L87", SCOPE, |d| d.token.claims["scope"] = json!("other"))
            .also(|answer| answer.header("www-authenticate").unwrap().contains("scope=\"api:read\"")),
        at(SCOPED, "L89", ALLOWED, |_| {}),
        at(SCOPED, "L95", SCOPE, |d| d.token.remove_claim("scope")),
        at(SCOPED, "L97", PROOF_OR_TOKEN, |d| {
            d.token.remove_claim("scope");
            d.proof_by_another_key();
        }),
    ]
}

pub fn proofs() -> Vec<Case> {
    vec![
        plain("C1", BAD_TYP, |d| d.proof.header["typ"] = json!("JWT")),
        plain("C6", BAD_TYP, |d| d.proof.header["typ"] = json!(null)),
        plain("C7", BAD_TYP, |d| d.proof.header["typ"] = json!("dpop+jwt ")),
        plain("C13", BAD_TYP, |d| d.proof.header["typ"] = json!("")),
        plain("C16", BAD_ALG, |d| d.proof.header["alg"] = json!("none")),
        plain("C18", BAD_ALG, |d| d.proof.remove_header("alg")),
        plain("C22", BAD_ALG, |d| {
            d.proof.header["alg"] = json!("HS256");
            d.proof.compact = Some(|key, jws| {
                let input = jws.rsplit_once('.').unwrap().0;
                let public = serde_json::Value::Object(key.public_jwk().to_json()).to_string();
                let mac = crypto::hmac_sha256(public.as_bytes(), input.as_bytes());
                format!("{input}.{}", base64url::encode(mac))
            });
        }),
        plain("C30", BAD_ALG, |d| d.proof.header["alg"] = json!("es256")),
        at("/es256/a", "C33", BAD_ALG, |d| d.use_new_key(Algorithm::Es384)),
        at("/es256/a", "C34", BAD_ALG, |d| d.use_new_key(Algorithm::EdDsa)),
        at("/es256/a", "C36", ALLOWED, |_| {}),
        plain("C37", BAD_KEY, |d| d.proof.header["alg"] = json!("RS256")),
        plain("C41", BAD_KEY, |d| d.proof.header["alg"] = json!("ES384")),
        plain("C45", ALLOWED, |d| d.use_new_key(Algorithm::EdDsa)),
        plain("C46", ALLOWED, |d| d.use_new_key(Algorithm::Es512)),
        plain("C53", BAD_HEADER, |d| d.proof.header["crit"] = json!([])),
        plain("C54", BAD_HEADER, |d| d.proof.header["crit"] = json!("b64")),
        plain("C60", ALLOWED, |d| d.proof.header["jku"] = d.trap()),
        plain("D1", BAD_KEY, |d| d.proof.remove_header("jwk")),
        plain("D2", BAD_KEY, |d| d.proof.header["jwk"] = json!(null)),
        plain("D5", BAD_KEY, |d| d.proof.header["jwk"] = json!({})),
        plain("D6", BAD_KEY, |d| d.proof.header["jwk"]["d"] = json!(base64url::encode([7; 32]))),
        plain("D7", BAD_KEY, |d| d.proof.header["jwk"]["d"] = json!("")),
        plain("D8", BAD_KEY, |d| d.proof.header["jwk"]["d"] = json!(null)),
        plain("D15", BAD_KEY, |d| d.proof.header["jwk"] = json!({"kty": "oct", "k": "AAAA"})),
        plain("D20", BAD_KEY, |d| d.proof.header["jwk"]["crv"] = json!("p-256")),
        plain("D22", BAD_KEY, |d| {
            let mut jwk = d.proof.header["jwk"].clone();
            let x = jwk["x"].take();
            jwk["x"] = jwk["y"].take();
            jwk["y"] = x;
            d.bind_to(jwk);
        }),
        plain("E1", BAD_SIGNATURE, |d| {
            d.proof.signature = Some(|mut bytes| {
                bytes[9] ^= 1;
                bytes
            });
        }),
        plain("E4", BAD_SIGNATURE, |d| d.proof.signature = Some(|_| [vec![0; 63], vec![1]].concat())),
        plain("E5", BAD_SIGNATURE, |d| {
            d.proof.signature = Some(|_| [vec![0; 31], vec![1], vec![0; 32]].concat())
        }),
        plain("E10", BAD_SIGNATURE, |d| d.proof.signature = Some(|b| [b, vec![0]].concat())),
        plain("E11", BAD_SIGNATURE, |d| d.proof.signature = Some(|b| [b, vec![0; 32]].concat())),
        plain("E13", BAD_SIGNATURE, |d| d.proof.signer = Some(stranger())),
        plain("I4", BAD_HTU, |d| d.claim("htu", json!("http://api.example.com:8443/plain/a/b"))),
        plain("I5", BAD_HTU, |d| d.claim("htu", json!("http://api.example.com:443/plain/a/b"))),
        plain("I2", ALLOWED, |d| d.claim("htu", json!("HTTP://API.EXAMPLE.COM/plain/a/b"))),
        plain("I13", BAD_HTU, |d| d.claim("htu", json!("http://api.example.com/plain/a%2Fb"))),
        plain("I19", BAD_HTU, |d| d.claim("htu", json!("http://api.example.com@evil.example/plain/a/b"))),
        plain("I45", BAD_HTU, |d| d.claim("htu", json!("http://evil.example/plain/a/b"))),
        plain("I49", BAD_HOST, |d| d.host = "api.example.com@evil.example".to_owned()),
        plain("I53", BAD_HOST, |d| d.host = String::new()),
        plain("I59", MALFORMED, |d| d.wire = Some(|w| w.add("Host", "other.example"))),
        plain("I60", MALFORMED, |d| d.wire = Some(|w| w.add("Host", "api.example.com"))),
        plain("I86", DENIED, |d| d.target = "/plain/../plain-locked/x".to_owned()),
        plain("I87", DENIED, |d| d.target = "/plain/..%2fplain-locked/x".to_owned()),
        plain("I90", DENIED, |d| d.target = "/plain/.%2e/plain-locked/x".to_owned()),
        at("/strip/a", "I99", ALLOWED, |_| {}),
        plain("P4", MALFORMED, |d| d.wire = Some(|w| w.add("Transfer-Encoding", "xchunked"))),
        plain("P8", MALFORMED, |d| d.wire = Some(|w| w.add("Transfer-Encoding ", "chunked"))),
        plain("P12", MALFORMED_OR_401, |d| d.wire = Some(|w| w.add("Content-Length", "+0"))),
        plain("P15", MALFORMED, |d| d.wire = Some(|w| w.rename("DPoP", "DPoP "))),
        plain("P18", MALFORMED_OR_401, |d| d.wire = Some(|w| w.set("DPoP", format!("{}\0", w.proof)))),
        plain("P22", MALFORMED_OR_401, |d| d.wire = Some(|w| w.replace("DPoP ", "DPoP\r\n "))),
        plain("P37", LIMIT_OR_414, |d| d.wire = Some(|w| w.add("X-Big", "a".repeat(200_000)))),
    ]
}
