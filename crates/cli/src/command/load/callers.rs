//! Who calls: the last login, fresh keys with tokens of an authorization server, or fresh keys with tokens made here.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, Result, bail};
use dpop_client::{
    Binding, ClientAuthentication, DpopClient, HyperClient, Session, discovery::AuthorizationServer,
    grant::ClientCredentialsGrant,
};
use http::Uri;
use jose::{Algorithm, KeyPair, SecretJwkSet};
use load::{Credential, TokenIssuer};
use oauth::AccessToken;
use serde_json::json;
use tokio::task::JoinSet;

use crate::{
    client_credentials::{CredentialArgs, required_client_id, wants_post},
    client_state::StateArgs,
    clock::now,
    exit::{NotLoggedIn, WrongUsage},
    input_text::InputText,
    network::NetworkArgs,
    renewal,
};

/// Tokens that are asked for at the same time.
const TOKEN_REQUESTS: usize = 16;

/// How long tokens live that are made here: longer than most runs.
const TOKEN_LIFETIME: Duration = Duration::from_secs(60 * 60);

/// Where tokens and their keys come from.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Who calls")]
pub(super) struct CallerArgs {
    /// This token instead of that of the last login: the text, @FILE, or - for standard input. It must be bound to the
    /// client's key.
    #[arg(long, value_name = "TOKEN", conflicts_with_all = ["issuer", "token_endpoint", "issuer_key"])]
    token: Option<InputText>,
    /// Fresh keys, each with a token of this authorization server, by client credentials.
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// The same, where the server has no metadata.
    #[arg(long, value_name = "URL")]
    token_endpoint: Option<Uri>,
    /// How many keys.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    keys: usize,
    /// Algorithm of the keys.
    #[arg(long, value_name = "NAME", default_value = "ES256")]
    key_algorithm: Algorithm,
    /// The client's identifier at the authorization server.
    #[arg(long, env = "CLIENT_ID", value_name = "ID")]
    client_id: Option<String>,
    /// The scope to ask for, or to put into tokens that are made here.
    #[arg(long, env = "SCOPE", value_name = "SCOPE")]
    scope: Option<String>,
    /// Make the tokens here, in the name of --issuer, with its own key: a PEM file, or a JWK set whose first private key
    /// is taken. For benchmarks and test set-ups: who has this key can be anybody.
    #[arg(long, value_name = "FILE", requires = "issuer", conflicts_with = "token_endpoint")]
    issuer_key: Option<PathBuf>,
    /// The `kid` of tokens that are made here; a JWK set says it itself.
    #[arg(long, value_name = "ID", requires = "issuer_key")]
    issuer_key_id: Option<String>,
    /// The audience of tokens that are made here.
    #[arg(long, value_name = "AUDIENCE", requires = "issuer_key")]
    audience: Option<String>,
    /// Make tokens at least this long.
    #[arg(long, value_name = "BYTES", requires = "issuer_key", default_value_t = 0)]
    token_bytes: usize,
    #[command(flatten)]
    credentials: CredentialArgs,
    #[command(flatten)]
    state: StateArgs,
}

impl CallerArgs {
    pub(super) async fn credentials(&self, network: &NetworkArgs) -> Result<Vec<Credential>> {
        if self.issuer_key.is_some() {
            return self.made_here();
        }
        if self.issuer.is_some() || self.token_endpoint.is_some() {
            return self.of_authorization_server(network).await;
        }
        if self.keys != 1 {
            let text = "one token has one key: name an --issuer for fresh keys with tokens of their own";
            return Err(WrongUsage(text.into()).into());
        }
        let token = match &self.token {
            Some(token) => AccessToken::parse(&token.read()?)?,
            None => renewal::current_token(&self.state, &self.credentials, network).await?.token,
        };
        let missing = NotLoggedIn("No DPoP key found. Run `keybound login` first, or name the --key.");
        let key = self.state.stored_key_pair()?.ok_or(missing)?;
        Ok(vec![Credential::new(Arc::new(key), &token)?])
    }

    fn fresh_key(&self) -> Result<Arc<KeyPair>> {
        Ok(Arc::new(KeyPair::generate(self.key_algorithm).context("generate a key")?))
    }

    async fn of_authorization_server(&self, network: &NetworkArgs) -> Result<Vec<Credential>> {
        let http = network.client()?;
        let client_id = required_client_id(self.client_id.as_ref())?;
        if !self.credentials.is_confidential() {
            let text = "fresh keys need a --client-secret, a --client-secret-file or a --client-key";
            return Err(WrongUsage(text.into()).into());
        }
        let (endpoint, audience, in_form) = self.token_endpoint(&http).await?;
        let authentication = Arc::new(self.credentials.authentication(client_id, &audience, in_form)?);
        let mut credentials = Vec::with_capacity(self.keys);
        let mut asking = JoinSet::new();
        let mut asked = 0;
        while credentials.len() < self.keys {
            while asked < self.keys && asking.len() < TOKEN_REQUESTS {
                let caller = NewCaller {
                    key: self.fresh_key()?,
                    http: Arc::clone(&http),
                    endpoint: endpoint.clone(),
                    grant: ClientCredentialsGrant { scope: self.scope.clone() },
                    authentication: Arc::clone(&authentication),
                };
                asking.spawn(caller.credential());
                asked += 1;
            }
            let Some(answered) = asking.join_next().await else { break };
            credentials.push(answered.context("get a token")??);
        }
        Ok(credentials)
    }

    /// The token endpoint, the audience of assertions, and whether a secret belongs into the form.
    async fn token_endpoint(&self, http: &HyperClient) -> Result<(Uri, String, bool)> {
        let Some(issuer) = &self.issuer else {
            let endpoint = self.token_endpoint.clone().context("no token endpoint")?;
            let audience = endpoint.to_string();
            return Ok((endpoint, audience, false));
        };
        let server = AuthorizationServer::discover(issuer, http)
            .await
            .with_context(|| format!("find the endpoints of {issuer}"))?;
        let endpoint = match &self.token_endpoint {
            Some(endpoint) => endpoint.clone(),
            None => server.token_endpoint()?.parse().context("the token endpoint is no URL")?,
        };
        Ok((endpoint, issuer.clone(), wants_post(&server)))
    }

    fn made_here(&self) -> Result<Vec<Credential>> {
        let issuer = self.issuer.as_deref().unwrap_or_default();
        let (key, key_id) = self.read_issuer_key()?;
        let mut tokens =
            TokenIssuer::new(issuer, key, key_id.as_deref(), TOKEN_LIFETIME).at_least(self.token_bytes);
        for (claim, value) in [("aud", &self.audience), ("scope", &self.scope)] {
            if let Some(value) = value {
                tokens = tokens.claim(claim, json!(value));
            }
        }
        (0..self.keys)
            .map(|number| {
                let key = self.fresh_key()?;
                let token = tokens.issue(&format!("caller-{number}"), &key.thumbprint(), now())?;
                Ok(Credential::new(key, &token)?)
            })
            .collect()
    }

    fn read_issuer_key(&self) -> Result<(Arc<KeyPair>, Option<String>)> {
        let Some(path) = &self.issuer_key else { bail!("no issuer key") };
        let text = std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
        if text.contains("-----BEGIN") {
            let key = KeyPair::from_pkcs8_pem(&text);
            let key = key.with_context(|| format!("use {}", path.display()))?;
            return Ok((Arc::new(key), self.issuer_key_id.clone()));
        }
        let set = SecretJwkSet::parse(text.as_bytes());
        let set = set.with_context(|| format!("use {}", path.display()))?;
        let first = set.key_pairs().first();
        let first = first.with_context(|| format!("{} has no private key", path.display()))?;
        let key_id = self.issuer_key_id.clone().unwrap_or_else(|| first.kid.clone());
        Ok((Arc::clone(&first.key), Some(key_id)))
    }
}

/// A key on its way to a token.
struct NewCaller {
    key: Arc<KeyPair>,
    http: Arc<HyperClient>,
    endpoint: Uri,
    grant: ClientCredentialsGrant,
    authentication: Arc<ClientAuthentication>,
}

impl NewCaller {
    async fn credential(self) -> Result<Credential> {
        let client = DpopClient::new(Session::new(Arc::clone(&self.key) as _), self.http, now);
        let tokens = client.token(&self.endpoint, &self.grant, &self.authentication, Binding::Required).await;
        let tokens = tokens.context("get a token")?;
        Ok(Credential::new(self.key, tokens.access_token())?)
    }
}
