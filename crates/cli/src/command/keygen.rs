//! `keybound keygen`: the client's key.

use std::process::ExitCode;

use anyhow::Result;
use jose::Algorithm;

use crate::{
    client_state::{KeyName, NewKey, StateArgs},
    output,
};

/// Create the primary DPoP key.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  keybound keygen
  keybound keygen --algorithm Ed25519
  keybound keygen --passphrase
  keybound keygen --key ~/.keys/dpop.pem --key-passphrase-file /run/secrets/passphrase

The key replaces an earlier one. Tokens are bound to their key: log in again.

Exit status: 0 created, 1 not written, 2 wrong usage.")]
pub(crate) struct Args {
    /// Signature algorithm of the key, by its JOSE name.
    #[arg(long, value_name = "ALG", default_value = "ES256")]
    algorithm: Algorithm,
    /// Protect the key with a passphrase, which is asked for unless there is a --key-passphrase-file.
    #[arg(long)]
    passphrase: bool,
    /// Print path and thumbprint as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    state: StateArgs,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let key = args.state.generate_key(KeyName::Primary, args.algorithm, args.passphrase)?;
    if args.json {
        output::json(&key)?
    } else {
        tell(&key)?
    }
    Ok(ExitCode::SUCCESS)
}

/// The guide's lines.
pub(crate) fn tell(key: &NewKey) -> Result<()> {
    output::line(format_args!("Created DPoP key: {}", key.path.display()))?;
    output::line(format_args!("JWK thumbprint: {}", key.thumbprint))
}
