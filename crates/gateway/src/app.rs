//! Puts the gateway together: configuration, secrets, rules, listeners, and the way it stops.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use gateway_core::{rules::StepKind, secrets::SecretStore};
use tokio::net::TcpListener;
use tracing::level_filters::LevelFilter;

use crate::{
    assembly::{self, Assembled, FollowedRules, RuleSource},
    clock::{self, Clock},
    config::{
        Enforcement, Environment, Report, Settings,
        settings::{
            ConnectionLimits as UpstreamLimits, CorsSettings, LogFormat, LogLevel, LogSettings,
            SecretSourceSettings, ServeSettings, Timeouts, TlsSettings,
        },
    },
    listen,
    management::{CurrentKeys, Management, readiness::Readiness},
    providers::{http_endpoint::FollowedEndpoint, rule_book::RuleBook},
    reload::Engine,
    secrets::{
        Fingerprints,
        follow::{FollowedSecret, SecretUsers},
    },
    serve::{
        connection::{self, ConnectionLimits, Listener, Shutdown},
        cors::{Cors, WithCors},
        decision::Decision,
        gate::{Gate, OnPermit},
        intake::Intake,
        proxy::Proxy,
        timed_io::ConnectionTimeouts,
        trusted_proxies::TrustedProxies,
        upstream::{PoolLimits, UpstreamClient},
    },
    telemetry::{
        Exporting, Telemetry,
        log::{self, LIFECYCLE},
        watch::Told,
    },
    tls::{UpstreamConnectors, listener::ListenerTls},
};

/// How long requests under way may take to finish when the gateway stops.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(30);

/// How long a scrape may take that is under way when the gateway stops.
const MANAGEMENT_PATIENCE: Duration = Duration::from_secs(1);

/// How the gateway answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// As a reverse proxy: what is permitted is forwarded to the upstream of its rule.
    Proxy,
    /// As the decision service of a proxy in front: what is permitted is answered with 200 and what finalizers set. Rules
    /// need no `forward_to`.
    Decision,
}

impl Mode {
    /// The word of the command line and the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Proxy => Proxy::NAME,
            Self::Decision => Decision::NAME,
        }
    }
}

/// Where the gateway listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addresses {
    /// Where the configuration says.
    Configured,
    /// On 127.0.0.1, on ports that the system chooses.
    AnyLoopbackPort,
}

/// What the command line says.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// How the gateway answers.
    pub mode: Mode,
    /// `-c`: exactly this file; `None` looks in the usual places.
    pub configuration: Option<PathBuf>,
    /// `--env-config-prefix`.
    pub environment_prefix: Option<String>,
    /// The variables for substitution and for settings.
    pub environment: Environment,
    /// The `--insecure…` flags.
    pub enforcement: Enforcement,
    /// Where to listen.
    pub addresses: Addresses,
    /// What requests are judged by.
    pub clock: Clock,
    /// Whether the gateway's log goes to standard output. It can be switched on once in a process.
    pub installs_log: bool,
}

impl ServeOptions {
    /// Proxy mode with this configuration file, every demand on safety made, listening where the file says, with the log on
    /// standard output.
    #[must_use]
    pub fn new(configuration: impl Into<PathBuf>) -> Self {
        Self {
            mode: Mode::Proxy,
            configuration: Some(configuration.into()),
            environment_prefix: None,
            environment: Environment::of_process(),
            enforcement: Enforcement::full(),
            addresses: Addresses::Configured,
            clock: Clock::of_system(),
            installs_log: true,
        }
    }
}

/// Why the gateway did not start. Nothing runs then.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Mistakes in the configuration, secrets or rules: all of them, ready to print.
    #[error("{}", .0.to_text())]
    Configuration(Box<Report>),
    /// An address can not be listened on.
    #[error("can not listen on {address} for {listener}: {source}")]
    Listen {
        /// `serve` or `management`.
        listener: &'static str,
        /// The address as configured.
        address: String,
        /// Why.
        source: std::io::Error,
    },
    /// TLS can not be set up.
    #[error("TLS can not be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The key or certificate of a listener can not be used; the check of the configuration finds that first.
    #[error("TLS of {listener} can not be set up: {reason}")]
    ListenerTls {
        /// `serve` or `management`.
        listener: &'static str,
        /// Why.
        reason: String,
    },
    /// The metrics can not be set up.
    #[error("metrics can not be set up: {0}")]
    Metrics(#[from] prometheus::Error),
}

/// A running gateway.
pub struct App {
    serve_address: SocketAddr,
    management_address: SocketAddr,
    warnings: Report,
    shutdown: Shutdown,
    /// Of the management port, which outlives the other: it says that the gateway is not ready any more.
    management_shutdown: Shutdown,
    exporting: Exporting,
}

impl App {
    /// Reads the configuration, builds everything and serves.
    ///
    /// # Errors
    ///
    /// [`StartError`]; mistakes in configuration and rules are reported all at once.
    pub async fn start(options: ServeOptions) -> Result<Self, StartError> {
        let assembled = assembly::assemble(&options, RuleSource::Provider)?;
        if options.installs_log {
            install_log(assembled.loaded.settings.log);
        }
        Self::serve(assembled, &options).await
    }

    async fn serve(assembled: Assembled, options: &ServeOptions) -> Result<Self, StartError> {
        let Assembled { loaded, engine, redis, rules, telemetry, exports, trust } = assembled;
        trust.warn_if_missing();
        let settings = loaded.settings;
        let shutdown = Shutdown::default();
        let serve = listen_for("serve", settings.serve.host.as_deref(), settings.serve.port, options).await?;
        let management =
            listen_for("management", settings.management.host.as_deref(), settings.management.port, options)
                .await?;
        let (serve_address, management_address) = (local_address(&serve)?, local_address(&management)?);

        let serve_tls = listener_tls("serve", settings.serve.tls.as_ref(), &loaded.secrets)?;
        let management_tls = listener_tls("management", settings.management.tls.as_ref(), &loaded.secrets)?;
        let serve = Listener { socket: serve, tls: serve_tls.as_ref().map(ListenerTls::acceptor) };
        let management =
            Listener { socket: management, tls: management_tls.as_ref().map(ListenerTls::acceptor) };
        if let Some(redis) = &redis {
            redis.link.connect();
        }
        let keys = CurrentKeys::new(&engine.published_keys());
        let engine = Arc::new(engine);
        let processor = settings.tracing.span_processor;
        let exporting = telemetry.start(exports, processor, &options.environment, &shutdown)?;
        let book = follow_rules(&settings, rules, &engine, &shutdown).await;
        let (rule_count, key_sources) = (engine.rule_count(), engine.key_sources());
        match options.mode {
            Mode::Proxy => {
                let parts = (Arc::clone(&engine), Arc::clone(&telemetry));
                let connectors = UpstreamConnectors::with_config(trust.client_config());
                let mode = proxy(&settings, parts.clone(), connectors, options.enforcement, &shutdown);
                open_gate(serve, &settings, parts, &options.clock, mode, &shutdown)?;
            }
            Mode::Decision => {
                if settings.serve.cors.is_some() {
                    tracing::warn!(
                        "`serve.cors` has no effect in decision mode: the proxy in front answers browsers"
                    );
                }
                let mode = Decision { engine: Arc::clone(&engine) };
                let parts = (Arc::clone(&engine), Arc::clone(&telemetry));
                open_gate(serve, &settings, parts, &options.clock, mode, &shutdown)?;
            }
        }
        let listeners = serve_tls.into_iter().chain(management_tls).collect();
        let users =
            SecretUsers::new(loaded.secrets, Arc::clone(&engine), keys.clone(), listeners, redis.clone());
        follow_secrets(&settings.secret_sources, &loaded.fingerprints, users, &shutdown);
        let readiness = Readiness::new(shutdown.clone(), Arc::clone(&telemetry.metrics), book);
        readiness.wait_for_keys(key_sources, &options.clock);
        if let Some(redis) = redis {
            let connected = async move { redis.link.connected().await };
            readiness.wait_for("the connection to Redis".to_owned(), connected);
        }
        let tells_metrics = settings.metrics.enabled && settings.management.metrics;
        let handler = Management {
            keys,
            readiness,
            metrics: tells_metrics.then(|| Arc::clone(&telemetry.metrics)),
            connections: telemetry.metrics.connections("management")?,
        };
        let cors = settings.management.cors.as_ref().map(|cors| Cors::new(cors, false));
        let handler = Arc::new(WithCors { inner: Arc::new(handler), cors });
        let management_shutdown = Shutdown::default();
        connection::serve(management, management_limits(&settings), handler, &management_shutdown);
        let file = loaded.file.as_ref().map_or_else(|| "none".into(), |file| file.to_string_lossy());
        tracing::info!(
            target: LIFECYCLE,
            mode = options.mode.as_str(),
            configuration = %file,
            address = %serve_address,
            management = %management_address,
            rules = rule_count,
            "Started"
        );
        Ok(Self {
            serve_address,
            management_address,
            warnings: loaded.warnings,
            shutdown,
            management_shutdown,
            exporting,
        })
    }

    /// Where requests are served.
    #[must_use]
    pub fn serve_address(&self) -> SocketAddr {
        self.serve_address
    }

    /// Where health and keys are served.
    #[must_use]
    pub fn management_address(&self) -> SocketAddr {
        self.management_address
    }

    /// What there is to warn about in the configuration. Print it on standard error at start, whatever the log level.
    #[must_use]
    pub fn warnings(&self) -> &Report {
        &self.warnings
    }

    /// Stops: accepts no more, lets running requests finish for up to 30 seconds, then drops them.
    pub async fn shutdown(self) {
        self.shutdown_within(SHUTDOWN_PATIENCE).await;
    }

    /// [`App::shutdown`] with another patience. Tells whether all requests finished.
    pub async fn shutdown_within(self, patience: Duration) -> bool {
        let finished = self.shutdown.run(patience).await;
        self.exporting.stop().await;
        self.management_shutdown.run(MANAGEMENT_PATIENCE).await;
        tracing::info!(target: LIFECYCLE, finished, "Stopped");
        finished
    }
}

fn install_log(settings: LogSettings) {
    let level = match settings.level {
        LogLevel::Trace => LevelFilter::TRACE,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Error | LogLevel::Fatal | LogLevel::Panic => LevelFilter::ERROR,
    };
    let format = match settings.format {
        LogFormat::Text => log::LogFormat::Text,
        LogFormat::Json => log::LogFormat::Json,
        LogFormat::Gelf => log::LogFormat::Gelf,
    };
    if !log::install(level, format) {
        tracing::warn!("the log of this process was set up before; `log` of the configuration has no effect");
    }
}

async fn listen_for(
    listener: &'static str,
    host: Option<&str>,
    port: u16,
    options: &ServeOptions,
) -> Result<TcpListener, StartError> {
    let bound = match options.addresses {
        Addresses::AnyLoopbackPort => listen::on_any_loopback_port(),
        Addresses::Configured => match host {
            Some(host) => listen::on(host, port).await,
            None => listen::on_every_interface(port),
        },
    };
    bound.map_err(|source| StartError::Listen {
        listener,
        address: format!("{}:{port}", host.unwrap_or("*")),
        source,
    })
}

fn listener_tls(
    listener: &'static str,
    settings: Option<&TlsSettings>,
    secrets: &SecretStore,
) -> Result<Option<ListenerTls>, StartError> {
    settings
        .map(|settings| ListenerTls::new(settings, secrets, clock::now()))
        .transpose()
        .map_err(|error| StartError::ListenerTls { listener, reason: error.to_string() })
}

fn local_address(listener: &TcpListener) -> Result<SocketAddr, StartError> {
    listener.local_addr().map_err(|source| StartError::Listen {
        listener: "serve",
        address: "its address".to_owned(),
        source,
    })
}

/// Runs a task for as long as the gateway runs.
fn until_stopping(task: impl Future<Output = ()> + Send + 'static, shutdown: &Shutdown) {
    let stopping = shutdown.clone();
    shutdown.spawn(async move {
        tokio::select! {
            () = task => {}
            () = stopping.stopping() => {}
        }
    });
}

/// Follows the sources of rules. HTTP servers are asked before anything is served; those that do not answer are asked again
/// later.
async fn follow_rules(
    settings: &Settings,
    files: Option<FollowedRules>,
    engine: &Arc<Engine>,
    shutdown: &Shutdown,
) -> Arc<RuleBook> {
    let book = Arc::new(RuleBook::new(Arc::clone(engine)));
    if let Some(FollowedRules { files, watch, known }) = files {
        let source = book.add(files.source.display().to_string(), Some(engine.rule_sets()));
        if let Some(watch) = watch {
            until_stopping(files.follow(watch, known, Arc::clone(&book), source), shutdown);
        }
    }
    let Some(provider) = &settings.providers.http_endpoint else { return book };
    let first_looks: Vec<_> = provider
        .endpoints
        .iter()
        .enumerate()
        .filter_map(|(position, endpoint)| FollowedEndpoint::new(endpoint.clone(), position, &book))
        .map(|mut endpoint| {
            tokio::spawn(async move {
                endpoint.look().await;
                endpoint
            })
        })
        .collect();
    for looking in first_looks {
        if let Ok(endpoint) = looking.await {
            until_stopping(endpoint.follow(provider.watch_interval), shutdown);
        }
    }
    book
}

fn follow_secrets(
    sources: &[SecretSourceSettings],
    fingerprints: &Fingerprints,
    users: SecretUsers,
    shutdown: &Shutdown,
) {
    let users = Arc::new(users);
    for secret in FollowedSecret::among(sources, fingerprints) {
        until_stopping(secret.follow(Arc::clone(&users)), shutdown);
    }
}

/// What a listener makes of requests that clients send with this scheme.
pub(crate) fn intake(serve: &ServeSettings, scheme: &'static str) -> Intake {
    let networks = serve.trusted_proxies.iter().map(|network| network.value.0).collect();
    Intake {
        scheme,
        public_origins: serve.public_origin.clone(),
        trusted_proxies: TrustedProxies::new(networks),
        max_body_bytes: serve.limits.max_body_size,
    }
}

/// Serves in a mode; everything else about the listener is the same in all of them.
fn open_gate<M: OnPermit>(
    listener: Listener,
    settings: &Settings,
    (engine, telemetry): (Arc<Engine>, Arc<Telemetry>),
    clock: &Clock,
    mode: M,
    shutdown: &Shutdown,
) -> Result<(), StartError> {
    let serve = &settings.serve;
    let intake = intake(serve, if serve.tls.is_some() { "https" } else { "http" });
    let body_gap = limit(serve.timeout.read);
    let cors = match M::NAME {
        Proxy::NAME => cors(serve.cors.as_ref(), settings),
        // The answers of this mode are not for browsers.
        _ => None,
    };
    let told = Told {
        access_log: settings.log.access_log_enabled,
        rule_durations: settings.metrics.enabled && settings.metrics.cover_rules,
    };
    let connections = telemetry.metrics.connections("serve")?;
    let clock = clock.clone();
    let gate = Gate { intake, cors, engine, clock, telemetry, told, connections, body_gap, mode };
    connection::serve(listener, serve_limits(settings), Arc::new(gate), shutdown);
    Ok(())
}

/// Scripts that use DPoP must read nonces and challenges.
fn cors(configured: Option<&CorsSettings>, settings: &Settings) -> Option<Cors> {
    let checks_proofs = settings.mechanisms.iter().any(|mechanism| {
        mechanism.kind == StepKind::Authenticator
            && ["jwt", "oauth2_introspection"].contains(&mechanism.type_name.value.as_str())
    });
    configured.map(|configured| Cors::new(configured, checks_proofs))
}

fn proxy(
    settings: &Settings,
    (engine, telemetry): (Arc<Engine>, Arc<Telemetry>),
    connectors: UpstreamConnectors,
    enforcement: Enforcement,
    shutdown: &Shutdown,
) -> Proxy {
    let serve = &settings.serve;
    let UpstreamLimits { max_per_host, max_idle, max_idle_per_host } = serve.connections_limit;
    let pool_limits = PoolLimits { max_per_host, max_idle, max_idle_per_host };
    Proxy {
        engine,
        telemetry,
        upstream: UpstreamClient::new(limit(serve.timeout.read), connectors, pool_limits),
        plain_http_upstreams: enforcement.skip_upstream_tls,
        shutdown: shutdown.clone(),
    }
}

fn serve_limits(settings: &Settings) -> ConnectionLimits {
    ConnectionLimits {
        timeouts: timeouts(settings.serve.timeout),
        max_head_bytes: head_limit(settings.serve.buffer_limit.read),
        max_connections: settings.serve.limits.max_connections,
    }
}

fn management_limits(settings: &Settings) -> ConnectionLimits {
    ConnectionLimits {
        timeouts: timeouts(settings.management.timeout),
        max_head_bytes: head_limit(settings.management.buffer_limit.read),
        max_connections: None,
    }
}

fn timeouts(configured: Timeouts) -> ConnectionTimeouts {
    ConnectionTimeouts {
        read: limit(configured.read),
        write: limit(configured.write),
        idle: limit(configured.idle),
    }
}

/// `0s` switches a limit off, as it does in heimdall.
fn limit(configured: Duration) -> Duration {
    const NO_LIMIT: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    if configured.is_zero() { NO_LIMIT } else { configured }
}

fn head_limit(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
