//! `keybound convert`: rule files in another dialect.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result};
use clap::ValueEnum;
use gateway::{Dialect, NotConverted, convert_rule_set};

use crate::output;

/// Rewrite files for another version.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Ruleset(RulesetArgs),
}

/// Rewrite a rule file in another dialect.
///
/// The new file matches the same requests and runs the same steps. Comments are not kept, everything else is, in its order.
/// JSON stays JSON. What the wanted dialect can not say, such as a host by regular expression in 1beta1, is an error with
/// its line, and so is a file that needs no conversion.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  keybound convert ruleset old-rules.yaml
  keybound convert ruleset old-rules.yaml -o rules.yaml
  keybound convert ruleset --to 1alpha4 < rules.yaml

Exit status: 0 converted, 1 refused, 2 wrong usage.")]
struct RulesetArgs {
    /// The rule file; standard input without it.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// The dialect to write: 1beta1 is the present one, 1alpha4 that of heimdall up to 0.17.
    #[arg(
        long,
        short = 'v',
        visible_alias = "desired-version",
        value_name = "VERSION",
        default_value = "1beta1"
    )]
    to: Version,
    /// Where to write to; standard output without it.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Version {
    #[value(name = "1beta1")]
    V1Beta1,
    #[value(name = "1alpha4")]
    V1Alpha4,
}

impl From<Version> for Dialect {
    fn from(version: Version) -> Self {
        match version {
            Version::V1Beta1 => Self::V1Beta1,
            Version::V1Alpha4 => Self::V1Alpha4,
        }
    }
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let What::Ruleset(rules) = &args.what;
    let (name, text) = read(rules.file.as_deref())?;
    let converted = match convert_rule_set(&name, &text, rules.to.into()) {
        Ok(converted) => converted,
        Err(NotConverted::Mistakes(report)) => {
            output::note(report.to_text());
            return Ok(ExitCode::FAILURE);
        }
        Err(already @ NotConverted::Already(_)) => return Err(already.into()),
    };
    output::note(converted.warnings.to_text());
    match &rules.output {
        Some(file) => fs::write(file, converted.text).with_context(|| format!("write {}", file.display()))?,
        None => output::line(converted.text.trim_end())?,
    }
    Ok(ExitCode::SUCCESS)
}

fn read(file: Option<&Path>) -> Result<(String, String)> {
    match file {
        Some(file) => {
            let text = fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
            Ok((file.display().to_string(), text))
        }
        None => {
            let mut text = String::new();
            std::io::stdin().lock().read_to_string(&mut text).context("read standard input")?;
            Ok(("standard input".to_owned(), text))
        }
    }
}
