//! Where the keys come from that sign access tokens: given, or fetched from a JWKS endpoint and cached.

use std::fmt;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::lock::Mutex as AsyncMutex;
use http::{Method, Request, StatusCode, Uri, header};
use jose::{JwkSet, JwkSetError, UnixTime};
use parking_lot::Mutex;
use thiserror::Error;

use crate::outbound::{OutboundError, OutboundHttp, Purpose};

/// After a refresh that did not bring an unknown `kid`, the next one waits this long: a flood of made-up kids costs
/// the issuer one call per interval.
const UNKNOWN_KID_INTERVAL: Duration = Duration::from_secs(30);
/// How long keys whose refresh fails stay in use.
const STALE_LIMIT: Duration = Duration::from_secs(3600);
/// How long a failure is remembered, so that requests do not queue up behind a dead endpoint.
const FAILURE_INTERVAL: Duration = Duration::from_secs(1);

/// What [`KeySource::keys`] returns.
pub type KeysFuture<'a> = Pin<Box<dyn Future<Output = Result<Arc<JwkSet>, KeySourceError>> + Send + 'a>>;

/// Keys of one issuer.
pub trait KeySource: Send + Sync + fmt::Debug {
    /// The current keys. `kid` is the one the token asks for: a source may look whether there is a newer set when it
    /// does not know it.
    fn keys<'a>(&'a self, kid: Option<&'a str>, now: UnixTime) -> KeysFuture<'a>;
}

/// Why there are no keys. Always a fault, never a verdict on the token.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum KeySourceError {
    /// The endpoint gave no answer.
    #[error("the key endpoint gave no answer")]
    Outbound(#[source] OutboundError),
    /// The endpoint answered with another status than 200.
    #[error("the key endpoint answered {0}")]
    Status(StatusCode),
    /// The answer is no key set.
    #[error("the key endpoint's answer is no key set")]
    Malformed(#[source] Arc<JwkSetError>),
}

/// Keys that never change.
#[derive(Debug)]
pub struct StaticKeys(Arc<JwkSet>);

impl StaticKeys {
    /// Keys known beforehand.
    #[must_use]
    pub fn new(keys: JwkSet) -> Self {
        Self(Arc::new(keys))
    }
}

impl KeySource for StaticKeys {
    fn keys<'a>(&'a self, _kid: Option<&'a str>, _now: UnixTime) -> KeysFuture<'a> {
        Box::pin(ready(Ok(Arc::clone(&self.0))))
    }
}

/// Keys of a JWKS endpoint: parsed once, refreshed when their time is over or a `kid` is unknown, one call at a time.
#[derive(Debug)]
pub struct JwksCache {
    url: Uri,
    http: Arc<dyn OutboundHttp>,
    lifetime: Duration,
    state: Mutex<State>,
    /// Held while a call is under way.
    flight: AsyncMutex<()>,
}

#[derive(Debug, Default)]
struct State {
    keys: Option<Fetched>,
    failure: Option<(UnixTime, KeySourceError)>,
    last_unknown_kid: Option<UnixTime>,
}

#[derive(Debug, Clone)]
struct Fetched {
    set: Arc<JwkSet>,
    at: UnixTime,
}

/// What the cache can say without a call.
enum Known {
    Keys(Arc<JwkSet>),
    Failure(KeySourceError),
    Fetch { for_unknown_kid: bool },
}

impl JwksCache {
    /// A cache over `url`; keys are used for `lifetime` before they are fetched anew.
    #[must_use]
    pub fn new(url: Uri, http: Arc<dyn OutboundHttp>, lifetime: Duration) -> Self {
        Self { url, http, lifetime, state: Mutex::default(), flight: AsyncMutex::new(()) }
    }

    fn known(&self, kid: Option<&str>, now: UnixTime) -> Known {
        let state = self.state.lock();
        if let Some((at, error)) = &state.failure
            && within(*at, FAILURE_INTERVAL, now)
        {
            return match &state.keys {
                Some(keys) if within(keys.at, self.lifetime + STALE_LIMIT, now) => {
                    Known::Keys(Arc::clone(&keys.set))
                }
                _ => Known::Failure(error.clone()),
            };
        }
        let Some(keys) = state.keys.as_ref().filter(|keys| within(keys.at, self.lifetime, now)) else {
            return Known::Fetch { for_unknown_kid: false };
        };
        let is_unknown =
            kid.is_some_and(|kid| keys.set.keys().iter().all(|key| key.kid.as_deref() != Some(kid)));
        let may_look = state.last_unknown_kid.is_none_or(|at| !within(at, UNKNOWN_KID_INTERVAL, now));
        if is_unknown && may_look {
            return Known::Fetch { for_unknown_kid: true };
        }
        Known::Keys(Arc::clone(&keys.set))
    }

    async fn find(&self, kid: Option<&str>, now: UnixTime) -> Result<Arc<JwkSet>, KeySourceError> {
        match self.known(kid, now) {
            Known::Keys(keys) => return Ok(keys),
            Known::Failure(error) => return Err(error),
            Known::Fetch { .. } => {}
        }
        let _flight = self.flight.lock().await;
        // Whoever held the lock may have brought what we need.
        let for_unknown_kid = match self.known(kid, now) {
            Known::Keys(keys) => return Ok(keys),
            Known::Failure(error) => return Err(error),
            Known::Fetch { for_unknown_kid } => for_unknown_kid,
        };
        let fetched = self.fetch().await;
        let mut state = self.state.lock();
        if for_unknown_kid {
            state.last_unknown_kid = Some(now);
        }
        match fetched {
            Ok(set) => {
                let set = Arc::new(set);
                state.keys = Some(Fetched { set: Arc::clone(&set), at: now });
                state.failure = None;
                Ok(set)
            }
            Err(error) => {
                state.failure = Some((now, error.clone()));
                match &state.keys {
                    Some(keys) if within(keys.at, self.lifetime + STALE_LIMIT, now) => {
                        Ok(Arc::clone(&keys.set))
                    }
                    _ => Err(error),
                }
            }
        }
    }

    async fn fetch(&self) -> Result<JwkSet, KeySourceError> {
        let mut request = Request::new(Bytes::new());
        *request.method_mut() = Method::GET;
        *request.uri_mut() = self.url.clone();
        let accept = header::HeaderValue::from_static("application/json, application/jwk-set+json");
        request.headers_mut().insert(header::ACCEPT, accept);
        request.extensions_mut().insert(Purpose::Keys);
        let response = self.http.send(request).await.map_err(KeySourceError::Outbound)?;
        if response.status() != StatusCode::OK {
            return Err(KeySourceError::Status(response.status()));
        }
        JwkSet::parse(response.body()).map_err(|error| KeySourceError::Malformed(Arc::new(error)))
    }
}

impl KeySource for JwksCache {
    fn keys<'a>(&'a self, kid: Option<&'a str>, now: UnixTime) -> KeysFuture<'a> {
        Box::pin(self.find(kid, now))
    }
}

fn within(from: UnixTime, duration: Duration, now: UnixTime) -> bool {
    from.checked_add(duration).is_none_or(|end| now < end)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Poll, Waker};

    use jose::{Algorithm, KeyPair};
    use serde_json::json;

    use super::*;
    use crate::outbound::OutboundFuture;

    #[derive(Debug, Default)]
    struct Endpoint {
        calls: AtomicUsize,
        body: Mutex<Option<String>>,
    }

    impl OutboundHttp for Endpoint {
        fn send(&self, _request: Request<Bytes>) -> OutboundFuture<'_> {
            self.calls.fetch_add(1, Ordering::Relaxed);
            let answer = match &*self.body.lock() {
                Some(body) => Ok(http::Response::new(Bytes::from(body.clone()))),
                None => Err(OutboundError::TimedOut),
            };
            Box::pin(ready(answer))
        }
    }

    fn set(kids: &[&str]) -> Option<String> {
        let keys: Vec<_> = kids
            .iter()
            .map(|kid| {
                let mut jwk = KeyPair::generate(Algorithm::Es256).unwrap().public_jwk().to_json();
                jwk.insert("kid".to_owned(), json!(kid));
                jwk
            })
            .collect();
        Some(json!({ "keys": keys }).to_string())
    }

    fn cache(body: Option<String>) -> (Arc<Endpoint>, JwksCache) {
        let endpoint = Arc::new(Endpoint { calls: AtomicUsize::new(0), body: Mutex::new(body) });
        let uri = Uri::from_static("http://issuer.example/keys");
        let cache =
            JwksCache::new(uri, Arc::clone(&endpoint) as Arc<dyn OutboundHttp>, Duration::from_secs(600));
        (endpoint, cache)
    }

    fn ask(cache: &JwksCache, kid: &str, now: i64) -> Result<usize, KeySourceError> {
        let mut future = cache.keys(Some(kid), UnixTime::from_seconds(now));
        match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(keys) => keys.map(|keys| keys.keys().len()),
            Poll::Pending => panic!("the fake answers at once"),
        }
    }

    #[test]
    fn fetches_once_while_the_keys_live() {
        let (endpoint, cache) = cache(set(&["a"]));
        for now in [0, 1, 599] {
            assert_eq!(ask(&cache, "a", now).unwrap(), 1);
        }
        assert_eq!(endpoint.calls.load(Ordering::Relaxed), 1);
        ask(&cache, "a", 600).unwrap();
        assert_eq!(endpoint.calls.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn an_unknown_kid_refreshes_at_once_and_then_once_per_interval() {
        let (endpoint, cache) = cache(set(&["a"]));
        ask(&cache, "a", 0).unwrap();
        *endpoint.body.lock() = set(&["a", "b"]);
        assert_eq!(ask(&cache, "b", 1).unwrap(), 2, "a rotated key is found without waiting");
        for kid in 0..50 {
            ask(&cache, &kid.to_string(), 2).unwrap();
        }
        assert_eq!(endpoint.calls.load(Ordering::Relaxed), 2);
        ask(&cache, "c", 32).unwrap();
        assert_eq!(endpoint.calls.load(Ordering::Relaxed), 3);
    }

    #[test]
    fn the_last_good_keys_outlive_a_failing_endpoint() {
        let (endpoint, cache) = cache(set(&["a"]));
        ask(&cache, "a", 0).unwrap();
        *endpoint.body.lock() = None;
        assert_eq!(ask(&cache, "a", 700).unwrap(), 1);
        assert!(ask(&cache, "a", 600 + 3600).is_err());
    }

    #[test]
    fn a_dead_endpoint_is_not_asked_by_every_request() {
        let (endpoint, cache) = cache(None);
        for _ in 0..20 {
            assert!(matches!(ask(&cache, "a", 5), Err(KeySourceError::Outbound(OutboundError::TimedOut))));
        }
        assert_eq!(endpoint.calls.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn html_is_no_key_set() {
        let (_, cache) = cache(Some("<html>".to_owned()));
        assert!(matches!(ask(&cache, "a", 0), Err(KeySourceError::Malformed(_))));
    }
}
