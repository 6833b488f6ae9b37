//! `keybound`: argument parsing and composition only. What it composes lives in the other crates.
//!
//! [`args`] is the command line, [`command`] has one file for each command, [`exit`] the exit status of each cause.

mod args;
mod browser;
mod client_credentials;
mod client_key;
mod client_state;
mod clock;
mod command;
mod echo;
mod exit;
mod human_time;
mod input_text;
mod json_text;
mod network;
mod output;
mod passphrase;
mod profile;
mod renewal;
mod stop_signal;
mod token_summary;

use std::process::ExitCode;

/// Allocates for the whole program; the system's allocator is slow where the C library is musl.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let ended = match args::parse() {
        Ok(args) => args.run().await,
        Err(error) => Err(error),
    };
    ended.unwrap_or_else(|error| output::report(&error))
}
