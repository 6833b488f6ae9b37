//! Every metric: its name, unit, labels and meaning. `docs/operations.md` has the same table; a test compares them.
//!
//! Names and labels are those of OpenTelemetry, with heimdall's name where it has one. Prometheus gets them with
//! underscores, the unit and `_total` behind counters. Labels have few values: never a subject, a path, a host that a client
//! sent, or anything of a token or proof.

/// What a metric does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    /// Only ever goes up.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts values by size; the upper bounds of its buckets.
    Histogram(&'static [f64]),
}

/// One metric.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Definition {
    /// The name, with dots.
    pub(crate) name: &'static str,
    /// What it does.
    pub(crate) kind: Kind,
    /// Whether it counts seconds; else it counts things.
    pub(crate) in_seconds: bool,
    /// The labels, with dots.
    pub(crate) labels: &'static [&'static str],
    /// What it means, in one sentence.
    pub(crate) help: &'static str,
}

impl Definition {
    /// The name at `/metrics`.
    pub(crate) fn prometheus_name(&self) -> String {
        let unit = if self.in_seconds { "_seconds" } else { "" };
        let total = if self.kind == Kind::Counter { "_total" } else { "" };
        format!("{}{unit}{total}", prometheus_label(self.name))
    }
}

/// A name with underscores in place of dots.
pub(crate) fn prometheus_label(name: &str) -> String {
    name.replace('.', "_")
}

/// The bounds that OpenTelemetry's conventions advise for requests, with finer ones below: a decision takes microseconds.
const DURATIONS: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
/// For what should take a microsecond, and takes a millisecond over a network.
const SHORT_DURATIONS: &[f64] =
    &[0.000_001, 0.000_005, 0.000_01, 0.000_05, 0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5];

const fn counter(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Definition {
    Definition { name, kind: Kind::Counter, in_seconds: false, labels, help }
}

const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Definition {
    Definition { name, kind: Kind::Gauge, in_seconds: false, labels, help }
}

const fn durations(
    name: &'static str,
    bounds: &'static [f64],
    labels: &'static [&'static str],
    help: &'static str,
) -> Definition {
    Definition { name, kind: Kind::Histogram(bounds), in_seconds: true, labels, help }
}

pub(crate) const REQUESTS: Definition = durations(
    "http.server.request.duration",
    DURATIONS,
    &["http.request.method", "http.response.status_code"],
    "Requests from their head to the head of their answer; 499 for clients that did not wait",
);
pub(crate) const ACTIVE_REQUESTS: Definition =
    gauge("http.server.active_requests", &[], "Requests whose answer has not begun");
pub(crate) const CALLS: Definition = durations(
    "http.client.request.duration",
    DURATIONS,
    &["purpose", "http.response.status_code", "error.type"],
    "Calls to upstreams, key endpoints and other dependencies, until the head (upstreams) or the end of the answer",
);
pub(crate) const CONNECTIONS: Definition =
    gauge("keybound.connections", &["listener"], "Open client connections");
pub(crate) const DECISIONS: Definition = counter(
    "keybound.decisions",
    &["decision", "reason"],
    "Requests decided: permit, or the kind of the denial and the check that refused",
);
pub(crate) const PROOFS: Definition = counter(
    "keybound.proofs",
    &["outcome", "enforced"],
    "DPoP proofs: accepted, not judged, or the check that failed; enforced is false where proofs are only observed",
);
pub(crate) const CHALLENGES: Definition =
    counter("keybound.challenges", &[], "Answers with a WWW-Authenticate challenge of ours");
pub(crate) const NONCES: Definition = counter(
    "keybound.nonces.issued",
    &["occasion"],
    "Nonces handed out: with a challenge that demands one, or because the old one nears its end",
);
pub(crate) const REPLAY_CLAIMS: Definition = counter(
    "keybound.replay.claims",
    &["result"],
    "Claims in the replay store: claimed, already_used (a replay), unavailable (refused with 503)",
);
pub(crate) const REPLAY_CLAIM_DURATION: Definition = durations(
    "keybound.replay.claim.duration",
    SHORT_DURATIONS,
    &[],
    "How long the replay store takes for one claim",
);
pub(crate) const REPLAY_ENTRIES: Definition =
    gauge("keybound.replay.entries", &[], "Proofs that the replay store of this process remembers");
pub(crate) const REPLAY_CAPACITY: Definition =
    gauge("keybound.replay.capacity", &[], "Proofs that it can remember; a full store refuses with 503");
pub(crate) const RULES_LOADED: Definition =
    gauge("rules.loaded", &["ruleset.id"], "Rules in force, by rule set");
pub(crate) const RULE_DURATION: Definition = durations(
    "rule.execution.duration",
    DURATIONS,
    &["rule.id", "ruleset.id"],
    "Decisions by rule; only with metrics.cover_rules",
);
pub(crate) const CACHE_READS: Definition = counter(
    "cache.get.requests",
    &["backend", "result"],
    "Reads of the cache: hit or miss; only with metrics.cover_cache",
);
pub(crate) const CACHE_WRITES: Definition = counter(
    "cache.set.requests",
    &["backend", "result"],
    "Writes to the cache; only with metrics.cover_cache",
);
pub(crate) const RULE_RELOADS: Definition = counter(
    "keybound.rule.reloads",
    &["result"],
    "Changed rules: loaded, refused (a mistake, the old ones stay), unreadable (the old ones stay)",
);
pub(crate) const SECRET_RELOADS: Definition = counter(
    "keybound.secret.reloads",
    &["result"],
    "Changed secrets: loaded, refused (not usable, the old one stays), unreadable (the old one stays)",
);
pub(crate) const CERTIFICATE_EXPIRY: Definition = Definition {
    in_seconds: true,
    ..gauge(
        "certificate.expiry",
        &["issuer", "serial_nr", "subject", "dns_names"],
        "Seconds until a certificate with a private key in secret_management expires; negative afterwards",
    )
};
pub(crate) const EXPORT_FAILURES: Definition = counter(
    "keybound.export.failures",
    &["signal"],
    "Batches of traces or metrics that the collector did not take",
);
pub(crate) const READY: Definition =
    gauge("keybound.ready", &[], "1 while /.well-known/ready answers 200, else 0");
pub(crate) const BUILD_INFO: Definition =
    gauge("keybound.build.info", &["service.version"], "1; the version is the label");
pub(crate) const START_TIME: Definition = Definition {
    in_seconds: true,
    ..gauge("process.start.time", &[], "When this process started, in seconds since 1970")
};

/// All of them, in the order of the documentation.
pub(crate) const ALL: &[Definition] = &[
    REQUESTS,
    ACTIVE_REQUESTS,
    CALLS,
    CONNECTIONS,
    DECISIONS,
    PROOFS,
    CHALLENGES,
    NONCES,
    REPLAY_CLAIMS,
    REPLAY_CLAIM_DURATION,
    REPLAY_ENTRIES,
    REPLAY_CAPACITY,
    RULES_LOADED,
    RULE_DURATION,
    CACHE_READS,
    CACHE_WRITES,
    RULE_RELOADS,
    SECRET_RELOADS,
    CERTIFICATE_EXPIRY,
    EXPORT_FAILURES,
    READY,
    BUILD_INFO,
    START_TIME,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_at_the_metrics_endpoint_carry_their_unit() {
        let check = |definition: Definition, name: &str| assert_eq!(definition.prometheus_name(), name);
        check(REQUESTS, "http_server_request_duration_seconds");
        check(ACTIVE_REQUESTS, "http_server_active_requests");
        check(DECISIONS, "keybound_decisions_total");
        check(START_TIME, "process_start_time_seconds");
    }
}
