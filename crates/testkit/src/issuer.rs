//! A fake issuer: its key, its key set, and access tokens with any claims.

use std::time::Duration;

use jose::{Algorithm, JwkSet, JwkThumbprint, KeyPair, UnixTime, jws};
use oauth::AccessToken;
use serde_json::{Map, Value, json};

/// The `kid` of the issuer's one key.
const KEY_ID: &str = "testkit-issuer";
/// How long tokens live.
const LIFETIME: Duration = Duration::from_secs(300);

/// Issues access tokens without being anywhere.
///
/// ```
/// use testkit::{FakeIssuer, ManualClock};
///
/// let (issuer, clock) = (FakeIssuer::new("https://issuer.example"), ManualClock::new());
/// let keys = issuer.jwk_set(); // for the server under test
/// let token = issuer.token(clock.now()).audience("shop").scope("orders:read").issue();
/// assert_eq!(keys.keys().len(), 1);
/// # let _ = token;
/// ```
#[derive(Debug)]
pub struct FakeIssuer {
    name: String,
    key: KeyPair,
}

impl FakeIssuer {
    /// An issuer with this `iss` and a fresh ES256 key.
    ///
    /// # Panics
    ///
    /// When the cryptographic library can not make a key.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self::with_algorithm(name, Algorithm::Es256)
    }

    /// An issuer that signs with another algorithm.
    ///
    /// ```
    /// use jose::Algorithm;
    /// use testkit::FakeIssuer;
    ///
    /// let issuer = FakeIssuer::with_algorithm("https://issuer.example", Algorithm::Ed25519);
    /// assert_eq!(issuer.name(), "https://issuer.example");
    /// ```
    ///
    /// # Panics
    ///
    /// When the cryptographic library can not make a key.
    #[must_use]
    pub fn with_algorithm(name: &str, algorithm: Algorithm) -> Self {
        let key = KeyPair::generate(algorithm).expect("the cryptographic library makes a key");
        Self { name: name.to_owned(), key }
    }

    /// The issuer's identifier: `iss`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The issuer's public key as a JWKS endpoint would answer (RFC 7517, section 5).
    #[must_use]
    pub fn jwk_set_json(&self) -> Value {
        let mut jwk = self.key.public_jwk().to_json();
        jwk.insert("kid".to_owned(), json!(KEY_ID));
        json!({ "keys": [jwk] })
    }

    /// The issuer's public key, for the verifier.
    ///
    /// # Panics
    ///
    /// Never: the key is a good one.
    #[must_use]
    pub fn jwk_set(&self) -> JwkSet {
        JwkSet::parse(self.jwk_set_json().to_string().as_bytes()).expect("the issuer's own key is readable")
    }

    /// A draft of a token for `alice`, issued at `now` and good for 5 minutes.
    ///
    /// ```
    /// # use testkit::{FakeIssuer, ManualClock, TestClient};
    /// # let (clock, client) = (ManualClock::new(), TestClient::new());
    /// let issuer = FakeIssuer::new("https://issuer.example");
    /// let token = issuer.token(clock.now()).audience("shop").bound_to(&client.thumbprint()).issue();
    /// assert_eq!(token.as_str().split('.').count(), 3);
    /// ```
    #[must_use]
    pub fn token(&self, now: UnixTime) -> TokenDraft<'_> {
        let header = json!({ "alg": self.key.algorithm().as_str(), "typ": "at+jwt", "kid": KEY_ID });
        let claims = json!({
            "iss": self.name,
            "sub": "alice",
            "iat": now.as_seconds(),
            "exp": now.checked_add(LIFETIME).unwrap_or(now).as_seconds(),
        });
        TokenDraft { issuer: self, header: object(header), claims: object(claims) }
    }
}

/// An access token before it is signed; any header parameter and any claim can be changed, also to something wrong.
///
/// ```
/// use testkit::{FakeIssuer, ManualClock};
///
/// let (issuer, clock) = (FakeIssuer::new("https://issuer.example"), ManualClock::new());
/// let without_expiry = issuer.token(clock.now()).audience("shop").without_claim("exp").issue();
/// let forged = issuer.token(clock.now()).signed_by(&FakeIssuer::new("https://evil.example")).issue();
/// # let _ = (without_expiry, forged);
/// ```
///
/// ```
/// use serde_json::json;
/// use testkit::{FakeIssuer, ManualClock, TestClient};
///
/// let (issuer, client, clock) =
///     (FakeIssuer::new("https://issuer.example"), TestClient::new(), ManualClock::new());
/// let token = issuer
///     .token(clock.now())
///     .subject("bob")
///     .scope("orders:read")
///     .claim("realm_access", json!({ "roles": ["clerk"] }))
///     .header("typ", json!("JWT"))
///     .bound_to(&client.thumbprint())
///     .issue();
/// # let _ = token;
/// ```
#[derive(Debug, Clone)]
pub struct TokenDraft<'a> {
    issuer: &'a FakeIssuer,
    header: Map<String, Value>,
    claims: Map<String, Value>,
}

impl TokenDraft<'_> {
    /// Binds the token to a key: `cnf.jkt` (RFC 9449, section 6).
    #[must_use]
    pub fn bound_to(self, thumbprint: &JwkThumbprint) -> Self {
        self.claim("cnf", json!({ "jkt": thumbprint.to_string() }))
    }

    /// Sets `aud`.
    #[must_use]
    pub fn audience(self, audience: &str) -> Self {
        self.claim("aud", json!(audience))
    }

    /// Sets `sub`.
    #[must_use]
    pub fn subject(self, subject: &str) -> Self {
        self.claim("sub", json!(subject))
    }

    /// Sets `scope`: values with spaces between them.
    #[must_use]
    pub fn scope(self, scope: &str) -> Self {
        self.claim("scope", json!(scope))
    }

    /// Sets any claim.
    #[must_use]
    pub fn claim(mut self, name: &str, value: Value) -> Self {
        self.claims.insert(name.to_owned(), value);
        self
    }

    /// Leaves a claim out.
    #[must_use]
    pub fn without_claim(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self
    }

    /// Sets any header parameter; the signature stays the issuer's.
    #[must_use]
    pub fn header(mut self, name: &str, value: Value) -> Self {
        self.header.insert(name.to_owned(), value);
        self
    }

    /// The same draft, signed by somebody else.
    #[must_use]
    pub fn signed_by<'b>(&self, issuer: &'b FakeIssuer) -> TokenDraft<'b> {
        TokenDraft { issuer, header: self.header.clone(), claims: self.claims.clone() }
    }

    /// Signs the token.
    ///
    /// # Panics
    ///
    /// When the cryptographic library can not sign, or the token is longer than [`AccessToken::MAX_BYTES`].
    #[must_use]
    pub fn issue(&self) -> AccessToken {
        let key = &self.issuer.key;
        let token = jws::sign(&self.header, &self.claims, key, key.algorithm()).expect("the issuer signs");
        AccessToken::parse(&token).expect("a JWT can travel in the Authorization field")
    }
}

pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    }
}
