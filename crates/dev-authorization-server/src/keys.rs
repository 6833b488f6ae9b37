//! The signing keys of a realm.

use std::{fmt, future::ready, sync::Arc};

use jose::{
    Algorithm, JwkSet, KeyPair, KeyPairError, PublicJwk, SignError, UnixTime, jws, jwt::UnverifiedJwt,
};
use parking_lot::RwLock;
use resource_server::{KeySource, KeysFuture};
use serde_json::{Map, Value, json};

/// A realm's key pair and its public face. Made at start, gone at the end; `kid` is the key's thumbprint.
pub(crate) struct RealmKeys {
    algorithm: Algorithm,
    current: RwLock<Arc<Current>>,
}

struct Current {
    key: KeyPair,
    kid: String,
    document: Value,
    published: Arc<JwkSet>,
}

impl RealmKeys {
    pub(crate) fn generate(algorithm: Algorithm) -> Result<Self, KeyPairError> {
        Ok(Self { algorithm, current: RwLock::new(Arc::new(Current::generate(algorithm)?)) })
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key set as published (RFC 7517 §5).
    pub(crate) fn document(&self) -> Value {
        self.current.read().document.clone()
    }

    /// Takes a new key, and forgets the old one.
    pub(crate) fn rotate(&self) -> Result<(), KeyPairError> {
        let next = Arc::new(Current::generate(self.algorithm)?);
        *self.current.write() = next;
        Ok(())
    }

    /// Signs claims as Keycloak does: header `typ` is `JWT` for every token.
    pub(crate) fn sign(&self, claims: &Map<String, Value>) -> Result<String, SignError> {
        let current = Arc::clone(&self.current.read());
        let header = json!({ "alg": self.algorithm.as_str(), "typ": "JWT", "kid": current.kid });
        jws::sign(&header, claims, &current.key, self.algorithm)
    }

    /// The claims of a JWT that one of these keys signed; nothing else about it is checked.
    pub(crate) fn open(&self, token: &str) -> Option<Map<String, Value>> {
        let jwt = UnverifiedJwt::parse(token).ok()?;
        let current = Arc::clone(&self.current.read());
        let signed = current
            .published
            .candidates(jwt.header.kid.as_deref(), self.algorithm)
            .any(|candidate| jwt.header.alg == self.algorithm && jwt.verify(&candidate.key).is_ok());
        signed.then_some(jwt.claims)
    }
}

impl Current {
    fn generate(algorithm: Algorithm) -> Result<Self, KeyPairError> {
        let key = KeyPair::generate(algorithm)?.with_default_algorithm(algorithm);
        let kid = key.thumbprint().to_string();
        let document = json!({ "keys": [published(key.public_jwk(), &kid, algorithm)] });
        let bytes = document.to_string();
        // Our own text; should it ever not parse, nothing verifies, which is the safe side.
        let published = Arc::new(JwkSet::parse(bytes.as_bytes()).unwrap_or_default());
        Ok(Self { key, kid, document, published })
    }
}

fn published(key: &PublicJwk, kid: &str, algorithm: Algorithm) -> Value {
    let mut jwk = key.to_json();
    jwk.insert("kid".to_owned(), kid.into());
    jwk.insert("use".to_owned(), "sig".into());
    jwk.insert("alg".to_owned(), algorithm.as_str().into());
    Value::Object(jwk)
}

impl KeySource for RealmKeys {
    fn keys<'a>(&'a self, _kid: Option<&'a str>, _now: UnixTime) -> KeysFuture<'a> {
        Box::pin(ready(Ok(Arc::clone(&self.current.read().published))))
    }
}

impl fmt::Debug for RealmKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RealmKeys").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}
