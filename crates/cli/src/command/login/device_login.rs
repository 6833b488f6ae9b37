//! The login of a user with a browser elsewhere: the device authorization grant (RFC 8628).

use anyhow::{Context, Result};
use dpop_client::{Binding, TokenSet};

use super::Attempt;
use crate::{clock::now, exit::WrongUsage, human_time};

impl Attempt<'_> {
    pub(super) async fn log_in_with_device(&self) -> Result<TokenSet> {
        let Some(endpoint) = &self.endpoints.device_authorization else {
            let text = match self.endpoints.discovered {
                Some(_) => "the authorization server has no device authorization endpoint",
                None => "name the --issuer or the --device-authorization-endpoint",
            };
            return Err(WrongUsage(text.into()).into());
        };
        let asked =
            self.client.authorize_device(endpoint, Some(self.user_scope()), self.authentication).await;
        let mut device = asked.context("ask for a device code")?;
        self.tell("Open this page on any device:")?;
        self.tell(device.verification_uri())?;
        self.tell(&format!("and enter the code: {}", device.user_code()))?;
        if let Some(page) = device.verification_uri_complete() {
            self.tell(&format!("or open: {page}"))?;
        }
        self.tell("")?;
        let remaining = human_time::relative(device.expires_at(), now());
        self.tell(&format!("Waiting for the login; the code expires {remaining}"))?;
        let grant = device.grant();
        let mut pause = device.interval();
        loop {
            tokio::time::sleep(pause).await;
            let asked =
                self.client.token(&self.endpoints.token, &grant, self.authentication, Binding::Required);
            match asked.await {
                Ok(tokens) => return Ok(tokens),
                Err(error) => pause = device.next_question(error, now()).context("get a token")?,
            }
        }
    }
}
