//! A client: its key, and proofs of every right and wrong kind.

use dpop::{AccessTokenHash, fresh_jti};
use jose::{Algorithm, JwkThumbprint, KeyPair, UnixTime, jws};
use oauth::AccessToken;
use serde_json::{Map, Value, json};

use crate::issuer::object;

/// Holds a key and proves it.
///
/// ```
/// use testkit::{ManualClock, TestClient};
///
/// let (client, clock) = (TestClient::new(), ManualClock::new());
/// let proof = client.proof("GET", "https://api.example.com/orders", clock.now()).sign();
/// assert_eq!(proof.split('.').count(), 3);
/// ```
#[derive(Debug)]
pub struct TestClient {
    key: KeyPair,
}

impl TestClient {
    /// A client with a fresh ES256 key.
    ///
    /// # Panics
    ///
    /// When the cryptographic library can not make a key.
    #[must_use]
    pub fn new() -> Self {
        Self::with_algorithm(Algorithm::Es256)
    }

    /// A client with a key for another algorithm.
    ///
    /// ```
    /// use jose::Algorithm;
    /// use testkit::TestClient;
    ///
    /// let client = TestClient::with_algorithm(Algorithm::Ps256);
    /// assert_eq!(client.key().algorithm(), Algorithm::Ps256);
    /// ```
    ///
    /// # Panics
    ///
    /// When the cryptographic library can not make a key.
    #[must_use]
    pub fn with_algorithm(algorithm: Algorithm) -> Self {
        Self { key: KeyPair::generate(algorithm).expect("the cryptographic library makes a key") }
    }

    /// The key, for instance for a [`dpop::ProofBuilder`].
    #[must_use]
    pub fn key(&self) -> &KeyPair {
        &self.key
    }

    /// The thumbprint that tokens are bound to (RFC 7638).
    #[must_use]
    pub fn thumbprint(&self) -> JwkThumbprint {
        self.key.thumbprint()
    }

    /// A draft of a good proof (RFC 9449, section 4.2) for `method` and `htu`, the target URI without query.
    ///
    /// ```
    /// # use testkit::{ManualClock, TestClient};
    /// # let clock = ManualClock::new();
    /// let client = TestClient::new();
    /// let late = client.proof("GET", "https://api.example.com/orders", clock.now()).claim("iat", 0.into()).sign();
    /// # assert_eq!(late.split('.').count(), 3);
    /// ```
    #[must_use]
    pub fn proof(&self, method: &str, htu: &str, now: UnixTime) -> ProofDraft<'_> {
        let header = json!({
            "typ": "dpop+jwt",
            "alg": self.key.algorithm().as_str(),
            "jwk": self.key.public_jwk().to_json(),
        });
        let claims = json!({ "jti": fresh_jti(), "htm": method, "htu": htu, "iat": now.as_seconds() });
        ProofDraft { key: &self.key, header: object(header), claims: object(claims) }
    }
}

impl Default for TestClient {
    fn default() -> Self {
        Self::new()
    }
}

/// A proof before it is signed; any header parameter and any claim can be changed, also to something wrong.
///
/// ```
/// use testkit::{ManualClock, TestClient};
///
/// let (client, other, clock) = (TestClient::new(), TestClient::new(), ManualClock::new());
/// let draft = || client.proof("GET", "https://api.example.com/orders", clock.now());
/// let symmetric = draft().header("alg", "HS256".into()).sign();
/// let borrowed = draft().signed_by(&other).sign();
/// # let _ = (symmetric, borrowed);
/// ```
///
/// ```
/// use testkit::{FakeIssuer, ManualClock, TestClient};
///
/// let (issuer, client, clock) =
///     (FakeIssuer::new("https://issuer.example"), TestClient::new(), ManualClock::new());
/// let token = issuer.token(clock.now()).issue();
/// let good = client.proof("GET", "https://api.example.com/orders", clock.now()).access_token(&token);
/// let guessed_nonce = good.clone().nonce("guessed").sign();
/// let from_the_past = good.clone().claim("iat", 0.into()).sign();
/// let nameless = good.clone().without_claim("jti").sign();
/// let keyless = good.without_header("jwk").sign();
/// # let _ = (guessed_nonce, from_the_past, nameless, keyless);
/// ```
#[derive(Debug, Clone)]
pub struct ProofDraft<'a> {
    key: &'a KeyPair,
    header: Map<String, Value>,
    claims: Map<String, Value>,
}

impl<'a> ProofDraft<'a> {
    /// Sets `ath` (RFC 9449, section 7).
    #[must_use]
    pub fn access_token(self, token: &AccessToken) -> Self {
        self.claim("ath", json!(AccessTokenHash::of(token).to_string()))
    }

    /// Sets `nonce`.
    #[must_use]
    pub fn nonce(self, nonce: &str) -> Self {
        self.claim("nonce", json!(nonce))
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

    /// Sets any header parameter; the signature stays what it is.
    #[must_use]
    pub fn header(mut self, name: &str, value: Value) -> Self {
        self.header.insert(name.to_owned(), value);
        self
    }

    /// Leaves a header parameter out.
    #[must_use]
    pub fn without_header(mut self, name: &str) -> Self {
        self.header.remove(name);
        self
    }

    /// Shows this client's key, but signs with another's.
    #[must_use]
    pub fn signed_by(self, other: &'a TestClient) -> Self {
        Self { key: &other.key, ..self }
    }

    /// Signs: the value of the `DPoP` header field.
    ///
    /// # Panics
    ///
    /// When the cryptographic library can not sign.
    #[must_use]
    pub fn sign(&self) -> String {
        jws::sign(&self.header, &self.claims, self.key, self.key.algorithm()).expect("the client signs")
    }
}
