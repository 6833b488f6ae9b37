//! Who the client is at its authorization server, and how it proves it.

use std::path::PathBuf;

use anyhow::{Context, Result};
use dpop_client::{ClientAuthentication, discovery::AuthorizationServer};
use zeroize::Zeroizing;

use crate::{client_key::KeyPlace, exit::WrongUsage, passphrase};

/// What a confidential client proves itself with. Without any of it the client is public.
#[derive(Debug, clap::Args)]
pub(crate) struct CredentialArgs {
    /// The secret of a confidential client. Better given by a file or the environment: arguments can be seen by other
    /// users.
    #[arg(long, env = "CLIENT_SECRET", value_name = "SECRET", hide_env_values = true)]
    client_secret: Option<String>,
    /// A file whose first line is the secret.
    #[arg(long, env = "CLIENT_SECRET_FILE", value_name = "FILE")]
    client_secret_file: Option<PathBuf>,
    /// The key of a client that signs assertions (private_key_jwt): a PEM file, or a pkcs11: URI.
    #[arg(long, env = "CLIENT_KEY", value_name = "KEY")]
    client_key: Option<KeyPlace>,
    /// The name that the authorization server knows this key by (kid).
    #[arg(long, env = "CLIENT_KEY_ID", value_name = "ID")]
    client_key_id: Option<String>,
}

impl CredentialArgs {
    /// Whether the client can prove who it is.
    pub(crate) fn is_confidential(&self) -> bool {
        self.client_secret.is_some() || self.client_secret_file.is_some() || self.client_key.is_some()
    }

    /// The client's authentication. A secret wins over a file with one, and both over a key; `audience` is for
    /// assertions, `post` for servers that read a secret in the form only.
    pub(crate) fn authentication(
        &self,
        client_id: String,
        audience: &str,
        post: bool,
    ) -> Result<ClientAuthentication> {
        let secret = match (&self.client_secret, &self.client_secret_file) {
            (Some(secret), _) => Some(Zeroizing::new(secret.clone())),
            (None, Some(file)) => Some(passphrase::read(file).context("read the client's secret")?),
            (None, None) => None,
        };
        if let Some(secret) = secret {
            return Ok(match post {
                true => ClientAuthentication::SecretPost { client_id, secret },
                false => ClientAuthentication::SecretBasic { client_id, secret },
            });
        }
        let Some(place) = &self.client_key else { return Ok(ClientAuthentication::Public { client_id }) };
        let key = place.load(None).context("use the client's key")?;
        let key = key.with_context(|| format!("{place}: no such file")).context("use the client's key")?;
        let (key_id, audience) = (self.client_key_id.clone(), audience.to_owned());
        Ok(ClientAuthentication::PrivateKeyJwt { client_id, key, key_id, audience })
    }
}

/// Whether the server wants a secret in the form: it lists that way, and not the one that RFC 6749 §2.3.1 prefers.
pub(crate) fn wants_post(server: &AuthorizationServer) -> bool {
    let methods = server.metadata.token_endpoint_auth_methods_supported.as_deref().unwrap_or_default();
    let lists = |wanted: &str| methods.iter().any(|method| method == wanted);
    lists("client_secret_post") && !lists("client_secret_basic")
}

/// The client's identifier, which several commands need.
pub(crate) fn required_client_id(client_id: Option<&String>) -> Result<String> {
    Ok(client_id.cloned().ok_or_else(|| WrongUsage("name the --client-id".into()))?)
}
