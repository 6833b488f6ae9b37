//! One call at a time for one key: who asks meanwhile gets the outcome of the call that is under way.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;

use futures_util::lock::Mutex as AsyncMutex;
use parking_lot::Mutex;

/// Calls under way, by key.
///
/// ```
/// use resource_server::SingleFlight;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let calls = SingleFlight::default();
/// let ask = async |answer: u8| {
///     calls
///         .run("token", async || {
///             tokio::task::yield_now().await;
///             answer
///         })
///         .await
/// };
/// assert_eq!(tokio::join!(ask(1), ask(2)), (1, 1), "the second waits for the first");
/// # }
/// ```
pub struct SingleFlight<K: Copy + Eq + Hash, T> {
    flights: Mutex<HashMap<K, Boarding<T>>>,
}

/// A call under way and how many wait for it, the one who makes it included.
struct Boarding<T> {
    flight: Flight<T>,
    passengers: usize,
}

/// The outcome of a call once it is there; locked while the call is made.
type Flight<T> = Arc<AsyncMutex<Option<T>>>;

impl<K: Copy + Eq + Hash, T> Default for SingleFlight<K, T> {
    fn default() -> Self {
        Self { flights: Mutex::default() }
    }
}

impl<K: Copy + Eq + Hash, T: Clone> SingleFlight<K, T> {
    /// Makes the call, or waits for the one that is under way and shares its outcome, failures included: many that
    /// wait for a dead endpoint fail together and not one after the other. A caller that goes away leaves the call to
    /// the next one.
    ///
    /// The memory, where there is one, is the caller's to ask before and inside `call`.
    pub async fn run<F: Future<Output = T>>(&self, key: K, call: impl FnOnce() -> F) -> T {
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

    fn board(&self, key: K) -> Ticket<'_, K, T> {
        let mut flights = self.flights.lock();
        let boarding =
            flights.entry(key).or_insert_with(|| Boarding { flight: Arc::default(), passengers: 0 });
        boarding.passengers += 1;
        Ticket { flights: &self.flights, key, flight: Arc::clone(&boarding.flight) }
    }
}

/// A place on a flight; giving up the last one takes the flight away, also when its future is dropped half way.
struct Ticket<'a, K: Copy + Eq + Hash, T> {
    flights: &'a Mutex<HashMap<K, Boarding<T>>>,
    key: K,
    flight: Flight<T>,
}

impl<K: Copy + Eq + Hash, T> Drop for Ticket<'_, K, T> {
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

impl<K: Copy + Eq + Hash, T> fmt::Debug for SingleFlight<K, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SingleFlight").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Poll;

    use futures_util::future::{join3, select};

    use super::*;

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

    fn run<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    #[test]
    fn those_who_ask_meanwhile_share_the_outcome() {
        let (flights, calls) = (SingleFlight::default(), AtomicUsize::new(0));
        let calls = &calls;
        let ask = |name: &'static str| {
            flights.run(name, move || async move {
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
            let never = Box::pin(flights.run("a", std::future::pending::<u8>));
            let other = Box::pin(async {
                pause().await;
            });
            drop(select(never, other).await);
            assert!(flights.flights.lock().is_empty());
            assert_eq!(flights.run("a", || async { 7 }).await, 7);
        });
    }
}
