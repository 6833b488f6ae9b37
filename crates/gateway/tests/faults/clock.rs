//! The gateway's clock steps forward and back by a minute. A proof is accepted from `max_age` and `validity_leeway` before
//! the time that the clock shows, here 70 seconds, to `validity_leeway` after it, 10 seconds (RFC 9449 §11.1).

use gateway::Clock;
use jose::UnixTime;
use serde_json::json;
use testkit::ManualClock;

use crate::{
    faults::one_thread::OneThread,
    sockets::{
        dpop_setup::DpopSetup,
        issuer::{now, proof_of},
        raw_client::Answer,
    },
};

/// The gateway with a clock that is set by hand, and a token that is good for far longer than the clock steps.
struct Stepped {
    setup: DpopSetup,
    clock: ManualClock,
    /// What the clock showed at first.
    start: i64,
    token: String,
}

/// More than the connections to an upstream that are kept.
const GOOD_CALLS: usize = 20;

/// Steps the clock of a gateway, after which good calls pass, and the memory is back at its level.
fn survives(nonces: bool, steps: impl AsyncFnOnce(&Stepped)) {
    survives_from(0, nonces, steps);
}

/// The same with the clock there before the first call: where it has been is remembered.
fn survives_from(at: i64, nonces: bool, steps: impl AsyncFnOnce(&Stepped)) {
    let mut thread = OneThread::new();
    let gateway = thread.run(Stepped::start(nonces));
    gateway.step_to(at);
    thread.survives(steps(&gateway), async || gateway.good_calls().await);
}

impl Stepped {
    async fn start(nonces: bool) -> Self {
        let start = now();
        let clock = ManualClock::at(UnixTime::from_seconds(start));
        let change = if nonces { ("", "") } else { ("nonce_required: true", "nonce_required: false") };
        let reading = Clock::reading(clock.reader());
        let guide = ("guide/heimdall-config.yaml", ["rules/guide.yaml"]);
        let setup = DpopSetup::start_by(reading, guide.0, &guide.1, change).await;
        let mut claims = setup.issuer.claims(&setup.alice);
        claims["iat"] = json!(start - 600);
        claims["exp"] = json!(start + 600);
        let token = setup.issuer.sign(&claims);
        Self { setup, clock, start, token }
    }

    /// Sets the clock to so many seconds after the start.
    fn step_to(&self, seconds: i64) {
        self.clock.set(UnixTime::from_seconds(self.start + seconds));
    }

    /// A proof issued so many seconds after the start.
    fn proof(&self, issued_at: i64, nonce: Option<&str>) -> String {
        let uri = self.setup.uri("/api");
        proof_of(&self.setup.alice, "GET", &uri, &self.token, nonce, self.start + issued_at)
    }

    async fn call(&self, proof: &str) -> Answer {
        let authorization = format!("DPoP {}", self.token);
        self.setup.send("GET", "/api", &[("Authorization", &authorization), ("DPoP", proof)]).await
    }

    /// Good calls by the gateway's own clock, with the nonce that it asks for.
    async fn good_calls(&self) {
        for _ in 0..GOOD_CALLS {
            let at = self.clock.now().as_seconds() - self.start;
            let mut answer = self.call(&self.proof(at, None)).await;
            if answer.status == 401
                && let Some(nonce) = answer.header("dpop-nonce")
            {
                answer = self.call(&self.proof(at, Some(nonce))).await;
            }
            assert_eq!(answer.status, 200, "a good call with the clock at {at}");
        }
    }

    /// The status of a call with a fresh proof issued then.
    async fn status(&self, issued_at: i64) -> u16 {
        self.call(&self.proof(issued_at, None)).await.status
    }
}

#[test]
fn the_window_of_proofs_moves_with_the_clock() {
    for step in [-60, 0, 60] {
        survives_from(step, false, async |gateway| {
            for (issued_at, expected) in [(-71, 401), (-70, 200), (-1, 200), (0, 200), (10, 200), (11, 401)] {
                let status = gateway.status(step + issued_at).await;
                assert_eq!(
                    status, expected,
                    "the clock at {step}, a proof of {issued_at} seconds from there"
                );
            }
            // What a client with a right clock sees of a gateway whose clock is off.
            let expected = if step == -60 { 401 } else { 200 };
            assert_eq!(gateway.status(0).await, expected, "the clock at {step}");
        });
    }
}

#[test]
fn a_used_proof_stays_used_and_good_calls_pass_after_every_step() {
    for minute in [60, -60] {
        survives(false, async |gateway| {
            let used = gateway.proof(0, None);
            assert_eq!(gateway.call(&used).await.status, 200);
            let reached_before = gateway.setup.upstream.seen();
            for (step, reached) in [(minute, 1), (0, 2), (minute, 3), (0, 4)] {
                gateway.step_to(step);
                assert_eq!(gateway.call(&used).await.status, 401, "used before the clock went to {step}");
                // A client that goes by the same clock.
                assert_eq!(gateway.status(step).await, 200, "the clock at {step}");
                assert_eq!(gateway.setup.upstream.seen(), reached_before + reached);
            }
        });
    }
}

/// What was used before a long jump forward is forgotten after it. Back again, a proof that could be such a one is refused
/// until the clock is near where it was.
#[test]
fn a_long_jump_forward_and_back_lets_no_used_proof_in() {
    survives(false, async |gateway| {
        let used = gateway.proof(0, None);
        assert_eq!(gateway.call(&used).await.status, 200);
        let reached_before = gateway.setup.upstream.seen();
        gateway.step_to(400);
        assert_eq!(gateway.status(400).await, 200);
        for step in [0, 60, 319] {
            gateway.step_to(step);
            assert_eq!(gateway.call(&used).await.status, 401);
            assert_eq!(gateway.status(step).await, 401, "the clock at {step}");
        }
        gateway.step_to(360);
        assert_eq!(gateway.status(360).await, 200);
        assert_eq!(gateway.setup.upstream.seen(), reached_before + 2);
    });
}

#[test]
fn nonces_of_later_are_replaced_and_old_ones_end() {
    survives(true, async |gateway| {
        let asked = gateway.call(&gateway.proof(0, None)).await;
        let nonce = asked.header("dpop-nonce").unwrap().to_owned();
        assert_eq!(gateway.call(&gateway.proof(0, Some(&nonce))).await.status, 200);
        // Forward: good for as long as it lives, and a fresh one comes along.
        for (step, expected) in [(29, 200), (60, 200), (61, 401)] {
            gateway.step_to(step);
            let answer = gateway.call(&gateway.proof(step, Some(&nonce))).await;
            assert_eq!(answer.status, expected, "the clock at {step}");
            // The upstream sends a nonce of its own.
            let fresh = answer.header("dpop-nonce").is_some_and(|fresh| fresh != "of-the-upstream");
            assert_eq!(fresh, step >= 30, "the clock at {step}");
        }
    });
    // Back: it was issued in the future, by up to five seconds that of another machine.
    survives(true, async |gateway| {
        let asked = gateway.call(&gateway.proof(0, None)).await;
        let nonce = asked.header("dpop-nonce").unwrap().to_owned();
        for (step, expected) in [(-5, 200), (-6, 401), (-60, 401)] {
            gateway.step_to(step);
            let answer = gateway.call(&gateway.proof(step, Some(&nonce))).await;
            assert_eq!(answer.status, expected, "the clock at {step}");
            if expected == 401 {
                let challenge = answer.header("www-authenticate").unwrap();
                assert!(challenge.contains("use_dpop_nonce"), "{challenge}");
                // The client takes the nonce it is given, as always.
                let fresh = answer.header("dpop-nonce").unwrap();
                assert_eq!(gateway.call(&gateway.proof(step, Some(fresh))).await.status, 200);
            }
        }
    });
}
