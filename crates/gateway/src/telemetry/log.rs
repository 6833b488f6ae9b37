//! The log on standard output: `text` (one line of `key=value`), `json` (one object a line) and `gelf` (1.1).
//!
//! Values from requests are quoted and escaped: a client can not write a line of its own.

use std::{
    fmt::{self, Write as _},
    io::Write as _,
};

use jiff::Timestamp;
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
    let layer = LineLayer { level, format };
    tracing::subscriber::set_global_default(Registry::default().with(layer)).is_ok()
}

struct LineLayer {
    level: LevelFilter,
    format: LogFormat,
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
        let line = line(self.format, *event.metadata().level(), clock::now_milliseconds(), fields);
        let _ = writeln!(std::io::stdout().lock(), "{line}");
    }
}

/// The fields of one event, the message apart. Empty texts are left out.
#[derive(Default)]
struct Fields {
    message: String,
    others: Vec<(&'static str, Value)>,
}

impl Fields {
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

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, Value::from(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, Value::from(format!("{value:?}")));
    }
}

fn line(format: LogFormat, level: Level, milliseconds: i64, fields: Fields) -> String {
    match format {
        LogFormat::Text => text_line(level, milliseconds, &fields),
        LogFormat::Json => json_line(level, milliseconds, fields),
        LogFormat::Gelf => gelf_line(level, milliseconds, fields),
    }
}

fn text_line(level: Level, milliseconds: i64, fields: &Fields) -> String {
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

fn json_line(level: Level, milliseconds: i64, fields: Fields) -> String {
    let mut members = vec![
        ("time".to_owned(), Value::from(timestamp(milliseconds))),
        ("level".to_owned(), Value::from(level.as_str().to_ascii_lowercase())),
        ("message".to_owned(), Value::from(fields.message)),
    ];
    members.extend(fields.others.into_iter().map(|(name, value)| (name.to_owned(), value)));
    object(members)
}

fn gelf_line(level: Level, milliseconds: i64, fields: Fields) -> String {
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
        ("host".to_owned(), Value::from("keybound")),
        ("short_message".to_owned(), Value::from(fields.message)),
        ("timestamp".to_owned(), Value::from(seconds)),
        ("level".to_owned(), Value::from(severity)),
    ];
    members.extend(fields.others.into_iter().map(|(name, value)| (format!("_{name}"), value)));
    object(members)
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

    fn fields() -> Fields {
        let others = vec![
            ("path", Value::from("/a\n level=ERROR \"x\"")),
            ("rule", Value::from("upstream:api")),
            ("status", Value::from(200)),
        ];
        Fields { message: "Started".to_owned(), others }
    }

    #[test]
    fn writes_key_and_value_and_escapes_what_clients_send() {
        assert_eq!(
            line(LogFormat::Text, Level::INFO, 1_780_000_000_123, fields()),
            r#"time=2026-05-28T20:26:40.123Z level=INFO msg="Started" path="/a\n level=ERROR \"x\"" rule=upstream:api status=200"#
        );
    }

    #[test]
    fn writes_one_object_a_line() {
        assert_eq!(
            line(LogFormat::Json, Level::WARN, 0, fields()),
            r#"{"time":"1970-01-01T00:00:00.000Z","level":"warn","message":"Started","path":"/a\n level=ERROR \"x\"","rule":"upstream:api","status":200}"#
        );
        let gelf: Value = serde_json::from_str(&line(LogFormat::Gelf, Level::ERROR, 1500, fields())).unwrap();
        assert_eq!((gelf["level"].as_i64(), gelf["timestamp"].as_f64()), (Some(3), Some(1.5)));
        assert_eq!(gelf["_status"], 200);
        assert_eq!(gelf["version"], "1.1");
    }
}
