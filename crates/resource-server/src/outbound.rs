//! The port for outgoing HTTP calls: key endpoints, discovery, introspection.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use thiserror::Error;

/// What [`OutboundHttp::send`] returns.
pub type OutboundFuture<'a> =
    Pin<Box<dyn Future<Output = Result<http::Response<Bytes>, OutboundError>> + Send + 'a>>;

/// Sends a request to a dependency. An implementation bounds the whole call in time and the answer in size, and
/// follows no redirect to another origin.
pub trait OutboundHttp: Send + Sync + fmt::Debug {
    /// Sends `request`; any status is an answer.
    fn send(&self, request: http::Request<Bytes>) -> OutboundFuture<'_>;
}

/// Why a dependency gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OutboundError {
    /// No connection, or it broke. The text is for the operator and holds the cause.
    #[error("no answer: {0}")]
    Unreachable(String),
    /// The time for the whole call was over.
    #[error("timed out")]
    TimedOut,
    /// The answer was larger than the limit.
    #[error("the answer is larger than {max_bytes} bytes")]
    TooLarge {
        /// The limit in bytes.
        max_bytes: usize,
    },
}
