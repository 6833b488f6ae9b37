//! Tokens that can be used again: a bounded memory without a clock of its own.

use std::{collections::HashMap, fmt, sync::Arc};

use jose::UnixTime;
use parking_lot::Mutex;

/// Entries of one generation. With a claim from the request there is one token per URL: the bound keeps that in check.
const GENERATION_ENTRIES: usize = 2_048;

/// Issued tokens by the hash of what went into them.
///
/// Two generations: once the younger is full it becomes the older, whose entries are forgotten. Memory stays bounded, and
/// what is in use moves on.
#[derive(Default)]
pub(super) struct IssuedTokens {
    generations: Mutex<Generations>,
}

#[derive(Default)]
struct Generations {
    younger: HashMap<[u8; 32], Entry>,
    older: HashMap<[u8; 32], Entry>,
}

#[derive(Clone)]
struct Entry {
    token: Arc<str>,
    reusable_until: UnixTime,
}

impl IssuedTokens {
    /// A token that was issued for this key and is still good for a while.
    pub(super) fn find(&self, key: &[u8; 32], now: UnixTime) -> Option<Arc<str>> {
        let mut generations = self.generations.lock();
        let entry = match generations.younger.get(key) {
            Some(entry) => entry.clone(),
            None => {
                let entry = generations.older.remove(key)?;
                generations.insert(*key, entry.clone());
                entry
            }
        };
        (now < entry.reusable_until).then_some(entry.token)
    }

    /// Remembers a token until it should be made anew.
    pub(super) fn remember(&self, key: [u8; 32], token: Arc<str>, reusable_until: UnixTime) {
        self.generations.lock().insert(key, Entry { token, reusable_until });
    }
}

impl Generations {
    fn insert(&mut self, key: [u8; 32], entry: Entry) {
        if self.younger.len() >= GENERATION_ENTRIES && !self.younger.contains_key(&key) {
            self.older = std::mem::take(&mut self.younger);
        }
        self.younger.insert(key, entry);
    }
}

impl fmt::Debug for IssuedTokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("IssuedTokens").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: usize) -> [u8; 32] {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&(number as u64).to_be_bytes());
        key
    }

    #[test]
    fn forgets_in_time() {
        let tokens = IssuedTokens::default();
        tokens.remember(key(1), "a".into(), UnixTime::from_seconds(100));
        assert_eq!(tokens.find(&key(1), UnixTime::from_seconds(99)).as_deref(), Some("a"));
        assert_eq!(tokens.find(&key(1), UnixTime::from_seconds(100)), None);
        assert_eq!(tokens.find(&key(2), UnixTime::from_seconds(1)), None);
    }

    #[test]
    fn is_bounded_and_keeps_what_is_used() {
        let tokens = IssuedTokens::default();
        let now = UnixTime::from_seconds(1);
        for number in 0..10 * GENERATION_ENTRIES {
            tokens.remember(key(number), "t".into(), UnixTime::from_seconds(100));
            assert!(tokens.find(&key(0), now).is_some(), "{number}");
        }
        let generations = tokens.generations.lock();
        assert!(generations.younger.len() + generations.older.len() <= 2 * GENERATION_ENTRIES);
    }
}
