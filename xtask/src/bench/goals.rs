//! Goals: a limit, what was measured, and whether it is met.

use serde_json::{Value, json};

/// One goal of `docs/performance.md`.
#[derive(Clone, Debug)]
pub(crate) struct Goal {
    /// Its number there.
    pub(crate) number: u32,
    /// What is measured.
    pub(crate) what: String,
    /// Where the limit comes from.
    pub(crate) rule: String,
    /// At most this; `None` where what it is compared with is not installed.
    pub(crate) limit: Option<f64>,
    /// What was measured.
    pub(crate) value: f64,
    /// Of both.
    pub(crate) unit: &'static str,
}

impl Goal {
    pub(crate) fn new(
        number: u32,
        what: &str,
        rule: &str,
        limit: f64,
        value: f64,
        unit: &'static str,
    ) -> Self {
        let (what, rule) = (what.to_owned(), rule.to_owned());
        Self { number, what, rule, limit: Some(limit), value, unit }
    }

    fn verdict(&self) -> &'static str {
        match self.limit {
            None => "no peer",
            Some(limit) if self.value <= limit => "met",
            Some(_) => "NOT MET",
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "goal": format!("G{}", self.number),
            "what": self.what,
            "rule": self.rule,
            "limit": self.limit,
            "value": self.value,
            "unit": self.unit,
            "verdict": self.verdict(),
        })
    }
}

/// Prints the table.
pub(crate) fn print(goals: &[Goal]) {
    println!(
        "\n{:<4} {:<52} {:>9} {:>9} {:<4} {:<8} limit is",
        "goal", "what", "value", "limit", "", "verdict"
    );
    for goal in goals {
        let limit = goal.limit.map_or("-".to_owned(), |limit| format!("{limit:.2}"));
        println!(
            "G{:<3} {:<52} {:>9.2} {:>9} {:<4} {:<8} {}",
            goal.number,
            goal.what,
            goal.value,
            limit,
            goal.unit,
            goal.verdict(),
            goal.rule
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_met_up_to_its_limit() {
        for (limit, value, verdict) in [(2.0, 2.0, "met"), (2.0, 2.01, "NOT MET")] {
            assert_eq!(Goal::new(1, "", "", limit, value, "µs").verdict(), verdict);
        }
        assert_eq!(Goal { limit: None, ..Goal::new(3, "", "", 0.0, 1.0, "µs") }.verdict(), "no peer");
    }
}
