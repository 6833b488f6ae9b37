//! What a connection counts.

use std::{collections::BTreeMap, time::Duration};

use http::{HeaderMap, StatusCode};
use oauth::challenge;

use crate::{
    BadProof, Histogram, Judged, Replays, connection::Failure, maker::PairOutcome, verdict::Verdict,
};

#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) latency: Histogram,
    pub(crate) statuses: BTreeMap<u16, u64>,
    pub(crate) errors: BTreeMap<&'static str, u64>,
    pub(crate) failures: BTreeMap<&'static str, u64>,
    pub(crate) good: Judged,
    pub(crate) bad: Judged,
    /// Kinds of bad proofs that were accepted.
    pub(crate) accepted_kinds: BTreeMap<&'static str, u64>,
    pub(crate) replays: Replays,
    pub(crate) nonces_renewed: u64,
}

impl Tally {
    pub(crate) fn took(&mut self, time: Duration) {
        self.latency.record(time);
    }

    pub(crate) fn answer(&mut self, status: StatusCode, headers: &HeaderMap) {
        *self.statuses.entry(status.as_u16()).or_default() += 1;
        if Verdict::of(status) == Verdict::Refused {
            let code = challenge::from_headers(headers).iter().find_map(challenge::ParsedChallenge::error);
            *self.errors.entry(code.map_or("without_code", |code| code.as_str())).or_default() += 1;
        }
    }

    pub(crate) fn failure(&mut self, failure: &Failure) {
        *self.failures.entry(failure.name()).or_default() += 1;
    }

    pub(crate) fn good(&mut self, verdict: Verdict) {
        self.good.count(verdict);
    }

    pub(crate) fn bad(&mut self, kind: BadProof, verdict: Verdict) {
        self.bad.count(verdict);
        if verdict == Verdict::Accepted {
            *self.accepted_kinds.entry(kind.name()).or_default() += 1;
        }
    }

    pub(crate) fn pair(&mut self, outcome: PairOutcome) {
        self.replays.pairs += 1;
        match outcome {
            PairOutcome::AcceptedOnce => self.replays.accepted_once += 1,
            PairOutcome::AcceptedTwice => self.replays.accepted_twice += 1,
            PairOutcome::NeverAccepted => self.replays.never_accepted += 1,
            PairOutcome::Unknown => self.replays.unknown += 1,
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.latency.merge(&other.latency);
        add(&mut self.statuses, &other.statuses);
        add(&mut self.errors, &other.errors);
        add(&mut self.failures, &other.failures);
        add(&mut self.accepted_kinds, &other.accepted_kinds);
        self.good.add(other.good);
        self.bad.add(other.bad);
        self.replays.add(other.replays);
        self.nonces_renewed += other.nonces_renewed;
    }
}

fn add<K: Ord + Copy>(counts: &mut BTreeMap<K, u64>, more: &BTreeMap<K, u64>) {
    for (name, count) in more {
        *counts.entry(*name).or_default() += count;
    }
}
