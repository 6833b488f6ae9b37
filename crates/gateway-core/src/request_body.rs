//! The body of a request: read only when a rule asks for it, passed on by whoever received it.
//!
//! Templates and expressions see the parsed body, which the pipeline reads before the first step that wants it, as known
//! at load. Authenticators that look for credentials in a form read it themselves. Every other body is never touched.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;
use thiserror::Error;

use crate::content;

/// The largest body that templates and expressions see, in bytes; a larger one is refused with 413.
pub const MAX_READ_BYTES: usize = 1 << 20;

/// What [`BodySource::read`] returns.
pub type BodyFuture<'a> = Pin<Box<dyn Future<Output = Result<Bytes, BodyError>> + Send + 'a>>;

/// Where a body comes from: the connection of the client.
pub trait BodySource: Send + Sync {
    /// Reads the body to its end if it has at most `limit` bytes. What was read, also of a larger body, stays part of the
    /// request that is forwarded; reading again starts at its first byte.
    fn read(&self, limit: usize) -> BodyFuture<'_>;
}

/// Why a body can not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BodyError {
    /// More than the limit.
    #[error("the request body is too large")]
    TooLarge,
    /// Bad framing, or the connection ended too early.
    #[error("the request body can not be read")]
    Malformed,
    /// Nothing arrived any more.
    #[error("the request body stalled")]
    Stalled,
}

/// The body of one request. Cheap to clone; clones share what was read.
#[derive(Clone)]
pub struct RequestBody {
    shared: Arc<Shared>,
}

struct Shared {
    source: Option<Arc<dyn BodySource>>,
    bytes: OnceLock<Bytes>,
    value: OnceLock<Value>,
}

impl RequestBody {
    /// No body, or one that nobody may look at: decision mode.
    #[must_use]
    pub fn none() -> Self {
        Self::buffered(Bytes::new())
    }

    /// A body that is there already.
    #[must_use]
    pub fn buffered(bytes: Bytes) -> Self {
        let shared = Shared { source: None, bytes: OnceLock::from(bytes), value: OnceLock::new() };
        Self { shared: Arc::new(shared) }
    }

    /// A body that is read from `source` when it is asked for.
    #[must_use]
    pub fn new(source: Arc<dyn BodySource>) -> Self {
        let shared = Shared { source: Some(source), bytes: OnceLock::new(), value: OnceLock::new() };
        Self { shared: Arc::new(shared) }
    }

    /// The whole body, of at most `limit` bytes. Waits for the client the first time.
    ///
    /// # Errors
    ///
    /// A [`BodyError`]; after [`BodyError::TooLarge`] the body can still be forwarded, and read with a higher limit.
    pub async fn read(&self, limit: usize) -> Result<Bytes, BodyError> {
        let bytes = match (self.shared.bytes.get(), &self.shared.source) {
            (Some(bytes), _) => bytes.clone(),
            (None, Some(source)) => {
                let bytes = source.read(limit).await?;
                self.shared.bytes.get_or_init(|| bytes).clone()
            }
            (None, None) => Bytes::new(),
        };
        if bytes.len() > limit { Err(BodyError::TooLarge) } else { Ok(bytes) }
    }

    /// The body as a value, parsed by the content type in `headers`, those of its request; `None` while it was not read.
    #[must_use]
    pub fn value(&self, headers: &HeaderMap) -> Option<&Value> {
        let bytes = self.shared.bytes.get()?;
        Some(self.shared.value.get_or_init(|| content::parse(headers, bytes)))
    }
}

impl fmt::Debug for RequestBody {
    /// Shows no byte of it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RequestBody")
            .field("read_bytes", &self.shared.bytes.get().map(Bytes::len))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives its text, and counts how often it was asked.
    struct Counting(Bytes, std::sync::atomic::AtomicUsize);

    impl BodySource for Counting {
        fn read(&self, limit: usize) -> BodyFuture<'_> {
            self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let outcome = if self.0.len() > limit { Err(BodyError::TooLarge) } else { Ok(self.0.clone()) };
            Box::pin(std::future::ready(outcome))
        }
    }

    fn now<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    #[test]
    fn is_read_once_and_not_before_it_is_asked_for() {
        let source = Arc::new(Counting(Bytes::from_static(b"text"), 0.into()));
        let body = RequestBody::new(source.clone());
        assert_eq!(body.value(&HeaderMap::new()), None);
        assert_eq!(now(body.read(3)), Err(BodyError::TooLarge));
        assert_eq!(now(body.read(4)).unwrap(), "text");
        assert_eq!(now(body.clone().read(4)).unwrap(), "text");
        assert_eq!(now(body.read(3)), Err(BodyError::TooLarge));
        assert_eq!(source.1.load(std::sync::atomic::Ordering::Relaxed), 2);
        assert_eq!(body.value(&HeaderMap::new()), Some(&Value::from("text")));
    }

    #[test]
    fn no_body_is_empty_text() {
        assert_eq!(RequestBody::none().value(&HeaderMap::new()), Some(&Value::from("")));
    }
}
