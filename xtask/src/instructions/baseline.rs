//! The numbers that are checked in.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result};

use crate::run::root;

const FILE: &str = "crates/gateway-core/benches/instructions.json";

/// Instructions by piece, for as many runs of it as the benchmark makes.
pub(super) struct Baseline(BTreeMap<String, u64>);

impl From<BTreeMap<String, u64>> for Baseline {
    fn from(counts: BTreeMap<String, u64>) -> Self {
        Self(counts)
    }
}

impl Baseline {
    pub(super) fn read() -> Result<Self> {
        let text =
            fs::read_to_string(root().join(FILE)).with_context(|| format!("{FILE} can not be read"))?;
        serde_json::from_str(&text).map(Self).with_context(|| format!("{FILE} is no map of numbers"))
    }

    pub(super) fn write(&self) -> Result<()> {
        fs::write(root().join(FILE), format!("{}\n", serde_json::to_string_pretty(&self.0)?))?;
        println!("{FILE} holds {} pieces", self.0.len());
        Ok(())
    }

    /// Prints a table and tells which pieces have grown by more than `tolerance` percent, appeared or gone.
    pub(super) fn print_comparison(&self, counted: &BTreeMap<String, u64>, tolerance: f64) -> Vec<String> {
        println!("{:<48} {:>12} {:>12} {:>9}", "piece", "checked in", "counted", "change");
        let names: Vec<&String> = {
            let mut names: Vec<_> = self.0.keys().chain(counted.keys()).collect();
            names.sort();
            names.dedup();
            names
        };
        let mut grown = Vec::new();
        for name in names {
            let (known, now) = (self.0.get(name), counted.get(name));
            let text = |count: Option<&u64>| count.map_or_else(|| "-".to_owned(), u64::to_string);
            let change = known.zip(now).map(|(known, now)| change(*known, *now));
            let told = change.map_or_else(|| "?".to_owned(), |change| format!("{change:+.1} %"));
            println!("{name:<48} {:>12} {:>12} {told:>9}", text(known), text(now));
            if change.is_none_or(|change| change > tolerance) {
                grown.push(name.clone());
            }
        }
        grown
    }
}

/// In percent.
#[expect(clippy::cast_precision_loss, reason = "counts stay below 2^52")]
fn change(known: u64, now: u64) -> f64 {
    (now as f64 / known as f64 - 1.0) * 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(counts: &[(&str, u64)]) -> BTreeMap<String, u64> {
        counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    }

    #[test]
    fn tells_what_has_grown_appeared_or_gone() {
        let baseline = Baseline::from(counts(&[("a", 1000), ("b", 1000), ("gone", 1000), ("less", 1000)]));
        let counted = counts(&[("a", 1049), ("b", 1051), ("less", 10), ("new", 1)]);
        assert_eq!(baseline.print_comparison(&counted, 5.0), ["b", "gone", "new"]);
    }
}
