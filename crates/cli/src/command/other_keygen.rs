//! `keybound other-keygen`: a key that no token is bound to.

use std::process::ExitCode;

use anyhow::Result;
use jose::Algorithm;

use super::keygen;
use crate::client_state::{KeyName, StateArgs};

/// Create a second DPoP key for negative tests.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  keybound other-keygen && keybound call --wrong-key")]
pub(crate) struct Args {
    #[command(flatten)]
    state: StateArgs,
    /// Signature algorithm of the key, by its JOSE name.
    #[arg(long, value_name = "ALG", default_value = "ES256")]
    algorithm: Algorithm,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    keygen::tell(&args.state.generate_key(KeyName::Other, args.algorithm, false)?)?;
    Ok(ExitCode::SUCCESS)
}
