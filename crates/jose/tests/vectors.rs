//! The published and our own vectors, as far as keys, signatures and parsing decide them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use jose::json::{self, MAX_DEPTH};
use jose::jws::CompactJws;
use jose::jwt::UnverifiedJwt;
use jose::{Algorithm, JwkError, PublicJwk};
use serde_json::{Map, Value};

fn vectors(name: &str) -> Value {
    let path = format!("{}/../../vectors/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn text<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name].as_str().unwrap_or_else(|| panic!("no {name} in {row}"))
}

#[test]
fn t1_t2_thumbprints() {
    for row in vectors("thumbprints.json")["thumbprints"].as_array().unwrap() {
        let parsed = PublicJwk::parse(row["jwk"].as_object().unwrap());
        if row["jwk"]["kty"] == "AKP" {
            assert_eq!(parsed, Err(JwkError::UnsupportedKeyType), "{}", text(row, "id"));
        } else {
            assert_eq!(
                parsed.unwrap().thumbprint().to_string(),
                text(row, "thumbprint"),
                "{}",
                text(row, "id")
            );
        }
    }
}

/// Whether the key may sign a proof with this algorithm: what a verifier decides from `jwk` and `alg` alone.
fn acceptable(jwk_json: &str, alg: &str) -> Option<PublicJwk> {
    // A header with the key in it, so that duplicates inside the key are seen by the same parser as in a proof.
    let header = json::parse_object(format!(r#"{{"jwk":{jwk_json}}}"#).as_bytes(), MAX_DEPTH).ok()?;
    let algorithm: Algorithm = alg.parse().ok()?;
    let key = PublicJwk::parse(header["jwk"].as_object()?).ok()?;
    key.fits(algorithm).then_some(key)
}

#[test]
fn p4_p5_r5_r7_jwk_policy() {
    let vectors = vectors("jwk_policy.json");
    let rows = vectors["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 110);
    for row in rows {
        let key = acceptable(text(row, "jwk_json"), text(row, "alg"));
        let expected = row["accept"] == true && row.get("feature").is_none();
        assert_eq!(key.is_some(), expected, "{}: {}", text(row, "id"), text(row, "reason"));
        if let Some(key) = key {
            assert_eq!(key.thumbprint().to_string(), text(row, "thumbprint"), "{}", text(row, "id"));
        }
    }
}

#[test]
fn p5_r7_a_private_member_is_named_as_the_reason() {
    let members = |text: &str| -> Map<String, Value> { serde_json::from_str(text).unwrap() };
    for name in ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"] {
        for value in ["null", "\"\"", "\"AQ\"", "[]", "1"] {
            let key = members(&format!(
                r#"{{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","{name}":{value}}}"#
            ));
            assert_eq!(PublicJwk::parse(&key), Err(JwkError::PrivateMember), "{name} {value}");
        }
    }
}

#[test]
fn r6_printed_proofs_and_their_malleable_twins_verify() {
    let vectors = vectors("rfc9449.json");
    let proofs =
        vectors["proofs"].as_array().unwrap().iter().chain(vectors["malleable_twins"].as_array().unwrap());
    let mut count = 0;
    for row in proofs {
        let jws = CompactJws::parse(text(row, "proof")).unwrap();
        let header = json::parse_object(&jws.header, MAX_DEPTH).unwrap();
        let key = PublicJwk::parse(header["jwk"].as_object().unwrap()).unwrap();
        assert_eq!(key.thumbprint().to_string(), text(&vectors, "jkt"));
        key.verify(Algorithm::Es256, jws.signing_input.as_bytes(), &jws.signature).unwrap();
        if let Some(expected) = row.get("header") {
            assert_eq!(&Value::Object(header), expected);
            assert_eq!(&Value::Object(json::parse_object(&jws.payload, MAX_DEPTH).unwrap()), &row["claims"]);
        }
        count += 1;
    }
    assert_eq!(count, 5);
}

#[test]
fn the_printed_bound_access_token_parses() {
    let vectors = vectors("rfc9449.json");
    let row = &vectors["bound_access_token"];
    let jwt = UnverifiedJwt::parse(text(row, "token")).unwrap();
    assert_eq!(jwt.header.alg, Algorithm::Es256);
    assert_eq!(jwt.header.kid.as_deref(), Some("BeALkb"));
    assert_eq!(Value::Object(jwt.claims), row["claims"]);
}
