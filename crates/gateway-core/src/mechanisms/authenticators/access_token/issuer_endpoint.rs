//! Where something of an issuer is, its keys or its introspection endpoint: at an address of the configuration, or where
//! the issuer's metadata say.
//!
//! An address may hold `.TokenIssuer`. It stands for the issuers of `assertions.issuers` and for nobody else: there is one
//! connection for each of them, made when the configuration is loaded, so that no token can name a place to call.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, Request};
use jose::UnixTime;
use resource_server::{
    Discovery, DiscoverySettings, EndpointLocation, ExpectedIssuer, METADATA_LIFETIME, OutboundError,
    OutboundFuture, OutboundHttp,
};

use crate::{
    document::{self, Code, Diagnostic, Diagnostics, MapReader, MetadataEndpoint, Place},
    endpoint::{Endpoint, Transport},
    mechanisms::{BuildContext, step::chain_of_causes},
    published_keys::PublishedKey,
    template::TemplateData,
};

/// The name that stands for an issuer in templates of these endpoints.
const TOKEN_ISSUER: &str = "TokenIssuer";
/// The key under which metadata are found.
const METADATA_ENDPOINT: &str = "metadata_endpoint";

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::mechanisms::authenticators) enum Wanted {
    /// `jwks_endpoint`, or `jwks_uri` of the metadata.
    Keys,
    /// `introspection_endpoint`, here and there.
    Introspection,
}

impl Wanted {
    fn key(self) -> &'static str {
        match self {
            Self::Keys => "jwks_endpoint",
            Self::Introspection => "introspection_endpoint",
        }
    }

    fn method(self) -> Method {
        match self {
            Self::Keys => Method::GET,
            Self::Introspection => Method::POST,
        }
    }
}

/// The one of the two keys that is set, as written.
#[derive(Debug, Clone)]
pub(in crate::mechanisms::authenticators) enum IssuerEndpointConfig {
    /// The address itself.
    Named(Box<document::Endpoint>),
    /// The address of the issuer's metadata.
    Discovered(Box<MetadataEndpoint>),
}

impl IssuerEndpointConfig {
    /// Reads `metadata_endpoint` and the other key; exactly one of them must be there.
    pub(in crate::mechanisms::authenticators) fn read(
        wanted: Wanted,
        reader: &mut MapReader<'_, '_>,
    ) -> Option<Self> {
        let named = reader.optional::<document::Endpoint>(wanted.key());
        let metadata = reader.optional::<MetadataEndpoint>(METADATA_ENDPOINT);
        match (reader.key_place(wanted.key()), reader.key_place(METADATA_ENDPOINT)) {
            (Some(first), Some(second)) => {
                let headline =
                    format!("`{}` has both `{}` and `{METADATA_ENDPOINT}`", reader.path(), wanted.key());
                reader.diagnostics().push(
                    Diagnostic::error(Code::MutuallyExclusive, headline, second)
                        .and_place(first)
                        .expected("one of the two")
                        .hint(format!("remove `{METADATA_ENDPOINT}`")),
                );
                None
            }
            (Some(_), None) => named.map(|named| Self::Named(Box::new(named))),
            (None, Some(_)) => metadata.map(|metadata| Self::Discovered(Box::new(metadata))),
            (None, None) => {
                reader.report_missing(wanted.key());
                None
            }
        }
    }

    fn endpoint(&self) -> &document::Endpoint {
        match self {
            Self::Named(endpoint) => endpoint,
            Self::Discovered(metadata) => &metadata.endpoint,
        }
    }
}

/// The endpoint, ready to be connected to.
#[derive(Debug, Clone)]
pub(in crate::mechanisms::authenticators) struct IssuerEndpoint {
    endpoint: Endpoint,
    metadata: Option<MetadataSettings>,
    is_per_issuer: bool,
    /// Where the URL stands, for messages.
    place: Place,
    key: String,
}

#[derive(Debug, Clone)]
struct MetadataSettings {
    /// How the endpoint that the metadata name is called.
    transport: Arc<Transport>,
    settings: DiscoverySettings,
}

/// A way to the endpoint.
#[derive(Debug, Clone)]
pub(in crate::mechanisms::authenticators) struct Connection {
    /// Where it is.
    pub(in crate::mechanisms::authenticators) location: EndpointLocation,
    /// How it is called.
    pub(in crate::mechanisms::authenticators) http: Arc<dyn OutboundHttp>,
    /// The issuer's metadata, where they say where it is.
    pub(in crate::mechanisms::authenticators) discovery: Option<Arc<Discovery>>,
}

impl IssuerEndpoint {
    /// Compiles the endpoint; `None` after an error was added to `diagnostics`.
    pub(in crate::mechanisms::authenticators) fn build(
        config: &IssuerEndpointConfig,
        wanted: Wanted,
        context: &BuildContext<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let (key, method) = match config {
            IssuerEndpointConfig::Named(_) => (wanted.key(), wanted.method()),
            IssuerEndpointConfig::Discovered(_) => (METADATA_ENDPOINT, Method::GET),
        };
        let endpoint_context = context.endpoint(key, &[TOKEN_ISSUER]).with_method(method);
        let document = config.endpoint();
        let place = document.url.place.clone();
        let is_per_issuer = names_issuer(document);
        let (endpoint, metadata) = match config {
            IssuerEndpointConfig::Named(_) => {
                (Endpoint::build(document, &endpoint_context, diagnostics)?, None)
            }
            IssuerEndpointConfig::Discovered(metadata) => {
                let resolved = match wanted {
                    Wanted::Keys => metadata.jwks_uri.as_ref(),
                    Wanted::Introspection => metadata.introspection_endpoint.as_ref(),
                };
                let http_cache = document.http_cache.as_ref().map(|cache| &cache.value);
                let settings = DiscoverySettings {
                    issuer: match metadata.disable_issuer_identifier_verification {
                        true => ExpectedIssuer::Unchecked,
                        false => ExpectedIssuer::OfLocation,
                    },
                    allow_plain_http: context.dependencies.plain_http_endpoints,
                    lifetime: match http_cache {
                        Some(cache) if cache.enabled == Some(false) => Duration::ZERO,
                        cache => cache.and_then(|cache| cache.default_ttl).unwrap_or(METADATA_LIFETIME),
                    },
                };
                // The document is kept as it was understood, not as bytes: one cache is enough.
                let document = document::Endpoint { http_cache: None, ..document.clone() };
                let transport =
                    Transport::build_resolved(&document, resolved, &endpoint_context, diagnostics);
                let endpoint = Endpoint::build(&document, &endpoint_context, diagnostics);
                (endpoint?, Some(MetadataSettings { transport: Arc::new(transport?), settings }))
            }
        };
        let key = context.path.key(key).key("url").to_string();
        Some(Self { endpoint, metadata, is_per_issuer, place, key })
    }

    /// Whether the address differs from issuer to issuer.
    pub(in crate::mechanisms::authenticators) fn is_per_issuer(&self) -> bool {
        self.is_per_issuer
    }

    /// The public keys that the endpoint's owner checks our signatures with.
    pub(in crate::mechanisms::authenticators) fn published_keys(&self) -> Vec<PublishedKey> {
        let resolved = self.metadata.as_ref().map_or(&[][..], |metadata| metadata.transport.published_keys());
        self.endpoint.published_keys().iter().chain(resolved).cloned().collect()
    }

    /// Reports that issuers must be configured, for an address that is one for each.
    pub(in crate::mechanisms::authenticators) fn report_no_issuers(&self, diagnostics: &mut Diagnostics) {
        diagnostics.push(
            Diagnostic::error(
                Code::MissingKey,
                format!("`{}` reads `.TokenIssuer`, and `assertions.issuers` says nobody", self.key),
                &self.place,
            )
            .expected("the issuers that it may stand for in `assertions.issuers`")
            .hint("else everybody could name a place to call"),
        );
    }

    /// A connection, for this issuer if the address depends on it; `None` after an error was added to `diagnostics`.
    pub(in crate::mechanisms::authenticators) fn connect(
        &self,
        issuer: Option<&str>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Connection> {
        let data = TemplateData::of_token_issuer(issuer.unwrap_or_default());
        // The address can not depend on the time in a way that matters; calls render it again all the same.
        let uri = match self.endpoint.call(&data, UnixTime::from_seconds(0)) {
            Ok(call) => call.request.uri().clone(),
            Err(error) => {
                let whose = issuer.map(|issuer| format!(" for the issuer `{issuer}`")).unwrap_or_default();
                let headline = format!("`{}` gives no address{whose}: {error}", self.key);
                diagnostics.push(
                    Diagnostic::error(Code::BadTemplate, headline, &self.place).expected("an absolute URL"),
                );
                return None;
            }
        };
        let caller: Arc<dyn OutboundHttp> = Arc::new(Caller { endpoint: self.endpoint.clone(), data });
        Some(match &self.metadata {
            None => Connection { location: uri.into(), http: caller, discovery: None },
            Some(metadata) => {
                let discovery = Arc::new(Discovery::at(uri, caller, metadata.settings.clone()));
                let http = Arc::clone(&metadata.transport) as Arc<dyn OutboundHttp>;
                Connection { location: Arc::clone(&discovery).into(), http, discovery: Some(discovery) }
            }
        })
    }
}

/// Whether URL or headers depend on the issuer.
fn names_issuer(endpoint: &document::Endpoint) -> bool {
    let headers = endpoint.headers.iter().map(|(_, value)| value);
    std::iter::once(&endpoint.url).chain(headers).any(|template| template.value.contains(TOKEN_ISSUER))
}

/// Calls an endpoint of the configuration for somebody who knows nothing of its method and headers.
#[derive(Debug)]
struct Caller {
    endpoint: Endpoint,
    data: TemplateData,
}

impl OutboundHttp for Caller {
    fn send(&self, request: Request<Bytes>, now: UnixTime) -> OutboundFuture<'_> {
        Box::pin(async move {
            let mut call = self
                .endpoint
                .call(&self.data, now)
                .map_err(|error| OutboundError::NoCredentials(chain_of_causes(&error)))?;
            let (parts, body) = request.into_parts();
            *call.request.body_mut() = body;
            *call.request.extensions_mut() = parts.extensions;
            for (name, value) in &parts.headers {
                call.request.headers_mut().entry(name).or_insert_with(|| value.clone());
            }
            self.endpoint.send(call, now).await
        })
    }
}
