//! The port for outgoing HTTP calls: key endpoints, discovery, introspection; and the port that makes clients for them.

mod authenticated;
mod clients;

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use jose::UnixTime;
use thiserror::Error;

pub use authenticated::AuthenticatedHttp;
pub use clients::{
    ClientCertificate, ClientError, ClientSettings, OneClient, OutboundClients, RetrySettings,
};

/// What [`OutboundHttp::send`] returns.
pub type OutboundFuture<'a> =
    Pin<Box<dyn Future<Output = Result<http::Response<Bytes>, OutboundError>> + Send + 'a>>;

/// What a call is for: an extension of its request, for logs and metrics. A call without one is [`Purpose::Other`].
///
/// ```
/// use resource_server::Purpose;
///
/// assert_eq!(Purpose::default().as_str(), "other");
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// The keys of an issuer.
    Keys,
    /// The metadata of an authorization server.
    Metadata,
    /// Whether a token is good.
    Introspection,
    /// What a mechanism wants to know.
    #[default]
    Other,
}

impl Purpose {
    /// The word in logs and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Keys => "keys",
            Self::Metadata => "metadata",
            Self::Introspection => "introspection",
            Self::Other => "other",
        }
    }
}

/// Sends a request to a dependency. An implementation bounds the whole call in time and the answer in size, and
/// follows no redirect to another origin.
///
/// ```
/// use std::future::ready;
/// use bytes::Bytes;
/// use http::{Request, Response};
/// use jose::UnixTime;
/// use resource_server::{OutboundError, OutboundFuture, OutboundHttp};
///
/// /// An issuer in memory, for a test.
/// #[derive(Debug)]
/// struct InMemory(&'static str);
///
/// impl OutboundHttp for InMemory {
///     fn send(&self, request: Request<Bytes>, _now: UnixTime) -> OutboundFuture<'_> {
///         Box::pin(ready(match request.uri().path() {
///             "/jwks" => Ok(Response::new(Bytes::from_static(self.0.as_bytes()))),
///             _ => Err(OutboundError::TimedOut),
///         }))
///     }
/// }
/// ```
pub trait OutboundHttp: Send + Sync + fmt::Debug {
    /// Sends `request`; any status is an answer. `now` is the server's wall clock, for implementations that sign
    /// requests or remember answers.
    fn send(&self, request: http::Request<Bytes>, now: UnixTime) -> OutboundFuture<'_>;
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
    /// The caller could not get or make what authenticates it at the dependency, so nothing was sent. The text is for the
    /// operator and holds no credential.
    #[error("no credentials for the call: {0}")]
    NoCredentials(String),
}
