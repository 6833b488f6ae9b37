//! What the middlewares share: which requests get a token and a proof, and what an answer teaches.

use std::{error::Error as StdError, sync::Arc};

use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header::AUTHORIZATION};
use thiserror::Error;

use crate::{
    client::Clock,
    origin::{NoOrigin, Origin},
    session::{Attempt, Next, Session, SessionError},
    token_keeper::AccessTokenSource,
};

/// A session, its tokens, and the only origins that ever see them.
///
/// A request to another origin is refused, not sent without credentials: wherever a redirect or a mistake leads, no
/// token and no proof follows.
pub struct ResourceAccess {
    session: Arc<Session>,
    tokens: Arc<dyn AccessTokenSource>,
    clock: Clock,
    origins: Vec<Origin>,
}

/// Why a request gets no credentials.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AccessError {
    /// The request goes to an origin that was not [named](ResourceAccess::to).
    #[error("no token for {host}: it is none of the origins that this client was made for")]
    ForeignOrigin {
        /// The host of the request.
        host: String,
    },
    /// The URI is not absolute.
    #[error(transparent)]
    NoOrigin(#[from] NoOrigin),
    /// Plain http to another machine: the token would travel in the clear (RFC 9449 §2, P15).
    #[error("plain http to {host} refused: tokens would travel unprotected")]
    PlainHttp {
        /// The host.
        host: String,
    },
    /// There is no token.
    #[error("there is no access token")]
    Token(#[source] Box<dyn StdError + Send + Sync>),
    /// There is no proof.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The token does not fit into a header.
    #[error("the access token does not fit into a header")]
    Header(#[from] http::header::InvalidHeaderValue),
}

impl ResourceAccess {
    /// Access to no origin yet.
    #[must_use]
    pub fn new(session: impl Into<Arc<Session>>, tokens: Arc<dyn AccessTokenSource>, clock: Clock) -> Self {
        Self { session: session.into(), tokens, clock, origins: Vec::new() }
    }

    /// Sends credentials to the origin of `uri`, too.
    ///
    /// # Errors
    ///
    /// [`AccessError::PlainHttp`] for `http` to another machine, [`AccessError::NoOrigin`] for a URI without a host.
    pub fn to(self, uri: &Uri) -> Result<Self, AccessError> {
        let origin = Origin::of(uri)?;
        if !origin.is_https() && !origin.is_loopback() {
            return Err(AccessError::PlainHttp { host: host_of(uri) });
        }
        self.to_unprotected(uri)
    }

    /// As [`to`](Self::to), plain `http` to other machines allowed. An explicit choice for networks of containers on
    /// one machine.
    ///
    /// # Errors
    ///
    /// [`AccessError::NoOrigin`] for a URI without a host.
    pub fn to_unprotected(mut self, uri: &Uri) -> Result<Self, AccessError> {
        self.origins.push(Origin::of(uri)?);
        Ok(self)
    }

    /// Puts token and proof into the headers of one attempt. Earlier `Authorization` and `DPoP` fields are replaced.
    ///
    /// # Errors
    ///
    /// [`AccessError`]; the request must not be sent then.
    pub async fn authorize(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &mut HeaderMap,
    ) -> Result<(), AccessError> {
        if !self.origins.contains(&Origin::of(uri)?) {
            return Err(AccessError::ForeignOrigin { host: host_of(uri) });
        }
        let token = self.tokens.access_token().await.map_err(AccessError::Token)?;
        let proof = self.session.resource_request_proof(method, uri, &token, (self.clock)()).await?;
        let mut credentials = HeaderValue::try_from(format!("DPoP {}", token.as_str()))?;
        credentials.set_sensitive(true);
        headers.insert(AUTHORIZATION, credentials);
        headers.insert(dpop::DPOP, proof);
        Ok(())
    }

    /// What to do after an answer.
    pub fn after(&self, uri: &Uri, attempt: Attempt, status: StatusCode, headers: &HeaderMap) -> Next {
        self.session.resource_response(uri, attempt, status, headers, (self.clock)())
    }
}

fn host_of(uri: &Uri) -> String {
    uri.host().unwrap_or_default().to_owned()
}

impl std::fmt::Debug for ResourceAccess {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ResourceAccess").field("origins", &self.origins).finish_non_exhaustive()
    }
}
