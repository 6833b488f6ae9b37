//! Whatever comes in, parsers answer; and what they accept has one meaning.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use jose::json::{self, JsonError, MAX_DEPTH};
use jose::jws::CompactJws;
use jose::jwt::UnverifiedJwt;
use jose::{JwkSet, JwkThumbprint, PublicJwk, SecretJwkSet, base64url, pem};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Map, Value};

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![vec(inner.clone(), 0..4).prop_map(Value::from), object(inner).prop_map(Value::Object)]
    })
}

fn object(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    btree_map(any::<String>(), inner, 0..4).prop_map(|members| members.into_iter().collect())
}

proptest! {
    #[test]
    fn no_bytes_make_a_parser_panic(bytes in vec(any::<u8>(), 0..200), text in any::<String>()) {
        let _ = json::parse_object(&bytes, MAX_DEPTH);
        let _ = json::from_slice::<Value>(&bytes, MAX_DEPTH);
        let _ = JwkSet::parse(&bytes);
        let _ = SecretJwkSet::parse(&bytes);
        let _ = base64url::decode(&bytes);
        let _ = CompactJws::parse(&text);
        let _ = UnverifiedJwt::parse(&text);
        let _ = JwkThumbprint::parse(&text);
        let _ = pem::parse(&text);
    }

    #[test]
    fn no_line_noise_makes_pem_panic(text in "(-----BEGIN A-----\n|-----END A-----\n|[A-Za-z0-9+/=:é -]{0,20}\n){0,8}") {
        let _ = pem::parse(&text);
    }

    #[test]
    fn no_members_make_a_key_panic(mut members in object(value()), kty in "EC|RSA|OKP|oct", crv in "P-256|P-521|Ed25519", x in vec(any::<u8>(), 30..67)) {
        members.insert("kty".into(), kty.into());
        members.insert("crv".into(), crv.into());
        for name in ["x", "y", "n", "e"] {
            members.entry(name).or_insert(base64url::encode(&x).into());
        }
        let _ = PublicJwk::parse(&members);
    }

    #[test]
    fn reads_json_as_everybody_does(members in object(value())) {
        let text = serde_json::to_vec(&members).unwrap();
        let expected: Value = serde_json::from_slice(&text).unwrap();
        prop_assert_eq!(Value::Object(json::parse_object(&text, MAX_DEPTH).unwrap()), expected.clone());
        prop_assert_eq!(json::from_slice::<Value>(&text, MAX_DEPTH).unwrap(), expected);
    }

    #[test]
    fn a_member_written_twice_is_found_wherever_it_is(members in object(value()), name in any::<String>(), depth in 0..10_usize) {
        let name = Value::from(name).to_string();
        let mut text = format!("{{{name}:1,\"\\u0000filler\":{},{name}:2}}", Value::Object(members));
        for _ in 0..depth {
            text = format!("{{\"a\":[{text}]}}");
        }
        let result = json::parse_object(text.as_bytes(), 2 * depth + MAX_DEPTH);
        prop_assert_eq!(result, Err(JsonError::DuplicateMember));
    }

    #[test]
    fn base64url_has_one_text_for_one_sequence_of_bytes(text in "[A-Za-z0-9_-]{0,20}") {
        if let Ok(bytes) = base64url::decode(&text) {
            prop_assert_eq!(base64url::encode(bytes), text);
        }
    }
}
