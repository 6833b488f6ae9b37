//! A cache that counts, for `metrics.cover_cache`.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use gateway_core::cache::{Cache, CacheFuture, CacheKey};
use prometheus::IntCounter;

use super::{Metrics, catalogue, counters};

/// Hands reads and writes on and counts them. It changes no answer.
#[derive(Debug)]
pub(crate) struct MeteredCache {
    inner: Arc<dyn Cache>,
    hits: IntCounter,
    misses: IntCounter,
    writes: IntCounter,
}

impl MeteredCache {
    /// Counts what goes to a cache of this type.
    ///
    /// # Errors
    ///
    /// If there is one already.
    pub(crate) fn over(
        inner: Arc<dyn Cache>,
        backend: &str,
        metrics: &Metrics,
    ) -> Result<Self, prometheus::Error> {
        let reads = counters(&metrics.registry, &catalogue::CACHE_READS)?;
        let writes = counters(&metrics.registry, &catalogue::CACHE_WRITES)?;
        Ok(Self {
            inner,
            hits: reads.get_metric_with_label_values(&[backend, "hit"])?,
            misses: reads.get_metric_with_label_values(&[backend, "miss"])?,
            writes: writes.get_metric_with_label_values(&[backend, "success"])?,
        })
    }
}

impl Cache for MeteredCache {
    fn get<'a>(&'a self, key: &'a CacheKey) -> CacheFuture<'a, Option<Bytes>> {
        Box::pin(async move {
            let value = self.inner.get(key).await;
            if value.is_some() {
                self.hits.inc()
            } else {
                self.misses.inc()
            }
            value
        })
    }

    fn set<'a>(&'a self, key: CacheKey, value: Bytes, ttl: Duration) -> CacheFuture<'a, ()> {
        Box::pin(async move {
            self.inner.set(key, value, ttl).await;
            self.writes.inc();
        })
    }
}

#[cfg(test)]
mod tests {
    use gateway_core::cache::{CacheKeyBuilder, NoCache};

    use super::*;

    #[tokio::test]
    async fn counts_hits_misses_and_writes() {
        let metrics = Metrics::new().unwrap();
        let cache = MeteredCache::over(Arc::new(NoCache), "in-memory", &metrics).unwrap();
        let key = CacheKeyBuilder::new("test").finish();
        assert_eq!(cache.get(&key).await, None);
        cache.set(key, Bytes::from_static(b"x"), Duration::from_secs(1)).await;
        let text = metrics.to_text().unwrap();
        for line in [
            "cache_get_requests_total{backend=\"in-memory\",result=\"miss\"} 1",
            "cache_get_requests_total{backend=\"in-memory\",result=\"hit\"} 0",
            "cache_set_requests_total{backend=\"in-memory\",result=\"success\"} 1",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
