//! The replay store in memory at ten million live entries: the bench of the crate that has it.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::Effort;
use super::goals::Goal;
use crate::run::{cargo, root};

/// What the bench says of the largest store it fills; `None` when it was not run.
pub(crate) struct ReplayStore(Option<Figures>);

#[derive(Clone, Copy, Debug, PartialEq)]
struct Figures {
    live: f64,
    bytes_per_entry: f64,
    claim_ns: f64,
    longest_us: f64,
}

pub(crate) fn measure(effort: Effort) -> Result<ReplayStore> {
    if effort.is_quick {
        return Ok(ReplayStore(None));
    }
    println!("── replay store");
    let mut command = cargo();
    command.args([
        "bench",
        "--profile",
        "dist",
        "--locked",
        "--package",
        "keybound-dpop",
        "--bench",
        "replay",
    ]);
    let output = command.current_dir(root()).output().context("cargo bench")?;
    if !output.status.success() {
        bail!("cargo bench: {}", String::from_utf8_lossy(&output.stderr));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    println!("{text}");
    let figures = text.lines().filter_map(figures).next_back();
    Ok(ReplayStore(Some(figures.context("no figures from the bench of the replay store")?)))
}

/// One line of the bench's table.
fn figures(line: &str) -> Option<Figures> {
    let cells: Vec<f64> = line.split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
    match cells.as_slice() {
        &[live, bytes_per_entry, claim_ns, _, longest_us] => {
            Some(Figures { live, bytes_per_entry, claim_ns, longest_us })
        }
        _ => None,
    }
}

impl ReplayStore {
    pub(crate) fn goals(&self) -> Vec<Goal> {
        let Some(figures) = self.0 else { return Vec::new() };
        let of = |what: &str| format!("{what}, {:.0} million live jtis", figures.live / 1e6);
        vec![
            Goal::new(9, &of("bytes per entry"), "fixed", 25.0, figures.bytes_per_entry, "B"),
            Goal::new(9, &of("longest claim"), "fixed", 1_000.0, figures.longest_us, "µs"),
        ]
    }

    pub(crate) fn to_json(&self) -> Value {
        self.0.map_or(Value::Null, |figures| {
            json!({
                "live": figures.live,
                "bytes_per_entry": figures.bytes_per_entry,
                "claim_ns": figures.claim_ns,
                "longest_us": figures.longest_us,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_table_of_the_bench() {
        assert_eq!(figures("        live  B per entry ns per claim   p99.99 µs     longest µs"), None);
        let read = figures("    10000000         19.4          174          4.0          120.5");
        let expected = Figures { live: 1e7, bytes_per_entry: 19.4, claim_ns: 174.0, longest_us: 120.5 };
        assert_eq!(read, Some(expected));
    }
}
