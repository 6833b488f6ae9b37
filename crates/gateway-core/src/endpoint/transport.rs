//! How calls to an endpoint are sent: from the HTTP cache, else authenticated and through the endpoint's client.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use jose::UnixTime;
use resource_server::{OutboundError, OutboundFuture, OutboundHttp};

use super::{
    EndpointContext,
    authentication::Authentication,
    http_cache::{Found, HttpCache},
};
use crate::{
    cache::CacheKey,
    document::{self, Code, Diagnostic, Diagnostics, EndpointTls, SecretReference},
    outbound::{ClientCertificate, ClientError, ClientSettings, RetrySettings},
    published_keys::PublishedKey,
};

/// Sends requests to an endpoint: any URL of it, with its authentication, caching, limits and trust.
#[derive(Debug)]
pub struct Transport {
    http: Arc<dyn OutboundHttp>,
    authentication: Option<Authentication>,
    cache: Option<HttpCache>,
}

impl Transport {
    /// The transport of an endpoint; `None` after an error was added to `diagnostics`.
    pub fn build(
        document: &document::Endpoint,
        context: &EndpointContext<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let retry = document.retry.as_ref().map(|retry| &retry.value);
        let http_cache = document.http_cache.as_ref().map(|cache| &cache.value);
        let auth = document.auth.as_ref().map(|auth| &auth.value);
        Self::of_parts(document, retry, http_cache, auth, context, diagnostics)
    }

    /// The transport of an endpoint whose URL stands in a discovery document: limits and TLS are those of the document's own
    /// endpoint, all else is what `resolved_endpoints` says. `None` after an error was added to `diagnostics`.
    pub fn build_resolved(
        discovery: &document::Endpoint,
        resolved: Option<&document::ResolvedEndpoint>,
        context: &EndpointContext<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let retry = resolved.and_then(|resolved| resolved.retry.as_ref());
        let http_cache = resolved.and_then(|resolved| resolved.http_cache.as_ref());
        let auth = resolved.and_then(|resolved| resolved.auth.as_ref());
        Self::of_parts(discovery, retry, http_cache, auth, context, diagnostics)
    }

    fn of_parts(
        document: &document::Endpoint,
        retry: Option<&document::EndpointRetry>,
        http_cache: Option<&document::EndpointHttpCache>,
        auth: Option<&document::EndpointAuthentication>,
        context: &EndpointContext<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let settings = client_settings(document, retry, context, diagnostics);
        let authentication = match auth {
            None => Some(None),
            Some(auth) => Authentication::build(auth, context, diagnostics).map(Some),
        };
        let http = settings.and_then(|settings| {
            let client = context.clients.client(&settings);
            client.map_err(|error| report_client(&error, document, context, diagnostics)).ok()
        });
        let authentication = authentication?;
        let identity = authentication.as_ref().map(Authentication::identity);
        let cache = HttpCache::build(http_cache, context, identity);
        Some(Self { http: http?, authentication, cache })
    }

    /// The public keys of message signatures.
    #[must_use]
    pub fn published_keys(&self) -> &[PublishedKey] {
        self.authentication.as_ref().map_or(&[], Authentication::published_keys)
    }

    /// What tells the endpoint's credentials from others, for cache keys; `None` without any.
    pub(super) fn identity(&self) -> Option<CacheKey> {
        self.authentication.as_ref().map(Authentication::identity)
    }

    /// Sends a request. Any status is an answer.
    ///
    /// # Errors
    ///
    /// An [`OutboundError`] when there is none.
    pub async fn send_request(
        &self,
        mut request: Request<Bytes>,
        now: UnixTime,
    ) -> Result<Response<Bytes>, OutboundError> {
        const ACCEPT: HeaderValue = HeaderValue::from_static("application/json, */*;q=0.8");
        request.headers_mut().entry(header::ACCEPT).or_insert(ACCEPT);
        let Some(cache) = self.cache.as_ref().filter(|_| HttpCache::applies_to(&request)) else {
            return self.call(request, now).await;
        };
        match cache.find(&request, now).await {
            Found::Answer(answer) => Ok(answer),
            Found::Nothing(key) => cache.fetch(key, request, now, |request| self.call(request, now)).await,
        }
    }

    async fn call(
        &self,
        mut request: Request<Bytes>,
        now: UnixTime,
    ) -> Result<Response<Bytes>, OutboundError> {
        let Some(authentication) = &self.authentication else { return self.http.send(request, now).await };
        authentication.apply(&mut request, now).await?;
        let answer = self.http.send(request, now).await?;
        if answer.status() == StatusCode::UNAUTHORIZED {
            authentication.was_refused();
        }
        Ok(answer)
    }
}

impl OutboundHttp for Transport {
    fn send(&self, request: Request<Bytes>, now: UnixTime) -> OutboundFuture<'_> {
        Box::pin(self.send_request(request, now))
    }
}

fn client_settings(
    document: &document::Endpoint,
    retry: Option<&document::EndpointRetry>,
    context: &EndpointContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<ClientSettings> {
    let nothing = EndpointTls { ca: None, certificate: None };
    let tls = document.tls.as_ref().map_or(&nothing, |tls| &tls.value);
    let path = context.path.key("tls");
    let mut report = |error: &crate::secrets::SecretError, reference: &SecretReference, key: &str| {
        error.report(reference, &path.key(key).to_string(), diagnostics);
    };
    let trust_anchors = match &tls.ca {
        None => Some(None),
        Some(reference) => context
            .secrets
            .certificates(&reference.source.value)
            .map_err(|error| report(&error, reference, "ca"))
            .ok()
            .map(|certificates| Some(certificates.to_vec())),
    };
    let certificate = match &tls.certificate {
        None => Some(None),
        Some(reference) => context
            .secrets
            .certified_key(&reference.source.value, reference.selector())
            .map_err(|error| report(&error, reference, "certificate"))
            .ok()
            .map(|key| Some(ClientCertificate { chain: key.certificates.clone(), key: key.key })),
    };
    Some(ClientSettings {
        timeout: document.timeout,
        max_response_bytes: usize::try_from(document.max_response_size).unwrap_or(usize::MAX),
        retry: retry
            .map(|retry| RetrySettings { give_up_after: retry.give_up_after, max_delay: retry.max_delay }),
        trust_anchors: trust_anchors?,
        certificate: certificate?,
    })
}

fn report_client(
    error: &ClientError,
    document: &document::Endpoint,
    context: &EndpointContext<'_>,
    diagnostics: &mut Diagnostics,
) {
    let place = document.tls.as_ref().map_or(&document.place, |tls| &tls.place);
    let headline = format!("`{}`: {error}", context.path.key("tls"));
    diagnostics.push(Diagnostic::error(Code::WrongSecretKind, headline, place));
}
