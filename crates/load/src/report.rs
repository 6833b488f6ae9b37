//! What a run found.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::Serialize;

use crate::{Histogram, verdict::Verdict};

/// What a run found. As JSON the field names are these; times are in microseconds.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Answers, those to repeated requests included.
    pub answers: u64,
    /// From the first request to the last answer, in seconds.
    pub seconds: f64,
    /// Answers a second.
    pub per_second: f64,
    /// How long answers took, nonce challenges included.
    pub latency_us: Latency,
    /// Answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Refusals by OAuth error code; `without_code` where the challenge has none.
    pub errors: BTreeMap<&'static str, u64>,
    /// Requests without an answer: `not_connected`, `connection_broken`, `timed_out`.
    pub failures: BTreeMap<&'static str, u64>,
    /// Requests that must be accepted.
    pub good: Judged,
    /// Requests that must be refused.
    pub bad: Judged,
    /// Kinds of bad proofs that were accepted.
    pub bad_accepted_by_kind: BTreeMap<&'static str, u64>,
    /// Proofs that were sent twice.
    pub replays: Replays,
    /// Nonces that were demanded and then sent.
    pub nonces_renewed: u64,
    /// Connections that were made, those that the run began with included.
    pub connections_opened: u64,
    /// Requests that had to wait for their proof: more threads have to sign, or more proofs to be made before.
    pub waited_for_proof: u64,
}

/// Requests of one kind by their answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Judged {
    /// All of them.
    pub sent: u64,
    /// Let through.
    pub accepted: u64,
    /// Refused.
    pub refused: u64,
    /// No answer, or an error of the server.
    pub failed: u64,
}

/// Proofs that were sent twice, by what became of them. Those whose second use was not answered before the end are not
/// counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Replays {
    /// All of them.
    pub pairs: u64,
    /// One use was accepted, the other refused.
    pub accepted_once: u64,
    /// Both uses were accepted: the server does not notice replays.
    pub accepted_twice: u64,
    /// Neither was accepted.
    pub never_accepted: u64,
    /// Neither was accepted because the server failed or wanted a nonce.
    pub unknown: u64,
}

/// Quantiles, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Latency {
    /// The median.
    pub p50: f64,
    /// 90 % are as fast or faster.
    pub p90: f64,
    /// 99 %.
    pub p99: f64,
    /// 99.9 %.
    pub p999: f64,
    /// The slowest.
    pub max: f64,
    /// The mean.
    pub mean: f64,
}

impl Report {
    /// Whether exactly the good requests were accepted, and nothing failed.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        let Self { good, bad, replays, .. } = self;
        good.refused == 0
            && good.failed == 0
            && bad.accepted == 0
            && bad.failed == 0
            && replays.accepted_twice == 0
            && replays.never_accepted == 0
            && self.failures.is_empty()
    }
}

impl Judged {
    pub(crate) fn count(&mut self, verdict: Verdict) {
        self.sent += 1;
        match verdict {
            Verdict::Accepted => self.accepted += 1,
            Verdict::Refused => self.refused += 1,
            Verdict::Failed => self.failed += 1,
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.accepted += other.accepted;
        self.refused += other.refused;
        self.failed += other.failed;
    }
}

impl Replays {
    pub(crate) fn add(&mut self, other: Self) {
        self.pairs += other.pairs;
        self.accepted_once += other.accepted_once;
        self.accepted_twice += other.accepted_twice;
        self.never_accepted += other.never_accepted;
        self.unknown += other.unknown;
    }
}

impl Latency {
    pub(crate) fn of(times: &Histogram) -> Self {
        let microseconds = |time: Duration| (time.as_secs_f64() * 1e7).round() / 10.0;
        let quantile = |share| microseconds(times.quantile(share));
        Self {
            p50: quantile(0.5),
            p90: quantile(0.9),
            p99: quantile(0.99),
            p999: quantile(0.999),
            max: microseconds(times.longest()),
            mean: microseconds(times.mean()),
        }
    }
}

/// For people.
impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Latency { p50, p90, p99, p999, max, .. } = self.latency_us;
        writeln!(
            formatter,
            "{} answers in {:.1} s, {:.0} a second",
            self.answers, self.seconds, self.per_second
        )?;
        writeln!(
            formatter,
            "latency   p50 {}  p90 {}  p99 {}  p999 {}  max {}",
            Time(p50),
            Time(p90),
            Time(p99),
            Time(p999),
            Time(max)
        )?;
        writeln!(formatter, "status    {}", Counts(self.statuses.iter()))?;
        if !self.errors.is_empty() {
            writeln!(formatter, "error     {}", Counts(self.errors.iter()))?;
        }
        if !self.failures.is_empty() {
            writeln!(formatter, "failed    {}", Counts(self.failures.iter()))?;
        }
        writeln!(formatter, "good      {}", self.good)?;
        if self.bad.sent > 0 {
            writeln!(formatter, "bad       {}", self.bad)?;
        }
        if !self.bad_accepted_by_kind.is_empty() {
            writeln!(formatter, "          accepted: {}", Counts(self.bad_accepted_by_kind.iter()))?;
        }
        let Replays { pairs, accepted_once, accepted_twice, never_accepted, unknown } = self.replays;
        if pairs > 0 {
            write!(formatter, "replayed  {pairs}: {accepted_once} accepted once, {accepted_twice} twice")?;
            writeln!(formatter, ", {never_accepted} never, {unknown} not known")?;
        }
        if self.nonces_renewed > 0 {
            writeln!(formatter, "nonces    {} demanded and sent", self.nonces_renewed)?;
        }
        if self.waited_for_proof > 0 {
            writeln!(formatter, "waited    {} times for a proof to be signed", self.waited_for_proof)?;
        }
        let verdict = match self.is_clean() {
            true => "Exactly the good requests were accepted.",
            false => "NOT AS IT SHOULD BE: see above what was accepted, refused or failed.",
        };
        formatter.write_str(verdict)
    }
}

impl fmt::Display for Judged {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sent, accepted, refused, failed } = self;
        write!(formatter, "{sent}: {accepted} accepted, {refused} refused, {failed} failed")
    }
}

struct Counts<I>(I);

impl<'a, K: fmt::Display + 'a, I: Iterator<Item = (&'a K, &'a u64)> + Clone> fmt::Display for Counts<I> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (name, count)) in self.0.clone().enumerate() {
            let separator = if position > 0 { "  " } else { "" };
            write!(formatter, "{separator}{name}: {count}")?;
        }
        Ok(())
    }
}

/// Microseconds in the unit that reads best.
struct Time(f64);

impl fmt::Display for Time {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            time if time < 1_000.0 => write!(formatter, "{time:.0} µs"),
            time if time < 1_000_000.0 => write!(formatter, "{:.2} ms", time / 1e3),
            time => write!(formatter, "{:.2} s", time / 1e6),
        }
    }
}
