//! What the replay store in memory takes for one claim, while it holds a hundred thousand.
//!
//! `cargo bench -p keybound-dpop --bench claim`. How it grows to millions, in time and bytes, is what `--bench replay` shows.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::{
    future::Future as _,
    hint::black_box,
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use dpop::{Claim, MemoryReplayStore, ReplayKey, ReplayStore as _};
use jose::{Algorithm, KeyPair, UnixTime};

const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);
const LIVE: u32 = 100_000;

fn claim(store: &MemoryReplayStore, key: ReplayKey) -> Claim {
    let expires_at = NOW.saturating_add(Duration::from_secs(70));
    match pin!(store.claim(key, expires_at, NOW)).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("the store in memory waits for nobody"),
    }
}

fn claims(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("claim");
    let thumbprint = KeyPair::generate(Algorithm::Es256).unwrap().thumbprint();
    let store = MemoryReplayStore::new(100_000_000);
    let mut number = 0_u32;
    let mut fresh = || {
        number += 1;
        ReplayKey::new(&thumbprint, &number.to_string())
    };
    for _ in 0..LIVE {
        assert_eq!(claim(&store, fresh()), Claim::Claimed);
    }
    group.bench_function("key of a proof", |bencher| {
        bencher.iter(|| ReplayKey::new(black_box(&thumbprint), black_box("e1j3V_bKic8-LAEB_lccDA")));
    });
    group.bench_function("used before", |bencher| {
        bencher.iter_batched(
            || ReplayKey::new(&thumbprint, "77"),
            |key| assert_eq!(claim(&store, key), Claim::AlreadyUsed),
            BatchSize::SmallInput,
        );
    });
    group.bench_function("fresh", |bencher| {
        bencher.iter_batched(
            &mut fresh,
            |key| assert_eq!(claim(&store, key), Claim::Claimed),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, claims);
criterion_main!(benches);
