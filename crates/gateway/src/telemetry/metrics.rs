//! Counters, gauges and histograms of one gateway.
//!
//! What every request touches is resolved beforehand: counting is an atomic addition, without a lock and without a look-up.
//! `/metrics` and the OTLP exporter read the same registry.

pub(crate) mod cache;
pub(crate) mod catalogue;
pub(crate) mod certificates;
pub(crate) mod push;
pub(crate) mod replay_store;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use gateway_core::{
    audit::{Audit, ProofOutcome},
    decision::Permit,
    denial::Denial,
};
use http::{Method, StatusCode, header};
use parking_lot::Mutex;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder, core::Collector, proto::MetricFamily,
};
use resource_server::Purpose;
use std::sync::OnceLock;

use self::{
    catalogue::{Definition, Kind},
    certificates::Certificate,
};
use crate::clock;

/// `Content-Type` of [`Metrics::to_text`].
pub(crate) const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The metrics of a gateway.
pub(crate) struct Metrics {
    registry: Registry,
    requests: RequestDurations,
    pub(crate) active_requests: IntGauge,
    calls: CallDurations,
    connections: IntGaugeVec,
    permits: IntCounter,
    decisions: IntCounterVec,
    accepted_proofs: IntCounter,
    proofs: IntCounterVec,
    challenges: IntCounter,
    challenge_nonces: IntCounter,
    refresh_nonces: IntCounter,
    rules_loaded: IntGaugeVec,
    rule_durations: HistogramVec,
    rule_reloads: IntCounterVec,
    secret_reloads: IntCounterVec,
    export_failures: IntCounterVec,
    ready: IntGauge,
    certificate_expiry: IntGaugeVec,
    certificates: Mutex<Vec<Certificate>>,
    /// Sets gauges that are read off something else, before they are told.
    readings: Mutex<Vec<Box<dyn Fn() + Send + Sync>>>,
}

/// How a try to load changed rules or a changed secret ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reload {
    /// The new ones are in force.
    Loaded,
    /// They hold a mistake.
    Refused,
    /// They can not be had.
    Unreadable,
}

impl Reload {
    fn as_str(self) -> &'static str {
        match self {
            Self::Loaded => "loaded",
            Self::Refused => "refused",
            Self::Unreadable => "unreadable",
        }
    }
}

/// What is sent to a collector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Spans.
    Traces,
    /// Metrics.
    Metrics,
}

impl Signal {
    /// As in labels, in the log and in paths.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Metrics => "metrics",
        }
    }
}

impl Metrics {
    /// All metrics, at nothing.
    ///
    /// # Errors
    ///
    /// If two of them have one name, or one has a name that is none: a mistake in [`catalogue`].
    pub(crate) fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let connections = gauges(&registry, &catalogue::CONNECTIONS)?;
        let decisions = counters(&registry, &catalogue::DECISIONS)?;
        let proofs = counters(&registry, &catalogue::PROOFS)?;
        let nonces = counters(&registry, &catalogue::NONCES)?;
        let metrics = Self {
            requests: RequestDurations::new(histograms(&registry, &catalogue::REQUESTS)?),
            active_requests: gauge(&registry, &catalogue::ACTIVE_REQUESTS)?,
            calls: CallDurations::new(histograms(&registry, &catalogue::CALLS)?),
            connections,
            permits: decisions.get_metric_with_label_values(&["permit", ""])?,
            decisions,
            accepted_proofs: proofs.get_metric_with_label_values(&["accepted", "true"])?,
            proofs,
            challenges: counter(&registry, &catalogue::CHALLENGES)?,
            challenge_nonces: nonces.get_metric_with_label_values(&["challenge"])?,
            refresh_nonces: nonces.get_metric_with_label_values(&["refresh"])?,
            rules_loaded: gauges(&registry, &catalogue::RULES_LOADED)?,
            rule_durations: histograms(&registry, &catalogue::RULE_DURATION)?,
            rule_reloads: counters(&registry, &catalogue::RULE_RELOADS)?,
            secret_reloads: counters(&registry, &catalogue::SECRET_RELOADS)?,
            export_failures: counters(&registry, &catalogue::EXPORT_FAILURES)?,
            ready: gauge(&registry, &catalogue::READY)?,
            certificate_expiry: gauges(&registry, &catalogue::CERTIFICATE_EXPIRY)?,
            certificates: Mutex::default(),
            readings: Mutex::default(),
            registry,
        };
        gauges(&metrics.registry, &catalogue::BUILD_INFO)?
            .get_metric_with_label_values(&[env!("CARGO_PKG_VERSION")])?
            .set(1);
        gauge(&metrics.registry, &catalogue::START_TIME)?.set(clock::now().as_seconds());
        Ok(metrics)
    }

    /// A request was answered, or its client did not wait.
    pub(crate) fn request(&self, method: &Method, status: StatusCode, duration: Duration) {
        self.requests.observe(method, status, duration);
    }

    /// An upstream answered, or did not: `outcome` is the status or the word of what went wrong.
    pub(crate) fn upstream_call(&self, outcome: Result<StatusCode, &'static str>, duration: Duration) {
        self.calls.observe("upstream", outcome, duration);
    }

    /// A dependency answered, or did not.
    pub(crate) fn call(
        &self,
        purpose: Purpose,
        outcome: Result<StatusCode, &'static str>,
        duration: Duration,
    ) {
        self.calls.observe(purpose.as_str(), outcome, duration);
    }

    /// The gauge of a listener's connections.
    ///
    /// # Errors
    ///
    /// Never: the label fits.
    pub(crate) fn connections(&self, listener: &str) -> Result<IntGauge, prometheus::Error> {
        self.connections.get_metric_with_label_values(&[listener])
    }

    /// A request was permitted.
    pub(crate) fn permitted(&self, permit: &Permit) {
        self.permits.inc();
        self.audited(&permit.audit);
        if permit.response_headers.contains_key(&dpop::DPOP_NONCE) {
            self.refresh_nonces.inc();
        }
    }

    /// A request was refused.
    pub(crate) fn denied(&self, denial: &Denial) {
        self.decided(denial.kind.as_str(), denial.reason);
        self.audited(&denial.audit);
        if denial.headers.contains_key(header::WWW_AUTHENTICATE) {
            self.challenges.inc();
        }
        if denial.headers.contains_key(&dpop::DPOP_NONCE) {
            let demanded = denial.reason == "use_dpop_nonce";
            if demanded { self.challenge_nonces.inc() } else { self.refresh_nonces.inc() }
        }
    }

    /// A request was decided about by less than a rule.
    pub(crate) fn decided(&self, decision: &str, reason: &str) {
        self.decisions.with_label_values(&[decision, reason]).inc();
    }

    fn audited(&self, audit: &Audit) {
        let Some(proof) = &audit.proof else { return };
        match proof.outcome {
            ProofOutcome::Accepted => self.accepted_proofs.inc(),
            ProofOutcome::Refused(word) => self.proofs.with_label_values(&[word, "true"]).inc(),
            ProofOutcome::Observed(word) => self.proofs.with_label_values(&[word, "false"]).inc(),
            ProofOutcome::NotJudged => self.proofs.with_label_values(&["not_judged", "true"]).inc(),
        }
    }

    /// A rule decided about a request.
    pub(crate) fn rule_executed(&self, rule: &str, rule_set: &str, duration: Duration) {
        self.rule_durations.with_label_values(&[rule, rule_set]).observe(duration.as_secs_f64());
    }

    /// These are the rules in force, by their set.
    pub(crate) fn rules_in_force(&self, sets: &BTreeMap<Arc<str>, usize>) {
        self.rules_loaded.reset();
        for (set, rules) in sets {
            let rules = i64::try_from(*rules).unwrap_or(i64::MAX);
            self.rules_loaded.with_label_values(&[&**set]).set(rules);
        }
    }

    /// Rules changed, and this came of it.
    pub(crate) fn rules_reloaded(&self, reload: Reload) {
        self.rule_reloads.with_label_values(&[reload.as_str()]).inc();
    }

    /// A secret changed, and this came of it.
    pub(crate) fn secret_reloaded(&self, reload: Reload) {
        self.secret_reloads.with_label_values(&[reload.as_str()]).inc();
    }

    /// A collector did not take a batch.
    pub(crate) fn export_failed(&self, signal: Signal) {
        self.export_failures.with_label_values(&[signal.as_str()]).inc();
    }

    /// Whether requests may be sent here.
    pub(crate) fn ready(&self, is_ready: bool) {
        self.ready.set(i64::from(is_ready));
    }

    /// These are the certificates of the gateway from now on.
    pub(crate) fn certificates(&self, certificates: Vec<Certificate>) {
        *self.certificates.lock() = certificates;
    }

    fn read_certificates(&self) {
        self.certificate_expiry.reset();
        let now = clock::now().as_seconds();
        for certificate in &*self.certificates.lock() {
            let Certificate { issuer, serial_number, subject, dns_names, not_after } = certificate;
            let labels = [issuer, serial_number, subject, dns_names];
            self.certificate_expiry.with_label_values(&labels).set(not_after.saturating_sub(now));
        }
    }

    /// Adds something to be read each time the metrics are told.
    pub(crate) fn read_each_time(&self, reading: impl Fn() + Send + Sync + 'static) {
        self.readings.lock().push(Box::new(reading));
    }

    /// Everything as it is now.
    pub(crate) fn families(&self) -> Vec<MetricFamily> {
        self.read_certificates();
        for reading in &*self.readings.lock() {
            reading();
        }
        self.registry.gather()
    }

    /// Everything in Prometheus' text format.
    ///
    /// # Errors
    ///
    /// If a metric can not be written in that format: a mistake in [`catalogue`].
    pub(crate) fn to_text(&self) -> Result<String, prometheus::Error> {
        TextEncoder::new().encode_to_string(&self.families())
    }
}

fn options(definition: &Definition) -> Opts {
    Opts::new(definition.prometheus_name(), definition.help)
}

fn labels(definition: &Definition) -> Vec<String> {
    definition.labels.iter().map(|label| catalogue::prometheus_label(label)).collect()
}

fn register<C: Collector + Clone + 'static>(registry: &Registry, metric: C) -> Result<C, prometheus::Error> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

fn counter(registry: &Registry, definition: &Definition) -> Result<IntCounter, prometheus::Error> {
    register(registry, IntCounter::with_opts(options(definition))?)
}

fn counters(registry: &Registry, definition: &Definition) -> Result<IntCounterVec, prometheus::Error> {
    register(registry, IntCounterVec::new(options(definition), &borrowed(&labels(definition)))?)
}

fn gauge(registry: &Registry, definition: &Definition) -> Result<IntGauge, prometheus::Error> {
    register(registry, IntGauge::with_opts(options(definition))?)
}

fn gauges(registry: &Registry, definition: &Definition) -> Result<IntGaugeVec, prometheus::Error> {
    register(registry, IntGaugeVec::new(options(definition), &borrowed(&labels(definition)))?)
}

fn histogram_options(definition: &Definition) -> HistogramOpts {
    let bounds = match definition.kind {
        Kind::Histogram(bounds) => bounds.to_vec(),
        Kind::Counter | Kind::Gauge => Vec::new(),
    };
    HistogramOpts { common_opts: options(definition), buckets: bounds }
}

fn histogram(registry: &Registry, definition: &Definition) -> Result<Histogram, prometheus::Error> {
    register(registry, Histogram::with_opts(histogram_options(definition))?)
}

fn histograms(registry: &Registry, definition: &Definition) -> Result<HistogramVec, prometheus::Error> {
    register(registry, HistogramVec::new(histogram_options(definition), &borrowed(&labels(definition)))?)
}

fn borrowed(labels: &[String]) -> Vec<&str> {
    labels.iter().map(String::as_str).collect()
}

/// The methods that have a label of their own; a client's inventions share one, so that it can not make series.
const METHODS: [&str; 10] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "_OTHER"];
/// Statuses whose handles are kept, beginning at 100; others are looked up.
const STATUSES: usize = 500;

/// Histograms by status, found once each.
struct ByStatus(Box<[OnceLock<Histogram>]>);

impl ByStatus {
    fn new() -> Self {
        Self((0..STATUSES).map(|_| OnceLock::new()).collect())
    }

    fn observe(&self, status: StatusCode, duration: Duration, find: impl Fn(&str) -> Histogram) {
        let place = usize::from(status.as_u16()).checked_sub(100).and_then(|place| self.0.get(place));
        match place {
            Some(slot) => slot.get_or_init(|| find(status.as_str())).observe(duration.as_secs_f64()),
            None => find(status.as_str()).observe(duration.as_secs_f64()),
        }
    }
}

struct RequestDurations {
    durations: HistogramVec,
    by_method: [ByStatus; METHODS.len()],
}

impl RequestDurations {
    fn new(durations: HistogramVec) -> Self {
        Self { durations, by_method: std::array::from_fn(|_| ByStatus::new()) }
    }

    fn observe(&self, method: &Method, status: StatusCode, duration: Duration) {
        let mut known = METHODS.iter().zip(&self.by_method);
        let found = known.clone().find(|(name, _)| **name == method.as_str()).or(known.next_back());
        if let Some((name, by_status)) = found {
            by_status.observe(status, duration, |status| self.durations.with_label_values(&[*name, status]));
        }
    }
}

struct CallDurations {
    durations: HistogramVec,
    upstream: ByStatus,
}

impl CallDurations {
    fn new(durations: HistogramVec) -> Self {
        Self { durations, upstream: ByStatus::new() }
    }

    fn observe(&self, purpose: &str, outcome: Result<StatusCode, &'static str>, duration: Duration) {
        let find = |status: &str| self.durations.with_label_values(&[purpose, status, ""]);
        match outcome {
            Ok(status) if purpose == "upstream" => self.upstream.observe(status, duration, find),
            Ok(status) => find(status.as_str()).observe(duration.as_secs_f64()),
            Err(error) => {
                self.durations.with_label_values(&[purpose, "", error]).observe(duration.as_secs_f64());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_method_and_status_and_lets_clients_invent_nothing() {
        let metrics = Metrics::new().unwrap();
        let invented: Method = "X-MADE-UP".parse().unwrap();
        for (method, status) in [(&Method::GET, 200), (&Method::GET, 200), (&invented, 999)] {
            metrics.request(method, StatusCode::from_u16(status).unwrap(), Duration::from_millis(2));
        }
        let text = metrics.to_text().unwrap();
        let count = "http_server_request_duration_seconds_count";
        for line in [
            format!("{count}{{http_request_method=\"GET\",http_response_status_code=\"200\"}} 2"),
            format!("{count}{{http_request_method=\"_OTHER\",http_response_status_code=\"999\"}} 1"),
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(!text.contains("X-MADE-UP"));
    }

    #[test]
    fn rule_sets_that_are_gone_are_not_counted_any_more() {
        let metrics = Metrics::new().unwrap();
        metrics.rules_in_force(&BTreeMap::from([("a".into(), 2), ("b".into(), 1)]));
        metrics.rules_in_force(&BTreeMap::from([("b".into(), 3)]));
        let text = metrics.to_text().unwrap();
        assert!(text.contains("rules_loaded{ruleset_id=\"b\"} 3") && !text.contains("ruleset_id=\"a\""));
    }

    #[test]
    fn every_definition_is_registered_under_its_name() {
        let metrics = Metrics::new().unwrap();
        metrics.request(&Method::GET, StatusCode::OK, Duration::ZERO);
        metrics.upstream_call(Err("timed_out"), Duration::ZERO);
        metrics.decided("bad_request", "bad_host");
        metrics.connections("serve").unwrap().inc();
        metrics.rule_executed("r", "s", Duration::ZERO);
        metrics.rules_in_force(&BTreeMap::from([("s".into(), 1)]));
        metrics.rules_reloaded(Reload::Loaded);
        metrics.secret_reloaded(Reload::Loaded);
        metrics.export_failed(Signal::Traces);
        let store = replay_store::MeteredReplayStore::over_memory(dpop::MemoryReplayStore::new(10), &metrics)
            .unwrap();
        let no_cache = Arc::new(gateway_core::cache::NoCache);
        let cache = cache::MeteredCache::over(no_cache, "in-memory", &metrics).unwrap();
        drop((store, cache));
        metrics.certificates(vec![Certificate {
            issuer: "i".to_owned(),
            serial_number: "1".to_owned(),
            subject: "s".to_owned(),
            dns_names: String::new(),
            not_after: 0,
        }]);
        let mut told: Vec<String> =
            metrics.families().iter().map(|family| family.name().to_owned()).collect();
        let mut defined: Vec<String> = catalogue::ALL.iter().map(Definition::prometheus_name).collect();
        told.sort();
        defined.sort();
        // Claims have no series before the first one.
        defined.retain(|name| told.contains(name) || name != "keybound_replay_claims_total");
        assert_eq!(told, defined);
    }
}
