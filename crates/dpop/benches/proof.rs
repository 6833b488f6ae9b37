//! What a proof costs its maker and its checker, by algorithm.
//!
//! `cargo bench -p keybound-dpop --bench proof`. Everything is judged against `verify/signature alone, ES256`: what the
//! cryptographic library takes for the one thing that can not be left out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use dpop::{
    AccessTokenHash, DPOP, Htu, NonceCheck, Policy, ProofBuilder, ProofError, ResourceRequest,
    UnverifiedProof, verify_resource_request,
};
use http::{HeaderMap, HeaderValue};
use jose::{Algorithm, AlgorithmSet, KeyPair, PublicJwk, UnixTime, jws::CompactJws};
use oauth::AccessToken;

const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);
const HTU: &str = "https://api.example.com/orders/4711";
const ALGORITHMS: [Algorithm; 6] = [
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::Es512,
    Algorithm::Ed25519,
    Algorithm::Ps256,
    Algorithm::Rs256,
];

fn token() -> AccessToken {
    AccessToken::parse(&"t".repeat(700)).unwrap()
}

fn policy() -> Policy {
    Policy { algorithms: AlgorithmSet::new(ALGORITHMS), ..Policy::rfc9449() }
}

fn proof(key: &KeyPair, algorithm: Algorithm, hash: AccessTokenHash, at: UnixTime) -> String {
    let proof = ProofBuilder::new(key, "GET", HTU).algorithm(algorithm).access_token_hash(hash);
    proof.sign(at).unwrap()
}

fn key(algorithm: Algorithm) -> KeyPair {
    KeyPair::generate(algorithm).unwrap()
}

fn create(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("create");
    let hash = AccessTokenHash::of(&token());
    for algorithm in ALGORITHMS {
        let key = key(algorithm);
        group.bench_function(BenchmarkId::from_parameter(algorithm), |bencher| {
            bencher.iter(|| proof(black_box(&key), algorithm, hash, NOW));
        });
    }
    group.finish();
}

/// Every check of RFC 9449 §4.3, without the claim in a replay store.
fn verify(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("verify");
    let (policy, hash, htu) = (policy(), AccessTokenHash::of(&token()), Htu::parse(HTU).unwrap());
    let headers_with = |proof: &str| HeaderMap::from_iter([(DPOP, HeaderValue::from_str(proof).unwrap())]);
    for algorithm in ALGORITHMS {
        let key = key(algorithm);
        let bound_to = key.thumbprint();
        let request = ResourceRequest {
            method: "GET",
            htu: &htu,
            access_token_hash: &hash,
            bound_to: &bound_to,
            nonce: NonceCheck::NotRequired,
        };
        let check = |headers: &HeaderMap| {
            let proof = UnverifiedProof::from_headers(headers, &policy)?;
            verify_resource_request(proof, &request, &policy, NOW)
        };
        let good = proof(&key, algorithm, hash, NOW);
        let headers = headers_with(&good);
        assert!(check(&headers).is_ok(), "{algorithm}");
        group.bench_function(BenchmarkId::from_parameter(algorithm), |bencher| {
            bencher.iter(|| check(black_box(&headers)));
        });
        if algorithm == Algorithm::Es256 {
            let jws = CompactJws::parse(&good).unwrap();
            let (message, other) = (jws.signing_input, jws.signing_input.replacen('e', "f", 1));
            // A key without good signatures is not known to return; to refuse one takes as long.
            let unknown = PublicJwk::parse(&key.public_jwk().to_json()).unwrap();
            for (name, key, message, is_good) in [
                ("signature alone, ES256", &unknown, other.as_str(), false),
                ("signature alone, ES256, of a key that returns", key.public_jwk(), message, true),
            ] {
                group.bench_function(name, |bencher| {
                    bencher.iter(|| {
                        let message = black_box(message).as_bytes();
                        assert_eq!(key.verify(algorithm, message, &jws.signature).is_ok(), is_good);
                    });
                });
            }
            // The last check before the signature refuses it.
            let old = headers_with(&proof(&key, algorithm, hash, UnixTime::from_seconds(0)));
            assert!(matches!(check(&old), Err(ProofError::TooOld)));
            group.bench_function("all but the signature, ES256", |bencher| {
                bencher.iter(|| check(black_box(&old)));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, create, verify);
criterion_main!(benches);
