//! Node packages and the browser.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::run::root;

/// Copies a package folder below `target/` and installs what its lock file names, once.
pub(crate) fn install(package: &str) -> Result<PathBuf> {
    let source = root().join(package);
    let folder = root().join("target").join(package);
    std::fs::create_dir_all(&folder)?;
    for entry in std::fs::read_dir(&source).with_context(|| format!("{}", source.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            std::fs::copy(entry.path(), folder.join(entry.file_name()))?;
        }
    }
    if !folder.join("node_modules").exists() {
        let output = Command::new("npm")
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
            .current_dir(&folder)
            .output()
            .context("npm (Node 20 is needed)")?;
        if !output.status.success() {
            bail!("npm ci in {package}: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
    }
    Ok(folder)
}

/// The version of a dependency that a package folder asks for.
pub(crate) fn locked_version(package: &str, dependency: &str) -> Result<String> {
    let manifest = std::fs::read_to_string(root().join(package).join("package.json"))?;
    let marker = format!("\"{dependency}\": \"");
    let version = manifest.split(&marker).nth(1).and_then(|rest| rest.split('"').next());
    Ok(version.with_context(|| format!("{dependency} in {package}/package.json"))?.to_owned())
}

/// The browser's version; an error when there is no browser.
pub(crate) fn chromium() -> Result<String> {
    let path = std::env::var_os("KEYBOUND_CHROMIUM").unwrap_or_else(|| "/usr/bin/chromium".into());
    let output = Command::new(&path).arg("--version").output().with_context(|| {
        format!("{}: install the distribution's package `chromium`", path.to_string_lossy())
    })?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = text.split_whitespace().find(|word| word.starts_with(|first: char| first.is_ascii_digit()));
    Ok(version.and_then(|version| version.split('.').next()).unwrap_or("unknown").to_owned())
}
