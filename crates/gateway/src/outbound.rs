//! Outgoing calls to key endpoints and other dependencies: bounded in time and size, and never led to another origin.

use std::{fmt, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use resource_server::outbound::{OutboundError, OutboundFuture, OutboundHttp};

use crate::tls::{self, Connector};

/// Redirects that one call follows, all within its origin.
const MAX_REDIRECTS: usize = 3;

/// Sends requests with a pool of connections of its own.
pub(crate) struct HyperOutbound {
    client: Client<Connector, Full<Bytes>>,
    timeout: Duration,
    max_bytes: usize,
}

impl HyperOutbound {
    /// Every call, redirects and body included, must end within `timeout` (5 seconds unless configured); an answer's body
    /// may have `max_bytes` bytes (1 MB unless configured).
    ///
    /// # Errors
    ///
    /// If TLS can not be set up.
    pub(crate) fn new(timeout: Duration, max_bytes: usize) -> Result<Self, rustls::Error> {
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .build(tls::connector()?);
        Ok(Self { client, timeout, max_bytes })
    }

    async fn call(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, OutboundError> {
        let mut redirects = 0;
        loop {
            let next = request.clone();
            let response = self.call_once(request).await?;
            match redirect_target(&next, &response) {
                Some(target) if redirects < MAX_REDIRECTS => {
                    redirects += 1;
                    request = next;
                    *request.uri_mut() = target;
                }
                _ => return Ok(response),
            }
        }
    }

    async fn call_once(&self, request: Request<Bytes>) -> Result<Response<Bytes>, OutboundError> {
        let response = self.client.request(request.map(Full::new)).await.map_err(unreachable)?;
        let (parts, mut body) = response.into_parts();
        if content_length(&parts.headers).is_some_and(|length| length > self.max_bytes) {
            return Err(OutboundError::TooLarge { max_bytes: self.max_bytes });
        }
        let mut bytes = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| OutboundError::Unreachable(error.to_string()))?;
            let Some(data) = frame.data_ref() else { continue };
            if bytes.len() + data.len() > self.max_bytes {
                return Err(OutboundError::TooLarge { max_bytes: self.max_bytes });
            }
            bytes.extend_from_slice(data);
        }
        Ok(Response::from_parts(parts, bytes.freeze()))
    }
}

impl OutboundHttp for HyperOutbound {
    fn send(&self, request: Request<Bytes>) -> OutboundFuture<'_> {
        Box::pin(async move {
            tokio::time::timeout(self.timeout, self.call(request))
                .await
                .unwrap_or(Err(OutboundError::TimedOut))
        })
    }
}

impl fmt::Debug for HyperOutbound {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("HyperOutbound")
            .field("timeout", &self.timeout)
            .field("max_bytes", &self.max_bytes)
            .finish_non_exhaustive()
    }
}

/// The cause as far as the operator needs it: the innermost errors name the address and what happened.
fn unreachable(error: hyper_util::client::legacy::Error) -> OutboundError {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    OutboundError::Unreachable(text)
}

fn content_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Where a redirect leads, if we follow it: a GET that stays within its origin. All others are answers, and no good ones.
fn redirect_target(request: &Request<Bytes>, response: &Response<Bytes>) -> Option<Uri> {
    let follows = matches!(
        response.status(),
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    );
    if !follows || request.method() != Method::GET {
        return None;
    }
    let location = response.headers().get(header::LOCATION)?.to_str().ok()?;
    let from = request.uri();
    if location.starts_with('/') && !location.starts_with("//") {
        let mut parts = from.clone().into_parts();
        parts.path_and_query = Some(location.parse().ok()?);
        return Uri::from_parts(parts).ok();
    }
    let target: Uri = location.parse().ok()?;
    let same_origin = target.scheme() == from.scheme() && target.authority() == from.authority();
    (same_origin && target.authority().is_some()).then_some(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_redirects_within_the_origin_only() {
        let check = |method: Method, location: &str, expected: Option<&str>| {
            let request = Request::builder().method(method).uri("http://a:1/x").body(Bytes::new()).unwrap();
            let response =
                Response::builder().status(302).header("location", location).body(Bytes::new()).unwrap();
            let target = redirect_target(&request, &response).map(|uri| uri.to_string());
            assert_eq!(target.as_deref(), expected, "{location}");
        };
        check(Method::GET, "/y?z", Some("http://a:1/y?z"));
        check(Method::GET, "http://a:1/y", Some("http://a:1/y"));
        check(Method::GET, "//b/y", None);
        check(Method::GET, "http://a:2/y", None);
        check(Method::GET, "https://a:1/y", None);
        check(Method::GET, "y", None);
        check(Method::POST, "/y", None);
    }
}
