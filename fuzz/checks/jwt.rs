//! A JWT: one text for one meaning, and a signature that covers every bit of it.

use jose::jwt::{REFUSED_HEADER_PARAMETERS, UnverifiedJwt};
use jose::{Algorithm, base64url};
use serde_json::Value;

#[path = "signed.rs"]
mod signed;

pub(crate) fn check(bytes: &[u8]) {
    let Ok(case) = std::str::from_utf8(bytes) else { return };
    let is_signed_here = case.contains('\n');
    let text = signed::compact(case);
    let Ok(jwt) = UnverifiedJwt::parse(&text) else { return };
    let parts: Vec<&str> = text.split('.').collect();
    assert_eq!(parts.len(), 3);
    let decoded: Vec<Vec<u8>> = parts.iter().map(|part| base64url::decode(part).unwrap()).collect();
    assert_eq!(decoded.iter().map(base64url::encode).collect::<Vec<_>>().join("."), text);
    // Everybody else reads the same header and claims.
    let header: Value = serde_json::from_slice(&decoded[0]).unwrap();
    let claims: Value = serde_json::from_slice(&decoded[1]).unwrap();
    assert_eq!(claims, Value::Object(jwt.claims.clone()));
    assert_eq!(header["alg"], jwt.header.alg.as_str());
    assert_eq!(header.get("kid").and_then(Value::as_str), jwt.header.kid.as_deref());
    assert_eq!(header.get("typ").and_then(Value::as_str), jwt.header.typ.as_deref());
    assert!(REFUSED_HEADER_PARAMETERS.iter().all(|name| header.get(name).is_none()));
    let verifies = jwt.verify(signed::key()).is_ok();
    if is_signed_here {
        let fits = matches!(jwt.header.alg, Algorithm::EdDsa | Algorithm::Ed25519);
        assert_eq!(verifies, fits, "a good signature counts exactly for its algorithm");
    }
    if verifies {
        let changed = signed::with_a_bit_changed(&text, bytes.iter().map(|byte| usize::from(*byte)).sum());
        let still = UnverifiedJwt::parse(&changed).is_ok_and(|jwt| jwt.verify(signed::key()).is_ok());
        assert!(!still, "a changed JWT verifies");
    }
    let shown = format!("{jwt:?}");
    assert!(parts[2].len() < 16 || !shown.contains(parts[2]), "the signature is shown");
}
