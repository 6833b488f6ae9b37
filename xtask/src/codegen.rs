//! `cargo xtask codegen`: writes the files that are generated and checked in. The test that finds them stale writes them.

use std::process::Command;

use anyhow::Result;

use crate::run::step;

/// Writes `schema/`, `docs/reference/` and `api/`.
pub(crate) fn run() -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    step(
        "public items of the libraries",
        Command::new(&cargo)
            .args(["test", "--package", "xtask", "--test", "public_api", "up_to_date"])
            .env("KEYBOUND_CODEGEN", "write"),
    )?;
    step(
        "schema and reference",
        Command::new(cargo)
            .args(["test", "--package", "keybound-gateway", "--test", "reference", "up_to_date"])
            .env("KEYBOUND_CODEGEN", "write"),
    )
}
