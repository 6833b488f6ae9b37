//! Which attempts are repeated, and when.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use bytes::Bytes;
use http::{Method, Response, StatusCode};
use resource_server::{OutboundError, RetrySettings};
use tokio::time::Instant;

/// The shortest pause before variation; `max_delay` may be shorter.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// How one attempt ended.
pub(crate) enum Attempt {
    /// With an answer of any status.
    Answered(Response<Bytes>),
    /// Without a connection: the server saw nothing.
    Unsent(OutboundError),
    /// The connection broke: the server may have seen the request.
    Broken(OutboundError),
    /// In a way that another attempt would not mend.
    Final(OutboundError),
}

impl Attempt {
    /// Whether a request of this method may be sent again: always if the server has not seen it, else only an idempotent one
    /// (RFC 9110 §9.2.2) whose failure may pass.
    pub(crate) fn may_be_repeated(&self, method: &Method) -> bool {
        match self {
            Self::Unsent(_) => true,
            Self::Broken(_) => method.is_idempotent(),
            Self::Answered(response) => {
                let may_pass = matches!(
                    response.status(),
                    StatusCode::TOO_MANY_REQUESTS
                        | StatusCode::INTERNAL_SERVER_ERROR
                        | StatusCode::BAD_GATEWAY
                        | StatusCode::SERVICE_UNAVAILABLE
                        | StatusCode::GATEWAY_TIMEOUT
                );
                may_pass && method.is_idempotent()
            }
            Self::Final(_) => false,
        }
    }

    /// What the caller gets of the last attempt.
    pub(crate) fn into_outcome(self) -> Result<Response<Bytes>, OutboundError> {
        match self {
            Self::Answered(response) => Ok(response),
            Self::Unsent(error) | Self::Broken(error) | Self::Final(error) => Err(error),
        }
    }
}

/// Growing pauses with variation, until `give_up_after` is over.
pub(crate) struct Pauses {
    backoff: ExponentialBackoff,
    max_delay: Duration,
    give_up_at: Instant,
}

impl Pauses {
    pub(crate) fn new(settings: RetrySettings) -> Self {
        let backoff = ExponentialBuilder::new()
            .with_min_delay(FIRST_PAUSE)
            .with_max_delay(settings.max_delay)
            .without_max_times()
            .with_jitter()
            .build();
        Self { backoff, max_delay: settings.max_delay, give_up_at: Instant::now() + settings.give_up_after }
    }

    /// How long to wait before the next attempt; `None` if that would be too late.
    pub(crate) fn next(&mut self) -> Option<Duration> {
        let pause = self.backoff.next()?.min(self.max_delay);
        (Instant::now() + pause < self.give_up_at).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16) -> Attempt {
        Attempt::Answered(Response::builder().status(status).body(Bytes::new()).unwrap())
    }

    #[test]
    fn only_what_the_server_has_not_seen_or_may_see_twice_is_repeated() {
        let lost = || OutboundError::Unreachable(String::new());
        let check = |attempt: Attempt, get: bool, post: bool| {
            let repeated = (attempt.may_be_repeated(&Method::GET), attempt.may_be_repeated(&Method::POST));
            assert_eq!(repeated, (get, post));
        };
        check(Attempt::Unsent(lost()), true, true);
        check(Attempt::Broken(lost()), true, false);
        check(Attempt::Final(OutboundError::TooLarge { max_bytes: 1 }), false, false);
        for status in [429, 500, 502, 503, 504] {
            check(answered(status), true, false);
        }
        for status in [200, 302, 400, 401, 403, 404, 501] {
            check(answered(status), false, false);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_are_bounded_and_end() {
        let settings =
            RetrySettings { give_up_after: Duration::from_secs(1), max_delay: Duration::from_millis(100) };
        let (mut pauses, mut count) = (Pauses::new(settings), 0);
        while let Some(pause) = pauses.next() {
            assert!(pause <= settings.max_delay, "{pause:?}");
            tokio::time::advance(pause).await;
            count += 1;
        }
        assert!((8..=60).contains(&count), "{count}");
        let none = RetrySettings { give_up_after: Duration::ZERO, ..settings };
        assert_eq!(Pauses::new(none).next(), None);
    }
}
