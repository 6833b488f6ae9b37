//! Where answers of other systems are kept: `cache` of the configuration. Used proofs are not kept here.

mod memory;

use std::sync::Arc;

use gateway_core::cache::{Cache, NoCache};

use self::memory::MemoryCache;
use crate::config::settings::CacheSettings;

/// The configured cache.
pub(crate) fn of(settings: &CacheSettings) -> Arc<dyn Cache> {
    match settings {
        CacheSettings::InMemory { memory_limit, entry_limit } => {
            Arc::new(MemoryCache::new(*memory_limit, *entry_limit))
        }
        CacheSettings::Noop => Arc::new(NoCache),
    }
}
