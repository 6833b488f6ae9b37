//! What a run says in the end.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::build::Programs;
use super::campaign::Outcome;
use super::{files, folder};
use crate::run::root;

/// Prints one line for each target and, for each find, how to see it again. An error when there is any.
pub(super) fn print(programs: &Programs, outcomes: &[Outcome]) -> Result<()> {
    println!(
        "\n{:<14} {:>11} {:>8} {:>7} {:>7} {:>16} {:>6}",
        "target", "runs", "runs/s", "cases", "grown", "edges", "finds"
    );
    for Outcome { target, log, finds, succeeded } in outcomes {
        let said = fs::read(log).with_context(|| log.display().to_string())?;
        let figures = Figures::of(&String::from_utf8_lossy(&said));
        let cases = files(&folder().join("corpus").join(target))?.len();
        let grown = files(&folder().join("grown").join(target))?.len();
        let edges = format!("{} → {}", figures.edges_before, figures.edges_after);
        let found = if *succeeded { finds.len() } else { finds.len().max(1) };
        println!(
            "{target:<14} {:>11} {:>8} {cases:>7} {grown:>7} {edges:>16} {found:>6}",
            figures.runs, figures.runs_each_second
        );
    }
    let failed: Vec<&Outcome> = outcomes.iter().filter(|outcome| !outcome.succeeded).collect();
    for Outcome { target, log, finds, .. } in &failed {
        println!("\n{target}: what it said is in {}", relative(log));
        for find in finds {
            println!("  again:      {} {}", relative(&programs.of(target)), relative(find));
            println!("  keep it as: fuzz/corpus/{target}/<what it is>, which `cargo test` replays");
        }
    }
    if !failed.is_empty() {
        bail!("{} of {} targets found something", failed.len(), outcomes.len());
    }
    Ok(())
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// The figures that libFuzzer prints.
#[derive(Debug, Default, PartialEq, Eq)]
struct Figures {
    runs: u64,
    runs_each_second: u64,
    /// Edges of the program that the corpus reached at the start, and those reached in the end.
    edges_before: u64,
    edges_after: u64,
}

impl Figures {
    fn of(log: &str) -> Self {
        let stat = |name: &str| {
            let line = log.lines().rev().find_map(|line| line.strip_prefix("stat::")?.strip_prefix(name));
            line.and_then(|rest| rest.trim_start_matches(':').trim().parse().ok()).unwrap_or(0)
        };
        let edges = |line: &str| line.split_once(" cov: ")?.1.split(' ').next()?.parse().ok();
        let first = log.lines().find(|line| line.contains("INITED")).and_then(edges);
        Self {
            runs: stat("number_of_executed_units"),
            runs_each_second: stat("average_exec_per_sec"),
            edges_before: first.unwrap_or(0),
            edges_after: log.lines().rev().find_map(edges).unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_fuzzer_prints() {
        let log = "#1\tINITED cov: 120 ft: 300 corp: 10/2Kb exec/s: 0 rss: 40Mb\n\
                   #9\tNEW    cov: 130 ft: 310 corp: 11/2Kb lim: 4 exec/s: 0 rss: 41Mb L: 1/1 MS: 1 EraseBytes-\n\
                   #99\tDONE   cov: 131 ft: 312 corp: 11/2Kb lim: 4 exec/s: 33 rss: 41Mb\n\
                   stat::number_of_executed_units: 99\nstat::average_exec_per_sec:     33\n";
        let expected = Figures { runs: 99, runs_each_second: 33, edges_before: 120, edges_after: 131 };
        assert_eq!(Figures::of(log), expected);
        assert_eq!(Figures::of(""), Figures::default());
    }
}
