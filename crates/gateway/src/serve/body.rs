//! Bodies on their way through the gateway, piece by piece. Only a body that the matched rule reads is collected, in
//! [`ClientBody`].
//!
//! Trailers are dropped in both directions: nothing looked at them, so nobody behind us shall.

mod client_body;

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep_until};

pub(crate) use self::client_body::ClientBody;
use super::upstream::UpstreamBody;

/// The body of an answer.
pub(crate) enum ResponseBody {
    /// One of ours.
    Full(Full<Bytes>),
    /// The upstream's, passed on as it arrives.
    Upstream(UpstreamBody),
}

impl ResponseBody {
    /// No body.
    pub(crate) fn empty() -> Self {
        Self::Full(Full::default())
    }
}

impl From<Bytes> for ResponseBody {
    fn from(bytes: Bytes) -> Self {
        Self::Full(Full::new(bytes))
    }
}

/// What a connection wants to know about an answer; dropped when the answer is over, or nobody wants it any more.
pub(crate) trait Transfer: Unpin {
    /// A piece of the body was handed over for sending.
    fn piece_handed_over(&mut self) {}

    /// All pieces so far were sent, or fit into what may be sent.
    fn next_piece_wanted(&mut self) {}
}

/// The body of an answer on a connection, which follows it.
pub(crate) struct ServedBody<T> {
    body: ResponseBody,
    transfer: T,
}

impl<T> ServedBody<T> {
    /// Ties an answer to its connection.
    pub(crate) fn new(body: ResponseBody, transfer: T) -> Self {
        Self { body, transfer }
    }
}

impl<T: Transfer> Body for ServedBody<T> {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.transfer.next_piece_wanted();
        let piece = match &mut self.body {
            ResponseBody::Full(full) => {
                Pin::new(full).poll_frame(context).map_err(|never: Infallible| match never {})
            }
            ResponseBody::Upstream(incoming) => match Pin::new(incoming).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) if frame.is_trailers() => Poll::Ready(None),
                other => other,
            },
        };
        if matches!(piece, Poll::Ready(Some(Ok(_)))) {
            self.transfer.piece_handed_over();
        }
        piece
    }

    fn is_end_stream(&self) -> bool {
        match &self.body {
            ResponseBody::Full(full) => full.is_end_stream(),
            ResponseBody::Upstream(incoming) => incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            ResponseBody::Full(full) => full.size_hint(),
            ResponseBody::Upstream(incoming) => incoming.size_hint(),
        }
    }
}

/// What went wrong with a client's body. The upstream call fails with it; [`BodyProgress`] tells the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyError {
    /// Bad chunk, or the connection ended too early.
    #[error("the request body can not be read")]
    Malformed,
    /// Nothing arrived for `timeout.read`.
    #[error("the request body stalled")]
    Stalled,
    /// Larger than `serve.limits.max_body_size`.
    #[error("the request body is too large")]
    TooLarge,
}

const FLOWING: u8 = 0;
const WAITING_FOR_CLIENT: u8 = 1;
const ENDED: u8 = 2;
const MALFORMED: u8 = 3;
const STALLED: u8 = 4;
const TOO_LARGE: u8 = 5;

/// How far a client's body came; shared by the body, which the upstream's connection owns, and the request that waits for
/// the upstream's answer.
#[derive(Debug)]
pub(crate) struct BodyProgress {
    state: AtomicU8,
    start: Instant,
    /// Milliseconds since `start` at which the last piece was taken.
    last: AtomicU64,
}

impl BodyProgress {
    /// When the last piece of the body was passed on; the start of the request if there was none yet.
    pub(crate) fn last_moved(&self) -> Instant {
        self.start + Duration::from_millis(self.last.load(Ordering::Relaxed))
    }

    /// The upstream's time begins: what was waited for before does not count.
    pub(crate) fn begins(&self) {
        self.moved();
    }

    /// The error of the body itself, if it is the reason why a call failed.
    pub(crate) fn error(&self) -> Option<BodyError> {
        match self.state.load(Ordering::Relaxed) {
            MALFORMED => Some(BodyError::Malformed),
            STALLED => Some(BodyError::Stalled),
            TOO_LARGE => Some(BodyError::TooLarge),
            _ => None,
        }
    }

    /// Whether the upstream is ready for more and the client does not send it.
    pub(crate) fn waits_for_client(&self) -> bool {
        self.state.load(Ordering::Relaxed) == WAITING_FOR_CLIENT
    }

    fn set(&self, state: u8) {
        self.state.store(state, Ordering::Relaxed);
    }

    fn moved(&self) {
        let elapsed = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(elapsed, Ordering::Relaxed);
    }
}

/// A client's body on its way to the upstream, limited in size and in the gaps between its pieces.
pub(crate) struct RequestBody {
    /// What was read before the decision.
    read: Option<Bytes>,
    /// The rest; `None` if nothing is left.
    inner: Option<Incoming>,
    progress: Arc<BodyProgress>,
    gap: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    bytes_left: Option<u64>,
}

impl RequestBody {
    /// What was `read` already, then the rest; `gap` is the longest time between two pieces, `max_bytes` the
    /// body's largest size.
    fn new(
        read: Option<Bytes>,
        inner: Option<Incoming>,
        gap: Duration,
        max_bytes: Option<u64>,
    ) -> (Self, Arc<BodyProgress>) {
        let has_ended = read.is_none() && inner.as_ref().is_none_or(Body::is_end_stream);
        let progress = Arc::new(BodyProgress {
            state: AtomicU8::new(if has_ended { ENDED } else { FLOWING }),
            start: Instant::now(),
            last: AtomicU64::new(0),
        });
        let body =
            Self { read, inner, progress: Arc::clone(&progress), gap, timer: None, bytes_left: max_bytes };
        (body, progress)
    }

    fn fail(&mut self, state: u8, error: BodyError) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.progress.set(state);
        Poll::Ready(Some(Err(error)))
    }

    /// A piece arrived: counts it.
    fn pass_on(&mut self, frame: Frame<Bytes>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.timer = None;
        self.progress.moved();
        self.progress.set(FLOWING);
        let length = frame.data_ref().map_or(0, Bytes::len);
        if let Some(left) = self.bytes_left {
            match left.checked_sub(length as u64) {
                Some(left) => self.bytes_left = Some(left),
                None => return self.fail(TOO_LARGE, BodyError::TooLarge),
            }
        }
        Poll::Ready(Some(Ok(frame)))
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(piece) = self.read.take() {
            return self.pass_on(Frame::data(piece));
        }
        let next = match &mut self.inner {
            Some(inner) => Pin::new(inner).poll_frame(context),
            None => Poll::Ready(None),
        };
        match next {
            Poll::Ready(Some(Ok(frame))) if frame.is_data() => self.pass_on(frame),
            Poll::Ready(Some(Ok(_)) | None) => {
                self.progress.moved();
                self.progress.set(ENDED);
                Poll::Ready(None)
            }
            Poll::Ready(Some(Err(_))) => self.fail(MALFORMED, BodyError::Malformed),
            Poll::Pending => {
                self.progress.set(WAITING_FOR_CLIENT);
                let deadline = Instant::now() + self.gap;
                let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
                match timer.as_mut().poll(context) {
                    Poll::Ready(()) => self.fail(STALLED, BodyError::Stalled),
                    Poll::Pending => Poll::Pending,
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.read.is_none() && self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let read: u64 = self.read.as_ref().map_or(0, |read| read.len() as u64);
        let rest = self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint);
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(read));
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(read));
        }
        hint
    }
}
