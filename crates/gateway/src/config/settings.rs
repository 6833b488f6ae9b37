//! The configuration as the program uses it: every key of the document read, checked and given its default.
//!
//! Keys of later stages are read and checked like all others, then refused with `not_supported_yet`: nothing that somebody
//! relies on is ignored. What stands under `mechanisms` and `default_rule` is only taken apart here; the decision's crate
//! reads it.

mod cors;
mod listener;
mod providers;
mod redis;
mod secret_source;
mod state;
mod telemetry;
pub(super) mod written;

use gateway_core::document::{
    Code, Decode, Diagnostic, Diagnostics, KeyPath, MapReader, Node, Place, SecretReference, Spanned,
    report_wrong_type,
};
use gateway_core::mechanisms::catalogue::MechanismDefinition;
use gateway_core::rules::{DefaultRuleDefinition, StepKind, decode_default_rule};

pub use cors::{Allowed, CorsSettings, OriginPattern};
pub use listener::{
    BufferLimits, ConnectionLimits, ManagementSettings, RequestLimits, ServeSettings, Timeouts, TlsSettings,
    TlsVersion,
};
pub use providers::{FileSystemSettings, HttpEndpointSettings, ProviderSettings};
pub use redis::{RedisSettings, RedisTlsSettings};
pub use secret_source::{SecretFile, SecretSourceKind, SecretSourceSettings};
pub use state::{CacheSettings, ReplayStoreSettings, ReplayStoreType};
pub use telemetry::{LogFormat, LogLevel, LogSettings, MetricsSettings, SpanProcessor, TracingSettings};

/// The static configuration.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The listener for requests.
    pub serve: ServeSettings,
    /// The listener for operators.
    pub management: ManagementSettings,
    /// What is logged and how.
    pub log: LogSettings,
    /// What is traced.
    pub tracing: TracingSettings,
    /// What is counted.
    pub metrics: MetricsSettings,
    /// Where secrets come from.
    pub secret_sources: Vec<SecretSourceSettings>,
    /// The key that protects DPoP nonces.
    pub master_key: Option<SecretReference>,
    /// The entries under `mechanisms`.
    pub mechanisms: Vec<MechanismDefinition>,
    /// The default rule.
    pub default_rule: Option<DefaultRuleDefinition>,
    /// Where rules come from.
    pub providers: ProviderSettings,
    /// What answers are kept in.
    pub cache: CacheSettings,
    /// Where used proofs are remembered.
    pub replay_store: ReplayStoreSettings,
}

impl Settings {
    /// Reads the whole document; null counts as empty. After errors the result holds defaults in their places and is good
    /// for nothing but finding more errors.
    #[must_use]
    pub fn read(root: &Node, diagnostics: &mut Diagnostics) -> Self {
        let path = KeyPath::configuration();
        let empty = Node::new(gateway_core::document::NodeValue::Mapping(Vec::new()), root.place.clone());
        let root = if root.is_null() { &empty } else { root };
        let is_map = root.entries().is_some();
        if !is_map {
            report_wrong_type(root, &path, "a map", None, diagnostics);
        }
        let root = if is_map { root } else { &empty };
        match MapReader::new(root, &path, diagnostics) {
            Some(reader) => Self::read_keys(reader),
            None => Self::defaults(&root.place),
        }
    }

    fn read_keys(mut reader: MapReader<'_, '_>) -> Self {
        let mut settings = Self::defaults(reader.place());
        if let Some(version) = reader.optional::<Spanned<String>>("version") {
            check_version(&version, reader.diagnostics());
        }
        settings.serve = reader.or("serve", settings.serve);
        settings.management = reader.or("management", settings.management);
        settings.log = reader.or("log", settings.log);
        settings.secret_sources =
            reader.optional_with("secret_management", secret_source::decode_sources).unwrap_or_default();
        settings.master_key = reader.optional("master_key");
        settings.mechanisms = reader.optional_with("mechanisms", decode_mechanisms).unwrap_or_default();
        settings.default_rule = reader
            .optional_with("default_rule", |node, _, diagnostics| decode_default_rule(node, diagnostics));
        settings.providers = reader.or("providers", settings.providers);
        settings.cache = reader.or("cache", settings.cache);
        settings.replay_store = reader.or("replay_store", settings.replay_store);
        settings.tracing = reader.or("tracing", settings.tracing);
        settings.metrics = reader.or("metrics", settings.metrics);
        reader.optional_with("profiling", telemetry::check_profiling);
        reader.finish();
        settings
    }

    fn defaults(place: &Place) -> Self {
        Self {
            serve: ServeSettings::defaults(place),
            management: ManagementSettings::defaults(place),
            log: LogSettings::default(),
            tracing: TracingSettings::default(),
            metrics: MetricsSettings::default(),
            secret_sources: Vec::new(),
            master_key: None,
            mechanisms: Vec::new(),
            default_rule: None,
            providers: ProviderSettings::default(),
            cache: CacheSettings::default(),
            replay_store: ReplayStoreSettings::default(),
        }
    }
}

/// `v0.18.0`: checked for its form only.
fn check_version(version: &Spanned<String>, diagnostics: &mut Diagnostics) {
    let parts: Vec<&str> = version.value.strip_prefix('v').unwrap_or_default().split('.').collect();
    let is_number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if parts.len() != 3 || !parts.iter().all(is_number) {
        diagnostics.push(
            Diagnostic::error(Code::WrongType, "`version` is not a version", &version.place)
                .found(version.value.as_str())
                .expected("vX.Y.Z"),
        );
    }
}

/// The lists under `mechanisms`, in the order of the pipeline.
fn decode_mechanisms(
    node: &Node,
    path: &KeyPath,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<MechanismDefinition>> {
    let mut reader = MapReader::new(node, path, diagnostics)?;
    let mut definitions = Vec::new();
    for (key, kind) in [
        ("authenticators", StepKind::Authenticator),
        ("authorizers", StepKind::Authorizer),
        ("contextualizers", StepKind::Contextualizer),
        ("finalizers", StepKind::Finalizer),
        ("error_handlers", StepKind::ErrorHandler),
    ] {
        let Some(list) = reader.node(key) else {
            if kind == StepKind::Authenticator {
                reader.report_missing(key);
            }
            continue;
        };
        let list_path = path.key(key);
        let Some(elements) = list.elements() else {
            report_wrong_type(list, &list_path, "a list", None, reader.diagnostics());
            continue;
        };
        for (index, element) in elements.iter().enumerate() {
            let definition = decode_mechanism(element, kind, &list_path.index(index), reader.diagnostics());
            definitions.extend(definition);
        }
    }
    reader.finish();
    Some(definitions)
}

fn decode_mechanism(
    node: &Node,
    kind: StepKind,
    path: &KeyPath,
    diagnostics: &mut Diagnostics,
) -> Option<MechanismDefinition> {
    let mut reader = MapReader::new(node, path, diagnostics)?;
    let id = reader.required::<Spanned<String>>("id");
    let type_name = reader.required("type");
    let config = reader.node("config").cloned();
    reader.finish();
    Some(MechanismDefinition { kind, id: id?, type_name: type_name?, config, place: node.place.clone() })
}

/// Reads a key of a later stage for its mistakes, then refuses it.
fn check_for_later<T: Decode>(
    reader: &mut MapReader<'_, '_>,
    key: &'static str,
    meanwhile: &str,
) -> Option<T> {
    let value = reader.optional::<T>(key);
    reader.not_supported_yet(key, meanwhile);
    value
}
