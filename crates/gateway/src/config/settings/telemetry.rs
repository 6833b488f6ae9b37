//! `log`, `tracing`, `metrics`, and `profiling`, which is accepted but does nothing.

use gateway_core::document::{
    Code, ConfigDuration, Decode, Diagnostic, Diagnostics, KeyPath, MapReader, Node, decode_one_of,
};

/// `log`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, schemars::JsonSchema)]
#[schemars(rename = "Log")]
pub struct LogSettings {
    /// The least severe event that is written.
    #[schemars(extend("default" = "error"))]
    pub level: LogLevel,
    /// How events are written.
    #[schemars(extend("default" = "text"))]
    pub format: LogFormat,
    /// Whether every request gets an event of its own, at any level.
    #[schemars(extend("default" = true))]
    pub access_log_enabled: bool,
}

/// Levels of events, as heimdall names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, schemars::JsonSchema)]
#[schemars(inline, rename_all = "snake_case")]
pub enum LogLevel {
    /// Everything.
    Trace,
    /// The steps of a request.
    Debug,
    /// Changes of state.
    Info,
    /// Something got worse.
    Warn,
    /// Someone should look.
    Error,
    /// heimdall's: only what ends the process. Read like error.
    Fatal,
    /// heimdall's: only what ends the process. Read like error.
    Panic,
}

/// Formats of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, schemars::JsonSchema)]
#[schemars(inline, rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// Graylog's extended format, one JSON object a line.
    Gelf,
    /// One JSON object a line.
    Json,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { level: LogLevel::Error, format: LogFormat::Text, access_log_enabled: true }
    }
}

const LEVELS: [(&str, LogLevel); 7] = [
    ("trace", LogLevel::Trace),
    ("debug", LogLevel::Debug),
    ("info", LogLevel::Info),
    ("warn", LogLevel::Warn),
    ("error", LogLevel::Error),
    ("fatal", LogLevel::Fatal),
    ("panic", LogLevel::Panic),
];

impl Decode for LogSettings {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let defaults = Self::default();
        let level = reader.optional_with("level", |node, path, diagnostics| {
            decode_one_of(node, path, &LEVELS, diagnostics)
        });
        let format = reader.optional_with("format", |node, path, diagnostics| {
            let choices = [("text", LogFormat::Text), ("gelf", LogFormat::Gelf), ("json", LogFormat::Json)];
            decode_one_of(node, path, &choices, diagnostics)
        });
        let access_log_enabled = reader.or("access_log_enabled", defaults.access_log_enabled);
        reader.finish();
        Some(Self {
            level: level.unwrap_or(defaults.level),
            format: format.unwrap_or(defaults.format),
            access_log_enabled,
        })
    }
}

/// `tracing`: spans for requests. They are only made where the environment names a collector (`OTEL_…`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, schemars::JsonSchema)]
#[schemars(rename = "Tracing")]
pub struct TracingSettings {
    /// Whether `traceparent` is read, and spans are made once the environment names a collector (`OTEL_…`).
    #[schemars(extend("default" = true))]
    pub enabled: bool,
    /// Whether each step of a rule has a span of its own.
    #[schemars(extend("default" = false))]
    pub cover_rules: bool,
    /// When spans are sent: in batches, or each by itself as soon as it ends.
    #[schemars(extend("default" = "batch"))]
    pub span_processor: SpanProcessor,
}

/// When spans are sent to the collector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, schemars::JsonSchema)]
#[schemars(inline, rename_all = "snake_case")]
pub enum SpanProcessor {
    /// Many at a time, every five seconds or sooner (`OTEL_BSP_…`).
    Batch,
    /// Each by itself as soon as it ends: for trying things out.
    Simple,
}

/// `metrics`: what is counted. It is told at `/metrics` of the management port, and pushed where the environment names a
/// collector (`OTEL_…`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, schemars::JsonSchema)]
#[schemars(rename = "Metrics")]
pub struct MetricsSettings {
    /// Whether metrics are told at all: at `/metrics` of the management port, and pushed once the environment names a
    /// collector (`OTEL_…`).
    #[schemars(extend("default" = true))]
    pub enabled: bool,
    /// Whether decisions are timed by rule.
    #[schemars(extend("default" = false))]
    pub cover_rules: bool,
    /// Whether reads and writes of the cache are counted.
    #[schemars(extend("default" = false))]
    pub cover_cache: bool,
}

impl Default for TracingSettings {
    fn default() -> Self {
        Self { enabled: true, cover_rules: false, span_processor: SpanProcessor::Batch }
    }
}

impl Default for MetricsSettings {
    fn default() -> Self {
        Self { enabled: true, cover_rules: false, cover_cache: false }
    }
}

impl Decode for TracingSettings {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let defaults = Self::default();
        let enabled = reader.or("enabled", defaults.enabled);
        let cover_rules = reader.or("cover_rules", defaults.cover_rules);
        let span_processor = reader.optional_with("span_processor", |node, path, diagnostics| {
            let choices = [("batch", SpanProcessor::Batch), ("simple", SpanProcessor::Simple)];
            decode_one_of(node, path, &choices, diagnostics)
        });
        reader.finish();
        Some(Self { enabled, cover_rules, span_processor: span_processor.unwrap_or(defaults.span_processor) })
    }
}

impl Decode for MetricsSettings {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let defaults = Self::default();
        let settings = Self {
            enabled: reader.or("enabled", defaults.enabled),
            cover_rules: reader.or("cover_rules", defaults.cover_rules),
            cover_cache: reader.or("cover_cache", defaults.cover_cache),
        };
        reader.finish();
        Some(settings)
    }
}

/// `profiling`: accepted, because nothing is left unprotected without it.
pub(super) fn check_profiling(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<()> {
    let mut reader = MapReader::new(node, path, diagnostics)?;
    warn_when_switched_on(&mut reader);
    reader.optional::<String>("host");
    reader.optional::<u16>("port");
    reader.optional::<ConfigDuration>("timeout");
    reader.finish();
    Some(())
}

fn warn_when_switched_on(reader: &mut MapReader<'_, '_>) {
    if reader.optional::<bool>("enabled") == Some(true) {
        let headline = format!("`{}` is switched on and has no effect yet", reader.path());
        let place = reader.key_place("enabled").unwrap_or(reader.place()).clone();
        reader.diagnostics().push(
            Diagnostic::warning(Code::TelemetryIgnored, headline, &place)
                .hint("set `enabled: false` or remove it"),
        );
    }
}
