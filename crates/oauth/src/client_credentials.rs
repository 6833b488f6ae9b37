//! The ways in which a confidential client shows at an authorization server's endpoints who it is.

use http::HeaderValue;
use jose::{SignError, UnixTime};
use zeroize::Zeroizing;

use crate::{ClientKey, ClientSecret};

/// How a confidential client authenticates: by `client_secret_basic`, `client_secret_post` or `private_key_jwt` (RFC 7591 §2,
/// OpenID Connect Core 1.0 §9).
///
/// ```
/// use jose::{Algorithm, KeyPair, UnixTime};
/// use oauth::{ClientCredentials, ClientKey, ClientSecret};
///
/// let now = UnixTime::from_seconds(1_800_000_000);
/// let by_secret = ClientCredentials::from(ClientSecret::basic("orders-api", "s3cret"));
/// assert!(by_secret.authorization().is_some() && by_secret.form_members(now)?.is_none());
///
/// let key = KeyPair::generate(Algorithm::Es256)?;
/// let by_key = ClientCredentials::from(ClientKey::new("orders-api", key, "https://issuer.example"));
/// assert!(by_key.authorization().is_none() && by_key.form_members(now)?.is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub enum ClientCredentials {
    /// It shows a secret.
    Secret(ClientSecret),
    /// It signs an assertion for each request.
    Key(ClientKey),
}

impl ClientCredentials {
    /// The client's identifier.
    #[must_use]
    pub fn client_id(&self) -> &str {
        match self {
            Self::Secret(client) => client.client_id(),
            Self::Key(client) => client.client_id(),
        }
    }

    /// The value of `Authorization`, marked sensitive; `None` for a client that has nothing there.
    #[must_use]
    pub fn authorization(&self) -> Option<HeaderValue> {
        match self {
            Self::Secret(client) => client.authorization(),
            Self::Key(_) => None,
        }
    }

    /// What stands in the form body of one request at `now`; `None` for a client that has nothing there.
    ///
    /// # Errors
    ///
    /// A [`SignError`] when the client's key does not sign.
    pub fn form_members(&self, now: UnixTime) -> Result<Option<Zeroizing<String>>, SignError> {
        match self {
            Self::Secret(client) => Ok(client.form_members()),
            Self::Key(client) => client.form_members(now).map(Zeroizing::new).map(Some),
        }
    }
}

impl From<ClientSecret> for ClientCredentials {
    fn from(client: ClientSecret) -> Self {
        Self::Secret(client)
    }
}

impl From<ClientKey> for ClientCredentials {
    fn from(client: ClientKey) -> Self {
        Self::Key(client)
    }
}
