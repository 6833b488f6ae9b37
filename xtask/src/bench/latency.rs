//! What checking adds to the time of an answer: one connection on an idle machine, and fixed rates.

use anyhow::Result;
use jose::Algorithm;
use serde_json::{Value, json};

use super::goals::Goal;
use super::load::Load;
use super::site::{PLAIN, PROTECTED, Site, Variant};
use super::{Effort, median};

/// Rates of the open loop, in requests a second.
const RATES: [f64; 3] = [2_000.0, 4_000.0, 8_000.0];
const SECONDS_AT_A_RATE: f64 = 3.0;

pub(crate) struct Latency {
    plain: Times,
    full: Times,
    at_rates: Vec<AtRate>,
}

/// Medians over rounds, in microseconds.
#[derive(Clone, Copy, Debug, Default)]
struct Times {
    /// Processor time for each answer.
    cpu: f64,
    p50: f64,
    p99: f64,
    p999: f64,
}

struct AtRate {
    per_second: f64,
    plain: Times,
    full: Times,
}

pub(crate) fn measure(site: &Site, effort: Effort) -> Result<Latency> {
    println!("── latency");
    let gateway = site.gateway(&Variant::default())?;
    let key = site.issuer_key(Algorithm::Ps256);
    let rounds = effort.rounds.min(3);
    let compare = |load: &dyn Fn(&str) -> Load| -> Result<(Times, Times)> {
        let mut samples = [Vec::new(), Vec::new()];
        for _ in 0..rounds {
            for (path, samples) in [PLAIN, PROTECTED].into_iter().zip(&mut samples) {
                let outcome = load(path).send(&site.keybound, &key, gateway.id())?.clean(path)?;
                let latency = |name| outcome.number(&format!("/latency_us/{name}"));
                samples.push([outcome.cpu_us, latency("p50"), latency("p99"), latency("p999")]);
            }
        }
        let [plain, full] = samples.map(|samples| Times::medians(&samples));
        Ok((plain, full))
    };
    let warm_up = |path: &str| Load::new(gateway.url(path), effort.requests / 20);
    compare(&warm_up)?;
    let alone = |path: &str| {
        let load = Load::new(gateway.url(path), effort.requests / 4);
        Load { connections: 1, ..load }
    };
    let (plain, full) = compare(&alone)?;
    let rates: &[f64] = if effort.is_quick { &[500.0] } else { &RATES };
    let mut at_rates = Vec::new();
    for &per_second in rates {
        let seconds = if effort.is_quick { 0.5 } else { SECONDS_AT_A_RATE };
        let load = |path: &str| {
            let load = Load::new(gateway.url(path), (per_second * seconds) as u64);
            Load { rate: Some(per_second), ..load }
        };
        let (plain, full) = compare(&load)?;
        println!("   at {per_second}/s, µs: plain proxy {plain:?}, protected {full:?}");
        at_rates.push(AtRate { per_second, plain, full });
    }
    println!("   one connection, µs: plain proxy {plain:?}, protected {full:?}");
    Ok(Latency { plain, full, at_rates })
}

impl Times {
    fn medians(samples: &[[f64; 4]]) -> Self {
        let [cpu, p50, p99, p999] = [0, 1, 2, 3].map(|place: usize| {
            let values: Vec<f64> = samples.iter().filter_map(|sample| sample.get(place).copied()).collect();
            median(&values)
        });
        Self { cpu, p50, p99, p999 }
    }

    fn to_json(self) -> Value {
        json!({ "cpu": self.cpu, "p50": self.p50, "p99": self.p99, "p999": self.p999 })
    }
}

impl Latency {
    pub(crate) fn goals(&self, verification_us: f64) -> Vec<Goal> {
        let Self { plain, full, at_rates } = self;
        let added = |what, times: f64, value| {
            let rule = format!("{times} × one verification, {verification_us:.1}");
            Goal::new(7, what, &rule, times * verification_us, value, "µs")
        };
        let mut goals = vec![
            added("idle: median added to plain proxying", 2.0, full.p50 - plain.p50),
            added("idle: 99th percentile added", 2.5, full.p99 - plain.p99),
        ];
        if let Some(fastest) = at_rates.last() {
            let rule = format!("3 × own plain proxy, {:.0}", fastest.plain.p99);
            let what = format!("99th percentile at {}/s", fastest.per_second);
            goals.push(Goal::new(8, &what, &rule, 3.0 * fastest.plain.p99, fastest.full.p99, "µs"));
        }
        goals
    }

    pub(crate) fn to_json(&self) -> Value {
        let at_rates: Vec<Value> = self
            .at_rates
            .iter()
            .map(|rate| {
                let (plain, full) = (rate.plain.to_json(), rate.full.to_json());
                json!({ "per_second": rate.per_second, "plain_us": plain, "protected_us": full })
            })
            .collect();
        json!({
            "one_connection": { "plain_us": self.plain.to_json(), "protected_us": self.full.to_json() },
            "at_rates": at_rates,
        })
    }
}
