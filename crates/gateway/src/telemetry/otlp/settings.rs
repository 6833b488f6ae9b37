//! `OTEL_…` of the environment: whether telemetry is exported, and where to.
//!
//! Nothing is exported unless the environment asks for it: by an endpoint, or by naming the exporter. What it asks for and
//! cannot have is one warning at start, never an error: nothing is left unprotected without telemetry.

use std::time::Duration;

use gateway_core::document::{Code, Diagnostic, Diagnostics, Place};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use percent_encoding::percent_decode_str;

use crate::{config::Environment, telemetry::metrics::Signal};

/// Where collectors listen for OTLP over HTTP.
const DEFAULT_ENDPOINT: &str = "http://localhost:4318";
/// How long a batch may take.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
/// How often metrics are sent.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(60);

/// The collector of one signal.
#[derive(Clone)]
pub(crate) struct ExportSettings {
    /// The address for this signal.
    pub(crate) endpoint: Uri,
    /// Fields of every request; may hold a key.
    pub(crate) headers: HeaderMap,
    /// For one batch, all tries included.
    pub(crate) timeout: Duration,
}

/// What is exported; `None` for what is not.
#[derive(Clone, Default)]
pub(crate) struct Exports {
    /// Spans.
    pub(crate) traces: Option<ExportSettings>,
    /// Metrics, and how often.
    pub(crate) metrics: Option<(ExportSettings, Duration)>,
    /// Whether `traceparent` is read and written (`OTEL_PROPAGATORS`).
    pub(crate) propagates: bool,
}

impl Exports {
    /// Reads the environment for the signals that the configuration has switched on; adds warnings to `diagnostics`.
    pub(crate) fn read(
        environment: &Environment,
        (traces, metrics): (bool, bool),
        diagnostics: &mut Diagnostics,
    ) -> Self {
        let mut variables = Variables { environment, diagnostics };
        if variables.get("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Self::default();
        }
        let traces_to = if traces { variables.export(Signal::Traces) } else { None };
        if traces_to.is_some() {
            variables.check_sampler();
        }
        let metrics_to = if metrics { variables.export(Signal::Metrics) } else { None };
        Self {
            propagates: traces && variables.propagates(),
            traces: traces_to,
            metrics: metrics_to.map(|settings| (settings, variables.interval())),
        }
    }
}

struct Variables<'a> {
    environment: &'a Environment,
    diagnostics: &'a mut Diagnostics,
}

impl<'a> Variables<'a> {
    /// An empty variable counts as one that is not set, as the specification wants it.
    fn get(&self, name: &str) -> Option<&'a str> {
        self.environment.get(name).map(str::trim).filter(|value| !value.is_empty())
    }

    /// The variable of the signal, else the one of all signals; the name tells which.
    fn of_signal(&self, signal: Signal, what: &str) -> Option<(String, &'a str)> {
        let signal = signal.as_str().to_ascii_uppercase();
        [format!("OTEL_EXPORTER_OTLP_{signal}_{what}"), format!("OTEL_EXPORTER_OTLP_{what}")]
            .into_iter()
            .find_map(|name| self.get(&name).map(|value| (name, value)))
    }

    fn warn(&mut self, variable: &str, headline: impl Into<String>, expected: &str) {
        let place = Place::environment(variable);
        let diagnostic = Diagnostic::warning(Code::TelemetryIgnored, headline, &place).expected(expected);
        self.diagnostics.push(diagnostic);
    }

    fn export(&mut self, signal: Signal) -> Option<ExportSettings> {
        if !self.wants_otlp(signal) {
            return None;
        }
        if let Some((name, protocol)) = self.of_signal(signal, "PROTOCOL")
            && protocol != "http/protobuf"
        {
            let headline = format!("{} are not exported: the protocol is not supported", signal.as_str());
            self.warn(&name, headline, "http/protobuf, which collectors take at port 4318");
            return None;
        }
        for what in ["CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY", "COMPRESSION"] {
            if let Some((name, value)) = self.of_signal(signal, what)
                && value != "none"
            {
                let expected = "nothing: the system's trust anchors are used, and batches are not compressed";
                self.warn(&name, format!("`{name}` has no effect"), expected);
            }
        }
        Some(ExportSettings {
            endpoint: self.endpoint(signal)?,
            headers: self.headers(signal),
            timeout: self
                .of_signal(signal, "TIMEOUT")
                .and_then(|(name, value)| self.milliseconds(&name, value))
                .unwrap_or(DEFAULT_TIMEOUT),
        })
    }

    /// `OTEL_TRACES_EXPORTER`, `OTEL_METRICS_EXPORTER`: a list; without it an endpoint is enough.
    fn wants_otlp(&mut self, signal: Signal) -> bool {
        let name = format!("OTEL_{}_EXPORTER", signal.as_str().to_ascii_uppercase());
        let Some(exporters) = self.get(&name) else { return self.of_signal(signal, "ENDPOINT").is_some() };
        let mut wants_otlp = false;
        for exporter in exporters.split(',').map(str::trim) {
            match (exporter, signal) {
                ("otlp", _) => wants_otlp = true,
                ("none" | "", _) => {}
                ("prometheus", Signal::Metrics) => self.warn(
                    &name,
                    "metrics are not served on a port of their own",
                    "`/metrics` of the management port, which is there without this variable",
                ),
                (other, _) => {
                    let headline = format!("the exporter `{other}` is not supported");
                    self.warn(&name, headline, "otlp or none");
                }
            }
        }
        wants_otlp
    }

    fn endpoint(&mut self, signal: Signal) -> Option<Uri> {
        let (name, text) = match self.of_signal(signal, "ENDPOINT") {
            // That of the signal is used as it is, that of all signals gets the signal's path.
            Some((name, value)) if name != "OTEL_EXPORTER_OTLP_ENDPOINT" => (name, value.to_owned()),
            general => {
                let base = general.map_or(DEFAULT_ENDPOINT, |(_, value)| value);
                let address = format!("{}/v1/{}", base.trim_end_matches('/'), signal.as_str());
                ("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(), address)
            }
        };
        let endpoint = text.parse::<Uri>().ok().filter(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
        });
        if endpoint.is_none() {
            let headline = format!("{} are not exported: the endpoint is no address", signal.as_str());
            self.warn(&name, headline, "http://HOST:PORT or https://HOST:PORT");
        }
        endpoint
    }

    /// `name=value,…`, values percent-encoded. The value of a field is never told, it may be a key.
    fn headers(&mut self, signal: Signal) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let Some((variable, list)) = self.of_signal(signal, "HEADERS") else { return headers };
        for (position, pair) in list.split(',').map(str::trim).filter(|pair| !pair.is_empty()).enumerate() {
            let field = pair.split_once('=').and_then(|(name, value)| {
                let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
                let mut value = HeaderValue::from_str(&value).ok()?;
                value.set_sensitive(true);
                Some((HeaderName::try_from(name.trim()).ok()?, value))
            });
            match field {
                Some((name, value)) => {
                    headers.append(name, value);
                }
                None => self.warn(
                    &variable,
                    format!("entry {} of `{variable}` is no header", position + 1),
                    "name=value, with commas between",
                ),
            }
        }
        headers
    }

    fn milliseconds(&mut self, name: &str, value: &str) -> Option<Duration> {
        let milliseconds = value.parse::<u64>().ok().filter(|value| *value > 0).map(Duration::from_millis);
        if milliseconds.is_none() {
            self.warn(name, format!("`{name}` is no number, the default is used"), "milliseconds");
        }
        milliseconds
    }

    fn interval(&mut self) -> Duration {
        let name = "OTEL_METRIC_EXPORT_INTERVAL";
        let configured = self.get(name).and_then(|value| self.milliseconds(name, value));
        configured.unwrap_or(DEFAULT_INTERVAL)
    }

    /// `baggage` needs nothing of us: requests are forwarded with it.
    fn propagates(&mut self) -> bool {
        let name = "OTEL_PROPAGATORS";
        let Some(list) = self.get(name) else { return true };
        let mut propagates = false;
        for propagator in list.split(',').map(str::trim) {
            match propagator {
                "tracecontext" => propagates = true,
                "baggage" | "none" | "" => {}
                other => {
                    let headline = format!("the propagator `{other}` is not supported");
                    self.warn(name, headline, "tracecontext, baggage or none");
                }
            }
        }
        propagates
    }

    /// The library reads the sampler; it does not say when it does not know it.
    fn check_sampler(&mut self) {
        const SAMPLERS: [&str; 6] = [
            "always_on",
            "always_off",
            "traceidratio",
            "parentbased_always_on",
            "parentbased_always_off",
            "parentbased_traceidratio",
        ];
        let name = "OTEL_TRACES_SAMPLER";
        if let Some(sampler) = self.get(name).filter(|sampler| !SAMPLERS.contains(sampler)) {
            let headline = format!("the sampler `{sampler}` is not supported, parentbased_always_on is used");
            self.warn(name, headline, &format!("one of {}", SAMPLERS.join(", ")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> (Exports, Vec<String>) {
        let mut diagnostics = Diagnostics::new();
        let environment = Environment::from_pairs(pairs.iter().copied());
        let exports = Exports::read(&environment, (true, true), &mut diagnostics);
        assert!(!diagnostics.has_errors());
        (exports, diagnostics.iter().map(|warning| warning.headline.clone()).collect())
    }

    fn endpoints(pairs: &[(&str, &str)]) -> [Option<String>; 2] {
        let (exports, warnings) = read(pairs);
        assert!(warnings.is_empty(), "{warnings:?}");
        [exports.traces, exports.metrics.map(|(settings, _)| settings)]
            .map(|settings| settings.map(|settings| settings.endpoint.to_string()))
    }

    #[test]
    fn exports_nothing_unless_asked_and_then_where_it_is_told() {
        let check = |pairs: &[(&str, &str)], traces: Option<&str>, metrics: Option<&str>| {
            let found = endpoints(pairs);
            assert_eq!([found[0].as_deref(), found[1].as_deref()], [traces, metrics], "{pairs:?}");
        };
        check(&[], None, None);
        check(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")], None, None);
        check(
            &[("OTEL_EXPORTER_OTLP_ENDPOINT", "https://c:4318/")],
            Some("https://c:4318/v1/traces"),
            Some("https://c:4318/v1/metrics"),
        );
        check(&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://c/x")], Some("http://c/x"), None);
        check(
            &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c"), ("OTEL_METRICS_EXPORTER", "none")],
            Some("http://c/v1/traces"),
            None,
        );
        check(&[("OTEL_TRACES_EXPORTER", "otlp")], Some("http://localhost:4318/v1/traces"), None);
        check(&[("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_EXPORTER", "otlp")], None, None);
    }

    #[test]
    fn the_headers_of_a_signal_replace_those_of_all() {
        let (exports, warnings) = read(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=general, x=1"),
            ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "api-key=a%3Db"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "1500"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "5000"),
        ]);
        assert!(warnings.is_empty(), "{warnings:?}");
        let traces = exports.traces.unwrap();
        assert_eq!((&traces.headers["api-key"], traces.headers.get("x")), (&"a=b".parse().unwrap(), None));
        assert_eq!(traces.timeout, Duration::from_millis(1500));
        let (metrics, interval) = exports.metrics.unwrap();
        assert_eq!(metrics.headers.len(), 2);
        assert_eq!(interval, Duration::from_secs(5));
    }

    #[test]
    fn what_can_not_be_had_is_a_warning() {
        let check = |pairs: &[(&str, &str)], part: &str| {
            let (_, warnings) = read(pairs);
            assert!(warnings.iter().any(|warning| warning.contains(part)), "{pairs:?}: {warnings:?}");
        };
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c");
        check(&[endpoint, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")], "traces are not exported");
        check(&[endpoint, ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "grpc")], "metrics are not exported");
        check(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317")], "the endpoint is no address");
        check(&[("OTEL_TRACES_EXPORTER", "zipkin")], "exporter `zipkin`");
        check(&[("OTEL_METRICS_EXPORTER", "prometheus")], "port of their own");
        check(&[("OTEL_PROPAGATORS", "tracecontext,b3")], "propagator `b3`");
        check(&[endpoint, ("OTEL_TRACES_SAMPLER", "xray")], "sampler `xray`");
        check(&[endpoint, ("OTEL_EXPORTER_OTLP_HEADERS", "no header")], "entry 1");
        check(&[endpoint, ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s")], "is no number");
        check(&[endpoint, ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")], "has no effect");
    }

    #[test]
    fn the_headers_never_show_in_a_warning() {
        let mut diagnostics = Diagnostics::new();
        let pairs = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization: Bearer the-secret"),
        ];
        Exports::read(&Environment::from_pairs(pairs), (true, true), &mut diagnostics);
        let told = diagnostics.to_string();
        assert!(told.contains("OTEL_EXPORTER_OTLP_HEADERS") && !told.contains("the-secret"), "{told}");
    }
}
