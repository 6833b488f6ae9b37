//! What an issuer says about itself (RFC 8414; OpenID Connect Discovery 1.0): its name and where its endpoints are.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::ACCEPT;
use http::{HeaderValue, Request, StatusCode, Uri};
use jose::UnixTime;
use jose::json::{self, JsonError};
use oauth::metadata::{AuthorizationServerMetadata, oauth_location, openid_location};
use thiserror::Error;

use crate::outbound::{OutboundError, OutboundHttp, Purpose};
use crate::refresh::Refreshed;

/// How long metadata are used before they are fetched anew, unless configured.
pub const METADATA_LIFETIME: Duration = Duration::from_secs(30 * 60);

/// An issuer's metadata: fetched when they are needed, one call at a time, and kept.
///
/// Metadata whose refresh fails stay in use for an hour beyond their life.
///
/// ```
/// use std::sync::Arc;
/// use resource_server::{Discovery, DiscoveryError, JwksCache, KEYS_LIFETIME, OutboundHttp};
///
/// fn keys(http: &Arc<dyn OutboundHttp>) -> Result<JwksCache, DiscoveryError> {
///     let metadata = Arc::new(Discovery::of_issuer("https://issuer.example", Arc::clone(http))?);
///     Ok(JwksCache::new(metadata, Arc::clone(http), KEYS_LIFETIME))
/// }
/// ```
#[derive(Debug)]
pub struct Discovery {
    /// Tried in order: the first that does not answer 404 counts.
    locations: Vec<Uri>,
    settings: DiscoverySettings,
    http: Arc<dyn OutboundHttp>,
    metadata: Refreshed<Arc<AuthorizationServerMetadata>, DiscoveryError>,
}

/// How metadata are fetched and what they must be like.
///
/// ```
/// use resource_server::{DiscoverySettings, ExpectedIssuer, METADATA_LIFETIME};
///
/// let settings = DiscoverySettings {
///     issuer: ExpectedIssuer::Exactly("https://issuer.example".to_owned()),
///     allow_plain_http: false,
///     lifetime: METADATA_LIFETIME,
/// };
/// # assert_eq!(settings.lifetime.as_secs(), 1800);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscoverySettings {
    /// What `issuer` in the metadata must be.
    pub issuer: ExpectedIssuer,
    /// Whether the endpoints may be plain `http` on other hosts than this one: for tests.
    pub allow_plain_http: bool,
    /// How long metadata are used before they are fetched anew.
    pub lifetime: Duration,
}

/// What `issuer` in the metadata must be (RFC 8414 §3.3): else whoever writes the metadata could speak for anybody.
///
/// ```
/// use resource_server::ExpectedIssuer;
///
/// let strict = ExpectedIssuer::Exactly("https://issuer.example".to_owned());
/// assert_ne!(strict, ExpectedIssuer::OfLocation);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExpectedIssuer {
    /// This, byte for byte.
    Exactly(String),
    /// One whose metadata belong where these were found (RFC 8414 §3.1; OpenID Connect Discovery 1.0 §4).
    OfLocation,
    /// Anything. For servers whose metadata name another issuer than their address.
    Unchecked,
}

/// Why there are no metadata. Always a fault, never a verdict on a token.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum DiscoveryError {
    /// The endpoint gave no answer.
    #[error("the metadata endpoint gave no answer")]
    Outbound(#[source] OutboundError),
    /// The endpoint answered with another status than 200.
    #[error("the metadata endpoint answered {0}")]
    Status(StatusCode),
    /// The answer is no metadata document.
    #[error("the metadata endpoint's answer is no metadata document")]
    Malformed(#[source] JsonError),
    /// The document belongs to another issuer (RFC 8414 §3.3).
    #[error("the metadata are those of another issuer: `{found}`")]
    Issuer {
        /// The issuer that the document names.
        found: String,
    },
    /// The issuer has no endpoint of the kind.
    #[error("the metadata have no `{0}`")]
    NoEndpoint(&'static str),
    /// The endpoint is no absolute URL, or a plain `http` one where that is not allowed.
    #[error("`{0}` in the metadata is no https URL")]
    Endpoint(&'static str),
    /// The issuer's name gives no place for its metadata.
    #[error("the issuer's name is no https URL without query and fragment")]
    Name,
}

impl DiscoveryError {
    /// Whether a dependency did not answer in time.
    #[must_use]
    pub fn timed_out(&self) -> bool {
        matches!(self, Self::Outbound(OutboundError::TimedOut))
    }
}

impl Discovery {
    /// The metadata at `url`.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use http::Uri;
    /// use resource_server::{Discovery, DiscoverySettings, ExpectedIssuer, METADATA_LIFETIME, OutboundHttp};
    ///
    /// fn metadata(http: Arc<dyn OutboundHttp>) -> Discovery {
    ///     let url = Uri::from_static("https://issuer.example/.well-known/openid-configuration");
    ///     let issuer = ExpectedIssuer::OfLocation;
    ///     let settings = DiscoverySettings { issuer, allow_plain_http: false, lifetime: METADATA_LIFETIME };
    ///     Discovery::at(url, http, settings)
    /// }
    /// ```
    #[must_use]
    pub fn at(url: Uri, http: Arc<dyn OutboundHttp>, settings: DiscoverySettings) -> Self {
        let metadata = Refreshed::new(settings.lifetime);
        Self { locations: vec![url], settings, http, metadata }
    }

    /// The metadata of `issuer`, where RFC 8414 puts them, else where OpenID Connect does. Its endpoints must be `https`,
    /// or on this machine.
    ///
    /// # Errors
    ///
    /// [`DiscoveryError::Name`] when `issuer` is no `http` or `https` URL, or has a query or fragment.
    pub fn of_issuer(issuer: &str, http: Arc<dyn OutboundHttp>) -> Result<Self, DiscoveryError> {
        Self::with_transport(issuer, http, false)
    }

    /// As [`of_issuer`](Self::of_issuer), for development: issuer and endpoints may be plain `http` on other machines too.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use resource_server::{Discovery, DiscoveryError, OutboundHttp};
    ///
    /// fn metadata(http: Arc<dyn OutboundHttp>) -> Result<Discovery, DiscoveryError> {
    ///     Discovery::of_issuer_over_plain_http("http://keycloak:8080/realms/acme", http)
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`of_issuer`](Self::of_issuer).
    pub fn of_issuer_over_plain_http(
        issuer: &str,
        http: Arc<dyn OutboundHttp>,
    ) -> Result<Self, DiscoveryError> {
        Self::with_transport(issuer, http, true)
    }

    fn with_transport(
        issuer: &str,
        http: Arc<dyn OutboundHttp>,
        allow_plain_http: bool,
    ) -> Result<Self, DiscoveryError> {
        let settings = DiscoverySettings {
            issuer: ExpectedIssuer::Exactly(issuer.to_owned()),
            allow_plain_http,
            lifetime: METADATA_LIFETIME,
        };
        let mut locations = Vec::new();
        for location in [oauth_location(issuer), openid_location(issuer)] {
            let location = location.ok_or(DiscoveryError::Name)?;
            let location: Uri = location.parse().map_err(|_| DiscoveryError::Name)?;
            if !allow_plain_http && !is_secure(&location) {
                return Err(DiscoveryError::Name);
            }
            locations.push(location);
        }
        let metadata = Refreshed::new(settings.lifetime);
        Ok(Self { locations, settings, http, metadata })
    }

    /// The metadata, fetched if need be.
    ///
    /// ```
    /// use jose::UnixTime;
    /// use resource_server::{Discovery, DiscoveryError};
    ///
    /// async fn jwks_uri(discovery: &Discovery, now: UnixTime) -> Result<Option<String>, DiscoveryError> {
    ///     Ok(discovery.metadata(now).await?.jwks_uri.clone())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// A [`DiscoveryError`]: they can not be had, or are not acceptable.
    pub async fn metadata(&self, now: UnixTime) -> Result<Arc<AuthorizationServerMetadata>, DiscoveryError> {
        self.metadata.get(now, |_| false, |_| self.fetch(now)).await
    }

    async fn fetch(&self, now: UnixTime) -> Result<Arc<AuthorizationServerMetadata>, DiscoveryError> {
        let mut outcome = Err(DiscoveryError::Name);
        for location in &self.locations {
            outcome = self.fetch_from(location, now).await;
            if !matches!(outcome, Err(DiscoveryError::Status(StatusCode::NOT_FOUND))) {
                break;
            }
        }
        outcome.map(Arc::new)
    }

    async fn fetch_from(
        &self,
        location: &Uri,
        now: UnixTime,
    ) -> Result<AuthorizationServerMetadata, DiscoveryError> {
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = location.clone();
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
        request.extensions_mut().insert(Purpose::Metadata);
        let response = self.http.send(request, now).await.map_err(DiscoveryError::Outbound)?;
        if response.status() != StatusCode::OK {
            return Err(DiscoveryError::Status(response.status()));
        }
        let metadata: AuthorizationServerMetadata =
            json::from_slice(response.body(), json::MAX_DEPTH).map_err(DiscoveryError::Malformed)?;
        let is_expected = match &self.settings.issuer {
            ExpectedIssuer::Exactly(issuer) => metadata.issuer == *issuer,
            ExpectedIssuer::OfLocation => belongs_at(&metadata.issuer, location),
            ExpectedIssuer::Unchecked => true,
        };
        if is_expected { Ok(metadata) } else { Err(DiscoveryError::Issuer { found: metadata.issuer }) }
    }
}

/// Where an endpoint is: known beforehand, or said by the issuer's metadata.
///
/// ```
/// use http::Uri;
/// use resource_server::EndpointLocation;
///
/// let known: EndpointLocation = Uri::from_static("https://issuer.example/introspect").into();
/// assert!(matches!(known, EndpointLocation::Fixed(_)));
/// ```
#[derive(Debug, Clone)]
pub enum EndpointLocation {
    /// Known.
    Fixed(Uri),
    /// In these metadata.
    Discovered(Arc<Discovery>),
}

impl From<Uri> for EndpointLocation {
    fn from(uri: Uri) -> Self {
        Self::Fixed(uri)
    }
}

impl From<Arc<Discovery>> for EndpointLocation {
    fn from(discovery: Arc<Discovery>) -> Self {
        Self::Discovered(discovery)
    }
}

impl EndpointLocation {
    /// The address; `member` of the metadata is what `read` reads.
    pub(crate) async fn resolve(
        &self,
        member: &'static str,
        now: UnixTime,
        read: impl Fn(&AuthorizationServerMetadata) -> Option<&str>,
    ) -> Result<Uri, DiscoveryError> {
        let discovery = match self {
            Self::Fixed(uri) => return Ok(uri.clone()),
            Self::Discovered(discovery) => discovery,
        };
        let metadata = discovery.metadata(now).await?;
        let uri: Uri = read(&metadata)
            .ok_or(DiscoveryError::NoEndpoint(member))?
            .parse()
            .map_err(|_| DiscoveryError::Endpoint(member))?;
        let is_acceptable = match uri.scheme_str() {
            Some("http") => discovery.settings.allow_plain_http || is_secure(&uri),
            _ => is_secure(&uri),
        };
        if is_acceptable && uri.authority().is_some() {
            Ok(uri)
        } else {
            Err(DiscoveryError::Endpoint(member))
        }
    }
}

/// Whether nobody on the way can read or change what is sent: `https`, or `http` within this machine.
fn is_secure(uri: &Uri) -> bool {
    match uri.scheme_str() {
        Some("https") => true,
        Some("http") => uri.host().is_some_and(|host| {
            let address = host.trim_start_matches('[').trim_end_matches(']');
            host.eq_ignore_ascii_case("localhost")
                || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
        }),
        _ => false,
    }
}

/// Whether metadata of `issuer` are to be found at `location`. OpenID providers put theirs behind the issuer's path,
/// some also in between.
fn belongs_at(issuer: &str, location: &Uri) -> bool {
    let location = location.to_string();
    let oauth = oauth_location(issuer);
    let inserted = oauth.as_ref().map(|oauth| {
        oauth.replacen("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration", 1)
    });
    [oauth, openid_location(issuer), inserted].into_iter().flatten().any(|expected| expected == location)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_belong_where_their_issuer_says() {
        let check = |issuer: &str, location: &'static str, expected: bool| {
            assert_eq!(belongs_at(issuer, &Uri::from_static(location)), expected, "{issuer} {location}");
        };
        let realm = "https://as.example/realms/shop";
        check(realm, "https://as.example/realms/shop/.well-known/openid-configuration", true);
        check(realm, "https://as.example/.well-known/oauth-authorization-server/realms/shop", true);
        check(realm, "https://as.example/.well-known/openid-configuration/realms/shop", true);
        check("https://as.example", "https://as.example/.well-known/openid-configuration", true);
        check("https://as.example/", "https://as.example/.well-known/openid-configuration", true);
        check(realm, "https://as.example/realms/other/.well-known/openid-configuration", false);
        check(realm, "https://evil.example/realms/shop/.well-known/openid-configuration", false);
        check("https://as.example", "https://as.example/metadata", false);
        check("", "https://as.example/.well-known/openid-configuration", false);
    }

    #[test]
    fn only_https_and_this_machine_are_secure() {
        let check = |uri: &'static str, expected: bool| {
            assert_eq!(is_secure(&Uri::from_static(uri)), expected, "{uri}");
        };
        check("https://as.example/keys", true);
        check("http://127.0.0.1:8080/keys", true);
        check("http://[::1]:8080/keys", true);
        check("http://localhost/keys", true);
        check("http://as.example/keys", false);
        check("http://127.0.0.1.evil.example/keys", false);
        check("http://localhost.evil.example/keys", false);
        check("/keys", false);
    }
}
