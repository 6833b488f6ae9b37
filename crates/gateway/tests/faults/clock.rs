//! The gateway's clock steps forward and back by a minute. A proof is accepted from `max_age` and `validity_leeway` before
//! the time that the clock shows, here 70 seconds, to `validity_leeway` after it, 10 seconds (RFC 9449 §11.1).

use gateway::Clock;
use jose::UnixTime;
use serde_json::json;
use testkit::ManualClock;

use crate::sockets::{
    dpop_setup::DpopSetup,
    issuer::{now, proof_of},
    raw_client::Answer,
};

/// The gateway with a clock that is set by hand, and a token that is good for far longer than the clock steps.
struct Stepped {
    setup: DpopSetup,
    clock: ManualClock,
    /// What the clock showed at first.
    start: i64,
    token: String,
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

    /// The status of a call with a fresh proof issued then.
    async fn status(&self, issued_at: i64) -> u16 {
        self.call(&self.proof(issued_at, None)).await.status
    }
}

#[tokio::test]
async fn the_window_of_proofs_moves_with_the_clock() {
    // One step for each gateway: where a clock has been is remembered, see below.
    for step in [-60, 0, 60] {
        let gateway = Stepped::start(false).await;
        gateway.step_to(step);
        for (issued_at, expected) in [(-71, 401), (-70, 200), (-1, 200), (0, 200), (10, 200), (11, 401)] {
            let status = gateway.status(step + issued_at).await;
            assert_eq!(status, expected, "the clock at {step}, a proof of {issued_at} seconds from there");
        }
        // What a client with a right clock sees of a gateway whose clock is off.
        let expected = if step == -60 { 401 } else { 200 };
        assert_eq!(gateway.status(0).await, expected, "the clock at {step}");
    }
}

#[tokio::test]
async fn a_used_proof_stays_used_and_good_calls_pass_after_every_step() {
    for minute in [60, -60] {
        let gateway = Stepped::start(false).await;
        let used = gateway.proof(0, None);
        assert_eq!(gateway.call(&used).await.status, 200);
        for (step, reached) in [(minute, 2), (0, 3), (minute, 4), (0, 5)] {
            gateway.step_to(step);
            assert_eq!(gateway.call(&used).await.status, 401, "used before the clock went to {step}");
            // A client that goes by the same clock.
            assert_eq!(gateway.status(step).await, 200, "the clock at {step}");
            assert_eq!(gateway.setup.upstream.seen(), reached);
        }
    }
}

/// What was used before a long jump forward is forgotten after it. Back again, a proof that could be such a one is refused
/// until the clock is near where it was.
#[tokio::test]
async fn a_long_jump_forward_and_back_lets_no_used_proof_in() {
    let gateway = Stepped::start(false).await;
    let used = gateway.proof(0, None);
    assert_eq!(gateway.call(&used).await.status, 200);
    gateway.step_to(400);
    assert_eq!(gateway.status(400).await, 200);
    for step in [0, 60, 319] {
        gateway.step_to(step);
        assert_eq!(gateway.call(&used).await.status, 401);
        assert_eq!(gateway.status(step).await, 401, "the clock at {step}");
    }
    gateway.step_to(360);
    assert_eq!(gateway.status(360).await, 200);
    assert_eq!(gateway.setup.upstream.seen(), 3);
}

#[tokio::test]
async fn nonces_of_later_are_replaced_and_old_ones_end() {
    let gateway = Stepped::start(true).await;
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
    // Back: it was issued in the future, by up to five seconds that of another machine.
    let gateway = Stepped::start(true).await;
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
}
