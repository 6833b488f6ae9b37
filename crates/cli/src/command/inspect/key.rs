//! Keys: JWK, JWK set, PEM. Only public members are ever shown.

use anyhow::{Context, Result, bail};
use jose::{JwkError, KeyPair, PublicJwk};
use serde_json::{Map, Value};

use super::{Key, Report};

/// Members that are secret in one key type or another (RFC 7518 §6.2.2, §6.3.2, §6.4.1; RFC 8037 §2; RFC 9964).
const PRIVATE_MEMBERS: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

/// Takes private members out of every key in `members`, however deep; says whether there were any. A key is what has a
/// `kty`, and what is named like one: a damaged key is secret as well.
pub(super) fn remove_private_parts(members: &mut Map<String, Value>) -> bool {
    let mut found = if members.contains_key("kty") { remove_private_members(members) } else { false };
    for (name, value) in members {
        found |= remove_nested(value, matches!(name.as_str(), "jwk" | "keys"));
    }
    found
}

fn remove_private_members(members: &mut Map<String, Value>) -> bool {
    PRIVATE_MEMBERS.into_iter().fold(false, |found, name| members.remove(name).is_some() | found)
}

fn remove_nested(value: &mut Value, is_key: bool) -> bool {
    match value {
        Value::Object(members) => {
            let found = is_key && remove_private_members(members);
            remove_private_parts(members) | found
        }
        Value::Array(values) => {
            values.iter_mut().fold(false, |found, value| remove_nested(value, is_key) | found)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// A JWK or a JWK set.
pub(super) fn inspect_json(members: &Map<String, Value>) -> Result<Report> {
    if let Some(Value::Array(entries)) = members.get("keys") {
        let mut report = Report { kind: "JWK set", ..Report::default() };
        for (position, entry) in entries.iter().enumerate() {
            let Some(entry) = entry.as_object() else {
                report.warnings.push(format!("entry {position} is no object"));
                continue;
            };
            let (key, warnings) = inspect_jwk(entry);
            report.keys.push(key);
            report
                .warnings
                .extend(warnings.into_iter().map(|warning| format!("entry {position}: {warning}")));
        }
        return Ok(report);
    }
    if !members.contains_key("kty") {
        bail!("neither a JWT nor a JWK: the JSON object has no `kty` and no `keys`");
    }
    let (key, warnings) = inspect_jwk(members);
    Ok(Report { kind: "JWK", keys: vec![key], warnings, ..Report::default() })
}

/// The key of a JWT's header.
pub(super) fn inspect_jwk(members: &Map<String, Value>) -> (Key, Vec<String>) {
    let mut jwk = members.clone();
    let mut warnings = Vec::new();
    if remove_private_members(&mut jwk) | remove_private_parts(&mut jwk) {
        warnings
            .push("holds private or secret parts, which are left out here: keep it to yourself".to_owned());
    }
    // Of the public part: a private key has a thumbprint as well.
    let thumbprint = match PublicJwk::parse(&jwk) {
        Ok(key) => Some(key.thumbprint().to_string()),
        Err(JwkError::UnsupportedKeyType) if jwk.get("kty").is_some_and(|kty| kty == "oct") => {
            warnings.push("a symmetric key can not be used with DPoP".to_owned());
            None
        }
        Err(error) => {
            warnings.push(format!("not an acceptable public key: {error}"));
            None
        }
    };
    (Key { jwk, thumbprint }, warnings)
}

/// A private key in PEM, as `keybound keygen` writes it.
pub(super) fn inspect_pem(text: &str) -> Result<Report> {
    let key = KeyPair::from_pkcs8_pem(text).context("read the PEM text")?;
    let (key, mut warnings) = inspect_jwk(&key.public_jwk().to_json());
    warnings.push("the file holds a private key; shown is its public part: keep it to yourself".to_owned());
    Ok(Report { kind: "Private key in PEM", keys: vec![key], warnings, ..Report::default() })
}

#[cfg(test)]
mod tests {
    use jose::Algorithm;
    use serde_json::json;

    use super::*;

    #[test]
    fn private_parts_go_wherever_they_are() {
        let mut members = json!({
            "jwk": {"kty": "EC", "d": "secret", "x": "public"},
            "keys": [{"kty": "oct", "k": "secret", "kid": "a"}],
            "d": "a claim of that name, in no key",
        })
        .as_object()
        .unwrap()
        .clone();
        assert!(remove_private_parts(&mut members));
        let text = Value::Object(members.clone()).to_string();
        assert!(!text.contains("secret") && text.contains("public") && text.contains("a claim"), "{text}");
        assert!(!remove_private_parts(&mut members));
        let damaged = json!({"jwk": {"d": "secret"}, "keys": [{"k": "secret"}]});
        let mut members = damaged.as_object().unwrap().clone();
        assert!(remove_private_parts(&mut members));
        assert!(!Value::Object(members).to_string().contains("secret"));
        let report = inspect_json(damaged.as_object().unwrap()).unwrap();
        assert!(!format!("{report:?}").contains("\"secret\""));
    }

    #[test]
    fn a_private_key_has_the_thumbprint_of_its_public_part() {
        let key = KeyPair::generate(Algorithm::Es256).unwrap();
        let mut members = key.public_jwk().to_json();
        members.insert("d".to_owned(), "c2VjcmV0".into());
        let report = inspect_json(&members).unwrap();
        assert_eq!(report.keys[0].thumbprint, Some(key.thumbprint().to_string()));
        assert!(!format!("{report:?}").contains("c2VjcmV0"));
        assert!(report.warnings[0].contains("left out"), "{:?}", report.warnings);
        let pem = key.to_pkcs8_pem().unwrap();
        let report = inspect_pem(&pem).unwrap();
        assert_eq!(report.keys[0].thumbprint, Some(key.thumbprint().to_string()));
    }

    #[test]
    fn says_what_a_key_can_not_be_used_for() {
        let report = inspect_json(json!({"kty": "oct", "k": "AAAA"}).as_object().unwrap()).unwrap();
        assert!(report.warnings.iter().any(|warning| warning.contains("symmetric")), "{:?}", report.warnings);
        assert!(inspect_json(json!({"a": 1}).as_object().unwrap()).is_err());
    }
}
