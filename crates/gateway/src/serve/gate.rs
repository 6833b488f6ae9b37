//! The gate of every mode: takes a request in, lets the engine decide, answers refusals, writes the access event.
//!
//! The modes differ in one thing only, what becomes of a permitted request: that is what [`OnPermit`] says.

use std::{
    future::{Future, poll_fn},
    net::SocketAddr,
    pin::pin,
    sync::Arc,
    time::Duration,
};

use gateway_core::{
    decision::{Decision, Permit},
    denial::Denial,
    request::Request,
    request_body::RequestBody,
};
use http::{Response, StatusCode, Version, request::Parts};
use hyper::{body::Incoming, upgrade::OnUpgrade};
use opentelemetry::Context;
use prometheus::IntGauge;

use super::{
    body::{ClientBody, ResponseBody},
    connection::{Connection, Handler, OpenConnection},
    cors::Cors,
    error_response,
    http_checks::HttpRefusal,
    intake::Intake,
};
use crate::{
    clock::Clock,
    reload::Engine,
    telemetry::{
        Telemetry,
        watch::{self, RequestWatch, Told},
    },
};

/// A mode: what becomes of a permitted request.
pub(crate) trait OnPermit: Send + Sync + 'static {
    /// The mode's name in the log.
    const NAME: &'static str;
    /// Whether rules may look into bodies: only where the body is the client's and on its way to the upstream.
    const READS_BODIES: bool;

    /// The answer to a permitted request.
    fn answer(
        &self,
        permit: Box<Permit>,
        arrived: Arrived<'_>,
        watch: &mut RequestWatch,
    ) -> impl Future<Output = Response<ResponseBody>> + Send;
}

/// A request as it arrived on its connection, whatever proxies in front say about it.
pub(crate) struct Arrived<'a> {
    /// The version of HTTP it was sent in.
    pub(crate) version: Version,
    /// What becomes of its connection if it asks for another protocol.
    pub(crate) upgrade: Option<OnUpgrade>,
    /// The body, as far as no rule has read it still with the client.
    pub(crate) body: Arc<ClientBody>,
    /// The connection.
    pub(crate) connection: &'a Connection,
}

/// The listener of `keybound serve`.
pub(crate) struct Gate<M> {
    /// Reads requests.
    pub(crate) intake: Intake,
    /// Answers preflights and tells browsers what scripts may read, where that is configured.
    pub(crate) cors: Option<Cors>,
    /// Decides, with the rules of the moment.
    pub(crate) engine: Arc<Engine>,
    /// The time at which it decides.
    pub(crate) clock: Clock,
    /// Longest gap between two pieces of a request's body.
    pub(crate) body_gap: Duration,
    /// What is counted and traced.
    pub(crate) telemetry: Arc<Telemetry>,
    /// What is told about each request.
    pub(crate) told: Told,
    /// Open connections of the listener.
    pub(crate) connections: IntGauge,
    /// What becomes of permitted requests.
    pub(crate) mode: M,
}

impl<M: OnPermit> Handler for Gate<M> {
    async fn handle(
        self: Arc<Self>,
        request: http::Request<Incoming>,
        connection: Connection,
    ) -> Response<ResponseBody> {
        let (parts, body) = request.into_parts();
        let mut watch = RequestWatch::begin(&self.telemetry, self.told, M::NAME, &parts, &connection);
        let context = watch.context();
        let response = {
            let mut answering = pin!(self.answer(parts, body, &connection, &mut watch));
            poll_fn(|polling| {
                let _current = context.clone().map(Context::attach);
                answering.as_mut().poll(polling)
            })
            .await
        };
        watch.end(response.status());
        response
    }

    fn unreadable(&self, peer: SocketAddr, status: StatusCode) {
        watch::unreadable(&self.telemetry, self.told, M::NAME, peer, status);
    }

    fn opened(&self) -> Option<OpenConnection> {
        Some(OpenConnection::new(&self.connections))
    }
}

impl<M: OnPermit> Gate<M> {
    async fn answer(
        &self,
        mut parts: Parts,
        body: Incoming,
        connection: &Connection,
        watch: &mut RequestWatch,
    ) -> Response<ResponseBody> {
        let asking = self.cors.as_ref().map(|cors| (cors, Cors::asking(&parts)));
        let preflight = self.cors.as_ref().and_then(|cors| cors.preflight(&parts));
        let mut response = match self.intake.request(&mut parts, connection) {
            Err(refusal) => refuse_http(refusal, watch),
            Ok(mut request) => {
                watch.asked_for(&request);
                if let Some(preflight) = preflight {
                    watch.is_preflight();
                    return preflight;
                }
                let body = Arc::new(ClientBody::new(body, self.body_gap, self.intake.max_body_bytes));
                if M::READS_BODIES {
                    request.body = RequestBody::new(Arc::clone(&body) as _);
                }
                let upgrade = parts.extensions.remove();
                let arrived = Arrived { version: parts.version, upgrade, body, connection };
                self.decide(request, arrived, watch).await
            }
        };
        if let Some((cors, asking)) = asking {
            cors.tell(&asking, response.headers_mut());
        }
        response
    }

    async fn decide(
        &self,
        request: Request,
        arrived: Arrived<'_>,
        watch: &mut RequestWatch,
    ) -> Response<ResponseBody> {
        match self.engine.decide(request, self.clock.now()).await {
            Decision::Denial(denial) => refuse(*denial, watch),
            Decision::Permit(permit) => {
                watch.permitted(&permit);
                for notice in &permit.notices {
                    tracing::warn!(rule = &*permit.rule_id, notice, "request permitted with a notice");
                }
                self.mode.answer(permit, arrived, watch).await
            }
        }
    }
}

fn refuse_http(refusal: HttpRefusal, watch: &mut RequestWatch) -> Response<ResponseBody> {
    watch.refused("bad_request", refusal.as_str());
    tracing::debug!(%refusal, "request refused");
    error_response::http_refusal(refusal)
}

fn refuse(denial: Denial, watch: &mut RequestWatch) -> Response<ResponseBody> {
    watch.denied(&denial);
    let rule = denial.rule_id.as_deref().unwrap_or("-");
    if denial.kind.is_fault() {
        tracing::error!(rule, kind = denial.kind.as_str(), detail = denial.detail, "request not decided");
    } else {
        tracing::debug!(rule, kind = denial.kind.as_str(), detail = denial.detail, "request refused");
    }
    error_response::denial(denial)
}
