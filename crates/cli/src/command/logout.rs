//! `keybound logout`: end the last login, at the server where possible, and here.

use std::{borrow::Cow, process::ExitCode};

use anyhow::{Context, Result};
use dpop_client::{
    ClientAuthentication, HttpClient, HyperClient, TokenError, discovery::AuthorizationServer,
    grant::form_request_without_proof,
};
use http::Uri;
use jose::json;
use oauth::TokenResponse;
use serde_json::json;

use crate::{
    client_credentials::{CredentialArgs, required_client_id, wants_post},
    client_state::{Login, StateArgs},
    clock::now,
    network::NetworkArgs,
    output,
};

/// Revoke the stored token at its server, and delete it here.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  keybound logout
  keybound logout --issuer http://127.0.0.1:8080/realms/dpop --client-id heimdall-dpop-client
  keybound logout --local

The DPoP key stays; `keybound clear-state` replaces it.

Exit status: 0 logged out, or nobody was logged in; otherwise the token is kept: 1 failed, 2 wrong
usage, 5 the server refused, 8 no connection, 9 an answer that is not safe to use.")]
pub(crate) struct Args {
    /// Find the revocation endpoint in the metadata of this issuer.
    #[arg(long, env = "ISSUER", value_name = "URL")]
    issuer: Option<String>,
    /// Where tokens are revoked (RFC 7009).
    #[arg(long, env = "REVOCATION_ENDPOINT", value_name = "URL")]
    revocation_endpoint: Option<Uri>,
    /// The client's identifier at the authorization server; that of the login, if not given.
    #[arg(long, env = "CLIENT_ID", value_name = "ID")]
    client_id: Option<String>,
    /// Delete the token here only, whatever the environment says about the server.
    #[arg(long)]
    local: bool,
    /// Print what was done as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    credentials: CredentialArgs,
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
    let login = args.state.login()?;
    let server = args.server(login.as_ref(), &http).await?;
    let revoked = match server {
        None => None,
        Some(server) => Some(
            revoke_all(&tokens, &server.endpoint, &server.authentication, &http)
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
    /// Where to revoke, and as whom; `None` when nothing is known about it, or nothing wanted.
    async fn server(&self, login: Option<&Login>, http: &HyperClient) -> Result<Option<Server>> {
        if self.local {
            return Ok(None);
        }
        let discovered = match (&self.revocation_endpoint, &self.issuer) {
            (None, Some(issuer)) => Some(
                AuthorizationServer::discover(issuer, http)
                    .await
                    .with_context(|| format!("find the endpoints of {issuer}"))?,
            ),
            _ => None,
        };
        let found = match (&self.revocation_endpoint, &discovered, login) {
            (Some(endpoint), ..) => Some(endpoint.to_string()),
            (None, Some(server), _) => server.metadata.revocation_endpoint.clone(),
            (None, None, Some(login)) => login.revocation_endpoint.clone(),
            (None, None, None) => None,
        };
        let Some(endpoint) = found else { return Ok(None) };
        let client_id = self.client_id.clone().or_else(|| login.map(|login| login.client_id.clone()));
        let client_id = required_client_id(client_id.as_ref()).context("revoke the token")?;
        let audience = login.map(|login| login.assertion_audience.as_str());
        let audience = self.issuer.as_deref().or(audience).unwrap_or(&endpoint);
        let post = match (&discovered, login) {
            (Some(server), _) => wants_post(server),
            (None, login) => login.is_some_and(|login| login.secret_in_form),
        };
        let authentication = self.credentials.authentication(client_id, audience, post)?;
        let endpoint = endpoint.parse().context("the revocation endpoint is no URL")?;
        Ok(Some(Server { endpoint, authentication }))
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

/// Where tokens are revoked, and by whom.
struct Server {
    endpoint: Uri,
    authentication: ClientAuthentication,
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
    let parameters = vec![("token", Cow::from(token)), ("token_type_hint", Cow::from(kind))];
    let request = form_request_without_proof(endpoint, parameters, client, now()).await?;
    let response = http.send(request).await.context("revoke the token")?;
    if response.status().is_success() {
        return Ok(Revoked::Everything);
    }
    let error = json::parse_object(response.body(), json::MAX_DEPTH)
        .ok()
        .and_then(|body| body.get("error")?.as_str().map(str::to_owned));
    match error.as_deref() {
        Some("unsupported_token_type") => Ok(Revoked::NotSupported),
        error => {
            let status = response.status();
            let error = error.map_or_else(|| status.to_string(), output::harmless);
            let refused = TokenError::Refused { status, error, description: None };
            Err(refused).with_context(|| format!("the server did not revoke the {kind}"))
        }
    }
}
