//! What a protected resource says about itself (RFC 9728), so that a client finds its authorization servers.

use bytes::Bytes;
use dpop::Htu;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response};
use serde_json::{Map, Value, json};

/// RFC 9728 §3.
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// The metadata document of a layer's resource (RFC 9728 §2), made of the layer's own settings: what is announced is what
/// is checked. [`DpopLayer::resource_metadata`](crate::DpopLayer::resource_metadata) makes it.
///
/// It is public: serve it at its [`path`](Self::path), outside of the layer. With the feature `axum` it is a handler:
///
/// ```
/// # #[cfg(feature = "axum")] {
/// use axum::{Router, routing::get};
/// use resource_server_tower::{DpopLayer, ResourceMetadata};
///
/// fn app(protected: Router, dpop: DpopLayer) -> Router {
///     let metadata = dpop.resource_metadata().cloned();
///     let app = protected.layer(dpop);
///     match metadata {
///         Some(metadata) => app.route(metadata.path(), get(metadata.clone())),
///         None => app,
///     }
/// }
/// # }
/// ```
///
/// ```
/// use resource_server_tower::ResourceMetadata;
///
/// /// What the layer's own settings do not say.
/// fn complete(metadata: ResourceMetadata) -> ResourceMetadata {
///     metadata
///         .name("Orders")
///         .documentation("https://api.example.com/docs")
///         .authorization_servers(["https://partners.example"])
///         .scopes_supported(["orders:read", "orders:write"])
/// }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceMetadata {
    location: MetadataLocation,
    document: Map<String, Value>,
}

/// Where the metadata of a resource are: its origin, and the path below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MetadataLocation {
    pub(crate) origin: String,
    path: String,
}

/// What a layer knows about its resource.
pub(crate) struct Announced<'a> {
    pub(crate) resource: &'a str,
    /// Issuers of accepted tokens; empty says nothing about them.
    pub(crate) authorization_servers: Vec<&'a str>,
    pub(crate) scopes: &'a [String],
    /// Algorithms accepted for proofs; empty where none are looked at.
    pub(crate) proof_algorithms: Vec<&'a str>,
    pub(crate) requires_bound_tokens: bool,
}

impl MetadataLocation {
    /// The well-known location of a resource identifier (RFC 9728 §3.1); `None` if it is no `http` or `https` URL, or has
    /// a query or fragment.
    pub(crate) fn of(resource: &str) -> Option<Self> {
        Htu::parse_strict(resource).ok()?;
        let host_start = resource.find("://")? + "://".len();
        let path_start = resource.get(host_start..)?.find('/').map_or(resource.len(), |at| host_start + at);
        let (origin, path) = resource.split_at_checked(path_start)?;
        let path = if path == "/" { "" } else { path };
        Some(Self { origin: origin.to_owned(), path: format!("{WELL_KNOWN}{path}") })
    }

    pub(crate) fn url(&self) -> String {
        format!("{}{}", self.origin, self.path)
    }
}

impl ResourceMetadata {
    pub(crate) fn new(location: MetadataLocation, announced: &Announced<'_>) -> Self {
        let members = [
            ("resource", json!(announced.resource)),
            ("authorization_servers", json!(announced.authorization_servers)),
            ("scopes_supported", json!(announced.scopes)),
            ("bearer_methods_supported", json!(["header"])),
            ("dpop_signing_alg_values_supported", json!(announced.proof_algorithms)),
            ("dpop_bound_access_tokens_required", json!(announced.requires_bound_tokens)),
        ];
        // RFC 9728 §2: what has no elements is left out.
        let members = members.into_iter().filter(|(_, value)| !value.as_array().is_some_and(Vec::is_empty));
        Self { location, document: members.map(|(name, value)| (name.to_owned(), value)).collect() }
    }

    /// Announces these scopes (`scopes_supported`) beside those that the layer demands for every request.
    #[must_use]
    pub fn scopes_supported(self, scopes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.with_elements("scopes_supported", scopes)
    }

    fn with_elements(mut self, member: &str, elements: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let elements = elements.into_iter().map(|element| Value::String(element.into()));
        if let Value::Array(known) = self.document.entry(member).or_insert_with(|| json!([])) {
            for element in elements {
                if !known.contains(&element) {
                    known.push(element);
                }
            }
        }
        self
    }

    /// Announces these issuers (`authorization_servers`) beside those that the layer was given by name: issuers of
    /// [`access_tokens`](crate::DpopLayerBuilder::access_tokens) may be known only by their metadata.
    #[must_use]
    pub fn authorization_servers(self, issuers: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.with_elements("authorization_servers", issuers)
    }

    /// A name for people to read (`resource_name`).
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.document.insert("resource_name".to_owned(), Value::String(name.into()));
        self
    }

    /// A page for developers (`resource_documentation`), a URL.
    #[must_use]
    pub fn documentation(mut self, url: impl Into<String>) -> Self {
        self.document.insert("resource_documentation".to_owned(), Value::String(url.into()));
        self
    }

    /// The path to serve the document at: `/.well-known/oauth-protected-resource`, and the identifier's own path behind
    /// it (RFC 9728 §3.1).
    #[must_use]
    pub fn path(&self) -> &str {
        &self.location.path
    }

    /// The absolute address of the document, as challenges name it (RFC 9728 §5.1).
    #[must_use]
    pub fn url(&self) -> String {
        self.location.url()
    }

    /// The document.
    #[must_use]
    pub fn document(&self) -> &Map<String, Value> {
        &self.document
    }

    /// The answer to `GET`: the document as JSON, readable from every web origin, good for an hour.
    #[must_use]
    pub fn response<B: From<Bytes>>(&self) -> Response<B> {
        let body = Value::Object(self.document.clone()).to_string();
        let mut response = Response::new(B::from(Bytes::from(body)));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("max-age=3600"));
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        response
    }
}

#[cfg(feature = "axum")]
impl axum::response::IntoResponse for ResourceMetadata {
    fn into_response(self) -> axum::response::Response {
        self.response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_between_host_and_path() {
        for (resource, expected) in [
            ("https://a.example", Some("https://a.example/.well-known/oauth-protected-resource")),
            ("https://a.example/", Some("https://a.example/.well-known/oauth-protected-resource")),
            (
                "https://a.example:8443/v1",
                Some("https://a.example:8443/.well-known/oauth-protected-resource/v1"),
            ),
            ("http://[::1]:80/a/b", Some("http://[::1]:80/.well-known/oauth-protected-resource/a/b")),
            ("https://a.example/?b", None),
            ("https://a.example#b", None),
            ("https://a.example/{b}", None),
            ("a.example", None),
            ("https://", None),
            ("urn:a:b", None),
        ] {
            let url = MetadataLocation::of(resource).map(|location| location.url());
            assert_eq!(url.as_deref(), expected, "{resource}");
        }
    }
}
