//! `cargo xtask bench`: what a protected request costs.
//!
//! Everything is measured in one run, candidates in turn in every round, and medians are stated as ratios to what was
//! measured beside them: the gateway's own plain proxying, nginx, one ES256 verification. Processor time is what the
//! kernel counts for the process. `docs/performance.md` explains the goals and has the figures.

pub(crate) mod cold_start;
mod goals;
mod growth;
mod key_server;
mod latency;
pub(crate) mod load;
pub(crate) mod process;
mod profile;
mod redis;
mod replay_store;
mod rounds;
pub(crate) mod site;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use self::goals::{Goal, print};
use self::site::Site;
use crate::dist;
use crate::run::{built, cargo, root, step};

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// Times that every candidate has its turn.
    pub(crate) rounds: usize,
    /// Requests of a turn.
    pub(crate) requests: u64,
    /// Whether only to see that everything works: figures mean little then.
    pub(crate) is_quick: bool,
}

pub(crate) const FULL: Effort = Effort { rounds: 5, requests: 40_000, is_quick: false };
const QUICK: Effort = Effort { rounds: 1, requests: 2_000, is_quick: true };

pub(crate) const HELP: &str = "\
What a protected request costs, against the goals of docs/performance.md.

Usage: cargo xtask bench [--quick] [--rounds NUMBER] [--json FILE] [growth [KIND…]]

  --quick           everything once and small, to see that it works; the figures mean nothing
  --rounds NUMBER   how often every candidate has its turn (default: 5)
  --json FILE       where the figures are written (default: target/bench/bench.json)
  growth [KIND…]    how cost grows instead, with all or some of: keys, rules, connections, tokens, http

Better with nginx, redis-server, perf and valgrind. BENCH_PROGRAM is the program to measure (default: that of `cargo xtask dist`).

Example: cargo xtask bench growth keys tokens";

/// Measures, prints the table of goals, and writes it as JSON.
pub(crate) fn run(words: &[String]) -> Result<()> {
    let mut effort = FULL;
    let mut file = root().join("target/bench/bench.json");
    let mut grows = None;
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        match word {
            "--quick" => effort = QUICK,
            "--rounds" => {
                effort.rounds = words.next().and_then(|word| word.parse().ok()).context("--rounds NUMBER")?
            }
            "--json" => file = words.next().map(PathBuf::from).context("--json FILE")?,
            "growth" => grows = Some(Vec::new()),
            kind if grows.is_some() => grows.get_or_insert_default().push(kind.to_owned()),
            other => {
                bail!("unknown word `{other}`\n\n{HELP}")
            }
        }
    }
    if effort.rounds == 0 {
        bail!("--rounds must be at least one");
    }
    let keybound = program(effort)?;
    if let Some(kinds) = grows {
        return growth::run(keybound, effort, &kinds);
    }
    let (measured, goals) = measure(keybound, effort)?;
    print(&goals);
    let json = json!({
        "effort": { "rounds": effort.rounds, "requests": effort.requests, "quick": effort.is_quick },
        "measured": measured,
        "goals": goals.iter().map(Goal::to_json).collect::<Vec<_>>(),
    });
    std::fs::write(&file, format!("{json:#}\n")).with_context(|| format!("write {}", file.display()))?;
    println!("\nwritten to {}", file.display());
    Ok(())
}

fn measure(keybound: PathBuf, effort: Effort) -> Result<(Value, Vec<Goal>)> {
    let site = Site::start(keybound, "goals")?;
    println!("upstream: {}", site.upstream_name);
    let rounds = rounds::measure(&site, effort)?;
    let profiles = profile::measure(&site, effort)?;
    let latency = latency::measure(&site, effort)?;
    let starts = cold_start::measure(&site, effort)?;
    let replay = replay_store::measure(effort)?;
    let mut goals = rounds.goals(profiles.signature_share());
    goals.extend(latency.goals(rounds.verification.by_library));
    goals.extend(replay.goals());
    goals.extend(starts.goals());
    goals.extend(rounds.redis_goals());
    goals.sort_by_key(|goal| goal.number);
    let measured = json!({
        "upstream": site.upstream_name,
        "rounds": rounds.to_json(),
        "profiles": profiles.to_json(),
        "latency": latency.to_json(),
        "cold_start": starts.to_json(),
        "replay_store": replay.to_json(),
    });
    Ok((measured, goals))
}

/// The program that is measured: that of `BENCH_PROGRAM`, else built now, as packages have it unless in a hurry.
pub(crate) fn program(effort: Effort) -> Result<PathBuf> {
    match std::env::var_os("BENCH_PROGRAM") {
        Some(path) => PathBuf::from(path).canonicalize().context("BENCH_PROGRAM"),
        None if effort.is_quick => build("keybound", &["--package", "keybound-cli"], effort),
        None => dist::build(),
    }
}

/// Builds with the profile of packages, or of the demo when it must be quick; gives the path of the program.
fn build(name: &str, what: &[&str], effort: Effort) -> Result<PathBuf> {
    let profile = if effort.is_quick { "release" } else { "dist" };
    let mut command = cargo();
    step(&format!("build {name}"), command.args(["build", "--profile", profile, "--locked"]).args(what))?;
    built(&format!("{profile}/{name}"))
}

/// The middle value; the mean of the middle two of an even number. 0 of none.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let at = |place: usize| sorted.get(place).copied().unwrap_or_default();
    match sorted.len() {
        0 => 0.0,
        count if count % 2 == 0 => f64::midpoint(at(middle - 1), at(middle)),
        _ => at(middle),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(&[]), 0.0);
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
    }
}
