//! The replay store of one process.
//!
//! Sharded, so that claims do not wait for each other and no table is so large that growing it would be a pause. An
//! entry is ten bytes: in place of the 32-byte key a 64-bit fingerprint keyed with a secret of this process (nobody can
//! search for collisions, and a false refusal is a matter of 1 in 10^12 at ten million live entries), and the number of
//! the bucket of time that it ends with. Each shard drops what is over once for each bucket: an entry is kept at most one
//! bucket longer than its proof lives, never shorter.

use std::future::ready;
use std::hash::BuildHasher;

use hashbrown::HashTable;
use jose::UnixTime;

use super::primitives::{AtomicI64, AtomicUsize, FingerprintKey, Mutex, Ordering, SHARDS};
use super::{Claim, ClaimFuture, ReplayKey, ReplayStore};

/// Width of a bucket in seconds.
pub(super) const BUCKET_SECONDS: i64 = 15;
/// How many buckets an entry can tell apart: eleven days.
pub(super) const BUCKETS: i64 = u16::MAX as i64;

/// An in-memory [`ReplayStore`]. It forgets at a restart.
///
/// ```
/// use dpop::MemoryReplayStore;
///
/// let store = MemoryReplayStore::new(100_000); // 2.5 MB at the most
/// assert!(store.is_empty() && store.capacity() >= 100_000);
/// ```
pub struct MemoryReplayStore {
    shards: Box<[Mutex<Shard>]>,
    fingerprint: FingerprintKey,
    capacity: usize,
    remembers_since: Option<UnixTime>,
    live: AtomicUsize,
    /// The highest `now` seen: a clock that jumps forward and back must not let a used proof in again.
    latest: AtomicI64,
    /// The `latest` at which all shards were last swept because the store was full.
    swept: AtomicI64,
}

struct Shard {
    entries: HashTable<Entry>,
    /// All entries end with a later bucket than this one, and with one of the [`BUCKETS`] that follow it.
    swept: i64,
}

impl Default for Shard {
    /// Swept before any time, so that the first claim settles where time begins.
    fn default() -> Self {
        Self { entries: HashTable::default(), swept: i64::MIN }
    }
}

/// Bytes, so that no room is lost to alignment.
#[derive(Clone, Copy)]
struct Entry {
    fingerprint: [u8; 8],
    /// Lowest 16 bits of the number of the bucket it ends with.
    bucket: [u8; 2],
}

impl MemoryReplayStore {
    /// A store for at most `capacity` live entries (11 to 25 bytes each). Beyond that it refuses.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            fingerprint: FingerprintKey::default(),
            capacity,
            remembers_since: None,
            live: AtomicUsize::new(0),
            latest: AtomicI64::new(i64::MIN),
            swept: AtomicI64::new(i64::MIN),
        }
    }

    /// Refuses proofs that could have been used before `start`, when the process began to remember. Without a nonce that
    /// is every proof issued earlier than `start` and the clock skew, or in the second of that moment.
    #[must_use]
    pub fn refusing_what_is_older_than(self, start: UnixTime) -> Self {
        Self { remembers_since: Some(start), ..self }
    }

    /// How many entries are remembered, expired ones that were not yet dropped included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.live.load(Ordering::Relaxed)
    }

    /// How many entries there is room for.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Is nothing remembered?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn claim_now(&self, key: ReplayKey, expires_at: i64, now: i64) -> Claim {
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
        if shard.contains(fingerprint) || shard.may_have_forgotten(expires_at) {
            return Claim::AlreadyUsed;
        }
        // Reserve first: the cap holds under concurrency.
        if self.live.fetch_add(1, Ordering::Relaxed) >= self.capacity {
            self.live.fetch_sub(1, Ordering::Relaxed);
            return Claim::Unavailable;
        }
        if shard.insert(fingerprint, expires_at) {
            Claim::Claimed
        } else {
            self.live.fetch_sub(1, Ordering::Relaxed);
            Claim::Unavailable
        }
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

    fn remembers_since(&self) -> Option<UnixTime> {
        self.remembers_since
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
    /// Drops what is over, once for each bucket; returns how many entries went.
    fn drop_expired(&mut self, now: i64) -> usize {
        let over = now.div_euclid(BUCKET_SECONDS);
        if over <= self.swept {
            return 0;
        }
        let swept = std::mem::replace(&mut self.swept, over);
        let is_live = |entry: &Entry| entry.bucket(swept) > over;
        let live = self.entries.iter().filter(|entry| is_live(entry)).count();
        let dropped = self.entries.len() - live;
        if dropped > 0 {
            // Into a new table: in the old one, the marks of what was removed would count as entries, and double it.
            let mut entries = HashTable::with_capacity(live + live / 4);
            for entry in self.entries.iter().filter(|entry| is_live(entry)) {
                entries.insert_unique(entry.hash(), *entry, Entry::hash);
            }
            self.entries = entries;
        }
        dropped
    }

    fn contains(&self, fingerprint: u64) -> bool {
        let wanted = fingerprint.to_le_bytes();
        self.entries.find(hash(fingerprint), |entry| entry.fingerprint == wanted).is_some()
    }

    /// Whether an entry with this end would be gone by now. While this claim was on its way from looking at the clock to
    /// the lock, another one may have come with a later clock and swept.
    fn may_have_forgotten(&self, expires_at: i64) -> bool {
        last_bucket(expires_at) <= self.swept
    }

    /// False if the entry would have to be remembered for longer than can be counted.
    fn insert(&mut self, fingerprint: u64, expires_at: i64) -> bool {
        let bucket = last_bucket(expires_at);
        if bucket.saturating_sub(self.swept) > BUCKETS {
            return false;
        }
        let [low, high, ..] = bucket.to_le_bytes();
        let entry = Entry { fingerprint: fingerprint.to_le_bytes(), bucket: [low, high] };
        self.entries.insert_unique(hash(fingerprint), entry, Entry::hash);
        true
    }
}

/// The number of the bucket of time in which an entry with this end is dropped.
fn last_bucket(expires_at: i64) -> i64 {
    expires_at.div_euclid(BUCKET_SECONDS).saturating_add(1)
}

impl Entry {
    fn hash(&self) -> u64 {
        hash(u64::from_le_bytes(self.fingerprint))
    }

    /// The whole number of the bucket, which is one of the [`BUCKETS`] after `swept`.
    fn bucket(self, swept: i64) -> i64 {
        let [low, high, ..] = swept.to_le_bytes();
        let distance = u16::from_le_bytes(self.bucket).wrapping_sub(u16::from_le_bytes([low, high]));
        swept.saturating_add(i64::from(distance))
    }
}

/// Fingerprints are hashes already. The shard took the low bits; rotated, a shard's entries still differ in them.
fn hash(fingerprint: u64) -> u64 {
    fingerprint.rotate_right(10)
}
