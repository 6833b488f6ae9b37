//! Endpoints that mechanisms call, ready to use: templates compiled, credentials resolved, a client with its limits.
//!
//! An [`Endpoint`] knows where a call goes and with which method and headers; its [`Transport`] knows how: authentication,
//! HTTP caching, and the client with timeout, size limit, retries and TLS settings. A transport is an
//! [`OutboundHttp`](resource_server::OutboundHttp) itself, so code that knows nothing of endpoints (the JWKS cache) can
//! send through one.
//!
//! Everything that can be wrong with the configuration is reported by [`Endpoint::build`].

mod answer;
mod authentication;
mod http_cache;
mod kept_answers;
mod transport;
mod url;

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, Uri};
use jose::UnixTime;
use resource_server::OutboundError;
use thiserror::Error;

pub(crate) use self::kept_answers::KeptAnswers;
pub use self::transport::Transport;
use self::url::UrlTemplate;
use crate::{
    cache::{Cache, CacheKeyBuilder},
    denial::DenialKind,
    document::{self, Diagnostics, KeyPath},
    mechanisms::step::{Failure, StepInput},
    outbound::OutboundClients,
    published_keys::PublishedKey,
    secrets::SecretStore,
    template::{BoundTemplate, OfferedNames, TemplateData, TemplateError, TemplatePlace},
};

/// What an endpoint is built from, beside its configuration.
#[derive(Debug, Clone)]
pub struct EndpointContext<'a> {
    /// Where credentials and `secret` in templates come from.
    pub secrets: &'a SecretStore,
    /// Makes the client.
    pub clients: &'a Arc<dyn OutboundClients>,
    /// Where answers are kept, with `http_cache`.
    pub cache: &'a Arc<dyn Cache>,
    /// Whether the endpoint may be `http`.
    pub allows_plain_http: bool,
    /// Whether the endpoint stands in a rule set.
    pub in_rule: bool,
    /// The way to the endpoint, for messages.
    pub path: KeyPath,
    /// The names that templates of URL and headers may read.
    pub offered: OfferedNames,
    /// The method unless configured.
    pub default_method: Method,
}

impl EndpointContext<'_> {
    /// The same with another method unless configured.
    #[must_use]
    pub fn with_method(self, method: Method) -> Self {
        Self { default_method: method, ..self }
    }

    fn template_place<'p>(&'p self, used_for: &'p str) -> TemplatePlace<'p> {
        TemplatePlace { used_for, offered: self.offered, secrets: self.secrets, in_rule: self.in_rule }
    }
}

/// An endpoint of the configuration, ready to be called. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Endpoint {
    url: UrlTemplate,
    method: Method,
    headers: Arc<[(HeaderName, BoundTemplate)]>,
    transport: Arc<Transport>,
}

/// Why a call can not be made, or had no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EndpointError {
    /// A template of the endpoint fails with this request's data.
    #[error("template of {used_for}: {error}")]
    Template {
        /// `url` or the header.
        used_for: String,
        /// Why.
        error: Box<TemplateError>,
    },
    /// What the URL's template rendered is no URL that may be called. The text is not shown: it may hold what a request
    /// brought.
    #[error("the rendered url {0}")]
    Url(&'static str),
    /// A rendered header can not be sent.
    #[error("the value of header `{0}` has characters that a header can not hold")]
    Header(HeaderName),
    /// No answer.
    #[error(transparent)]
    Outbound(#[from] OutboundError),
}

impl EndpointError {
    /// The failure of a step that needed the answer: a communication error, or an internal one if the configuration does not
    /// fit the request. `endpoint` names the endpoint for the log.
    #[must_use]
    pub fn into_failure(self, endpoint: &str) -> Failure {
        match self {
            Self::Outbound(error) => outbound_failure(&error, endpoint),
            Self::Template { .. } | Self::Url(_) | Self::Header(_) => {
                Failure::internal("bad_endpoint_call", format!("{endpoint}: {self}"))
            }
        }
    }
}

/// The failure of a step whose endpoint gave no answer. `endpoint` names the endpoint for the log.
#[must_use]
pub fn outbound_failure(error: &OutboundError, endpoint: &str) -> Failure {
    let detail = format!("{endpoint}: {error}");
    match error {
        OutboundError::TimedOut => Failure::new(
            DenialKind::CommunicationTimeout,
            "endpoint_timed_out",
            "a dependency does not answer in time",
            detail,
        ),
        _ => Failure::new(
            DenialKind::Communication,
            "endpoint_unavailable",
            "a dependency does not answer",
            detail,
        ),
    }
}

/// A call with everything rendered, not yet authenticated.
#[derive(Debug)]
pub struct EndpointCall {
    /// The request; its body is empty and may be set.
    pub request: Request<Bytes>,
    /// Templates that printed a value that is not there, for the log.
    pub notices: Vec<String>,
}

impl EndpointCall {
    /// Adds everything of the call to a cache key: method, URL, headers, body.
    #[must_use]
    pub fn add_to(&self, key: CacheKeyBuilder) -> CacheKeyBuilder {
        add_request(&self.request, key)
    }
}

impl Endpoint {
    /// Builds the endpoint. Everything that is wrong is added to `diagnostics`; `None` after an error.
    pub fn build(
        document: &document::Endpoint,
        context: &EndpointContext<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let url = UrlTemplate::build(&document.url, context, diagnostics);
        let headers: Vec<Option<_>> = document
            .headers
            .iter()
            .map(|(name, template)| {
                let used_for = format!("header `{}`", name.value);
                let place = context.template_place(&used_for);
                let template = BoundTemplate::compile(template, &place, diagnostics)?;
                // Names that are none were reported when the document was read.
                Some((HeaderName::from_bytes(name.value.as_bytes()).ok()?, template))
            })
            .collect();
        let headers: Option<Vec<_>> = headers.into_iter().collect();
        let method = match &document.method {
            Some(method) => Method::from_bytes(method.value.as_bytes()).ok(),
            None => Some(context.default_method.clone()),
        };
        let transport = Transport::build(document, context, diagnostics);
        Some(Self { url: url?, method: method?, headers: headers?.into(), transport: Arc::new(transport?) })
    }

    /// The URL, if it is the same for every call.
    #[must_use]
    pub fn fixed_url(&self) -> Option<&Uri> {
        self.url.fixed()
    }

    /// The method of the calls.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// How calls are sent. It adds authentication and caching, but not the endpoint's headers: those are templates.
    #[must_use]
    pub fn transport(&self) -> &Arc<Transport> {
        &self.transport
    }

    /// The public keys that the endpoint's owner checks our signatures with.
    #[must_use]
    pub fn published_keys(&self) -> &[PublishedKey] {
        self.transport.published_keys()
    }

    /// Whether a template of URL or headers looks into the request's body, which must be read before a call is made.
    #[must_use]
    pub fn reads_body(&self) -> bool {
        self.url.reads_body() || self.headers.iter().any(|(_, template)| template.reads_body())
    }

    /// Renders URL and headers.
    ///
    /// # Errors
    ///
    /// An [`EndpointError`] when a template fails or gives something that can not be sent.
    pub fn call(&self, data: &TemplateData, now: UnixTime) -> Result<EndpointCall, EndpointError> {
        let mut notices = Vec::new();
        let mut render = |template: &BoundTemplate, used_for: &str| {
            let rendered = template.render(data, now).map_err(|error| EndpointError::Template {
                used_for: used_for.to_owned(),
                error: error.into(),
            })?;
            notices.extend(
                rendered
                    .missing_value
                    .map(|place| format!("template of {used_for} printed `<no value>` ({place})")),
            );
            Ok::<_, EndpointError>(rendered.text)
        };
        let mut request = Request::new(Bytes::new());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.url.render(&mut render)?;
        for (name, template) in &*self.headers {
            let text = render(template, &format!("header `{name}`"))?;
            let text = text.trim_matches([' ', '\t', '\n']);
            if text.is_empty() {
                continue;
            }
            let is_text = !text.chars().any(|character| character.is_control() && character != '\t');
            let value = HeaderValue::from_str(text).ok().filter(|_| is_text);
            let mut value = value.ok_or_else(|| EndpointError::Header(name.clone()))?;
            value.set_sensitive(true);
            request.headers_mut().append(name.clone(), value);
        }
        Ok(EndpointCall { request, notices })
    }

    /// [`Endpoint::call`] for a step: notices go to the step's.
    ///
    /// # Errors
    ///
    /// An internal failure; `endpoint` names the endpoint in it.
    pub fn call_for_step(
        &self,
        input: &StepInput<'_>,
        data: &TemplateData,
        endpoint: &str,
    ) -> Result<EndpointCall, Failure> {
        let mut call = self.call(data, input.now).map_err(|error| error.into_failure(endpoint))?;
        call.notices.drain(..).for_each(|line| input.notices.add(line));
        Ok(call)
    }

    /// Sends a call. Any status is an answer.
    ///
    /// # Errors
    ///
    /// An [`OutboundError`] when there is none.
    pub async fn send(&self, call: EndpointCall, now: UnixTime) -> Result<Response<Bytes>, OutboundError> {
        self.transport.send_request(call.request, now).await
    }
}

/// Adds a request to a cache key: method, URL, headers in order of their names, body.
fn add_request(request: &Request<Bytes>, key: CacheKeyBuilder) -> CacheKeyBuilder {
    let mut headers: Vec<(&str, &[u8])> =
        request.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    // A stable sort: values of one name keep their order.
    headers.sort_by_key(|(name, _)| *name);
    key.part(request.method().as_str())
        .part(request.uri().to_string())
        .parts(headers.iter().flat_map(|(name, value)| [name.as_bytes(), value]))
        .part(request.body())
}
