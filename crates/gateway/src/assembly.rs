//! From files to a gateway that can decide, with every mistake of every file reported in one run. No socket is opened.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use gateway_core::{
    gateway::GatewaySettings, outbound::OutboundClients, rules::forwarding_policy::ForwardingPolicy,
    step_observer::StepObserver,
};
use outbound::{HyperClients, SystemTrust};

use crate::{
    app::{Mode, ServeOptions, StartError},
    certificates::TlsTrust,
    config::{self, Draft, LoadOptions, Loaded, Report, Settings},
    file_watch::Watch,
    providers::{
        file_system::RuleFile,
        http_endpoint,
        rule_files::{self, RuleFiles},
    },
    redis::RedisLink,
    reload::Engine,
    remembered::{self, Remembered},
    telemetry::{Telemetry, otlp::settings::Exports, outbound::WatchedClients, trace::steps::TracedSteps},
};

/// Where rules come from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum RuleSource<'a> {
    /// From the provider of the configuration.
    Provider,
    /// From this file or folder only.
    File {
        /// The file or folder.
        path: &'a Path,
        /// Whether every rule must say where it forwards to.
        in_proxy_mode: bool,
    },
}

/// Everything but the listeners.
pub(crate) struct Assembled {
    /// The configuration and its warnings.
    pub(crate) loaded: Loaded,
    /// The gateway with the rules as they are in their files, and what it was made of.
    pub(crate) engine: Engine,
    /// The connection to Redis, if there is one to be made.
    pub(crate) redis: Option<RedisLink>,
    /// The rule files, if there are any.
    pub(crate) rules: Option<FollowedRules>,
    /// What is counted and traced, not started yet.
    pub(crate) telemetry: Arc<Telemetry>,
    /// Where telemetry goes.
    pub(crate) exports: Exports,
    /// Whom upstreams are recognised by.
    pub(crate) trust: SystemTrust,
}

/// Rule files, what was read from them, and the watch, which begins before they are read: no change falls in between.
pub(crate) struct FollowedRules {
    /// Where they are.
    pub(crate) files: RuleFiles,
    /// `None` if changes are not to be followed.
    pub(crate) watch: Option<Watch>,
    /// What the rules of the moment were made from.
    pub(crate) known: Vec<RuleFile>,
}

/// Checks a configuration with its mechanisms, secrets and rules, as a start would. Gives the warnings.
///
/// # Errors
///
/// [`StartError::Configuration`] with everything that is wrong.
pub fn validate_configuration(options: &ServeOptions) -> Result<Report, StartError> {
    assemble(options, RuleSource::Provider).map(|assembled| assembled.loaded.warnings)
}

/// Checks a rule file, or a folder of them, against the mechanisms of a configuration. In proxy mode every rule must say
/// where it forwards to. Gives the warnings.
///
/// # Errors
///
/// [`StartError::Configuration`] with everything that is wrong.
pub fn validate_rule_set(
    options: &ServeOptions,
    rules: &Path,
    in_proxy_mode: bool,
) -> Result<Report, StartError> {
    assemble(options, RuleSource::File { path: rules, in_proxy_mode })
        .map(|assembled| assembled.loaded.warnings)
}

/// Reads the configuration, the secrets and the rules, and builds the gateway.
pub(crate) fn assemble(options: &ServeOptions, source: RuleSource<'_>) -> Result<Assembled, StartError> {
    let telemetry = Arc::new(Telemetry::new()?);
    let trust = SystemTrust::read()?;
    let outbound =
        Arc::new(WatchedClients::over(Arc::new(HyperClients::trusting(&trust)), Arc::clone(&telemetry)));
    let mut draft = config::draft(&LoadOptions {
        file: options.configuration.clone(),
        environment: options.environment.clone(),
        environment_prefix: options.environment_prefix.clone(),
        enforcement: options.enforcement,
    });
    let rules = followed_rules(draft.settings(), options, source).map(|rules| read(rules, &mut draft));
    let forwarding = ForwardingPolicy {
        requires_upstream: match source {
            RuleSource::Provider => options.mode == Mode::Proxy,
            RuleSource::File { in_proxy_mode, .. } => in_proxy_mode,
        },
        allows_plain_http_upstream: options.enforcement.skip_upstream_tls,
    };
    let mut diagnostics = std::mem::take(&mut draft.diagnostics);
    let start = options.clock.now();
    let remembered =
        remembered::set_up(draft.settings(), draft.secrets(), &telemetry.metrics, start, &mut diagnostics)?;
    draft.diagnostics = diagnostics;
    let redis = remembered.redis.clone();
    let ports = (remembered, outbound as _);
    let engine = build_engine(&mut draft, options, forwarding, rules.as_ref(), ports, &telemetry);
    let switched_on = (draft.settings().tracing.enabled, draft.settings().metrics.enabled);
    let exports = Exports::read(&options.environment, switched_on, &mut draft.diagnostics);
    let loaded = draft.accept().map_err(|report| StartError::Configuration(Box::new(report)))?;
    match engine {
        Some(engine) => Ok(Assembled { loaded, engine, redis, rules, telemetry, exports, trust }),
        // A gateway that is not built has left an error, so this is not reached; refusing is right in any case.
        None => Err(StartError::Configuration(Box::new(loaded.warnings))),
    }
}

fn followed_rules(
    settings: &Settings,
    options: &ServeOptions,
    source: RuleSource<'_>,
) -> Option<FollowedRules> {
    let provider = settings.providers.file_system.as_ref();
    let replaces_variables = provider.is_some_and(|provider| provider.env_vars_enabled);
    let environment = replaces_variables.then(|| options.environment.clone());
    let (source, watches) = match source {
        RuleSource::File { path, .. } => (path.to_owned(), false),
        RuleSource::Provider => {
            provider.map(|provider| (PathBuf::from(&provider.src.value), provider.watch))?
        }
    };
    let watch = watches.then(|| Watch::start(&source));
    Some(FollowedRules { files: RuleFiles { source, environment }, watch, known: Vec::new() })
}

fn read(mut rules: FollowedRules, draft: &mut Draft) -> FollowedRules {
    match rules.files.read() {
        Ok(files) => rules.known = files,
        Err(error) => draft.diagnostics.push(rule_files::unreadable(&error)),
    }
    rules
}

/// What the gateway reaches the world through.
type Ports = (Remembered, Arc<dyn OutboundClients>);

/// Builds mechanisms and rules, and adds their mistakes to those of the draft.
fn build_engine(
    draft: &mut Draft,
    options: &ServeOptions,
    forwarding: ForwardingPolicy,
    rules: Option<&FollowedRules>,
    (remembered, outbound): Ports,
    telemetry: &Arc<Telemetry>,
) -> Option<Engine> {
    let mut found = std::mem::take(&mut draft.diagnostics);
    let rule_sets = match rules {
        Some(rules) => rules.files.decode(&rules.known, &mut draft.sources, &mut found),
        None => Vec::new(),
    };
    let settings = draft.settings();
    let covers_steps = settings.tracing.enabled && settings.tracing.cover_rules;
    let observer =
        covers_steps.then(|| Arc::new(TracedSteps(Arc::clone(telemetry))) as Arc<dyn StepObserver>);
    let endpoints =
        settings.providers.http_endpoint.clone().map(|provider| provider.endpoints).unwrap_or_default();
    let settings = GatewaySettings {
        mechanisms: settings.mechanisms.clone(),
        default_rule: settings.default_rule.clone(),
        master_key: settings.master_key.clone(),
        secrets: draft.secrets().clone(),
        respond: settings.serve.respond,
        forwarding,
        plain_http_endpoints: options.enforcement.skip_egress_tls,
        replay_store: remembered.replay_store,
        outbound,
        cache: remembered.cache,
        observer,
        certificates: Arc::new(TlsTrust::default()),
    };
    for (position, endpoint) in endpoints.iter().enumerate() {
        http_endpoint::build(endpoint, position, &settings, &mut found);
    }
    let engine = Engine::build(settings, rule_sets, Arc::clone(&telemetry.metrics), &mut found);
    draft.diagnostics = found;
    engine
}
