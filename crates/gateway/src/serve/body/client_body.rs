//! A client's body between its connection, a rule that may read it, and the upstream.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use gateway_core::request_body::{BodyError, BodyFuture, BodySource};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::{sync::Mutex, time::timeout};

use super::{BodyProgress, RequestBody};

/// A body that a rule may read before it is forwarded. What is read is kept and goes first.
pub(crate) struct ClientBody {
    state: Mutex<State>,
    gap: Duration,
    max_bytes: Option<u64>,
}

struct State {
    /// What was read so far, copied: small pieces would each keep the buffer alive that they arrived in.
    read: BytesMut,
    /// All of it, once the end was reached.
    whole: Option<Bytes>,
    /// The rest; `None` once the end was reached, or the body is on its way to the upstream.
    incoming: Option<Incoming>,
}

impl ClientBody {
    /// A body that nobody has read from; `gap` is the longest time between two pieces, `max_bytes` its largest size.
    pub(crate) fn new(incoming: Incoming, gap: Duration, max_bytes: Option<u64>) -> Self {
        let state = State { read: BytesMut::new(), whole: None, incoming: Some(incoming) };
        Self { state: Mutex::new(state), gap, max_bytes }
    }

    /// The body for the upstream, from its first byte; afterwards there is nothing left here.
    pub(crate) async fn forward(&self) -> (RequestBody, Arc<BodyProgress>) {
        let mut state = self.state.lock().await;
        let incoming = state.incoming.take();
        let read = state.whole.take().unwrap_or_else(|| state.read.split().freeze());
        RequestBody::new(Some(read).filter(|read| !read.is_empty()), incoming, self.gap, self.max_bytes)
    }

    async fn read_within(&self, limit: usize) -> Result<Bytes, BodyError> {
        let limit = self.max_bytes.map_or(limit, |max| limit.min(usize::try_from(max).unwrap_or(limit)));
        let mut guard = self.state.lock().await;
        let state = &mut *guard;
        while let Some(incoming) = &mut state.incoming {
            // The length that the client declares: there is no need to wait for so much.
            let announced = usize::try_from(incoming.size_hint().lower()).unwrap_or(usize::MAX);
            if state.read.len().saturating_add(announced) > limit {
                return Err(BodyError::TooLarge);
            }
            match timeout(self.gap, incoming.frame()).await {
                Err(_) => return Err(BodyError::Stalled),
                Ok(Some(Err(_))) => return Err(BodyError::Malformed),
                Ok(None) => state.incoming = None,
                Ok(Some(Ok(frame))) => match frame.into_data() {
                    Ok(piece) => state.read.extend_from_slice(&piece),
                    // Trailers end the body, and are dropped.
                    Err(_) => state.incoming = None,
                },
            }
        }
        let whole = state.whole.get_or_insert_with(|| state.read.split().freeze());
        if whole.len() > limit { Err(BodyError::TooLarge) } else { Ok(whole.clone()) }
    }
}

impl BodySource for ClientBody {
    fn read(&self, limit: usize) -> BodyFuture<'_> {
        Box::pin(self.read_within(limit))
    }
}
