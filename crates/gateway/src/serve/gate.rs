//! The gate of every mode: takes a request in, lets the engine decide, answers refusals, writes the access event.
//!
//! The modes differ in one thing only, what becomes of a permitted request: that is what [`OnPermit`] says.

use std::{future::Future, sync::Arc, time::Duration};

use gateway_core::{
    decision::{Decision, Permit},
    denial::Denial,
    request::Request,
    request_body::RequestBody,
};
use http::{Response, request::Parts};
use hyper::body::Incoming;
use tokio::time::Instant;

use super::{
    body::{ClientBody, ResponseBody},
    connection::{Connection, Handler},
    cors::Cors,
    error_response,
    http_checks::HttpRefusal,
    intake::Intake,
};
use crate::{
    clock,
    reload::Engine,
    telemetry::access::{AccessEvent, Outcome},
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
        permit: Permit,
        arrived: Arrived<'_>,
        event: &mut AccessEvent,
    ) -> impl Future<Output = Response<ResponseBody>> + Send;
}

/// A request as it arrived on its connection, whatever proxies in front say about it.
pub(crate) struct Arrived<'a> {
    /// The head.
    pub(crate) parts: Parts,
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
    /// Longest gap between two pieces of a request's body.
    pub(crate) body_gap: Duration,
    /// Whether an access event is written for each request.
    pub(crate) access_log: bool,
    /// What becomes of permitted requests.
    pub(crate) mode: M,
}

impl<M: OnPermit> Handler for Gate<M> {
    async fn handle(
        self: Arc<Self>,
        request: http::Request<Incoming>,
        connection: Connection,
    ) -> Response<ResponseBody> {
        let start = Instant::now();
        let (parts, body) = request.into_parts();
        let mut event = AccessEvent::new(M::NAME, &parts, connection.peer);
        let asking = self.cors.as_ref().map(|cors| (cors, Cors::asking(&parts)));
        let mut response = match self.intake.request(&parts, &connection) {
            Err(refusal) => refuse_http(refusal, &mut event),
            Ok(mut request) => {
                event.asked_for(&request);
                if let Some(preflight) = self.cors.as_ref().and_then(|cors| cors.preflight(&parts)) {
                    event.permitted("-");
                    return self.told(&event, preflight, start);
                }
                let body = Arc::new(ClientBody::new(body, self.body_gap, self.intake.max_body_bytes));
                if M::READS_BODIES {
                    request.body = RequestBody::new(Arc::clone(&body) as _);
                }
                let arrived = Arrived { parts, body, connection: &connection };
                self.decide(request, arrived, &mut event).await
            }
        };
        if let Some((cors, asking)) = asking {
            cors.tell(&asking, response.headers_mut());
        }
        self.told(&event, response, start)
    }
}

impl<M: OnPermit> Gate<M> {
    /// An answer, once the log has its access event.
    fn told(
        &self,
        event: &AccessEvent,
        response: Response<ResponseBody>,
        start: Instant,
    ) -> Response<ResponseBody> {
        if self.access_log {
            event.write(response.status(), start.elapsed());
        }
        response
    }

    async fn decide(
        &self,
        request: Request,
        arrived: Arrived<'_>,
        event: &mut AccessEvent,
    ) -> Response<ResponseBody> {
        match self.engine.decide(request, clock::now()).await {
            Decision::Denial(denial) => refuse(*denial, event),
            Decision::Permit(permit) => {
                event.permitted(&permit.rule_id);
                for notice in &permit.notices {
                    tracing::warn!(rule = permit.rule_id, notice, "request permitted with a notice");
                }
                self.mode.answer(*permit, arrived, event).await
            }
        }
    }
}

fn refuse_http(refusal: HttpRefusal, event: &mut AccessEvent) -> Response<ResponseBody> {
    event.denied(&Outcome { rule: None, kind: "bad_request", reason: refusal.as_str() });
    tracing::debug!(%refusal, "request refused");
    error_response::http_refusal(refusal)
}

fn refuse(denial: Denial, event: &mut AccessEvent) -> Response<ResponseBody> {
    event.denied(&Outcome {
        rule: denial.rule_id.as_deref(),
        kind: denial.kind.as_str(),
        reason: denial.reason,
    });
    let rule = denial.rule_id.as_deref().unwrap_or("-");
    if denial.kind.is_fault() {
        tracing::error!(rule, kind = denial.kind.as_str(), detail = denial.detail, "request not decided");
    } else {
        tracing::debug!(rule, kind = denial.kind.as_str(), detail = denial.detail, "request refused");
    }
    error_response::denial(denial)
}
