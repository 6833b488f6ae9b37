//! Time limits on a client's connection that hyper does not have.
//!
//! | waiting for | limit |
//! |---|---|
//! | the first byte of a request's head | `timeout.idle` |
//! | the rest of the head, counted from its first byte | `timeout.read` |
//! | a blocked write | `timeout.write` |
//!
//! While a request is served nothing is limited here: its body has limits of its own ([`super::body`]), and a quiet
//! stream or an upgraded connection may stay quiet. A limit that strikes closes the connection without an answer.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
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

/// Where a connection stands. Shared by the connection's I/O and its service.
#[derive(Debug, Default)]
pub(crate) struct ConnectionPhase(AtomicU8);

const AWAITING_REQUEST: u8 = 0;
const READING_HEAD: u8 = 1;
const SERVING: u8 = 2;
const UPGRADED: u8 = 3;

impl ConnectionPhase {
    /// A request's head is complete.
    pub(crate) fn serving(&self) {
        self.0.store(SERVING, Ordering::Relaxed);
    }

    /// The answer is complete, or nobody wants it any more.
    pub(crate) fn answered(&self) {
        let _ = self.0.compare_exchange(SERVING, AWAITING_REQUEST, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// The connection speaks another protocol from now on.
    pub(crate) fn upgraded(&self) {
        self.0.store(UPGRADED, Ordering::Relaxed);
    }

    fn get(&self) -> u8 {
        self.0.load(Ordering::Relaxed)
    }

    /// The first byte of a head arrived; whether it was the first.
    fn head_begins(&self) -> bool {
        self.0.compare_exchange(AWAITING_REQUEST, READING_HEAD, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

/// A connection with time limits.
pub(crate) struct TimedIo<T> {
    inner: T,
    phase: Arc<ConnectionPhase>,
    timeouts: ConnectionTimeouts,
    /// The phase that `read_deadline` belongs to, and the deadline.
    read_deadline: Option<(u8, Instant)>,
    read_timer: Pin<Box<Sleep>>,
    write_blocked: bool,
    write_timer: Pin<Box<Sleep>>,
}

impl<T> TimedIo<T> {
    /// Limits a fresh connection.
    pub(crate) fn new(inner: T, phase: Arc<ConnectionPhase>, timeouts: ConnectionTimeouts) -> Self {
        let now = Instant::now();
        Self {
            inner,
            phase,
            timeouts,
            read_deadline: None,
            read_timer: Box::pin(sleep_until(now)),
            write_blocked: false,
            write_timer: Box::pin(sleep_until(now)),
        }
    }

    /// Called when nothing can be read: ends the connection once the limit of its phase is over.
    fn poll_read_limit(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let phase = self.phase.get();
        let limit = match phase {
            AWAITING_REQUEST => self.timeouts.idle,
            READING_HEAD => self.timeouts.read,
            _ => {
                self.read_deadline = None;
                return Poll::Pending;
            }
        };
        let deadline = match self.read_deadline {
            Some((of, deadline)) if of == phase => deadline,
            _ => Instant::now() + limit,
        };
        if self.read_deadline != Some((phase, deadline)) || self.read_timer.deadline() != deadline {
            self.read_deadline = Some((phase, deadline));
            self.read_timer.as_mut().reset(deadline);
        }
        ready!(self.read_timer.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Called with the outcome of a write or flush.
    fn poll_write_limit<R>(
        &mut self,
        context: &mut Context<'_>,
        outcome: Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        if outcome.is_ready() {
            self.write_blocked = false;
            return outcome;
        }
        if !self.write_blocked {
            self.write_blocked = true;
            let deadline = Instant::now() + self.timeouts.write;
            self.write_timer.as_mut().reset(deadline);
        }
        ready!(self.write_timer.as_mut().poll(context));
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
        match Pin::new(&mut this.inner).poll_read(context, buffer) {
            Poll::Ready(outcome) => {
                if buffer.filled().len() > before && this.phase.head_begins() {
                    this.read_deadline = Some((READING_HEAD, Instant::now() + this.timeouts.read));
                }
                Poll::Ready(outcome)
            }
            Poll::Pending => this.poll_read_limit(context),
        }
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
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    const TIMEOUTS: ConnectionTimeouts = ConnectionTimeouts {
        read: Duration::from_secs(5),
        write: Duration::from_secs(10),
        idle: Duration::from_secs(120),
    };

    async fn seconds_until_error(io: &mut TimedIo<tokio::io::DuplexStream>) -> u64 {
        let start = Instant::now();
        while io.read_u8().await.is_ok() {}
        start.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_connection_ends_after_the_idle_time() {
        let (_client, server) = duplex(64);
        let mut io = TimedIo::new(server, Arc::default(), TIMEOUTS);
        assert_eq!(seconds_until_error(&mut io).await, 120);
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_drips_ends_after_the_read_time() {
        let (mut client, server) = duplex(64);
        let mut io = TimedIo::new(server, Arc::default(), TIMEOUTS);
        let drip = tokio::spawn(async move {
            loop {
                if client.write_all(b"x").await.is_err() {
                    break;
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        assert_eq!(seconds_until_error(&mut io).await, 5);
        drip.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_is_being_served_may_be_quiet() {
        let (_client, server) = duplex(64);
        let phase = Arc::new(ConnectionPhase::default());
        phase.serving();
        let mut io = TimedIo::new(server, Arc::clone(&phase), TIMEOUTS);
        let read = tokio::time::timeout(Duration::from_secs(3600), io.read_u8()).await;
        assert!(read.is_err(), "still waiting after an hour");
        phase.answered();
        assert_eq!(seconds_until_error(&mut io).await, 120);
    }

    #[tokio::test(start_paused = true)]
    async fn a_blocked_write_ends_after_the_write_time() {
        let (_client, server) = duplex(4);
        let mut io = TimedIo::new(server, Arc::default(), TIMEOUTS);
        let start = Instant::now();
        assert_eq!(io.write_all(b"more than fits").await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(start.elapsed().as_secs(), 10);
    }
}
