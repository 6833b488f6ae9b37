//! Everything a test of a DPoP-protected route needs, in memory: a [`FakeIssuer`] with its keys and tokens, a
//! [`TestClient`] with its proofs, [`TestNonces`], a [`ManualClock`], and every [`Attack`] that must be refused
//! together with the answer it must get.
//!
//! For tests only. Where something can not be made, it panics, which fails the test; nothing here belongs into a
//! program that serves anybody.
//!
//! # Example
//!
//! ```
//! use testkit::{Attack, Call, FakeIssuer, ManualClock, TestClient};
//!
//! let clock = ManualClock::new();
//! let issuer = FakeIssuer::new("https://issuer.example");
//! let client = TestClient::new();
//!
//! // One good call …
//! let token = issuer.token(clock.now()).audience("shop").scope("orders:read");
//! let call = Call::new(&client, token, "GET", "https://api.example.com/orders", clock.now());
//! let request: http::Request<()> = call.request();
//! assert_eq!(request.headers()["host"], "api.example.com");
//!
//! // … and all that must not get in.
//! for &attack in Attack::ALL {
//!     let request: http::Request<()> = call.attack(attack);
//!     let expected = attack.expected();
//!     // send `request` to your service; compare the status, and the error of the challenge
//!     assert!(expected.status.is_client_error(), "{attack:?} {request:?}");
//! }
//! ```
//!
//! [`FakeIssuer::jwk_set`] is what the verifier needs to trust the issuer, [`ManualClock::reader`] what it needs to
//! live in the same time.

#![expect(clippy::expect_used, reason = "a test kit reports what is impossible by failing the test")]

mod attack;
mod call;
mod client;
mod clock;
mod issuer;
pub mod malleable;
mod nonces;
mod replay;
pub mod replay_contract;

pub use attack::{Attack, Expected};
pub use call::Call;
pub use client::{ProofDraft, TestClient};
pub use clock::ManualClock;
pub use issuer::{FakeIssuer, TokenDraft};
pub use nonces::TestNonces;
pub use replay::UnavailableReplayStore;
