//! `keybound explain`: which rule a request meets, why the nearest others do not get it, what would run, what the verifier
//! expects, and which check of the credentials fails first.

mod answer;
mod print;

use std::{net::IpAddr, process::ExitCode};

use anyhow::{Context, Result, bail};
use dpop::{DPOP, Htu};
use gateway::{Call, Mode, explain};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};

use self::answer::Answer;
use crate::{
    clock::now,
    command::{
        configuration::{self, ConfigurationArgs},
        why::walk::{Sent, Server, Step, walk},
    },
    exit,
    input_text::InputText,
    output,
};

/// Explain what the gateway would do with a request: which rule it meets, why others do not get it, which steps would run,
/// what a proof must name as htu.
///
/// With an Authorization header the authenticators of the rule are asked, as the gateway would: that may fetch keys from the
/// issuer. With a DPoP header every check of the proof is walked, with what was expected and what was found. Other systems
/// are not called, nothing is forwarded, and a used proof is remembered for this question only.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  keybound explain -c heimdall-config.yaml --insecure --url https://api.example.com/orders/7 -X POST
  keybound explain -c heimdall-config.yaml --insecure --url http://127.0.0.1:4456/api \\
      -H \"Authorization: DPoP $TOKEN\" -H \"DPoP: $PROOF\"
  keybound explain -c heimdall-config.yaml --insecure --url http://10.0.0.1/x --peer 10.0.0.9 \\
      -H 'X-Forwarded-Proto: https' -H 'X-Forwarded-Host: api.example.com' --json

Exit status: 0 a rule is met and the credentials, if any were given, are accepted, 1 the configuration or the call can not be
read, 2 wrong usage, 3 no rule is met, or the credentials are refused.")]
pub(crate) struct Args {
    /// The URL, as the client calls it.
    #[arg(long, value_name = "URL")]
    url: Uri,
    /// The method.
    #[arg(short = 'X', long = "request", value_name = "METHOD", default_value = "GET")]
    method: Method,
    /// A header field, as often as needed: 'NAME: VALUE', or @FILE with one field a line.
    #[arg(short = 'H', long = "header", value_name = "FIELD")]
    headers: Vec<InputText>,
    /// Whom the gateway would see as its peer; forwarding headers count if that is a trusted proxy.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    peer: IpAddr,
    /// How many rules that do not match are told.
    #[arg(long, value_name = "NUMBER", default_value_t = 3)]
    nearest: usize,
    /// Do not ask the authenticators: nothing leaves this machine.
    #[arg(long)]
    offline: bool,
    /// Print the explanation as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    configuration: ConfigurationArgs,
}

pub(crate) async fn run(args: &Args) -> Result<ExitCode> {
    let call = Call {
        method: args.method.clone(),
        url: args.url.clone(),
        headers: args.headers()?,
        peer: args.peer,
    };
    let has_credentials = call.headers.contains_key(header::AUTHORIZATION) || call.headers.contains_key(DPOP);
    let asks = has_credentials && !args.offline;
    let options = args.configuration.serve_options(Mode::Decision);
    let explained = match explain(&options, &call, asks, args.nearest).await {
        Ok(explained) => explained,
        Err(error) => return configuration::refuse(error),
    };
    let checks = match &explained.explanation {
        Ok(explanation) => explanation.pipeline.as_ref().and_then(|pipeline| {
            let proof = pipeline.proof.as_ref()?;
            checks(&call, &pipeline.target_uri, proof.nonces.is_some(), &proof.policy)
        }),
        Err(_) => None,
    };
    let answer = Answer::of(&explained, checks);
    if args.json {
        output::json(&answer)?;
    } else {
        print::print(&answer)?;
    }
    Ok(if answer.is_good() { ExitCode::SUCCESS } else { ExitCode::from(exit::VERDICT) })
}

/// Walks the checks of a proof as `why` does, with what this gateway expects. `None` without a token and a proof.
fn checks(call: &Call, target_uri: &str, nonce_required: bool, policy: &dpop::Policy) -> Option<Vec<Step>> {
    let text = |name: &HeaderName| call.headers.get(name)?.to_str().ok();
    let (scheme, token) = text(&header::AUTHORIZATION)?.split_once(' ')?;
    let htu = Htu::parse(target_uri).ok()?;
    let sent = Sent {
        scheme,
        token: token.trim_start(),
        proof: text(&DPOP)?,
        method: call.method.as_str(),
        htu: &htu,
    };
    let server = Server { policy, jwks: None, nonce_required, nonce: None, now: now() };
    Some(walk(&sent, &server))
}

impl Args {
    fn headers(&self) -> Result<HeaderMap> {
        let mut headers = HeaderMap::new();
        for given in &self.headers {
            let text = given.read()?;
            for line in text.lines().filter(|line| !line.trim().is_empty()) {
                let (name, value) = read_field(line)?;
                headers.append(name, value);
            }
        }
        Ok(headers)
    }
}

/// Values may be tokens: messages name the field at most.
fn read_field(line: &str) -> Result<(HeaderName, HeaderValue)> {
    let Some((name, value)) = line.split_once(':') else { bail!("a header is written 'NAME: VALUE'") };
    let name: HeaderName = name.trim().parse().context("the name of a header can not be read")?;
    let mut value = HeaderValue::from_str(value.trim())
        .with_context(|| format!("the value of the header {name} can not be read"))?;
    value.set_sensitive(true);
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_pairs_and_their_values_stay_out_of_errors() {
        let (name, value) = read_field("DPoP:  a.b.c ").unwrap();
        assert_eq!((name, value), (DPOP, HeaderValue::from_static("a.b.c")));
        for bad in ["secret", "a b: secret", "a: secret\u{7f}"] {
            let error = format!("{:?}", read_field(bad).unwrap_err());
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
