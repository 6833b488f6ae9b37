//! Answers of other systems in Redis, where other instances find them.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use dpop_redis::{
    Link,
    redis::{self, Value},
};
use gateway_core::cache::{Cache, CacheFuture, CacheKey};
use jose::base64url;

const KEY_PREFIX: &str = "keybound:cache:";

/// A cache at the other end of a connection. Where that does not answer in time, nothing is known and nothing is kept.
#[derive(Debug)]
pub(crate) struct RedisCache {
    link: Arc<Link>,
    timeout: Duration,
}

impl RedisCache {
    /// A cache that waits for at most `timeout` for an answer.
    pub(crate) fn new(link: Arc<Link>, timeout: Duration) -> Self {
        Self { link, timeout }
    }
}

impl Cache for RedisCache {
    fn get<'a>(&'a self, key: &'a CacheKey) -> CacheFuture<'a, Option<Bytes>> {
        Box::pin(async move {
            let mut command = redis::cmd("GET");
            command.arg(name(key));
            match self.link.send(&command, self.timeout).await {
                Ok(Value::BulkString(value)) => Some(Bytes::from(value)),
                Ok(_) => None,
                Err(error) => {
                    tracing::debug!(%error, "no answer from the cache");
                    None
                }
            }
        })
    }

    fn set<'a>(&'a self, key: CacheKey, value: Bytes, ttl: Duration) -> CacheFuture<'a, ()> {
        Box::pin(async move {
            let milliseconds = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
            if milliseconds == 0 {
                return;
            }
            let mut command = redis::cmd("SET");
            command.arg(name(&key)).arg(&value[..]).arg("PX").arg(milliseconds);
            if let Err(error) = self.link.send(&command, self.timeout).await {
                tracing::debug!(%error, "not kept in the cache");
            }
        })
    }
}

fn name(key: &CacheKey) -> String {
    format!("{KEY_PREFIX}{}", base64url::encode(key.as_bytes()))
}
