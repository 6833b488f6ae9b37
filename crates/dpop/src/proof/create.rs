//! Making a proof (RFC 9449 §4.2).

use jose::{Algorithm, KeyPair, SignError, UnixTime, base64url, crypto, jws};
use oauth::AccessToken;
use serde_json::{Map, Value, json};

use crate::access_token_hash::AccessTokenHash;

/// Collects what a proof says, then signs it. Every request, a retry included, needs a proof of its own (C6).
#[derive(Debug)]
pub struct ProofBuilder<'a> {
    key: &'a KeyPair,
    algorithm: Algorithm,
    method: &'a str,
    htu: &'a str,
    access_token_hash: Option<AccessTokenHash>,
    nonce: Option<&'a str>,
    jti: Option<String>,
}

impl<'a> ProofBuilder<'a> {
    /// A proof for `method` (case-sensitive) and `htu`, the target URI without query and fragment. Send the normal
    /// form, [`Htu`](crate::Htu)'s `Display`: some servers compare bytes.
    #[must_use]
    pub fn new(key: &'a KeyPair, method: &'a str, htu: &'a str) -> Self {
        let algorithm = key.algorithm();
        Self { key, algorithm, method, htu, access_token_hash: None, nonce: None, jti: None }
    }

    /// The access token that goes along: sets `ath` (RFC 9449 §7).
    #[must_use]
    pub fn access_token(self, token: &AccessToken) -> Self {
        self.access_token_hash(AccessTokenHash::of(token))
    }

    /// As [`ProofBuilder::access_token`], when only the hash is at hand.
    #[must_use]
    pub fn access_token_hash(self, hash: AccessTokenHash) -> Self {
        Self { access_token_hash: Some(hash), ..self }
    }

    /// The newest nonce of the server (RFC 9449 §8, §9).
    #[must_use]
    pub fn nonce(self, nonce: &'a str) -> Self {
        Self { nonce: Some(nonce), ..self }
    }

    /// A fixed `jti` instead of a [fresh one](fresh_jti).
    #[must_use]
    pub fn jti(self, jti: String) -> Self {
        Self { jti: Some(jti), ..self }
    }

    /// Another algorithm of the same key, for instance `Ed25519` instead of `EdDSA` (C15).
    #[must_use]
    pub fn algorithm(self, algorithm: Algorithm) -> Self {
        Self { algorithm, ..self }
    }

    /// Signs: a compact JWS for the `DPoP` header.
    ///
    /// # Errors
    ///
    /// [`SignError`] when the key can not sign with the algorithm.
    pub fn sign(self, issued_at: UnixTime) -> Result<String, SignError> {
        let header = json!({
            "typ": "dpop+jwt",
            "alg": self.algorithm.as_str(),
            "jwk": self.key.public_jwk().to_json(),
        });
        let mut claims = Map::new();
        claims.insert("jti".to_owned(), Value::String(self.jti.unwrap_or_else(fresh_jti)));
        claims.insert("htm".to_owned(), Value::String(self.method.to_owned()));
        claims.insert("htu".to_owned(), Value::String(self.htu.to_owned()));
        claims.insert("iat".to_owned(), Value::from(issued_at.as_seconds()));
        if let Some(hash) = self.access_token_hash {
            claims.insert("ath".to_owned(), Value::String(hash.to_string()));
        }
        if let Some(nonce) = self.nonce {
            claims.insert("nonce".to_owned(), Value::String(nonce.to_owned()));
        }
        jws::sign(&header, &claims, self.key, self.algorithm)
    }
}

/// 128 random bits as 22 characters: more than the 96 that RFC 9449 §4.2 asks for.
#[must_use]
pub fn fresh_jti() -> String {
    base64url::encode(crypto::random::<16>())
}
