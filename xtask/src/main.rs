//! Tasks of the project. `cargo xtask` lists them, and each says with `--help` what it does.

mod bans;
mod bench;
mod ci;
mod codegen;
mod dist;
mod fuzz;
mod instructions;
mod interop;
mod run;
mod soak;

use std::process::ExitCode;

use anyhow::Result;

/// Something that can be done, with its own `--help`.
struct Task {
    name: &'static str,
    summary: &'static str,
    help: &'static str,
    run: fn(&[String]) -> Result<()>,
}

const TASKS: [Task; 8] = [
    Task {
        name: "ci",
        summary: "format, clippy, banned crates, docs, demo, bench, interop, tests",
        help: ci::HELP,
        run: ci::run,
    },
    Task {
        name: "codegen",
        summary: "write schema/ and docs/reference/ from the doc comments of the types that are read, and api/",
        help: codegen::HELP,
        run: codegen::run,
    },
    Task {
        name: "instructions",
        summary: "count the instructions of each piece of a request's way, and compare",
        help: instructions::HELP,
        run: instructions::run,
    },
    Task {
        name: "interop",
        summary: "scenarios with real foreign programs, all or those named; prints a table",
        help: interop::HELP,
        run: interop::run,
    },
    Task {
        name: "dist",
        summary: "build the program as packages have it: target/dist/keybound",
        help: dist::HELP,
        run: dist::run,
    },
    Task { name: "bench", summary: "what a protected request costs", help: bench::HELP, run: bench::run },
    Task {
        name: "soak",
        summary: "millions of requests, replays and bad proofs among them",
        help: soak::HELP,
        run: soak::run,
    },
    Task { name: "fuzz", summary: "every parser of foreign bytes", help: fuzz::HELP, run: fuzz::run },
];

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let name = words.next().unwrap_or_default();
    let words: Vec<String> = words.collect();
    if let "" | "help" | "-h" | "--help" = name.as_str() {
        println!("{}", help());
        return ExitCode::SUCCESS;
    }
    let Some(task) = TASKS.iter().find(|task| task.name == name) else {
        eprintln!("error: unknown task `{name}`\n\n{}", help());
        return ExitCode::from(2);
    };
    if words.iter().any(|word| word == "-h" || word == "--help") {
        println!("{}", task.help);
        return ExitCode::SUCCESS;
    }
    match (task.run)(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn help() -> String {
    let tasks: Vec<String> =
        TASKS.iter().map(|task| format!("  {:<14}{}", task.name, task.summary)).collect();
    format!(
        "Tasks of the project.\n\nUsage: cargo xtask <TASK> [--help]\n\nTasks:\n{}\n\nExample: cargo xtask interop \
         nginx keycloak",
        tasks.join("\n")
    )
}
