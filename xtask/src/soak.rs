//! `cargo xtask soak`: millions of requests at one gateway, replays and bad proofs among them. No proof may be accepted
//! twice, no bad one at all, no good one be refused; the gateway must not fail, and its memory must not grow once it
//! is warm.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use jose::Algorithm;

use crate::bench::load::{Load, Outcome};
use crate::bench::process::{cpu_time, resident_mib};
use crate::bench::site::{PROTECTED, Site, Variant, WITH_NONCES};
use crate::bench::{FULL, program};

pub(crate) const HELP: &str = "\
Millions of requests at one gateway, replays and bad proofs among them. Fails if one gets in, a good one is refused, an answer
is a server error, or memory grows once it is warm.

Usage: cargo xtask soak [--requests NUMBER]

  --requests NUMBER   how many (default: 5000000, some four minutes)

BENCH_PROGRAM is the program to test (default: that of `cargo xtask dist`).";

const REQUESTS: u64 = 5_000_000;

/// Requests between two lines of progress. Each part has keys and tokens of its own.
const PART: u64 = 250_000;
const KEYS: u64 = 50;

/// Second uses of a proof, half of them at the same time as the first on another connection, and bad proofs.
const MIXED: [&str; 4] = ["--replays", "0.2", "--bad", "0.1"];

/// What memory may grow by from the middle third of the run to the last: a share of it, and a noise of this many MiB.
const GROWTH: f64 = 1.05;
const NOISE_MIB: f64 = 2.0;

/// Sums over all parts.
#[derive(Debug, Default)]
struct Sums {
    answers: u64,
    pairs: u64,
    accepted_twice: u64,
    never_accepted: u64,
    bad: u64,
    bad_accepted: u64,
    good: u64,
    good_refused: u64,
    failed: u64,
    server_errors: u64,
    /// Server errors by status.
    errors_by_status: BTreeMap<String, u64>,
    nonces: u64,
    resident_mib: Vec<f64>,
}

pub(crate) fn run(words: &[String]) -> Result<()> {
    let requests = match words {
        [] => REQUESTS,
        [option, number] if option == "--requests" => number.parse().context("--requests NUMBER")?,
        _ => bail!("the only option is --requests NUMBER\n\n{HELP}"),
    };
    let site = Site::start(program(FULL)?, "soak")?;
    let gateway = site.gateway(&Variant::default())?;
    let issuer_key = site.issuer_key(Algorithm::Es256);
    let mut sums = Sums::default();
    let (began, mut part) = (Instant::now(), 0);
    while sums.answers < requests {
        // Nonces every other time.
        let path = if part % 2 == 0 { PROTECTED } else { WITH_NONCES };
        let load = Load::new(gateway.url(path), PART.min(requests - sums.answers)).with(&MIXED);
        let outcome = Load { keys: KEYS, ..load }.send(&site.keybound, &issuer_key, gateway.id())?;
        sums.add(&outcome, resident_mib(gateway.id())?);
        println!("{}", sums.progress(began.elapsed().as_secs_f64()));
        part += 1;
    }
    let cpu_us = cpu_time(gateway.id())?.as_secs_f64() * 1e6 / sums.answers as f64;
    println!("{cpu_us:.1} µs of the gateway's processor time for each answer");
    let violations = sums.violations();
    match violations.is_empty() {
        true => {
            println!("No proof was accepted twice, no bad one at all, no good one refused; memory is flat.");
            Ok(())
        }
        false => bail!("{}", violations.join("; ")),
    }
}

impl Sums {
    fn add(&mut self, outcome: &Outcome, resident_mib: f64) {
        let count = |pointer: &str| outcome.number(pointer) as u64;
        self.answers += count("/answers");
        self.pairs += count("/replays/pairs");
        self.accepted_twice += count("/replays/accepted_twice");
        self.never_accepted += count("/replays/never_accepted");
        self.bad += count("/bad/sent");
        self.bad_accepted += count("/bad/accepted");
        self.good += count("/good/sent");
        self.good_refused += count("/good/refused");
        self.nonces += count("/nonces_renewed");
        let without_answer = outcome.report.get("failures").and_then(|failures| failures.as_object());
        self.failed +=
            without_answer.into_iter().flatten().filter_map(|(_, count)| count.as_u64()).sum::<u64>();
        let statuses = outcome.report.get("statuses").and_then(|statuses| statuses.as_object());
        for (status, count) in statuses.into_iter().flatten().filter(|(status, _)| status.starts_with('5')) {
            *self.errors_by_status.entry(status.clone()).or_default() += count.as_u64().unwrap_or_default();
        }
        self.server_errors = self.errors_by_status.values().sum();
        self.resident_mib.push(resident_mib);
    }

    fn progress(&self, seconds: f64) -> String {
        let Self { answers, pairs, accepted_twice, never_accepted, bad, bad_accepted, good, .. } = self;
        let Self { good_refused, failed, server_errors, errors_by_status, nonces, resident_mib, .. } = self;
        format!(
            "{answers:>9} answers in {seconds:>5.0} s  replayed {pairs}: {accepted_twice} twice, {never_accepted} never  \
             bad {bad}: {bad_accepted} accepted  good {good}: {good_refused} refused  nonces {nonces}  \
             5xx {server_errors} {errors_by_status:?}  failed {failed}  {:.1} MiB",
            resident_mib.last().copied().unwrap_or_default()
        )
    }

    /// What must not be.
    fn violations(&self) -> Vec<String> {
        let mut violations: Vec<String> = [
            (self.accepted_twice, "proofs were accepted twice"),
            (self.never_accepted, "proofs were refused at their first use"),
            (self.bad_accepted, "bad proofs were accepted"),
            (self.good_refused, "good proofs were refused"),
            (self.failed, "requests have no answer"),
            (self.server_errors, "answers are server errors"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
        violations.extend(growth(&self.resident_mib));
        violations
    }
}

/// The most memory in the last third of the run against that in the third before. The first third warms up.
fn growth(resident_mib: &[f64]) -> Option<String> {
    let third = resident_mib.len() / 3;
    let most = |part: &[f64]| part.iter().copied().fold(0.0, f64::max);
    let (_, later) = resident_mib.split_at_checked(third)?;
    let (middle, last) = later.split_at_checked(third)?;
    let (before, after) = (most(middle), most(last));
    let is_flat = third == 0 || after <= before * GROWTH + NOISE_MIB;
    (!is_flat).then(|| format!("memory grew from {before:.1} to {after:.1} MiB in the last third"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_flat_or_not() {
        for (resident, is_flat) in [
            (&[][..], true),
            (&[10.0, 20.0][..], true),
            (&[10.0, 50.0, 60.0, 61.0, 60.0, 62.0][..], true),
            (&[10.0, 20.0, 30.0, 40.0, 50.0, 60.0][..], false),
        ] {
            assert_eq!(growth(resident).is_none(), is_flat, "{resident:?}");
        }
    }

    #[test]
    fn each_violation_is_named() {
        assert!(Sums::default().violations().is_empty());
        let sums = Sums { accepted_twice: 1, server_errors: 2, ..Sums::default() };
        assert_eq!(sums.violations(), ["1 proofs were accepted twice", "2 answers are server errors"]);
    }
}
