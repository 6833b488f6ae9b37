//! The challenges and the bound token printed in RFC 9449.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use jose::jwt::UnverifiedJwt;
use oauth::{Confirmation, Scheme, challenge};
use serde_json::{Map, Value};

fn rfc9449() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/rfc9449.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn printed_challenges_parse() {
    let vectors = rfc9449();
    let rows = vectors["challenges"].as_array().unwrap();
    assert_eq!(rows.len(), 3);
    for row in rows {
        let parsed = challenge::parse(row["field_value"].as_str().unwrap());
        assert_eq!(parsed.len(), 1);
        assert_eq!(parsed[0].scheme, row["scheme"].as_str().unwrap());
        assert!(parsed[0].is(Scheme::Dpop));
        let parameters: Map<String, Value> = parsed[0]
            .parameters
            .iter()
            .map(|(name, value)| (name.clone(), Value::String(value.clone())))
            .collect();
        assert_eq!(Value::Object(parameters), row["parameters"]);
    }
}

#[test]
fn the_printed_access_token_is_bound_to_the_printed_key() {
    let vectors = rfc9449();
    let token = UnverifiedJwt::parse(vectors["bound_access_token"]["token"].as_str().unwrap()).unwrap();
    let confirmation = Confirmation::from_claims(&token.claims).unwrap().unwrap();
    assert_eq!(confirmation.jkt.unwrap().to_string(), vectors["jkt"].as_str().unwrap());
    assert_eq!(confirmation.x5t_s256, None);
}
