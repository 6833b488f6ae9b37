//! What a run does.

use std::time::Duration;

use dpop_client::Clock;
use thiserror::Error;

use crate::{BadProof, Connector, Credential, HttpVersion, Target};

/// When requests are sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// The next one on each connection as soon as the last one is answered. Latency is from sending.
    Closed,
    /// At a fixed rate, whatever the answers do. Latency is from the moment at which a request was due, so that a server
    /// that stalls is charged for all who wait (no coordinated omission).
    Open {
        /// Requests a second over all connections.
        per_second: f64,
    },
}

/// When a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// After this many requests. Those that are repeated with a nonce count once.
    Requests(u64),
    /// After this time.
    Elapsed(Duration),
}

/// How much of the load is not an ordinary good request. Both are shares of all requests.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Shares {
    /// Second uses of a proof: half of them together with the first on another connection, the others up to a thousand
    /// requests later. 0 to 0.5, since each has a first use.
    pub replays: f64,
    /// Bad proofs, 0 to 1.
    pub bad: f64,
}

/// A run.
pub struct Plan {
    /// What is called.
    pub target: Target,
    /// Who calls, in turn.
    pub credentials: Vec<Credential>,
    /// When requests are sent.
    pub pace: Pace,
    /// When the run ends.
    pub until: Until,
    /// Connections; all are open before the first request.
    pub connections: usize,
    /// Requests under way on one connection at the same time; more than one needs HTTP/2.
    pub streams: usize,
    /// How connections are made, and whether they speak HTTP/1.1 or HTTP/2.
    pub connector: Connector,
    /// How long an answer may take.
    pub timeout: Duration,
    /// What is not an ordinary good request.
    pub shares: Shares,
    /// Kinds of bad proofs, in turn.
    pub bad_proofs: Vec<BadProof>,
    /// Requests that are signed before the first is sent, and kept ready after that. All of them, if that many are sent.
    pub ahead: usize,
    /// Threads that sign.
    pub signers: usize,
    /// Threads that send.
    pub senders: usize,
    /// The time of day, for proofs.
    pub clock: Clock,
}

/// A plan that can not be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PlanError {
    /// Nobody calls.
    #[error("there is no token to call with")]
    NoCredentials,
    /// Zero of something.
    #[error("connections, streams, signers and senders must be at least one")]
    Zero,
    /// HTTP/1.1 with several streams.
    #[error("HTTP/1.1 has one request at a time on each connection")]
    StreamsOverHttp1,
    /// A rate that is not above zero.
    #[error("the rate must be above zero")]
    Rate,
    /// Shares that do not fit.
    #[error(
        "replays can be up to 0.5 of all requests, and each needs a good one beside it: bad + 2 × replays is at most 1"
    )]
    Shares,
    /// Bad proofs are wanted, but none in particular.
    #[error("no kind of bad proof is named")]
    NoBadProofs,
}

impl Plan {
    pub(crate) fn check(&self) -> Result<(), PlanError> {
        if self.credentials.is_empty() {
            return Err(PlanError::NoCredentials);
        }
        if [self.connections, self.streams, self.signers, self.senders].contains(&0) {
            return Err(PlanError::Zero);
        }
        if self.connector.version() == HttpVersion::Http1 && self.streams > 1 {
            return Err(PlanError::StreamsOverHttp1);
        }
        if let Pace::Open { per_second } = self.pace
            && !(per_second.is_finite() && per_second > 0.0)
        {
            return Err(PlanError::Rate);
        }
        let Shares { replays, bad } = self.shares;
        let is_share = |share: f64| (0.0..=1.0).contains(&share);
        if !is_share(replays) || !is_share(bad) || bad + 2.0 * replays > 1.0 + 1e-9 {
            return Err(PlanError::Shares);
        }
        if bad > 0.0 && self.bad_proofs.is_empty() {
            return Err(PlanError::NoBadProofs);
        }
        Ok(())
    }

    /// How many requests are sent, where that is known before.
    pub(crate) fn total(&self) -> Option<u64> {
        match (self.until, self.pace) {
            (Until::Requests(requests), _) => Some(requests),
            (Until::Elapsed(time), Pace::Open { per_second }) => {
                Some((time.as_secs_f64() * per_second).ceil() as u64)
            }
            (Until::Elapsed(_), Pace::Closed) => None,
        }
    }
}
