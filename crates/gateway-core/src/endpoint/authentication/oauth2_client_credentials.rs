//! `oauth2_client_credentials`: a token of the client credentials grant (RFC 6749 §4.4).

use bytes::Bytes;
use http::Request;
use jose::UnixTime;
use resource_server::OutboundError;

use super::super::EndpointContext;
use crate::{
    cache::CacheKey,
    client_credentials::{ClientCredentials, TokenCarrier},
    document::{CredentialsGrant, Diagnostics, KeyPath},
};

/// Gets a token and shows it.
#[derive(Debug)]
pub(in crate::endpoint) struct GrantedAccess {
    client: ClientCredentials,
    carrier: TokenCarrier,
}

impl GrantedAccess {
    pub(super) fn build(
        grant: &CredentialsGrant,
        path: &KeyPath,
        context: &EndpointContext<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let client = ClientCredentials::build(grant, path, context, diagnostics);
        let carrier = TokenCarrier::build(grant.header.as_ref(), &path.key("header"), diagnostics);
        Some(Self { client: client?, carrier: carrier? })
    }

    pub(super) async fn apply(
        &self,
        request: &mut Request<Bytes>,
        now: UnixTime,
    ) -> Result<(), OutboundError> {
        let token = self.client.token(now).await?;
        let value = self.carrier.value(&token).ok_or_else(|| {
            OutboundError::NoCredentials("the token's type can not stand in a header".to_owned())
        })?;
        request.headers_mut().insert(self.carrier.header().clone(), value);
        Ok(())
    }

    pub(super) fn forget(&self) {
        self.client.forget();
    }

    pub(super) fn identity(&self) -> CacheKey {
        self.client.identity()
    }
}
