//! Where to go, from metadata or from the command line.

use anyhow::{Context, Result};
use dpop_client::{HyperClient, discovery::AuthorizationServer};
use http::Uri;

use super::Args;
use crate::exit::WrongUsage;

/// What the command line says wins: a container may have to use other host names than the browser.
pub(super) struct Endpoints {
    pub(super) authorization: Option<String>,
    pub(super) token: Uri,
    pub(super) device_authorization: Option<Uri>,
    pub(super) discovered: Option<AuthorizationServer>,
}

impl Endpoints {
    pub(super) async fn find(args: &Args, http: &HyperClient) -> Result<Self> {
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
            (None, None) => {
                return Err(WrongUsage("name the --issuer or the --token-endpoint".into()).into());
            }
        };
        let authorization = match (&args.authorization_endpoint, &discovered) {
            (Some(endpoint), _) => Some(endpoint.clone()),
            (None, Some(server)) => server.metadata.authorization_endpoint.clone(),
            (None, None) => None,
        };
        let device_authorization = match (&args.device_authorization_endpoint, &discovered) {
            (Some(endpoint), _) => Some(endpoint.clone()),
            (None, Some(server)) => server
                .metadata
                .device_authorization_endpoint
                .as_deref()
                .map(str::parse)
                .transpose()
                .context("the device authorization endpoint is no URL")?,
            (None, None) => None,
        };
        Ok(Self { authorization, token, device_authorization, discovered })
    }
}
