//! How the gateway authenticates itself at an endpoint: one strategy, one file.

mod api_key;
mod basic_auth;
mod http_message_signatures;
mod oauth2_client_credentials;

use bytes::Bytes;
use http::Request;
use jose::UnixTime;
use resource_server::OutboundError;

use self::{
    api_key::ApiKey, basic_auth::BasicAuth, http_message_signatures::MessageSignatures,
    oauth2_client_credentials::GrantedAccess,
};
use super::EndpointContext;
use crate::{
    cache::CacheKey,
    document::{Diagnostics, EndpointAuthentication},
    published_keys::PublishedKey,
};

/// A strategy with its credentials. `Debug` shows none of them.
#[derive(Debug)]
pub(super) enum Authentication {
    /// User and password.
    BasicAuth(BasicAuth),
    /// A fixed key.
    ApiKey(ApiKey),
    /// A token from an authorization server.
    OAuth2ClientCredentials(GrantedAccess),
    /// Signed requests.
    HttpMessageSignatures(MessageSignatures),
}

impl Authentication {
    /// Resolves the credentials; `None` after an error was added to `diagnostics`.
    pub(super) fn build(
        document: &EndpointAuthentication,
        context: &EndpointContext<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let path = context.path.key("auth").key("config");
        match document {
            EndpointAuthentication::BasicAuth { credentials } => {
                BasicAuth::build(credentials, &path, context, diagnostics).map(Self::BasicAuth)
            }
            EndpointAuthentication::ApiKey { location, name, secret } => {
                ApiKey::build(*location, name, secret, &path, context, diagnostics).map(Self::ApiKey)
            }
            EndpointAuthentication::OAuth2ClientCredentials(grant) => {
                GrantedAccess::build(grant, &path, context, diagnostics).map(Self::OAuth2ClientCredentials)
            }
            EndpointAuthentication::HttpMessageSignatures { signer_name, secret, components, ttl, label } => {
                MessageSignatures::build(
                    signer_name.as_deref(),
                    secret,
                    components,
                    *ttl,
                    label,
                    &path,
                    context,
                    diagnostics,
                )
                .map(Self::HttpMessageSignatures)
            }
        }
    }

    /// Adds to a request what shows who we are.
    ///
    /// # Errors
    ///
    /// [`OutboundError::NoCredentials`], or what the token endpoint's failure was.
    pub(super) async fn apply(
        &self,
        request: &mut Request<Bytes>,
        now: UnixTime,
    ) -> Result<(), OutboundError> {
        match self {
            Self::BasicAuth(strategy) => {
                strategy.apply(request);
                Ok(())
            }
            Self::ApiKey(strategy) => strategy.apply(request),
            Self::OAuth2ClientCredentials(strategy) => strategy.apply(request, now).await,
            Self::HttpMessageSignatures(strategy) => strategy.apply(request, now),
        }
    }

    /// The endpoint answered 401: what can be had anew is not used again.
    pub(super) fn was_refused(&self) {
        match self {
            Self::OAuth2ClientCredentials(strategy) => strategy.forget(),
            Self::BasicAuth(_) | Self::ApiKey(_) | Self::HttpMessageSignatures(_) => {}
        }
    }

    /// What tells these credentials from others, for cache keys.
    pub(super) fn identity(&self) -> CacheKey {
        match self {
            Self::BasicAuth(strategy) => strategy.identity(),
            Self::ApiKey(strategy) => strategy.identity(),
            Self::OAuth2ClientCredentials(strategy) => strategy.identity(),
            Self::HttpMessageSignatures(strategy) => strategy.identity(),
        }
    }

    /// The public keys with which the endpoint's owner checks signatures.
    pub(super) fn published_keys(&self) -> &[PublishedKey] {
        match self {
            Self::HttpMessageSignatures(strategy) => strategy.published_keys(),
            Self::BasicAuth(_) | Self::ApiKey(_) | Self::OAuth2ClientCredentials(_) => &[],
        }
    }
}
