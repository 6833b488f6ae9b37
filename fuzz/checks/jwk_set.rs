//! JWK sets: every entry is either a usable public key or left out, and secret ones show nothing.

use jose::{Algorithm, JwkSet, SecretJwkSet};
use serde_json::Value;

/// Members that only private and symmetric keys have.
const PRIVATE: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

pub(crate) fn check(bytes: &[u8]) {
    let public = JwkSet::parse(bytes);
    let secret = SecretJwkSet::parse(bytes);
    if public.is_err() && secret.is_err() {
        return;
    }
    // Strict reading accepts nothing that everybody else would not read the same way.
    let document: Value = serde_json::from_slice(bytes).unwrap();
    let entries = document["keys"].as_array().unwrap();
    if let Ok(secret) = &secret {
        let shown = format!("{secret:?}");
        let hidden = entries.iter().flat_map(|entry| PRIVATE.iter().filter_map(|name| entry[*name].as_str()));
        // A name is shown, whatever its owner wrote into it.
        let is_in_name = |text: &str| {
            entries.iter().any(|entry| entry["kid"].as_str().is_some_and(|kid| kid.contains(text)))
        };
        for text in hidden.filter(|text| text.len() > 15 && !is_in_name(text)) {
            assert!(!shown.contains(text), "a secret is shown");
        }
    }
    let Ok(public) = public else { return };
    assert_eq!(public.keys().len() + public.skipped(), entries.len());
    for key in public.keys() {
        let written = key.key.to_json();
        let is_it = |entry: &&Value| {
            written.iter().all(|(name, value)| entry.get(name) == Some(value))
                && entry.get("kid").and_then(Value::as_str) == key.kid.as_deref()
                && PRIVATE.iter().all(|name| entry.get(name).is_none())
        };
        assert!(entries.iter().any(|entry| is_it(&entry)), "a key that was not given");
        assert!(key.key.fits(key.key.default_algorithm()));
        for algorithm in Algorithm::ALL {
            let candidates: Vec<_> = public.candidates(key.kid.as_deref(), algorithm).collect();
            assert!(candidates.iter().all(|candidate| candidate.key.fits(algorithm)));
            let is_found =
                candidates.iter().any(|candidate| candidate.key.thumbprint() == key.key.thumbprint());
            assert_eq!(is_found, key.key.fits(algorithm));
        }
    }
    let none = public.filter(|_| false);
    assert_eq!((none.keys().len(), none.skipped()), (0, entries.len()));
}
