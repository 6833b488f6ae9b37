//! One crypto library, one TLS stack: crates that must not be in the build. `deny.toml` says the same to cargo-deny,
//! which is not at hand on every machine.

use std::process::Command;

use anyhow::{Context, Result, bail};

const BANNED: [&str; 6] = ["ring", "openssl-sys", "native-tls", "rsa", "serde_yaml", "protobuf"];

/// Asks cargo for the crates that the workspace builds.
pub(crate) fn check() -> Result<()> {
    println!("\n── banned crates");
    let output = Command::new("cargo")
        .args([
            "tree",
            "--workspace",
            "--locked",
            "--prefix",
            "none",
            "--format",
            "{p}",
            "--edges",
            "normal,build",
        ])
        .current_dir(crate::run::root())
        .output()
        .context("cargo tree")?;
    if !output.status.success() {
        bail!("cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    }
    let tree = String::from_utf8_lossy(&output.stdout);
    let found: Vec<&str> = tree.lines().filter(|line| is_banned(line)).collect();
    if !found.is_empty() {
        bail!("banned crates in the build: {}", found.join(", "));
    }
    println!("── banned crates: none of {}", BANNED.join(", "));
    Ok(())
}

fn is_banned(line: &str) -> bool {
    line.split(' ').next().is_some_and(|name| BANNED.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_a_banned_crate_by_its_whole_name() {
        assert!(is_banned("ring v0.17.14"));
        assert!(!is_banned("stringprep v0.1.5"));
    }
}
