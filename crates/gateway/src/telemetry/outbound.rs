//! Calls to dependencies, counted, traced, and told about when they fail.

use std::sync::Arc;

use bytes::Bytes;
use gateway_core::outbound::{ClientError, ClientSettings, OutboundClients};
use http::{Request, StatusCode};
use jose::UnixTime;
use resource_server::outbound::{OutboundError, OutboundFuture, OutboundHttp, Purpose};
use tokio::time::Instant;

use super::Telemetry;

/// Makes clients whose calls are watched.
#[derive(Debug)]
pub(crate) struct WatchedClients {
    inner: Arc<dyn OutboundClients>,
    telemetry: Arc<Telemetry>,
}

impl WatchedClients {
    /// Watches the calls of the clients that `inner` makes.
    pub(crate) fn over(inner: Arc<dyn OutboundClients>, telemetry: Arc<Telemetry>) -> Self {
        Self { inner, telemetry }
    }
}

impl OutboundClients for WatchedClients {
    fn client(&self, settings: &ClientSettings) -> Result<Arc<dyn OutboundHttp>, ClientError> {
        let inner = self.inner.client(settings)?;
        Ok(Arc::new(WatchedOutbound { inner, telemetry: Arc::clone(&self.telemetry) }))
    }
}

/// Hands calls on and watches them. It changes no answer.
#[derive(Debug)]
struct WatchedOutbound {
    inner: Arc<dyn OutboundHttp>,
    telemetry: Arc<Telemetry>,
}

impl OutboundHttp for WatchedOutbound {
    fn send(&self, mut request: Request<Bytes>, now: UnixTime) -> OutboundFuture<'_> {
        let purpose = request.extensions().get::<Purpose>().copied().unwrap_or_default();
        let address = request.uri().authority().map_or_else(String::new, |authority| {
            // Without the user and password that a careless address may hold.
            authority.as_str().rsplit('@').next().unwrap_or_default().to_owned()
        });
        let trace = self.telemetry.tracing.call(purpose.as_str(), request.method().as_str(), &address);
        trace.inject(request.headers_mut());
        let start = Instant::now();
        let sending = self.inner.send(request, now);
        Box::pin(async move {
            let answer = sending.await;
            let outcome = match &answer {
                Ok(answer) => Ok(answer.status()),
                Err(error) => Err(word(error)),
            };
            self.telemetry.metrics.call(purpose, outcome, start.elapsed());
            trace.end(outcome);
            match &answer {
                Err(error) => {
                    tracing::warn!(purpose = purpose.as_str(), address, %error, "call failed");
                }
                Ok(answer) if is_bad(answer.status(), purpose) => {
                    let status = answer.status().as_u16();
                    tracing::warn!(purpose = purpose.as_str(), address, status, "call failed");
                }
                Ok(_) => {}
            }
            answer
        })
    }
}

/// Whether an answer is nothing that the caller can work with. What mechanisms ask may well be answered with 403.
fn is_bad(status: StatusCode, purpose: Purpose) -> bool {
    match purpose {
        Purpose::Keys | Purpose::Metadata | Purpose::Introspection => !status.is_success(),
        Purpose::Other => status.is_server_error(),
    }
}

fn word(error: &OutboundError) -> &'static str {
    match error {
        OutboundError::Unreachable(_) => "unreachable",
        OutboundError::TimedOut => "timed_out",
        OutboundError::TooLarge { .. } => "too_large",
        OutboundError::NoCredentials(_) => "no_credentials",
        _ => "failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_key_set_is_bad_and_a_refusal_of_a_remote_authorizer_is_not() {
        let check = |status: u16, purpose: Purpose, expected: bool| {
            assert_eq!(
                is_bad(StatusCode::from_u16(status).unwrap(), purpose),
                expected,
                "{status} {purpose:?}"
            );
        };
        check(200, Purpose::Keys, false);
        check(404, Purpose::Keys, true);
        check(401, Purpose::Introspection, true);
        check(403, Purpose::Other, false);
        check(502, Purpose::Other, true);
    }
}
