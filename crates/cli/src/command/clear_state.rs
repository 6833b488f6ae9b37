//! `keybound clear-state`: start over.

use std::process::ExitCode;

use anyhow::Result;
use jose::Algorithm;

use super::keygen;
use crate::{
    client_state::{KeyName, StateArgs},
    output,
};

/// Delete all local client state and generate a fresh primary DPoP key.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  keybound clear-state

Tokens are not revoked at their server: `keybound logout` does that. A key that --key places outside of
the state folder stays as it is.

Exit status: 0 done, 1 a file could not be deleted or written, 2 wrong usage.")]
pub(crate) struct Args {
    /// Print path and thumbprint of the fresh key as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    state: StateArgs,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    args.state.clear()?;
    let key = match args.state.has_own_key() {
        true => Some(args.state.generate_key(KeyName::Primary, Algorithm::Es256, false)?),
        false => None,
    };
    match &key {
        _ if args.json => output::json(&key)?,
        Some(key) => keygen::tell(key)?,
        None => output::line("Deleted the client's state. The DPoP key is elsewhere, and stays.")?,
    }
    Ok(ExitCode::SUCCESS)
}
