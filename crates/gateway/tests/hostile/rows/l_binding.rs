//! The access token: what it says, who signed it, and what binds it to the key of the proof.

use jose::{Algorithm, KeyPair, base64url, crypto};
use serde_json::json;
use testkit::malleable::es256_twin;

use super::{
    c_header::{public_der, public_pem},
    case::{Case, at, plain},
    draft::{Draft, copy_of, now},
    expectation::*,
    issuer_keys::rsa_key,
};

const AUDIENCE: &str = "/audience/a";
const SCOPED: &str = "/scope/a";
const MIXED: &str = "/mixed/a";

/// Makes the token now and puts into the proof what an edit makes of it.
fn ath(draft: &mut Draft, edit: fn(&str) -> String) {
    let issuer = draft.issuer_key.take().unwrap();
    let token = draft.make_token(&issuer);
    draft.claim("ath", json!(edit(&token)));
}

fn hash(token: &str) -> String {
    base64url::encode(crypto::sha256(token.as_bytes()))
}

fn jkt(draft: &mut Draft, edit: fn(String) -> String) {
    let jkt = edit(draft.key.thumbprint().to_string());
    draft.token.claims["cnf"] = json!({"jkt": jkt});
}

fn bearer(draft: &mut Draft, cnf: serde_json::Value) {
    draft.scheme = "Bearer";
    draft.token.claims["cnf"] = cnf;
    draft.wire = Some(|w| w.remove("dpop"));
}

fn issuer(draft: &mut Draft, edit: fn(&str) -> String) {
    let issuer = edit(draft.token.claims["iss"].as_str().unwrap());
    draft.token.claims["iss"] = json!(issuer);
}

/// A stranger signs under a name.
fn named(draft: &mut Draft, member: &str, value: serde_json::Value) {
    draft.token.header[member] = value;
    draft.token.signer = Some(KeyPair::generate(Algorithm::Es256).unwrap());
}

fn by_rsa(draft: &mut Draft, algorithm: Algorithm) {
    draft.token.header["kid"] = json!("issuer-rsa");
    draft.token.header["alg"] = json!(algorithm.as_str());
    draft.token.signer = Some(rsa_key().with_default_algorithm(algorithm));
}

fn scope(draft: &mut Draft, scope: &str) {
    draft.token.claims["scope"] = json!(scope);
}

fn nothing_reflected(answer: &super::answer::Answer) -> bool {
    !format!("{answer:?}").to_ascii_lowercase().contains("evil")
}

pub fn binding() -> Vec<Case> {
    vec![
        plain("L1", BAD_CLAIM, |d| ath(d, |token| hash(token) + "=")),
        plain("L2", BAD_CLAIM, |d| ath(d, |token| base64url::encode(crypto::sha512(token.as_bytes())))),
        plain("L4", BAD_CLAIM, |d| ath(d, |token| base64url::encode(crypto::sha1(token.as_bytes())))),
        plain("L5", BAD_CLAIM, |d| {
            ath(d, |token| base64url::encode(&crypto::sha256(token.as_bytes())[..16]))
        }),
        plain("L6", BAD_ATH, |d| ath(d, |token| hash(token.split('.').nth(1).unwrap()))),
        plain("L7", BAD_CLAIM, |d| ath(d, str::to_owned)),
        plain("L8", BAD_CLAIM, |d| {
            ath(d, |token| base64url::encode([&crypto::sha256(token.as_bytes())[..], &[0]].concat()));
        }),
        plain("L9", BAD_CLAIM, |d| ath(d, |token| base64url::encode(hash(token)))),
        plain("L10", BAD_ATH, |d| {
            let key = copy_of(d.issuer_key.as_ref().unwrap());
            ath(d, hash);
            d.token_text = None;
            d.token.claims["jti"] = json!(dpop::fresh_jti());
            d.make_token(&key);
        }),
        plain("L22", PROOF_OR_TOKEN, |d| {
            d.token.claims["cnf"]["x5t#S256"] = json!(base64url::encode([7; 32]));
        }),
        at(MIXED, "L23", DENIED, |d| {
            let jwk = d.proof.header["jwk"].clone();
            bearer(d, json!({"jwk": jwk}));
        }),
        at(MIXED, "L24", DENIED, |d| bearer(d, json!({"other": 1}))),
        plain("L29", PROOF_OR_TOKEN, |d| jkt(d, |jkt| jkt + "=")),
        plain("L30", PROOF_OR_TOKEN, |d| jkt(d, |jkt| base64url::encode(crypto::sha512(jkt.as_bytes())))),
        plain("L31", PROOF_OR_TOKEN, |d| jkt(d, |jkt| jkt[..jkt.len() - 1].to_owned())),
        plain("L32", PROOF_OR_TOKEN, |d| jkt(d, |jkt| format!(" {jkt}"))),
        plain("L33", PROOF_OR_TOKEN, |d| {
            // 32 bytes leave two spare bits in the last of 43 characters: its value is a multiple of four.
            jkt(d, |jkt| {
                let last = jkt.chars().next_back().unwrap();
                let next = match last {
                    '8' => '9',
                    '0' => '1',
                    '4' => '5',
                    letter => (letter as u8 + 1) as char,
                };
                format!("{}{next}", &jkt[..jkt.len() - 1])
            });
        }),
    ]
}

pub fn tokens() -> Vec<Case> {
    vec![
        plain("L35", TOKEN_FORM, |d| {
            d.token.claims["exp"] = json!("EXP");
            d.token.claims_text = Some(|t| t.replace("\"EXP\"", "1e400"));
        }),
        plain("L41", TOKEN_EARLY, |d| {
            d.token.claims["nbf"] = json!("NBF");
            d.token.claims_text = Some(|t| t.replace("\"NBF\"", "99999999999999999999"));
        }),
        plain("L42", ALLOWED, |d| d.token.claims["exp"] = json!(4_294_967_300_u64)),
        plain("L43", TOKEN_ISSUER, |d| issuer(d, |iss| iss[..iss.len() - 1].to_owned())),
        plain("L44", TOKEN_ISSUER, |d| issuer(d, |iss| format!("{iss}x"))),
        plain("L45", TOKEN_ISSUER, |d| issuer(d, str::to_ascii_uppercase)),
        plain("L48", TOKEN_ISSUER, |d| issuer(d, |iss| format!("{iss}\0"))),
        at(AUDIENCE, "L54", TOKEN_AUDIENCE, |d| d.token.claims["aud"] = json!("https://api.examplex")),
        at(AUDIENCE, "L59", TOKEN_AUDIENCE, |d| d.token.claims["aud"] = json!("https://api.exampl")),
        at(AUDIENCE, "L61", EITHER, |d| d.token.claims["aud"] = json!("other https://api.example")),
        plain("L63", TOKEN_FORM, |d| {
            d.token.header["alg"] = json!("");
            d.token.signature = Some(|_| Vec::new());
        }),
        plain("L64", TOKEN_FORM, |d| {
            d.token.header["alg"] = json!("HS256");
            d.token.compact = Some(|key, jws| mac(&jws, public_pem(key).as_bytes()));
        }),
        plain("L65", TOKEN_FORM, |d| {
            d.token.header["alg"] = json!("HS256");
            d.token.compact = Some(|key, jws| mac(&jws, &public_der(key)));
        }),
        plain("L67", BAD_REQUEST_OR_401, |d| d.token.signature = Some(|_| Vec::new())),
        plain("L68", TOKEN_SIGNATURE, |d| {
            d.token.compact = Some(|_, jws| {
                let parts: Vec<&str> = jws.split('.').collect();
                let claims = String::from_utf8(base64url::decode(parts[1]).unwrap()).unwrap();
                let claims = base64url::encode(claims.replace("alice-id", "mallory"));
                format!("{}.{claims}.{}", parts[0], parts[2])
            });
        }),
        plain("L69", TOKEN_SIGNATURE, |d| {
            let key = KeyPair::generate(Algorithm::Es256).unwrap();
            d.token.header["jwk"] = serde_json::Value::Object(key.public_jwk().to_json());
            d.token.signer = Some(key);
        }),
        plain("L70", TOKEN_SIGNATURE, |d| named(d, "jku", d.trap())),
        plain("L71", TOKEN_SIGNATURE, |d| named(d, "x5u", d.trap())),
        plain("L72", TOKEN_KEY, |d| named(d, "kid", json!("../../../../dev/null"))),
        plain("L73", TOKEN_KEY, |d| named(d, "kid", json!("x' UNION SELECT 'key'; --"))),
        plain("L74", TOKEN_KEY, |d| named(d, "kid", json!("k".repeat(3_000)))),
        plain("L75", TOKEN_KEY, |d| named(d, "kid", json!(""))),
        plain("L76", TOKEN_FORM, |d| named(d, "kid", json!(["issuer-key"]))),
        plain("L77", LIMIT, |d| d.token_text = Some(".".repeat(8_000))),
        plain("L78", LIMIT, |d| d.token_text = Some("a".repeat(1_000_000))),
        plain("L79", TOKEN_FORM, |d| d.token.claims_text = Some(|t| t.replacen('}', "},\"exp\":1", 1))),
        plain("L80", PROOF_OR_TOKEN, |d| {
            d.token.claims_text = Some(|t| {
                let other = KeyPair::generate(Algorithm::Es256).unwrap().thumbprint().to_string();
                t.replacen('}', &format!("}},\"cnf\":{{\"jkt\":\"{other}\"}}"), 1)
            });
        }),
        plain("L82", ALLOWED, |d| d.token.header["typ"] = json!("application/at+jwt")),
        plain("L84", TOKEN_FORM, |d| d.token.claims["typ"] = json!("Refresh")),
        plain("L85", TOKEN_FORM, |d| d.token.header["typ"] = json!("logout+jwt")),
        plain("L86", TOKEN_ISSUER, |d| {
            issuer(d, |_| "https://other.example".to_owned());
            named(d, "kid", json!("their-key"));
        }),
        at(SCOPED, "L88", SCOPE, |d| scope(d, "other"))
            .also(|answer| answer.header("www-authenticate").unwrap().contains("algs=\"")),
        at(SCOPED, "L90", SCOPE_OR_TOKEN, |d| scope(d, "api:read:all")),
        at(SCOPED, "L91", SCOPE_OR_TOKEN, |d| scope(d, "API:READ")),
        at(SCOPED, "L92", SCOPE_OR_TOKEN, |d| scope(d, "api:rea")),
        at(SCOPED, "L93", SCOPE_OR_TOKEN, |d| scope(d, "api:read,api:write")),
        at(SCOPED, "L94", SCOPE_OR_TOKEN, |d| scope(d, "xapi:read")),
        at(SCOPED, "L96", ALLOWED, |d| {
            d.token.remove_claim("scope");
            d.token.claims["scp"] = json!(["api:read", "api:write"]);
        }),
        plain("L98", ALLOWED, |d| d.token.claims["roles"] = json!("r".repeat(3_000))),
        plain("L99", ALLOWED, |d| by_rsa(d, Algorithm::Rs256)),
        plain("L100", TOKEN_KEY, |d| by_rsa(d, Algorithm::Ps256)),
        at("/es256/a", "L101", TOKEN_FORM, |d| by_rsa(d, Algorithm::Rs256)),
        plain("L102", ALLOWED, |d| {
            d.token.claims["n"] = json!(null);
            d.token.claims["b"] = json!(true);
            d.token.claims["f"] = json!(-1.5);
            d.token.claims["a"] = json!([1, "x", {}]);
            d.token.claims["o"] = json!({"x": {"y": []}});
            d.token.claims["t"] = json!(now());
        }),
        plain("L103", TOKEN_FORM, |d| d.token.remove_claim("sub")),
        plain("L104", ALLOWED, |d| d.token.signature = Some(high_s)),
        plain("E8", ALLOWED, |d| d.proof.signature = Some(low_s)),
        plain("O1", TOKEN_KEY, |d| named(d, "kid", json!("\"\r\nX-Evil: 1\\"))).also(nothing_reflected),
    ]
}

fn mac(jws: &str, key: &[u8]) -> String {
    let input = jws.rsplit_once('.').unwrap().0;
    format!("{input}.{}", base64url::encode(crypto::hmac_sha256(key, input.as_bytes())))
}

/// The other signature that is as good.
pub fn other_s(signature: Vec<u8>) -> Vec<u8> {
    es256_twin(&signature)
}

pub fn low_s(signature: Vec<u8>) -> Vec<u8> {
    let other = other_s(signature.clone());
    if signature[32..] < other[32..] { signature } else { other }
}

fn high_s(signature: Vec<u8>) -> Vec<u8> {
    let other = other_s(signature.clone());
    if signature[32..] > other[32..] { signature } else { other }
}
