//! Unit tests of the memory store. They stand outside of it because the model compiles the store a second time.

use std::sync::atomic::{AtomicUsize, Ordering};

use jose::{Algorithm, KeyPair};

use super::memory::{BUCKET_SECONDS, BUCKETS, MemoryReplayStore};
use super::{Claim, ReplayKey};

fn key(jti: &str) -> ReplayKey {
    ReplayKey(jose::crypto::sha256(jti.as_bytes()))
}

#[test]
fn claims_once() {
    let store = MemoryReplayStore::new(10);
    assert_eq!(store.claim_now(key("a"), 100, 50), Claim::Claimed);
    assert_eq!(store.claim_now(key("a"), 100, 50), Claim::AlreadyUsed);
    assert_eq!(store.claim_now(key("a"), 119, 60), Claim::AlreadyUsed, "another iat is the same proof");
    assert_eq!(store.claim_now(key("b"), 100, 50), Claim::Claimed);
}

#[test]
fn of_many_equal_claims_exactly_one_wins() {
    let store = MemoryReplayStore::new(1000);
    let won = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for round in 0..200 {
                    if store.claim_now(key(&round.to_string()), 100, 50) == Claim::Claimed {
                        won.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(won.into_inner(), 200);
}

#[test]
fn never_forgets_early_and_at_most_one_bucket_late() {
    for expires_at in 100..140 {
        let store = MemoryReplayStore::new(10);
        assert_eq!(store.claim_now(key("a"), expires_at, 50), Claim::Claimed);
        assert_eq!(store.claim_now(key("a"), expires_at, expires_at - 1), Claim::AlreadyUsed);
        store.claim_now(key("other"), 10_000, expires_at - 1);
        assert_eq!(store.len(), 2);
        // Both fall into one shard only by chance, so look through a sweep.
        let store = MemoryReplayStore::new(1);
        assert_eq!(store.claim_now(key("a"), expires_at, 50), Claim::Claimed);
        assert_eq!(store.claim_now(key("b"), 10_000, expires_at + BUCKET_SECONDS), Claim::Claimed);
    }
}

#[test]
fn refuses_when_full_and_evicts_nothing() {
    let store = MemoryReplayStore::new(2);
    assert_eq!(store.claim_now(key("a"), 100, 50), Claim::Claimed);
    assert_eq!(store.claim_now(key("b"), 100, 50), Claim::Claimed);
    assert_eq!(store.claim_now(key("c"), 100, 51), Claim::Unavailable);
    assert_eq!(store.claim_now(key("a"), 100, 51), Claim::AlreadyUsed);
    assert_eq!(store.claim_now(key("c"), 300, 200), Claim::Claimed, "room again when the others are over");
}

#[test]
fn a_clock_that_jumps_forward_and_back_lets_no_used_proof_in() {
    let store = MemoryReplayStore::new(10);
    assert_eq!(store.claim_now(key("a"), 100, 50), Claim::Claimed);
    assert_eq!(store.claim_now(key("b"), 900, 800), Claim::Claimed);
    assert_eq!(store.claim_now(key("a"), 100, 50), Claim::AlreadyUsed);
}

#[test]
fn entries_end_when_they_should_across_the_whole_range_of_buckets() {
    let horizon = BUCKETS * BUCKET_SECONDS;
    for life in [1, 15, 16, 3600, horizon / 2, horizon - 2 * BUCKET_SECONDS] {
        for start in [-162_262_618, 0, 7, 1_800_000_000] {
            let store = MemoryReplayStore::new(1);
            assert_eq!(store.claim_now(key("a"), start + life, start), Claim::Claimed);
            // With room for one, another entry gets in only once the first is swept.
            assert_eq!(store.claim_now(key("b"), start + 2 * life, start + life - 1), Claim::Unavailable);
            let late = start + life + BUCKET_SECONDS;
            assert_eq!(store.claim_now(key("b"), late + 1, late), Claim::Claimed, "{life} {start}");
        }
    }
    let store = MemoryReplayStore::new(1);
    assert_eq!(store.claim_now(key("a"), 2 * horizon, 0), Claim::Unavailable, "too far to be counted");
    assert_eq!(store.claim_now(key("a"), 100, 0), Claim::Claimed, "and takes no room");
}

#[test]
fn keys_of_different_clients_do_not_meet() {
    let (one, two) =
        (KeyPair::generate(Algorithm::Es256).unwrap(), KeyPair::generate(Algorithm::Es256).unwrap());
    assert_ne!(ReplayKey::new(&one.thumbprint(), "1"), ReplayKey::new(&two.thumbprint(), "1"));
}
