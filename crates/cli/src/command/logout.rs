//! `keybound logout`: end the last login, at the server where possible, and here.

use std::{borrow::Cow, process::ExitCode};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use dpop_client::{ClientAuthentication, HttpClient, HyperClient, discovery::AuthorizationServer, form};
use http::{
    HeaderValue, Method, Request, Uri,
    header::{ACCEPT, CONTENT_TYPE},
};
use jose::json;
use oauth::TokenResponse;
use serde_json::json;

use crate::{client_state::StateArgs, clock::now, network::NetworkArgs, output};

/// Revoke the stored token at its server, and delete it here.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  keybound logout --issuer http://127.0.0.1:8080/realms/dpop --client-id heimdall-dpop-client
  keybound logout --local

The DPoP key stays; `keybound clear-state` replaces it.

Exit status: 0 logged out, or nobody was logged in; 1 the server refused, and the token is kept;
2 wrong usage.")]
pub(crate) struct Args {
    /// Find the revocation endpoint in the metadata of this issuer.
    #[arg(long, env = "ISSUER", value_name = "URL")]
    issuer: Option<String>,
    /// Where tokens are revoked (RFC 7009).
    #[arg(long, env = "REVOCATION_ENDPOINT", value_name = "URL")]
    revocation_endpoint: Option<Uri>,
    /// The client's identifier at the authorization server.
    #[arg(long, env = "CLIENT_ID", value_name = "ID")]
    client_id: Option<String>,
    /// The secret of a confidential client. Better given by the environment: arguments can be seen by other users.
    #[arg(long, env = "CLIENT_SECRET", value_name = "SECRET", hide_env_values = true)]
    client_secret: Option<String>,
    /// Delete the token here only, whatever the environment says about the server.
    #[arg(long)]
    local: bool,
    /// Print what was done as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    state: StateArgs,
    #[command(flatten)]
    network: NetworkArgs,
}

pub(crate) async fn run(args: &Args) -> Result<ExitCode> {
    let Some(tokens) = args.state.tokens_if_any()? else {
        args.state.forget_tokens()?;
        return args.tell(false, false, "Nobody is logged in.");
    };
    let http = args.network.client()?;
    let endpoint = args.endpoint(&http).await?;
    let revoked = match &endpoint {
        None => None,
        Some(endpoint) => Some(
            revoke_all(&tokens, endpoint, &args.client_authentication()?, &http)
                .await
                .context("the token is kept; `keybound logout --local` deletes it here only")?,
        ),
    };
    args.state.forget_tokens()?;
    match revoked {
        Some(Revoked::Everything) => args.tell(true, true, "Logged out: the token is revoked and deleted."),
        Some(Revoked::NotSupported) => args.tell(
            true,
            false,
            "Logged out here: the token is deleted, but its server can not revoke it before it expires.",
        ),
        None => {
            args.tell(true, false, "Logged out here: the token is deleted, but not revoked at its server.")
        }
    }
}

impl Args {
    async fn endpoint(&self, http: &HyperClient) -> Result<Option<Uri>> {
        if self.local {
            return Ok(None);
        }
        if let Some(endpoint) = &self.revocation_endpoint {
            return Ok(Some(endpoint.clone()));
        }
        let Some(issuer) = &self.issuer else { return Ok(None) };
        let server = AuthorizationServer::discover(issuer, http)
            .await
            .with_context(|| format!("find the endpoints of {issuer}"))?;
        let Some(endpoint) = server.metadata.revocation_endpoint else { return Ok(None) };
        let endpoint: Uri = endpoint.parse().context("the revocation endpoint is no URL")?;
        // An issuer behind TLS has no reason to take tokens without it.
        if issuer.starts_with("https://") && endpoint.scheme_str() != Some("https") {
            bail!("the revocation endpoint in the metadata is not an https URL");
        }
        Ok(Some(endpoint))
    }

    fn client_authentication(&self) -> Result<ClientAuthentication> {
        let client_id = self.client_id.clone().context("name the --client-id to revoke the token")?;
        Ok(match &self.client_secret {
            None => ClientAuthentication::Public { client_id },
            Some(secret) => ClientAuthentication::SecretBasic { client_id, secret: secret.clone().into() },
        })
    }

    fn tell(&self, was_logged_in: bool, is_revoked: bool, text: &str) -> Result<ExitCode> {
        if self.json {
            output::json(&json!({ "was_logged_in": was_logged_in, "is_revoked": is_revoked }))?;
        } else {
            output::line(text)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What became of the tokens at their server.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Revoked {
    Everything,
    /// The server revokes no tokens of this kind (RFC 7009 §2.2.1): a self-contained access token ends by itself only.
    NotSupported,
}

/// The refresh token first: a server may end the whole grant with it (RFC 7009 §2.1).
async fn revoke_all(
    tokens: &TokenResponse,
    endpoint: &Uri,
    client: &ClientAuthentication,
    http: &HyperClient,
) -> Result<Revoked> {
    let refresh_token = match &tokens.refresh_token {
        Some(token) => revoke(token, "refresh_token", endpoint, client, http).await?,
        None => Revoked::Everything,
    };
    let access_token = revoke(tokens.access_token.as_str(), "access_token", endpoint, client, http).await?;
    Ok(if refresh_token == Revoked::Everything { access_token } else { refresh_token })
}

async fn revoke(
    token: &str,
    kind: &'static str,
    endpoint: &Uri,
    client: &ClientAuthentication,
    http: &HyperClient,
) -> Result<Revoked> {
    let mut parameters = vec![("token", Cow::from(token)), ("token_type_hint", Cow::from(kind))];
    let mut request = Request::new(Bytes::new());
    *request.method_mut() = Method::POST;
    *request.uri_mut() = endpoint.clone();
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    client.apply(&mut parameters, headers, now()).await?;
    *request.body_mut() = Bytes::from(form::encode(&parameters));
    let response = http.send(request).await.context("revoke the token")?;
    if response.status().is_success() {
        return Ok(Revoked::Everything);
    }
    let error = json::parse_object(response.body(), json::MAX_DEPTH)
        .ok()
        .and_then(|body| body.get("error")?.as_str().map(str::to_owned));
    match error.as_deref() {
        Some("unsupported_token_type") => Ok(Revoked::NotSupported),
        Some(error) => bail!("the server did not revoke the {kind}: {error}"),
        None => bail!("the server did not revoke the {kind}: status {}", response.status().as_u16()),
    }
}
