//! The log on standard output: `text` (one line of `key=value`), `json` (one object a line) and `gelf` (1.1).
//!
//! Lines of a request that belongs to a trace carry `trace_id` and `span_id`, whatever code writes them.
//!
//! Values from requests are quoted and escaped: a client can not write a line of its own.

use std::{
    fmt::{self, Write as _},
    io::Write as _,
};

use jiff::Timestamp;
use opentelemetry::{Context as TraceContext, trace::TraceContextExt as _};
use serde_json::Value;
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    subscriber::Interest,
};
use tracing_subscriber::{
    Layer, Registry,
    layer::{Context, SubscriberExt as _},
};

use crate::clock;

/// Target of access events: written at any level.
pub(crate) const ACCESS: &str = "keybound::access";
/// Target of start and stop: written at any level.
pub(crate) const LIFECYCLE: &str = "keybound::lifecycle";

/// `log.format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// `time=… level=INFO msg="Started" key=value`.
    Text,
    /// One JSON object a line.
    Json,
    /// Graylog Extended Log Format 1.1, one object a line.
    Gelf,
}

/// Sends the events of the whole process to standard output: those up to `level`, access events and start and stop
/// always. Tells whether it did; a second call changes nothing.
pub fn install(level: LevelFilter, format: LogFormat) -> bool {
    let layer = LineLayer { level, format, host: host_name() };
    tracing::subscriber::set_global_default(Registry::default().with(layer)).is_ok()
}

struct LineLayer {
    level: LevelFilter,
    format: LogFormat,
    /// The machine, for GELF.
    host: String,
}

impl LineLayer {
    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        let target = metadata.target();
        if target == ACCESS || target == LIFECYCLE {
            return true;
        }
        // The libraries below us talk about bytes and frames at debug; that is of no use in an operator's log.
        let ours = target.starts_with("gateway") || target.starts_with("resource_server");
        *metadata.level() <= self.level && (ours || *metadata.level() <= Level::WARN)
    }
}

impl<S: Subscriber> Layer<S> for LineLayer {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if metadata.is_event() && self.wants(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.is_event() && self.wants(metadata)
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let metadata = event.metadata();
        if metadata.target() != ACCESS {
            fields.put_trace();
        }
        let head = Head {
            level: *metadata.level(),
            milliseconds: clock::now_milliseconds(),
            is_access: metadata.target() == ACCESS,
            host: &self.host,
        };
        let line = line(self.format, &head, fields);
        let _ = writeln!(std::io::stdout().lock(), "{line}");
    }
}

/// The name of this machine as the system or the container knows it; GELF wants one.
fn host_name() -> String {
    let known = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let known = [known.trim().to_owned(), std::env::var("HOSTNAME").unwrap_or_default()];
    known.into_iter().find(|name| !name.is_empty()).unwrap_or_else(|| "unknown".to_owned())
}

/// What every line has beside its fields.
struct Head<'a> {
    level: Level,
    milliseconds: i64,
    /// Whether this is an access event.
    is_access: bool,
    host: &'a str,
}

/// The fields of one event, the message apart. Empty texts are left out.
#[derive(Default)]
struct Fields {
    message: String,
    others: Vec<(&'static str, Value)>,
}

impl Fields {
    /// The trace of the request that is worked on, if there is one.
    fn put_trace(&mut self) {
        TraceContext::map_current(|current| {
            let span = current.span();
            let context = span.span_context();
            if context.is_valid() {
                self.others.push(("trace_id", Value::from(context.trace_id().to_string())));
                self.others.push(("span_id", Value::from(context.span_id().to_string())));
            }
        });
    }

    fn put(&mut self, field: &Field, value: Value) {
        if field.name() == "message" {
            self.message = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        } else if value != Value::String(String::new()) {
            self.others.push((field.name(), value));
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, Value::from(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, Value::from(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, Value::from(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, Value::from(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, Value::from(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, Value::from(format!("{value:?}")));
    }
}

fn line(format: LogFormat, head: &Head<'_>, fields: Fields) -> String {
    match format {
        LogFormat::Text => text_line(head, &fields),
        LogFormat::Json => json_line(head, fields),
        LogFormat::Gelf => gelf_line(head, fields),
    }
}

fn text_line(head: &Head<'_>, fields: &Fields) -> String {
    let Head { level, milliseconds, .. } = *head;
    let mut line = format!("time={} level={level} msg={:?}", timestamp(milliseconds), fields.message);
    for (name, value) in &fields.others {
        let _ = match value {
            Value::String(text) if text.bytes().all(is_plain) => write!(line, " {name}={text}"),
            Value::String(text) => write!(line, " {name}={text:?}"),
            other => write!(line, " {name}={other}"),
        };
    }
    line
}

/// Whether a byte needs no quotes around it in `key=value`.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b'=' | b'\\')
}

fn json_line(head: &Head<'_>, fields: Fields) -> String {
    let Head { level, milliseconds, .. } = *head;
    let mut members = vec![
        ("time".to_owned(), Value::from(timestamp(milliseconds))),
        ("level".to_owned(), Value::from(level.as_str().to_ascii_lowercase())),
        ("message".to_owned(), Value::from(fields.message)),
    ];
    members.extend(fields.others.into_iter().map(|(name, value)| (name.to_owned(), value)));
    object(members)
}

fn gelf_line(head: &Head<'_>, fields: Fields) -> String {
    let Head { level, milliseconds, .. } = *head;
    // The severities of syslog, RFC 5424 §6.2.1.
    let severity = match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    };
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of this millennium fit 53 bits")]
    let seconds = milliseconds as f64 / 1000.0;
    let mut members = vec![
        ("version".to_owned(), Value::from("1.1")),
        ("host".to_owned(), Value::from(head.host)),
        ("short_message".to_owned(), Value::from(fields.message)),
        ("timestamp".to_owned(), Value::from(seconds)),
        ("level".to_owned(), Value::from(severity)),
        ("_level_name".to_owned(), Value::from(level.as_str())),
    ];
    for (name, value) in fields.others {
        if head.is_access && name == "decision" {
            members.push(("_access_granted".to_owned(), Value::from((value == "permit").to_string())));
        }
        let name = if head.is_access { heimdall_name(name) } else { name };
        // Values are texts and numbers; there are no others in GELF.
        let value = match value {
            Value::Bool(flag) => Value::from(flag.to_string()),
            other => other,
        };
        members.push((format!("_{name}"), value));
    }
    object(members)
}

/// What heimdall calls a field of its access events, where it has one like ours: dashboards go on working.
fn heimdall_name(field: &'static str) -> &'static str {
    match field {
        "client" => "client_ip",
        "method" => "http_method",
        "scheme" => "http_scheme",
        "host" => "http_host",
        "path" => "http_path",
        "status" => "http_status_code",
        "duration_ms" => "tx_duration_ms",
        other => other,
    }
}

/// A JSON object whose members keep their order, which a map of `serde_json` would sort.
fn object(members: Vec<(String, Value)>) -> String {
    let members: Vec<String> =
        members.into_iter().map(|(name, value)| format!("{}:{value}", Value::from(name))).collect();
    format!("{{{}}}", members.join(","))
}

fn timestamp(milliseconds: i64) -> String {
    Timestamp::from_millisecond(milliseconds).map(|time| format!("{time:.3}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: LogFormat, level: Level, milliseconds: i64, is_access: bool) -> String {
        let others = vec![
            ("path", Value::from("/a\n level=ERROR \"x\"")),
            ("rule", Value::from("upstream:api")),
            ("decision", Value::from("permit")),
            ("finished", Value::from(true)),
            ("status", Value::from(200)),
        ];
        let head = Head { level, milliseconds, is_access, host: "node-1" };
        line(format, &head, Fields { message: "Started".to_owned(), others })
    }

    #[test]
    fn writes_key_and_value_and_escapes_what_clients_send() {
        assert_eq!(
            written(LogFormat::Text, Level::INFO, 1_780_000_000_123, true),
            r#"time=2026-05-28T20:26:40.123Z level=INFO msg="Started" path="/a\n level=ERROR \"x\"" rule=upstream:api decision=permit finished=true status=200"#
        );
    }

    #[test]
    fn writes_one_object_a_line() {
        assert_eq!(
            written(LogFormat::Json, Level::WARN, 0, true),
            r#"{"time":"1970-01-01T00:00:00.000Z","level":"warn","message":"Started","path":"/a\n level=ERROR \"x\"","rule":"upstream:api","decision":"permit","finished":true,"status":200}"#
        );
    }

    #[test]
    fn gelf_has_heimdalls_names_in_access_events_and_no_truth_values() {
        let gelf: Value = serde_json::from_str(&written(LogFormat::Gelf, Level::ERROR, 1500, true)).unwrap();
        let expected = serde_json::json!({
            "version": "1.1", "host": "node-1", "short_message": "Started", "timestamp": 1.5, "level": 3,
            "_level_name": "ERROR", "_http_path": "/a\n level=ERROR \"x\"", "_rule": "upstream:api",
            "_access_granted": "true", "_decision": "permit", "_finished": "true", "_http_status_code": 200,
        });
        assert_eq!(gelf, expected);
        let gelf: Value = serde_json::from_str(&written(LogFormat::Gelf, Level::INFO, 0, false)).unwrap();
        assert_eq!((gelf["_status"].as_u64(), gelf.get("_access_granted")), (Some(200), None));
    }

    #[test]
    fn lines_of_a_traced_request_name_its_trace() {
        use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};
        let span = SpanContext::new(
            TraceId::from(1),
            SpanId::from(2),
            TraceFlags::SAMPLED,
            true,
            TraceState::default(),
        );
        let mut fields = Fields::default();
        fields.put_trace();
        assert!(fields.others.is_empty());
        let _current = TraceContext::new().with_remote_span_context(span).attach();
        fields.put_trace();
        let told: Vec<String> =
            fields.others.iter().map(|(name, value)| format!("{name}={}", value.as_str().unwrap())).collect();
        assert_eq!(told, ["trace_id=00000000000000000000000000000001", "span_id=0000000000000002"]);
    }
}
