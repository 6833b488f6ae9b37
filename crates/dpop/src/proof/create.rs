//! Making a proof (RFC 9449 §4.2).

use jose::{
    Algorithm, KeyPair, PublicJwk, SignError, UnixTime, base64url, crypto,
    jws::{self, SigningInput},
};
use oauth::AccessToken;
use serde_json::{Map, Value, json};

use crate::access_token_hash::AccessTokenHash;

/// Collects what a proof says, then signs it. Every request, a retry included, needs a proof of its own (C6).
///
/// `K` is where the private key is: a [`KeyPair`] at hand, or, with only the [`PublicJwk`] here, somewhere else.
///
/// ```
/// use dpop::ProofBuilder;
/// use jose::{Algorithm, KeyPair, UnixTime};
/// use oauth::AccessToken;
///
/// let key = KeyPair::generate(Algorithm::Es256)?;
/// let token = AccessToken::parse("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU")?;
/// let proof = ProofBuilder::new(&key, "GET", "https://api.example.com/orders")
///     .access_token(&token)
///     .nonce("eyJ7S_zG.eyJH0-Z.HX4w-7v")
///     .sign(UnixTime::from_seconds(1_800_000_000))?;
/// assert_eq!(proof.split('.').count(), 3); // the value of the `DPoP` field
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ProofBuilder<'a, K = KeyPair> {
    key: &'a K,
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

    /// Signs: a compact JWS for the `DPoP` header.
    ///
    /// # Errors
    ///
    /// [`SignError`] when the key can not sign with the algorithm.
    pub fn sign(self, issued_at: UnixTime) -> Result<String, SignError> {
        let (key, algorithm) = (self.key, self.algorithm);
        let (header, claims) = self.write(key.public_jwk(), issued_at);
        jws::sign(&header, &claims, key, algorithm)
    }
}

impl<'a> ProofBuilder<'a, PublicJwk> {
    /// As [`ProofBuilder::new`], for a private key that is elsewhere: whoever holds it signs the
    /// [`signing_input`](Self::signing_input).
    #[must_use]
    pub fn for_remote_key(key: &'a PublicJwk, method: &'a str, htu: &'a str) -> Self {
        let algorithm = key.default_algorithm();
        Self { key, algorithm, method, htu, access_token_hash: None, nonce: None, jti: None }
    }

    /// What the holder of the private key has to sign, with the builder's algorithm.
    ///
    /// # Errors
    ///
    /// [`SignError::KeyDoesNotFit`] when the key is of another type than the algorithm needs.
    pub fn signing_input(self, issued_at: UnixTime) -> Result<SigningInput, SignError> {
        let key = self.key;
        if !key.is_of_type_for(self.algorithm) {
            return Err(SignError::KeyDoesNotFit);
        }
        let (header, claims) = self.write(key, issued_at);
        SigningInput::new(&header, &claims)
    }
}

impl<'a, K> ProofBuilder<'a, K> {
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

    fn write(self, key: &PublicJwk, issued_at: UnixTime) -> (Value, Map<String, Value>) {
        let header = json!({
            "typ": "dpop+jwt",
            "alg": self.algorithm.as_str(),
            "jwk": key.to_json(),
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
        (header, claims)
    }
}

/// 128 random bits as 22 characters: more than the 96 that RFC 9449 §4.2 asks for.
#[must_use]
pub fn fresh_jti() -> String {
    base64url::encode(crypto::random::<16>())
}
