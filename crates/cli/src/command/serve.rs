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
    Decision(DecisionArgs),
}

/// Run the gateway as a reverse proxy: what a rule permits is forwarded to its upstream.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  keybound serve proxy -c heimdall-config.yaml --insecure
  HEIMDALLCFG_LOG_LEVEL=debug keybound serve proxy -c heimdall-config.yaml --insecure

Ctrl-C or SIGTERM stops it: running requests may finish.

Exit status: 0 stopped as asked, 1 not started, 2 wrong usage.")]
struct ProxyArgs {
    #[command(flatten)]
    configuration: ConfigurationArgs,
}

/// Run the gateway as the decision service of a proxy in front: nginx `auth_request`, Traefik, Caddy `forward_auth`,
/// HAProxy, Envoy HTTP ext_authz.
///
/// A permitted request is answered with 200 and with what finalizers set as headers and cookies, any other with its
/// refusal and challenge. The proxy in front says what the client asked for in X-Forwarded-Method, X-Forwarded-Proto,
/// X-Forwarded-Host and X-Forwarded-Uri; it is believed if `serve.trusted_proxies` names its address.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  keybound serve decision -c heimdall-config.yaml --insecure
  HEIMDALLCFG_SERVE_PORT=4460 keybound serve decision -c heimdall-config.yaml --insecure

Ctrl-C or SIGTERM stops it: running requests may finish.

Exit status: 0 stopped as asked, 1 not started, 2 wrong usage.")]
struct DecisionArgs {
    #[command(flatten)]
    configuration: ConfigurationArgs,
}

pub(crate) async fn run(args: &Args) -> Result<ExitCode> {
    let options = match &args.mode {
        ModeArgs::Proxy(proxy) => proxy.configuration.serve_options(Mode::Proxy),
        ModeArgs::Decision(decision) => decision.configuration.serve_options(Mode::Decision),
    };
    let app = match App::start(options).await {
        Ok(app) => app,
        Err(error) => return configuration::refuse(error),
    };
    output::note(app.warnings().to_text());
    stop_signal().await;
    app.shutdown().await;
    Ok(ExitCode::SUCCESS)
}
