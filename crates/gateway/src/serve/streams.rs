//! What goes on on the streams of an HTTP/2 connection, as far as time limits need it.
//!
//! An answer is blocked while a piece of it was handed over and the next was not asked for: the client's flow-control
//! window is used up. The time of a blocked connection counts from the last movement on any of its streams.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

use super::{body::Transfer, timed_io::ConnectionTimeouts};

/// The streams of a connection.
#[derive(Debug)]
pub(crate) struct Streams {
    start: Instant,
    /// Milliseconds since `start` at which something moved last.
    moved: AtomicU64,
    open: AtomicUsize,
    blocked: AtomicUsize,
}

/// Why a connection must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overdue {
    /// No request for `timeout.idle`.
    Idle,
    /// Answers wait, and no stream moved for `timeout.write`.
    Blocked,
}

impl Default for Streams {
    fn default() -> Self {
        Self {
            start: Instant::now(),
            moved: AtomicU64::new(0),
            open: AtomicUsize::new(0),
            blocked: AtomicUsize::new(0),
        }
    }
}

impl Streams {
    /// Counts a request until its answer is over.
    pub(crate) fn open(self: &Arc<Self>) -> OpenStream {
        self.open.fetch_add(1, Ordering::Relaxed);
        self.moves();
        OpenStream { streams: Arc::clone(self), is_blocked: false }
    }

    /// Resolves when a limit is over.
    pub(crate) async fn overdue(&self, timeouts: ConnectionTimeouts) -> Overdue {
        loop {
            let (why, limit) = match self.open.load(Ordering::Relaxed) {
                0 => (Overdue::Idle, timeouts.idle),
                _ => (Overdue::Blocked, timeouts.write),
            };
            let counts = why == Overdue::Idle || self.blocked.load(Ordering::Relaxed) > 0;
            let end = self.start + Duration::from_millis(self.moved.load(Ordering::Relaxed)) + limit;
            let now = Instant::now();
            if counts && end <= now {
                return why;
            }
            // What counts may change without a word to us, so we look now and then.
            let look = now + timeouts.write.min(timeouts.idle);
            sleep_until(if counts { end.min(look) } else { look }).await;
        }
    }

    fn moves(&self) {
        // Rounded up, so that a limit never ends too early.
        let elapsed = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX - 1) + 1;
        self.moved.store(elapsed, Ordering::Relaxed);
    }
}

/// A request under way.
#[derive(Debug)]
pub(crate) struct OpenStream {
    streams: Arc<Streams>,
    is_blocked: bool,
}

impl Transfer for OpenStream {
    fn piece_handed_over(&mut self) {
        if !self.is_blocked {
            self.is_blocked = true;
            self.streams.blocked.fetch_add(1, Ordering::Relaxed);
            self.streams.moves();
        }
    }

    fn next_piece_wanted(&mut self) {
        if self.is_blocked {
            self.is_blocked = false;
            self.streams.blocked.fetch_sub(1, Ordering::Relaxed);
            self.streams.moves();
        }
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.next_piece_wanted();
        self.streams.open.fetch_sub(1, Ordering::Relaxed);
        self.streams.moves();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn seconds_until(streams: &Arc<Streams>, expected: Overdue) -> u64 {
        let start = Instant::now();
        assert_eq!(streams.overdue(ConnectionTimeouts::OF_TESTS).await, expected);
        start.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_without_requests_is_idle() {
        let streams = Arc::new(Streams::default());
        assert_eq!(seconds_until(&streams, Overdue::Idle).await, 120);
        drop(streams.open());
        assert_eq!(seconds_until(&streams, Overdue::Idle).await, 120);
    }

    #[tokio::test(start_paused = true)]
    async fn a_quiet_answer_may_be_quiet() {
        let streams = Arc::new(Streams::default());
        let mut stream = streams.open();
        stream.piece_handed_over();
        stream.next_piece_wanted();
        let waiting =
            tokio::time::timeout(Duration::from_secs(3600), streams.overdue(ConnectionTimeouts::OF_TESTS))
                .await;
        assert!(waiting.is_err(), "still open after an hour");
    }

    #[tokio::test(start_paused = true)]
    async fn answers_that_nobody_takes_end_the_connection_unless_another_moves() {
        let streams = Arc::new(Streams::default());
        let (mut stuck, mut moving) = (streams.open(), streams.open());
        stuck.piece_handed_over();
        let other = tokio::spawn(async move {
            for _ in 0..6 {
                tokio::time::sleep(Duration::from_secs(5)).await;
                moving.piece_handed_over();
                moving.next_piece_wanted();
            }
            moving
        });
        assert_eq!(seconds_until(&streams, Overdue::Blocked).await, 40);
        drop((stuck, other.await.unwrap()));
        assert_eq!(seconds_until(&streams, Overdue::Idle).await, 120);
    }
}
