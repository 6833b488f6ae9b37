//! `cargo xtask ci`: what must hold before a change lands. Nothing is skipped.

use anyhow::{Result, ensure};

use crate::run::{cargo, step};
use crate::{bans, bench, instructions, interop};

pub(crate) const HELP: &str = "\
What must hold before a change lands. Nothing is skipped.

Usage: cargo xtask ci

Format, clippy, banned crates, documentation, the demo, a quick bench, instruction counts, interop, all tests. Needs what
`.ci/run` installs, and about 6 GiB of disk in a clean clone.";

/// Runs every step; the first that fails ends the run. The tests come last, so that the output ends with the test
/// runner's own closing lines.
pub(crate) fn run(words: &[String]) -> Result<()> {
    ensure!(words.is_empty(), "`ci` takes no words\n\n{HELP}");
    step("format", cargo().args(["fmt", "--all", "--check"]))?;
    step(
        "clippy, warnings denied",
        cargo().args(["clippy", "--workspace", "--all-targets", "--locked", "--", "--deny", "warnings"]),
    )?;
    bans::check()?;
    step(
        "documentation, warnings and broken links denied",
        cargo().args(["doc", "--workspace", "--no-deps", "--locked"]).env("RUSTDOCFLAGS", "--deny warnings"),
    )?;
    step("the demo", cargo().args(["run", "--release", "--locked", "--", "demo"]))?;
    println!("\n── bench, a quick run");
    bench::run(&["--quick".to_owned()])?;
    println!("\n── instructions, compared with those checked in");
    instructions::run(&[])?;
    println!("\n── interop");
    interop::run(&[])?;
    // Features that no program of the workspace turns on: PKCS #11 with SoftHSM, reqwest, tower.
    let client = ["--package", "keybound-dpop-client", "--all-features", "--locked"];
    step(
        "clippy, the client library with every feature",
        cargo().arg("clippy").args(client).args(["--all-targets", "--", "--deny", "warnings"]),
    )?;
    let program = ["--package", "keybound-cli", "--features", "pkcs11", "--locked"];
    step(
        "clippy, the program with keys in tokens",
        cargo().arg("clippy").args(program).args(["--", "--deny", "warnings"]),
    )?;
    // The members of the workspace turn its features on; its users may not.
    let layer = ["--package", "keybound-resource-server-tower", "--locked"];
    step(
        "clippy, the layer without features",
        cargo().arg("clippy").args(layer).args(["--", "--deny", "warnings"]),
    )?;
    step("tests, the client library with every feature", cargo().arg("test").args(client))?;
    step("tests", cargo().args(["test", "--workspace", "--locked"]).env("KEYBOUND_SKIP_NOTHING", "1"))
}
