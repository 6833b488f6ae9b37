//! The whole decision about a request, from its parts to the permit or the refusal, without I/O.
//!
//! `cargo bench -p keybound-gateway-core --bench decision`. The anchor is one verification of an ES256 signature: a
//! protected request holds exactly one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod decisions;

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use jose::{Algorithm, jws::CompactJws};

use self::decisions::Scene;

fn decision(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decision");
    let scene = Scene::set();
    let proof = scene.proof();
    let jws = CompactJws::parse(&proof).unwrap();
    let key = scene.client().public_jwk();
    group.bench_function("one ES256 signature", |bencher| {
        bencher
            .iter(|| key.verify(Algorithm::Es256, black_box(jws.signing_input).as_bytes(), &jws.signature));
    });
    for (name, request, is_permitted) in scene.cases() {
        assert_eq!(scene.decide(request()), is_permitted, "{name}");
        group.bench_function(name, |bencher| {
            bencher.iter_batched(&request, |request| scene.decide(request), BatchSize::SmallInput);
        });
    }
    group.finish();
}

criterion_group!(benches, decision);
criterion_main!(benches);
