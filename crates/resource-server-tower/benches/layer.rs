//! What the layer adds to a request.
//!
//! `cargo bench --profile dist -p keybound-resource-server-tower --bench layer` measures a request whose token is known, one whose proof
//! was made with another key than the token's, and, as the anchor, the one ES256 verification that a good proof needs, of a key
//! that returns. At the end the two are timed in turns, so that a busy machine slows both, and what the layer adds is printed. The goals: at most 3 µs
//! beside the verification, and at most 10 µs for the wrong key, which costs no verification.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod site;

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion};
use dpop::{Policy, UnverifiedProof};
use http::{Request, StatusCode};
use jose::PublicJwk;
use jose::jwt::UnverifiedJwt;
use testkit::Attack;

use self::site::{Inner, Site, send};

/// Requests between two looks at the clock.
const BLOCK: usize = 16;
const ROUNDS: usize = 400;

fn main() {
    let site = Site::new();
    let call = site.call();
    let mut service = site.service.clone();
    // From here on the token is known.
    assert_eq!(send(&mut service, call.request()), StatusCode::OK);
    let proof = call.proof().sign();
    let proof = UnverifiedJwt::parse(&proof).unwrap();
    let key = site.client.key().public_jwk();
    let wrong_key = call.attack::<()>(Attack::OtherKey);

    let mut criterion =
        Criterion::default().sample_size(30).measurement_time(Duration::from_secs(3)).configure_from_args();
    let mut group = criterion.benchmark_group("layer");
    group.bench_function("anchor: one ES256 verification", |bencher| {
        bencher.iter(|| black_box(&proof).verify(black_box(key)).unwrap());
    });
    group.bench_function("a good request, token known", |bencher| {
        let good = || call.request();
        bencher.iter_batched(good, |request| send(&mut service, request), BatchSize::SmallInput);
    });
    group.bench_function("the proof's key is not the token's", |bencher| {
        let wrong = || wrong_key.clone();
        bencher.iter_batched(wrong, |request| send(&mut service, request), BatchSize::SmallInput);
    });
    group.finish();

    let (mut verification, mut layer, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
    let (mut service_alone, mut inner) = (Vec::new(), Inner);
    let (mut reading, mut importing) = (Vec::new(), Vec::new());
    let (headers, policy) = (call.headers(), Policy::rfc9449());
    let jwk = key.to_json();
    for _ in 0..ROUNDS {
        let good: Vec<Request<()>> = (0..BLOCK).map(|_| call.request()).collect();
        let bad: Vec<Request<()>> = (0..BLOCK).map(|_| wrong_key.clone()).collect();
        // Other proofs each time: a verification of the same one again is cheaper, its branches are known.
        let proofs: Vec<String> = (0..BLOCK).map(|_| call.proof().sign()).collect();
        let proofs: Vec<_> = proofs.iter().map(|proof| UnverifiedJwt::parse(proof).unwrap()).collect();
        verification.push(timed(|| proofs.iter().for_each(|proof| proof.verify(black_box(key)).unwrap())));
        reading.push(timed(|| {
            (0..BLOCK).for_each(|_| drop(black_box(UnverifiedProof::from_headers(&headers, &policy))));
        }));
        importing.push(timed(|| (0..BLOCK).for_each(|_| drop(black_box(PublicJwk::parse(&jwk))))));
        let unprotected: Vec<Request<()>> = (0..BLOCK).map(|_| call.request()).collect();
        service_alone.push(timed(|| {
            unprotected.into_iter().for_each(|request| assert_eq!(send(&mut inner, request), StatusCode::OK));
        }));
        layer.push(timed(|| {
            good.into_iter().for_each(|request| assert_eq!(send(&mut service, request), StatusCode::OK));
        }));
        wrong.push(timed(|| {
            bad.into_iter()
                .for_each(|request| assert_eq!(send(&mut service, request), StatusCode::UNAUTHORIZED));
        }));
    }
    let (verification, layer, wrong) = (median(verification), median(layer), median(wrong));
    let service_alone = median(service_alone);
    println!(
        "\nwith the layer {layer:.1} µs, the service alone {service_alone:.1} µs, ES256 verification {verification:.1} µs: the layer \
         adds {:.1} µs beside it (goal 3), ratio {:.3}",
        layer - service_alone - verification,
        (layer - service_alone) / verification
    );
    let (reading, importing) = (median(reading), median(importing));
    println!("of it reading the proof {reading:.1} µs, {importing:.1} µs of that its key");
    println!("wrong key {wrong:.1} µs (goal 10), {:.3} of a verification", wrong / verification);
}

/// Microseconds for one of a block.
fn timed(block: impl FnOnce()) -> f64 {
    let start = Instant::now();
    block();
    start.elapsed().as_secs_f64() * 1e6 / BLOCK as f64
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or_default()
}
