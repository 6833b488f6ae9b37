//! How a client shows at an authorization server's endpoints that it has its key: `private_key_jwt` (RFC 7523 §2.2, OpenID Connect
//! Core 1.0 §9).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jose::jws::SigningInput;
use jose::{Algorithm, KeyPair, SignError, UnixTime, base64url, crypto};
use percent_encoding::utf8_percent_encode;
use serde_json::json;

use crate::client_secret::RESERVED;

/// How long an assertion is good for. It is used at once, and servers remember its `jti` for as long.
const LIFE: Duration = Duration::from_secs(60);

/// What a client states about itself for one request, before it is signed.
///
/// The key may be elsewhere, in a hardware token for instance: this makes what is to be signed. For a key at hand there is
/// [`ClientKey`].
///
/// ```
/// use jose::{Algorithm, KeyPair, UnixTime};
/// use oauth::ClientAssertion;
///
/// let key = KeyPair::generate(Algorithm::Es256)?;
/// let assertion =
///     ClientAssertion { client_id: "orders-api", audience: "https://issuer.example", key_id: Some("2027") };
/// let input = assertion.signing_input(Algorithm::Es256, UnixTime::from_seconds(1_800_000_000))?;
/// let signature = key.sign_with(Algorithm::Es256, input.as_bytes())?;
/// assert_eq!(input.with_signature(&signature).split('.').count(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct ClientAssertion<'a> {
    /// The client's identifier: `iss` and `sub` (RFC 7523 §3 (1), (2)).
    pub client_id: &'a str,
    /// Who is to accept it: `aud` (RFC 7523 §3 (3)). The issuer, or the token endpoint for servers that want that.
    pub audience: &'a str,
    /// The `kid` that the authorization server knows the key by.
    pub key_id: Option<&'a str>,
}

impl ClientAssertion<'_> {
    /// The value of `client_assertion_type` (RFC 7523 §2.2).
    pub const TYPE: &'static str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

    /// What the client's key has to sign, with a `jti` of its own: good for one request, and for 60 seconds after `now`.
    ///
    /// # Errors
    ///
    /// [`SignError::NotSerializable`], which texts never lead to.
    pub fn signing_input(&self, algorithm: Algorithm, now: UnixTime) -> Result<SigningInput, SignError> {
        let mut header = json!({ "typ": "JWT", "alg": algorithm.as_str() });
        if let (Some(key_id), Some(header)) = (self.key_id, header.as_object_mut()) {
            header.insert("kid".to_owned(), key_id.into());
        }
        let claims = json!({
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.audience,
            "jti": base64url::encode(crypto::random::<16>()),
            "iat": now.as_seconds(),
            "exp": now.saturating_add(LIFE).as_seconds(),
        });
        SigningInput::new(&header, &claims)
    }
}

/// A client that signs [assertions](ClientAssertion) with a key at hand. `Debug` shows no key.
///
/// ```
/// use jose::{Algorithm, KeyPair, UnixTime};
/// use oauth::ClientKey;
///
/// let key = KeyPair::generate(Algorithm::Es256)?;
/// let client = ClientKey::new("orders-api", key, "https://issuer.example").with_key_id("2027");
/// let members = client.form_members(UnixTime::from_seconds(1_800_000_000))?;
/// assert!(members.starts_with("client_id=orders-api&client_assertion_type=urn%3A"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ClientKey {
    client_id: String,
    key: Arc<KeyPair>,
    key_id: Option<String>,
    audience: String,
}

impl ClientKey {
    /// The client with this identifier, the private half of the key that its registration has, and who is to accept its
    /// assertions: the authorization server's issuer, or its token endpoint for servers that want that. The key is not one that
    /// proofs are signed with.
    #[must_use]
    pub fn new(
        client_id: impl Into<String>,
        key: impl Into<Arc<KeyPair>>,
        audience: impl Into<String>,
    ) -> Self {
        Self { client_id: client_id.into(), key: key.into(), key_id: None, audience: audience.into() }
    }

    /// The same with the name that the authorization server knows the key by: `kid`.
    #[must_use]
    pub fn with_key_id(self, key_id: impl Into<String>) -> Self {
        Self { key_id: Some(key_id.into()), ..self }
    }

    /// The client's identifier.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// `client_id`, `client_assertion_type` and a fresh `client_assertion` as they stand in a form body. For one request: a server
    /// accepts each assertion once (RFC 7523 §3 (7)).
    ///
    /// # Errors
    ///
    /// A [`SignError`] when the cryptographic library does not sign.
    pub fn form_members(&self, now: UnixTime) -> Result<String, SignError> {
        let Self { client_id, key, key_id, audience } = self;
        let algorithm = key.algorithm();
        let assertion = ClientAssertion { client_id, audience, key_id: key_id.as_deref() };
        let input = assertion.signing_input(algorithm, now)?;
        let signature = key.sign_with(algorithm, input.as_bytes())?;
        let encode = |text| utf8_percent_encode(text, RESERVED);
        Ok(format!(
            "client_id={}&client_assertion_type={}&client_assertion={}",
            encode(client_id),
            encode(ClientAssertion::TYPE),
            encode(&input.with_signature(&signature)),
        ))
    }
}

impl fmt::Debug for ClientKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ClientKey")
            .field("client_id", &self.client_id)
            .field("key_id", &self.key_id)
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use jose::jwt::UnverifiedJwt;

    use super::*;

    const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);

    fn assertion(members: &str) -> UnverifiedJwt {
        UnverifiedJwt::parse(members.rsplit_once("client_assertion=").unwrap().1).unwrap()
    }

    #[test]
    fn c19_every_request_has_a_new_assertion_by_the_client_for_the_server() {
        for algorithm in [Algorithm::Es256, Algorithm::Ed25519] {
            let key = Arc::new(KeyPair::generate(algorithm).unwrap());
            let client = ClientKey::new("a b", Arc::clone(&key), "https://as.example").with_key_id("k1");
            let (first, second) = (client.form_members(NOW).unwrap(), client.form_members(NOW).unwrap());
            assert!(first.starts_with(
                "client_id=a%20b&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&"
            ), "{first}");
            let (first, second) = (assertion(&first), assertion(&second));
            assert_ne!(first.claims["jti"], second.claims["jti"]);
            for jwt in [first, second] {
                assert!(jwt.verify(key.public_jwk()).is_ok());
                assert_eq!((jwt.header.alg, jwt.header.kid.as_deref()), (algorithm, Some("k1")));
                for (name, expected) in [
                    ("iss", json!("a b")),
                    ("sub", json!("a b")),
                    ("aud", json!("https://as.example")),
                    ("iat", json!(1_800_000_000)),
                    ("exp", json!(1_800_000_060)),
                ] {
                    assert_eq!(jwt.claims[name], expected, "{name}");
                }
            }
        }
    }

    #[test]
    fn a_key_without_a_name_has_none_in_the_header_and_is_in_no_log() {
        let client =
            ClientKey::new("api", KeyPair::generate(Algorithm::Es256).unwrap(), "https://as.example");
        assert_eq!(assertion(&client.form_members(NOW).unwrap()).header.kid, None);
        let shown = format!("{client:?}");
        assert_eq!(
            shown,
            r#"ClientKey { client_id: "api", key_id: None, audience: "https://as.example", .. }"#
        );
    }
}
