//! What every [`ReplayStore`](dpop::ReplayStore) must do, as one suite that each store's tests run.

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicUsize, Ordering};

use dpop::{Claim, ReplayKey};
use jose::{Algorithm, JwkThumbprint, KeyPair, UnixTime};

/// A replay store as its own tests see it: claims block, and time can pass.
///
/// ```
/// use std::pin::pin;
/// use std::task::{Context, Poll, Waker};
/// use dpop::{Claim, MemoryReplayStore, ReplayKey, ReplayStore};
/// use jose::UnixTime;
/// use testkit::ManualClock;
/// use testkit::replay_contract::{self, StoreUnderTest};
///
/// struct InMemory(MemoryReplayStore, ManualClock);
///
/// impl StoreUnderTest for InMemory {
///     fn claim(&self, key: ReplayKey, expires_at: UnixTime, now: UnixTime) -> Claim {
///         let claim = pin!(self.0.claim(key, expires_at, now));
///         match claim.poll(&mut Context::from_waker(Waker::noop())) {
///             Poll::Ready(claim) => claim,
///             Poll::Pending => Claim::Unavailable,
///         }
///     }
///
///     fn now(&self) -> UnixTime {
///         self.1.now()
///     }
///
///     fn pass(&self, seconds: i64) {
///         self.1.advance(std::time::Duration::from_secs(seconds.unsigned_abs()));
///     }
///
///     fn may_linger(&self) -> i64 {
///         15
///     }
/// }
///
/// replay_contract::check(&InMemory(MemoryReplayStore::new(10_000), ManualClock::new()));
/// replay_contract::refuses_when_full(&InMemory(MemoryReplayStore::new(100), ManualClock::new()), 100..=100);
/// ```
pub trait StoreUnderTest: Sync {
    /// Claims and waits for the answer.
    fn claim(&self, key: ReplayKey, expires_at: UnixTime, now: UnixTime) -> Claim;

    /// The time by the clock that the store lives in.
    fn now(&self) -> UnixTime;

    /// Lets so many seconds pass, really or not.
    fn pass(&self, seconds: i64);

    /// How many seconds after its expiry an entry may at most still be there: the width of a bucket, or the reserve
    /// against clocks that differ.
    fn may_linger(&self) -> i64;
}

/// The parts that need an empty store, one after the other. Other entries do not disturb it.
///
/// # Panics
///
/// When the store breaks the contract.
pub fn check(store: &impl StoreUnderTest) {
    claims_once(store);
    one_of_equal_claims_wins(store, 16, 50);
    holds_through_steps_of_the_clock(store);
    forgets_when_due(store);
}

/// A key is claimed once, whatever `iat` the second proof has; other keys and other clients are not disturbed.
///
/// # Panics
///
/// When the store breaks the contract.
pub fn claims_once(store: &impl StoreUnderTest) {
    let (one, other) = (thumbprint(), thumbprint());
    let now = store.now();
    let key = ReplayKey::new(&one, "once");
    assert_eq!(store.claim(key, after(now, 60), now), Claim::Claimed);
    assert_eq!(store.claim(key, after(now, 60), now), Claim::AlreadyUsed);
    assert_eq!(store.claim(key, after(now, 75), now), Claim::AlreadyUsed, "another iat is the same proof");
    assert_eq!(store.claim(ReplayKey::new(&one, "twice"), after(now, 60), now), Claim::Claimed);
    assert_eq!(store.claim(ReplayKey::new(&other, "once"), after(now, 60), now), Claim::Claimed);
    let over = ReplayKey::new(&one, "over");
    assert_eq!(store.claim(over, now, now), Claim::AlreadyUsed, "what is over may have been used");
}

/// Of `claims` equal claims at the same time exactly one wins, in each of `rounds` rounds.
///
/// # Panics
///
/// When the store breaks the contract.
pub fn one_of_equal_claims_wins(store: &impl StoreUnderTest, claims: usize, rounds: usize) {
    let thumbprint = thumbprint();
    for round in 0..rounds {
        let now = store.now();
        let key = ReplayKey::new(&thumbprint, &format!("round {round}"));
        let won = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..claims {
                scope.spawn(|| {
                    let answer = store.claim(key, after(now, 60), now);
                    assert_ne!(answer, Claim::Unavailable, "a store that is up answers");
                    won.fetch_add(usize::from(answer == Claim::Claimed), Ordering::Relaxed);
                });
            }
        });
        assert_eq!(won.into_inner(), 1, "round {round}");
    }
}

/// A used proof does not get in again because the clock steps forward, back, or both.
///
/// # Panics
///
/// When the store breaks the contract.
pub fn holds_through_steps_of_the_clock(store: &impl StoreUnderTest) {
    let thumbprint = thumbprint();
    let now = store.now();
    let key = |jti: &str| ReplayKey::new(&thumbprint, jti);
    assert_eq!(store.claim(key("before"), after(now, 60), now), Claim::Claimed);
    // Back, by as much as a proof may live.
    assert_eq!(store.claim(key("before"), after(now, 60), after(now, -60)), Claim::AlreadyUsed);
    // Forward, beyond the end of the first proof, and back again.
    let later = after(now, 61);
    assert_eq!(store.claim(key("later"), after(later, 60), later), Claim::Claimed);
    assert_eq!(store.claim(key("before"), after(now, 60), now), Claim::AlreadyUsed);
    assert_eq!(store.claim(key("later"), after(later, 60), now), Claim::AlreadyUsed);
}

/// Entries stay until they expire and are gone at most [`StoreUnderTest::may_linger`] seconds later.
///
/// # Panics
///
/// When the store breaks the contract.
pub fn forgets_when_due(store: &impl StoreUnderTest) {
    let thumbprint = thumbprint();
    let key = ReplayKey::new(&thumbprint, "due");
    // Later than anything the other parts have shown the store.
    let start = after(store.now(), 200);
    let life = 2;
    assert_eq!(store.claim(key, after(start, life), start), Claim::Claimed);
    store.pass(life - 1);
    let last = after(start, life - 1);
    assert_eq!(store.claim(key, after(start, life + 60), last), Claim::AlreadyUsed, "forgotten early");
    store.pass(1 + store.may_linger());
    let now = after(start, life + store.may_linger());
    assert_eq!(store.claim(key, after(now, 60), now), Claim::Claimed, "never forgotten");
}

/// A store with room for a number of entries within `room` fills up, then refuses without forgetting any.
///
/// # Panics
///
/// When the store breaks the contract.
pub fn refuses_when_full(store: &impl StoreUnderTest, room: RangeInclusive<usize>) {
    let thumbprint = thumbprint();
    let now = store.now();
    let key = |number: usize| ReplayKey::new(&thumbprint, &number.to_string());
    let mut taken = 0;
    loop {
        assert!(taken <= *room.end(), "it never fills up");
        let answer = store.claim(key(taken), after(now, 600), now);
        assert_ne!(answer, Claim::AlreadyUsed, "nobody used entry {taken}");
        if answer == Claim::Unavailable {
            break;
        }
        taken += 1;
    }
    assert!(room.contains(&taken), "full with {taken} entries, which is not within {room:?}");
    for number in [0, taken / 2, taken - 1] {
        let again = store.claim(key(number), after(now, 600), now);
        assert_ne!(again, Claim::Claimed, "entry {number} was evicted");
    }
}

fn thumbprint() -> JwkThumbprint {
    KeyPair::generate(Algorithm::Es256).expect("ES256 keys can be made").thumbprint()
}

fn after(time: UnixTime, seconds: i64) -> UnixTime {
    UnixTime::from_seconds(time.as_seconds() + seconds)
}
