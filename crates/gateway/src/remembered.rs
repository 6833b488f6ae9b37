//! What the gateway remembers between requests, and where: answers of other systems, and used proofs.

use std::sync::Arc;

use dpop::{MemoryReplayStore, ReplayStore};
use dpop_redis::RedisReplayStore;
use gateway_core::{
    cache::{Cache, NoCache},
    document::{Code, Diagnostic, Diagnostics},
    secrets::SecretStore,
};
use jose::UnixTime;

use crate::{
    cache::{memory::MemoryCache, redis::RedisCache},
    config::{
        Settings,
        settings::{CacheSettings, RedisSettings, ReplayStoreType},
    },
    redis::RedisLink,
    telemetry::metrics::{Metrics, cache::MeteredCache, replay_store::MeteredReplayStore},
};

/// The memories of a gateway.
pub(crate) struct Remembered {
    /// Answers of other systems.
    pub(crate) cache: Arc<dyn Cache>,
    /// Used proofs.
    pub(crate) replay_store: Arc<dyn ReplayStore>,
    /// The connection to Redis, if one of them is there. It is not connected yet.
    pub(crate) redis: Option<RedisLink>,
}

/// Sets up what `cache` and `replay_store` describe at the time of the start; mistakes are added to `diagnostics`.
///
/// # Errors
///
/// If something is counted already under the same name.
pub(crate) fn set_up(
    settings: &Settings,
    secrets: &SecretStore,
    metrics: &Metrics,
    start: UnixTime,
    diagnostics: &mut Diagnostics,
) -> Result<Remembered, prometheus::Error> {
    let redis_settings = match &settings.cache {
        CacheSettings::Redis(redis) => Some(&**redis),
        CacheSettings::InMemory { .. } | CacheSettings::Noop => None,
    };
    let redis = redis_settings.and_then(|settings| RedisLink::new(settings, secrets, diagnostics));
    let cache = cache(&settings.cache, redis_settings.zip(redis.as_ref()));
    Ok(Remembered {
        cache: counted(cache, settings, metrics)?,
        replay_store: replay_store(settings, redis.as_ref(), metrics, start, diagnostics)?,
        redis,
    })
}

/// The cache, counted if that is wanted.
fn counted(
    cache: Arc<dyn Cache>,
    settings: &Settings,
    metrics: &Metrics,
) -> Result<Arc<dyn Cache>, prometheus::Error> {
    let backend = match &settings.cache {
        CacheSettings::InMemory { .. } => "in-memory",
        CacheSettings::Redis(_) => "redis",
        CacheSettings::Noop => return Ok(cache),
    };
    if !settings.metrics.cover_cache {
        return Ok(cache);
    }
    Ok(Arc::new(MeteredCache::over(cache, backend, metrics)?))
}

fn cache(settings: &CacheSettings, redis: Option<(&RedisSettings, &RedisLink)>) -> Arc<dyn Cache> {
    match (settings, redis) {
        (CacheSettings::InMemory { memory_limit, entry_limit }, _) => {
            Arc::new(MemoryCache::new(*memory_limit, *entry_limit))
        }
        (CacheSettings::Redis(_), Some((settings, redis))) => {
            Arc::new(RedisCache::new(Arc::clone(&redis.link), settings.answer_timeout))
        }
        // A connection that can not be made was reported; nothing is served then.
        (CacheSettings::Redis(_), None) | (CacheSettings::Noop, _) => Arc::new(NoCache),
    }
}

fn replay_store(
    settings: &Settings,
    redis: Option<&RedisLink>,
    metrics: &Metrics,
    start: UnixTime,
    diagnostics: &mut Diagnostics,
) -> Result<Arc<dyn ReplayStore>, prometheus::Error> {
    let configured = &settings.replay_store;
    let has_redis = matches!(settings.cache, CacheSettings::Redis(_));
    let wants_redis = match &configured.store_type {
        Some(store_type) if store_type.value == ReplayStoreType::Redis && !has_redis => {
            diagnostics.push(
                Diagnostic::error(
                    Code::MissingKey,
                    "`replay_store.type` is `redis`, and `cache` is none",
                    &store_type.place,
                )
                .found("redis")
                .expected("`cache` of type `redis`, `redis-cluster` or `redis-sentinel`")
                .hint("the connection of `cache` is used for both"),
            );
            false
        }
        Some(store_type) => store_type.value == ReplayStoreType::Redis,
        None => has_redis,
    };
    if let Some(redis) = redis.filter(|_| wants_redis) {
        let store = RedisReplayStore::new(Arc::clone(&redis.link), configured.timeout);
        return Ok(Arc::new(MeteredReplayStore::over(Arc::new(store), metrics)?));
    }
    let store = MemoryReplayStore::new(configured.capacity);
    let store = match configured.refuse_older_than_start {
        true => store.refusing_what_is_older_than(start),
        false => store,
    };
    Ok(Arc::new(MeteredReplayStore::over_memory(store, metrics)?))
}
