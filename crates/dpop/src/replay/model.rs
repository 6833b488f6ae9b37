//! A model of the memory store: the very same source, compiled over locks and atomics whose every use is a decision of
//! shuttle's scheduler. It tries thousands of interleavings of claims with each other, with the sweep that each new bucket
//! of time brings, and with expiry; a failure prints the schedule that leads to it.

#[allow(clippy::duplicate_mod, reason = "the point of the model: the store itself, over other locks")]
#[allow(dead_code, unreachable_pub, reason = "the model uses a part of it")]
#[path = "memory.rs"]
mod memory;

use shuttle::{check_pct, check_random, sync::Arc, thread};

use self::memory::MemoryReplayStore;
use super::{Claim, ClaimFuture, ReplayKey, ReplayStore};

/// Counterparts of `primitives.rs`.
mod primitives {
    use std::collections::hash_map::DefaultHasher;
    use std::hash::BuildHasherDefault;

    use shuttle::sync::MutexGuard;
    pub(super) use shuttle::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

    /// Not secret, so that a schedule can be run again.
    pub(super) type FingerprintKey = BuildHasherDefault<DefaultHasher>;

    /// Few, so that claims meet.
    pub(super) const SHARDS: usize = 2;

    /// A lock with the interface of the store's own.
    #[derive(Default)]
    pub(super) struct Mutex<T>(shuttle::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(super) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap()
        }
    }
}

/// How many schedules of each kind are tried.
const SCHEDULES: usize = 1_000;
/// How many changes of thread the second kind of schedule places.
const CHANGES: usize = 3;

/// One call of a thread: which key, until when, at what time.
type Call = (u8, i64, i64);

fn claim(store: &MemoryReplayStore, (key, expires_at, now): Call) -> Claim {
    store.claim_now(ReplayKey([key; 32]), expires_at, now)
}

/// Runs each list of calls in a thread of its own against one store, under every schedule that is tried, and hands all
/// answers with the store to `judge`.
fn explore<const THREADS: usize>(
    capacity: usize,
    threads: [&'static [Call]; THREADS],
    judge: fn(&MemoryReplayStore, &[(Call, Claim)]),
) {
    let run = move || {
        let store = Arc::new(MemoryReplayStore::new(capacity));
        let running: Vec<_> = threads
            .into_iter()
            .map(|calls| {
                let store = Arc::clone(&store);
                thread::spawn(move || {
                    calls.iter().map(|call| (*call, claim(&store, *call))).collect::<Vec<_>>()
                })
            })
            .collect();
        let answers: Vec<_> = running.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        judge(&store, &answers);
    };
    check_random(run, SCHEDULES);
    check_pct(run, SCHEDULES, CHANGES);
}

fn won(answers: &[(Call, Claim)], key: u8) -> usize {
    answers.iter().filter(|((claimed, ..), claim)| *claimed == key && *claim == Claim::Claimed).count()
}

/// What the store counts is what it holds: there is room again for exactly `capacity` entries once all others are over.
fn has_room_for(store: &MemoryReplayStore, capacity: usize) {
    let (first, later) = (100_u8, 10_000);
    let fresh = (first..).take(capacity + 1).map(|key| claim(store, (key, later + 60, later)));
    let expected = std::iter::repeat_n(Claim::Claimed, capacity).chain([Claim::Unavailable]);
    assert!(fresh.eq(expected));
    assert_eq!(store.len(), capacity);
}

#[test]
fn of_equal_claims_exactly_one_wins() {
    explore(10, [&[(1, 100, 50)], &[(1, 100, 50)], &[(1, 104, 54)]], |store, answers| {
        assert_eq!(won(answers, 1), 1);
        assert!(answers.iter().all(|(_, claim)| *claim != Claim::Unavailable));
        assert_eq!(store.len(), 1);
    });
}

#[test]
fn a_sweep_on_the_way_forgets_no_live_claim() {
    // Key 2 opens a new bucket of time again and again while key 1 lives.
    explore(
        10,
        [&[(1, 100, 50), (1, 100, 99)], &[(2, 900, 60), (3, 900, 75)], &[(1, 100, 90), (4, 900, 91)]],
        |store, answers| {
            assert_eq!(won(answers, 1), 1);
            assert_eq!(won(answers, 2) + won(answers, 3) + won(answers, 4), 3);
            has_room_for(store, 10);
        },
    );
}

#[test]
fn a_claim_overtaken_by_its_own_expiry_is_not_granted_again() {
    // The clock passes the end of key 1, and a sweep forgets it, while a copy of it is under way.
    explore(
        10,
        [&[(1, 100, 50)], &[(1, 100, 60)], &[(2, 900, 116), (3, 900, 131)], &[(1, 100, 116)]],
        |store, answers| {
            assert!(won(answers, 1) <= 1, "{answers:?}");
            assert_eq!(won(answers, 2) + won(answers, 3), 2);
            has_room_for(store, 10);
        },
    );
}

#[test]
fn the_capacity_holds_and_nothing_is_counted_twice() {
    explore(
        2,
        [&[(1, 100, 50), (5, 300, 200)], &[(2, 100, 50), (6, 300, 200)], &[(3, 100, 50)], &[(4, 100, 50)]],
        |store, answers| {
            assert!(store.len() <= 2, "{answers:?}");
            has_room_for(store, 2);
        },
    );
}
