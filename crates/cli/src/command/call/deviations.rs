//! What to do wrong on purpose, and the proof that comes of it.

use std::time::Duration;

use anyhow::{Context, Result};
use dpop::{Htu, ProofBuilder};
use http::Method;
use oauth::AccessToken;

use super::Call;
use crate::{clock::now, exit::NotLoggedIn};

/// How old a `--stale` proof is.
const STALE: Duration = Duration::from_secs(60 * 60);

/// What to do wrong. Every one of these must be refused.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Wrong on purpose")]
pub(super) struct Deviations {
    /// Scheme of the Authorization header.
    #[arg(long, default_value = "DPoP")]
    pub(super) scheme: String,
    /// Do not send a DPoP proof.
    #[arg(long)]
    pub(super) no_proof: bool,
    /// Sign the DPoP proof with a different key.
    #[arg(long)]
    pub(super) wrong_key: bool,
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
    pub(super) replay: bool,
}

impl Deviations {
    /// A stale proof would be mended by the server's time: then nothing is wrong any more.
    pub(super) fn allow_retry(&self, no_retry: bool) -> bool {
        !no_retry && !self.replay && !self.no_proof
    }
}

impl Call<'_> {
    /// The proof for one attempt; `None` when none is sent.
    pub(super) async fn proof(&self, nonce: Option<&str>) -> Result<Option<String>> {
        let deviations = &self.args.deviations;
        if deviations.no_proof {
            return Ok(None);
        }
        if deviations.replay {
            let stored = self.args.state.last_proof(&self.token)?;
            let missing = NotLoggedIn("There is no accepted proof to replay. Run `keybound call` first.");
            return Ok(Some(stored.ok_or(missing)?));
        }
        let mut htu =
            Htu::parse(&self.args.url.to_string()).context("the URL can not be called")?.to_string();
        if deviations.wrong_htu {
            htu.push_str(if htu.ends_with('/') { "not-api" } else { "/not-api" });
        }
        let method = match (deviations.wrong_htm, &self.payload.method) {
            (false, method) => method.as_str(),
            (true, &Method::POST) => "GET",
            (true, _) => "POST",
        };
        let hashed = match deviations.wrong_ath {
            false => self.token.clone(),
            true => AccessToken::parse("not-the-token")?,
        };
        let key = self.session.key();
        let mut proof = ProofBuilder::for_remote_key(key.public_jwk(), method, &htu)
            .algorithm(key.algorithm())
            .access_token(&hashed);
        if let Some(nonce) = nonce {
            proof = proof.nonce(nonce);
        }
        let server_time = self.session.server_time(now());
        let issued_at = if deviations.stale {
            server_time.checked_sub(STALE).unwrap_or(server_time)
        } else {
            server_time
        };
        let input = proof.signing_input(issued_at).context("make the proof")?;
        let signature = key.sign(key.algorithm(), input.as_bytes()).await.context("sign the proof")?;
        Ok(Some(input.with_signature(&signature)))
    }
}
