//! `keybound proof`: one proof for another program.

use std::process::ExitCode;

use anyhow::{Context, Result};
use dpop::{Htu, ProofBuilder, is_nonce_syntax};
use http::{Method, Uri};
use jose::{UnixTime, jwt::UnverifiedJwt};
use oauth::Confirmation;
use serde::Serialize;

use crate::{client_state::StateArgs, clock::now, exit::NotLoggedIn, output};

/// Print one DPoP proof, for curl and other programs.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  keybound proof GET https://api.example.com/things
  curl -H \"Authorization: DPoP $(keybound token --raw)\" \\
       -H \"DPoP: $(keybound proof GET https://api.example.com/things)\" https://api.example.com/things
  keybound proof --nonce eyJ7S_zG.eyJH0-Z.HX4w-7v POST https://api.example.com/things
  keybound proof --no-token POST https://as.example.com/token

A proof is good for one request, and for a minute or so.

Exit status: 0 printed, 1 failed, 2 wrong usage, 4 no key or no token.")]
pub(crate) struct Args {
    /// Method of the request.
    method: Method,
    /// URL of the request. Query and fragment are not part of a proof.
    url: Uri,
    /// The server's nonce: the DPoP-Nonce field of its last answer.
    #[arg(long, value_parser = parse_nonce)]
    nonce: Option<String>,
    /// For requests that carry no access token, at an authorization server. Without it the proof belongs to the token
    /// of the last login.
    #[arg(long)]
    no_token: bool,
    /// Print the proof and what it says as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    state: StateArgs,
}

/// The proof with its claims, for programs.
#[derive(Serialize)]
struct Printed<'a> {
    proof: &'a str,
    htm: &'a str,
    htu: &'a str,
    iat: i64,
    jkt: String,
    has_ath: bool,
    nonce: Option<&'a str>,
}

pub(crate) async fn run(args: &Args) -> Result<ExitCode> {
    let Some(key) = args.state.stored_key()? else {
        return Err(NotLoggedIn("No DPoP key found. Run `keybound keygen` or `keybound login` first.").into());
    };
    let htu = Htu::parse(&args.url.to_string()).context("the URL can not stand in a proof")?.to_string();
    let public = key.public_jwk();
    let thumbprint = public.thumbprint();
    let mut builder =
        ProofBuilder::for_remote_key(public, args.method.as_str(), &htu).algorithm(key.algorithm());
    if !args.no_token {
        let token =
            args.state.access_token().context("make a proof for the stored token (or use --no-token)")?;
        let bound_to = UnverifiedJwt::parse(token.as_str())
            .ok()
            .and_then(|token| Confirmation::from_claims(&token.claims).ok().flatten())
            .and_then(|confirmation| confirmation.jkt);
        if bound_to.is_some_and(|bound_to| bound_to != thumbprint) {
            output::note("warning: the stored token is bound to another key; log in again\n");
        }
        builder = builder.access_token(&token);
    }
    if let Some(nonce) = &args.nonce {
        builder = builder.nonce(nonce);
    }
    let issued_at: UnixTime = now();
    let input = builder.signing_input(issued_at).context("make the proof")?;
    let signature = key.sign(key.algorithm(), input.as_bytes()).await.context("sign the proof")?;
    let proof = input.with_signature(&signature);
    if args.json {
        output::json(&Printed {
            proof: &proof,
            htm: args.method.as_str(),
            htu: &htu,
            iat: issued_at.as_seconds(),
            jkt: thumbprint.to_string(),
            has_ath: !args.no_token,
            nonce: args.nonce.as_deref(),
        })?;
    } else {
        output::line(&proof)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn parse_nonce(text: &str) -> Result<String, &'static str> {
    if is_nonce_syntax(text) { Ok(text.to_owned()) } else { Err("not a nonce (RFC 9449 §8.1)") }
}
