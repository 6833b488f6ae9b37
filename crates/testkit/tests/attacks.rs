//! The table of attacks against the verifier itself: the kit promises the answers that the verifier gives.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use dpop::{MemoryReplayStore, Policy};
use http::Request;
use jose::{Algorithm, AlgorithmSet};
use resource_server::{
    ErrorSignaling, JwtTokens, Mode, ProofPolicy, ProtectedRequest, Refusal, ReplayProtection,
    RequiredScopes, StaticKeys, TokenPolicy, TrustedIssuer, Verified, Verifier, VerifierConfig,
};
use testkit::{Attack, Call, Expected, FakeIssuer, ManualClock, TestClient};

struct Scene {
    clock: ManualClock,
    issuer: FakeIssuer,
    client: TestClient,
    verifier: Verifier,
}

impl Scene {
    fn new() -> Self {
        let issuer = FakeIssuer::new("https://issuer.example");
        let verifier = Verifier::new(VerifierConfig {
            tokens: JwtTokens::new([TrustedIssuer::new(
                issuer.name(),
                Arc::new(StaticKeys::new(issuer.jwk_set())),
                TokenPolicy {
                    audience: vec!["shop".to_owned()],
                    algorithms: AlgorithmSet::new([Algorithm::Es256]),
                    leeway: Duration::ZERO,
                },
            )])
            .into(),
            scopes: RequiredScopes::none(),
            proof: ProofPolicy {
                mode: Mode::Require,
                policy: Policy::rfc9449(),
                nonces: None,
                replay: ReplayProtection::Store(Arc::new(MemoryReplayStore::new(100))),
            },
            error_signaling: ErrorSignaling::default(),
        });
        Self { clock: ManualClock::new(), issuer, client: TestClient::new(), verifier }
    }

    fn call(&self) -> Call<'_> {
        let token = self.issuer.token(self.clock.now()).audience("shop");
        Call::new(&self.client, token, "GET", "https://api.example.com/orders?first=0", self.clock.now())
    }

    fn verify(&self, request: &Request<()>) -> Result<Verified, Refusal> {
        let target_uri = format!("https://api.example.com{}", request.uri());
        let request = ProtectedRequest {
            method: request.method().as_str(),
            target_uri: &target_uri,
            headers: request.headers(),
        };
        match pin!(self.verifier.verify(&request, self.clock.now()))
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => panic!("nothing here waits"),
        }
    }
}

#[test]
fn the_good_call_passes_with_a_fresh_proof_each_time() {
    let scene = Scene::new();
    let call = scene.call();
    for _ in 0..3 {
        assert_eq!(scene.verify(&call.request()).unwrap().claims["sub"], "alice");
    }
}

#[test]
fn a_kept_request_is_a_replay() {
    let scene = Scene::new();
    let request = scene.call().request();
    assert!(scene.verify(&request).is_ok());
    assert!(scene.verify(&request).is_err());
}

#[test]
fn every_attack_gets_the_answer_that_the_table_promises() {
    for attack in Attack::ALL {
        let scene = Scene::new();
        let refusal = scene.verify(&scene.call().attack(*attack)).unwrap_err();
        let error = refusal.challenges().iter().find_map(|challenge| challenge.error);
        let answer = Expected { status: refusal.status(), error };
        assert_eq!(answer, attack.expected(), "{attack:?}: {:?}", refusal.reason());
    }
}
