//! Answers that a mechanism keeps for as long as its `cache_ttl` says.
//!
//! What is kept is the answer, never a decision made from it. It is found again by a call that is the same in everything:
//! method, URL, headers, body, the endpoint's credentials, and for how long it is kept.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::Response;
use jose::UnixTime;
use resource_server::{OutboundError, SingleFlight};

use super::{Endpoint, EndpointCall, answer::Answer};
use crate::cache::{Cache, CacheKey, CacheKeyBuilder};

/// The answers of one mechanism's endpoint.
#[derive(Debug)]
pub(crate) struct KeptAnswers {
    cache: Arc<dyn Cache>,
    flights: SingleFlight<CacheKey, Result<Answer, OutboundError>>,
}

impl KeptAnswers {
    pub(crate) fn new(cache: &Arc<dyn Cache>) -> Self {
        Self { cache: Arc::clone(cache), flights: SingleFlight::default() }
    }

    /// A kept answer, or that of the endpoint, which is asked by one caller at a time. With a `ttl` of zero nothing is kept
    /// and every caller asks. Only answers with a status of success are kept, and of them those that are `usable`.
    ///
    /// # Errors
    ///
    /// An [`OutboundError`] when there is no answer.
    pub(crate) async fn get(
        &self,
        endpoint: &Endpoint,
        call: EndpointCall,
        ttl: Duration,
        now: UnixTime,
        usable: fn(&Bytes) -> bool,
    ) -> Result<Response<Bytes>, OutboundError> {
        if ttl.is_zero() {
            return endpoint.send(call, now).await;
        }
        let mut key = CacheKeyBuilder::new("endpoint answer").part(ttl.as_nanos().to_be_bytes());
        if let Some(identity) = endpoint.transport().identity() {
            key = key.part(identity.as_bytes());
        }
        let key = call.add_to(key).finish();
        if let Some(answer) = self.read(&key, now).await {
            return Ok(answer.into_response());
        }
        let answer = self.flights.run(key, async || {
            // Whoever was in flight a moment ago may have brought it.
            if let Some(answer) = self.read(&key, now).await {
                return Ok(answer);
            }
            let answer = Answer::of(endpoint.send(call, now).await?);
            if answer.status.is_success()
                && usable(&answer.body)
                && let Some(bytes) = answer.to_bytes(now.saturating_add(ttl))
            {
                self.cache.set(key, bytes, ttl).await;
            }
            Ok(answer)
        });
        answer.await.map(Answer::into_response)
    }

    async fn read(&self, key: &CacheKey, now: UnixTime) -> Option<Answer> {
        Answer::of_bytes(&self.cache.get(key).await?, now)
    }
}
