//! Where the layer's verdicts on access tokens come from, made of addresses and names.

use std::sync::Arc;

use http::Uri;
use oauth::ClientCredentials;
use resource_server::{
    AccessTokens, AuthenticatedHttp, Discovery, EndpointLocation, IntrospectedTokens, IntrospectionPolicy,
    IssuerNames, JwksCache, JwtTokens, KEYS_LIFETIME, KeySource, OutboundHttp, TrustedIssuer,
    VerdictLifetime,
};

use super::DpopLayerBuilder;
use crate::problem::Problem;
use crate::target::is_loopback;

/// An issuer of JWTs.
pub(super) struct Issuer {
    /// `iss`.
    pub(super) name: String,
    pub(super) keys: Keys,
}

/// Where an issuer's keys are.
pub(super) enum Keys {
    Given(Arc<dyn KeySource>),
    /// The address of the key set.
    At(String),
    /// Where the issuer's metadata say.
    InMetadata,
}

/// An issuer who is asked about tokens.
pub(super) struct Introspected {
    place: Place,
    client: ClientCredentials,
    lifetime: VerdictLifetime,
}

enum Place {
    /// The address of the endpoint.
    At(String),
    /// Where the metadata of this issuer say.
    InMetadataOf(String),
}

impl Introspected {
    pub(super) fn at(url: String, client: ClientCredentials, lifetime: VerdictLifetime) -> Self {
        Self { place: Place::At(url), client, lifetime }
    }

    pub(super) fn by_issuer(issuer: String, client: ClientCredentials, lifetime: VerdictLifetime) -> Self {
        Self { place: Place::InMetadataOf(issuer), client, lifetime }
    }

    /// The issuer's name, if it is known.
    pub(super) fn issuer(&self) -> Option<&str> {
        match &self.place {
            Place::InMetadataOf(issuer) => Some(issuer),
            Place::At(_) => None,
        }
    }
}

impl DpopLayerBuilder {
    /// The one place that says which tokens are good, once [`problems`](Self::problems) has found no other contradiction.
    pub(super) fn token_verdicts(&self) -> Result<AccessTokens, Problem> {
        if let Some(tokens) = &self.tokens {
            return Ok(tokens.clone());
        }
        let is_called = |issuer: &Issuer| !matches!(issuer.keys, Keys::Given(_));
        let http = if self.introspected.is_empty() && !self.issuers.iter().any(is_called) {
            None
        } else {
            Some(self.client()?)
        };
        if let (Some(introspected), Some(http)) = (self.introspected.first(), &http) {
            return self.introspection_of(introspected, http).map(AccessTokens::from);
        }
        let policy = self.token_policy();
        let issuers = self.issuers.iter().map(|issuer| {
            let keys = self.keys(issuer, http.as_ref())?;
            Ok(TrustedIssuer::new(&issuer.name, keys, policy.clone()))
        });
        let issuers = issuers.collect::<Result<Vec<_>, Problem>>()?;
        Ok(JwtTokens::new(issuers).into())
    }

    fn keys(
        &self,
        issuer: &Issuer,
        http: Option<&Arc<dyn OutboundHttp>>,
    ) -> Result<Arc<dyn KeySource>, Problem> {
        let location: EndpointLocation = match &issuer.keys {
            Keys::Given(keys) => return Ok(Arc::clone(keys)),
            Keys::At(url) => self.endpoint(url)?.into(),
            Keys::InMetadata => self.metadata_of(&issuer.name, http.ok_or(Problem::NoHttpClient)?)?.into(),
        };
        let http = Arc::clone(http.ok_or(Problem::NoHttpClient)?);
        Ok(Arc::new(JwksCache::new(location, http, KEYS_LIFETIME)))
    }

    fn introspection_of(
        &self,
        introspected: &Introspected,
        http: &Arc<dyn OutboundHttp>,
    ) -> Result<IntrospectedTokens, Problem> {
        let (location, issuers): (EndpointLocation, _) = match &introspected.place {
            Place::At(url) => (self.endpoint(url)?.into(), IssuerNames::Listed(Vec::new())),
            Place::InMetadataOf(issuer) => {
                let metadata = self.metadata_of(issuer, http)?;
                (Arc::clone(&metadata).into(), IssuerNames::Discovered(metadata))
            }
        };
        let token_policy = self.token_policy();
        let policy = IntrospectionPolicy {
            issuers,
            audience: token_policy.audience,
            leeway: token_policy.leeway,
            lifetime: introspected.lifetime,
        };
        let http = AuthenticatedHttp::new(Arc::clone(http), introspected.client.clone());
        Ok(IntrospectedTokens::new(location, Arc::new(http), policy))
    }

    fn metadata_of(&self, issuer: &str, http: &Arc<dyn OutboundHttp>) -> Result<Arc<Discovery>, Problem> {
        let http = Arc::clone(http);
        let discovery = match self.plain_http {
            true => Discovery::of_issuer_over_plain_http(issuer, http),
            false => Discovery::of_issuer(issuer, http),
        };
        discovery.map(Arc::new).map_err(|_| Problem::IssuerUrl)
    }

    /// An address to call. Credentials in it would end up in logs.
    fn endpoint(&self, url: &str) -> Result<Uri, Problem> {
        let uri: Uri = url.parse().map_err(|_| Problem::IssuerUrl)?;
        let is_acceptable = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => self.plain_http || is_loopback(url),
            _ => false,
        };
        let has_host = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
        if is_acceptable && has_host { Ok(uri) } else { Err(Problem::IssuerUrl) }
    }

    fn client(&self) -> Result<Arc<dyn OutboundHttp>, Problem> {
        self.http.clone().map_or_else(own_client, Ok)
    }
}

/// Every call within 5 s and 1 MB, over connections that trust what the system trusts.
#[cfg(feature = "http-client")]
fn own_client() -> Result<Arc<dyn OutboundHttp>, Problem> {
    use resource_server::{ClientSettings, OutboundClients as _};

    let clients = outbound::HyperClients::new().map_err(|_| Problem::HttpClient)?;
    clients.client(&ClientSettings::default()).map_err(|_| Problem::HttpClient)
}

#[cfg(not(feature = "http-client"))]
fn own_client() -> Result<Arc<dyn OutboundHttp>, Problem> {
    Err(Problem::NoHttpClient)
}
