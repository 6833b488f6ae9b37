//! Tasks of the project.
//!
//! - `cargo xtask ci`: everything that must hold before a change lands.
//! - `cargo xtask codegen`: writes what is generated and checked in: JSON schemas, the reference, listings of public items.
//! - `cargo xtask bench`: what a protected request costs, against goals that are ratios within one run.
//! - `cargo xtask soak`: millions of requests, replays and bad proofs among them: none gets in, memory stays flat.
//! - `cargo xtask instructions`: how much work each piece of a request's way is, against the numbers checked in.
//! - `cargo xtask interop`: our programs against real, foreign ones: a browser, other implementations' clients.
//! - `cargo xtask fuzz`: every parser of foreign bytes against input that nobody thought of.

mod bans;
mod bench;
mod ci;
mod codegen;
mod fuzz;
mod instructions;
mod interop;
mod run;
mod soak;

use std::process::ExitCode;

const HELP: &str = "\
Tasks of the project.

Usage: cargo xtask <TASK>

Tasks:
  ci                format, clippy, banned crates, docs, demo, interop, tests
  codegen           write schema/ and docs/reference/ from the doc comments of the types that are read, and api/
  instructions      count the instructions of each piece of a request's way, and compare (`--update`, `--help`)
  interop [PEER…]   scenarios with real foreign programs, all or those named; prints a table
  bench [OPTION…]   what a protected request costs; --quick, --rounds NUMBER, --json FILE, growth
  soak [OPTION…]    millions of requests, replays and bad proofs among them; --requests NUMBER
  fuzz [OPTION…]    every parser of foreign bytes; --minutes NUMBER, --minimize, --help

Environment:
  KEYBOUND_CHROMIUM   path of the browser (default: chromium on the PATH)
  INTEROP_PROGRAM     path of the program that interop tests (default: built from this source)
  BENCH_PROGRAM       path of the program that bench and soak measure (default: built with the profile `dist`)
  DIFFERENTIAL_SEED   seed of the differential scenario, to repeat a run (default: a new one, which is printed)";

fn main() -> ExitCode {
    let task = std::env::args().nth(1);
    let words: Vec<String> = std::env::args().skip(2).collect();
    let outcome = match task.as_deref() {
        Some("ci") => ci::run(),
        Some("codegen") => codegen::run(),
        Some("bench") => bench::run(&words),
        Some("soak") => soak::run(&words),
        Some("fuzz") => fuzz::run(&words),
        Some("instructions") => instructions::run(&words),
        Some("interop") => interop::run(&words),
        Some("help" | "-h" | "--help") | None => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Some(other) => {
            eprintln!("error: unknown task `{other}`\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
