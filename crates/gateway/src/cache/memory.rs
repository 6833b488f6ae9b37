//! `cache: {type: in-memory}`: values in this process, bounded in bytes and number, each with its own life.

use std::{
    fmt,
    future::ready,
    time::{Duration, Instant},
};

use bytes::Bytes;
use gateway_core::cache::{Cache, CacheFuture, CacheKey};
use moka::{Expiry, sync};

/// What an entry takes beside its value, in bytes: the key, the library's own records. Measured roughly.
const ENTRY_OVERHEAD: u32 = 200;

/// A bounded memory. Under pressure the entries that are used least go first.
pub(crate) struct MemoryCache {
    entries: sync::Cache<CacheKey, Entry>,
    /// The weight of an entry that is given by the limit on entries; 0 without one.
    least_weight: u32,
}

#[derive(Clone)]
struct Entry {
    value: Bytes,
    life: Duration,
}

impl MemoryCache {
    /// A memory of at most `memory_limit` bytes and `entry_limit` entries.
    ///
    /// The library counts one weight only. With both limits an entry weighs at least its share of the bytes, so that the
    /// number of entries is never larger than allowed.
    pub(crate) fn new(memory_limit: u64, entry_limit: Option<u64>) -> Self {
        let share = entry_limit.map_or(0, |limit| memory_limit / limit.max(1));
        let least_weight = u32::try_from(share).unwrap_or(u32::MAX);
        let weigh = move |_: &CacheKey, entry: &Entry| {
            let bytes = u32::try_from(entry.value.len()).unwrap_or(u32::MAX);
            bytes.saturating_add(ENTRY_OVERHEAD).max(least_weight)
        };
        // A limit of 0 entries keeps nothing.
        let capacity = if entry_limit == Some(0) { 0 } else { memory_limit };
        let entries =
            sync::Cache::builder().max_capacity(capacity).weigher(weigh).expire_after(OwnLife).build();
        Self { entries, least_weight }
    }
}

/// Entries live as long as each was given.
struct OwnLife;

impl Expiry<CacheKey, Entry> for OwnLife {
    fn expire_after_create(&self, _: &CacheKey, entry: &Entry, _: Instant) -> Option<Duration> {
        Some(entry.life)
    }

    fn expire_after_update(
        &self,
        _: &CacheKey,
        entry: &Entry,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(entry.life)
    }
}

impl Cache for MemoryCache {
    fn get<'a>(&'a self, key: &'a CacheKey) -> CacheFuture<'a, Option<Bytes>> {
        Box::pin(ready(self.entries.get(key).map(|entry| entry.value)))
    }

    fn set<'a>(&'a self, key: CacheKey, value: Bytes, ttl: Duration) -> CacheFuture<'a, ()> {
        self.entries.insert(key, Entry { value, life: ttl });
        Box::pin(ready(()))
    }
}

impl fmt::Debug for MemoryCache {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("MemoryCache")
            .field("max_capacity", &self.entries.policy().max_capacity())
            .field("least_weight", &self.least_weight)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use gateway_core::cache::CacheKeyBuilder;

    use super::*;

    fn key(number: usize) -> CacheKey {
        CacheKeyBuilder::new("test").part(number.to_be_bytes()).finish()
    }

    async fn filled(cache: &MemoryCache, entries: usize, bytes: usize) -> u64 {
        for number in 0..entries {
            cache.set(key(number), Bytes::from(vec![0; bytes]), Duration::from_secs(60)).await;
        }
        cache.entries.run_pending_tasks();
        cache.entries.entry_count()
    }

    #[tokio::test]
    async fn keeps_values_for_their_time() {
        let cache = MemoryCache::new(1 << 20, None);
        cache.set(key(1), Bytes::from_static(b"a"), Duration::from_secs(60)).await;
        cache.set(key(2), Bytes::from_static(b"b"), Duration::ZERO).await;
        assert_eq!(cache.get(&key(1)).await.as_deref(), Some(&b"a"[..]));
        assert_eq!(cache.get(&key(2)).await, None);
        cache.set(key(1), Bytes::from_static(b"c"), Duration::ZERO).await;
        assert_eq!(cache.get(&key(1)).await, None, "a new value has a new life");
    }

    #[tokio::test]
    async fn is_bounded_in_bytes_and_entries() {
        assert!(filled(&MemoryCache::new(100_000, None), 1_000, 1_000).await <= 100);
        assert!(filled(&MemoryCache::new(1 << 20, Some(10)), 1_000, 1).await <= 10);
        assert_eq!(filled(&MemoryCache::new(1 << 20, Some(0)), 10, 1).await, 0);
        assert_eq!(filled(&MemoryCache::new(1 << 20, None), 100, 1).await, 100);
    }
}
