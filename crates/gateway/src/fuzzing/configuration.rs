//! The static configuration: whatever is written, every mistake is reported at a place inside what was written, and a
//! gateway is built exactly when there is none.

use std::sync::Arc;

use dpop::MemoryReplayStore;
use gateway_core::{
    cache::NoCache,
    certificates::NoTrust,
    document::{Diagnostics, KeyPath, Place},
    gateway::{Gateway, GatewaySettings},
    outbound::OneClient,
    rules::forwarding_policy::ForwardingPolicy,
    secrets::SecretStore,
};
use jose::UnixTime;
use resource_server::{OutboundError, OutboundFuture, OutboundHttp};

use crate::config::{Enforcement, Environment, Report, Settings, Sources, read_document};

const FILE: &str = "gateway.yaml";
/// Lines that begin so, at the start of a case, set variables of the environment.
const VARIABLE: &str = "# env ";

#[derive(Debug)]
struct NoOutbound;

impl OutboundHttp for NoOutbound {
    fn send(&self, _: http::Request<bytes::Bytes>, _: UnixTime) -> OutboundFuture<'_> {
        Box::pin(async { Err(OutboundError::Unreachable(String::new())) })
    }
}

/// Reads one case as a configuration. Files that it names are not opened.
pub fn check(bytes: &[u8]) {
    let Ok(case) = std::str::from_utf8(bytes) else { return };
    let variables = case.lines().map_while(|line| line.strip_prefix(VARIABLE)?.split_once('='));
    let environment = Environment::from_pairs(variables);
    for enforcement in [Enforcement::full(), Enforcement::none()] {
        read(case, &environment, enforcement);
    }
}

fn read(text: &str, environment: &Environment, enforcement: Enforcement) {
    let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::new());
    let root = KeyPath::configuration();
    let document = read_document(FILE, text, &root, Some(environment), &mut sources, &mut diagnostics);
    assert_eq!(document.is_none(), diagnostics.has_errors(), "{diagnostics}");
    let Some(mut document) = document else { return check_report(text, diagnostics, sources) };
    environment.overlay(&mut document, &["HEIMDALLCFG_", "KEYBOUND_"], &mut diagnostics);
    let settings = Settings::read(&document, &mut diagnostics);
    crate::config::enforce(&settings, &enforcement, &mut diagnostics);
    let built = GatewaySettings {
        mechanisms: settings.mechanisms,
        default_rule: settings.default_rule,
        master_key: settings.master_key,
        secrets: SecretStore::default(),
        respond: settings.serve.respond,
        forwarding: ForwardingPolicy {
            requires_upstream: true,
            allows_plain_http_upstream: enforcement.skip_upstream_tls,
        },
        plain_http_endpoints: enforcement.skip_egress_tls,
        replay_store: Arc::new(MemoryReplayStore::new(10)),
        outbound: Arc::new(OneClient(Arc::new(NoOutbound))),
        cache: Arc::new(NoCache),
        observer: None,
        certificates: Arc::new(NoTrust),
    };
    let mut of_gateway = Diagnostics::new();
    let gateway = Gateway::build(built, &[], &mut of_gateway);
    assert_eq!(gateway.is_none(), of_gateway.has_errors(), "{of_gateway}");
    diagnostics.extend(of_gateway);
    check_report(text, diagnostics, sources);
}

fn check_report(text: &str, diagnostics: Diagnostics, sources: Sources) {
    for diagnostic in diagnostics.iter() {
        assert!(!diagnostic.places.is_empty());
        diagnostic.places.iter().for_each(|place| check_place(text, place, &diagnostic.headline));
    }
    let report = Report::new(diagnostics, sources);
    let shown = report.to_text();
    assert!(!shown.chars().any(|character| character.is_control() && character != '\n'), "{shown:?}");
    let _ = report.to_json();
}

fn check_place(text: &str, place: &Place, headline: &str) {
    if place.line == 0 {
        return;
    }
    assert_eq!(&*place.source, FILE);
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let line = usize::try_from(place.line).ok().and_then(|line| text.split('\n').nth(line - 1));
    let characters = line.map(|line| line.chars().count());
    let column = usize::try_from(place.column).unwrap_or(usize::MAX);
    assert!(
        characters.is_some_and(|characters| (1..=characters + 1).contains(&column)),
        "{headline}: {}:{} is outside of the file",
        place.line,
        place.column
    );
}
