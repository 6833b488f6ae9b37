//! A JWK: what is accepted has one meaning and one thumbprint, holds nothing private, and verifies nothing by accident.

use jose::{Algorithm, JwkError, PublicJwk, base64url, crypto, json};
use serde_json::{Map, Value, json};

pub(crate) fn check(bytes: &[u8]) {
    let Ok(members) = json::parse_object(bytes, json::MAX_DEPTH) else { return };
    let Ok(key) = PublicJwk::parse(&members) else { return };
    let written = key.to_json();
    for (name, value) in &written {
        assert_eq!(members.get(name), Some(value), "{name} is not what was read");
    }
    assert_eq!(key.thumbprint().to_string(), thumbprint_by_rfc_7638(&written));
    has_thumbprint_of(&key, &written);
    has_thumbprint_of(&key, &json::parse_object(reversed(&members).as_bytes(), json::MAX_DEPTH).unwrap());
    let mut more = members.clone();
    more.insert("of no meaning".to_owned(), json!([1, {"d": 1}]));
    has_thumbprint_of(&key, &more);
    for name in ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"] {
        let mut private = members.clone();
        private.insert(name.to_owned(), Value::Null);
        assert_eq!(PublicJwk::parse(&private).err(), Some(JwkError::PrivateMember));
    }
    assert!(key.is_of_type_for(key.default_algorithm()));
    verifies_nothing_by_accident(&key, &written);
}

fn has_thumbprint_of(key: &PublicJwk, members: &Map<String, Value>) {
    assert_eq!(PublicJwk::parse(members).unwrap().thumbprint(), key.thumbprint());
}

/// RFC 7638 §3: the required members only, by name, without white space.
fn thumbprint_by_rfc_7638(written: &Map<String, Value>) -> String {
    let mut members: Vec<(&String, &Value)> = written.iter().collect();
    members.sort_by_key(|(name, _)| name.as_str());
    let members: Vec<String> =
        members.into_iter().map(|(name, value)| format!(r#""{name}":{value}"#)).collect();
    base64url::encode(crypto::sha256(format!("{{{}}}", members.join(",")).as_bytes()))
}

/// The same object, its members in the opposite order.
fn reversed(members: &Map<String, Value>) -> String {
    let members: Vec<String> =
        members.iter().rev().map(|(name, value)| format!("{}:{value}", Value::from(name.as_str()))).collect();
    format!("{{{}}}", members.join(" , "))
}

fn verifies_nothing_by_accident(key: &PublicJwk, written: &Map<String, Value>) {
    let modulus_bytes = written.get("n").map_or(0, |n| base64url::decode(n.as_str().unwrap()).unwrap().len());
    for algorithm in Algorithm::ALL {
        assert!(!key.fits(algorithm) || key.is_of_type_for(algorithm));
        for length in [0, 64, 96, 132, modulus_bytes] {
            for byte in [0x00, 0xff] {
                assert!(key.verify(algorithm, b"message", &vec![byte; length]).is_err(), "{algorithm:?}");
            }
        }
    }
}
