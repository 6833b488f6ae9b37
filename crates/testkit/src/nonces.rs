//! Nonces of a server under test.

use dpop::{AccessTokenHash, NonceRing};
use jose::{SymmetricKey, UnixTime, crypto};
use oauth::AccessToken;

/// A nonce key that both the server under test and the test know.
///
/// ```
/// # use testkit::{FakeIssuer, ManualClock, TestNonces};
/// # let clock = ManualClock::new();
/// # let token = FakeIssuer::new("https://issuer.example").token(clock.now()).issue();
/// let nonces = TestNonces::new();
/// let server_ring = nonces.ring();                // for the server's configuration
/// let nonce = nonces.seal(&token, clock.now());   // what that server would hand out
/// # assert!(dpop::is_nonce_syntax(&nonce));
/// ```
#[derive(Debug)]
pub struct TestNonces {
    key: SymmetricKey,
}

impl TestNonces {
    /// A fresh key.
    ///
    /// # Panics
    ///
    /// Never: the key has a name and 32 bytes.
    #[must_use]
    pub fn new() -> Self {
        let key = SymmetricKey::new("testkit-nonce", crypto::random::<32>().to_vec());
        Self { key: key.expect("the key has a name and 32 bytes") }
    }

    /// The ring for the server's configuration.
    ///
    /// # Panics
    ///
    /// Never: the key has a name.
    #[must_use]
    pub fn ring(&self) -> NonceRing {
        NonceRing::new(self.key.clone(), []).expect("the key has a name")
    }

    /// The nonce that a resource server with this key hands out for `token` at `now`. An older `now` makes an ageing
    /// or expired one.
    #[must_use]
    pub fn seal(&self, token: &AccessToken, now: UnixTime) -> String {
        self.ring().seal(AccessTokenHash::of(token).as_bytes(), now)
    }
}

impl Default for TestNonces {
    fn default() -> Self {
        Self::new()
    }
}
