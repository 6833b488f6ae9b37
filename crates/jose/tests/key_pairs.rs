//! Private keys from PEM and JWK: what is read, and what is refused.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, RSA_PSS_SHA256, RsaKeyPair, RsaPssSaltLength,
    RsaSignatureEncoding,
};
use jose::jws::CompactJws;
use jose::{Algorithm, JwkError, KeyPair, KeyPairError, SignatureError, base64url, pem};
use serde_json::{Value, json};

/// A generated RSA key as a JWK: the integers of its PKCS#1 form in order (RFC 8017, appendix A.1.2).
fn rsa_jwk() -> Value {
    let key = KeyPair::generate(Algorithm::Rs256).unwrap();
    let block = pem::parse(&key.to_pkcs8_pem().unwrap()).unwrap().remove(0);
    let mut rest = &block.der[PKCS8_WRAPPING + 4..];
    let mut members = json!({"kty": "RSA"});
    for name in ["version", "n", "e", "d", "p", "q", "dp", "dq", "qi"] {
        assert_eq!(rest[0], 2);
        let (length, header) = match rest[1] {
            0x82 => (usize::from(rest[2]) << 8 | usize::from(rest[3]), 4),
            0x81 => (usize::from(rest[2]), 3),
            length => (usize::from(length), 2),
        };
        let number = &rest[header..header + length];
        members[name] = json!(base64url::encode(number.strip_prefix(&[0]).unwrap_or(number)));
        rest = &rest[header + length..];
    }
    members
}

/// Bytes that PKCS#8 puts before the PKCS#1 form of a 2048 bit key.
const PKCS8_WRAPPING: usize = 26;

/// The key of RFC 7515, appendix A.3.
fn ec_jwk() -> Value {
    json!({
        "kty": "EC", "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        "d": "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"
    })
}

fn read(jwk: &Value) -> Result<KeyPair, KeyPairError> {
    KeyPair::from_jwk(jwk.as_object().unwrap())
}

fn with(mut jwk: Value, name: &str, value: Value) -> Value {
    jwk[name] = value;
    jwk
}

#[test]
fn verifies_the_signature_printed_in_rfc7515_a3() {
    let printed = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    let jws = CompactJws::parse(printed).unwrap();
    let key = read(&ec_jwk()).unwrap();
    key.public_jwk().verify(Algorithm::Es256, jws.signing_input.as_bytes(), &jws.signature).unwrap();
}

#[test]
fn a_private_jwk_signs_with_its_alg() {
    assert_eq!(read(&ec_jwk()).unwrap().algorithm(), Algorithm::Es256);
    let jwk = with(with(ec_jwk(), "use", json!("sig")), "key_ops", json!(["sign"]));
    assert!(read(&jwk).is_ok());
    for refused in [
        with(ec_jwk(), "use", json!("enc")),
        with(ec_jwk(), "key_ops", json!(["verify"])),
        with(ec_jwk(), "alg", json!("ES384")),
    ] {
        assert_eq!(read(&refused).map(drop), Err(KeyPairError::Unusable), "{refused}");
    }
}

#[test]
fn refuses_halves_that_do_not_belong_together() {
    let other = KeyPair::generate(Algorithm::Es256).unwrap().public_jwk().to_json();
    let mixed = with(with(ec_jwk(), "x", other["x"].clone()), "y", other["y"].clone());
    assert_eq!(read(&mixed).map(drop), Err(KeyPairError::Unusable));
    let ed25519 = json!({"kty": "OKP", "crv": "Ed25519", "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2B",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    assert_eq!(read(&ed25519).map(drop), Err(JwkError::NotBase64Url("d").into()));
    let ed25519 = with(ed25519, "d", json!("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf3A"));
    assert_eq!(read(&ed25519).map(drop), Err(KeyPairError::Unusable));
    assert_eq!(read(&with(ec_jwk(), "d", json!("AQ"))).map(drop), Err(KeyPairError::Unusable));
}

#[test]
fn refuses_public_keys_and_incomplete_ones() {
    let mut public = ec_jwk();
    public.as_object_mut().unwrap().remove("d");
    assert_eq!(read(&public).map(drop), Err(JwkError::MissingMember("d").into()));
    for member in ["p", "q", "dp", "dq", "qi", "n"] {
        let mut incomplete = rsa_jwk();
        incomplete.as_object_mut().unwrap().remove(member);
        assert!(read(&incomplete).is_err(), "{member}");
    }
    assert_eq!(read(&json!({"kty": "oct", "k": "AAAA"})).map(drop), Err(JwkError::UnsupportedKeyType.into()));
}

#[test]
fn reads_sec1_and_pkcs1_pem() {
    let ec = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
    let der = ec.private_key().as_der().unwrap();
    let key = KeyPair::from_pkcs8_pem(&pem::encode("EC PRIVATE KEY", der.as_ref())).unwrap();
    assert_eq!(key.algorithm(), Algorithm::Es384);

    let rsa = KeyPair::generate(Algorithm::Rs256).unwrap();
    let blocks = pem::parse(&rsa.to_pkcs8_pem().unwrap()).unwrap();
    let pkcs1 = pem::encode("RSA PRIVATE KEY", &blocks[0].der[PKCS8_WRAPPING..]);
    let after_a_certificate = format!("{}{}", *pem::encode("CERTIFICATE", &[0x30, 0]), *pkcs1);
    let key = KeyPair::from_pkcs8_pem(&after_a_certificate).unwrap();
    assert_eq!(key.thumbprint(), rsa.thumbprint());
    assert_eq!(key.algorithm(), Algorithm::Ps256);
    assert_eq!(key.with_default_algorithm(Algorithm::Rs384).algorithm(), Algorithm::Rs384);
}

#[test]
fn refuses_other_pem() {
    let check =
        |text: &str, expected| assert_eq!(KeyPair::from_pkcs8_pem(text).map(drop), Err(expected), "{text}");
    check("", KeyPairError::NoPrivateKey);
    check(&pem::encode("CERTIFICATE", &[0x30, 0]), KeyPairError::NoPrivateKey);
    check(&pem::encode("ENCRYPTED PRIVATE KEY", &[0x30, 0]), KeyPairError::Encrypted);
    check(
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nMAA=\n-----END RSA PRIVATE KEY-----",
        KeyPairError::Encrypted,
    );
    check(&pem::encode("PRIVATE KEY", &[0x30, 0]), KeyPairError::Unusable);
    check(&pem::encode("EC PRIVATE KEY", b""), KeyPairError::Unusable);
    check(&pem::encode("RSA PRIVATE KEY", &[0x30, 0x82]), KeyPairError::Unusable);
    check("-----BEGIN PRIVATE KEY-----\n", KeyPairError::Pem(pem::PemError::NoEnd { line: 1 }));
}

#[test]
fn pss_accepts_only_a_salt_as_long_as_the_hash() {
    let key = KeyPair::generate(Algorithm::Ps256).unwrap();
    let blocks = pem::parse(&key.to_pkcs8_pem().unwrap()).unwrap();
    let library_key = RsaKeyPair::from_pkcs8(&blocks[0].der).unwrap();
    static SALT_0: RsaSignatureEncoding = RSA_PSS_SHA256.with_pss_salt_length(RsaPssSaltLength::Custom(0));
    static SALT_20: RsaSignatureEncoding = RSA_PSS_SHA256.with_pss_salt_length(RsaPssSaltLength::Custom(20));
    static SALT_32: RsaSignatureEncoding = RSA_PSS_SHA256.with_pss_salt_length(RsaPssSaltLength::Custom(32));
    for (encoding, expected) in [
        (&SALT_0, Err(SignatureError::Invalid)),
        (&SALT_20, Err(SignatureError::Invalid)),
        (&SALT_32, Ok(())),
    ] {
        let mut signature = vec![0; 256];
        library_key.sign(encoding, &SystemRandom::new(), b"message", &mut signature).unwrap();
        assert_eq!(
            key.public_jwk().verify(Algorithm::Ps256, b"message", &signature),
            expected,
            "{encoding:?}"
        );
    }
}

#[test]
fn an_rsa_jwk_signs() {
    let key = read(&with(rsa_jwk(), "alg", json!("RS256"))).unwrap();
    assert_eq!(key.algorithm(), Algorithm::Rs256);
    let signature = key.sign(b"message").unwrap();
    assert_eq!(key.public_jwk().verify(Algorithm::Rs256, b"message", &signature), Ok(()));
    assert_eq!(base64url::encode(&signature).len(), 342);
}
