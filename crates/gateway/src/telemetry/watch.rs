//! Watches one request from its head to the head of its answer: the span, the access event, the metrics.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use gateway_core::{decision::Permit, denial::Denial, request::Request};
use http::{Method, StatusCode, request::Parts};
use tokio::time::Instant;

use super::{Telemetry, access::AccessEvent, trace::RequestTrace};
use crate::serve::connection::Connection;

/// The status of a request whose client did not wait for the answer. No client ever sees it.
const CLIENT_GONE: u16 = 499;

/// Which of the things that may be told about each request are told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told {
    /// `log.access_log_enabled`: the access event.
    pub(crate) access_log: bool,
    /// `metrics.cover_rules`: how long each rule takes.
    pub(crate) rule_durations: bool,
}

/// A request that is watched. Dropping it before [`RequestWatch::end`] says that its client is gone.
pub(crate) struct RequestWatch {
    telemetry: Arc<Telemetry>,
    told: Told,
    trace: RequestTrace,
    /// What the access event will say.
    pub(crate) event: AccessEvent,
    /// The method on the wire, for the metrics: behind a proxy the event has that of the client.
    method: Method,
    start: Instant,
    has_ended: bool,
}

impl RequestWatch {
    /// Begins to watch a request as it arrived.
    pub(crate) fn begin(
        telemetry: &Arc<Telemetry>,
        told: Told,
        mode: &'static str,
        parts: &Parts,
        connection: &Connection,
    ) -> Self {
        telemetry.metrics.active_requests.inc();
        Self {
            trace: telemetry.tracing.request(mode, parts),
            telemetry: Arc::clone(telemetry),
            told,
            event: AccessEvent::new(mode, parts, connection.peer, told.access_log),
            method: parts.method.clone(),
            start: Instant::now(),
            has_ended: false,
        }
    }

    /// To be current while the request is worked on; `None` if it belongs to no trace.
    pub(crate) fn context(&self) -> Option<opentelemetry::Context> {
        self.trace.context()
    }

    /// What the client asked for.
    pub(crate) fn asked_for(&mut self, request: &Request) {
        self.event.asked_for(request, self.told.access_log);
        self.trace.asked_for(request);
    }

    /// It may pass.
    pub(crate) fn permitted(&mut self, permit: &Permit) {
        self.event.permitted(permit);
        self.telemetry.metrics.permitted(permit);
        self.rule_executed();
    }

    /// It is refused.
    pub(crate) fn denied(&mut self, denial: &Denial) {
        self.event.denied(denial);
        self.telemetry.metrics.denied(denial);
        self.rule_executed();
    }

    /// It asks what a script may ask (CORS), and no rule is looked for.
    pub(crate) fn is_preflight(&mut self) {
        self.event.is_preflight();
        self.telemetry.metrics.decided(self.event.decision(), self.event.reason());
    }

    /// It is refused before any rule was looked for.
    pub(crate) fn refused(&mut self, kind: &'static str, reason: &'static str) {
        self.event.refused(kind, reason);
        self.telemetry.metrics.decided(kind, reason);
    }

    /// It is answered.
    pub(crate) fn end(mut self, status: StatusCode) {
        self.end_with(status);
    }

    fn rule_executed(&self) {
        if self.told.rule_durations && self.event.has_rule() {
            let (rule, set) = (self.event.rule(), self.event.rule_set());
            self.telemetry.metrics.rule_executed(rule, set, self.start.elapsed());
        }
    }

    fn end_with(&mut self, status: StatusCode) {
        self.has_ended = true;
        let duration = self.start.elapsed();
        self.telemetry.metrics.active_requests.dec();
        self.telemetry.metrics.request(&self.method, status, duration);
        self.trace.end(&self.event, status);
        if self.told.access_log {
            self.event.write(status, duration, self.trace.ids());
        }
    }
}

/// Tells about bytes that are no HTTP: counted as refused, with an access event that knows the address only.
pub(crate) fn unreadable(
    telemetry: &Telemetry,
    told: Told,
    mode: &'static str,
    peer: SocketAddr,
    status: StatusCode,
) {
    let mut event = AccessEvent::of_peer(mode, peer);
    event.refused("bad_request", "no_http");
    telemetry.metrics.decided("bad_request", "no_http");
    if told.access_log {
        event.write(status, Duration::ZERO, None);
    }
}

impl Drop for RequestWatch {
    fn drop(&mut self) {
        if !self.has_ended {
            self.event.failed("client_gone");
            self.end_with(StatusCode::from_u16(CLIENT_GONE).unwrap_or(StatusCode::BAD_REQUEST));
        }
    }
}
