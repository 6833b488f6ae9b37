//! `keybound clear-state`: start over.

use std::process::ExitCode;

use anyhow::Result;
use jose::Algorithm;

use crate::client_state::{KeyName, StateArgs};

/// Delete all local client state and generate a fresh primary DPoP key.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    state: StateArgs,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    args.state.clear()?;
    args.state.generate_key(KeyName::Primary, Algorithm::Es256)?;
    Ok(ExitCode::SUCCESS)
}
