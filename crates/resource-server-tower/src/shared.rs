//! What all routes of a layer share, whatever their policies.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dpop::{ClaimFuture, NonceRing, ReplayKey, ReplayStore};
use jose::UnixTime;
use resource_server::{AccessTokens, ErrorSignaling};

use crate::clock::Clock;
use crate::outcomes::Counts;
use crate::proxy_watch::ProxyWatch;
use crate::resource_metadata::ResourceMetadata;
use crate::response::ErrorBody;
use crate::target::TargetSettings;

/// The part of a layer's settings that no route changes.
pub(crate) struct Shared {
    pub(crate) tokens: AccessTokens,
    pub(crate) nonces: Option<Arc<NonceRing>>,
    pub(crate) replay_store: Option<Arc<SharedReplayStore>>,
    pub(crate) target: TargetSettings,
    /// Where the host comes from the request itself.
    pub(crate) watch: Option<ProxyWatch>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) error_body: ErrorBody,
    /// For all challenges, those of guards behind the layer included.
    pub(crate) signaling: ErrorSignaling,
    /// What the resource says about itself, if it does.
    pub(crate) metadata: Option<ResourceMetadata>,
    pub(crate) counts: Counts,
}

impl fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Shared").field("target", &self.target).finish_non_exhaustive()
    }
}

/// The replay store as routes with different windows use it: a claim lasts for as long as any of them would accept the
/// proof, else a route with a long window would take what one with a short window has forgotten.
#[derive(Debug)]
pub(crate) struct SharedReplayStore {
    store: Arc<dyn ReplayStore>,
    /// In seconds; zero while there is one policy only, whose own claims last long enough.
    longest_lifetime: AtomicU64,
}

impl SharedReplayStore {
    pub(crate) fn new(store: Arc<dyn ReplayStore>) -> Self {
        Self { store, longest_lifetime: AtomicU64::new(0) }
    }

    /// From now on claims last at least this long.
    pub(crate) fn serve_lifetime(&self, lifetime: Duration) {
        self.longest_lifetime.fetch_max(lifetime.as_secs(), Ordering::Relaxed);
    }
}

impl ReplayStore for SharedReplayStore {
    fn claim(&self, key: ReplayKey, expires_at: UnixTime, now: UnixTime) -> ClaimFuture<'_> {
        let lifetime = Duration::from_secs(self.longest_lifetime.load(Ordering::Relaxed));
        self.store.claim(key, expires_at.max(now.saturating_add(lifetime)), now)
    }

    fn remembers_since(&self) -> Option<UnixTime> {
        self.store.remembers_since()
    }
}
