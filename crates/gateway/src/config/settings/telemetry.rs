//! `log`, and the telemetry that is accepted but does nothing yet.

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

/// `tracing`: accepted, because nothing is left unprotected without it.
pub(super) fn check_tracing(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<()> {
    let mut reader = MapReader::new(node, path, diagnostics)?;
    warn_when_switched_on(&mut reader);
    reader.optional::<bool>("cover_rules");
    reader.optional_with("span_processor", |node, path, diagnostics| {
        decode_one_of(node, path, &[("batch", ()), ("simple", ())], diagnostics)
    });
    reader.finish();
    Some(())
}

/// `metrics`: as `tracing`.
pub(super) fn check_metrics(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<()> {
    let mut reader = MapReader::new(node, path, diagnostics)?;
    warn_when_switched_on(&mut reader);
    reader.optional::<bool>("cover_rules");
    reader.optional::<bool>("cover_cache");
    reader.finish();
    Some(())
}

/// `profiling`: as `tracing`.
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
