//! The contract of replay stores, for the one in memory.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use dpop::{Claim, MemoryReplayStore, ReplayKey, ReplayStore};
use jose::UnixTime;
use testkit::ManualClock;
use testkit::replay_contract::{self, StoreUnderTest};

struct InMemory {
    store: MemoryReplayStore,
    clock: ManualClock,
}

impl InMemory {
    fn with_room_for(capacity: usize) -> Self {
        Self { store: MemoryReplayStore::new(capacity), clock: ManualClock::new() }
    }
}

impl StoreUnderTest for InMemory {
    fn claim(&self, key: ReplayKey, expires_at: UnixTime, now: UnixTime) -> Claim {
        let claim = pin!(self.store.claim(key, expires_at, now));
        let answer = claim.poll(&mut Context::from_waker(Waker::noop()));
        assert!(answer.is_ready(), "memory answers at once");
        if let Poll::Ready(answer) = answer { answer } else { Claim::Unavailable }
    }

    fn now(&self) -> UnixTime {
        self.clock.now()
    }

    fn pass(&self, seconds: i64) {
        self.clock.advance(Duration::from_secs(seconds.unsigned_abs()));
    }

    fn may_linger(&self) -> i64 {
        15
    }
}

#[test]
fn memory_keeps_the_contract() {
    replay_contract::check(&InMemory::with_room_for(1_000_000));
}

#[test]
fn memory_refuses_when_full() {
    replay_contract::refuses_when_full(&InMemory::with_room_for(1000), 1000..=1000);
}
