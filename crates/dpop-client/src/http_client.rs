//! The port to the network: one function. Bring your own, or take [`HyperClient`](crate::HyperClient).

use std::error::Error as StdError;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use thiserror::Error;

/// Sends one request and reads the whole answer.
///
/// An implementation follows no redirect (the proof would be made for another URI, and the token would travel with
/// it, C5), repeats no request by itself (C6: every attempt needs a new proof), and limits time and size.
pub trait HttpClient: Send + Sync {
    /// Sends `request`, whose URI is absolute.
    ///
    /// # Errors
    ///
    /// [`HttpError`] when no complete answer was received. A status is not an error.
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, HttpError>>;
}

/// Why there is no answer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The URI is not an absolute `http` or `https` URI.
    #[error("the URI is not an absolute http or https URI")]
    NotAbsolute,
    /// Plain `http` to another machine: tokens and proofs would travel in the clear (RFC 9449 §2, P15).
    #[error("plain http to {host} refused: tokens would travel unprotected")]
    PlainHttp {
        /// The host of the request.
        host: String,
    },
    /// No connection, or it broke.
    #[error("{host} can not be reached")]
    Unreachable {
        /// The host of the request.
        host: String,
        /// What the network said.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
    /// No complete answer within the time limit.
    #[error("{host} did not answer in time")]
    TimedOut {
        /// The host of the request.
        host: String,
    },
    /// The answer is larger than the limit.
    #[error("the answer of {host} is larger than {max_bytes} bytes")]
    TooLarge {
        /// The host of the request.
        host: String,
        /// The limit in bytes.
        max_bytes: usize,
    },
}
