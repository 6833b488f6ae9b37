//! `keybound keygen`: the client's key.

use std::process::ExitCode;

use anyhow::Result;
use jose::Algorithm;

use crate::client_state::{KeyName, StateArgs};

/// Create the primary DPoP key.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  keybound keygen
  keybound keygen --algorithm Ed25519

The key replaces an earlier one. Tokens are bound to their key: log in again.")]
pub(crate) struct Args {
    #[command(flatten)]
    state: StateArgs,
    /// Signature algorithm of the key, by its JOSE name.
    #[arg(long, value_name = "ALG", default_value = "ES256")]
    algorithm: Algorithm,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    args.state.generate_key(KeyName::Primary, args.algorithm)?;
    Ok(ExitCode::SUCCESS)
}
