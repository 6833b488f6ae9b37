//! Where the keys come from that sign access tokens: given, or fetched from a JWKS endpoint and cached.

use std::fmt;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use jose::{JwkSet, JwkSetError, UnixTime};
use thiserror::Error;

use crate::certified_keys::CertificateError;
use crate::discovery::{DiscoveryError, EndpointLocation};
use crate::outbound::{OutboundError, OutboundHttp, Purpose};
use crate::refresh::Refreshed;

/// How long keys are used before they are fetched anew, unless configured.
pub const KEYS_LIFETIME: Duration = Duration::from_secs(10 * 60);

/// What [`KeySource::keys`] returns.
pub type KeysFuture<'a> = Pin<Box<dyn Future<Output = Result<Arc<JwkSet>, KeySourceError>> + Send + 'a>>;

/// Keys of one issuer.
///
/// ```
/// use std::{future::ready, sync::Arc};
/// use jose::{JwkSet, UnixTime};
/// use resource_server::{KeySource, KeysFuture};
///
/// /// Keys of a test that rotates them.
/// #[derive(Debug)]
/// struct Rotating(parking_lot::Mutex<Arc<JwkSet>>);
///
/// impl KeySource for Rotating {
///     fn keys<'a>(&'a self, _kid: Option<&'a str>, _now: UnixTime) -> KeysFuture<'a> {
///         Box::pin(ready(Ok(Arc::clone(&self.0.lock()))))
///     }
/// }
/// ```
pub trait KeySource: Send + Sync + fmt::Debug {
    /// The current keys. `kid` is the one the token asks for: a source may look whether there is a newer set when it
    /// does not know it.
    ///
    /// The same `Arc` comes back while the keys are the same: verdicts on tokens are remembered as long.
    fn keys<'a>(&'a self, kid: Option<&'a str>, now: UnixTime) -> KeysFuture<'a>;

    /// Why a key that the issuer publishes under `kid` is not among the keys, if that is so: for the operator's log.
    ///
    /// ```
    /// use resource_server::KeySource;
    ///
    /// fn hint(keys: &dyn KeySource, kid: Option<&str>) -> String {
    ///     keys.refusal(kid).map_or("the key is not published".to_owned(), |refusal| refusal.to_string())
    /// }
    /// ```
    fn refusal(&self, kid: Option<&str>) -> Option<CertificateError> {
        let _ = kid;
        None
    }
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
    Malformed(#[source] JwkSetError),
    /// It is not known where the endpoint is.
    #[error("the key endpoint is not known")]
    Discovery(#[source] DiscoveryError),
}

impl KeySourceError {
    /// Whether a dependency did not answer in time.
    #[must_use]
    pub fn timed_out(&self) -> bool {
        match self {
            Self::Outbound(error) => *error == OutboundError::TimedOut,
            Self::Discovery(error) => error.timed_out(),
            Self::Status(_) | Self::Malformed(_) => false,
        }
    }
}

/// Keys that never change.
///
/// ```
/// use jose::JwkSet;
/// use resource_server::StaticKeys;
///
/// # let document = testkit::FakeIssuer::new("https://issuer.example").jwk_set_json().to_string();
/// let keys = StaticKeys::new(JwkSet::parse(document.as_bytes())?);
/// # let _ = keys;
/// # Ok::<(), jose::JwkSetError>(())
/// ```
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

/// Keys of a JWKS endpoint: parsed once, one call at a time.
///
/// They are fetched anew before their life ends, by the one request that comes first, while the others go on with the
/// old ones. A `kid` that is not among them is looked for at once; after a call that did not bring it, 5 s pass until the
/// next. Keys whose refresh fails stay in use for an hour beyond their life, then requests are refused; a dead endpoint
/// is asked once a second.
///
/// ```
/// use std::sync::Arc;
/// use resource_server::{JwksCache, KEYS_LIFETIME, OutboundHttp};
///
/// fn keys(http: Arc<dyn OutboundHttp>) -> JwksCache {
///     JwksCache::new(http::Uri::from_static("https://issuer.example/jwks"), http, KEYS_LIFETIME)
/// }
/// ```
#[derive(Debug)]
pub struct JwksCache {
    location: EndpointLocation,
    http: Arc<dyn OutboundHttp>,
    keys: Refreshed<Fetched, KeySourceError>,
}

#[derive(Debug, Clone)]
struct Fetched {
    set: Arc<JwkSet>,
    /// What the set was parsed from.
    document: Bytes,
}

impl JwksCache {
    /// A cache over the endpoint at `location`; keys are used for `lifetime` before they are fetched anew.
    #[must_use]
    pub fn new(
        location: impl Into<EndpointLocation>,
        http: Arc<dyn OutboundHttp>,
        lifetime: Duration,
    ) -> Self {
        Self { location: location.into(), http, keys: Refreshed::new(lifetime) }
    }

    async fn find(&self, kid: Option<&str>, now: UnixTime) -> Result<Arc<JwkSet>, KeySourceError> {
        let lacks = |known: &Fetched| {
            kid.is_some_and(|kid| known.set.keys().iter().all(|key| key.kid.as_deref() != Some(kid)))
        };
        let fetched = self.keys.get(now, lacks, |known| self.fetch(known, now)).await?;
        Ok(fetched.set)
    }

    async fn fetch(&self, known: Option<Fetched>, now: UnixTime) -> Result<Fetched, KeySourceError> {
        let mut request = Request::new(Bytes::new());
        *request.method_mut() = Method::GET;
        *request.uri_mut() = self
            .location
            .resolve("jwks_uri", now, |metadata| metadata.jwks_uri.as_deref())
            .await
            .map_err(KeySourceError::Discovery)?;
        let accept = header::HeaderValue::from_static("application/json, application/jwk-set+json");
        request.headers_mut().insert(header::ACCEPT, accept);
        request.extensions_mut().insert(Purpose::Keys);
        let response = self.http.send(request, now).await.map_err(KeySourceError::Outbound)?;
        if response.status() != StatusCode::OK {
            return Err(KeySourceError::Status(response.status()));
        }
        let document = response.into_body();
        if let Some(known) = known.filter(|known| known.document == document) {
            return Ok(known);
        }
        let set = JwkSet::parse(&document).map_err(KeySourceError::Malformed)?;
        Ok(Fetched { set: Arc::new(set), document })
    }
}

impl KeySource for JwksCache {
    fn keys<'a>(&'a self, kid: Option<&'a str>, now: UnixTime) -> KeysFuture<'a> {
        Box::pin(self.find(kid, now))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Poll, Waker};

    use http::Uri;
    use jose::{Algorithm, KeyPair};
    use parking_lot::Mutex;
    use serde_json::json;

    use super::*;
    use crate::outbound::OutboundFuture;

    #[derive(Debug, Default)]
    struct Endpoint {
        calls: AtomicUsize,
        body: Mutex<Option<String>>,
    }

    impl OutboundHttp for Endpoint {
        fn send(&self, _request: Request<Bytes>, _now: UnixTime) -> OutboundFuture<'_> {
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

    fn keys(cache: &JwksCache, kid: &str, now: i64) -> Result<Arc<JwkSet>, KeySourceError> {
        let mut future = cache.keys(Some(kid), UnixTime::from_seconds(now));
        match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(keys) => keys,
            Poll::Pending => panic!("the fake answers at once"),
        }
    }

    fn ask(cache: &JwksCache, kid: &str, now: i64) -> Result<usize, KeySourceError> {
        keys(cache, kid, now).map(|keys| keys.keys().len())
    }

    #[test]
    fn fetches_once_while_the_keys_live() {
        let (endpoint, cache) = cache(set(&["a"]));
        for now in [0, 1, 479] {
            assert_eq!(ask(&cache, "a", now).unwrap(), 1);
        }
        assert_eq!(endpoint.calls.load(Ordering::Relaxed), 1);
        ask(&cache, "a", 480).unwrap();
        assert_eq!(endpoint.calls.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn the_set_is_the_same_while_the_document_is() {
        let (endpoint, cache) = cache(set(&["a"]));
        let first = keys(&cache, "a", 0).unwrap();
        let refreshed = keys(&cache, "a", 480).unwrap();
        assert!(Arc::ptr_eq(&first, &refreshed));
        *endpoint.body.lock() = set(&["a"]);
        let rotated = keys(&cache, "a", 960).unwrap();
        assert!(!Arc::ptr_eq(&first, &rotated));
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
        assert_eq!(endpoint.calls.load(Ordering::Relaxed), 3, "the first that is nowhere, then none");
        ask(&cache, "c", 7).unwrap();
        assert_eq!(endpoint.calls.load(Ordering::Relaxed), 4);
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
