//! `keybound login`: get a token that is bound to the client's key.

mod callback;

use std::{process::ExitCode, sync::Arc};

use anyhow::{Context, Result, bail};
use dpop_client::{
    Binding, ClientAuthentication, DpopClient, HyperClient, Session, choose_algorithm,
    discovery::AuthorizationServer,
    grant::{AuthorizationRequest, ClientCredentialsGrant, Grant},
};
use http::Uri;
use jose::{Algorithm, KeyPair};

use self::callback::CallbackServer;
use crate::{
    client_state::{KeyName, StateArgs},
    clock::now,
    network::NetworkArgs,
    output, token_summary,
};

/// Run Authorization Code + PKCE and store a DPoP-bound access token.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  keybound login --issuer http://127.0.0.1:8080/realms/dpop --client-id heimdall-dpop-client
  AUTHORIZATION_ENDPOINT=… TOKEN_ENDPOINT=… CLIENT_ID=… keybound login
  CLIENT_SECRET=… keybound login --client-credentials --issuer https://as.example.com --client-id service")]
pub(crate) struct Args {
    /// Find the endpoints in the metadata of this issuer.
    #[arg(long, env = "ISSUER", value_name = "URL")]
    issuer: Option<String>,
    /// Where the user logs in.
    #[arg(long, env = "AUTHORIZATION_ENDPOINT", value_name = "URL")]
    authorization_endpoint: Option<String>,
    /// Where the token is issued.
    #[arg(long, env = "TOKEN_ENDPOINT", value_name = "URL", required_unless_present = "issuer")]
    token_endpoint: Option<Uri>,
    /// The client's identifier at the authorization server.
    #[arg(long, env = "CLIENT_ID", value_name = "ID")]
    client_id: String,
    /// The secret of a confidential client. Better given by the environment: arguments can be seen by other users.
    #[arg(long, env = "CLIENT_SECRET", value_name = "SECRET", hide_env_values = true)]
    client_secret: Option<String>,
    /// Log in as the client itself, without a user and a browser.
    #[arg(long, requires = "client_secret")]
    client_credentials: bool,
    /// The scope to ask for; "openid profile email" for users.
    #[arg(long, env = "SCOPE", value_name = "SCOPE")]
    scope: Option<String>,
    /// Port on 127.0.0.1 to which the browser comes back.
    #[arg(long, env = "REDIRECT_PORT", value_name = "PORT", default_value_t = 8765)]
    redirect_port: u16,
    #[command(flatten)]
    state: StateArgs,
    #[command(flatten)]
    network: NetworkArgs,
}

/// Scope of a user's login unless another is asked for, as in the guide.
const USER_SCOPE: &str = "openid profile email";

/// Where to go, from metadata or from the command line. What the command line says wins: a container may have to use
/// other host names than the browser.
struct Endpoints {
    authorization: Option<String>,
    token: Uri,
    discovered: Option<AuthorizationServer>,
}

pub(crate) async fn run(args: &Args) -> Result<ExitCode> {
    let http = args.network.client()?;
    let endpoints = Endpoints::find(args, &http).await?;
    let key = usable_key(args, endpoints.discovered.as_ref())?;
    args.state.forget_last_proof()?;
    let client = DpopClient::new(Session::new(key), http, now);
    let authentication = args.client_authentication();
    let grant: Box<dyn Grant + Send> = if args.client_credentials {
        Box::new(ClientCredentialsGrant { scope: args.scope.clone() })
    } else {
        Box::new(log_in_with_browser(args, &endpoints, &client, &authentication).await?)
    };
    let tokens = client
        .token(&endpoints.token, &*grant, &authentication, Binding::Required)
        .await
        .context("get a token")?;
    args.state.store_token(&tokens.response)?;
    token_summary::print(&tokens.response)?;
    Ok(ExitCode::SUCCESS)
}

impl Args {
    fn client_authentication(&self) -> ClientAuthentication {
        let client_id = self.client_id.clone();
        match &self.client_secret {
            None => ClientAuthentication::Public { client_id },
            Some(secret) => ClientAuthentication::SecretBasic { client_id, secret: secret.clone().into() },
        }
    }
}

impl Endpoints {
    async fn find(args: &Args, http: &HyperClient) -> Result<Self> {
        let discovered = match &args.issuer {
            Some(issuer) => Some(
                AuthorizationServer::discover(issuer, http)
                    .await
                    .with_context(|| format!("find the endpoints of {issuer}"))?,
            ),
            None => None,
        };
        let token = match (&args.token_endpoint, &discovered) {
            (Some(endpoint), _) => endpoint.clone(),
            (None, Some(server)) => {
                server.token_endpoint()?.parse().context("the token endpoint is no URL")?
            }
            (None, None) => bail!("name the --issuer or the --token-endpoint"),
        };
        let authorization = match (&args.authorization_endpoint, &discovered) {
            (Some(endpoint), _) => Some(endpoint.clone()),
            (None, Some(server)) => server.metadata.authorization_endpoint.clone(),
            (None, None) => None,
        };
        Ok(Self { authorization, token, discovered })
    }
}

/// The stored key if the authorization server can check its proofs; a new one when there is none.
fn usable_key(args: &Args, server: Option<&AuthorizationServer>) -> Result<Arc<KeyPair>> {
    let listed = server.and_then(|server| server.metadata.dpop_signing_alg_values_supported.as_deref());
    let wanted = match listed {
        None => Algorithm::Es256,
        Some(listed) => choose_algorithm(&[listed])
            .context("the authorization server lists no proof algorithm that Keybound has")?,
    };
    let key = args.state.key(KeyName::Primary, wanted)?;
    if let Some(listed) = listed
        && !listed.iter().filter_map(|name| name.parse().ok()).any(|algorithm| key.supports(algorithm))
    {
        bail!(
            "the authorization server does not accept proofs of an {} key; run `keybound keygen --algorithm {wanted}`",
            key.algorithm()
        );
    }
    Ok(key)
}

async fn log_in_with_browser(
    args: &Args,
    endpoints: &Endpoints,
    client: &DpopClient,
    authentication: &ClientAuthentication,
) -> Result<impl Grant + Send + use<>> {
    let Some(authorization_endpoint) = &endpoints.authorization else {
        bail!("name the --issuer or the --authorization-endpoint");
    };
    let server = CallbackServer::bind(args.redirect_port).await?;
    let redirect_uri = server.redirect_uri();
    let scope = args.scope.as_deref().unwrap_or(USER_SCOPE);
    let thumbprint = client.session().thumbprint();
    let mut request = AuthorizationRequest::new(&args.client_id, &redirect_uri, scope, thumbprint);
    let mut pushed_to = None;
    if let Some(server) = &endpoints.discovered {
        request = request.issuer(&server.metadata.issuer, server.announces_iss());
        if server.metadata.require_pushed_authorization_requests == Some(true) {
            pushed_to = server.metadata.pushed_authorization_request_endpoint.as_deref();
        }
    }
    let url = match pushed_to {
        None => request.url(authorization_endpoint),
        Some(endpoint) => {
            let endpoint = endpoint.parse().context("the PAR endpoint is no URL")?;
            client.push(&endpoint, authorization_endpoint, &request, authentication).await?
        }
    };
    output::line("Open this URL in your browser:")?;
    output::line(output::harmless(&url))?;
    output::line("")?;
    output::line(format_args!("Waiting for redirect on {redirect_uri}"))?;
    server.wait(request).await
}
