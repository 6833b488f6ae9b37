//! One access event per request.
//!
//! `docs/operations.md` says what each field means, and a test compares the page with [`AccessEvent::write`]. The path is
//! without its query: people put tokens there. Never a token, proof, nonce or other header value.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use gateway_core::{
    audit::{Audit, ProofOutcome},
    decision::Permit,
    denial::Denial,
    request::Request,
};
use http::{Method, StatusCode, request::Parts};

use super::{
    log::ACCESS,
    trace::{TraceIds, http_version},
};

/// Collects what is to be said about one request.
pub(crate) struct AccessEvent {
    mode: &'static str,
    peer: IpAddr,
    /// What trusted proxies say about the client, else the peer once more.
    client: Option<String>,
    method: Option<Method>,
    scheme: String,
    host: String,
    path: String,
    http_version: &'static str,
    rule: Option<Arc<str>>,
    rule_set: Option<Arc<str>>,
    decision: &'static str,
    denial: &'static str,
    reason: &'static str,
    audit: Audit,
}

impl AccessEvent {
    /// Starts with what the socket says. What only the log names is left out unless the event `is_written`.
    pub(crate) fn new(mode: &'static str, parts: &Parts, peer: SocketAddr, is_written: bool) -> Self {
        Self {
            method: Some(parts.method.clone()),
            path: if is_written { parts.uri.path().to_owned() } else { String::new() },
            http_version: http_version(parts.version),
            ..Self::of_peer(mode, peer)
        }
    }

    /// Knows nothing but where the bytes came from.
    pub(crate) fn of_peer(mode: &'static str, peer: SocketAddr) -> Self {
        Self {
            mode,
            peer: peer.ip().to_canonical(),
            client: None,
            method: None,
            scheme: String::new(),
            host: String::new(),
            path: String::new(),
            http_version: "",
            rule: None,
            rule_set: None,
            decision: "denial",
            denial: "",
            reason: "",
            audit: Audit::default(),
        }
    }

    /// The request as the client sent it to the first proxy. What only the log names is left out unless the event
    /// `is_written`.
    pub(crate) fn asked_for(&mut self, request: &Request, is_written: bool) {
        self.method = Some(request.method.clone());
        if !is_written {
            return;
        }
        self.scheme = request.uri.scheme().to_owned();
        self.host = request.uri.host().to_owned();
        self.path = request.uri.path().to_owned();
        self.client = request.client_addresses.first().cloned();
    }

    /// The request may pass.
    pub(crate) fn permitted(&mut self, permit: &Permit) {
        self.decision = "permit";
        self.rule = Some(Arc::clone(&permit.rule_id));
        self.rule_set.clone_from(&permit.rule_set);
        self.audit.clone_from(&permit.audit);
    }

    /// The request is refused.
    pub(crate) fn denied(&mut self, denial: &Denial) {
        self.rule.clone_from(&denial.rule_id);
        self.rule_set.clone_from(&denial.rule_set);
        self.audit.clone_from(&denial.audit);
        self.refused(denial.kind.as_str(), denial.reason);
    }

    /// The request is refused before any rule was looked for.
    pub(crate) fn refused(&mut self, kind: &'static str, reason: &'static str) {
        self.decision = "denial";
        self.denial = kind;
        self.reason = reason;
    }

    /// The request asks what a script may ask (CORS).
    pub(crate) fn is_preflight(&mut self) {
        self.decision = "permit";
        self.reason = "preflight";
    }

    /// The request may pass, and got no answer.
    pub(crate) fn failed(&mut self, reason: &'static str) {
        self.reason = reason;
    }

    /// The method as the client sent it.
    pub(crate) fn method(&self) -> &str {
        self.method.as_ref().map_or("", Method::as_str)
    }

    /// The rule so far, `-` if there is none.
    pub(crate) fn rule(&self) -> &str {
        self.rule.as_deref().unwrap_or("-")
    }

    /// The rule's set; empty for the default rule, and if there is no rule.
    pub(crate) fn rule_set(&self) -> &str {
        self.rule_set.as_deref().unwrap_or_default()
    }

    /// Whether a rule was reached.
    pub(crate) fn has_rule(&self) -> bool {
        self.rule.is_some()
    }

    /// `permit` or `denial`.
    pub(crate) fn decision(&self) -> &'static str {
        self.decision
    }

    /// The check that refused, or why a permitted request got no answer; else empty.
    pub(crate) fn reason(&self) -> &'static str {
        self.reason
    }

    /// Writes the event, whatever the log level is.
    pub(crate) fn write(&self, status: StatusCode, duration: Duration, trace: Option<TraceIds>) {
        let proof = self.audit.proof.as_ref();
        let outcome = proof.map(|proof| proof.outcome);
        let observed = match outcome {
            Some(ProofOutcome::Observed(word)) => word,
            Some(ProofOutcome::Accepted | ProofOutcome::Refused(_) | ProofOutcome::NotJudged) | None => "",
        };
        let refused_or_accepted = outcome.filter(|_| observed.is_empty()).map_or("", ProofOutcome::as_str);
        let proof_trace = proof.and_then(|proof| proof.trace.as_ref());
        let jkt = proof_trace.map(|proof| proof.thumbprint.to_string());
        let jti_hash = proof_trace.map(|proof| proof.jti_hash().to_string());
        let parent = trace.and_then(|ids| ids.parent).map(|parent| parent.to_string());
        tracing::info!(
            target: ACCESS,
            mode = self.mode,
            client = self.client.clone().unwrap_or_else(|| self.peer.to_string()),
            method = self.method(),
            scheme = self.scheme,
            host = self.host,
            path = self.path,
            http_version = self.http_version,
            rule = self.rule(),
            rule_set = self.rule_set(),
            decision = self.decision,
            denial = self.denial,
            reason = self.reason,
            subject = self.audit.subject.as_deref().unwrap_or_default(),
            proof = refused_or_accepted,
            observed,
            jkt = jkt.as_deref().unwrap_or_default(),
            jti_hash = jti_hash.as_deref().unwrap_or_default(),
            status = status.as_u16(),
            duration_ms = (duration.as_secs_f64() * 1_000_000.0).round() / 1000.0,
            trace_id = trace.map(|ids| ids.trace.to_string()).as_deref().unwrap_or_default(),
            span_id = trace.map(|ids| ids.span.to_string()).as_deref().unwrap_or_default(),
            parent_id = parent.as_deref().unwrap_or_default(),
            "request"
        );
    }
}
