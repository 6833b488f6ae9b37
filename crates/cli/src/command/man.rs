//! `keybound man`: manual pages, for packagers.

use std::{fs, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};

use crate::output;

/// Write the manual pages of all commands into a folder.
///
/// They come from the same source as --help. Packages run it in their build and install the pages under `man1`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  keybound man target/man
  keybound man ~/.local/share/man/man1 && man keybound-serve-proxy")]
pub(crate) struct Args {
    /// The folder; it is made if it is not there.
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
}

pub(crate) fn run(args: &Args, command: clap::Command) -> Result<ExitCode> {
    fs::create_dir_all(&args.folder).with_context(|| format!("make {}", args.folder.display()))?;
    clap_mangen::generate_to(command.disable_help_subcommand(true), &args.folder)
        .with_context(|| format!("write pages to {}", args.folder.display()))?;
    output::line(format!("Manual pages written to {}", args.folder.display()))?;
    Ok(ExitCode::SUCCESS)
}
