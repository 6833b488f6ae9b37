//! The proofs that one request has claimed: several verifiers may look at it, and its proof is used once all the same.

use std::time::Duration;

use dpop::{Claim, ClaimFuture, ReplayKey, ReplayStore};
use jose::UnixTime;
use parking_lot::Mutex;

/// What one request has claimed so far. Make one for each request, and show it to every verifier that looks at it.
///
/// ```
/// use resource_server::{ClaimedProofs, Verifier};
///
/// /// For a request that both of them will look at.
/// fn claimed(one: &Verifier, other: &Verifier) -> ClaimedProofs {
///     ClaimedProofs::new(one.proof_lifetime().max(other.proof_lifetime()))
/// }
/// ```
#[derive(Debug, Default)]
pub struct ClaimedProofs {
    remember_for: Duration,
    keys: Mutex<Vec<(ReplayKey, usize)>>,
}

impl ClaimedProofs {
    /// Nothing is claimed yet. Whichever verifier is first makes the one claim, so it must last for all of them:
    /// `remember_for` is the longest [`Verifier::proof_lifetime`](crate::Verifier::proof_lifetime) among them.
    #[must_use]
    pub fn new(remember_for: Duration) -> Self {
        Self { remember_for, keys: Mutex::default() }
    }

    /// The store for this request: what the request itself has claimed there is not taken.
    pub(crate) fn within<'a>(&'a self, store: &'a dyn ReplayStore) -> RequestStore<'a> {
        RequestStore { claimed: self, store }
    }
}

/// A replay store as one request sees it.
#[derive(Debug)]
pub(crate) struct RequestStore<'a> {
    claimed: &'a ClaimedProofs,
    store: &'a dyn ReplayStore,
}

impl RequestStore<'_> {
    async fn claim_once(&self, key: ReplayKey, expires_at: UnixTime, now: UnixTime) -> Claim {
        // Another store knows nothing of this claim.
        let entry = (key, std::ptr::from_ref(self.store).cast::<()>().addr());
        if self.claimed.keys.lock().contains(&entry) {
            return Claim::Claimed;
        }
        let expires_at = expires_at.max(now.saturating_add(self.claimed.remember_for));
        let claim = self.store.claim(key, expires_at, now).await;
        if claim == Claim::Claimed {
            self.claimed.keys.lock().push(entry);
        }
        claim
    }
}

impl ReplayStore for RequestStore<'_> {
    fn claim(&self, key: ReplayKey, expires_at: UnixTime, now: UnixTime) -> ClaimFuture<'_> {
        Box::pin(self.claim_once(key, expires_at, now))
    }

    fn remembers_since(&self) -> Option<UnixTime> {
        self.store.remembers_since()
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use dpop::MemoryReplayStore;

    use super::*;

    fn key(number: u8) -> ReplayKey {
        let thumbprint = jose::KeyPair::generate(jose::Algorithm::Ed25519).unwrap().thumbprint();
        ReplayKey::new(&thumbprint, &number.to_string())
    }

    fn claim(claimed: &ClaimedProofs, store: &dyn ReplayStore, key: ReplayKey, expires_at: i64) -> Claim {
        let store = claimed.within(store);
        let claim = store.claim(key, UnixTime::from_seconds(expires_at), UnixTime::from_seconds(100));
        match pin!(claim).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(claim) => claim,
            Poll::Pending => panic!("nothing here waits"),
        }
    }

    #[test]
    fn a_request_claims_a_proof_once_and_nobody_else_can() {
        let (store, key) = (MemoryReplayStore::new(10), key(1));
        let request = ClaimedProofs::default();
        assert_eq!(claim(&request, &store, key, 110), Claim::Claimed);
        assert_eq!(claim(&request, &store, key, 110), Claim::Claimed);
        assert_eq!(claim(&ClaimedProofs::default(), &store, key, 110), Claim::AlreadyUsed);
        let other_store = MemoryReplayStore::new(10);
        assert_eq!(claim(&request, &other_store, key, 110), Claim::Claimed);
        assert_eq!(claim(&ClaimedProofs::default(), &other_store, key, 110), Claim::AlreadyUsed);
    }

    #[test]
    fn what_was_not_claimed_is_not_remembered() {
        let (store, key) = (MemoryReplayStore::new(10), key(1));
        assert_eq!(claim(&ClaimedProofs::default(), &store, key, 110), Claim::Claimed);
        let request = ClaimedProofs::default();
        assert_eq!(claim(&request, &store, key, 110), Claim::AlreadyUsed);
        assert_eq!(claim(&request, &store, key, 110), Claim::AlreadyUsed);
        let full = MemoryReplayStore::new(0);
        assert_eq!(claim(&request, &full, key, 110), Claim::Unavailable);
        assert_eq!(claim(&request, &full, key, 110), Claim::Unavailable);
    }

    #[test]
    fn the_claim_lasts_as_long_as_the_longest_verifier_needs() {
        #[derive(Debug, Default)]
        struct Recording(Mutex<Vec<i64>>);
        impl ReplayStore for Recording {
            fn claim(&self, _: ReplayKey, expires_at: UnixTime, _: UnixTime) -> ClaimFuture<'_> {
                self.0.lock().push(expires_at.as_seconds());
                Box::pin(ready(Claim::Claimed))
            }

            fn remembers_since(&self) -> Option<UnixTime> {
                None
            }
        }
        let store = Recording::default();
        let request = ClaimedProofs::new(Duration::from_secs(60));
        claim(&request, &store, key(1), 110);
        claim(&request, &store, key(2), 300);
        assert_eq!(*store.0.lock(), [160, 300]);
    }
}
