//! `keybound`: argument parsing and composition only. What it composes lives in the other crates.
//!
//! [`args`] is the command line, [`command`] has one file for each command. Exit status: 0 done, 1 refused or failed,
//! 2 wrong usage, 3 what the command's help says.

mod args;
mod client_state;
mod clock;
mod command;
mod echo;
mod human_time;
mod input_text;
mod json_text;
mod network;
mod output;
mod stop_signal;
mod token_summary;

use std::process::ExitCode;

/// Allocates for the whole program; the system's allocator is slow where the C library is musl.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    match args::parse().run().await {
        Ok(code) => code,
        Err(error) => output::report(&error),
    }
}
