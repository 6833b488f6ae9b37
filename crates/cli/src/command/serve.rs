//! `keybound serve`: the gateway.

use std::process::ExitCode;

use anyhow::Result;
use gateway::{App, Mode};

use crate::{
    command::configuration::{self, ConfigurationArgs},
    output,
    stop_signal::stop_signal,
};

/// Run the gateway.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    mode: ModeArgs,
}

#[derive(Debug, clap::Subcommand)]
enum ModeArgs {
    Proxy(ProxyArgs),
}

/// Run the gateway as a reverse proxy: what a rule permits is forwarded to its upstream.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  keybound serve proxy -c heimdall-config.yaml --insecure
  HEIMDALLCFG_LOG_LEVEL=debug keybound serve proxy -c heimdall-config.yaml --insecure

Ctrl-C or SIGTERM stops it: running requests may finish.")]
struct ProxyArgs {
    #[command(flatten)]
    configuration: ConfigurationArgs,
}

pub(crate) async fn run(args: &Args) -> Result<ExitCode> {
    let ModeArgs::Proxy(proxy) = &args.mode;
    let app = match App::start(proxy.configuration.serve_options(Mode::Proxy)).await {
        Ok(app) => app,
        Err(error) => return configuration::refuse(error),
    };
    output::note(app.warnings().to_text());
    stop_signal().await;
    app.shutdown().await;
    Ok(ExitCode::SUCCESS)
}
