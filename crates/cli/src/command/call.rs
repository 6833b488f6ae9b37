//! `keybound call`: one call to the protected API, right or wrong on purpose.

use std::{process::ExitCode, time::Duration};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use dpop::{Htu, ProofBuilder};
use dpop_client::{HttpClient, HyperClient, demanded_nonce};
use http::{
    HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri,
    header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE},
};
use jose::{Algorithm, KeyPair, UnixTime};
use oauth::AccessToken;
use owo_colors::OwoColorize;

use crate::{
    client_state::{KeyName, StateArgs},
    clock::now,
    json_text,
    network::NetworkArgs,
    output,
};

/// How old a `--stale` proof is.
const STALE: Duration = Duration::from_secs(60 * 60);

/// Call the protected API with the token of the last login and a fresh proof.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  keybound call
  keybound call http://127.0.0.1:4456/api/things -X PUT -H 'Content-Type: application/json' -d '{}'
  keybound call --replay              send the last accepted proof again
  keybound call --scheme Bearer --no-proof

Exit status: 0 when the API answered with a status below 400, else 1.")]
pub(crate) struct Args {
    /// Where to call.
    #[arg(env = "PROTECTED_API", value_name = "URL")]
    url: Uri,
    /// Method of the request; GET, or POST with --data.
    #[arg(short = 'X', long = "request", value_name = "METHOD")]
    method: Option<Method>,
    /// A header to send along; may be repeated.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = parse_header)]
    headers: Vec<(HeaderName, HeaderValue)>,
    /// The body, sent as a form unless a Content-Type is given.
    #[arg(short = 'd', long = "data", value_name = "BODY")]
    data: Option<String>,
    /// Show the nonce challenge instead of answering it.
    #[arg(long)]
    no_retry_nonce: bool,
    #[command(flatten)]
    state: StateArgs,
    #[command(flatten)]
    network: NetworkArgs,
    // Last: its heading would cover what follows.
    #[command(flatten)]
    deviations: Deviations,
}

/// What to do wrong. Every one of these must be refused.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Wrong on purpose")]
struct Deviations {
    /// Scheme of the Authorization header.
    #[arg(long, default_value = "DPoP")]
    scheme: String,
    /// Do not send a DPoP proof.
    #[arg(long)]
    no_proof: bool,
    /// Sign the DPoP proof with a different key.
    #[arg(long)]
    wrong_key: bool,
    /// Use a wrong access token hash in the proof.
    #[arg(long)]
    wrong_ath: bool,
    /// Use a wrong target URI in the proof.
    #[arg(long)]
    wrong_htu: bool,
    /// Use a wrong method in the proof.
    #[arg(long)]
    wrong_htm: bool,
    /// Use a proof that was made an hour ago.
    #[arg(long)]
    stale: bool,
    /// Reuse the previously successful DPoP proof.
    #[arg(long)]
    replay: bool,
}

/// One call, ready to be sent with or without a nonce.
struct Call<'a> {
    args: &'a Args,
    method: Method,
    token: AccessToken,
    http: &'a HyperClient,
}

pub(crate) async fn run(args: &Args) -> Result<ExitCode> {
    let http = args.network.client()?;
    let method = match (&args.method, &args.data) {
        (Some(method), _) => method.clone(),
        (None, Some(_)) => Method::POST,
        (None, None) => Method::GET,
    };
    let call = Call { args, method, token: args.state.access_token()?, http: &http };
    let mut response = call.send(None).await?;
    let nonce = demanded_nonce(response.status(), response.headers()).map(str::to_owned);
    if let Some(nonce) = nonce.filter(|_| !args.no_retry_nonce) {
        // The guide's words; whoever challenged may be any resource server.
        output::line("Received DPoP nonce challenge from heimdall")?;
        output::line(format_args!("DPoP-Nonce: {nonce}"))?;
        output::line("Retrying with nonce")?;
        response = call.send(Some(&nonce)).await?;
    }
    print_response(&response)?;
    let is_good = response.status().as_u16() < 400;
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Call<'_> {
    /// Sends once, with a new proof. A success with a new proof is remembered for `--replay`.
    async fn send(&self, nonce: Option<&str>) -> Result<Response<Bytes>> {
        let proof = self.proof(nonce)?;
        let request = self.request(proof.as_deref())?;
        let response = self.http.send(request).await.with_context(|| format!("call {}", self.args.url))?;
        if let Some(proof) = proof
            && !self.args.deviations.replay
            && response.status().as_u16() < 400
        {
            self.args.state.store_last_proof(&self.token, &proof, nonce)?;
        }
        Ok(response)
    }

    fn request(&self, proof: Option<&str>) -> Result<Request<Bytes>> {
        let args = self.args;
        let mut request = Request::new(Bytes::from(args.data.clone().unwrap_or_default()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = args.url.clone();
        let headers = request.headers_mut();
        if args.data.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        }
        let credentials = format!("{} {}", args.deviations.scheme, self.token.as_str());
        headers.insert(AUTHORIZATION, HeaderValue::try_from(credentials).context("--scheme is no scheme")?);
        if let Some(proof) = proof {
            headers.insert(dpop::DPOP, HeaderValue::try_from(proof).context("the proof fits no header")?);
        }
        for (name, value) in &args.headers {
            if *name == CONTENT_TYPE {
                headers.remove(CONTENT_TYPE);
            }
            headers.append(name, value.clone());
        }
        Ok(request)
    }

    fn proof(&self, nonce: Option<&str>) -> Result<Option<String>> {
        let deviations = &self.args.deviations;
        if deviations.no_proof {
            return Ok(None);
        }
        if deviations.replay {
            let Some(proof) = self.args.state.last_proof(&self.token)? else {
                bail!("There is no accepted proof to replay. Run `keybound call` first.");
            };
            return Ok(Some(proof));
        }
        let key_name = if deviations.wrong_key { KeyName::Other } else { KeyName::Primary };
        let key = self.args.state.key(key_name, Algorithm::Es256)?;
        Ok(Some(self.fresh_proof(&key, nonce, now())?))
    }

    fn fresh_proof(&self, key: &KeyPair, nonce: Option<&str>, now: UnixTime) -> Result<String> {
        let deviations = &self.args.deviations;
        let mut htu =
            Htu::parse(&self.args.url.to_string()).context("the URL can not be called")?.to_string();
        if deviations.wrong_htu {
            htu.push_str(if htu.ends_with('/') { "not-api" } else { "/not-api" });
        }
        let method = match (deviations.wrong_htm, &self.method) {
            (false, method) => method.as_str(),
            (true, &Method::POST) => "GET",
            (true, _) => "POST",
        };
        let hashed = match deviations.wrong_ath {
            false => self.token.clone(),
            true => AccessToken::parse("not-the-token")?,
        };
        let mut proof = ProofBuilder::new(key, method, &htu).access_token(&hashed);
        if let Some(nonce) = nonce {
            proof = proof.nonce(nonce);
        }
        let issued_at = if deviations.stale { now.checked_sub(STALE).unwrap_or(now) } else { now };
        proof.sign(issued_at).context("sign the proof")
    }
}

fn parse_header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text.split_once(':').ok_or("expected `Name: value`")?;
    let name = name.trim().parse().map_err(|_| "not a header name".to_owned())?;
    let value = value.trim().parse().map_err(|_| "not a header value".to_owned())?;
    Ok((name, value))
}

fn print_response(response: &Response<Bytes>) -> Result<()> {
    output::line(format_args!("HTTP {}", coloured(response.status())))?;
    for (name, shown) in [(WWW_AUTHENTICATE, "WWW-Authenticate"), (dpop::DPOP_NONCE, "DPoP-Nonce")] {
        for value in response.headers().get_all(name) {
            let value = String::from_utf8_lossy(value.as_bytes());
            output::line(format_args!("{shown}: {}", output::harmless(&value)))?;
        }
    }
    let body = String::from_utf8_lossy(response.body());
    output::line(output::harmless(&json_text::indented(&body).unwrap_or_else(|| body.into_owned())))
}

fn coloured(status: StatusCode) -> String {
    let code = status.as_u16();
    if code < 400 { code.green().to_string() } else { code.red().to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_headers_as_curl_does() {
        let (name, value) = parse_header("X-Api-Version:  2 ").unwrap();
        assert_eq!((name.as_str(), value.to_str().unwrap()), ("x-api-version", "2"));
        for bad in ["no colon", "sp ace: x", "a: b\nc: d"] {
            assert!(parse_header(bad).is_err(), "{bad}");
        }
    }
}
