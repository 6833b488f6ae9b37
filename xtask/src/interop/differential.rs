//! The same requests, good and spoiled, before our verifier and before independent ones: `interop/differential`.

use std::process::Command;

use anyhow::Result;

use super::{node, python};
use crate::run::step;

const PACKAGE: [&str; 5] = ["--release", "--locked", "--quiet", "--package", "keybound-differential"];

/// Installs the other verifiers and compares the verdicts. The seed is printed; `DIFFERENTIAL_SEED` repeats a run.
pub(crate) fn run() -> Result<()> {
    let node = node::install("interop/differential/node")?;
    let (python, _) = python::install("interop/differential/python")?;
    step("build the differential run", Command::new("cargo").arg("build").args(PACKAGE))?;
    let mut command = Command::new("cargo");
    command.arg("run").args(PACKAGE).args(["--", "--node"]).arg(node).arg("--python").arg(python);
    if let Some(seed) = std::env::var_os("DIFFERENTIAL_SEED") {
        command.arg("--seed").arg(seed);
    }
    step("20,000 requests before five verifiers", &mut command)
}
