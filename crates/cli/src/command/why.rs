//! `keybound why`: which check of a resource server refuses a request, with what was expected and what was found.

mod answer;
mod failure;
mod recording;
pub(super) mod walk;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, Result};
use bytes::Bytes;
use dpop::{Htu, Policy};
use dpop_client::HttpClient;
use http::{Method, Request, StatusCode};
use jose::{Algorithm, AlgorithmSet, JwkSet, UnixTime};
use oauth::{Scheme, challenge, challenge::ParsedChallenge};
use owo_colors::OwoColorize;
use serde::Serialize;

use self::{
    answer::ServerAnswer,
    recording::Recording,
    walk::{Outcome, Sent, Server, Step, walk},
};
use crate::{
    client_state::StateArgs, clock::now, exit, human_time, input_text::InputText, network::NetworkArgs,
    output,
};

/// Explain a refusal: walk the checks of a resource server and name the first that fails.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  keybound why --proof \"$PROOF\" https://api.example.com/things
  keybound why --token @token.txt --proof @proof.txt -X POST https://api.example.com/things \\
      --status 401 --www-authenticate 'DPoP error=\"invalid_dpop_proof\", algs=\"ES256\"'
  keybound why --proof @proof.txt https://api.example.com/ --at 'Sun, 19 Jul 2026 07:00:00 GMT'
  keybound why --proof @proof.txt https://api.example.com/ --jwks https://as.example.com/jwks --json
  keybound why --har session.har
  curl -v … https://api.example.com/things 2> transcript; keybound why --curl transcript

The checks are those of RFC 9449, section 4.3, in the order of Keybound's gateway. Whether a
proof was used before, only the server knows.

Exit status: 0 every check that can be made here passes, 1 something could not be read,
2 wrong usage, 3 a check fails.")]
pub(crate) struct Args {
    /// URL of the request, as the client called it.
    #[arg(required_unless_present_any = ["har", "curl"])]
    url: Option<String>,
    /// Method of the request; GET, if nothing else says so.
    #[arg(short = 'X', long = "request", value_name = "METHOD")]
    method: Option<Method>,
    /// The DPoP header; @FILE reads a file, - standard input.
    #[arg(long, value_name = "PROOF", required_unless_present_any = ["har", "curl"])]
    proof: Option<InputText>,
    /// The access token; @FILE reads a file, - standard input. Without it the token of the last login.
    #[arg(long, value_name = "TOKEN")]
    token: Option<InputText>,
    /// Scheme of the Authorization header; DPoP, if nothing else says so.
    #[arg(long)]
    scheme: Option<String>,
    /// Take request and answer from a HAR file: the last exchange with a proof. Options win over what is recorded.
    #[arg(long, value_name = "FILE", conflicts_with = "curl")]
    har: Option<PathBuf>,
    /// Which exchange of the HAR file, counted from 1.
    #[arg(long, value_name = "NUMBER", requires = "har")]
    entry: Option<usize>,
    /// Take request and answer from what `curl -v` printed.
    #[arg(long, value_name = "FILE")]
    curl: Option<PathBuf>,
    /// When the request was made: seconds since 1970, RFC 3339 or the Date header of the answer. Now, if not given.
    #[arg(long, value_name = "TIME", value_parser = human_time::parse)]
    at: Option<UnixTime>,
    /// Print the verdict as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    state: StateArgs,
    #[command(flatten)]
    network: NetworkArgs,
    // Last: its heading would cover what follows.
    #[command(flatten)]
    server: ServerArgs,
}

/// What is known about the server.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "The server")]
struct ServerArgs {
    /// The server demands a nonce.
    #[arg(long)]
    nonce_required: bool,
    /// The nonce of the server's last answer; the proof must have it.
    #[arg(long, value_name = "NONCE")]
    nonce: Option<String>,
    /// Status of the server's answer.
    #[arg(long, value_name = "STATUS")]
    status: Option<StatusCode>,
    /// The WWW-Authenticate header of the server's answer.
    #[arg(long, value_name = "VALUE")]
    www_authenticate: Option<String>,
    /// Keys of the token's issuer, to check the token's signature: a file or a URL.
    #[arg(long, value_name = "FILE or URL")]
    jwks: Option<String>,
    /// Oldest proof that is accepted, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    max_age: u64,
    /// How far the clocks may differ, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    clock_skew: u64,
}

/// The verdict for programs.
#[derive(Serialize)]
struct Verdict<'a> {
    passes: bool,
    first_failure: Option<&'a Step>,
    steps: &'a [Step],
    server: Option<&'a ServerAnswer>,
}

pub(crate) async fn run(args: &Args) -> Result<ExitCode> {
    let recording = args.recording()?;
    let exchange = Exchange::of(args, recording.as_ref())?;
    let htu = Htu::parse(&exchange.url).context("the URL can not be called")?;
    let challenges: Vec<ParsedChallenge> =
        exchange.www_authenticate.as_deref().map(challenge::parse).unwrap_or_default();
    let jwks = args.jwks().await?;
    let policy = args.server.policy(&challenges);
    let sent = Sent {
        scheme: &exchange.scheme,
        token: &exchange.token,
        proof: without_name(&exchange.proof, "dpop:"),
        method: &exchange.method,
        htu: &htu,
    };
    let server = Server {
        policy: &policy,
        jwks: jwks.as_ref(),
        nonce_required: args.server.nonce_required || answer::demands_nonce(&challenges),
        nonce: args.server.nonce.as_deref(),
        now: exchange.at.unwrap_or_else(now),
    };
    let steps = walk(&sent, &server);
    let first_failure = steps.iter().find(|step| matches!(step.outcome, Outcome::Failed(_)));
    let said = ServerAnswer::of(exchange.status, &challenges, first_failure);
    if args.json {
        let passes = first_failure.is_none();
        output::json(&Verdict { passes, first_failure, steps: &steps, server: said.as_ref() })?;
    } else {
        print(&steps, first_failure, said.as_ref())?;
    }
    Ok(if first_failure.is_some() { ExitCode::from(exit::VERDICT) } else { ExitCode::SUCCESS })
}

/// What was sent and answered, from options and recording.
struct Exchange {
    url: String,
    method: String,
    scheme: String,
    token: String,
    proof: String,
    status: Option<StatusCode>,
    www_authenticate: Option<String>,
    at: Option<UnixTime>,
}

impl Exchange {
    fn of(args: &Args, recording: Option<&Recording>) -> Result<Self> {
        let recorded = |part: fn(&Recording) -> &str| recording.map(part).unwrap_or_default().to_owned();
        let read = |text: &Option<InputText>| text.as_ref().map(InputText::read).transpose();
        let token = match (args.token()?, recording) {
            (Some(token), _) => token,
            (None, Some(recording)) => recording.credentials().1.to_owned(),
            (None, None) => args.state.access_token()?.as_str().to_owned(),
        };
        let scheme = match (&args.scheme, recording) {
            (Some(scheme), _) => scheme.clone(),
            (None, Some(recording)) => recording.credentials().0.to_owned(),
            (None, None) => "DPoP".to_owned(),
        };
        let method = match (&args.method, recording) {
            (Some(method), _) => method.to_string(),
            (None, Some(recording)) => recording.method.clone(),
            (None, None) => Method::GET.to_string(),
        };
        Ok(Self {
            url: args.url.clone().unwrap_or_else(|| recorded(|recording| &recording.url)),
            method,
            scheme,
            token,
            proof: read(&args.proof)?.unwrap_or_else(|| recorded(|recording| &recording.proof)),
            status: args.server.status.or(recording.and_then(|recording| recording.status)),
            www_authenticate: args
                .server
                .www_authenticate
                .clone()
                .or_else(|| recording.and_then(|recording| recording.www_authenticate.clone())),
            at: args.at.or(recording.and_then(|recording| recording.at)),
        })
    }
}

impl Args {
    fn recording(&self) -> Result<Option<Recording>> {
        match (&self.har, &self.curl) {
            (Some(har), _) => Recording::read_har(har, self.entry).map(Some),
            (None, Some(curl)) => Recording::read_curl(curl).map(Some),
            (None, None) => Ok(None),
        }
    }

    /// The token that was given, if any.
    fn token(&self) -> Result<Option<String>> {
        let Some(token) = &self.token else { return Ok(None) };
        let text = token.read()?;
        let token = without_name(&text, "authorization:");
        Ok(Some(without_name(without_name(token, "dpop "), "bearer ").to_owned()))
    }

    async fn jwks(&self) -> Result<Option<JwkSet>> {
        let Some(place) = &self.server.jwks else { return Ok(None) };
        let bytes = if place.starts_with("https://") || place.starts_with("http://") {
            let request = Request::get(place).body(Bytes::new()).context("--jwks is no URL")?;
            let response = self.network.client()?.send(request).await.context("fetch the issuer's keys")?;
            response.into_body().to_vec()
        } else {
            std::fs::read(Path::new(place)).with_context(|| format!("read {place}"))?
        };
        Ok(Some(JwkSet::parse(&bytes).context("read the issuer's keys")?))
    }
}

impl ServerArgs {
    /// The algorithms are those of the challenge; without one all that Keybound knows.
    fn policy(&self, challenges: &[ParsedChallenge]) -> Policy {
        let listed = challenges
            .iter()
            .filter(|challenge| challenge.is(Scheme::Dpop))
            .find_map(|challenge| challenge.parameter("algs"));
        let algorithms: AlgorithmSet = match listed {
            None => AlgorithmSet::new(Algorithm::ALL),
            Some(listed) => AlgorithmSet::new(listed.split(' ').filter_map(|name| name.parse().ok())),
        };
        Policy {
            max_age: Duration::from_secs(self.max_age),
            clock_skew: Duration::from_secs(self.clock_skew),
            algorithms,
            ..Policy::rfc9449()
        }
    }
}

/// A pasted header line is as good as its value.
fn without_name<'a>(text: &'a str, name: &str) -> &'a str {
    match text.split_at_checked(name.len()) {
        Some((start, rest)) if start.eq_ignore_ascii_case(name) => rest.trim_start(),
        _ => text,
    }
}

fn print(steps: &[Step], first_failure: Option<&Step>, said: Option<&ServerAnswer>) -> Result<()> {
    print_steps(steps)?;
    output::line("")?;
    match first_failure.map(|step| (&step.title, &step.outcome)) {
        Some((title, Outcome::Failed(failure))) => {
            output::line(format_args!("The request fails at {title}: the answer is {}.", failure.error))?;
            output::line(failure.hint)?;
        }
        _ => output::line("Nothing fails that can be checked here.")?,
    }
    if let Some(said) = said {
        output::line(output::harmless(&format!("The server said: {}. {}", said.said, said.meaning)))?;
    }
    Ok(())
}

/// One line for each check, and what was expected and found where it fails.
pub(super) fn print_steps(steps: &[Step]) -> Result<()> {
    for step in steps {
        let title = format!("{:>2}  {}", step.number, step.title);
        match &step.outcome {
            Outcome::Passed => output::line(format_args!("{} {title}", "✓".green()))?,
            Outcome::NotChecked { reason } => output::line(format_args!("? {title}: not checked, {reason}"))?,
            Outcome::NotReached => output::line(format_args!("· {title}").dimmed())?,
            Outcome::Failed(failure) => {
                output::line(format_args!("{} {title}: {}", "✗".red(), output::harmless(&failure.problem)))?;
                for (name, text) in [("expected", &failure.expected), ("found", &failure.found)] {
                    let Some(text) = text else { continue };
                    output::line(format_args!("       {name:<8}  {}", output::harmless(text)))?;
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_pasted_header_lines() {
        assert_eq!(without_name("DPoP: a.b.c", "dpop:"), "a.b.c");
        assert_eq!(without_name("a.b.c", "dpop:"), "a.b.c");
        assert_eq!(without_name("é", "dpop:"), "é");
    }
}
