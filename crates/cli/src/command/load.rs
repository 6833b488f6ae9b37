//! `keybound load`: many calls, each with a proof of its own, and a verdict on the answers.

mod callers;

use std::{process::ExitCode, time::Duration};

use anyhow::{Context, Result, bail};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header::CONTENT_TYPE};
use load::{BadProof, Connector, HttpVersion, Pace, Plan, Report, Shares, Target, Until};

use self::callers::CallerArgs;
use crate::{
    clock::now,
    command::call::request::{Payload, parse_header},
    exit,
    network::NetworkArgs,
    output,
};

/// Send load to a protected API: every request with a fresh proof, signed ahead; wrong and replayed ones on request.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  keybound load https://api.example.com/things                            the token of the last login
  keybound load --rate 500 --duration 60s https://api.example.com/things
  keybound load --replays 0.1 --bad 0.1 https://api.example.com/things    must all be refused
  CLIENT_SECRET=… keybound load --issuer https://as.example.com --client-id service --keys 50 \\
      --connections 64 https://api.example.com/things
  keybound load --issuer-key issuer.pem --issuer https://as.example.com --audience api --keys 10000 \\
      --requests 100000 --json http://127.0.0.1:4456/api

Without --rate each connection sends its next request as soon as the last one is answered. With --rate requests are
due at fixed times, and latency counts from then: a server that stalls is charged for all who wait.

One good request goes first, alone; if that is not accepted, no load follows. Nonces that the server demands are sent.
Replays and bad proofs are shares of all requests; each replay is sent together with the first use, or later, on
whatever connection is free.

Exit status: 0 exactly the good requests were accepted; 3 a bad or replayed one was accepted, or a good one
refused or not answered; 1 failed, 2 wrong usage, 4 no token, 5 the authorization server said no,
6 the first request was answered with 401, 7 with another refusal, 8 no connection.")]
pub(crate) struct Args {
    /// Where to call.
    #[arg(env = "PROTECTED_API", value_name = "URL")]
    url: Uri,
    /// Method of the requests; GET, or POST with --data.
    #[arg(short = 'X', long = "request", value_name = "METHOD")]
    method: Option<Method>,
    /// A header to send along; may be repeated.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = parse_header)]
    headers: Vec<(HeaderName, HeaderValue)>,
    /// The body; @FILE sends a file as it is. Sent as a form unless a Content-Type is given.
    #[arg(short = 'd', long = "data", value_name = "BODY")]
    data: Vec<String>,
    /// Requests a second over all connections; as fast as answers come if it is left out.
    #[arg(long, value_name = "NUMBER")]
    rate: Option<f64>,
    /// How long to send: 10s, 2m.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_duration)]
    duration: Duration,
    /// How many requests to send, instead of for how long.
    #[arg(long, value_name = "NUMBER", conflicts_with = "duration")]
    requests: Option<u64>,
    /// Connections, all open before the first request.
    #[arg(long, value_name = "NUMBER", default_value_t = 16)]
    connections: usize,
    /// HTTP/2 instead of HTTP/1.1. Without TLS the server is expected to know.
    #[arg(long)]
    http2: bool,
    /// Requests under way on one HTTP/2 connection at the same time.
    #[arg(long, value_name = "NUMBER", default_value_t = 1, requires = "http2")]
    streams: usize,
    /// How long an answer may take.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_duration)]
    timeout: Duration,
    /// Share of requests that use a proof for the second time, 0 to 0.5.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    replays: f64,
    /// Share of requests with a proof that is wrong, 0 to 1.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    bad: f64,
    /// What is wrong with them, in turn; all kinds if it is left out: wrong-key, wrong-signature, wrong-htm, wrong-htu,
    /// wrong-ath, stale, future, no-proof, bearer.
    #[arg(long = "bad-proof", value_name = "KIND", value_delimiter = ',')]
    bad_proofs: Vec<BadProof>,
    /// Requests to sign before the first is sent, and to keep ready. All of them, if there are no more.
    #[arg(long, value_name = "NUMBER", default_value_t = 2_000)]
    ahead: usize,
    /// Threads that sign.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    signers: usize,
    /// Threads that send.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    senders: usize,
    /// Print the result as JSON, times in microseconds.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    callers: CallerArgs,
    #[command(flatten)]
    network: NetworkArgs,
}

pub(crate) async fn run(args: &Args) -> Result<ExitCode> {
    args.network.allow(&args.url)?;
    let plan = args.plan().await?;
    let report = tokio::task::spawn_blocking(move || load::run(plan)).await.context("send the load")?;
    let report: Report = report.with_context(|| format!("send load to {}", args.url))?;
    if args.json {
        output::json(&report)?;
    } else {
        output::line(&report)?;
    }
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::from(exit::VERDICT) })
}

impl Args {
    async fn plan(&self) -> Result<Plan> {
        let version = if self.http2 { HttpVersion::Http2 } else { HttpVersion::Http1 };
        let target = self.target()?;
        let credentials = self.callers.credentials(&self.network).await?;
        Ok(Plan {
            target,
            credentials,
            pace: self.rate.map_or(Pace::Closed, |per_second| Pace::Open { per_second }),
            until: self.requests.map_or(Until::Elapsed(self.duration), Until::Requests),
            connections: self.connections,
            streams: self.streams,
            connector: Connector::new(version).context("set up TLS")?,
            timeout: self.timeout,
            shares: Shares { replays: self.replays, bad: self.bad },
            bad_proofs: match self.bad_proofs.as_slice() {
                [] => BadProof::ALL.to_vec(),
                named => named.to_vec(),
            },
            ahead: self.ahead,
            signers: self.signers,
            senders: self.senders,
            clock: now,
        })
    }

    fn target(&self) -> Result<Target> {
        let Payload { method, body } = Payload::read(self.method.as_ref(), &self.data)?;
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            headers.append(name, value.clone());
        }
        if body.is_some() {
            let form = HeaderValue::from_static("application/x-www-form-urlencoded");
            headers.entry(CONTENT_TYPE).or_insert(form);
        }
        Target::new(method, self.url.clone(), headers, body.unwrap_or_default()).context("make the requests")
    }
}

/// `10s`, `2m 30s`, `500ms`.
fn parse_duration(text: &str) -> Result<Duration> {
    let duration: jiff::SignedDuration = text.parse().context("expected a time like 10s or 2m")?;
    match Duration::try_from(duration) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        Ok(_) | Err(_) => bail!("expected a time above zero"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_times_with_units() {
        for (text, seconds) in [("10s", 10.0), ("2m 30s", 150.0), ("500ms", 0.5), ("1h", 3_600.0)] {
            assert_eq!(parse_duration(text).unwrap().as_secs_f64(), seconds, "{text}");
        }
        for bad in ["10", "0s", "-1s", "soon", ""] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }
}
