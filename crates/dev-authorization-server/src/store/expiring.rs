//! A map whose entries end by themselves and whose size is bounded.

use std::collections::HashMap;

use jose::{UnixTime, base64url, crypto};

/// The map takes no more entries; live ones are never thrown out to make room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the store is full")]
pub(crate) struct StoreFull;

/// Entries by the hash of the secret that names them, so that a look-up tells nothing about other secrets by its timing.
#[derive(Debug)]
pub(super) struct Expiring<V> {
    entries: HashMap<[u8; 32], Entry<V>>,
    capacity: usize,
}

#[derive(Debug)]
struct Entry<V> {
    expires_at: UnixTime,
    value: V,
}

impl<V> Expiring<V> {
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self { entries: HashMap::new(), capacity }
    }

    pub(super) fn insert(
        &mut self,
        name: &str,
        value: V,
        expires_at: UnixTime,
        now: UnixTime,
    ) -> Result<(), StoreFull> {
        if self.entries.len() >= self.capacity {
            self.entries.retain(|_, entry| now < entry.expires_at);
        }
        if self.entries.len() >= self.capacity {
            return Err(StoreFull);
        }
        self.entries.insert(hash(name), Entry { expires_at, value });
        Ok(())
    }

    /// Puts the value in under a new random name and tells the name.
    pub(super) fn insert_unnamed(
        &mut self,
        value: V,
        expires_at: UnixTime,
        now: UnixTime,
    ) -> Result<String, StoreFull> {
        let name = base64url::encode(crypto::random::<32>());
        self.insert(&name, value, expires_at, now)?;
        Ok(name)
    }

    pub(super) fn get(&self, name: &str, now: UnixTime) -> Option<&V> {
        let entry = self.entries.get(&hash(name))?;
        (now < entry.expires_at).then_some(&entry.value)
    }

    pub(super) fn get_mut(&mut self, name: &str, now: UnixTime) -> Option<&mut V> {
        let entry = self.entries.get_mut(&hash(name))?;
        (now < entry.expires_at).then_some(&mut entry.value)
    }

    pub(super) fn remove(&mut self, name: &str, now: UnixTime) -> Option<V> {
        let entry = self.entries.remove(&hash(name))?;
        (now < entry.expires_at).then_some(entry.value)
    }

    /// Lets an entry live until another time.
    pub(super) fn extend(&mut self, name: &str, expires_at: UnixTime) {
        if let Some(entry) = self.entries.get_mut(&hash(name)) {
            entry.expires_at = expires_at;
        }
    }
}

fn hash(name: &str) -> [u8; 32] {
    crypto::sha256(name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> UnixTime {
        UnixTime::from_seconds(seconds)
    }

    #[test]
    fn an_entry_ends_at_its_time() {
        let mut map = Expiring::with_capacity(2);
        map.insert("a", 1, at(10), at(0)).unwrap();
        assert_eq!(map.get("a", at(9)), Some(&1));
        assert_eq!(map.get("a", at(10)), None);
        assert_eq!(map.remove("a", at(10)), None);
    }

    #[test]
    fn a_full_map_refuses_until_something_ends() {
        let mut map = Expiring::with_capacity(1);
        map.insert("a", 1, at(10), at(0)).unwrap();
        assert_eq!(map.insert("b", 2, at(10), at(9)), Err(StoreFull));
        assert_eq!(map.get("a", at(9)), Some(&1));
        assert_eq!(map.insert("b", 2, at(20), at(10)), Ok(()));
    }

    #[test]
    fn names_are_long_and_random() {
        let mut map = Expiring::with_capacity(8);
        let first = map.insert_unnamed(1, at(10), at(0)).unwrap();
        let second = map.insert_unnamed(2, at(10), at(0)).unwrap();
        assert_eq!(first.len(), 43);
        assert_ne!(first, second);
    }
}
