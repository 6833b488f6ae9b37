//! A rule set: read or refused with a place inside the file, never both; what is accepted can be looked up, compiled and
//! written in the other dialect, which says the same.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use dpop::MemoryReplayStore;
use gateway::config::{Report, Settings, Sources, read_document};
use gateway::{Dialect, NotConverted, convert_rule_set};
use gateway_core::{
    cache::NoCache,
    certificates::NoTrust,
    document::{Diagnostics, KeyPath, Place},
    gateway::{Gateway, GatewaySettings},
    outbound::OneClient,
    rules::{RuleIndex, RuleSet, decode_rule_set, forwarding_policy::ForwardingPolicy},
    secrets::SecretStore,
};
use jose::UnixTime;
use resource_server::{OutboundError, OutboundFuture, OutboundHttp};

const FILE: &str = "rules.yaml";

/// What the rules may use: one mechanism of each type that needs no secret.
const CATALOGUE: &str = r#"
mechanisms:
  authenticators:
    - {id: anon, type: anonymous}
    - {id: nobody, type: unauthorized}
    - {id: token, type: jwt, config: {jwks_endpoint: {url: "https://a.example/jwks"}, assertions: {issuers: ["https://a.example"]}}}
    - {id: opaque, type: oauth2_introspection, config: {introspection_endpoint: {url: "https://a.example/i"}, assertions: {issuers: ["https://a.example"]}}}
  authorizers:
    - {id: yes, type: allow}
    - {id: no, type: deny}
    - {id: terms, type: cel, config: {expressions: [{expression: "true"}]}}
    - {id: asked, type: remote, config: {endpoint: {url: "https://a.example/z"}, payload: "{{ .Subject.ID }}"}}
  contextualizers:
    - {id: more, type: generic, config: {endpoint: {url: "https://a.example/c"}}}
    - {id: facts, type: map, config: {items: {a: "{{ .Request.Method }}"}}}
  finalizers:
    - {id: none, type: noop}
    - {id: field, type: header, config: {headers: {X-User: "{{ .Subject.ID }}"}}}
    - {id: crumb, type: cookie, config: {cookies: {user: "{{ .Subject.ID }}"}}}
  error_handlers:
    - {id: plain, type: default}
    - {id: away, type: redirect, config: {to: "https://a.example/login"}}
    - {id: www, type: www_authenticate}
default_rule:
  execute: [{authenticator: nobody}]
"#;

#[derive(Debug)]
struct NoOutbound;

impl OutboundHttp for NoOutbound {
    fn send(&self, _: http::Request<Bytes>, _: UnixTime) -> OutboundFuture<'_> {
        Box::pin(async { Err(OutboundError::Unreachable(String::new())) })
    }
}

static GATEWAY: LazyLock<Gateway> = LazyLock::new(|| {
    let mut diagnostics = Diagnostics::new();
    let root = KeyPath::configuration();
    let node =
        read_document("gateway.yaml", CATALOGUE, &root, None, &mut Sources::new(), &mut diagnostics).unwrap();
    let settings = Settings::read(&node, &mut diagnostics);
    let settings = GatewaySettings {
        mechanisms: settings.mechanisms,
        default_rule: settings.default_rule,
        master_key: None,
        secrets: SecretStore::default(),
        respond: settings.serve.respond,
        forwarding: ForwardingPolicy { requires_upstream: true, allows_plain_http_upstream: false },
        plain_http_endpoints: false,
        replay_store: Arc::new(MemoryReplayStore::new(10)),
        outbound: Arc::new(OneClient(Arc::new(NoOutbound))),
        cache: Arc::new(NoCache),
        observer: None,
        certificates: Arc::new(NoTrust),
    };
    Gateway::build(settings, &[], &mut diagnostics).unwrap_or_else(|| panic!("{diagnostics}"))
});

pub(crate) fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::new());
    let rule_set = read(text, &mut sources, &mut diagnostics);
    assert_eq!(rule_set.is_none(), diagnostics.has_errors(), "{diagnostics}");
    if let Some(rule_set) = &rule_set {
        let rule_sets = std::slice::from_ref(rule_set);
        let mut of_index = Diagnostics::new();
        let index = RuleIndex::build(rule_sets, true, &mut of_index);
        assert_eq!(index.is_none(), of_index.has_errors(), "{of_index}");
        let mut of_gateway = Diagnostics::new();
        let gateway = GATEWAY.with_rules(rule_sets, &mut of_gateway);
        assert_eq!(gateway.is_none(), of_gateway.has_errors(), "{of_gateway}");
        assert!(gateway.is_none() || index.is_some(), "{of_index}");
        diagnostics.extend(of_gateway);
    }
    for diagnostic in diagnostics.iter() {
        assert!(!diagnostic.places.is_empty());
        diagnostic.places.iter().for_each(|place| is_inside(text, place, &diagnostic.headline));
    }
    let shown = Report::new(diagnostics, sources).to_text();
    assert!(!shown.chars().any(|character| character.is_control() && character != '\n'), "{shown:?}");
    for dialect in [Dialect::V1Beta1, Dialect::V1Alpha4] {
        says_the_same(text, rule_set.as_ref(), dialect);
    }
}

fn read(text: &str, sources: &mut Sources, diagnostics: &mut Diagnostics) -> Option<RuleSet> {
    let node = read_document(FILE, text, &KeyPath::rule_set(), None, sources, diagnostics)?;
    decode_rule_set(&node, diagnostics)
}

fn says_the_same(text: &str, rule_set: Option<&RuleSet>, dialect: Dialect) {
    let converted = match convert_rule_set(FILE, text, dialect) {
        Ok(converted) => converted.text,
        Err(NotConverted::Already(_)) => return assert!(rule_set.is_some()),
        Err(NotConverted::Mistakes(_)) => return,
    };
    let rule_set = rule_set.expect("what is converted was readable");
    let mut diagnostics = Diagnostics::new();
    let again = read(&converted, &mut Sources::new(), &mut diagnostics);
    let again = again.unwrap_or_else(|| panic!("{diagnostics}\n{converted}"));
    assert_eq!(matching(&again), matching(rule_set), "{converted}");
    let twice = convert_rule_set(FILE, &converted, dialect);
    assert!(matches!(twice, Err(NotConverted::Already(_))), "{converted}");
}

/// What requests the rules are for and how many steps they have.
fn matching(rule_set: &RuleSet) -> Vec<String> {
    let rules = rule_set.rules.iter().map(|rule| {
        let matching = &rule.matching;
        let paths: Vec<_> = matching.paths.iter().map(|path| (&path.pattern, path.captures.len())).collect();
        format!(
            "{} {paths:?} {:?} {:?} {:?} {:?} {:?} {} {}",
            rule.id.value,
            matching.hosts,
            matching.host_conditions.len(),
            matching.methods,
            matching.scheme,
            rule.allow_encoded_slashes,
            rule.execute.len(),
            rule.on_error.len()
        )
    });
    rules.collect()
}

fn is_inside(text: &str, place: &Place, headline: &str) {
    if place.line == 0 {
        return;
    }
    assert_eq!(&*place.source, FILE);
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let line = text.split('\n').nth(place.line as usize - 1);
    let characters = line.map(|line| line.chars().count());
    assert!(
        characters.is_some_and(|characters| (1..=characters + 1).contains(&(place.column as usize))),
        "{headline}: {}:{} is outside of the file",
        place.line,
        place.column
    );
}
