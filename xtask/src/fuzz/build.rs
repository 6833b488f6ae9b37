//! Builds all targets, and before that the tool that knows how.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::arguments::Sanitizer;
use super::folder;
use crate::run::{root, step};

/// The version of cargo-fuzz.
const VERSION: &str = "0.13.2";

/// The built programs, one for each target.
#[derive(Debug)]
pub(super) struct Programs(PathBuf);

impl Programs {
    /// The program that fuzzes `target`.
    pub(super) fn of(&self, target: &str) -> PathBuf {
        self.0.join(target)
    }
}

/// Builds every target with overflow checks and assertions.
pub(super) fn build(sanitizer: Sanitizer) -> Result<Programs> {
    let toolchain = match sanitizer {
        Sanitizer::None => None,
        Sanitizer::Address => Some(nightly()?),
    };
    let tool = tool()?;
    // What is fuzzed is what is shipped: the same versions of everything below.
    fs::copy(root().join("Cargo.lock"), folder().join("Cargo.lock")).context("Cargo.lock")?;
    let mut command = Command::new(tool);
    let name = match sanitizer {
        Sanitizer::None => "none",
        Sanitizer::Address => "address",
    };
    command.args(["build", "--sanitizer", name, "--codegen-units", "16"]);
    if let Some(toolchain) = toolchain {
        command.env("RUSTUP_TOOLCHAIN", toolchain);
    }
    step("build the fuzz targets", &mut command)?;
    built()
}

/// The programs as they are.
pub(super) fn built() -> Result<Programs> {
    Ok(Programs(folder().join("target").join(host()?).join("release")))
}

/// Sanitizers are not in stable toolchains.
fn nightly() -> Result<&'static str> {
    let found = Command::new("rustup").args(["run", "nightly", "rustc", "--version"]).output();
    if !found.is_ok_and(|output| output.status.success()) {
        bail!("--sanitizer address needs nightly: rustup toolchain install nightly --profile minimal");
    }
    Ok("nightly")
}

/// cargo-fuzz of the wanted version, installed when it is not there.
fn tool() -> Result<PathBuf> {
    let folder = root().join("target/tools");
    let tool = folder.join("bin/cargo-fuzz");
    let found = Command::new(&tool).arg("--version").output();
    let is_right = found.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(VERSION));
    if !is_right {
        let install = ["install", "--locked", "--force", "--version", VERSION, "cargo-fuzz", "--root"];
        step("install cargo-fuzz", Command::new("cargo").args(install).arg(&folder))?;
    }
    Ok(tool)
}

/// The platform, which is part of the path of what is built.
fn host() -> Result<String> {
    let output = Command::new("rustc").arg("-vV").current_dir(root()).output().context("rustc")?;
    let output = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = output.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc does not name its host")
}
