//! `keybound login`: get a token that is bound to the client's key.

mod browser_login;
mod callback;
mod device_login;
mod endpoints;

use std::{process::ExitCode, sync::Arc};

use anyhow::{Context, Result};
use dpop_client::{
    Binding, ClientAuthentication, DpopClient, Session, Signer, TokenSet, choose_algorithm,
    discovery::AuthorizationServer, grant::ClientCredentialsGrant,
};
use http::Uri;
use jose::Algorithm;

use self::endpoints::Endpoints;
use super::{keygen, token};
use crate::{
    client_credentials::{CredentialArgs, required_client_id, wants_post},
    client_state::{KeyName, Login, StateArgs},
    clock::now,
    exit::WrongUsage,
    network::NetworkArgs,
    output, token_summary,
};

/// Run Authorization Code + PKCE and store a DPoP-bound access token.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  keybound login --issuer http://127.0.0.1:8080/realms/dpop --client-id heimdall-dpop-client
  keybound login --profile acme
  keybound login --device --issuer https://as.example.com --client-id tv
  CLIENT_SECRET=… keybound login --client-credentials --issuer https://as.example.com --client-id service
  keybound login --client-credentials --client-key service.pem --issuer https://as.example.com --client-id service
  AUTHORIZATION_ENDPOINT=… TOKEN_ENDPOINT=… CLIENT_ID=… keybound login

The browser opens by itself where there is one; the URL is printed in any case.

Exit status: 0 logged in, 1 failed, 2 wrong usage, 5 the authorization server or the user said no,
8 no connection, 9 an answer that is not safe to use: it is discarded.")]
pub(crate) struct Args {
    /// Find the endpoints in the metadata of this issuer.
    #[arg(long, env = "ISSUER", value_name = "URL")]
    issuer: Option<String>,
    /// Where the user logs in.
    #[arg(long, env = "AUTHORIZATION_ENDPOINT", value_name = "URL")]
    authorization_endpoint: Option<String>,
    /// Where the token is issued.
    #[arg(long, env = "TOKEN_ENDPOINT", value_name = "URL")]
    token_endpoint: Option<Uri>,
    /// Where a device asks for its code.
    #[arg(long, env = "DEVICE_AUTHORIZATION_ENDPOINT", value_name = "URL")]
    device_authorization_endpoint: Option<Uri>,
    /// The client's identifier at the authorization server.
    #[arg(long, env = "CLIENT_ID", value_name = "ID")]
    client_id: Option<String>,
    #[command(flatten)]
    credentials: CredentialArgs,
    /// Log in as the client itself, without a user and a browser.
    #[arg(long, conflicts_with = "device")]
    client_credentials: bool,
    /// Log in with a browser on another device: for machines without one.
    #[arg(long)]
    device: bool,
    /// Only print the URL, and open no browser.
    #[arg(long)]
    no_browser: bool,
    /// Push the authorization request to the server first (RFC 9126), also where the server does not require it.
    #[arg(long)]
    par: bool,
    /// The scope to ask for; "openid profile email" for users.
    #[arg(long, env = "SCOPE", value_name = "SCOPE")]
    scope: Option<String>,
    /// Port on 127.0.0.1 to which the browser comes back.
    #[arg(long, env = "REDIRECT_PORT", value_name = "PORT", default_value_t = 8765)]
    redirect_port: u16,
    /// Print the summary of the token as JSON; what the user has to do goes to standard error.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    state: StateArgs,
    #[command(flatten)]
    network: NetworkArgs,
}

/// Scope of a user's login unless another is asked for, as in the guide.
const USER_SCOPE: &str = "openid profile email";

/// A login under way.
struct Attempt<'a> {
    args: &'a Args,
    endpoints: &'a Endpoints,
    client: &'a DpopClient,
    client_id: &'a str,
    authentication: &'a ClientAuthentication,
}

pub(crate) async fn run(args: &Args) -> Result<ExitCode> {
    let client_id = required_client_id(args.client_id.as_ref())?;
    let http = args.network.client()?;
    let endpoints = Endpoints::find(args, &http).await?;
    let login = args.login(&client_id, &endpoints);
    let authentication = args.credentials.authentication(
        client_id.clone(),
        &login.assertion_audience,
        login.secret_in_form,
    )?;
    if args.client_credentials && !args.credentials.is_confidential() {
        let text = "--client-credentials needs a --client-secret, a --client-secret-file or a --client-key";
        return Err(WrongUsage(text.into()).into());
    }
    let (key, algorithm) = usable_key(args, endpoints.discovered.as_ref())?;
    args.state.forget_last_proof()?;
    let client = DpopClient::new(Session::new(key).with_algorithm(algorithm), http, now);
    let attempt = Attempt {
        args,
        endpoints: &endpoints,
        client: &client,
        client_id: &client_id,
        authentication: &authentication,
    };
    let tokens = attempt.tokens().await?;
    args.state.store_login(&login, &tokens)?;
    if args.json {
        output::json(&token::Summary::of(&tokens.response, &args.state, now())?)?;
    } else {
        token_summary::print(&tokens.response)?;
    }
    Ok(ExitCode::SUCCESS)
}

impl Attempt<'_> {
    async fn tokens(&self) -> Result<TokenSet> {
        if self.args.device {
            return self.log_in_with_device().await;
        }
        if self.args.client_credentials {
            let grant = ClientCredentialsGrant { scope: self.args.scope.clone() };
            return self.ask(&grant).await;
        }
        let grant = self.log_in_with_browser().await?;
        self.ask(&grant).await
    }

    async fn ask(&self, grant: &dyn dpop_client::grant::Grant) -> Result<TokenSet> {
        let asked = self.client.token(&self.endpoints.token, grant, self.authentication, Binding::Required);
        asked.await.context("get a token")
    }

    /// What the user has to do. Not on standard output when that is for a program.
    fn tell(&self, text: &str) -> Result<()> {
        let text = output::harmless(text);
        if self.args.json {
            output::note(format_args!("{text}\n"));
            Ok(())
        } else {
            output::line(text)
        }
    }

    fn user_scope(&self) -> &str {
        self.args.scope.as_deref().unwrap_or(USER_SCOPE)
    }
}

impl Args {
    /// What later commands need to know.
    fn login(&self, client_id: &str, endpoints: &Endpoints) -> Login {
        let discovered = endpoints.discovered.as_ref();
        let token_endpoint = endpoints.token.to_string();
        Login {
            client_id: client_id.to_owned(),
            assertion_audience: self.issuer.clone().unwrap_or_else(|| token_endpoint.clone()),
            token_endpoint,
            revocation_endpoint: discovered.and_then(|server| server.metadata.revocation_endpoint.clone()),
            secret_in_form: discovered.is_some_and(wants_post),
            is_service: self.client_credentials,
            scope: self.scope.clone(),
        }
    }
}

/// The stored key if the authorization server can check its proofs; a new one when there is none.
fn usable_key(args: &Args, server: Option<&AuthorizationServer>) -> Result<(Arc<dyn Signer>, Algorithm)> {
    let listed = server.and_then(|server| server.metadata.dpop_signing_alg_values_supported.as_deref());
    let wanted = match listed {
        None => Algorithm::Es256,
        Some(listed) => choose_algorithm(&[listed])
            .context("the authorization server lists no proof algorithm that Keybound has")?,
    };
    let tell = |key: &_| if args.json { Ok(()) } else { keygen::tell(key) };
    let key = args.state.key(KeyName::Primary, wanted, tell)?;
    let Some(listed) = listed else {
        let algorithm = key.algorithm();
        return Ok((key, algorithm));
    };
    // The key's own algorithm where the server takes it; another name or hash of the same key else.
    let names = |algorithm: &Algorithm| listed.iter().any(|name| name == algorithm.as_str());
    let preferred = std::iter::once(key.algorithm()).chain(Algorithm::ALL);
    let usable = preferred.into_iter().find(|algorithm| key.supports(*algorithm) && names(algorithm));
    let algorithm = usable.with_context(|| {
        format!(
            "the authorization server does not accept proofs of an {} key; run `keybound keygen --algorithm {wanted}`",
            key.algorithm()
        )
    })?;
    Ok((key, algorithm))
}
