//! The load: `keybound load` as a process of its own, and what it reports.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::process::cpu_time;
use super::site::{AUDIENCE, CERTIFICATE, ISSUER};

/// What is sent.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) url: String,
    pub(crate) requests: u64,
    /// Requests a second; as fast as answers come without it.
    pub(crate) rate: Option<f64>,
    pub(crate) connections: u64,
    pub(crate) keys: u64,
    pub(crate) more: Vec<String>,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The report of `keybound load`.
    pub(crate) report: Value,
    /// Processor time of the watched process for each answer, in microseconds.
    pub(crate) cpu_us: f64,
    /// Whether exactly the good requests were accepted.
    pub(crate) is_clean: bool,
}

impl Load {
    /// As fast as answers come, over 64 connections, for a hundred keys.
    pub(crate) fn new(url: String, requests: u64) -> Self {
        Self { url, requests, rate: None, connections: 64, keys: 100, more: Vec::new() }
    }

    pub(crate) fn with(mut self, words: &[&str]) -> Self {
        self.more.extend(words.iter().map(|word| (*word).to_owned()));
        self
    }

    /// Sends it while `watched` serves. Everything is signed before the first request is sent.
    pub(crate) fn send(&self, keybound: &Path, issuer_key: &Path, watched: u32) -> Result<Outcome> {
        let mut command = Command::new(keybound);
        command.arg("load").args(["--json", "--issuer", ISSUER, "--audience", AUDIENCE, "--issuer-key"]);
        command.env("SSL_CERT_FILE", issuer_key.with_file_name(CERTIFICATE));
        command.arg(issuer_key).arg(&self.url).args(&self.more);
        let numbers = [
            ("--requests", self.requests),
            ("--ahead", self.requests.min(LONGEST_SUPPLY)),
            ("--connections", self.connections),
            ("--keys", self.keys),
            ("--signers", 2),
        ];
        for (option, number) in numbers {
            command.arg(option).arg(number.to_string());
        }
        if let Some(rate) = self.rate {
            command.arg("--rate").arg(rate.to_string());
        }
        let before = cpu_time(watched)?;
        let output = command.output().context("start keybound load")?;
        let spent = cpu_time(watched)?.saturating_sub(before);
        // 3 is the verdict that something is not as it should be, with the report.
        if !matches!(output.status.code(), Some(0 | 3)) {
            bail!("keybound load {}: {}", self.url, String::from_utf8_lossy(&output.stderr));
        }
        let report: Value = serde_json::from_slice(&output.stdout).context("the report of keybound load")?;
        let outcome = Outcome { report, cpu_us: 0.0, is_clean: output.status.success() };
        let answers = outcome.number("/answers").max(1.0);
        Ok(Outcome { cpu_us: spent.as_secs_f64() * 1e6 / answers, ..outcome })
    }
}

/// Older proofs are refused.
const LONGEST_SUPPLY: u64 = 60_000;

impl Outcome {
    /// A number of the report; 0 where there is none.
    pub(crate) fn number(&self, pointer: &str) -> f64 {
        self.report.pointer(pointer).and_then(Value::as_f64).unwrap_or_default()
    }

    /// Fails unless exactly the good requests were accepted: a fast gate that lets one pass is no gate.
    pub(crate) fn clean(self, what: &str) -> Result<Self> {
        if self.is_clean {
            return Ok(self);
        }
        bail!("{what}: not exactly the good requests were accepted: {}", self.report)
    }
}
