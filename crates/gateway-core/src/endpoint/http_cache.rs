//! Caching of an endpoint's answers by the rules of HTTP (RFC 9111).
//!
//! An entry is found again by a request that is the same in everything: method, URL, headers, and the credentials of the
//! endpoint. So nobody shares an answer with somebody else, and the cache counts as a private one (§3.5 and `Vary` have
//! nothing left to keep apart).

use std::{
    future::Future,
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_cache_semantics::{CacheOptions, CachePolicy};
use jose::UnixTime;
use resource_server::{OutboundError, SingleFlight};

use super::{EndpointContext, add_request, answer::Answer};
use crate::{
    cache::{Cache, CacheKey, CacheKeyBuilder},
    document::EndpointHttpCache,
};

/// Keeps answers of one endpoint.
#[derive(Debug)]
pub(super) struct HttpCache {
    cache: Arc<dyn Cache>,
    /// For answers that do not say.
    default_ttl: Duration,
    /// What tells the endpoint's credentials from those of others.
    identity: Option<CacheKey>,
    flights: SingleFlight<CacheKey, Result<Answer, OutboundError>>,
}

/// What the cache knows.
pub(super) enum Found {
    /// An answer that is still fresh.
    Answer(Response<Bytes>),
    /// Nothing; the key is for what will be fetched.
    Nothing(CacheKey),
}

impl HttpCache {
    /// `None` where caching is off.
    pub(super) fn build(
        document: Option<&EndpointHttpCache>,
        context: &EndpointContext<'_>,
        identity: Option<CacheKey>,
    ) -> Option<Self> {
        let document = document.filter(|cache| cache.enabled == Some(true))?;
        Some(Self {
            cache: Arc::clone(context.cache),
            default_ttl: document.default_ttl.unwrap_or_default(),
            identity,
            flights: SingleFlight::default(),
        })
    }

    /// Whether an answer to the request could be kept at all.
    pub(super) fn applies_to(request: &Request<Bytes>) -> bool {
        request.method() == Method::GET && request.body().is_empty()
    }

    /// Looks for a fresh answer.
    pub(super) async fn find(&self, request: &Request<Bytes>, now: UnixTime) -> Found {
        let mut key = add_request(request, CacheKeyBuilder::new("http answer"));
        if let Some(identity) = &self.identity {
            key = key.part(identity.as_bytes());
        }
        let key = key.finish();
        match self.read(&key, now).await {
            Some(kept) => Found::Answer(kept.into_response()),
            None => Found::Nothing(key),
        }
    }

    /// Fetches the answer, one call at a time, and keeps it if it may be kept.
    pub(super) async fn fetch<F: Future<Output = Result<Response<Bytes>, OutboundError>>>(
        &self,
        key: CacheKey,
        request: Request<Bytes>,
        now: UnixTime,
        call: impl FnOnce(Request<Bytes>) -> F,
    ) -> Result<Response<Bytes>, OutboundError> {
        let kept = self.flights.run(key, async || {
            // Whoever was in flight a moment ago may have brought it.
            if let Some(kept) = self.read(&key, now).await {
                return Ok(kept);
            }
            let (parts, _) = request.clone().into_parts();
            let answer = call(request).await?;
            let kept = Answer::of(answer);
            if let Some(ttl) = self.time_to_live(&Request::from_parts(parts, ()), &kept, now) {
                self.write(key, &kept, ttl, now).await;
            }
            Ok(kept)
        });
        kept.await.map(Answer::into_response)
    }

    /// How long the answer stays fresh; `None` if it must not be kept.
    fn time_to_live(&self, request: &Request<()>, answer: &Answer, now: UnixTime) -> Option<Duration> {
        if answer.status != StatusCode::OK {
            return None;
        }
        let mut response = Response::new(());
        *response.headers_mut() = with_plain_directives(&answer.headers);
        let now = system_time(now)?;
        // Guessing from `Last-Modified` is left to `default_ttl`.
        let options = CacheOptions { shared: false, cache_heuristic: 0.0, ..CacheOptions::default() };
        let policy = CachePolicy::new_options(request, &response, now, options);
        if !policy.is_storable() {
            return None;
        }
        let ttl = if says_how_long(&answer.headers) { policy.time_to_live(now) } else { self.default_ttl };
        (!ttl.is_zero()).then_some(ttl)
    }

    async fn read(&self, key: &CacheKey, now: UnixTime) -> Option<Answer> {
        Answer::of_bytes(&self.cache.get(key).await?, now)
    }

    async fn write(&self, key: CacheKey, answer: &Answer, ttl: Duration, now: UnixTime) {
        if let Some(bytes) = answer.to_bytes(now.saturating_add(ttl)) {
            self.cache.set(key, bytes, ttl).await;
        }
    }
}

/// The headers with the directives of `Cache-Control` in lower case: names are compared without case (RFC 9111 §5.2), which
/// the library leaves to us.
fn with_plain_directives(headers: &HeaderMap) -> HeaderMap {
    let mut plain = headers.clone();
    plain.remove(header::CACHE_CONTROL);
    for line in headers.get_all(header::CACHE_CONTROL) {
        if let Ok(line) = HeaderValue::from_bytes(&line.as_bytes().to_ascii_lowercase()) {
            plain.append(header::CACHE_CONTROL, line);
        }
    }
    plain
}

/// Whether the answer itself says something about how long it may be used (RFC 9111 §4.2.1, §5.2.2.4, §5.4).
fn says_how_long(headers: &HeaderMap) -> bool {
    let directives = |name: HeaderName| {
        let lines: Vec<&HeaderValue> = headers.get_all(name).iter().collect();
        lines
            .into_iter()
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(','))
            .map(|directive| directive.split('=').next().unwrap_or_default().trim().to_ascii_lowercase())
            .collect::<Vec<_>>()
    };
    headers.contains_key(header::EXPIRES)
        || directives(header::PRAGMA).iter().any(|directive| directive == "no-cache")
        || directives(header::CACHE_CONTROL)
            .iter()
            .any(|directive| matches!(directive.as_str(), "max-age" | "no-cache" | "immutable"))
}

fn system_time(now: UnixTime) -> Option<SystemTime> {
    let seconds = u64::try_from(now.as_seconds()).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::NoCache;

    const NOW: UnixTime = UnixTime::from_seconds(1_700_000_000);

    #[track_caller]
    fn check(fields: &[(&'static str, &'static str)], expected: Option<u64>) {
        let cache = HttpCache {
            cache: Arc::new(NoCache),
            default_ttl: Duration::from_secs(7),
            identity: None,
            flights: SingleFlight::default(),
        };
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_static(value));
        }
        let mut request = Request::new(());
        request.headers_mut().insert("authorization", HeaderValue::from_static("Bearer x"));
        let kept = Answer { status: StatusCode::OK, headers, body: Bytes::new() };
        assert_eq!(cache.time_to_live(&request, &kept, NOW), expected.map(Duration::from_secs), "{fields:?}");
        let kept = Answer { status: StatusCode::NOT_FOUND, ..kept };
        assert_eq!(cache.time_to_live(&request, &kept, NOW), None);
    }

    #[test]
    fn an_answers_own_word_comes_before_the_default() {
        check(&[], Some(7));
        check(&[("last-modified", "Mon, 01 Jan 2018 00:00:00 GMT")], Some(7));
        check(&[("cache-control", "max-age=60")], Some(60));
        check(&[("cache-control", "public, Max-Age=60"), ("age", "20")], Some(40));
        check(&[("cache-control", "private, max-age=60")], Some(60));
        check(&[("cache-control", "max-age=0")], None);
        check(&[("cache-control", "no-cache")], None);
        check(&[("cache-control", "no-store, max-age=60")], None);
        check(&[("pragma", "no-cache")], None);
        check(
            &[("expires", "Tue, 14 Nov 2023 22:14:20 GMT"), ("date", "Tue, 14 Nov 2023 22:13:20 GMT")],
            Some(60),
        );
        check(&[("expires", "0")], None);
        check(&[("vary", "*"), ("cache-control", "max-age=60")], None);
    }
}
