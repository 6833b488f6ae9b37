//! What callgrind writes, as far as it is needed: the total, and the costs of calls.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};

/// The costs of one run, in instructions.
#[derive(Debug)]
pub(super) struct Profile {
    total: u64,
    /// By function: what all calls of it took, with all they called.
    calls: BTreeMap<String, u64>,
}

impl Profile {
    /// Reads a profile of one event, `Ir`.
    pub(super) fn read(text: &str) -> Result<Self> {
        let mut names: BTreeMap<&str, &str> = BTreeMap::new();
        let mut calls: BTreeMap<String, u64> = BTreeMap::new();
        let (mut total, mut called) = (None, None);
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(("fn" | "cfn", name)) = line.split_once('=') {
                // A name stands behind its number the first time only.
                let (number, name) = name.split_once(' ').unwrap_or((name, ""));
                if !name.is_empty() {
                    names.insert(number, name);
                }
                if line.starts_with("cfn") {
                    called = names.get(number).copied();
                }
            } else if line.starts_with("calls=") {
                let cost = lines.next().and_then(|costs| costs.rsplit(' ').next()?.parse::<u64>().ok());
                let (Some(name), Some(cost)) = (called, cost) else { bail!("a call without name or cost") };
                *calls.entry(name.to_owned()).or_default() += cost;
            } else if let Some(("totals" | "summary", cost)) = line.split_once(": ") {
                total = Some(cost.trim().parse()?);
            }
        }
        Ok(Self { total: total.context("the profile has no total")?, calls })
    }

    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// What the calls of this function took, with all that was called from there.
    pub(super) fn cost_of_calls(&self, function: &str) -> u64 {
        self.calls.get(function).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROFILE: &str = "\
events: Ir
fn=(1) counted
0 7
cfn=(2) verify
calls=3 0
0 300
cfn=(3) other
calls=1 0
0 50
fn=(3)
0 20
cfn=(2)
calls=1 0
* 30
totals: 357
";

    #[test]
    fn adds_up_the_calls_of_a_function_from_everywhere() {
        let profile = Profile::read(PROFILE).unwrap();
        assert_eq!((profile.total(), profile.cost_of_calls("verify")), (357, 330));
        assert_eq!(profile.cost_of_calls("nobody"), 0);
        assert!(Profile::read("events: Ir\n").is_err());
    }
}
