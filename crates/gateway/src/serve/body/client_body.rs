//! A client's body between its connection, a rule that may read it, and the upstream.

use std::{collections::VecDeque, sync::Arc, time::Duration};

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
    /// What was read so far.
    read: VecDeque<Bytes>,
    read_bytes: usize,
    /// The rest; `None` once the end was reached, or the body is on its way to the upstream.
    incoming: Option<Incoming>,
}

impl ClientBody {
    /// A body that nobody has read from; `gap` is the longest time between two pieces, `max_bytes` its largest size.
    pub(crate) fn new(incoming: Incoming, gap: Duration, max_bytes: Option<u64>) -> Self {
        let state = State { read: VecDeque::new(), read_bytes: 0, incoming: Some(incoming) };
        Self { state: Mutex::new(state), gap, max_bytes }
    }

    /// The body for the upstream, from its first byte; afterwards there is nothing left here.
    pub(crate) async fn forward(&self) -> (RequestBody, Arc<BodyProgress>) {
        let mut state = self.state.lock().await;
        let (read, incoming) = (std::mem::take(&mut state.read), state.incoming.take());
        RequestBody::new(read, incoming, self.gap, self.max_bytes)
    }

    async fn read_within(&self, limit: usize) -> Result<Bytes, BodyError> {
        let limit = self.max_bytes.map_or(limit, |max| limit.min(usize::try_from(max).unwrap_or(limit)));
        let mut guard = self.state.lock().await;
        let state = &mut *guard;
        while let Some(incoming) = &mut state.incoming {
            // The length that the client declares: there is no need to wait for so much.
            let announced = usize::try_from(incoming.size_hint().lower()).unwrap_or(usize::MAX);
            if state.read_bytes.saturating_add(announced) > limit {
                return Err(BodyError::TooLarge);
            }
            match timeout(self.gap, incoming.frame()).await {
                Err(_) => return Err(BodyError::Stalled),
                Ok(Some(Err(_))) => return Err(BodyError::Malformed),
                Ok(None) => state.incoming = None,
                Ok(Some(Ok(frame))) => match frame.into_data() {
                    Ok(piece) => {
                        state.read_bytes = state.read_bytes.saturating_add(piece.len());
                        state.read.push_back(piece);
                    }
                    // Trailers end the body, and are dropped.
                    Err(_) => state.incoming = None,
                },
            }
        }
        if state.read_bytes > limit {
            return Err(BodyError::TooLarge);
        }
        let whole = joined(&state.read, state.read_bytes);
        state.read = if whole.is_empty() { VecDeque::new() } else { VecDeque::from([whole.clone()]) };
        Ok(whole)
    }
}

impl BodySource for ClientBody {
    fn read(&self, limit: usize) -> BodyFuture<'_> {
        Box::pin(self.read_within(limit))
    }
}

fn joined(pieces: &VecDeque<Bytes>, length: usize) -> Bytes {
    match pieces.front() {
        Some(only) if pieces.len() == 1 => only.clone(),
        _ => {
            let mut whole = BytesMut::with_capacity(length);
            pieces.iter().for_each(|piece| whole.extend_from_slice(piece));
            whole.freeze()
        }
    }
}
