//! `keybound validate`: everything that would keep the gateway from starting, without starting it.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::ValueEnum;
use gateway::{Mode, StartError, config::Report, validate_configuration, validate_rule_set};

use crate::{
    command::configuration::{self, ConfigurationArgs},
    output,
};

/// Check a configuration or rule files and report every mistake at once.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Config(ConfigArgs),
    Ruleset(RulesetArgs),
}

/// Check a configuration with its secrets, mechanisms and rules.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  keybound validate config -c heimdall-config.yaml
  keybound validate config -c heimdall-config.yaml --proxy-mode
  keybound validate config -c heimdall-config.yaml --insecure --output json

Exit status: 0 valid, 1 mistakes (or warnings, with --deny-warnings), 2 wrong usage.")]
struct ConfigArgs {
    /// Check for proxy mode, in which every rule needs `forward_to`.
    #[arg(long)]
    proxy_mode: bool,
    #[command(flatten)]
    report: ReportArgs,
    #[command(flatten)]
    configuration: ConfigurationArgs,
}

/// Check rule files against the mechanisms of a configuration.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  keybound validate ruleset -c heimdall-config.yaml --proxy-mode rules/upstream-rules.yaml

Exit status: 0 valid, 1 mistakes (or warnings, with --deny-warnings), 2 wrong usage.")]
struct RulesetArgs {
    /// A rule file, or a folder of them.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Check for proxy mode, in which every rule needs `forward_to`.
    #[arg(long)]
    proxy_mode: bool,
    #[command(flatten)]
    report: ReportArgs,
    #[command(flatten)]
    configuration: ConfigurationArgs,
}

/// How findings are told.
#[derive(Debug, clap::Args)]
struct ReportArgs {
    /// Form of the findings: text for people on standard error, JSON for programs on standard output.
    #[arg(long, short, value_name = "FORM", value_enum, default_value_t = Form::Text)]
    output: Form,
    /// Warnings count as errors.
    #[arg(long)]
    deny_warnings: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    Text,
    Json,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    match &args.what {
        What::Config(config) => {
            let mode = if config.proxy_mode { Mode::Proxy } else { Mode::Decision };
            let checked = validate_configuration(&config.configuration.serve_options(mode));
            config.report.tell(checked, "Configuration is valid")
        }
        What::Ruleset(rules) => {
            let options = rules.configuration.serve_options(Mode::Proxy);
            rules.report.tell(validate_rule_set(&options, &rules.file, rules.proxy_mode), "Rule set is valid")
        }
    }
}

impl ReportArgs {
    fn tell(&self, checked: Result<Report, StartError>, good: &str) -> Result<ExitCode> {
        let (report, is_good) = match checked {
            Ok(warnings) => {
                let is_good = !self.deny_warnings || warnings.diagnostics.is_empty();
                (warnings, is_good)
            }
            Err(StartError::Configuration(report)) => (*report, false),
            Err(other) => return configuration::refuse(other),
        };
        match self.output {
            Form::Json => {
                let text = serde_json::to_string_pretty(&report.to_json()).context("write the report")?;
                output::line(text)?;
            }
            Form::Text => {
                output::note(report.to_text());
                if is_good {
                    output::line(good)?;
                }
            }
        }
        Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
