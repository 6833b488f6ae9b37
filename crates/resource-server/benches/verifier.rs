//! What the verifier takes for a request: the verdict on its token, remembered or not, and all of it.
//!
//! `cargo bench -p keybound-resource-server --bench verifier`. The anchor is one verification of an ES256 signature.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::{
    future::Future as _,
    hint::black_box,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use dpop::{MemoryReplayStore, NonceRing, Policy};
use http::HeaderMap;
use jose::{Algorithm, AlgorithmSet, SymmetricKey, UnixTime, jws::CompactJws};
use resource_server::{
    ErrorSignaling, JwtTokens, Mode, NoncePolicy, ProofPolicy, ProtectedRequest, Refusal, ReplayProtection,
    RequiredScopes, StaticKeys, TokenPolicy, TrustedIssuer, Verified, Verifier, VerifierConfig,
};
use testkit::{Call, FakeIssuer, TestClient};

const ISSUER: &str = "https://issuer.example.com/realms/shop";
const URI: &str = "https://api.example.com/orders/4711";
const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);

fn verifier(issuer: &FakeIssuer, mode: Mode, remembered: usize, nonces: Option<NoncePolicy>) -> Verifier {
    let policy = TokenPolicy {
        audience: vec!["shop".to_owned()],
        algorithms: AlgorithmSet::new([Algorithm::Es256, Algorithm::Rs256]),
        leeway: Duration::from_secs(10),
    };
    let keys = Arc::new(StaticKeys::new(issuer.jwk_set()));
    Verifier::new(VerifierConfig {
        tokens: JwtTokens::new([TrustedIssuer::new(ISSUER, keys, policy)]).remember(remembered).into(),
        scopes: RequiredScopes::none(),
        proof: ProofPolicy {
            mode,
            policy: Policy::rfc9449(),
            nonces,
            replay: ReplayProtection::Store(Arc::new(MemoryReplayStore::new(100_000_000))),
        },
        error_signaling: ErrorSignaling::default(),
    })
}

fn verify(verifier: &Verifier, headers: &HeaderMap) -> Result<Verified, Box<Refusal>> {
    let request = ProtectedRequest { method: "GET", target_uri: URI, headers };
    match pin!(verifier.verify(&request, NOW)).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome.map_err(Box::new),
        Poll::Pending => panic!("nothing here waits"),
    }
}

fn token(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("token verdict");
    let client = TestClient::new();
    for algorithm in [Algorithm::Es256, Algorithm::Rs256] {
        let issuer = FakeIssuer::with_algorithm(ISSUER, algorithm);
        let call = Call::new(&client, issuer.token(NOW).audience("shop"), "GET", URI, NOW);
        let headers = call.headers();
        let memories = [("remembered", 10_000), ("checked", 0)];
        for (name, remembered) in memories {
            let verifier = verifier(&issuer, Mode::Off, remembered, None);
            assert!(verify(&verifier, &headers).is_ok());
            group.bench_function(format!("{algorithm}, {name}"), |bencher| {
                bencher.iter(|| verify(&verifier, black_box(&headers)));
            });
        }
    }
    group.finish();
}

fn request(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("request");
    let (issuer, client) = (FakeIssuer::new(ISSUER), TestClient::new());
    let call = Call::new(&client, issuer.token(NOW).audience("shop"), "GET", URI, NOW);

    let proof = call.proof().sign();
    let jws = CompactJws::parse(&proof).unwrap();
    group.bench_function("one ES256 signature", |bencher| {
        let key = client.key().public_jwk();
        bencher
            .iter(|| key.verify(Algorithm::Es256, black_box(jws.signing_input).as_bytes(), &jws.signature));
    });

    let plain = verifier(&issuer, Mode::Require, 10_000, None);
    group.bench_function("token and proof", |bencher| {
        bencher.iter_batched(
            || call.headers(),
            |headers| verify(&plain, &headers).unwrap(),
            BatchSize::SmallInput,
        );
    });

    let ring = Arc::new(NonceRing::new(SymmetricKey::new("key", vec![7; 32]).unwrap(), []).unwrap());
    let nonces = NoncePolicy { ring, lifetime: Duration::from_secs(60) };
    let nonced = verifier(&issuer, Mode::Require, 10_000, Some(nonces));
    let call_with_nonce = Call::new(&client, issuer.token(NOW).audience("shop"), "GET", URI, NOW);
    let challenge = verify(&nonced, &call_with_nonce.headers()).unwrap_err();
    let call_with_nonce = call_with_nonce.with_nonce(challenge.headers()["dpop-nonce"].to_str().unwrap());
    group.bench_function("token, proof and nonce", |bencher| {
        bencher.iter_batched(
            || call_with_nonce.headers(),
            |headers| verify(&nonced, &headers).unwrap(),
            BatchSize::SmallInput,
        );
    });

    let used = call.headers();
    verify(&plain, &used).unwrap();
    group.bench_function("refused: proof used before", |bencher| {
        bencher.iter(|| verify(&plain, black_box(&used)).unwrap_err());
    });
    let stranger = TestClient::new();
    let proof = stranger.proof("GET", URI, NOW).access_token(call.token()).sign();
    let mut stolen = call.headers();
    stolen.insert("dpop", proof.parse().unwrap());
    group.bench_function("refused: another's key", |bencher| {
        bencher.iter(|| verify(&plain, black_box(&stolen)).unwrap_err());
    });
    group.finish();
}

criterion_group!(benches, token, request);
criterion_main!(benches);
