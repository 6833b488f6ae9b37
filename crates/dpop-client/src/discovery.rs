//! Finding an authorization server's endpoints from its issuer (OpenID Connect Discovery 1.0 §4, RFC 8414 §3).

use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri};
use jose::json::{self, JsonError};
use oauth::metadata::{AuthorizationServerMetadata, oauth_location, openid_location};
use thiserror::Error;

use crate::{
    http_client::{HttpClient, HttpError},
    origin::Origin,
};

/// Why the metadata can not be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DiscoveryError {
    /// The issuer is not an `http` or `https` URL without query and fragment.
    #[error("the issuer is not an http or https URL without query and fragment")]
    Issuer,
    /// No answer.
    #[error("the metadata of the authorization server can not be fetched")]
    Http(#[from] HttpError),
    /// Neither well-known place has metadata.
    #[error("the issuer has no metadata: {location} answered {status}")]
    NotFound {
        /// The last place that was asked.
        location: String,
        /// Its answer.
        status: StatusCode,
    },
    /// Not a metadata document.
    #[error("{location} is no metadata document")]
    Malformed {
        /// Where it was found.
        location: String,
        /// What is wrong with it.
        #[source]
        source: JsonError,
    },
    /// The document speaks for another issuer (RFC 8414 §3.3): a mix-up, or an attack.
    #[error("the metadata is that of another issuer")]
    AnotherIssuer,
    /// An endpoint that is needed is missing.
    #[error("the metadata has no {0}")]
    NoEndpoint(&'static str),
    /// An endpoint is not an absolute URL, or less safe than the issuer.
    #[error("the {0} in the metadata is not an https URL")]
    BadEndpoint(&'static str),
}

/// Metadata whose issuer was checked, and whose endpoints are as safe as the issuer.
#[derive(Clone, Debug)]
pub struct AuthorizationServer {
    /// The document.
    pub metadata: AuthorizationServerMetadata,
}

impl AuthorizationServer {
    /// Asks both well-known places of `issuer`, the OpenID one first (Keycloak has no other).
    ///
    /// # Errors
    ///
    /// [`DiscoveryError`] when no place has a good document.
    pub async fn discover(issuer: &str, http: &dyn HttpClient) -> Result<Self, DiscoveryError> {
        let locations = [openid_location(issuer), oauth_location(issuer)];
        let mut missing = DiscoveryError::Issuer;
        for location in locations.into_iter().flatten() {
            let request = Request::get(&location).body(Bytes::new()).map_err(|_| DiscoveryError::Issuer)?;
            let response = http.send(request).await?;
            if response.status() == StatusCode::OK {
                return Self::from_response(issuer, location, &response);
            }
            missing = DiscoveryError::NotFound { location, status: response.status() };
        }
        Err(missing)
    }

    fn from_response(
        issuer: &str,
        location: String,
        response: &Response<Bytes>,
    ) -> Result<Self, DiscoveryError> {
        let metadata = json::from_slice(response.body(), json::MAX_DEPTH)
            .map_err(|source| DiscoveryError::Malformed { location, source })?;
        Self::from_metadata(issuer, metadata)
    }

    /// Checks a document that was found otherwise.
    ///
    /// # Errors
    ///
    /// [`DiscoveryError::AnotherIssuer`] unless its `issuer` is exactly `issuer`; [`DiscoveryError::BadEndpoint`] for an
    /// endpoint without `https`, unless the issuer has none either and it is the issuer's own.
    pub fn from_metadata(
        issuer: &str,
        metadata: AuthorizationServerMetadata,
    ) -> Result<Self, DiscoveryError> {
        // Exactly, RFC 8414 §3.3; a trailing slash makes another issuer.
        if metadata.issuer != issuer {
            return Err(DiscoveryError::AnotherIssuer);
        }
        for (name, endpoint) in endpoints(&metadata) {
            let Some(endpoint) = endpoint else { continue };
            if !is_as_safe_as(issuer, endpoint) {
                return Err(DiscoveryError::BadEndpoint(name));
            }
        }
        Ok(Self { metadata })
    }

    /// Where users log in.
    ///
    /// # Errors
    ///
    /// [`DiscoveryError::NoEndpoint`] when the metadata does not say.
    pub fn authorization_endpoint(&self) -> Result<&str, DiscoveryError> {
        let endpoint = self.metadata.authorization_endpoint.as_deref();
        endpoint.ok_or(DiscoveryError::NoEndpoint("authorization_endpoint"))
    }

    /// Where tokens are issued.
    ///
    /// # Errors
    ///
    /// [`DiscoveryError::NoEndpoint`] when the metadata does not say.
    pub fn token_endpoint(&self) -> Result<&str, DiscoveryError> {
        let endpoint = self.metadata.token_endpoint.as_deref();
        endpoint.ok_or(DiscoveryError::NoEndpoint("token_endpoint"))
    }

    /// Where devices ask for a code (RFC 8628).
    ///
    /// # Errors
    ///
    /// [`DiscoveryError::NoEndpoint`] when the metadata does not say.
    pub fn device_authorization_endpoint(&self) -> Result<&str, DiscoveryError> {
        let endpoint = self.metadata.device_authorization_endpoint.as_deref();
        endpoint.ok_or(DiscoveryError::NoEndpoint("device_authorization_endpoint"))
    }

    /// Whether redirects carry `iss` (RFC 9207 §2.3): then one without it is refused.
    #[must_use]
    pub fn announces_iss(&self) -> bool {
        self.metadata.authorization_response_iss_parameter_supported == Some(true)
    }
}

/// Every URL of the metadata that a client sends something to, a browser or a request.
fn endpoints(metadata: &AuthorizationServerMetadata) -> [(&'static str, Option<&str>); 10] {
    let AuthorizationServerMetadata {
        authorization_endpoint,
        token_endpoint,
        jwks_uri,
        pushed_authorization_request_endpoint,
        introspection_endpoint,
        revocation_endpoint,
        userinfo_endpoint,
        end_session_endpoint,
        device_authorization_endpoint,
        registration_endpoint,
        ..
    } = metadata;
    [
        ("authorization_endpoint", authorization_endpoint.as_deref()),
        ("token_endpoint", token_endpoint.as_deref()),
        ("jwks_uri", jwks_uri.as_deref()),
        ("pushed_authorization_request_endpoint", pushed_authorization_request_endpoint.as_deref()),
        ("introspection_endpoint", introspection_endpoint.as_deref()),
        ("revocation_endpoint", revocation_endpoint.as_deref()),
        ("userinfo_endpoint", userinfo_endpoint.as_deref()),
        ("end_session_endpoint", end_session_endpoint.as_deref()),
        ("device_authorization_endpoint", device_authorization_endpoint.as_deref()),
        ("registration_endpoint", registration_endpoint.as_deref()),
    ]
}

/// An endpoint may be on another host over https, as large servers have it. Plain http is only for an issuer that is
/// itself without TLS, and for its own origin: whoever can change such a document on the way must not be able to send
/// codes and secrets elsewhere.
fn is_as_safe_as(issuer: &str, endpoint: &str) -> bool {
    let origin = |url: &str| url.parse::<Uri>().ok().and_then(|uri| Origin::of(&uri).ok());
    match (origin(endpoint), origin(issuer)) {
        (Some(endpoint), Some(issuer)) => {
            endpoint.is_https() || endpoint == issuer || (endpoint.is_loopback() && !issuer.is_https())
        }
        (None, _) | (_, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, sync::Mutex};

    use futures_util::future::BoxFuture;
    use serde_json::{Value, json};

    use super::*;

    const ISSUER: &str = "https://as.example.com/realms/dpop";

    /// Answers by URL, 404 for all others, and remembers what was asked.
    struct Fake {
        pages: HashMap<&'static str, Value>,
        asked: Mutex<Vec<String>>,
    }

    impl Fake {
        fn new(pages: impl IntoIterator<Item = (&'static str, Value)>) -> Self {
            Self { pages: pages.into_iter().collect(), asked: Mutex::default() }
        }
    }

    impl HttpClient for Fake {
        fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, HttpError>> {
            let uri = request.uri().to_string();
            let mut response = Response::new(Bytes::new());
            match self.pages.get(uri.as_str()) {
                Some(page) => *response.body_mut() = Bytes::from(page.to_string()),
                None => *response.status_mut() = StatusCode::NOT_FOUND,
            }
            self.asked.lock().unwrap().push(uri);
            Box::pin(async { Ok(response) })
        }
    }

    fn document() -> Value {
        json!({
            "issuer": ISSUER,
            "authorization_endpoint": "https://as.example.com/auth",
            "token_endpoint": "https://as.example.com/token",
        })
    }

    #[tokio::test]
    async fn finds_openid_metadata() {
        let http =
            Fake::new([("https://as.example.com/realms/dpop/.well-known/openid-configuration", document())]);
        let server = AuthorizationServer::discover(ISSUER, &http).await.unwrap();
        assert_eq!(server.token_endpoint().unwrap(), "https://as.example.com/token");
        assert!(!server.announces_iss());
    }

    #[tokio::test]
    async fn falls_back_to_oauth_metadata() {
        let place = "https://as.example.com/.well-known/oauth-authorization-server/realms/dpop";
        let http = Fake::new([(place, document())]);
        assert!(AuthorizationServer::discover(ISSUER, &http).await.is_ok());
        assert_eq!(http.asked.lock().unwrap().len(), 2);
        let nothing = AuthorizationServer::discover(ISSUER, &Fake::new([])).await;
        assert!(matches!(nothing, Err(DiscoveryError::NotFound { status: StatusCode::NOT_FOUND, .. })));
    }

    #[tokio::test]
    async fn refuses_the_metadata_of_another_issuer() {
        for other in ["https://as.example.com/realms/other", "https://as.example.com/realms/dpop/"] {
            let mut document = document();
            document["issuer"] = other.into();
            let place = "https://as.example.com/realms/dpop/.well-known/openid-configuration";
            let answer = AuthorizationServer::discover(ISSUER, &Fake::new([(place, document)])).await;
            assert!(matches!(answer, Err(DiscoveryError::AnotherIssuer)));
        }
    }

    #[test]
    fn refuses_endpoints_that_are_less_safe_than_the_issuer() {
        let names = [
            "authorization_endpoint",
            "token_endpoint",
            "jwks_uri",
            "pushed_authorization_request_endpoint",
            "introspection_endpoint",
            "revocation_endpoint",
            "userinfo_endpoint",
            "end_session_endpoint",
            "device_authorization_endpoint",
            "registration_endpoint",
        ];
        let check = |issuer: &str, name: &'static str, endpoint: &str| {
            let metadata = serde_json::from_value(json!({ "issuer": issuer, name: endpoint })).unwrap();
            match AuthorizationServer::from_metadata(issuer, metadata) {
                Ok(_) => true,
                Err(DiscoveryError::BadEndpoint(told)) if told == name => false,
                Err(error) => panic!("{error}"),
            }
        };
        for name in names {
            for (issuer, endpoint, is_good) in [
                (ISSUER, "https://as.example.com/x", true),
                (ISSUER, "https://elsewhere.example.com/x", true),
                (ISSUER, "http://as.example.com/x", false),
                (ISSUER, "http://127.0.0.1/x", false),
                (ISSUER, "/x", false),
                (ISSUER, "javascript:alert(1)", false),
                (ISSUER, "ftp://as.example.com/x", false),
                (ISSUER, "https:///x", false),
                ("http://127.0.0.1:8080/realms/dpop", "http://127.0.0.1:8080/x", true),
                ("http://127.0.0.1:8080/realms/dpop", "http://localhost:8080/x", true),
                ("http://127.0.0.1:8080/realms/dpop", "https://as.example.com/x", true),
                ("http://127.0.0.1:8080/realms/dpop", "http://as.example.com/x", false),
                ("http://keycloak:8080/realms/dpop", "http://keycloak:8080/x", true),
                ("http://keycloak:8080/realms/dpop", "http://evil.example.com/x", false),
            ] {
                assert_eq!(check(issuer, name, endpoint), is_good, "{issuer} {name} {endpoint}");
            }
        }
    }

    #[test]
    fn says_which_endpoint_is_missing() {
        let metadata = AuthorizationServerMetadata { issuer: ISSUER.to_owned(), ..Default::default() };
        let server = AuthorizationServer::from_metadata(ISSUER, metadata).unwrap();
        let error = server.authorization_endpoint().unwrap_err();
        assert_eq!(error.to_string(), "the metadata has no authorization_endpoint");
    }
}
