//! One call at a time for one key: whoever asks meanwhile gets the same answer.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::pin::Pin;

use futures_util::future::{FutureExt as _, Shared, WeakShared};
use parking_lot::Mutex;

/// How many abandoned calls may wait for their removal.
const SWEEP_ABOVE: usize = 1_024;

type Call<V> = Pin<Box<dyn Future<Output = V> + Send>>;

/// Calls under way, by key.
///
/// A call lives as long as somebody waits for it. When the one who started it goes away, another who waits carries it
/// on; when all are gone it is dropped, and the next one starts anew.
pub(crate) struct Flights<K, V> {
    calls: Mutex<HashMap<K, WeakShared<Call<V>>>>,
}

impl<K: Copy + Eq + Hash, V: Clone> Flights<K, V> {
    pub(crate) fn new() -> Self {
        Self { calls: Mutex::new(HashMap::new()) }
    }

    /// The answer to `key`: of the call that is under way, else of the one that `start` makes.
    pub(crate) async fn join<F>(&self, key: K, start: impl FnOnce() -> F) -> V
    where
        F: Future<Output = V> + Send + 'static,
    {
        let call = self.call(key, start);
        let answer = call.await;
        self.forget_finished(key);
        answer
    }

    fn call<F>(&self, key: K, start: impl FnOnce() -> F) -> Shared<Call<V>>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let mut calls = self.calls.lock();
        if let Some(call) = calls.get(&key).and_then(WeakShared::upgrade) {
            return call;
        }
        if calls.len() >= SWEEP_ABOVE {
            calls.retain(|_, call| call.upgrade().is_some());
        }
        let call: Shared<Call<V>> = (Box::pin(start()) as Call<V>).shared();
        if let Some(weak) = call.downgrade() {
            calls.insert(key, weak);
        }
        call
    }

    /// Removes the call, unless a new one was started under the same key.
    fn forget_finished(&self, key: K) {
        let mut calls = self.calls.lock();
        let is_over =
            calls.get(&key).is_some_and(|call| call.upgrade().is_none_or(|call| call.peek().is_some()));
        if is_over {
            calls.remove(&key);
        }
    }
}

impl<K, V> fmt::Debug for Flights<K, V> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Flights").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use tokio::sync::oneshot;

    use super::*;

    fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn all_who_wait_share_one_call_and_the_next_starts_anew() {
        let flights = Flights::new();
        let started = Cell::new(0);
        let (answer, first_call) = oneshot::channel::<u8>();
        let mut first_call = Some(first_call);
        let mut start = || {
            started.set(started.get() + 1);
            let call = first_call.take();
            async move { call.unwrap().await.unwrap() }
        };
        let mut first = pin!(flights.join(1, &mut start));
        assert!(poll(first.as_mut()).is_pending());
        let mut second = pin!(flights.join(1, || async { unreachable!() }));
        assert!(poll(second.as_mut()).is_pending());
        answer.send(7).unwrap();
        assert_eq!((poll(first), poll(second)), (Poll::Ready(7), Poll::Ready(7)));
        assert_eq!(poll(pin!(flights.join(1, || async { 8 }))), Poll::Ready(8));
        assert!(flights.calls.lock().is_empty());
    }

    #[test]
    fn a_call_that_nobody_waits_for_is_dropped() {
        let flights = Flights::new();
        {
            let mut abandoned = pin!(flights.join(1, std::future::pending::<u8>));
            assert!(poll(abandoned.as_mut()).is_pending());
        }
        assert_eq!(poll(pin!(flights.join(1, || async { 8 }))), Poll::Ready(8));
    }

    #[test]
    fn whoever_still_waits_carries_the_call_on() {
        let flights = Flights::new();
        let (answer, call) = oneshot::channel::<u8>();
        let mut starter = Box::pin(flights.join(1, || async { call.await.unwrap() }));
        assert!(poll(starter.as_mut()).is_pending());
        let mut other = pin!(flights.join(1, || async { unreachable!() }));
        assert!(poll(other.as_mut()).is_pending());
        drop(starter);
        answer.send(7).unwrap();
        assert_eq!(poll(other), Poll::Ready(7));
    }
}
