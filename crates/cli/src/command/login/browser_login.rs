//! The login of a user with a browser on this machine: authorization code, PKCE, loopback redirect (RFC 8252).

use anyhow::{Context, Result};
use dpop_client::grant::{AuthorizationCodeGrant, AuthorizationRequest};

use super::{Attempt, callback::CallbackServer};
use crate::{browser, exit::WrongUsage};

impl Attempt<'_> {
    pub(super) async fn log_in_with_browser(&self) -> Result<AuthorizationCodeGrant> {
        let Some(authorization_endpoint) = &self.endpoints.authorization else {
            return Err(WrongUsage("name the --issuer or the --authorization-endpoint".into()).into());
        };
        let server = CallbackServer::bind(self.args.redirect_port).await?;
        let redirect_uri = server.redirect_uri();
        let thumbprint = self.client.session().thumbprint();
        let mut request =
            AuthorizationRequest::new(self.client_id, &redirect_uri, self.user_scope(), thumbprint);
        if let Some(server) = &self.endpoints.discovered {
            request = request.issuer(&server.metadata.issuer, server.announces_iss());
        }
        let url = match self.pushed_to()? {
            None => request.url(authorization_endpoint),
            Some(endpoint) => {
                let endpoint = endpoint.parse().context("the PAR endpoint is no URL")?;
                let pushed =
                    self.client.push(&endpoint, authorization_endpoint, &request, self.authentication);
                pushed.await.context("push the authorization request")?
            }
        };
        self.tell("Open this URL in your browser:")?;
        self.tell(&url)?;
        self.tell("")?;
        self.tell(&format!("Waiting for redirect on {redirect_uri}"))?;
        if !self.args.no_browser {
            browser::open(&url);
        }
        server.wait(request).await
    }

    /// The PAR endpoint, if the server requires it or the user asks for it.
    fn pushed_to(&self) -> Result<Option<&str>> {
        let metadata = self.endpoints.discovered.as_ref().map(|server| &server.metadata);
        let is_required =
            metadata.is_some_and(|metadata| metadata.require_pushed_authorization_requests == Some(true));
        if !is_required && !self.args.par {
            return Ok(None);
        }
        let endpoint =
            metadata.and_then(|metadata| metadata.pushed_authorization_request_endpoint.as_deref());
        endpoint.context("the authorization server names no endpoint for pushed requests").map(Some)
    }
}
