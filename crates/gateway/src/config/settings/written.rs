//! The configuration as it is written, for schema and reference, where that differs from the types that the program uses.

use std::{borrow::Cow, collections::BTreeMap};

use gateway_core::{
    document::{
        ByteSize, ConfigDuration, SecretReference,
        schema::{OneOrMany, OriginText},
    },
    mechanisms::{self, NoConfig},
    rules::{StepKind, written::WrittenDefaultRule},
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use super::{
    FileSystemSettings, HttpEndpointSettings, LogSettings, ManagementSettings, MetricsSettings,
    ServeSettings, TlsSettings, TlsVersion, TracingSettings,
};

/// The static configuration.
#[derive(JsonSchema)]
#[schemars(rename = "Configuration")]
#[expect(dead_code, reason = "described, not built")]
pub(crate) struct WrittenSettings {
    /// The version of heimdall that the file was written for, `vX.Y.Z`. Checked for its form and otherwise ignored.
    #[schemars(regex(pattern = r"^v[0-9]+[.][0-9]+[.][0-9]+$"))]
    version: Option<String>,
    /// Where requests come in.
    serve: Option<ServeSettings>,
    /// The port for operators: health, keys and metrics.
    management: Option<ManagementSettings>,
    /// What is logged and how.
    log: Option<LogSettings>,
    /// Where secrets come from, by the names that references use.
    secret_management: Option<BTreeMap<String, WrittenSecretSource>>,
    /// The symmetric key that protects DPoP nonces; needed as soon as a mechanism sets `nonce_required: true`. Every key of
    /// the source is accepted for checking, the selected one (else the first) protects new nonces.
    master_key: Option<SecretReference>,
    /// The catalogue: the mechanisms that steps of rules use by their ids.
    mechanisms: Option<WrittenMechanisms>,
    /// The pipeline for requests that no rule matches; rules take from it the stages that they do not have. Without it such
    /// requests are answered with 404.
    default_rule: Option<WrittenDefaultRule>,
    /// Where rules come from. Without a provider there are none.
    providers: Option<WrittenProviders>,
    /// What answers of other systems are kept in. Used proofs are not kept here.
    cache: Option<WrittenCache>,
    /// Where used proofs are remembered.
    #[schemars(extend("x-keybound" = true))]
    replay_store: Option<WrittenReplayStore>,
    /// Traces.
    tracing: Option<TracingSettings>,
    /// Metrics that are told and pushed.
    metrics: Option<MetricsSettings>,
    /// Profiles.
    profiling: Option<WrittenProfiling>,
}

/// One source of secrets.
#[derive(JsonSchema)]
#[schemars(rename = "SecretSource")]
#[expect(dead_code, reason = "described, not built")]
struct WrittenSecretSource {
    /// Whether templates in rules may read it.
    #[schemars(extend("default" = false))]
    allow_in_rules: Option<bool>,
    /// What it is and where.
    #[schemars(flatten)]
    source: WrittenSecretSourceKind,
}

#[derive(JsonSchema)]
#[schemars(tag = "type", content = "config", rename_all = "snake_case", inline)]
#[expect(dead_code, reason = "described, not built")]
enum WrittenSecretSourceKind {
    /// Keys of a JWK set (RFC 7517): symmetric and private ones, selected by `kid`.
    Jwks(WrittenSecretFile),
    /// Private keys with their certificate chains, or certificates to trust. Selected by key id: the PEM header `X-Key-ID`,
    /// else the subject key identifier.
    Pem(WrittenPemFile),
    /// Texts and credentials (maps of texts) in the configuration itself, selected by their names.
    Inline(BTreeMap<String, WrittenSecretEntry>),
    /// Texts and credentials in a flat YAML or JSON file, selected by their names.
    File(WrittenSecretFile),
}

#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "described, not built")]
struct WrittenSecretFile {
    /// The file, relative to the working directory.
    path: String,
    /// Whether changes of the file are followed.
    #[schemars(extend("default" = false))]
    watch: Option<bool>,
}

#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "described, not built")]
struct WrittenPemFile {
    /// The file, relative to the working directory.
    path: String,
    /// The password of an encrypted key (PKCS#8).
    password: Option<String>,
    /// Whether changes of the file are followed.
    #[schemars(extend("default" = false))]
    watch: Option<bool>,
}

#[derive(JsonSchema)]
#[schemars(untagged, inline)]
#[expect(dead_code, reason = "described, not built")]
enum WrittenSecretEntry {
    /// A text, such as an API key.
    Text(String),
    /// Credentials, such as `{user_id, password}` or `{client_id, client_secret}`.
    Credentials(BTreeMap<String, String>),
}

/// The lists of mechanisms, each entry with `id`, `type` and mostly `config`.
struct WrittenMechanisms;

impl JsonSchema for WrittenMechanisms {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Mechanisms")
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let described = mechanisms::describe_all(generator);
        let mut lists = Map::new();
        for kind in StepKind::ALL {
            let entries: Vec<Value> = described
                .iter()
                .filter(|mechanism| mechanism.kind == kind)
                .map(|mechanism| catalogue_entry(mechanism, generator))
                .collect();
            let name = kind.as_str().replace('_', " ");
            let items = if entries.is_empty() { Value::Bool(true) } else { json!({"oneOf": entries}) };
            let list = json!({"type": "array", "description": format!("The {name}s."), "items": items});
            lists.insert(format!("{}s", kind.as_str()), list);
        }
        json_schema!({"type": "object", "properties": lists, "required": ["authenticators"]})
    }
}

/// One type of mechanism in the catalogue. `config` may be left out where it has no mandatory key.
fn catalogue_entry(mechanism: &mechanisms::DescribedMechanism, generator: &SchemaGenerator) -> Value {
    let config = mechanism.config.clone().to_value();
    let resolved = config
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|reference| reference.rsplit('/').next())
        .and_then(|name| generator.definitions().get(name))
        .unwrap_or(&config);
    let has_keys = |member: &str| match resolved.get(member) {
        Some(Value::Object(keys)) => !keys.is_empty(),
        Some(Value::Array(keys)) => !keys.is_empty(),
        Some(_) | None => false,
    };
    let needs_config = has_keys("required") || has_keys("oneOf");
    json!({
        "type": "object",
        "required": if needs_config { vec!["id", "type", "config"] } else { vec!["id", "type"] },
        "properties": {
            "id": {"type": "string", "description": "What steps call it; unique in its list."},
            "type": {"const": mechanism.type_name},
            "config": config,
        },
    })
}

/// Where rules come from.
#[derive(JsonSchema)]
#[schemars(rename = "Providers")]
#[expect(dead_code, reason = "described, not built")]
struct WrittenProviders {
    /// Rule files.
    file_system: Option<FileSystemSettings>,
    /// Rule sets from HTTP servers.
    http_endpoint: Option<HttpEndpointSettings>,
    /// Rule sets from object stores.
    cloud_blob: Option<WrittenCloudBlobProvider>,
    /// `RuleSet` objects of a Kubernetes cluster.
    kubernetes: Option<WrittenKubernetesProvider>,
}

#[derive(JsonSchema)]
#[schemars(rename = "CloudBlobProvider")]
#[expect(dead_code, reason = "described, not built")]
struct WrittenCloudBlobProvider {
    /// The buckets.
    buckets: Vec<WrittenBucket>,
    /// How often they are looked at; once, at start, when missing or zero.
    watch_interval: Option<ConfigDuration>,
}

#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "described, not built")]
struct WrittenBucket {
    /// The bucket's URL.
    url: String,
    /// Only objects whose names start with it.
    prefix: Option<String>,
}

#[derive(JsonSchema)]
#[schemars(rename = "KubernetesProvider")]
#[expect(dead_code, reason = "described, not built")]
struct WrittenKubernetesProvider {
    /// Only rule sets of this class.
    #[schemars(extend("default" = "default"))]
    auth_class: Option<String>,
    /// TLS of the listener for admission reviews.
    tls: Option<TlsSettings>,
}

/// What answers are kept in.
#[derive(JsonSchema)]
#[schemars(rename = "Cache", tag = "type", content = "config", rename_all = "kebab-case")]
#[expect(dead_code, reason = "described, not built")]
enum WrittenCache {
    /// In this process.
    InMemory(Option<WrittenMemoryCache>),
    /// Nowhere.
    Noop(Option<NoConfig>),
    /// In a Redis server.
    Redis(WrittenRedis),
    /// In a Redis cluster.
    RedisCluster(WrittenRedisCluster),
    /// In Redis behind sentinels.
    RedisSentinel(WrittenRedisSentinel),
}

#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "described, not built")]
struct WrittenMemoryCache {
    /// Memory for all entries together.
    #[schemars(extend("default" = "128MB"))]
    memory_limit: Option<ByteSize>,
    /// The number of entries; no limit when missing.
    entry_limit: Option<u64>,
}

#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "described, not built")]
struct WrittenRedis {
    /// `HOST:PORT`.
    address: String,
    /// The number of the database.
    #[schemars(extend("default" = 0))]
    db: Option<u32>,
    #[schemars(flatten)]
    common: WrittenRedisCommon,
}

#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "described, not built")]
struct WrittenRedisCluster {
    /// Some of the cluster's nodes, `HOST:PORT`.
    nodes: Vec<String>,
    #[schemars(flatten)]
    common: WrittenRedisCommon,
}

#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "described, not built")]
struct WrittenRedisSentinel {
    /// The sentinels, `HOST:PORT`.
    nodes: Vec<String>,
    /// The name of the master.
    master: String,
    /// The number of the database.
    #[schemars(extend("default" = 0))]
    db: Option<u32>,
    #[schemars(flatten)]
    common: WrittenRedisCommon,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "described, not built")]
struct WrittenRedisCommon {
    /// User and password: an entry with `username` and `password`. Sentinels are asked without.
    credentials: Option<SecretReference>,
    /// Without effect: every command goes to Redis.
    client_cache: Option<WrittenClientCache>,
    /// Without effect.
    buffer_limit: Option<WrittenRedisBuffers>,
    /// Limits of operations.
    timeout: Option<WrittenRedisTimeouts>,
    /// Without effect: commands are sent at once.
    max_flush_delay: Option<ConfigDuration>,
    /// TLS towards the server; on unless disabled. A cluster is reached with the system's trust anchors and TLS 1.2 or 1.3.
    tls: Option<WrittenRedisTls>,
}

#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "described, not built")]
struct WrittenClientCache {
    /// Whether nothing is kept.
    #[schemars(extend("default" = false))]
    disabled: Option<bool>,
    /// How long.
    #[schemars(extend("default" = "5m"))]
    ttl: Option<ConfigDuration>,
    /// How much for each connection.
    #[schemars(extend("default" = "128MB"))]
    size_per_connection: Option<ByteSize>,
}

#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "described, not built")]
struct WrittenRedisBuffers {
    /// For answers.
    read: Option<ByteSize>,
    /// For commands.
    write: Option<ByteSize>,
}

#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "described, not built")]
struct WrittenRedisTimeouts {
    /// To connect; 3s unless set.
    connect: Option<ConfigDuration>,
    /// To answer a command of the cache, together with `write` whichever is longer; 100ms unless set. Used proofs have the time
    /// limit of `replay_store`.
    read: Option<ConfigDuration>,
    /// See `read`.
    write: Option<ConfigDuration>,
}

#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "described, not built")]
struct WrittenRedisTls {
    /// Whether the connection is without TLS.
    #[schemars(extend("default" = false))]
    disabled: Option<bool>,
    /// The certificate and key to show.
    secret: Option<SecretReference>,
    /// The oldest version of TLS.
    #[schemars(extend("default" = "TLS1.3"))]
    min_version: Option<TlsVersion>,
    /// The cipher suites, by their IANA names.
    cipher_suites: Option<Vec<String>>,
}

#[derive(JsonSchema)]
#[schemars(rename = "Profiling")]
#[expect(dead_code, reason = "described, not built")]
struct WrittenProfiling {
    /// Whether profiles are served. Accepted and without effect, with a warning.
    #[schemars(extend("default" = false))]
    enabled: Option<bool>,
    /// Address to listen on.
    #[schemars(extend("default" = "127.0.0.1"))]
    host: Option<String>,
    /// Port to listen on.
    #[schemars(extend("default" = 10251))]
    port: Option<u16>,
    /// Limit of a request.
    timeout: Option<ConfigDuration>,
}

/// Where used proofs are remembered.
#[derive(JsonSchema)]
#[schemars(rename = "ReplayStore")]
#[expect(dead_code, reason = "described, not built")]
struct WrittenReplayStore {
    /// In this process, or in the Redis that `cache` names; there if `cache` is one, else in this process.
    r#type: Option<WrittenReplayStoreType>,
    /// How many proofs memory remembers at the same time. A full store refuses further ones. Redis has limits of its own; set
    /// `maxmemory-policy noeviction` there.
    #[schemars(extend("default" = 10_000_000), range(min = 1))]
    capacity: Option<u64>,
    /// How long the store may take to answer; the request is refused then.
    #[schemars(extend("default" = "100ms"))]
    timeout: Option<ConfigDuration>,
    /// Whether proofs are refused that may have been used before the start of the process, which a store in memory would have
    /// forgotten. Without nonces that also refuses what comes within the clock skew after the start.
    #[schemars(extend("default" = false))]
    refuse_older_than_start: Option<bool>,
}

#[derive(JsonSchema)]
#[schemars(inline, rename_all = "snake_case")]
#[expect(dead_code, reason = "described, not built")]
enum WrittenReplayStoreType {
    Memory,
    Redis,
}

/// Status codes and bodies of answers.
#[derive(JsonSchema)]
#[schemars(rename = "Respond")]
#[expect(dead_code, reason = "described, not built")]
pub(super) struct WrittenRespond {
    /// Whether refusals carry a body that says what kind of refusal it is, in the form that `Accept` asks for.
    #[schemars(extend("default" = false))]
    verbose: Option<bool>,
    /// Other status codes than the usual ones.
    with: Option<WrittenRespondWith>,
}

#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "described, not built")]
struct WrittenRespondWith {
    /// For accepted requests in decision mode; usually 200.
    accepted: Option<WrittenAnswer>,
    /// For requests that can not be read; usually 400.
    precondition_error: Option<WrittenAnswer>,
    /// For missing or bad credentials; usually 401.
    authentication_error: Option<WrittenAnswer>,
    /// For requests that are not allowed; usually 403.
    authorization_error: Option<WrittenAnswer>,
    /// For systems that can not be reached; usually 502, and 504 for those that are too slow.
    communication_error: Option<WrittenAnswer>,
    /// For faults of the gateway; usually 500.
    internal_error: Option<WrittenAnswer>,
    /// For requests without a rule; usually 404.
    no_rule_error: Option<WrittenAnswer>,
}

#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "described, not built")]
struct WrittenAnswer {
    /// The status code.
    #[schemars(range(min = 200, max = 599))]
    code: u16,
}

/// One origin or several.
pub(super) type WrittenOrigins = OneOrMany<OriginText>;
