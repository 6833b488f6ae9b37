//! The replay store of one process.
//!
//! Sharded, so that claims do not wait for each other. Each shard keeps buckets of time and drops a bucket as a whole
//! once all its entries are over: nothing is scanned, and a bucket lives at most one width longer than its entries,
//! never shorter. In place of the 32-byte key stands a 64-bit fingerprint keyed with a secret of this process: nobody
//! can search for collisions, and a false refusal is a matter of 1 in 10^12 at ten million live entries.

use std::collections::VecDeque;
use std::future::ready;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use hashbrown::HashSet;
use jose::UnixTime;
use parking_lot::Mutex;

use super::{Claim, ClaimFuture, ReplayKey, ReplayStore};

const SHARDS: usize = 64;
/// Width of a bucket in seconds.
const BUCKET_SECONDS: i64 = 15;

/// An in-memory [`ReplayStore`]. It forgets at a restart.
pub struct MemoryReplayStore {
    shards: Box<[Mutex<Shard>]>,
    fingerprint: RandomState,
    capacity: usize,
    live: AtomicUsize,
    /// The highest `now` seen: a clock that jumps forward and back must not let a used proof in again.
    latest: AtomicI64,
    /// The `latest` at which all shards were last swept because the store was full.
    swept: AtomicI64,
}

#[derive(Default)]
struct Shard {
    /// Ordered by `end`.
    buckets: VecDeque<Bucket>,
}

struct Bucket {
    /// All entries expire at or before this second.
    end: i64,
    entries: HashSet<u64, BuildHasherDefault<Fingerprint>>,
}

impl MemoryReplayStore {
    /// A store for at most `capacity` live entries (about 20 bytes each). Beyond that it refuses.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            fingerprint: RandomState::new(),
            capacity,
            live: AtomicUsize::new(0),
            latest: AtomicI64::new(i64::MIN),
            swept: AtomicI64::new(i64::MIN),
        }
    }

    /// How many entries are remembered, expired ones that were not yet dropped included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.live.load(Ordering::Relaxed)
    }

    /// Is nothing remembered?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn claim_now(&self, key: ReplayKey, expires_at: i64, now: i64) -> Claim {
        let now = self.latest.fetch_max(now, Ordering::SeqCst).max(now);
        if expires_at <= now {
            // It may have been used and forgotten.
            return Claim::AlreadyUsed;
        }
        let fingerprint = self.fingerprint.hash_one(key.as_bytes());
        #[expect(clippy::cast_possible_truncation, reason = "the remainder is below the number of shards")]
        let Some(shard) = self.shards.get((fingerprint % SHARDS as u64) as usize) else {
            return Claim::Unavailable;
        };
        if self.is_full(now) {
            return self.refuse_when_full(shard, fingerprint);
        }
        let mut shard = shard.lock();
        self.live.fetch_sub(shard.drop_expired(now), Ordering::Relaxed);
        if shard.contains(fingerprint) {
            return Claim::AlreadyUsed;
        }
        // Reserve first: the cap holds under concurrency.
        if self.live.fetch_add(1, Ordering::Relaxed) >= self.capacity {
            self.live.fetch_sub(1, Ordering::Relaxed);
            return Claim::Unavailable;
        }
        shard.insert(fingerprint, expires_at);
        Claim::Claimed
    }

    /// Full even after expired entries of all shards are gone? One sweep per second at most.
    fn is_full(&self, now: i64) -> bool {
        if self.len() < self.capacity {
            return false;
        }
        if self.swept.fetch_max(now, Ordering::SeqCst) < now {
            for shard in &self.shards {
                let dropped = shard.lock().drop_expired(now);
                self.live.fetch_sub(dropped, Ordering::Relaxed);
            }
        }
        self.len() >= self.capacity
    }

    fn refuse_when_full(&self, shard: &Mutex<Shard>, fingerprint: u64) -> Claim {
        if shard.lock().contains(fingerprint) { Claim::AlreadyUsed } else { Claim::Unavailable }
    }
}

impl ReplayStore for MemoryReplayStore {
    fn claim(&self, key: ReplayKey, expires_at: UnixTime, now: UnixTime) -> ClaimFuture<'_> {
        Box::pin(ready(self.claim_now(key, expires_at.as_seconds(), now.as_seconds())))
    }
}

impl std::fmt::Debug for MemoryReplayStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryReplayStore")
            .field("entries", &self.len())
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}

impl Shard {
    /// Drops whole buckets that are over; returns how many entries went.
    fn drop_expired(&mut self, now: i64) -> usize {
        let mut dropped = 0;
        while self.buckets.front().is_some_and(|bucket| bucket.end <= now) {
            dropped += self.buckets.pop_front().map_or(0, |bucket| bucket.entries.len());
        }
        dropped
    }

    /// The same proof can come with another `iat`, and so another bucket: all are asked.
    fn contains(&self, fingerprint: u64) -> bool {
        self.buckets.iter().any(|bucket| bucket.entries.contains(&fingerprint))
    }

    fn insert(&mut self, fingerprint: u64, expires_at: i64) {
        let end = expires_at.div_euclid(BUCKET_SECONDS).saturating_add(1).saturating_mul(BUCKET_SECONDS);
        let place = self.buckets.partition_point(|bucket| bucket.end < end);
        if self.buckets.get(place).is_none_or(|bucket| bucket.end != end) {
            self.buckets.insert(place, Bucket { end, entries: HashSet::default() });
        }
        if let Some(bucket) = self.buckets.get_mut(place) {
            bucket.entries.insert(fingerprint);
        }
    }
}

/// The entries are keyed hashes already: pass them on.
#[derive(Default)]
struct Fingerprint(u64);

impl Hasher for Fingerprint {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        // The shard took the low bits; rotate so that a shard's entries still differ in them.
        self.0 = value.rotate_right(6);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use jose::{Algorithm, KeyPair};

    use super::*;

    fn key(jti: &str) -> ReplayKey {
        ReplayKey(jose::crypto::sha256(jti.as_bytes()))
    }

    #[test]
    fn claims_once() {
        let store = MemoryReplayStore::new(10);
        assert_eq!(store.claim_now(key("a"), 100, 50), Claim::Claimed);
        assert_eq!(store.claim_now(key("a"), 100, 50), Claim::AlreadyUsed);
        assert_eq!(store.claim_now(key("a"), 119, 60), Claim::AlreadyUsed, "another iat is the same proof");
        assert_eq!(store.claim_now(key("b"), 100, 50), Claim::Claimed);
    }

    #[test]
    fn of_many_equal_claims_exactly_one_wins() {
        let store = MemoryReplayStore::new(1000);
        let won = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for round in 0..200 {
                        if store.claim_now(key(&round.to_string()), 100, 50) == Claim::Claimed {
                            won.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        assert_eq!(won.into_inner(), 200);
    }

    #[test]
    fn never_forgets_early_and_at_most_one_bucket_late() {
        for expires_at in 100..140 {
            let store = MemoryReplayStore::new(10);
            assert_eq!(store.claim_now(key("a"), expires_at, 50), Claim::Claimed);
            assert_eq!(store.claim_now(key("a"), expires_at, expires_at - 1), Claim::AlreadyUsed);
            store.claim_now(key("other"), 10_000, expires_at - 1);
            assert_eq!(store.len(), 2);
            // Both fall into one shard only by chance, so look through a sweep.
            let store = MemoryReplayStore::new(1);
            assert_eq!(store.claim_now(key("a"), expires_at, 50), Claim::Claimed);
            assert_eq!(store.claim_now(key("b"), 10_000, expires_at + BUCKET_SECONDS), Claim::Claimed);
        }
    }

    #[test]
    fn refuses_when_full_and_evicts_nothing() {
        let store = MemoryReplayStore::new(2);
        assert_eq!(store.claim_now(key("a"), 100, 50), Claim::Claimed);
        assert_eq!(store.claim_now(key("b"), 100, 50), Claim::Claimed);
        assert_eq!(store.claim_now(key("c"), 100, 51), Claim::Unavailable);
        assert_eq!(store.claim_now(key("a"), 100, 51), Claim::AlreadyUsed);
        assert_eq!(
            store.claim_now(key("c"), 300, 200),
            Claim::Claimed,
            "room again when the others are over"
        );
    }

    #[test]
    fn a_clock_that_jumps_forward_and_back_lets_no_used_proof_in() {
        let store = MemoryReplayStore::new(10);
        assert_eq!(store.claim_now(key("a"), 100, 50), Claim::Claimed);
        assert_eq!(store.claim_now(key("b"), 900, 800), Claim::Claimed);
        assert_eq!(store.claim_now(key("a"), 100, 50), Claim::AlreadyUsed);
    }

    #[test]
    fn keys_of_different_clients_do_not_meet() {
        let (one, two) =
            (KeyPair::generate(Algorithm::Es256).unwrap(), KeyPair::generate(Algorithm::Es256).unwrap());
        assert_ne!(ReplayKey::new(&one.thumbprint(), "1"), ReplayKey::new(&two.thumbprint(), "1"));
    }
}
