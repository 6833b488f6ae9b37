//! What was found out about tokens, kept for the next request with the same token (decision D2).
//!
//! Only facts are kept: the claims of a token whose signature holds, or what the introspection endpoint said. Times,
//! audience, scopes, binding and proof are checked on every request, whether the facts come from here or not. A cache
//! belongs to whoever fills it, so that facts of one issuer or endpoint are never taken for another's.

use std::collections::HashMap;
use std::fmt;

use dpop::AccessTokenHash;
use parking_lot::Mutex;

/// Locks are split by the first bits of the hash, so that requests on other cores do not wait.
const SHARDS: usize = 16;

/// How many tokens a cache remembers unless told otherwise.
pub(crate) const DEFAULT_CAPACITY: usize = 10_000;

/// Facts by SHA-256 of the token, at most as many as its capacity says.
///
/// Each shard keeps two generations. What is new or was used goes to the young one; when that is full it becomes the old
/// one, whose entries are forgotten. So what is in use stays, without a list of uses and without a sweep.
pub(crate) struct Verdicts<V> {
    shards: Vec<Mutex<Shard<V>>>,
    /// Most entries of one generation of a shard.
    generation: usize,
}

struct Shard<V> {
    young: HashMap<[u8; 32], V>,
    old: HashMap<[u8; 32], V>,
}

impl<V: Clone> Verdicts<V> {
    /// An empty cache; with a capacity of 0 it remembers nothing.
    pub(crate) fn new(capacity: usize) -> Self {
        let shard = || Mutex::new(Shard { young: HashMap::new(), old: HashMap::new() });
        Self { shards: (0..SHARDS).map(|_| shard()).collect(), generation: capacity.div_ceil(2 * SHARDS) }
    }

    pub(crate) fn get(&self, token: &AccessTokenHash) -> Option<V> {
        let key = token.as_bytes();
        let mut shard = self.shard(key)?.lock();
        if let Some(verdict) = shard.young.get(key) {
            return Some(verdict.clone());
        }
        let verdict = shard.old.remove(key)?;
        shard.insert(*key, verdict.clone(), self.generation);
        Some(verdict)
    }

    pub(crate) fn insert(&self, token: &AccessTokenHash, verdict: V) {
        let key = token.as_bytes();
        if self.generation > 0
            && let Some(shard) = self.shard(key)
        {
            shard.lock().insert(*key, verdict, self.generation);
        }
    }

    pub(crate) fn remove(&self, token: &AccessTokenHash) {
        let key = token.as_bytes();
        if let Some(shard) = self.shard(key) {
            let mut shard = shard.lock();
            shard.young.remove(key);
            shard.old.remove(key);
        }
    }

    fn shard(&self, key: &[u8; 32]) -> Option<&Mutex<Shard<V>>> {
        let [first, ..] = key;
        self.shards.get(usize::from(*first) % SHARDS)
    }
}

impl<V> Shard<V> {
    fn insert(&mut self, key: [u8; 32], verdict: V, generation: usize) {
        if self.young.len() >= generation && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.old.remove(&key);
        self.young.insert(key, verdict);
    }
}

impl<V> fmt::Debug for Verdicts<V> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Verdicts").field("generation", &self.generation).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use oauth::AccessToken;

    use super::*;

    fn hash(number: usize) -> AccessTokenHash {
        AccessTokenHash::of(&AccessToken::parse(&format!("t{number}")).unwrap())
    }

    fn len(verdicts: &Verdicts<usize>) -> usize {
        let entries = |shard: &Mutex<Shard<usize>>| {
            let shard = shard.lock();
            shard.young.len() + shard.old.len()
        };
        verdicts.shards.iter().map(entries).sum()
    }

    #[test]
    fn remembers_up_to_its_capacity_and_keeps_what_is_used() {
        let verdicts = Verdicts::new(320);
        verdicts.insert(&hash(0), 0);
        for number in 1..10_000 {
            assert_eq!(verdicts.get(&hash(0)), Some(0), "{number}");
            verdicts.insert(&hash(number), number);
        }
        assert!(len(&verdicts) <= 320);
        assert_eq!(verdicts.get(&hash(9_999)), Some(9_999));
        assert_eq!(verdicts.get(&hash(1)), None);
        verdicts.remove(&hash(0));
        assert_eq!(verdicts.get(&hash(0)), None);
    }

    #[test]
    fn without_capacity_nothing_is_remembered() {
        let verdicts = Verdicts::new(0);
        verdicts.insert(&hash(0), 0);
        assert_eq!(verdicts.get(&hash(0)), None);
    }

    #[test]
    fn a_new_verdict_replaces_the_old_one() {
        let verdicts = Verdicts::new(32);
        for number in 0..100 {
            verdicts.insert(&hash(0), number);
            verdicts.insert(&hash(1), number);
        }
        assert_eq!((verdicts.get(&hash(0)), verdicts.get(&hash(1))), (Some(99), Some(99)));
        assert_eq!(len(&verdicts), 2);
    }
}
