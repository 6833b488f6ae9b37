//! The JOSE header of the proof.

use jose::{Algorithm, KeyPair, base64url, crypto};
use serde_json::{Value, json};

use super::{
    case::{Case, at, plain},
    draft::Draft,
    expectation::*,
    issuer_keys::rsa_key,
};

fn typ(draft: &mut Draft, value: Value) {
    draft.proof.header["typ"] = value;
}

fn alg(draft: &mut Draft, value: Value) {
    draft.proof.header["alg"] = value;
}

/// HMAC (RFC 2104) with a hash of 64 byte or 128 byte blocks.
pub fn hmac(hash: fn(&[u8]) -> Vec<u8>, block: usize, key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut key = if key.len() > block { hash(key) } else { key.to_vec() };
    key.resize(block, 0);
    let pad = |byte: u8| key.iter().map(|part| part ^ byte).collect::<Vec<u8>>();
    hash(&[pad(0x5c), hash(&[pad(0x36), message.to_vec()].concat())].concat())
}

/// SubjectPublicKeyInfo of a P-256 key.
pub fn public_der(key: &KeyPair) -> Vec<u8> {
    let jwk = key.public_jwk().to_json();
    let part = |name: &str| base64url::decode(jwk[name].as_str().unwrap()).unwrap();
    let head = [
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
        0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
    ];
    [head.to_vec(), part("x"), part("y")].concat()
}

pub fn public_pem(key: &KeyPair) -> String {
    jose::pem::encode("PUBLIC KEY", &public_der(key)).as_str().to_owned()
}

/// Puts a MAC in place of the signature.
fn with_mac(jws: &str, mac: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let input = jws.rsplit_once('.').unwrap().0;
    format!("{input}.{}", base64url::encode(mac(input.as_bytes())))
}

/// A JWE of the right form that nobody can open.
fn encrypted(draft: &mut Draft, header: Value) {
    draft.proof.header["enc"] = json!("A128GCM");
    for (name, value) in header.as_object().unwrap() {
        draft.proof.header[name] = value.clone();
    }
    draft.proof.compact = Some(|_, jws| {
        let header = jws.split('.').next().unwrap();
        let part = |length: usize| base64url::encode(vec![7; length]);
        format!("{header}.{}.{}.{}.{}", part(256), part(12), part(300), part(16))
    });
}

pub const SECP256K1: [&str; 2] =
    ["eb5mfvncu6xVoGKVzocLBwKb_NstzijZWfKBWxb4F5g", "SDradyajxGVdpPv8DhEIqP0XtEimhVQZnEfQj_sQ1Lg"];

fn secp256k1(draft: &mut Draft) {
    draft.bind_to(json!({"kty": "EC", "crv": "secp256k1", "x": SECP256K1[0], "y": SECP256K1[1]}));
}

pub fn rows() -> Vec<Case> {
    vec![
        plain("C2", BAD_TYP, |d| typ(d, json!("at+jwt"))),
        plain("C3", BAD_TYP, |d| typ(d, json!("jwt"))),
        plain("C4", BAD_TYP, |d| typ(d, json!(1))),
        plain("C5", BAD_TYP, |d| typ(d, json!(["dpop+jwt"]))),
        plain("C8", BAD_TYP, |d| typ(d, json!(" dpop+jwt"))),
        plain("C9", BAD_TYP, |d| typ(d, json!("dpop+jwt\0"))),
        plain("C10", BAD_TYP, |d| typ(d, json!({"dpop+jwt": 1}))),
        plain("C11", BAD_TYP, |d| typ(d, json!("dpop"))),
        plain("C12", BAD_TYP, |d| typ(d, json!("dpop+jws"))),
        plain("C14", BAD_TYP, |d| typ(d, json!("DPOP+JWT"))),
        plain("C15", BAD_TYP, |d| typ(d, json!("application/dpop+jwt"))),
        plain("C17", BAD_ALG, |d| alg(d, json!(""))),
        plain("C19", BAD_ALG, |d| alg(d, json!(null))),
        plain("C20", NO_JWS, |d| {
            alg(d, json!("NONE"));
            d.proof.signature = Some(|_| Vec::new());
        }),
        plain("C21", BAD_ALG, |d| alg(d, json!(["ES256"]))),
        plain("C23", BAD_ALG, |d| {
            alg(d, json!("HS256"));
            d.proof.compact = Some(|key, jws| {
                let jwk = key.public_jwk().to_json();
                let x = base64url::decode(jwk["x"].as_str().unwrap()).unwrap();
                with_mac(&jws, |input| crypto::hmac_sha256(&x, input).to_vec())
            });
        }),
        plain("C24", BAD_ALG, |d| {
            alg(d, json!("HS384"));
            d.proof.compact = Some(|key, jws| {
                let pem = public_pem(key);
                with_mac(&jws, |input| hmac(|m| crypto::sha384(m).to_vec(), 128, pem.as_bytes(), input))
            });
        }),
        plain("C25", BAD_ALG, |d| {
            alg(d, json!("HS512"));
            d.proof.compact = Some(|key, jws| {
                let pem = public_pem(key);
                with_mac(&jws, |input| hmac(|m| crypto::sha512(m).to_vec(), 128, pem.as_bytes(), input))
            });
        }),
        plain("C26", NO_JWS, |d| encrypted(d, json!({"alg": "RSA-OAEP"}))),
        plain("C27", NO_JWS, |d| {
            let epk = d.proof.header["jwk"].clone();
            encrypted(d, json!({"alg": "ECDH-ES", "epk": epk}));
        }),
        plain("C28", NO_JWS, |d| {
            encrypted(d, json!({"alg": "PBES2-HS256+A128KW", "p2s": "AAAA", "p2c": 2_147_483_647}));
        }),
        plain("C29", BAD_ALG, |d| alg(d, json!("RS1"))),
        plain("C31", BAD_ALG, |d| alg(d, json!("ESP256"))),
        plain("C32", BAD_ALG, |d| {
            secp256k1(d);
            alg(d, json!("ES256K"));
        }),
        at("/es256/a", "C35", BAD_ALG, |d| d.use_key(rsa_key())),
        plain("C38", BAD_KEY, |d| alg(d, json!("PS256"))),
        plain("C39", BAD_KEY, |d| {
            d.use_new_key(Algorithm::EdDsa);
            alg(d, json!("ES256"));
        }),
        plain("C40", BAD_KEY, |d| {
            d.use_new_key(Algorithm::Es384);
            alg(d, json!("ES256"));
        }),
        plain("C42", BAD_KEY, secp256k1),
        plain("C43", BAD_KEY, |d| alg(d, json!("ES512"))),
        plain("C44", BAD_KEY, |d| {
            d.use_new_key(Algorithm::EdDsa);
            let x = d.proof.header["jwk"]["x"].clone();
            d.bind_to(json!({"kty": "OKP", "crv": "X25519", "x": x}));
        }),
        plain("C47", ALLOWED, |d| d.use_new_key(Algorithm::Ed25519)),
        plain("C48", ALLOWED, |d| d.use_key(rsa_key().with_default_algorithm(Algorithm::Ps256))),
        plain("C49", ALLOWED, |d| d.use_key(rsa_key())),
        plain("C50", BAD_KEY, |d| d.proof.header["jwk"]["alg"] = json!("ES384")),
        plain("C51", ALLOWED, |d| d.proof.header["jwk"]["use"] = json!("sig")),
        plain("C52", ALLOWED, |d| d.proof.header["jwk"]["key_ops"] = json!(["verify"])),
        plain("C55", BAD_HEADER, |d| d.proof.header["crit"] = json!(["b64", "b64"])),
        plain("C56", BAD_HEADER, |d| d.proof.header["crit"] = json!(null)),
        plain("C57", ALLOWED, |d| d.proof.header["kid"] = json!("../../../../dev/null")),
        plain("C58", ALLOWED, |d| d.proof.header["kid"] = json!("k".repeat(2_000))),
        plain("C59", ALLOWED, |d| d.proof.header["kid"] = json!("k\0")),
        plain("C61", ALLOWED, |d| d.proof.header["x5u"] = d.trap()),
        plain("C62", BAD_SIGNATURE, |d| {
            d.proof.header["jku"] = d.trap();
            d.proof.signer = Some(KeyPair::generate(Algorithm::Es256).unwrap());
        }),
        plain("C63", EITHER, |d| d.proof.header["x5c"] = json!(["MIIB"])),
        plain("C64", BAD_KEY, |d| {
            d.proof.remove_header("jwk");
            d.proof.header["kid"] = json!("issuer-key");
            d.proof.signer = d.issuer_key.take();
        }),
        plain("C65", BAD_TYP, |d| d.proof.header_text = Some(|t| t.replace("\"typ\"", "\"Typ\""))),
        plain("C66", BAD_ALG, |d| d.proof.header_text = Some(|t| t.replace("\"alg\"", "\"ALG\""))),
        // The signature covers the whole: a member put in afterwards spoils it.
        plain("E3", BAD_SIGNATURE, |d| {
            d.proof.compact = Some(|_, jws| {
                let parts: Vec<&str> = jws.split('.').collect();
                let header = String::from_utf8(base64url::decode(parts[0]).unwrap()).unwrap();
                let header = base64url::encode(header.replacen('{', "{\"kid\":\"k\",", 1));
                format!("{header}.{}.{}", parts[1], parts[2])
            });
        }),
        plain("E2", BAD_SIGNATURE, |d| {
            d.proof.compact = Some(|_, jws| {
                let parts: Vec<&str> = jws.split('.').collect();
                let claims = String::from_utf8(base64url::decode(parts[1]).unwrap()).unwrap();
                let claims = base64url::encode(claims.replacen('{', "{\"x\":1,", 1));
                format!("{}.{claims}.{}", parts[0], parts[2])
            });
        }),
        plain("O4", BAD_ALG, |d| alg(d, json!("ES256\"\r\nX-Evil: 1\\"))).also(|answer| {
            let text = format!("{answer:?}").to_ascii_lowercase();
            !text.contains("evil")
        }),
        plain("E14", BAD_SIGNATURE, |d| {
            d.use_new_key(Algorithm::EdDsa);
            d.proof.signer = Some(KeyPair::generate(Algorithm::EdDsa).unwrap());
        }),
    ]
}
