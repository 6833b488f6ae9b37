//! The port for what may be forgotten: answers of other systems, kept for a while under a key.
//!
//! Used proofs are not kept here: a memory that forgets under pressure would accept a replay (`dpop::ReplayStore`).

use std::{fmt, future::Future, future::ready, pin::Pin, time::Duration};

use bytes::Bytes;
use jose::crypto;

/// What the operations of a [`Cache`] return.
pub type CacheFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Keeps values for a while. It may forget any of them at any time, and a cache that can not answer says that it knows
/// nothing: it never makes a request fail.
pub trait Cache: Send + Sync + fmt::Debug {
    /// The value under a key, if it is there and its time is not over.
    fn get<'a>(&'a self, key: &'a CacheKey) -> CacheFuture<'a, Option<Bytes>>;

    /// Keeps a value for at most this time, replacing one under the same key.
    fn set<'a>(&'a self, key: CacheKey, value: Bytes, ttl: Duration) -> CacheFuture<'a, ()>;
}

/// A key: the hash of everything that can change the value. It reveals none of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CacheKey([u8; 32]);

impl CacheKey {
    /// The bytes of the key.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for CacheKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CacheKey(..)")
    }
}

/// Collects what goes into a key. Every part is written with its length before it, so that no two lists of parts look
/// alike.
#[derive(Clone)]
pub struct CacheKeyBuilder {
    input: Vec<u8>,
}

impl CacheKeyBuilder {
    /// Begins a key for one purpose: values of different purposes never meet.
    #[must_use]
    pub fn new(purpose: &'static str) -> Self {
        Self { input: Vec::with_capacity(256) }.part(purpose)
    }

    /// Adds a part.
    #[must_use]
    pub fn part(mut self, part: impl AsRef<[u8]>) -> Self {
        let part = part.as_ref();
        self.input.extend_from_slice(&(part.len() as u64).to_be_bytes());
        self.input.extend_from_slice(part);
        self
    }

    /// Adds several parts and how many there are.
    #[must_use]
    pub fn parts<T: AsRef<[u8]>>(self, parts: impl IntoIterator<Item = T>) -> Self {
        let mut count = 0_u64;
        let mut list = Self { input: Vec::new() };
        for part in parts {
            count += 1;
            list = list.part(part);
        }
        self.part(count.to_be_bytes()).part(list.input)
    }

    /// The key.
    #[must_use]
    pub fn finish(self) -> CacheKey {
        CacheKey(crypto::sha256(&self.input))
    }
}

impl fmt::Debug for CacheKeyBuilder {
    /// Shows nothing: the parts may be tokens.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("CacheKeyBuilder").finish_non_exhaustive()
    }
}

/// Keeps nothing: `cache: {type: noop}`.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoCache;

impl Cache for NoCache {
    fn get<'a>(&'a self, _: &'a CacheKey) -> CacheFuture<'a, Option<Bytes>> {
        Box::pin(ready(None))
    }

    fn set<'a>(&'a self, _: CacheKey, _: Bytes, _: Duration) -> CacheFuture<'a, ()> {
        Box::pin(ready(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_into_each_other() {
        let key = |parts: &[&str]| {
            parts.iter().fold(CacheKeyBuilder::new("t"), |key, part| key.part(part)).finish()
        };
        assert_eq!(key(&["a", "b"]), key(&["a", "b"]));
        assert_ne!(key(&["a", "b"]), key(&["ab"]));
        assert_ne!(key(&["a", "b"]), key(&["b", "a"]));
        assert_ne!(key(&["a", ""]), key(&["a"]));
        assert_ne!(CacheKeyBuilder::new("t").finish(), CacheKeyBuilder::new("u").finish());
        let lists =
            |first: &[&str], second: &[&str]| CacheKeyBuilder::new("t").parts(first).parts(second).finish();
        assert_ne!(lists(&["a"], &["b"]), lists(&["a", "b"], &[]));
    }
}
