//! A replay store that counts.

use std::sync::Arc;

use dpop::{Claim, ClaimFuture, MemoryReplayStore, ReplayKey, ReplayStore};
use jose::UnixTime;
use prometheus::{Histogram, IntCounter};
use tokio::time::Instant;

use super::{Metrics, catalogue, counters, gauge, histogram};

/// Hands claims on and counts them. It changes no answer.
#[derive(Debug)]
pub(crate) struct MeteredReplayStore {
    inner: Arc<dyn ReplayStore>,
    claimed: IntCounter,
    already_used: IntCounter,
    unavailable: IntCounter,
    duration: Histogram,
}

impl MeteredReplayStore {
    /// Counts what goes to a store.
    ///
    /// # Errors
    ///
    /// If there is one already.
    pub(crate) fn over(inner: Arc<dyn ReplayStore>, metrics: &Metrics) -> Result<Self, prometheus::Error> {
        let claims = counters(&metrics.registry, &catalogue::REPLAY_CLAIMS)?;
        Ok(Self {
            inner,
            claimed: claims.get_metric_with_label_values(&["claimed"])?,
            already_used: claims.get_metric_with_label_values(&["already_used"])?,
            unavailable: claims.get_metric_with_label_values(&["unavailable"])?,
            duration: histogram(&metrics.registry, &catalogue::REPLAY_CLAIM_DURATION)?,
        })
    }

    /// The same over the store of this process, with its size and capacity.
    ///
    /// # Errors
    ///
    /// If there is one already.
    pub(crate) fn over_memory(
        store: MemoryReplayStore,
        metrics: &Metrics,
    ) -> Result<Self, prometheus::Error> {
        let store = Arc::new(store);
        let entries = gauge(&metrics.registry, &catalogue::REPLAY_ENTRIES)?;
        let read = Arc::clone(&store);
        metrics.read_each_time(move || entries.set(i64::try_from(read.len()).unwrap_or(i64::MAX)));
        let limit = i64::try_from(store.capacity()).unwrap_or(i64::MAX);
        gauge(&metrics.registry, &catalogue::REPLAY_CAPACITY)?.set(limit);
        Self::over(store, metrics)
    }
}

impl ReplayStore for MeteredReplayStore {
    fn claim(&self, key: ReplayKey, expires_at: UnixTime, now: UnixTime) -> ClaimFuture<'_> {
        let start = Instant::now();
        let claiming = self.inner.claim(key, expires_at, now);
        Box::pin(async move {
            let claim = claiming.await;
            self.duration.observe(start.elapsed().as_secs_f64());
            match claim {
                Claim::Claimed => self.claimed.inc(),
                Claim::AlreadyUsed => self.already_used.inc(),
                Claim::Unavailable => self.unavailable.inc(),
            }
            claim
        })
    }

    fn remembers_since(&self) -> Option<UnixTime> {
        self.inner.remembers_since()
    }
}

#[cfg(test)]
mod tests {
    use jose::{Algorithm, KeyPair};

    use super::*;

    #[tokio::test]
    async fn counts_claims_replays_and_refusals() {
        let metrics = Metrics::new().unwrap();
        let store = MeteredReplayStore::over_memory(MemoryReplayStore::new(1), &metrics).unwrap();
        let thumbprint = KeyPair::generate(Algorithm::Es256).unwrap().thumbprint();
        let claim = async |jti: &str| {
            let (end, now) = (UnixTime::from_seconds(100), UnixTime::from_seconds(50));
            store.claim(ReplayKey::new(&thumbprint, jti), end, now).await
        };
        assert_eq!(claim("a").await, Claim::Claimed);
        assert_eq!(claim("a").await, Claim::AlreadyUsed);
        assert_eq!(claim("b").await, Claim::Unavailable);
        let text = metrics.to_text().unwrap();
        for line in [
            "keybound_replay_claims_total{result=\"claimed\"} 1",
            "keybound_replay_claims_total{result=\"already_used\"} 1",
            "keybound_replay_claims_total{result=\"unavailable\"} 1",
            "keybound_replay_claim_duration_seconds_count 3",
            "keybound_replay_entries 1",
            "keybound_replay_capacity 1",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
