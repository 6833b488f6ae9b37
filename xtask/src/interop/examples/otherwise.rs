//! The examples with nonces the other way: those that demand them without, and those that demand none with them.
//!
//! How an API is written decides it, and a switch in the examples would be a line that users do not need. So the few lines
//! in which `axum-nonces` differs from `axum-minimal` are put into copies, or taken out of them, and those are built in a
//! workspace of their own below `target/`, with the versions and the build folder of ours.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::program::{EXAMPLES, Example};
use crate::interop::fronts::page;
use crate::run::{built, root, step, target};

const KEY: &str = "    let nonce_key = SymmetricKey::new(\"2027\", var(\"NONCE_KEY\")?).ok_or(\"NONCE_KEY is too short\")?;\n";
const RING: &str = "        .nonces(NonceRing::new(nonce_key, [])?)\n";
/// As `actix` has it, over the framework-free verifier.
const POLICY: &str = "        nonces: Some(NoncePolicy {\n            ring: Arc::new(NonceRing::new(nonce_key, [])?),\n            lifetime: Duration::from_secs(60),\n        }),\n";

impl Example {
    /// The same with nonces the other way.
    pub(super) fn otherwise(&self) -> Self {
        Self { nonces: !self.nonces, ..*self }
    }

    /// The program of [`otherwise`](Self::otherwise). All are built at once, as the examples are.
    pub(super) fn build_otherwise(&self) -> Result<PathBuf> {
        let workspace = root().join("target/interop/otherwise");
        write_manifest(&workspace)?;
        for example in &EXAMPLES {
            write_package(&workspace, example).context(example.package)?;
        }
        let mut build = Command::new("cargo");
        build.args(["build", "--workspace", "--manifest-path"]).arg(workspace.join("Cargo.toml"));
        step("build the examples with nonces the other way", build.arg("--target-dir").arg(target()))?;
        built(&format!("debug/{}", name(self)))
    }
}

/// Beside the examples in one build folder.
fn name(example: &Example) -> String {
    format!("{}-otherwise", example.package)
}

/// The workspace's own manifest and locked versions, with our crates where they are.
fn write_manifest(workspace: &Path) -> Result<()> {
    let crates = format!("path = \"{}/crates/", root().display());
    let manifest = fs::read_to_string(root().join("Cargo.toml"))?.replace("path = \"crates/", &crates);
    let members: Vec<String> = EXAMPLES.iter().map(name).collect();
    let own = [
        (
            "members = [\"crates/*\", \"examples/*\", \"interop/differential\", \"xtask\"]",
            format!("members = {members:?}"),
        ),
        ("exclude = [\"examples/guide\"]\n", String::new()),
        ("default-members = [\"crates/cli\"]\n", String::new()),
    ];
    write(&workspace.join("Cargo.toml"), page::with_own("Cargo.toml", &manifest, &own)?)?;
    fs::copy(root().join("Cargo.lock"), workspace.join("Cargo.lock"))?;
    Ok(())
}

fn write_package(workspace: &Path, example: &Example) -> Result<()> {
    let (from, to) = (root().join("examples").join(example.package), workspace.join(name(example)));
    copy_folder(&from.join("src"), &to.join("src"), &differences(example))?;
    let manifest = fs::read_to_string(from.join("Cargo.toml"))?;
    let own = [(&*format!("name = \"{}\"", example.package), format!("name = \"{}\"", name(example)))];
    write(&to.join("Cargo.toml"), page::with_own("Cargo.toml", &manifest, &own)?)
}

/// What stands in the program, and what takes its place.
fn differences(example: &Example) -> Vec<(&'static str, String)> {
    match (example.nonces, example.package) {
        (true, "actix") => vec![
            (KEY, String::new()),
            (POLICY, "        nonces: None,\n".to_owned()),
            ("NonceRing, Policy}", "Policy}".to_owned()),
            ("AlgorithmSet, SymmetricKey}", "AlgorithmSet}".to_owned()),
            ("    NoncePolicy, OutboundClients,", "    OutboundClients,".to_owned()),
        ],
        (true, _) => {
            vec![(KEY, String::new()), (RING, String::new()), ("NonceRing, SymmetricKey, ", String::new())]
        }
        (false, _) => {
            let before = |line: &'static str, added: &str| (line, format!("{added}{line}"));
            vec![
                before("    let dpop = DpopLayer::rfc9449()\n", KEY),
                before("        .build()?;\n", RING),
                ("Mode, ", "Mode, NonceRing, SymmetricKey, ".to_owned()),
            ]
        }
    }
}

/// Copies sources, with these differences in `main.rs`.
fn copy_folder(from: &Path, to: &Path, differences: &[(&str, String)]) -> Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &to, &[])?;
            continue;
        }
        let text = fs::read_to_string(entry.path())?;
        let own = if entry.file_name() == "main.rs" { differences } else { &[] };
        write(&to, page::with_own("main.rs", &text, own)?)?;
    }
    Ok(())
}

/// Writes a file that differs: what is the same is not built again.
fn write(file: &Path, text: String) -> Result<()> {
    if fs::read_to_string(file).is_ok_and(|known| known == text) {
        return Ok(());
    }
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    Ok(fs::write(file, text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_has_what_it_would_differ_in() {
        for example in &EXAMPLES {
            let folder = tempfile::tempdir().unwrap();
            write_package(folder.path(), example).unwrap();
            let program = fs::read_to_string(folder.path().join(name(example)).join("src/main.rs")).unwrap();
            assert_eq!(program.contains("NonceRing::new("), !example.nonces, "{}", example.package);
        }
    }

    #[test]
    fn with_nonces_the_smallest_example_is_the_one_with_nonces() {
        let code = |text: &str| -> Vec<String> {
            let lines = text.lines().filter(|line| !line.starts_with("//!") && !line.starts_with("use "));
            lines.map(str::to_owned).collect()
        };
        let folder = tempfile::tempdir().unwrap();
        let minimal = EXAMPLES.iter().find(|example| example.package == "axum-minimal").unwrap();
        write_package(folder.path(), minimal).unwrap();
        let made = fs::read_to_string(folder.path().join(name(minimal)).join("src/main.rs")).unwrap();
        let written = fs::read_to_string(root().join("examples/axum-nonces/src/main.rs")).unwrap();
        assert_eq!(code(&made), code(&written));
    }
}
