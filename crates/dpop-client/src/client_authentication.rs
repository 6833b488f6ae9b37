//! How a client identifies itself at an authorization server's endpoints (RFC 6749 §2.3, RFC 7523 §2.2).

use std::{borrow::Cow, sync::Arc};

use http::{HeaderMap, header::AUTHORIZATION};
use jose::UnixTime;
use oauth::{ClientAssertion, ClientSecret};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{
    form::Parameters,
    signer::{Signer, SignerError},
};

/// The client, and how it proves to be it.
#[derive(Clone)]
pub enum ClientAuthentication {
    /// A public client has nothing to prove with; its refresh tokens are bound to the DPoP key (RFC 9449 §5).
    Public {
        /// The client's identifier.
        client_id: String,
    },
    /// `client_secret_basic`.
    SecretBasic {
        /// The client's identifier.
        client_id: String,
        /// Its secret.
        secret: Zeroizing<String>,
    },
    /// `client_secret_post`.
    SecretPost {
        /// The client's identifier.
        client_id: String,
        /// Its secret.
        secret: Zeroizing<String>,
    },
    /// `private_key_jwt`. The assertion's key is not the DPoP key.
    PrivateKeyJwt {
        /// The client's identifier.
        client_id: String,
        /// Signs the assertion.
        key: Arc<dyn Signer>,
        /// The `kid` the authorization server knows the key by.
        key_id: Option<String>,
        /// The assertion's audience: the issuer, or the token endpoint for servers that want that.
        audience: String,
    },
}

/// The client can not be authenticated.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ClientAuthenticationError {
    /// The assertion can not be written.
    #[error("the client assertion can not be made")]
    Write(#[from] jose::SignError),
    /// The assertion's key does not sign.
    #[error("the client assertion can not be signed")]
    Sign(#[from] SignerError),
}

impl ClientAuthentication {
    /// The client's identifier.
    #[must_use]
    pub fn client_id(&self) -> &str {
        match self {
            Self::Public { client_id }
            | Self::SecretBasic { client_id, .. }
            | Self::SecretPost { client_id, .. }
            | Self::PrivateKeyJwt { client_id, .. } => client_id,
        }
    }

    /// Whether the authorization server can tell this client from others without its DPoP key.
    #[must_use]
    pub fn is_confidential(&self) -> bool {
        match self {
            Self::Public { .. } => false,
            Self::SecretBasic { .. } | Self::SecretPost { .. } | Self::PrivateKeyJwt { .. } => true,
        }
    }

    /// Adds what the request needs. Called for every attempt: an assertion's `jti` is spent by the first (C19).
    ///
    /// # Errors
    ///
    /// [`ClientAuthenticationError`] when the key does not sign.
    pub async fn apply<'a>(
        &'a self,
        parameters: &mut Parameters<'a>,
        headers: &mut HeaderMap,
        now: UnixTime,
    ) -> Result<(), ClientAuthenticationError> {
        match self {
            Self::Public { client_id } => parameters.push(("client_id", Cow::from(client_id))),
            Self::SecretBasic { client_id, secret } => {
                let secret = ClientSecret::basic(client_id.as_str(), secret.as_str());
                headers.extend(secret.authorization().map(|value| (AUTHORIZATION, value)));
            }
            Self::SecretPost { client_id, secret } => {
                parameters.push(("client_id", Cow::from(client_id)));
                parameters.push(("client_secret", Cow::from(secret.as_str())));
            }
            Self::PrivateKeyJwt { client_id, key, key_id, audience } => {
                let assertion = assertion(client_id, &**key, key_id.as_deref(), audience, now).await?;
                parameters.push(("client_id", Cow::from(client_id)));
                parameters.push(("client_assertion_type", Cow::from(ClientAssertion::TYPE)));
                parameters.push(("client_assertion", Cow::from(assertion)));
            }
        }
        Ok(())
    }
}

async fn assertion(
    client_id: &str,
    key: &dyn Signer,
    key_id: Option<&str>,
    audience: &str,
    now: UnixTime,
) -> Result<String, ClientAuthenticationError> {
    let algorithm = key.algorithm();
    let input = ClientAssertion { client_id, audience, key_id }.signing_input(algorithm, now)?;
    let signature = key.sign(algorithm, input.as_bytes()).await?;
    Ok(input.with_signature(&signature))
}

impl std::fmt::Debug for ClientAuthentication {
    /// Leaves secrets and keys out.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ClientAuthentication")
            .field("client_id", &self.client_id())
            .field("is_confidential", &self.is_confidential())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use jose::{Algorithm, KeyPair};

    use super::*;

    const NOW: UnixTime = UnixTime::from_seconds(1_784_444_400);

    fn applied(client: &ClientAuthentication) -> (Vec<(&'static str, String)>, HeaderMap) {
        let (mut parameters, mut headers) = (Vec::new(), HeaderMap::new());
        client.apply(&mut parameters, &mut headers, NOW).now_or_never().unwrap().unwrap();
        (parameters.into_iter().map(|(name, value)| (name, value.into_owned())).collect(), headers)
    }

    #[test]
    fn basic_credentials_are_form_encoded_first() {
        let client =
            ClientAuthentication::SecretBasic { client_id: "a:b".into(), secret: "s?>~".to_owned().into() };
        let (parameters, headers) = applied(&client);
        assert!(parameters.is_empty());
        // base64("a%3Ab:s%3F%3E~")
        assert_eq!(headers[AUTHORIZATION], "Basic YSUzQWI6cyUzRiUzRX4=");
        assert!(headers[AUTHORIZATION].is_sensitive());
        assert!(!format!("{client:?}").contains("s?>"));
    }

    #[test]
    fn c19_every_attempt_has_a_new_assertion() {
        let client = ClientAuthentication::PrivateKeyJwt {
            client_id: "service".into(),
            key: Arc::new(KeyPair::generate(Algorithm::Es256).unwrap()),
            key_id: Some("k1".into()),
            audience: "https://as.example.com".into(),
        };
        let assertion = |(parameters, _): (Vec<(&str, String)>, HeaderMap)| parameters[2].1.clone();
        let (first, second) = (assertion(applied(&client)), assertion(applied(&client)));
        let claims = |text: &str| jose::jwt::UnverifiedJwt::parse(text).unwrap().claims;
        assert_ne!(claims(&first)["jti"], claims(&second)["jti"]);
        assert_eq!(claims(&first)["aud"], "https://as.example.com");
    }
}
