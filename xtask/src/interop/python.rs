//! Python packages, in an environment of their own.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::run::root;

/// Makes a virtual environment below `target/` with what the folder's `requirements.txt` names, once. Returns its
/// interpreter and the folder with the scripts.
pub(crate) fn install(package: &str) -> Result<(PathBuf, PathBuf)> {
    let scripts = root().join(package);
    let environment = root().join("target").join(package);
    let python = environment.join("bin/python");
    let done = environment.join("installed");
    if !done.exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
        run(Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"])
            .arg(scripts.join("requirements.txt")))?;
        std::fs::write(done, "")?;
    }
    Ok((python, scripts))
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output().context("python3 (3.11 is needed)")?;
    if !output.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
