//! Proxy mode: a permitted request goes to the upstream of its rule, and the upstream's answer to the client.

use std::sync::Arc;

use gateway_core::{decision::Permit, denial::DenialKind, respond::RefusalText, rules::rule::Scheme};
use http::{HeaderMap, HeaderValue, Response, StatusCode, Uri, header};
use tokio::time::Instant;

use super::{
    body::{BodyProgress, RequestBody, ResponseBody},
    connection::Shutdown,
    error_response,
    forward::{self, ForwardError},
    gate::{Arrived, OnPermit},
    upgrade,
    upstream::{Origin, UpstreamBody, UpstreamClient, UpstreamError},
};
use crate::{
    reload::Engine,
    telemetry::{Telemetry, access::AccessEvent, trace::CallTrace, watch::RequestWatch},
};

/// What `keybound serve proxy` does with permitted requests.
pub(crate) struct Proxy {
    /// Shapes the answer to a request that did not get through.
    pub(crate) engine: Arc<Engine>,
    /// Counts and traces the calls to upstreams.
    pub(crate) telemetry: Arc<Telemetry>,
    /// Connections to upstreams.
    pub(crate) upstream: UpstreamClient,
    /// Whether rules may lead to upstreams over plain http (`--insecure-skip-upstream-tls-enforcement`).
    pub(crate) plain_http_upstreams: bool,
    /// Waits for upgraded connections.
    pub(crate) shutdown: Shutdown,
}

impl OnPermit for Proxy {
    const NAME: &'static str = "proxy";
    const READS_BODIES: bool = true;

    async fn answer(
        &self,
        permit: Box<Permit>,
        arrived: Arrived<'_>,
        watch: &mut RequestWatch,
    ) -> Response<ResponseBody> {
        let accept: Vec<HeaderValue> =
            permit.request.headers.get_all(header::ACCEPT).iter().cloned().collect();
        match self.forward(permit, arrived).await {
            Ok(response) => response,
            Err(error) => self.fail(&error, accept, &mut watch.event),
        }
    }
}

impl Proxy {
    /// Only a [`Permit`] is forwarded.
    async fn forward(
        &self,
        mut permit: Box<Permit>,
        arrived: Arrived<'_>,
    ) -> Result<Response<ResponseBody>, ProxyError> {
        let Arrived { version, upgrade: client, body, connection } = arrived;
        let mut upstream = permit.upstream.take().ok_or(ProxyError::NoUpstream)?;
        // A rule without a scheme of its own takes that of the request, which only shows now.
        if upstream.scheme == Scheme::Http && !self.plain_http_upstreams {
            return Err(ProxyError::PlainHttp);
        }
        let websocket = forward::asks_for_websocket(version, &permit.request.headers);
        let (target, mut headers) = forward::upstream_head(&mut permit, &mut upstream, websocket)?;
        let method = permit.request.method.as_str();
        let trace = self.telemetry.tracing.call("upstream", method, &upstream.authority);
        trace.inject(&mut headers);
        let (body, progress) = body.forward().await;
        // On the heap, so that it is not copied with every future that it passes through.
        let mut outgoing = Box::new(http::Request::new(body));
        *outgoing.method_mut() = permit.request.method.clone();
        *outgoing.uri_mut() = Uri::from(target);
        *outgoing.headers_mut() = headers;

        let origin = Origin { is_https: upstream.scheme == Scheme::Https, authority: &upstream.authority };

        let mut response = self.send(origin, outgoing, websocket, &progress, trace).await?;
        let agreed = upgrade::is_agreed(&response);
        if response.status() == StatusCode::SWITCHING_PROTOCOLS && !(agreed && websocket) {
            return Err(ProxyError::UnwantedUpgrade);
        }
        let mut answer = Response::new(ResponseBody::empty());
        *answer.status_mut() = response.status();
        *answer.headers_mut() = std::mem::take(response.headers_mut());
        forward::client_headers(answer.headers_mut(), &permit.response_headers);
        if agreed {
            let client = client.ok_or(ProxyError::UnwantedUpgrade)?;
            return Ok(upgrade::join(client, response, answer, connection, &self.shutdown));
        }
        Ok(answer.map(|_| ResponseBody::Upstream(response.into_body())))
    }

    /// Sends the request, counted and traced until the head of the answer.
    async fn send(
        &self,
        origin: Origin<'_>,
        request: Box<http::Request<RequestBody>>,
        websocket: bool,
        progress: &Arc<BodyProgress>,
        trace: CallTrace,
    ) -> Result<Response<UpstreamBody>, UpstreamError> {
        let start = Instant::now();
        let answer = self.upstream.send(origin, request, websocket, progress).await;
        let outcome = match &answer {
            Ok(answer) => Ok(answer.status()),
            Err(UpstreamError::ClientBody(_)) => Err("client_body"),
            Err(UpstreamError::Failed(_)) => Err("failed"),
            Err(UpstreamError::TimedOut) => Err("timed_out"),
            Err(UpstreamError::Busy) => Err("busy"),
        };
        self.telemetry.metrics.upstream_call(outcome, start.elapsed());
        trace.end(outcome);
        answer
    }

    /// The answer to a permitted request that did not get through, in one of the formats that the client accepts.
    fn fail(
        &self,
        error: &ProxyError,
        accept: Vec<HeaderValue>,
        event: &mut AccessEvent,
    ) -> Response<ResponseBody> {
        let (kind, reason, public) = match error {
            ProxyError::Upstream(UpstreamError::ClientBody(body)) => {
                event.failed("client_body");
                tracing::debug!(rule = event.rule(), %error, "request not forwarded");
                return error_response::body_error(*body);
            }
            ProxyError::Upstream(UpstreamError::Busy) => {
                event.failed("upstream_busy");
                tracing::warn!(rule = event.rule(), %error, "request not forwarded");
                return error_response::busy();
            }
            ProxyError::Upstream(UpstreamError::Failed(_)) | ProxyError::UnwantedUpgrade => {
                (DenialKind::Communication, "upstream_failed", "the upstream can not be reached")
            }
            ProxyError::Upstream(UpstreamError::TimedOut) => (
                DenialKind::CommunicationTimeout,
                "upstream_timed_out",
                "the upstream did not answer in time",
            ),
            ProxyError::NoUpstream => (DenialKind::Internal, "no_upstream", "nowhere to forward to"),
            ProxyError::PlainHttp => (DenialKind::Internal, "plain_http_upstream", "nowhere to forward to"),
            ProxyError::Forward(_) => (DenialKind::Internal, "bad_rewrite", "nowhere to forward to"),
        };
        event.failed(reason);
        tracing::error!(rule = event.rule(), %error, "request not forwarded");
        let text = RefusalText { kind, reason, public, detail: String::new() };
        let mut headers = HeaderMap::new();
        for value in accept {
            headers.append(header::ACCEPT, value);
        }
        error_response::denial(self.engine.refuse(event.rule(), text, &headers))
    }
}

/// Why a permitted request got no answer from its upstream.
#[derive(Debug, thiserror::Error)]
enum ProxyError {
    /// The default rule, or a rule without `forward_to`, let the request pass.
    #[error("the rule has no upstream")]
    NoUpstream,
    /// The upstream would be asked over plain http, which is not allowed.
    #[error(
        "the upstream would be asked over plain http, which --insecure-skip-upstream-tls-enforcement allows"
    )]
    PlainHttp,
    /// The rule's rewriting failed.
    #[error(transparent)]
    Forward(#[from] ForwardError),
    /// No answer.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// The upstream wants to speak a protocol nobody asked for.
    #[error("the upstream switched protocols without being asked")]
    UnwantedUpgrade,
}
