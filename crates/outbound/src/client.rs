//! The client of one endpoint: time, size, redirects and retries of a call.

use std::{fmt, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Request, Response, header};
use http_body_util::{BodyExt as _, Full};
use jose::UnixTime;
use resource_server::{ClientSettings, OutboundError, OutboundFuture, OutboundHttp, RetrySettings};
use tokio::time::{sleep, timeout};

use crate::{
    clients::Pool,
    redirect::{MAX_REDIRECTS, redirect_target},
    retry::{Attempt, Pauses},
};

const USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("keybound/", env!("CARGO_PKG_VERSION")));

/// Sends requests within the limits of one endpoint.
pub(crate) struct EndpointClient {
    pool: Pool,
    timeout: Duration,
    max_bytes: usize,
    retry: Option<RetrySettings>,
}

impl EndpointClient {
    pub(crate) fn new(pool: Pool, settings: &ClientSettings) -> Self {
        Self {
            pool,
            timeout: settings.timeout,
            max_bytes: settings.max_response_bytes,
            retry: settings.retry,
        }
    }

    /// Attempts until one is final or time is over.
    async fn call(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, OutboundError> {
        request.headers_mut().entry(header::USER_AGENT).or_insert(USER_AGENT);
        let Some(settings) = self.retry else { return self.follow(request).await.into_outcome() };
        let mut pauses = Pauses::new(settings);
        loop {
            let attempt = self.follow(request.clone()).await;
            match pauses.next().filter(|_| attempt.may_be_repeated(request.method())) {
                Some(pause) => sleep(pause).await,
                None => return attempt.into_outcome(),
            }
        }
    }

    /// One attempt, with the redirects that lead to the same origin.
    async fn follow(&self, mut request: Request<Bytes>) -> Attempt {
        for _ in 0..MAX_REDIRECTS {
            let next = request.clone();
            let response = match self.call_once(request).await {
                Attempt::Answered(response) => response,
                failed => return failed,
            };
            let Some(target) = redirect_target(&next, &response) else { return Attempt::Answered(response) };
            request = next;
            *request.uri_mut() = target;
        }
        self.call_once(request).await
    }

    async fn call_once(&self, request: Request<Bytes>) -> Attempt {
        let response = match self.pool.request(request.map(Full::new)).await {
            Ok(response) => response,
            Err(error) if error.is_connect() => return Attempt::Unsent(unreachable(&error)),
            Err(error) => return Attempt::Broken(unreachable(&error)),
        };
        let (parts, mut body) = response.into_parts();
        let too_large = OutboundError::TooLarge { max_bytes: self.max_bytes };
        if content_length(&parts.headers).is_some_and(|length| length > self.max_bytes) {
            return Attempt::Final(too_large);
        }
        let mut bytes = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = match frame {
                Ok(frame) => frame,
                Err(error) => return Attempt::Broken(OutboundError::Unreachable(error.to_string())),
            };
            let Some(data) = frame.data_ref() else { continue };
            if bytes.len() + data.len() > self.max_bytes {
                return Attempt::Final(too_large);
            }
            bytes.extend_from_slice(data);
        }
        Attempt::Answered(Response::from_parts(parts, bytes.freeze()))
    }
}

impl OutboundHttp for EndpointClient {
    fn send(&self, request: Request<Bytes>, _: UnixTime) -> OutboundFuture<'_> {
        Box::pin(async move {
            timeout(self.timeout, self.call(request)).await.unwrap_or(Err(OutboundError::TimedOut))
        })
    }
}

impl fmt::Debug for EndpointClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("EndpointClient")
            .field("timeout", &self.timeout)
            .field("max_bytes", &self.max_bytes)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}

/// The cause as far as the operator needs it: the innermost errors name the address and what happened.
fn unreachable(error: &hyper_util::client::legacy::Error) -> OutboundError {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    OutboundError::Unreachable(text)
}

fn content_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
