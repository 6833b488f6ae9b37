//! A value that is fetched, kept for a while and fetched again: what key sets and issuer metadata have in common.
//!
//! There is no task in the background, so that this crate needs no runtime. In the last fifth of a value's life the one
//! request that gets hold of the flight fetches, and all others go on with the value there is. Only who has no usable
//! value, or needs one that the known value lacks, waits for somebody else's call.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use futures_util::lock::Mutex as AsyncMutex;
use jose::UnixTime;
use parking_lot::Mutex;

/// How long a value whose refresh fails stays in use, counted from the end of its life.
pub(crate) const STALE_LIMIT: Duration = Duration::from_secs(3600);
/// How long a failure is remembered, so that requests do not queue up behind a dead endpoint.
const FAILURE_INTERVAL: Duration = Duration::from_secs(1);
/// After a refresh that did not bring what was missing, the next one waits this long: a flood of made-up key ids costs
/// the issuer one call per interval, and can keep a new key from being found for no longer than that.
const MISSING_INTERVAL: Duration = Duration::from_secs(5);

/// The latest value and how it fares.
pub(crate) struct Refreshed<T, E> {
    lifetime: Duration,
    state: Mutex<State<T, E>>,
    /// Held while a call is under way.
    flight: AsyncMutex<()>,
}

struct State<T, E> {
    value: Option<(T, UnixTime)>,
    failure: Option<(E, UnixTime)>,
    missed_at: Option<UnixTime>,
}

/// What can be said without a call.
enum Known<T, E> {
    /// Good enough.
    Value(T),
    /// Good enough, but near its end or beyond: somebody should fetch.
    Ageing(T),
    /// The last call failed just now, and there is no value to fall back on.
    Failure(E),
    /// Nothing usable, or not what is asked for.
    Nothing,
}

impl<T: Clone, E: Clone> Refreshed<T, E> {
    /// Nothing yet. A value is used for `lifetime` before it is fetched anew.
    pub(crate) fn new(lifetime: Duration) -> Self {
        Self {
            lifetime,
            state: Mutex::new(State { value: None, failure: None, missed_at: None }),
            flight: AsyncMutex::new(()),
        }
    }

    /// The value, fetched if need be. `lacks` says whether a value misses what is asked for: then a newer one is looked
    /// for, within limits, and the value is returned all the same if that does not help.
    pub(crate) async fn get<F>(
        &self,
        now: UnixTime,
        lacks: impl Fn(&T) -> bool,
        fetch: impl FnOnce(Option<T>) -> F,
    ) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        let _flight = match self.known(now, &lacks) {
            Known::Value(value) => return Ok(value),
            Known::Failure(error) => return Err(error),
            Known::Ageing(value) => match self.flight.try_lock() {
                Some(flight) => flight,
                None => return Ok(value),
            },
            Known::Nothing => self.flight.lock().await,
        };
        // Whoever held the flight may have brought what we need.
        match self.known(now, &lacks) {
            Known::Value(value) => return Ok(value),
            Known::Failure(error) => return Err(error),
            Known::Ageing(_) | Known::Nothing => {}
        }
        let latest = self.state.lock().value.as_ref().map(|(value, _)| value.clone());
        let was_lacking = latest.as_ref().is_some_and(&lacks);
        // Boxed, so that the many who find a value pay for no room the call needs.
        let fetched = Box::pin(fetch(latest)).await;
        let mut state = self.state.lock();
        match fetched {
            Ok(value) => {
                if was_lacking && lacks(&value) {
                    state.missed_at = Some(now);
                }
                state.value = Some((value.clone(), now));
                state.failure = None;
                Ok(value)
            }
            Err(error) => {
                state.failure = Some((error.clone(), now));
                self.usable(&state, now).ok_or(error)
            }
        }
    }

    fn known(&self, now: UnixTime, lacks: impl Fn(&T) -> bool) -> Known<T, E> {
        let state = self.state.lock();
        let usable = self.usable(&state, now);
        if let Some((error, at)) = &state.failure
            && within(*at, FAILURE_INTERVAL, now)
        {
            return usable.map_or_else(|| Known::Failure(error.clone()), Known::Value);
        }
        let (Some(value), Some((_, at))) = (usable, &state.value) else { return Known::Nothing };
        let may_look = state.missed_at.is_none_or(|at| !within(at, MISSING_INTERVAL, now));
        if may_look && lacks(&value) {
            return Known::Nothing;
        }
        if within(*at, self.lifetime - self.lifetime / 5, now) {
            Known::Value(value)
        } else {
            Known::Ageing(value)
        }
    }

    fn usable(&self, state: &State<T, E>, now: UnixTime) -> Option<T> {
        let (value, at) = state.value.as_ref()?;
        let is_usable = *at > now || within(*at, self.lifetime.saturating_add(STALE_LIMIT), now);
        is_usable.then(|| value.clone())
    }
}

impl<T, E> fmt::Debug for Refreshed<T, E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Refreshed").field("lifetime", &self.lifetime).finish_non_exhaustive()
    }
}

/// Whether `now` is less than `duration` after `from`. A time ahead is from before the clock was set back, and says nothing
/// any more.
fn within(from: UnixTime, duration: Duration, now: UnixTime) -> bool {
    from <= now && from.checked_add(duration).is_none_or(|end| now < end)
}

#[cfg(test)]
mod tests {
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};

    use tokio::sync::oneshot;

    use super::*;

    fn at(seconds: i64) -> UnixTime {
        UnixTime::from_seconds(seconds)
    }

    fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    /// Asks, with `answer` for a call; the value and whether a call was made.
    fn ask(
        cache: &Refreshed<u8, &'static str>,
        now: i64,
        wanted: Option<u8>,
        answer: Result<u8, &'static str>,
    ) -> (Result<u8, &'static str>, bool) {
        let mut called = false;
        let value = poll(pin!(cache.get(
            at(now),
            |value| wanted.is_some_and(|wanted| wanted != *value),
            |_| {
                called = true;
                async move { answer }
            }
        )));
        match value {
            Poll::Ready(value) => (value, called),
            Poll::Pending => panic!("the fake answers at once"),
        }
    }

    #[test]
    fn a_value_is_kept_and_refreshed_before_it_ends() {
        let cache = Refreshed::new(Duration::from_secs(100));
        assert_eq!(ask(&cache, 0, None, Ok(1)), (Ok(1), true));
        assert_eq!(ask(&cache, 79, None, Ok(2)), (Ok(1), false));
        assert_eq!(ask(&cache, 80, None, Ok(2)), (Ok(2), true));
        assert_eq!(ask(&cache, 81, None, Ok(3)), (Ok(2), false));
    }

    #[test]
    fn others_use_the_old_value_while_one_refreshes_it() {
        let cache = Refreshed::<u8, &str>::new(Duration::from_secs(100));
        ask(&cache, 0, None, Ok(1)).0.unwrap();
        for now in [90, 500] {
            let (answer, call) = oneshot::channel::<u8>();
            let mut refreshing = pin!(cache.get(at(now), |_| false, |_| async { Ok(call.await.unwrap()) }));
            assert!(poll(refreshing.as_mut()).is_pending());
            let (value, called) = ask(&cache, now, None, Err("a second call"));
            assert!(value.is_ok() && !called, "{now}");
            answer.send(1).unwrap();
            assert_eq!(poll(refreshing), Poll::Ready(Ok(1)));
        }
    }

    #[test]
    fn without_a_value_all_wait_for_one_call() {
        let cache = Refreshed::<u8, &str>::new(Duration::from_secs(100));
        let (answer, call) = oneshot::channel::<u8>();
        let mut first = pin!(cache.get(at(0), |_| false, |_| async { Ok(call.await.unwrap()) }));
        assert!(poll(first.as_mut()).is_pending());
        let mut second = pin!(cache.get(at(0), |_| false, |_| async { Err("a second call") }));
        assert!(poll(second.as_mut()).is_pending());
        answer.send(1).unwrap();
        assert_eq!(poll(first), Poll::Ready(Ok(1)));
        assert_eq!(poll(second), Poll::Ready(Ok(1)));
    }

    #[test]
    fn what_is_missing_is_looked_for_once_per_interval() {
        let cache = Refreshed::new(Duration::from_secs(600));
        assert_eq!(ask(&cache, 0, Some(1), Ok(1)), (Ok(1), true));
        assert_eq!(ask(&cache, 1, Some(2), Ok(2)), (Ok(2), true), "found: does not count as a miss");
        assert_eq!(ask(&cache, 1, Some(3), Ok(2)), (Ok(2), true));
        assert_eq!(ask(&cache, 2, Some(4), Ok(2)), (Ok(2), false));
        assert_eq!(ask(&cache, 6, Some(4), Ok(4)), (Ok(4), true));
    }

    #[test]
    fn a_failure_is_remembered_and_the_last_value_outlives_it_for_a_while() {
        let cache = Refreshed::new(Duration::from_secs(100));
        assert_eq!(ask(&cache, 0, None, Err("down")), (Err("down"), true));
        assert_eq!(ask(&cache, 0, None, Ok(1)), (Err("down"), false));
        assert_eq!(ask(&cache, 1, None, Ok(1)), (Ok(1), true));
        assert_eq!(ask(&cache, 3_700, None, Err("down")), (Ok(1), true));
        assert_eq!(ask(&cache, 3_701, None, Err("down")), (Err("down"), true));
    }

    #[test]
    fn a_clock_that_is_set_back_prolongs_nothing() {
        let cache = Refreshed::new(Duration::from_secs(100));
        assert_eq!(ask(&cache, 1_000, None, Err("down")), (Err("down"), true));
        assert_eq!(ask(&cache, 940, None, Ok(1)), (Ok(1), true), "the failure is forgotten");
        assert_eq!(ask(&cache, 1_010, Some(2), Ok(1)), (Ok(1), true));
        assert_eq!(ask(&cache, 950, Some(2), Ok(2)), (Ok(2), true), "what was missing is looked for");
        assert_eq!(ask(&cache, 890, None, Ok(3)), (Ok(3), true), "a value of later is fetched anew");
        assert_eq!(ask(&cache, 830, None, Err("down")), (Ok(3), true), "and used if that fails");
        assert_eq!(ask(&cache, 891, None, Ok(4)), (Ok(3), false), "time goes on as before");
    }
}
