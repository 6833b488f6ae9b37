//! One call at a time for one key: who asks meanwhile gets the outcome of the call that is under way.

use std::{collections::HashMap, fmt, future::Future, sync::Arc};

use futures_util::lock::Mutex as AsyncMutex;
use parking_lot::Mutex;

use crate::cache::CacheKey;

/// The calls under way.
pub(crate) struct SingleFlight<T> {
    flights: Mutex<HashMap<CacheKey, Boarding<T>>>,
}

/// A call under way and how many wait for it, the one who makes it included.
struct Boarding<T> {
    flight: Flight<T>,
    passengers: usize,
}

/// The outcome of a call once it is there; locked while the call is made.
type Flight<T> = Arc<AsyncMutex<Option<T>>>;

impl<T> Default for SingleFlight<T> {
    fn default() -> Self {
        Self { flights: Mutex::default() }
    }
}

impl<T: Clone> SingleFlight<T> {
    /// Makes the call, or waits for the one that is under way and shares its outcome, failures included: many that wait for
    /// a dead endpoint fail together and not one after the other. A caller that goes away leaves the call to the next one.
    ///
    /// The memory, where there is one, is the caller's to ask before and inside `call`.
    pub(crate) async fn run<F: Future<Output = T>>(&self, key: CacheKey, call: impl FnOnce() -> F) -> T {
        let ticket = self.board(key);
        let mut outcome = ticket.flight.lock().await;
        if let Some(outcome) = &*outcome {
            return outcome.clone();
        }
        let made = call().await;
        *outcome = Some(made.clone());
        // Whoever comes from now on begins anew.
        let mut flights = self.flights.lock();
        if flights.get(&key).is_some_and(|boarding| Arc::ptr_eq(&boarding.flight, &ticket.flight)) {
            flights.remove(&key);
        }
        drop(flights);
        made
    }

    fn board(&self, key: CacheKey) -> Ticket<'_, T> {
        let mut flights = self.flights.lock();
        let boarding =
            flights.entry(key).or_insert_with(|| Boarding { flight: Arc::default(), passengers: 0 });
        boarding.passengers += 1;
        Ticket { flights: &self.flights, key, flight: Arc::clone(&boarding.flight) }
    }
}

/// A place on a flight; giving up the last one takes the flight away, also when its future is dropped half way.
struct Ticket<'a, T> {
    flights: &'a Mutex<HashMap<CacheKey, Boarding<T>>>,
    key: CacheKey,
    flight: Flight<T>,
}

impl<T> Drop for Ticket<'_, T> {
    fn drop(&mut self) {
        let mut flights = self.flights.lock();
        if let Some(boarding) = flights.get_mut(&self.key)
            && Arc::ptr_eq(&boarding.flight, &self.flight)
        {
            boarding.passengers -= 1;
            if boarding.passengers == 0 {
                flights.remove(&self.key);
            }
        }
    }
}

impl<T> fmt::Debug for SingleFlight<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SingleFlight").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::poll_fn,
        sync::atomic::{AtomicUsize, Ordering},
        task::Poll,
    };

    use futures_util::future::{join3, select};

    use super::*;
    use crate::cache::CacheKeyBuilder;

    /// Ready the second time it is asked.
    async fn pause() {
        let mut has_paused = false;
        poll_fn(|context| {
            if has_paused {
                return Poll::Ready(());
            }
            has_paused = true;
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    fn key(name: &str) -> CacheKey {
        CacheKeyBuilder::new("test").part(name).finish()
    }

    fn run<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    #[test]
    fn those_who_ask_meanwhile_share_the_outcome() {
        let (flights, calls) = (SingleFlight::default(), AtomicUsize::new(0));
        let calls = &calls;
        let ask = |name: &'static str| {
            flights.run(key(name), move || async move {
                let number = calls.fetch_add(1, Ordering::Relaxed);
                pause().await;
                (name, number)
            })
        };
        let outcomes = run(join3(ask("a"), ask("a"), ask("b")));
        assert_eq!(outcomes, (("a", 0), ("a", 0), ("b", 1)));
        assert_eq!(run(ask("a")), ("a", 2), "later calls are made anew");
        assert!(flights.flights.lock().is_empty());
    }

    #[test]
    fn a_caller_that_goes_away_leaves_the_call_to_the_next() {
        let flights = SingleFlight::default();
        run(async {
            let never = Box::pin(flights.run(key("a"), std::future::pending::<u8>));
            let other = Box::pin(async {
                pause().await;
            });
            drop(select(never, other).await);
            assert!(flights.flights.lock().is_empty());
            assert_eq!(flights.run(key("a"), || async { 7 }).await, 7);
        });
    }
}
