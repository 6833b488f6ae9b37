//! `cache` and `replay_store`: what the gateway remembers, and where.

use std::time::Duration;

use gateway_core::document::{
    ByteSize, Code, ConfigDuration, Decode, Diagnostic, Diagnostics, KeyPath, MapReader, Node,
    SecretReference, decode_one_of,
};
use gateway_core::mechanisms::NoConfig;

/// `cache`: what answers of other systems are kept in. Used proofs are not kept here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CacheSettings {
    /// In this process.
    InMemory {
        /// Bytes (128 MB).
        memory_limit: u64,
        /// Entries; no limit when missing.
        entry_limit: Option<u64>,
    },
    /// Nowhere.
    Noop,
}

/// `replay_store`: where used proofs are remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplayStoreSettings {
    /// Proofs that are remembered at the same time; a full store refuses further ones (10,000,000).
    pub capacity: usize,
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self::InMemory { memory_limit: 128 << 20, entry_limit: None }
    }
}

impl Default for ReplayStoreSettings {
    fn default() -> Self {
        Self { capacity: 10_000_000 }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum CacheType {
    InMemory,
    Noop,
    Redis,
    RedisCluster,
    RedisSentinel,
}

impl Decode for CacheSettings {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        if !reader.has("type") {
            reader.report_missing("type");
        }
        let cache_type = reader.optional_with("type", |node, path, diagnostics| {
            let choices = [
                ("in-memory", CacheType::InMemory),
                ("noop", CacheType::Noop),
                ("redis", CacheType::Redis),
                ("redis-cluster", CacheType::RedisCluster),
                ("redis-sentinel", CacheType::RedisSentinel),
            ];
            decode_one_of(node, path, &choices, diagnostics)
        })?;
        let settings = match cache_type {
            CacheType::InMemory => reader.optional_with("config", decode_in_memory).unwrap_or_default(),
            CacheType::Noop => {
                reader.optional::<NoConfig>("config");
                Self::Noop
            }
            CacheType::Redis | CacheType::RedisCluster | CacheType::RedisSentinel => {
                reader.optional_with("config", |node, path, diagnostics| {
                    check_redis(node, cache_type, path, diagnostics)
                });
                reader.not_supported_yet(
                    "type",
                    "use `in-memory`; used proofs are then remembered by each instance alone",
                );
                Self::default()
            }
        };
        reader.finish();
        Some(settings)
    }
}

fn decode_in_memory(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<CacheSettings> {
    let mut reader = MapReader::new(node, path, diagnostics)?;
    let memory_limit = reader.or("memory_limit", ByteSize(128 << 20)).as_bytes();
    let entry_limit = reader.optional("entry_limit");
    reader.finish();
    Some(CacheSettings::InMemory { memory_limit, entry_limit })
}

/// Checked only: belongs to a later stage.
fn check_redis(
    node: &Node,
    cache_type: CacheType,
    path: &KeyPath,
    diagnostics: &mut Diagnostics,
) -> Option<()> {
    let mut reader = MapReader::new(node, path, diagnostics)?;
    match cache_type {
        CacheType::Redis => {
            reader.required::<String>("address");
            reader.optional::<u32>("db");
        }
        CacheType::RedisCluster => {
            reader.required::<Vec<String>>("nodes");
        }
        CacheType::RedisSentinel => {
            reader.required::<Vec<String>>("nodes");
            reader.required::<String>("master");
            reader.optional::<u32>("db");
        }
        CacheType::InMemory | CacheType::Noop => {}
    }
    reader.optional::<SecretReference>("credentials");
    reader.optional_with("client_cache", |node, path, diagnostics| {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        reader.optional::<bool>("disabled");
        reader.optional::<ConfigDuration>("ttl");
        reader.optional::<ByteSize>("size_per_connection");
        reader.finish();
        Some(())
    });
    reader.optional_with("buffer_limit", |node, path, diagnostics| {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        reader.optional::<ByteSize>("read");
        reader.optional::<ByteSize>("write");
        reader.finish();
        Some(())
    });
    reader.optional_with("timeout", |node, path, diagnostics| {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        reader.optional::<ConfigDuration>("connect");
        reader.optional::<ConfigDuration>("read");
        reader.optional::<ConfigDuration>("write");
        reader.finish();
        Some(())
    });
    reader.optional::<ConfigDuration>("max_flush_delay");
    reader.optional_with("tls", |node, path, diagnostics| {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        reader.optional::<bool>("disabled");
        reader.optional::<SecretReference>("secret");
        reader.optional_with("min_version", |node, path, diagnostics| {
            decode_one_of(node, path, &[("TLS1.2", ()), ("TLS1.3", ())], diagnostics)
        });
        reader.optional::<Vec<String>>("cipher_suites");
        reader.finish();
        Some(())
    });
    reader.finish();
    Some(())
}

impl Decode for ReplayStoreSettings {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let is_memory = reader.optional_with("type", |node, path, diagnostics| {
            decode_one_of(node, path, &[("memory", true), ("redis", false)], diagnostics)
        });
        if is_memory == Some(false) {
            reader.not_supported_yet("type", "use `memory` and one instance, or require nonces");
        }
        let capacity = reader.or("capacity", Self::default().capacity);
        if capacity == 0 {
            let headline = format!("`{}` is out of range", reader.path().key("capacity"));
            let place = reader.key_place("capacity").unwrap_or(reader.place()).clone();
            let diagnostic =
                Diagnostic::error(Code::OutOfRange, headline, &place).found("0").expected("1 or more");
            reader.diagnostics().push(diagnostic);
        }
        // The memory store answers at once; the limit is for stores over the network.
        reader.or("timeout", ConfigDuration(Duration::from_millis(100)));
        if reader.or("refuse_older_than_start", false) {
            reader.not_supported_yet(
                "refuse_older_than_start",
                "require nonces: they outlive a restart, proofs with old ones do not",
            );
        }
        reader.finish();
        Some(Self { capacity })
    }
}
