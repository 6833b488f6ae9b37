//! `keybound echo`: the upstream of the guide.

use std::{
    net::{IpAddr, SocketAddr},
    process::ExitCode,
};

use anyhow::{Context, Result};

use crate::{echo::Echo, output, stop_signal::stop_signal};

/// An upstream that answers with what it received: method, URL, headers and body as JSON.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  keybound echo --port 8081
  curl http://127.0.0.1:8081/api")]
pub(crate) struct Args {
    /// Address to listen on. The echo shows tokens to whoever asks: keep it to this machine.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    host: IpAddr,
    /// Port to listen on; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = 8081)]
    port: u16,
}

pub(crate) async fn run(args: &Args) -> Result<ExitCode> {
    let address = SocketAddr::new(args.host, args.port);
    let echo = Echo::start(address).await.with_context(|| format!("listen on {address}"))?;
    output::line(format_args!("Echo listening on http://{}", echo.address()))?;
    stop_signal().await;
    let seen = echo.seen();
    echo.shutdown().await;
    output::line(format_args!("requests answered: {seen}"))?;
    Ok(ExitCode::SUCCESS)
}
