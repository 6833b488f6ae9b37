//! Time limits on a client's connection that hyper does not have.
//!
//! | waiting for | limit |
//! |---|---|
//! | the first byte of a request's head | `timeout.idle` |
//! | the rest of the head, counted from its first byte | `timeout.read` |
//! | a blocked write | `timeout.write` |
//!
//! [`TimedIo`] has the last one and notes when a head begins; [`ReadLimits`](super::read_limits::ReadLimits) has the others.
//! While a request is served nothing is limited here: its body has limits of its own ([`super::body`]), and a quiet
//! stream or an upgraded connection may stay quiet. A limit that strikes closes the connection without an answer.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// The three limits of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConnectionTimeouts {
    /// A request's head, from its first byte on; also each gap in a request's body.
    pub(crate) read: Duration,
    /// A blocked write.
    pub(crate) write: Duration,
    /// A connection on which no request is under way.
    pub(crate) idle: Duration,
}

#[cfg(test)]
impl ConnectionTimeouts {
    /// Three that can be told apart.
    pub(super) const OF_TESTS: Self =
        Self { read: Duration::from_secs(5), write: Duration::from_secs(10), idle: Duration::from_secs(120) };
}

/// Where a connection stands. Shared by the connection's I/O, its service and its limits.
///
/// The two lowest bits are the phase, the others count the answers: two waits for a request are told apart by them.
#[derive(Debug, Default)]
pub(crate) struct ConnectionPhase(AtomicU32);

/// A phase as it was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SeenPhase(u32);

const PHASE_BITS: u32 = 0b11;
const ONE_ANSWER: u32 = 0b100;

const AWAITING_REQUEST: u32 = 0;
const READING_HEAD: u32 = 1;
const SERVING: u32 = 2;
const UPGRADED: u32 = 3;

impl ConnectionPhase {
    /// A request's head is complete.
    pub(crate) fn serving(&self) {
        self.change(|seen| Some(seen & !PHASE_BITS | SERVING));
    }

    /// The answer is complete, or nobody wants it any more.
    pub(crate) fn answered(&self) {
        self.change(|seen| {
            let waits_again = (seen & !PHASE_BITS).wrapping_add(ONE_ANSWER) | AWAITING_REQUEST;
            (seen & PHASE_BITS == SERVING).then_some(waits_again)
        });
    }

    /// The connection speaks another protocol from now on.
    pub(crate) fn upgraded(&self) {
        self.change(|seen| Some(seen & !PHASE_BITS | UPGRADED));
    }

    /// Where it stands now.
    pub(super) fn seen(&self) -> SeenPhase {
        SeenPhase(self.0.load(Ordering::Relaxed))
    }

    /// Something arrived: the first byte of a head, if a request was waited for.
    fn head_begins(&self) {
        self.change(|seen| {
            (seen & PHASE_BITS == AWAITING_REQUEST).then_some(seen & !PHASE_BITS | READING_HEAD)
        });
    }

    fn change(&self, to: impl FnMut(u32) -> Option<u32>) {
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, to);
    }
}

impl SeenPhase {
    /// How long the client may take in this phase; `None` where it may take its time.
    pub(super) fn limit(self, timeouts: ConnectionTimeouts) -> Option<Duration> {
        match self.0 & PHASE_BITS {
            AWAITING_REQUEST => Some(timeouts.idle),
            READING_HEAD => Some(timeouts.read),
            _ => None,
        }
    }
}

/// A connection that says when a head begins, and whose blocked writes end it.
pub(crate) struct TimedIo<T> {
    inner: T,
    phase: Arc<ConnectionPhase>,
    write_timeout: Duration,
    /// Runs while a write is blocked.
    write_timer: Option<Pin<Box<Sleep>>>,
}

impl<T> TimedIo<T> {
    /// Limits a fresh connection.
    pub(crate) fn new(inner: T, phase: Arc<ConnectionPhase>, write_timeout: Duration) -> Self {
        Self { inner, phase, write_timeout, write_timer: None }
    }

    /// Called with the outcome of a write or flush.
    fn poll_write_limit<R>(
        &mut self,
        context: &mut Context<'_>,
        outcome: Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        if outcome.is_ready() {
            self.write_timer = None;
            return outcome;
        }
        let timer = self.write_timer.get_or_insert_with(|| Box::pin(sleep(self.write_timeout)));
        ready!(timer.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for TimedIo<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let outcome = Pin::new(&mut this.inner).poll_read(context, buffer);
        if buffer.filled().len() > before {
            this.phase.head_begins();
        }
        outcome
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for TimedIo<T> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.inner).poll_write(context, bytes);
        this.poll_write_limit(context, outcome)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.inner).poll_write_vectored(context, slices);
        this.poll_write_limit(context, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.inner).poll_flush(context);
        this.poll_write_limit(context, outcome)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.inner).poll_shutdown(context);
        this.poll_write_limit(context, outcome)
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncWriteExt, duplex},
        time::Instant,
    };

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_blocked_write_ends_after_the_write_time() {
        let (_client, server) = duplex(4);
        let mut io = TimedIo::new(server, Arc::default(), ConnectionTimeouts::OF_TESTS.write);
        let start = Instant::now();
        assert_eq!(io.write_all(b"more than fits").await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(start.elapsed().as_secs(), 10);
    }
}
