//! The replay port: one atomic claim, keyed by key and `jti` (RFC 9449 §11.1, decisions D3 and D4).

mod memory;
#[cfg(test)]
mod memory_tests;
#[cfg(test)]
mod model;
mod primitives;

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use jose::{JwkThumbprint, UnixTime, base64url, crypto};

pub use memory::MemoryReplayStore;

/// What a store remembers of a proof: SHA-256 over the length-prefixed thumbprint and `jti`.
///
/// The thumbprint keeps one client from spending another's `jti`. The target URI is left out: a `jti` that is used
/// again elsewhere is refused too.
///
/// ```
/// use dpop::ReplayKey;
/// use jose::{Algorithm, KeyPair};
///
/// let (one, other) = (KeyPair::generate(Algorithm::Es256)?, KeyPair::generate(Algorithm::Es256)?);
/// // Nobody can spend the `jti` of somebody else.
/// assert_ne!(ReplayKey::new(&one.thumbprint(), "jti"), ReplayKey::new(&other.thumbprint(), "jti"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReplayKey([u8; 32]);

impl ReplayKey {
    /// `SHA-256( u32be(len jkt) ‖ jkt ‖ u32be(len jti) ‖ jti )`, jkt as its 43 characters, jti as UTF-8.
    #[must_use]
    pub fn new(thumbprint: &JwkThumbprint, jti: &str) -> Self {
        let thumbprint = thumbprint.to_text();
        let mut input = Vec::with_capacity(8 + thumbprint.len() + jti.len());
        for part in [&thumbprint, jti.as_bytes()] {
            // A jti is at most 512 bytes here; saturating keeps the function total.
            let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
            input.extend_from_slice(&length.to_be_bytes());
            input.extend_from_slice(part);
        }
        Self(crypto::sha256(&input))
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// 43 characters of base64url, as shared stores spell the key.
impl fmt::Display for ReplayKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(self.0))
    }
}

/// The answer of a store. "Not found" is not an answer: only [`Claim::Claimed`] lets a request pass.
///
/// ```
/// use dpop::Claim;
///
/// /// Only one of the answers lets a request pass.
/// fn may_pass(answer: Claim) -> bool {
///     match answer {
///         Claim::Claimed => true,
///         Claim::AlreadyUsed | Claim::Unavailable => false,
///     }
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Nobody used this key before, and from now on nobody can.
    Claimed,
    /// The key is taken.
    AlreadyUsed,
    /// The store is down, slow or full.
    Unavailable,
}

/// What [`ReplayStore::claim`] returns. Ready at once for the memory store.
pub type ClaimFuture<'a> = Pin<Box<dyn Future<Output = Claim> + Send + 'a>>;

/// Remembers which proofs were used.
///
/// Of any number of equal claims that run at the same time exactly one gets [`Claim::Claimed`]. A live entry is never
/// evicted; a store that is full answers [`Claim::Unavailable`].
///
/// ```
/// use std::{collections::HashMap, future::ready, sync::Mutex};
/// use dpop::{Claim, ClaimFuture, ReplayKey, ReplayStore};
/// use jose::UnixTime;
///
/// /// Remembers everything and forgets nothing; `keybound-testkit` has a suite that says what else a store must do.
/// #[derive(Debug, Default)]
/// struct Hoard(Mutex<HashMap<ReplayKey, UnixTime>>);
///
/// impl ReplayStore for Hoard {
///     fn claim(&self, key: ReplayKey, expires_at: UnixTime, now: UnixTime) -> ClaimFuture<'_> {
///         let Ok(mut used) = self.0.lock() else { return Box::pin(ready(Claim::Unavailable)) };
///         let is_first = expires_at > now && used.insert(key, expires_at).is_none();
///         Box::pin(ready(if is_first { Claim::Claimed } else { Claim::AlreadyUsed }))
///     }
///
///     fn remembers_since(&self) -> Option<UnixTime> {
///         None
///     }
/// }
/// ```
pub trait ReplayStore: Send + Sync + fmt::Debug {
    /// Claims `key` until `expires_at`, atomically. `now` is the server's clock.
    fn claim(&self, key: ReplayKey, expires_at: UnixTime, now: UnixTime) -> ClaimFuture<'_>;

    /// Since when the store remembers: a proof that could have been used earlier, or in the same second, is refused, because
    /// it may have been.
    /// `None` for a store that outlives the process, or where a replay right after a restart is accepted.
    fn remembers_since(&self) -> Option<UnixTime>;
}
