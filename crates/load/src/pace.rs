//! When the next request is due.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use tokio::sync::Semaphore;

use crate::{Pace, Until};

/// Says to each connection when to send, and when to stop.
pub(crate) struct Schedule {
    pace: Pace,
    /// Requests that may be sent.
    total: Option<u64>,
    /// The end, counted from the start, where the number of requests does not say it.
    ends_after: Option<Duration>,
    begun: OnceLock<Instant>,
    given: AtomicU64,
    /// One permit for each request that is due, with [`Pace::Open`].
    due: Semaphore,
}

/// A request may be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn {
    /// When it was due; `None` means now.
    pub(crate) due_at: Option<Instant>,
}

impl Schedule {
    pub(crate) fn new(pace: Pace, until: Until, total: Option<u64>) -> Self {
        let ends_after = match (until, pace) {
            (Until::Elapsed(time), Pace::Closed) => Some(time),
            _ => None,
        };
        Self {
            pace,
            total,
            ends_after,
            begun: OnceLock::new(),
            given: AtomicU64::new(0),
            due: Semaphore::new(0),
        }
    }

    /// The run begins now.
    pub(crate) fn begin(&self) -> Instant {
        *self.begun.get_or_init(Instant::now)
    }

    /// Waits until the next request is due; `None` when there is none left.
    pub(crate) async fn next(&self) -> Option<Turn> {
        match self.pace {
            Pace::Closed => {
                if self.ends_after.is_some_and(|time| self.begin().elapsed() >= time) {
                    return None;
                }
                let number = self.given.fetch_add(1, Ordering::Relaxed);
                self.total.is_none_or(|total| number < total).then_some(Turn { due_at: None })
            }
            Pace::Open { per_second } => {
                self.due.acquire().await.ok()?.forget();
                let number = self.given.fetch_add(1, Ordering::Relaxed);
                if self.total.is_some_and(|total| number >= total) {
                    return None;
                }
                Some(Turn { due_at: Some(self.begin() + after(number, per_second)) })
            }
        }
    }

    /// Gives the permits at their times: what a thread of its own does with [`Pace::Open`]. The timer of the runtime is
    /// too coarse, a millisecond.
    pub(crate) fn keep_time(&self) {
        let (Pace::Open { per_second }, Some(total)) = (self.pace, self.total) else { return };
        let begun = self.begin();
        let mut released = 0;
        while released < total {
            let next_at = begun + after(released, per_second);
            let now = Instant::now();
            if let Some(early) = next_at.checked_duration_since(now) {
                thread::park_timeout(early);
                continue;
            }
            // All that are due by now.
            let due = ((now - begun).as_secs_f64() * per_second) as u64 + 1;
            let due = due.clamp(released + 1, total);
            self.due.add_permits((due - released) as usize);
            released = due;
        }
        // Wakes who waits for more: there is none.
        self.due.add_permits(Semaphore::MAX_PERMITS / 2);
    }
}

fn after(number: u64, per_second: f64) -> Duration {
    Duration::from_secs_f64(number as f64 / per_second)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn open_turns_are_due_at_their_times_and_not_before() {
        let schedule = Arc::new(Schedule::new(
            Pace::Open { per_second: 2_000.0 },
            Until::Elapsed(Duration::from_millis(20)),
            Some(40),
        ));
        let begun = schedule.begin();
        let keeper = Arc::clone(&schedule);
        let keeper = thread::spawn(move || keeper.keep_time());
        let mut last = None;
        for number in 0..40_u32 {
            let due_at = schedule.next().await.unwrap().due_at.unwrap();
            assert!(due_at <= Instant::now(), "turn {number} came too early");
            assert!(
                (due_at - begun).abs_diff(Duration::from_micros(500) * number) < Duration::from_micros(1)
            );
            assert!(last < Some(due_at));
            last = Some(due_at);
        }
        assert!(schedule.next().await.is_none());
        assert!(schedule.next().await.is_none());
        keeper.join().unwrap();
    }

    #[tokio::test]
    async fn closed_turns_end_by_number_or_time() {
        let schedule = Schedule::new(Pace::Closed, Until::Requests(2), Some(2));
        schedule.begin();
        for is_turn in [true, true, false, false] {
            assert_eq!(schedule.next().await.is_some(), is_turn);
        }
        let schedule = Schedule::new(Pace::Closed, Until::Elapsed(Duration::ZERO), None);
        schedule.begin();
        assert!(schedule.next().await.is_none());
    }
}
