//! Load for resources that are protected by DPoP ([RFC 9449]): every request needs a proof of its own, so a recorded
//! request can not be sent again and general load tools only measure refusals.
//!
//! [`run`] carries out a [`Plan`]: proofs are signed ahead by threads of their own, sent over HTTP/1.1 or HTTP/2 as fast as
//! answers come or at a fixed rate, and every answer is judged. Among the good requests there may be
//! [proofs that are wrong](BadProof) and proofs sent twice; a [`Report`] [tells](Report::is_clean) whether exactly the
//! right ones were accepted.
//!
//! Where tokens come from is the caller's matter; [`TokenIssuer`] makes them with the issuer's own key, for benchmarks and
//! test set-ups. No clock is read here but the monotonic one: the time of day is an argument.
//!
//! [RFC 9449]: https://www.rfc-editor.org/rfc/rfc9449

mod bad_proof;
mod connection;
mod credential;
mod histogram;
mod maker;
mod pace;
mod plan;
mod report;
mod run;
mod supply;
mod tally;
mod target;
mod token_issuer;
mod verdict;

pub use bad_proof::{BadProof, UnknownBadProof};
pub use connection::{ConnectError, Connector, HttpVersion};
pub use credential::{Credential, CredentialError};
pub use histogram::Histogram;
pub use plan::{Pace, Plan, PlanError, Shares, Until};
pub use report::{Judged, Latency, Replays, Report};
pub use run::{LoadError, run};
pub use target::{Target, TargetError};
pub use token_issuer::{TokenIssuer, TokenIssuerError};
