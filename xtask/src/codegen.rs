//! `cargo xtask codegen`: writes the files that are generated and checked in. The test that finds them stale writes them.

use anyhow::{Result, ensure};

use crate::run::{cargo, step};

pub(crate) const HELP: &str = "\
Write what is generated and checked in: schema/ and docs/reference/ from the doc comments of the types that are read, and
api/, the public items of the libraries. Tests fail while one of them is stale.

Usage: cargo xtask codegen";

/// Writes `schema/`, `docs/reference/` and `api/`.
pub(crate) fn run(words: &[String]) -> Result<()> {
    ensure!(words.is_empty(), "`codegen` takes no words\n\n{HELP}");
    step(
        "public items of the libraries",
        cargo()
            .args(["test", "--package", "xtask", "--test", "public_api", "up_to_date"])
            .env("KEYBOUND_CODEGEN", "write"),
    )?;
    step(
        "schema and reference",
        cargo()
            .args(["test", "--package", "keybound-gateway", "--test", "reference", "up_to_date"])
            .env("KEYBOUND_CODEGEN", "write"),
    )
}
