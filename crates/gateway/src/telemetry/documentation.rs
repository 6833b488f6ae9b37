//! `docs/operations.md` says what the program does: names, labels, fields and log lines are compared.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use http::StatusCode;
use tracing::{Event, Subscriber};
use tracing_subscriber::{
    Layer, Registry,
    layer::{Context, SubscriberExt as _},
};

use super::{
    access::AccessEvent,
    metrics::catalogue::{self, Kind},
};

const PAGE: &str = include_str!("../../../../docs/operations.md");

/// The cells of every row of the table under a heading.
fn rows(heading: &str) -> Vec<Vec<String>> {
    let (_, section) = PAGE.split_once(&format!("\n{heading}\n")).unwrap();
    let table =
        section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let cells = |line: &str| {
        let escaped = line.replace("\\|", "\u{1}");
        let cells = escaped.trim_matches('|').split('|');
        cells.map(|cell| cell.trim().replace('\u{1}', "|")).collect::<Vec<_>>()
    };
    let rows: Vec<_> = table.skip(2).map(cells).collect();
    assert!(!rows.is_empty(), "{heading}");
    rows
}

/// The words in backquotes.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn every_metric_is_in_the_page_with_its_type_and_labels_and_no_other() {
    let told: Vec<_> = rows("## Metrics")
        .into_iter()
        .map(|row| (quoted(&row[0]).remove(0), row[1].clone(), quoted(&row[2])))
        .collect();
    let defined: Vec<_> = catalogue::ALL
        .iter()
        .map(|definition| {
            let kind = match definition.kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
                Kind::Histogram(_) => "histogram",
            };
            let labels = definition.labels.iter().map(|label| catalogue::prometheus_label(label)).collect();
            (definition.prometheus_name(), kind.to_owned(), labels)
        })
        .collect();
    assert_eq!(told, defined);
}

#[test]
fn every_alert_reads_metrics_that_exist() {
    let names: Vec<String> = catalogue::ALL.iter().map(|definition| definition.prometheus_name()).collect();
    let expressions = rows("### Alerts to set");
    for row in &expressions {
        let is_part = |character: char| character.is_ascii_alphanumeric() || character == '_';
        let words: BTreeSet<&str> = row[1].split(|character| !is_part(character)).collect();
        let metrics = words.iter().filter(|word| {
            ["keybound_", "http_server_", "http_client_", "certificate_"]
                .iter()
                .any(|prefix| word.starts_with(prefix))
        });
        let labels = catalogue::ALL.iter().flat_map(|definition| definition.labels);
        let labels: Vec<String> = labels.map(|label| catalogue::prometheus_label(label)).collect();
        for word in metrics {
            let base = word.strip_suffix("_count").unwrap_or(word);
            assert!(
                names.iter().any(|name| name == base) || labels.iter().any(|label| label == word),
                "{word}"
            );
        }
    }
}

#[derive(Clone, Default)]
struct FieldNames(Arc<Mutex<Vec<&'static str>>>);

impl<S: Subscriber> Layer<S> for FieldNames {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        self.0.lock().unwrap().extend(event.metadata().fields().iter().map(|field| field.name()));
    }
}

#[test]
fn every_field_of_the_access_event_is_in_the_page_and_no_other() {
    let names = FieldNames::default();
    tracing::subscriber::with_default(Registry::default().with(names.clone()), || {
        let event = AccessEvent::of_peer("proxy", ([192, 0, 2, 1], 1).into());
        event.write(StatusCode::OK, std::time::Duration::ZERO, None);
    });
    let written: BTreeSet<String> = names.0.lock().unwrap().iter().map(|name| (*name).to_owned()).collect();
    let mut told: BTreeSet<String> =
        rows("### The access event").iter().map(|row| quoted(&row[0]).remove(0)).collect();
    told.insert("message".to_owned());
    assert_eq!(told, written);
}

#[test]
fn every_log_line_of_the_guide_is_one_of_ours() {
    // What goes out is called in a crate of its own.
    let gateway = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders: Vec<PathBuf> = vec![gateway.join("src"), gateway.join("../outbound/src")];
    let mut text = String::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => text.push_str(&std::fs::read_to_string(path).unwrap()),
            }
        }
    }
    for row in rows("## At three in the morning") {
        let line = quoted(&row[0]).remove(0);
        assert!(text.contains(&format!("\"{line}\"")), "{line}");
    }
}
