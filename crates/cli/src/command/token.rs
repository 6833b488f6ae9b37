//! `keybound token`: what the last login got.

use std::process::ExitCode;

use anyhow::Result;
use jose::{UnixTime, jwt::UnverifiedJwt};
use oauth::{Confirmation, TokenResponse};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    client_state::{StateArgs, expiry},
    clock::now,
    exit, human_time, output, token_summary,
};

/// Show the stored token: claims, times, the key it is bound to.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  keybound token
  keybound token --json
  curl -H \"Authorization: DPoP $(keybound token --raw)\" -H \"DPoP: $(keybound proof GET $URL)\" $URL

Exit status: 0 shown, 1 not readable, 2 wrong usage, 3 shown, and it has expired, 4 no token.")]
pub(crate) struct Args {
    /// Print the token itself and nothing else. Whoever reads it still needs the key to use it.
    #[arg(long, conflicts_with = "json")]
    raw: bool,
    /// Print the summary as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    state: StateArgs,
}

/// The summary for programs. Never the token.
#[derive(Serialize)]
pub(crate) struct Summary {
    token_type: String,
    /// `None` for an opaque token.
    claims: Option<Map<String, Value>>,
    issued_at: Option<i64>,
    expires_at: Option<i64>,
    /// Negative when it is over.
    expires_in_seconds: Option<i64>,
    has_expired: bool,
    /// Thumbprint of the key the token is bound to.
    jkt: Option<String>,
    /// Whether that is the key of this client.
    is_bound_to_stored_key: Option<bool>,
    scope: Option<String>,
    has_refresh_token: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let tokens = args.state.tokens()?;
    let now = now();
    let summary = Summary::of(&tokens, &args.state, now)?;
    if args.raw {
        output::line(tokens.access_token.as_str())?;
    } else if args.json {
        output::json(&summary)?;
    } else {
        token_summary::print(&tokens)?;
        summary.print_rest(now)?;
    }
    Ok(if summary.has_expired { ExitCode::from(exit::VERDICT) } else { ExitCode::SUCCESS })
}

impl Summary {
    pub(crate) fn of(tokens: &TokenResponse, state: &StateArgs, now: UnixTime) -> Result<Self> {
        let claims = UnverifiedJwt::parse(tokens.access_token.as_str()).ok().map(|token| token.claims);
        let time = |name: &str| {
            let claim = claims.as_ref()?.get(name)?;
            Some(UnixTime::from_numeric_date(claim)?.as_seconds())
        };
        let expires_at = expiry(tokens).map(UnixTime::as_seconds);
        let expires_in_seconds = expires_at.map(|expires_at| expires_at.saturating_sub(now.as_seconds()));
        let jkt = claims
            .as_ref()
            .and_then(|claims| Confirmation::from_claims(claims).ok().flatten())
            .and_then(|confirmation| confirmation.jkt);
        let key = state.stored_key()?;
        let scope = claims.as_ref().and_then(|claims| claims.get("scope")).and_then(Value::as_str);
        Ok(Self {
            token_type: tokens.token_type.clone(),
            issued_at: time("iat"),
            expires_at,
            expires_in_seconds,
            has_expired: expires_in_seconds.is_some_and(|seconds| seconds <= 0),
            is_bound_to_stored_key: jkt
                .map(|jkt| key.is_some_and(|key| key.public_jwk().thumbprint() == jkt)),
            jkt: jkt.map(|jkt| jkt.to_string()),
            scope: tokens.scope.clone().or_else(|| scope.map(str::to_owned)),
            has_refresh_token: tokens.refresh_token.is_some(),
            claims,
        })
    }

    /// What the guide does not show: times, key, scope.
    fn print_rest(&self, now: UnixTime) -> Result<()> {
        for (name, seconds) in [("issued", self.issued_at), ("expires", self.expires_at)] {
            let Some(time) = seconds.map(UnixTime::from_seconds) else { continue };
            let (utc, relative) = (human_time::utc(time), human_time::relative(time, now));
            output::line(format_args!("{name}: {utc} ({relative})"))?;
        }
        let key = match (&self.jkt, self.is_bound_to_stored_key) {
            (None, _) if self.claims.is_none() => "only the authorization server knows",
            (None, _) => "no key: it works for whoever holds it",
            (Some(_), Some(true)) => "the key of this client",
            (Some(_), _) => "another key than that of this client: log in again",
        };
        output::line(format_args!("bound to: {key}"))?;
        if let Some(scope) = &self.scope {
            output::line(format_args!("scope: {}", output::harmless(scope)))?;
        }
        output::line(format_args!(
            "refresh token: {}",
            if self.has_refresh_token { "stored" } else { "none" }
        ))
    }
}
