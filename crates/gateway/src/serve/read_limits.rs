//! How long an HTTP/1 connection waits for its client: see the table of [`super::timed_io`].
//!
//! One timer for all requests of a connection. It is left alone while it ends no later than the limit of the moment, and set
//! anew when it ends too early: a busy connection touches the runtime's timers every `timeout.read` or so, not with each
//! request.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::time::{Instant, Sleep, sleep_until};

use super::timed_io::{ConnectionPhase, ConnectionTimeouts, SeenPhase};

/// The limits of one connection. Asked after the connection itself, in the same task: whatever happens to its phase happens
/// there.
pub(super) struct ReadLimits {
    phase: Arc<ConnectionPhase>,
    timeouts: ConnectionTimeouts,
    /// The phase that `deadline` belongs to.
    seen: Option<SeenPhase>,
    /// When the phase must be over; `None` if it may last.
    deadline: Option<Instant>,
    /// Ends no later than `deadline`.
    timer: Pin<Box<Sleep>>,
}

impl ReadLimits {
    /// The limits of a fresh connection.
    pub(super) fn new(phase: Arc<ConnectionPhase>, timeouts: ConnectionTimeouts) -> Self {
        let timer = Box::pin(sleep_until(Instant::now()));
        Self { phase, timeouts, seen: None, deadline: None, timer }
    }

    /// Ready once the client took too long.
    pub(super) fn poll_overdue(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let phase = self.phase.seen();
        if self.seen != Some(phase) {
            self.seen = Some(phase);
            self.deadline = phase.limit(self.timeouts).map(|limit| Instant::now() + limit);
        }
        let Some(deadline) = self.deadline else { return Poll::Pending };
        if self.timer.deadline() > deadline {
            self.timer.as_mut().reset(deadline);
        }
        ready!(self.timer.as_mut().poll(context));
        if self.timer.deadline() < deadline {
            // It was set for an earlier request.
            self.timer.as_mut().reset(deadline);
            ready!(self.timer.as_mut().poll(context));
        }
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, time::Duration};

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;
    use crate::serve::timed_io::TimedIo;

    struct Limited {
        client: DuplexStream,
        io: TimedIo<DuplexStream>,
        phase: Arc<ConnectionPhase>,
        limits: ReadLimits,
    }

    impl Limited {
        fn new() -> Self {
            let (client, server) = duplex(64);
            let phase = Arc::new(ConnectionPhase::default());
            let io = TimedIo::new(server, Arc::clone(&phase), ConnectionTimeouts::OF_TESTS.write);
            let limits = ReadLimits::new(Arc::clone(&phase), ConnectionTimeouts::OF_TESTS);
            Self { client, io, phase, limits }
        }

        /// Reads whatever comes until the limit strikes.
        async fn seconds_until_overdue(&mut self) -> u64 {
            let start = Instant::now();
            loop {
                tokio::select! {
                    biased;
                    read = self.io.read_u8() => drop(read.unwrap()),
                    () = poll_fn(|context| self.limits.poll_overdue(context)) => break,
                }
            }
            start.elapsed().as_secs()
        }

        async fn request(&mut self) {
            self.client.write_all(b"x").await.unwrap();
            self.io.read_u8().await.unwrap();
            self.phase.serving();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_connection_ends_after_the_idle_time() {
        assert_eq!(Limited::new().seconds_until_overdue().await, 120);
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_drips_ends_after_the_read_time() {
        let (mut limited, (other, _)) = (Limited::new(), duplex(1));
        let mut client = std::mem::replace(&mut limited.client, other);
        let drip = tokio::spawn(async move {
            while client.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        assert_eq!(limited.seconds_until_overdue().await, 5);
        drip.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_is_being_served_may_be_quiet() {
        let mut limited = Limited::new();
        limited.phase.serving();
        let waiting = tokio::time::timeout(Duration::from_secs(3600), limited.seconds_until_overdue()).await;
        assert!(waiting.is_err(), "still waiting after an hour");
        limited.phase.answered();
        assert_eq!(limited.seconds_until_overdue().await, 120);
    }

    #[tokio::test(start_paused = true)]
    async fn each_answer_begins_the_idle_time_anew() {
        let mut limited = Limited::new();
        for _ in 0..4 {
            let waiting =
                tokio::time::timeout(Duration::from_secs(100), limited.seconds_until_overdue()).await;
            assert!(waiting.is_err(), "still open after 100 seconds");
            // Served and answered at once: the phase looks the same before and after.
            limited.request().await;
            limited.phase.answered();
        }
        assert_eq!(limited.seconds_until_overdue().await, 120);
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_after_a_long_idle_time_has_the_read_time() {
        let mut limited = Limited::new();
        let waiting = tokio::time::timeout(Duration::from_secs(119), limited.seconds_until_overdue()).await;
        assert!(waiting.is_err());
        limited.client.write_all(b"x").await.unwrap();
        assert_eq!(limited.seconds_until_overdue().await, 5);
    }
}
