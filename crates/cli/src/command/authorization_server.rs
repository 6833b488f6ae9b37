//! `keybound authorization-server`: tokens to develop with.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, Result};
use clap::ValueEnum;
use dev_authorization_server::{AuthorizationServer, Misbehaviour, Options, Realm};

use crate::{output, stop_signal::stop_signal};

/// How long `--misbehave slow-keys` lets the key endpoint wait.
const SLOW: Duration = Duration::from_secs(30);

/// An authorization server for development: Keycloak's paths and realm files, DPoP-bound tokens, nothing kept.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  keybound authorization-server
  keybound authorization-server --realm dpop-realm.json --realm acme-realm.json
  keybound authorization-server --nonces

Without --realm there is the realm dpop with user alice (password alice), the public client
heimdall-dpop-client, and the client keybound-demo-service (secret keybound-demo-secret), which
may list users.

Never for production: passwords lie in the realm file, and all is forgotten at the end.")]
pub(crate) struct Args {
    /// A realm to serve, in the JSON that Keycloak imports and exports; may be repeated.
    #[arg(long = "realm", value_name = "FILE")]
    realms: Vec<PathBuf>,
    /// Address to listen on.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    address: IpAddr,
    /// Port to listen on; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = 8080)]
    port: u16,
    /// Where clients find this server: issuers start with it. The address listened on, unless given.
    #[arg(long, value_name = "URL")]
    hostname: Option<String>,
    /// Demand DPoP nonces of the server's own, as RFC 9449 section 8 allows.
    #[arg(long)]
    nonces: bool,
    /// Do something wrong on purpose, to test clients and resource servers.
    #[arg(long, value_name = "HOW")]
    misbehave: Option<Misbehave>,
}

/// What `--misbehave` takes.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Misbehave {
    /// Nonces that are never accepted afterwards (with --nonces)
    BadNonce,
    /// The key endpoint answers after 30 seconds
    SlowKeys,
    /// A new signing key for every token, the old one is forgotten
    RotatingKeys,
    /// Access tokens without cnf
    NoConfirmation,
    /// `token_type` Bearer for bound tokens
    BearerType,
}

impl From<Misbehave> for Misbehaviour {
    fn from(how: Misbehave) -> Self {
        match how {
            Misbehave::BadNonce => Self::UnacceptableNonce,
            Misbehave::SlowKeys => Self::SlowKeys(SLOW),
            Misbehave::RotatingKeys => Self::RotatingKeys,
            Misbehave::NoConfirmation => Self::NoConfirmation,
            Misbehave::BearerType => Self::BearerType,
        }
    }
}

pub(crate) async fn run(args: &Args) -> Result<ExitCode> {
    let realms = realms(&args.realms)?;
    let names: Vec<String> = realms.iter().map(|realm| realm.name().to_owned()).collect();
    for realm in &realms {
        for warning in realm.warnings() {
            output::line(format_args!("warning: realm {}: {warning}", realm.name()))?;
        }
    }
    let options = Options {
        base_url: args.hostname.clone(),
        nonces: args.nonces,
        misbehaviour: args.misbehave.map(Misbehaviour::from),
        ..Options::new(SocketAddr::new(args.address, args.port), realms)
    };
    let server = AuthorizationServer::start(options).await.context("start the authorization server")?;
    output::line(format_args!(
        "Authorization server listening on http://{}, for development only",
        server.address()
    ))?;
    for name in &names {
        output::line(format_args!("  {}/.well-known/openid-configuration", server.issuer(name)))?;
    }
    stop_signal().await;
    server.shutdown().await;
    Ok(ExitCode::SUCCESS)
}

/// The realms of the files, all of them or none.
fn realms(files: &[PathBuf]) -> Result<Vec<Realm>> {
    if files.is_empty() {
        return Ok(vec![Realm::built_in().context("read the built-in realm")?]);
    }
    files.iter().map(|file| Realm::read(file).map_err(anyhow::Error::from)).collect()
}
