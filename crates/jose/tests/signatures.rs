//! Signatures of every algorithm: what was signed verifies, and nothing near it does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use jose::{Algorithm, KeyPair, PublicJwk, SignError, SignatureError};
use serde_json::{Value, json};

const MESSAGE: &[u8] = b"header.payload";

fn public(key: &Value) -> PublicJwk {
    PublicJwk::parse(key.as_object().unwrap()).unwrap()
}

#[test]
fn every_algorithm_signs_and_verifies() {
    for algorithm in Algorithm::ALL {
        let key = KeyPair::generate(algorithm).unwrap();
        assert_eq!(key.algorithm(), algorithm);
        // After the third time a key of P-256 is one that returns.
        for round in 1..=5 {
            check_signature_and_what_is_near_it(&key, &format!("{algorithm}, round {round}"));
        }
    }
}

fn check_signature_and_what_is_near_it(key: &KeyPair, case: &str) {
    let (algorithm, public) = (key.algorithm(), key.public_jwk());
    let signature = key.sign(MESSAGE).unwrap();
    assert_eq!(public.verify(algorithm, MESSAGE, &signature), Ok(()), "{case}");
    assert_eq!(
        public.verify(algorithm, b"header.payloae", &signature),
        Err(SignatureError::Invalid),
        "{case}"
    );
    for position in [0, signature.len() / 2, signature.len() - 1] {
        let mut flipped = signature.clone();
        flipped[position] ^= 1;
        let verified = public.verify(algorithm, MESSAGE, &flipped);
        assert_eq!(verified, Err(SignatureError::Invalid), "{case}, byte {position}");
    }
    for wrong in [
        &[][..],
        &signature[1..],
        &[signature.as_slice(), &[0]].concat(),
        &[&[0], signature.as_slice()].concat(),
    ] {
        let verified = public.verify(algorithm, MESSAGE, wrong);
        assert_eq!(verified, Err(SignatureError::Invalid), "{case}, {} bytes", wrong.len());
    }
}

#[test]
fn r5_an_algorithm_of_another_key_type_or_curve_does_not_fit() {
    let key = KeyPair::generate(Algorithm::Es256).unwrap();
    let signature = key.sign(MESSAGE).unwrap();
    for algorithm in Algorithm::ALL.into_iter().filter(|algorithm| *algorithm != Algorithm::Es256) {
        assert!(!key.supports(algorithm) && !key.public_jwk().fits(algorithm));
        assert_eq!(key.sign_with(algorithm, MESSAGE), Err(SignError::KeyDoesNotFit));
        assert_eq!(
            key.public_jwk().verify(algorithm, MESSAGE, &signature),
            Err(SignatureError::KeyDoesNotFit)
        );
    }
}

#[test]
fn an_rsa_key_signs_with_every_rsa_algorithm_and_each_verifies_its_own_only() {
    let key = KeyPair::generate(Algorithm::Rs256).unwrap();
    let rsa: Vec<_> = Algorithm::ALL.into_iter().filter(|algorithm| key.supports(*algorithm)).collect();
    assert_eq!(rsa.len(), 6);
    for signed_with in &rsa {
        let signature = key.sign_with(*signed_with, MESSAGE).unwrap();
        for verified_with in &rsa {
            let expected = if signed_with == verified_with { Ok(()) } else { Err(SignatureError::Invalid) };
            assert_eq!(
                key.public_jwk().verify(*verified_with, MESSAGE, &signature),
                expected,
                "{signed_with} as {verified_with}"
            );
        }
    }
}

#[test]
fn ed25519_verifies_under_both_names() {
    let key = KeyPair::generate(Algorithm::Ed25519).unwrap();
    let signature = key.sign_with(Algorithm::EdDsa, MESSAGE).unwrap();
    assert_eq!(key.public_jwk().verify(Algorithm::Ed25519, MESSAGE, &signature), Ok(()));
    assert_eq!(key.public_jwk().verify(Algorithm::EdDsa, MESSAGE, &signature), Ok(()));
}

/// RFC 8037, appendix A.4.
#[test]
fn ed25519_signs_as_rfc8037_prints_it() {
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    let key = KeyPair::from_jwk(jwk.as_object().unwrap()).unwrap();
    let signature = key.sign(b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc").unwrap();
    assert_eq!(
        jose::base64url::encode(signature),
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    );
}

#[test]
fn ed25519_refuses_an_s_of_the_group_order_or_more() {
    let key = KeyPair::generate(Algorithm::Ed25519).unwrap();
    let mut signature = key.sign(MESSAGE).unwrap();
    // s + L is the same number modulo L: a second signature text for the same message.
    let order: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut carry = 0;
    for (byte, addend) in signature[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(addend) + carry;
        *byte = (sum & 0xff) as u8;
        carry = sum >> 8;
    }
    assert_eq!(
        key.public_jwk().verify(Algorithm::Ed25519, MESSAGE, &signature),
        Err(SignatureError::Invalid)
    );
}

#[test]
fn ecdsa_refuses_der_and_numbers_out_of_range() {
    let orders = [
        (Algorithm::Es256, "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"),
        (
            Algorithm::Es384,
            "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
        ),
        (
            Algorithm::Es512,
            &format!(
                "01{}fa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
                "ff".repeat(32)
            ),
        ),
    ];
    for (algorithm, order) in orders {
        let order: Vec<u8> = (0..order.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&order[at..at + 2], 16).unwrap())
            .collect();
        let key = KeyPair::generate(algorithm).unwrap();
        let signature = key.sign(MESSAGE).unwrap();
        let (r, s) = signature.split_at(order.len());
        let zero = vec![0; order.len()];
        let ones = vec![0xff; order.len()];
        for (r, s) in [
            (&zero[..], s),
            (r, &zero[..]),
            (&zero[..], &zero[..]),
            (&order[..], s),
            (r, &order[..]),
            (&ones[..], s),
            (r, &ones[..]),
        ] {
            assert_eq!(
                key.public_jwk().verify(algorithm, MESSAGE, &[r, s].concat()),
                Err(SignatureError::Invalid)
            );
        }
        let integer = |number: &[u8]| [&[2, number.len() as u8 + 1, 0], number].concat();
        let der = [integer(r), integer(s)].concat();
        let der = [&[0x30, der.len() as u8][..], &der].concat();
        assert_eq!(key.public_jwk().verify(algorithm, MESSAGE, &der), Err(SignatureError::Invalid));
        // The twin with n - s verifies as well (decision D12).
        let mut borrow = 0;
        let mut twin = order.clone();
        for (byte, subtrahend) in twin.iter_mut().zip(s).rev() {
            let difference = i16::from(*byte) - i16::from(*subtrahend) - borrow;
            *byte = (difference & 0xff) as u8;
            borrow = i16::from(difference < 0);
        }
        assert_eq!(key.public_jwk().verify(algorithm, MESSAGE, &[r, &twin].concat()), Ok(()), "{algorithm}");
    }
}

#[test]
fn keys_survive_pem_and_jwk() {
    for algorithm in
        [Algorithm::Es256, Algorithm::Es384, Algorithm::Es512, Algorithm::EdDsa, Algorithm::Ps256]
    {
        let key = KeyPair::generate(algorithm).unwrap();
        let text = key.to_pkcs8_pem().unwrap();
        assert!(text.starts_with("-----BEGIN PRIVATE KEY-----\n"));
        let again = KeyPair::from_pkcs8_pem(&text).unwrap();
        assert_eq!(again.thumbprint(), key.thumbprint(), "{algorithm}");
        assert_eq!(again.algorithm(), algorithm);
        let signature = again.sign(MESSAGE).unwrap();
        assert_eq!(key.public_jwk().verify(algorithm, MESSAGE, &signature), Ok(()));
        assert_eq!(public(&Value::Object(key.public_jwk().to_json())), *key.public_jwk());
    }
}

#[test]
fn debug_hides_private_keys() {
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    let key = KeyPair::from_jwk(jwk.as_object().unwrap()).unwrap();
    assert_eq!(
        format!("{key:?}"),
        "KeyPair { public: PublicJwk(EdDSA kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k), .. }"
    );
}
