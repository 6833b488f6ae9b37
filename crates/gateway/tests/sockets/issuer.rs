//! An authorization server reduced to what a resource server sees of it: a key set and signed tokens.

use std::{
    net::SocketAddr,
    time::{SystemTime, UNIX_EPOCH},
};

use dpop::ProofBuilder;
use jose::{Algorithm, KeyPair, UnixTime, jws};
use oauth::AccessToken;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use super::upstream::scripted_at;

/// Signs tokens; its key set is served on loopback.
pub struct Issuer {
    pub address: SocketAddr,
    kid: String,
    key: KeyPair,
}

#[allow(clippy::disallowed_methods)]
pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
}

impl Issuer {
    pub async fn start() -> Self {
        Self::start_at((std::net::Ipv4Addr::LOCALHOST, 0).into()).await
    }

    /// The same at this address.
    pub async fn start_at(address: SocketAddr) -> Self {
        let issuer = Self::with_key_served_elsewhere(address, "issuer-key");
        let set = json!({ "keys": [issuer.public_jwk()] }).to_string();
        let address = scripted_at(address, move |mut stream| {
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{set}",
                set.len()
            );
            async move {
                let mut buffer = [0; 4096];
                let _ = tokio::io::AsyncReadExt::read(&mut stream, &mut buffer).await;
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        })
        .await;
        Self { address, ..issuer }
    }

    /// One with a fresh key under this name, for whose key set somebody else cares.
    pub fn with_key_served_elsewhere(address: SocketAddr, kid: &str) -> Self {
        Self { address, kid: kid.to_owned(), key: KeyPair::generate(Algorithm::Es256).unwrap() }
    }

    /// Its key, as a member of a key set.
    pub fn public_jwk(&self) -> Value {
        let mut jwk = self.key.public_jwk().to_json();
        jwk.insert("kid".to_owned(), json!(self.kid));
        jwk.insert("use".to_owned(), json!("sig"));
        jwk.insert("alg".to_owned(), json!("ES256"));
        jwk.into()
    }

    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn issuer(&self) -> String {
        format!("{}/realms/dpop", self.origin())
    }

    /// The claims of a token bound to a key, in Keycloak's shape.
    pub fn claims(&self, bound_to: &KeyPair) -> Value {
        json!({
            "iss": self.issuer(),
            "sub": "alice-id",
            "azp": "client",
            "typ": "DPoP",
            "preferred_username": "alice",
            "jti": dpop::fresh_jti(),
            "iat": now() - 5,
            "exp": now() + 300,
            "cnf": {"jkt": bound_to.thumbprint().to_string()},
        })
    }

    pub fn sign(&self, claims: &Value) -> String {
        self.sign_under(&json!({"alg": "ES256", "typ": "JWT", "kid": self.kid}), claims)
    }

    /// The same with this header.
    pub fn sign_under(&self, header: &Value, claims: &Value) -> String {
        jws::sign(header, claims, &self.key, Algorithm::Es256).unwrap()
    }

    pub fn token(&self, bound_to: &KeyPair) -> String {
        self.sign(&self.claims(bound_to))
    }
}

/// A proof for one request.
pub fn proof(
    key: &KeyPair,
    method: &str,
    uri: &str,
    token: &str,
    nonce: Option<&str>,
    age_seconds: i64,
) -> String {
    proof_of(key, method, uri, token, nonce, now() - age_seconds)
}

/// The same issued at this time, in seconds since 1970.
pub fn proof_of(
    key: &KeyPair,
    method: &str,
    uri: &str,
    token: &str,
    nonce: Option<&str>,
    issued_at: i64,
) -> String {
    let token = AccessToken::parse(token).unwrap();
    let mut builder = ProofBuilder::new(key, method, uri).access_token(&token);
    if let Some(nonce) = nonce {
        builder = builder.nonce(nonce);
    }
    builder.sign(UnixTime::from_seconds(issued_at)).unwrap()
}
