//! One access event per request.
//!
//! Fields: `mode`, `method`, `host`, `path` (without query: people put tokens there), `client`, `rule`, `decision`
//! (`permit` or `denial`), `denial` (its kind), `reason` (the check that refused, or why a permitted request got no
//! answer), `status`, `duration_ms`. Never a token, proof, nonce or header value.

use std::{net::SocketAddr, time::Duration};

use gateway_core::request::Request;
use http::{StatusCode, request::Parts};

use super::log::ACCESS;

/// A refusal as the access log names it.
pub(crate) struct Outcome<'a> {
    /// The rule, if one was reached.
    pub(crate) rule: Option<&'a str>,
    /// The kind of the refusal.
    pub(crate) kind: &'static str,
    /// The check that refused.
    pub(crate) reason: &'static str,
}

/// Collects what is to be said about one request.
pub(crate) struct AccessEvent {
    mode: &'static str,
    method: String,
    host: String,
    path: String,
    client: String,
    rule: String,
    decision: &'static str,
    denial: &'static str,
    reason: &'static str,
}

impl AccessEvent {
    /// Starts with what the socket says.
    pub(crate) fn new(mode: &'static str, parts: &Parts, peer: SocketAddr) -> Self {
        Self {
            mode,
            method: parts.method.as_str().to_owned(),
            host: String::new(),
            path: parts.uri.path().to_owned(),
            client: peer.ip().to_canonical().to_string(),
            rule: "-".to_owned(),
            decision: "denial",
            denial: "",
            reason: "",
        }
    }

    /// The request as the client sent it to the first proxy.
    pub(crate) fn asked_for(&mut self, request: &Request) {
        self.method = request.method.as_str().to_owned();
        self.host = request.uri.host().to_owned();
        self.path = request.uri.path().to_owned();
        if let Some(client) = request.client_addresses.first() {
            self.client.clone_from(client);
        }
    }

    /// The request may pass.
    pub(crate) fn permitted(&mut self, rule: &str) {
        self.decision = "permit";
        rule.clone_into(&mut self.rule);
    }

    /// The request is refused.
    pub(crate) fn denied(&mut self, outcome: &Outcome<'_>) {
        self.decision = "denial";
        outcome.rule.unwrap_or("-").clone_into(&mut self.rule);
        self.denial = outcome.kind;
        self.reason = outcome.reason;
    }

    /// The request may pass, and got no answer.
    pub(crate) fn failed(&mut self, reason: &'static str) {
        self.reason = reason;
    }

    /// The rule so far, `-` if there is none.
    pub(crate) fn rule(&self) -> &str {
        &self.rule
    }

    /// Writes the event, whatever the log level is.
    pub(crate) fn write(&self, status: StatusCode, duration: Duration) {
        let duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        tracing::info!(
            target: ACCESS,
            mode = self.mode,
            method = self.method,
            host = self.host,
            path = self.path,
            client = self.client,
            rule = self.rule,
            decision = self.decision,
            denial = self.denial,
            reason = self.reason,
            status = status.as_u16(),
            duration_ms,
            "request"
        );
    }
}
