//! `cache` and `replay_store`: what the gateway remembers, and where.

use std::time::Duration;

use gateway_core::document::{
    ByteSize, Code, ConfigDuration, Decode, Diagnostic, Diagnostics, KeyPath, MapReader, Node, Spanned,
    decode_one_of,
};
use gateway_core::mechanisms::NoConfig;

use super::redis::{self, RedisSettings};

/// `cache`: what answers of other systems are kept in. Used proofs are not kept here.
#[derive(Debug, Clone, PartialEq)]
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
    /// In Redis.
    Redis(Box<RedisSettings>),
}

/// `replay_store`: where used proofs are remembered.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplayStoreSettings {
    /// Where; with the cache if that is a Redis, else in memory.
    pub store_type: Option<Spanned<ReplayStoreType>>,
    /// Proofs that memory remembers at the same time; a full store refuses further ones (10,000,000).
    pub capacity: usize,
    /// How long Redis may take to answer (100ms).
    pub timeout: Duration,
    /// Whether proofs that may have been used before the start are refused, when the store is in memory.
    pub refuse_older_than_start: bool,
}

/// Where used proofs are remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplayStoreType {
    /// In this process.
    Memory,
    /// In the Redis that `cache` names.
    Redis,
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self::InMemory { memory_limit: 128 << 20, entry_limit: None }
    }
}

impl Default for ReplayStoreSettings {
    fn default() -> Self {
        Self {
            store_type: None,
            capacity: 10_000_000,
            timeout: Duration::from_millis(100),
            refuse_older_than_start: false,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum CacheType {
    InMemory,
    Noop,
    Redis(redis::Kind),
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
                ("redis", CacheType::Redis(redis::Kind::Single)),
                ("redis-cluster", CacheType::Redis(redis::Kind::Cluster)),
                ("redis-sentinel", CacheType::Redis(redis::Kind::Sentinel)),
            ];
            decode_one_of(node, path, &choices, diagnostics)
        })?;
        let settings = match cache_type {
            CacheType::InMemory => reader.optional_with("config", decode_in_memory).unwrap_or_default(),
            CacheType::Noop => {
                reader.optional::<NoConfig>("config");
                Self::Noop
            }
            CacheType::Redis(kind) => {
                if !reader.has("config") {
                    reader.report_missing("config");
                }
                let redis = reader.optional_with("config", |node, path, diagnostics| {
                    redis::decode(kind, node, path, diagnostics)
                });
                match redis {
                    Some(redis) => Self::Redis(Box::new(redis)),
                    // Reported; nothing is served with it.
                    None => Self::default(),
                }
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

impl Decode for ReplayStoreSettings {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let place = reader.node("type").map(|node| node.place.clone());
        let store_type = reader.optional_with("type", |node, path, diagnostics| {
            let choices = [("memory", ReplayStoreType::Memory), ("redis", ReplayStoreType::Redis)];
            decode_one_of(node, path, &choices, diagnostics)
        });
        let capacity = reader.or("capacity", Self::default().capacity);
        if capacity == 0 {
            let headline = format!("`{}` is out of range", reader.path().key("capacity"));
            let place = reader.key_place("capacity").unwrap_or(reader.place()).clone();
            let diagnostic =
                Diagnostic::error(Code::OutOfRange, headline, &place).found("0").expected("1 or more");
            reader.diagnostics().push(diagnostic);
        }
        let timeout = reader.or("timeout", ConfigDuration(Self::default().timeout)).0;
        let refuse_older_than_start = reader.or("refuse_older_than_start", false);
        reader.finish();
        let store_type = store_type.zip(place).map(|(value, place)| Spanned::new(value, place));
        Some(Self { store_type, capacity, timeout, refuse_older_than_start })
    }
}
