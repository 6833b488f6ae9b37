//! The newest nonce of every server (RFC 9449 §8.2).

use std::collections::HashMap;

use http::HeaderMap;
use parking_lot::Mutex;

use crate::origin::Origin;

/// How many servers are remembered. Forgetting one costs one refused request, nothing else.
const MAX_SLOTS: usize = 1024;

/// Longest nonce that is kept, in bytes (C10).
pub const MAX_NONCE_BYTES: usize = 2048;

/// In which role a server was asked. One origin may be both; their nonces stay apart (RFC 9449 §9, C9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Server {
    /// A token, pushed authorization request or other endpoint of an authorization server.
    Authorization,
    /// A protected resource.
    Resource,
}

/// Nonces by server and origin. Nonces are opaque: only their syntax and length are looked at (C10).
#[derive(Default)]
pub struct NonceCache {
    slots: Mutex<HashMap<(Server, Origin), String>>,
}

impl NonceCache {
    /// An empty cache.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The newest nonce of this server.
    #[must_use]
    pub fn newest(&self, server: Server, origin: &Origin) -> Option<String> {
        self.slots.lock().get(&(server, origin.clone())).cloned()
    }

    /// Keeps the nonce of a response, whatever its status (C7). A missing, repeated, malformed or oversized one leaves
    /// the old one in place. Returns whether there was one to keep.
    pub fn keep(&self, server: Server, origin: &Origin, headers: &HeaderMap) -> bool {
        let Some(nonce) = nonce_of(headers) else { return false };
        let mut slots = self.slots.lock();
        let slot = (server, origin.clone());
        if slots.len() >= MAX_SLOTS && !slots.contains_key(&slot) {
            slots.clear();
        }
        slots.insert(slot, nonce.to_owned());
        true
    }
}

impl std::fmt::Debug for NonceCache {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("NonceCache").field("servers", &self.slots.lock().len()).finish()
    }
}

/// The one acceptable `DPoP-Nonce` of a response: exactly one line, of nonce syntax (RFC 9449 §8.1), at most
/// [`MAX_NONCE_BYTES`].
#[must_use]
pub fn nonce_of(headers: &HeaderMap) -> Option<&str> {
    let mut lines = headers.get_all(dpop::DPOP_NONCE).iter();
    let line = lines.next()?;
    if lines.next().is_some() || line.len() > MAX_NONCE_BYTES {
        return None;
    }
    line.to_str().ok().filter(|nonce| dpop::is_nonce_syntax(nonce))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(uri: &str) -> Origin {
        Origin::of(&uri.parse().expect("a URI")).expect("an origin")
    }

    fn headers(nonces: &[&str]) -> HeaderMap {
        nonces.iter().map(|nonce| (dpop::DPOP_NONCE, nonce.parse().expect("a value"))).collect()
    }

    #[test]
    fn c7_keeps_the_newest_nonce() {
        let (cache, origin) = (NonceCache::new(), origin("https://as.example.com"));
        assert!(cache.keep(Server::Resource, &origin, &headers(&["one"])));
        assert!(cache.keep(Server::Resource, &origin, &headers(&["two"])));
        assert_eq!(cache.newest(Server::Resource, &origin).as_deref(), Some("two"));
    }

    #[test]
    fn c9_keeps_servers_and_origins_apart() {
        let (cache, here) = (NonceCache::new(), origin("https://example.com"));
        cache.keep(Server::Authorization, &here, &headers(&["as"]));
        assert_eq!(cache.newest(Server::Resource, &here), None);
        assert_eq!(cache.newest(Server::Authorization, &origin("https://example.com:8443")), None);
        assert_eq!(cache.newest(Server::Authorization, &here).as_deref(), Some("as"));
    }

    #[test]
    fn c10_refuses_bad_nonces_and_keeps_the_old_one() {
        let (cache, here) = (NonceCache::new(), origin("https://example.com"));
        cache.keep(Server::Resource, &here, &headers(&["good"]));
        let long = "n".repeat(MAX_NONCE_BYTES + 1);
        for bad in
            [&["with blank"][..], &[""], &["quo\"te"], &["back\\slash"], &[long.as_str()], &["a", "b"], &[]]
        {
            assert!(!cache.keep(Server::Resource, &here, &headers(bad)));
        }
        assert_eq!(cache.newest(Server::Resource, &here).as_deref(), Some("good"));
        assert!(cache.keep(Server::Resource, &here, &headers(&["n".repeat(MAX_NONCE_BYTES).as_str()])));
    }

    #[test]
    fn a_flood_of_servers_takes_bounded_memory() {
        let cache = NonceCache::new();
        for port in 1..=3000 {
            cache.keep(Server::Resource, &origin(&format!("https://example.com:{port}")), &headers(&["n"]));
        }
        assert!(cache.slots.lock().len() <= MAX_SLOTS);
    }
}
