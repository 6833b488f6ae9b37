//! A token and the key that it is bound to.

use std::sync::Arc;

use dpop::AccessTokenHash;
use http::HeaderValue;
use jose::KeyPair;
use oauth::AccessToken;
use parking_lot::Mutex;
use thiserror::Error;

/// A key, the token that is bound to it, and the newest nonce that came for both.
pub struct Credential {
    pub(crate) key: Arc<KeyPair>,
    pub(crate) token_hash: AccessTokenHash,
    /// `DPoP` and the token.
    pub(crate) authorization: HeaderValue,
    /// `Bearer` and the token, which must be refused.
    pub(crate) as_bearer: HeaderValue,
    /// Nonces may be bound to a token, so each credential has its own.
    nonce: Mutex<Option<String>>,
}

/// The token does not fit into a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the access token does not fit into a header")]
pub struct CredentialError;

impl Credential {
    /// A token that is bound to this key, which is not checked here: the server will.
    ///
    /// # Errors
    ///
    /// [`CredentialError`] when the token can not be sent.
    pub fn new(key: Arc<KeyPair>, token: &AccessToken) -> Result<Self, CredentialError> {
        let header = |scheme: &str| {
            let mut value =
                HeaderValue::try_from(format!("{scheme} {}", token.as_str())).map_err(|_| CredentialError)?;
            value.set_sensitive(true);
            Ok(value)
        };
        Ok(Self {
            token_hash: AccessTokenHash::of(token),
            authorization: header("DPoP")?,
            as_bearer: header("Bearer")?,
            key,
            nonce: Mutex::new(None),
        })
    }

    pub(crate) fn nonce(&self) -> Option<String> {
        self.nonce.lock().clone()
    }

    pub(crate) fn keep_nonce(&self, nonce: &str) {
        *self.nonce.lock() = Some(nonce.to_owned());
    }
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Credential").field("key", &self.key.thumbprint()).finish_non_exhaustive()
    }
}
