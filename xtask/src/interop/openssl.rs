//! Keys and certificates, made with the distribution's `openssl`.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// A P-256 key that is made on the way.
pub(crate) const CURVE: [&str; 2] = ["-pkeyopt", "ec_paramgen_curve:P-256"];

/// Makes a key and a certificate of its own for `localhost` and 127.0.0.1, both in PEM.
pub(crate) fn certificate(folder: &Path, key: &str, chain: &str) -> Result<()> {
    let request = ["req", "-x509", "-newkey", "ec", "-nodes", "-days", "2", "-subj", "/CN=localhost"];
    let names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
    run(folder, &[&request[..], &CURVE, &names, &["-keyout", key, "-out", chain]].concat())
}

/// Runs `openssl` in a folder.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Result<()> {
    let output = Command::new("openssl")
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .context("install the distribution's package `openssl`")?;
    ensure!(output.status.success(), "openssl: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}
