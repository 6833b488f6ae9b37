//! `keybound call`: one call to the protected API, right or wrong on purpose.

mod answer;
mod deviations;
pub(crate) mod request;
mod transcript;

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use dpop_client::{Attempt, HttpError, HyperClient, Next, ResponseStream, Server, Session, demanded_nonce};
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, Uri};
use oauth::AccessToken;

use self::{answer::Show, deviations::Deviations, request::Payload, transcript::Transcript};
use crate::{
    client_credentials::CredentialArgs,
    client_state::{KeyName, StateArgs},
    clock::now,
    command::keygen,
    exit,
    network::NetworkArgs,
    output, renewal,
};

/// Call the protected API with the token of the last login and a fresh proof.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  keybound call
  keybound call http://127.0.0.1:4456/api/things -X PUT -H 'Content-Type: application/json' -d '{}'
  keybound call -d @order.json -H 'Content-Type: application/json' https://api.example.com/orders
  keybound call -v https://api.example.com/things       show challenge and retry
  keybound call -o report.pdf https://api.example.com/report
  keybound call --json https://api.example.com/things | jq .body
  keybound call --replay              send the last accepted proof again
  keybound call --scheme Bearer --no-proof

A token that has expired is renewed first where the server gave a refresh token, or where the client
logged in as itself and its secret or key is at hand. Redirects are not followed: a proof is for one
URL, and no other server gets the token.

Exit status: 0 the API answered below 400, 1 failed, 2 wrong usage, 4 not logged in, 5 the
authorization server said no, 6 the API answered 401, 7 it answered another status from 400 on, 8 no
connection, 9 refused to send the token over plain http.")]
pub(crate) struct Args {
    /// Where to call.
    #[arg(env = "PROTECTED_API", value_name = "URL")]
    url: Uri,
    /// Method of the request; GET, or POST with --data.
    #[arg(short = 'X', long = "request", value_name = "METHOD")]
    method: Option<Method>,
    /// A header to send along; may be repeated.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = request::parse_header)]
    headers: Vec<(HeaderName, HeaderValue)>,
    /// The body, sent as a form unless a Content-Type is given; @FILE sends a file as it is, @- standard input. Repeated,
    /// the parts are joined with &.
    #[arg(short = 'd', long = "data", value_name = "BODY")]
    data: Vec<String>,
    /// Print status line and headers of the answer, then its body as it came.
    #[arg(short = 'i', long, conflicts_with = "json")]
    include: bool,
    /// Write the body of the answer to a file, as it came.
    #[arg(short = 'o', long, value_name = "FILE", conflicts_with = "json")]
    output: Option<PathBuf>,
    /// Show requests, answers, the challenge and the retry on standard error. Token and proof stay hidden; what the proof
    /// says is shown.
    #[arg(short = 'v', long)]
    verbose: bool,
    /// Print status, headers and body as JSON.
    #[arg(long)]
    json: bool,
    /// Show the nonce challenge instead of answering it.
    #[arg(long)]
    no_retry_nonce: bool,
    /// Send the stored token even if it has expired.
    #[arg(long)]
    no_renewal: bool,
    #[command(flatten)]
    credentials: CredentialArgs,
    #[command(flatten)]
    state: StateArgs,
    #[command(flatten)]
    network: NetworkArgs,
    // Last: its heading would cover what follows.
    #[command(flatten)]
    deviations: Deviations,
}

/// One call, ready to be sent with or without a nonce.
struct Call<'a> {
    args: &'a Args,
    payload: Payload,
    token: AccessToken,
    http: &'a HyperClient,
    session: Session,
    transcript: Transcript,
}

pub(crate) async fn run(args: &Args) -> Result<ExitCode> {
    let http = args.network.client()?;
    let payload = Payload::read(args.method.as_ref(), &args.data)?;
    let transcript = Transcript { is_wanted: args.verbose };
    let token = match args.no_renewal {
        true => args.state.access_token()?,
        false => {
            let current = renewal::current_token(&args.state, &args.credentials, &args.network).await?;
            if current.is_renewed {
                transcript.note("The token had expired and was renewed.");
            }
            current.token
        }
    };
    let key_name = if args.deviations.wrong_key { KeyName::Other } else { KeyName::Primary };
    let made = |key: &_| if args.prints_plainly() { keygen::tell(key) } else { Ok(()) };
    let key = args.state.key(key_name, jose::Algorithm::Es256, made)?;
    let call = Call { args, payload, token, http: &http, session: Session::new(key), transcript };
    let (status, response) = call.exchange().await?;
    Show::of(args).print(response).await?;
    Ok(exit::of_answer(status))
}

impl Args {
    /// Whether standard output has the guide's lines.
    fn prints_plainly(&self) -> bool {
        !self.include && !self.json && self.output.is_none()
    }
}

impl Call<'_> {
    /// Sends, and once more when the server asks for a nonce or has another time (C8, C18).
    async fn exchange(&self) -> Result<(StatusCode, Response<ResponseStream>)> {
        let args = self.args;
        let response = self.send().await?;
        let (status, headers) = (response.status(), response.headers());
        let next = self.session.resource_response(&args.url, Attempt::FIRST, status, headers, now());
        if matches!(next, Next::Done) || !args.deviations.allow_retry(args.no_retry_nonce) {
            return Ok((status, response));
        }
        let nonce = demanded_nonce(status, headers).map(str::to_owned);
        match &nonce {
            // The guide's words; whoever challenged may be any resource server.
            Some(nonce) if args.prints_plainly() => {
                output::line("Received DPoP nonce challenge from heimdall")?;
                output::line(format_args!("DPoP-Nonce: {nonce}"))?;
                output::line("Retrying with nonce")?;
            }
            Some(_) => self.transcript.note("The server wants a nonce: once more, with its own."),
            None => self.transcript.note("The server has another time: once more, with its time."),
        }
        let response = self.send().await?;
        let (status, headers) = (response.status(), response.headers());
        self.session.resource_response(&args.url, Attempt::FIRST, status, headers, now());
        Ok((status, response))
    }

    /// Sends once, with a new proof. A success with a new proof is remembered for `--replay`.
    async fn send(&self) -> Result<Response<ResponseStream>> {
        let args = self.args;
        let nonce = self.session.newest_nonce(Server::Resource, &args.url);
        let proof = self.proof(nonce.as_deref()).await?;
        let request = self.request(proof.as_deref())?;
        self.transcript.request(&request, proof.as_deref());
        let sent: Result<_, HttpError> = self.http.open(request).await;
        let response = sent.with_context(|| format!("call {}", args.url))?;
        self.transcript.answer(&response);
        if let Some(proof) = proof
            && !args.deviations.replay
            && response.status().as_u16() < 400
        {
            args.state.store_last_proof(&self.token, &proof, nonce.as_deref())?;
        }
        Ok(response)
    }
}
