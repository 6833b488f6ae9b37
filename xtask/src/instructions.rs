//! `cargo xtask instructions`: how many instructions of ours each piece of a request's way takes, against the numbers that
//! are checked in.
//!
//! Time on a shared machine moves by a tenth from run to run, the number of instructions by less than one in a hundred. The
//! benchmarks `instructions` of two packages run under callgrind, one process for each piece. What depends on the
//! machine is left out or held still: making and verifying signatures is not counted, and the cryptographic library is told
//! that the processor has no extensions, so that it hashes in the same way everywhere. We count with callgrind alone and not
//! through gungraun: that would be one more program to install in its exact version, for the same numbers.

mod baseline;
mod profile;

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::thread;

use anyhow::{Context, Result, bail, ensure};

use self::baseline::Baseline;
use self::profile::Profile;
use crate::run::{cargo, root};

pub(crate) const HELP: &str = "\
Count the instructions of each piece of a request's way, and compare with the numbers checked in.

Usage: cargo xtask instructions [--update]

Options:
  --update   write the numbers of today as those to compare with

Needs valgrind. Exit status: 1 if a piece takes over 5 % more instructions than checked in.";

/// The packages with a benchmark `instructions`: pieces of the gateway's decisions, and requests through the layer.
const PACKAGES: [&str; 2] = ["keybound-gateway-core", "keybound-resource-server-tower"];
/// By how much a piece may grow, in percent.
const TOLERANCE: f64 = 5.0;
/// The numbers are those of one kind of processor.
const ARCHITECTURE: &str = "x86_64";

/// Where signatures are verified and made: the cryptographic library's work, which depends on the numbers in them.
const SIGNATURES: [&str; 2] = ["jose::jwk::PublicJwk::verify", "jose::key_pair::KeyPair::sign_with"];

/// Counts and compares.
pub(crate) fn run(words: &[String]) -> Result<()> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let updates = match words.as_slice() {
        [] => false,
        ["--update"] => true,
        other => bail!("`{}` is not understood\n\n{HELP}", other.join(" ")),
    };
    if std::env::consts::ARCH != ARCHITECTURE {
        println!("instructions are compared on {ARCHITECTURE} only: those of this processor are others");
        return Ok(());
    }
    let counted = count()?;
    if updates {
        return Baseline::from(counted).write();
    }
    let baseline = Baseline::read()?;
    let grown = baseline.print_comparison(&counted, TOLERANCE);
    ensure!(
        grown.is_empty(),
        "over {TOLERANCE} % more instructions, or not in the baseline: {}. If it is worth it: \
         `cargo xtask instructions --update`",
        grown.join(", ")
    );
    Ok(())
}

/// A piece, and the program that does it.
struct Piece {
    program: String,
    name: String,
}

/// The pieces of a package's benchmark.
fn pieces(package: &str) -> Result<Vec<Piece>> {
    let described = cargo()
        .args(["bench", "--quiet", "--locked", "--package", package])
        .args(["--bench", "instructions", "--", "--describe"])
        .current_dir(root())
        .output()
        .context("the benchmark can not be built")?;
    ensure!(described.status.success(), "{}", String::from_utf8_lossy(&described.stderr));
    let described = String::from_utf8(described.stdout)?;
    let mut lines = described.lines();
    let program = lines.next().context("the benchmark does not say where it is")?;
    Ok(lines.map(|name| Piece { program: program.to_owned(), name: name.to_owned() }).collect())
}

/// Instructions by piece.
fn count() -> Result<BTreeMap<String, u64>> {
    let mut pieces = Vec::new();
    for package in PACKAGES {
        pieces.extend(self::pieces(package)?);
    }
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let counts = thread::scope(|scope| {
        let share = pieces.len().div_ceil(workers).max(1);
        let workers: Vec<_> = pieces
            .chunks(share)
            .map(|pieces| {
                scope.spawn(move || {
                    pieces.iter().map(|piece| Ok((piece.name.clone(), count_one(piece)?))).collect()
                })
            })
            .collect();
        let counted = workers.into_iter().map(|worker| match worker.join() {
            Ok(counts) => counts,
            Err(_) => bail!("a thread that counts has panicked"),
        });
        counted.collect::<Result<Vec<Vec<(String, u64)>>>>()
    })?;
    Ok(counts.into_iter().flatten().collect())
}

/// What `counted` of the benchmark runs, without the signatures.
fn count_one(piece: &Piece) -> Result<u64> {
    let name = &piece.name;
    let folder = tempfile::tempdir()?;
    let out = folder.path().join("callgrind.out");
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args(["--tool=callgrind", "--collect-atstart=no", "--toggle-collect=instructions::counted*"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .args([&piece.program, name])
        .env("OPENSSL_ia32cap", "0x0:0x0");
    let output = valgrind.output().context("valgrind can not be started: is it installed?")?;
    ensure!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    let profile = Profile::read(&fs::read_to_string(&out)?).with_context(|| name.clone())?;
    let signatures: u64 = SIGNATURES.iter().map(|function| profile.cost_of_calls(function)).sum();
    profile
        .total()
        .checked_sub(signatures)
        .filter(|count| *count > 0)
        .with_context(|| format!("{name}: nothing was counted; do the names of the functions still hold?"))
}
