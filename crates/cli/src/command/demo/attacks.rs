//! What a thief tries who has the token, and later a whole request. Each attack is one row: what is sent, and the only
//! right answer.

use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use dpop::ProofBuilder;
use http::{HeaderValue, Method, Request, Uri};
use jose::{KeyPair, UnixTime, base64url};
use oauth::{AccessToken, ErrorCode};
use serde_json::{Value, json};

use super::alice::request;

/// What the thief got hold of, and what he makes himself.
pub(super) struct Loot<'a> {
    /// The stolen token.
    pub(super) token: &'a AccessToken,
    /// A token of another login, for another key.
    pub(super) other_token: &'a AccessToken,
    /// The proof of a request that was answered: captured on the wire.
    pub(super) used_proof: &'a HeaderValue,
    /// Makes proofs that alice signed but that never arrived: captured before they were used. The key itself never
    /// leaves her.
    pub(super) alices_key: &'a KeyPair,
    /// The thief's own key.
    pub(super) thiefs_key: &'a KeyPair,
    /// A nonce the gateway gave out for the stolen token.
    pub(super) nonce: &'a str,
    /// The API that alice called.
    pub(super) api: &'a Uri,
    pub(super) now: UnixTime,
}

/// One attack.
pub(super) struct Attack {
    pub(super) what: &'static str,
    pub(super) request: Request<Bytes>,
    /// The error of the only right challenge; the status is always 401.
    pub(super) expected: Option<ErrorCode>,
}

/// All attacks, in the order of the table.
pub(super) fn all(loot: &Loot<'_>) -> Result<Vec<Attack>> {
    let Loot { token, api, used_proof, .. } = loot;
    let other_api: Uri = format!("{api}/admin").parse().context("URI of another resource")?;
    let tampered = tamper(token).context("the access token is no JWT")?;
    let stale = UnixTime::from_seconds(loot.now.as_seconds() - 300);
    let with =
        |token: &AccessToken, proof: &HeaderValue| request(Method::GET, api, "DPoP", token, Some(proof));
    let captured = || loot.proof(loot.alices_key, token, loot.nonce, loot.now);
    let row = |what, request: Result<Request<Bytes>>, expected| {
        request.map(|request| Attack { what, request, expected })
    };
    let (proof, token_error) = (Some(ErrorCode::InvalidDpopProof), Some(ErrorCode::InvalidToken));
    let mut without_anything = Request::new(Bytes::new());
    *without_anything.uri_mut() = (*api).clone();
    [
        row("nothing at all", Ok(without_anything), None),
        row("token as Bearer, no proof", request(Method::GET, api, "Bearer", token, None), token_error),
        row("token with the DPoP scheme, no proof", request(Method::GET, api, "DPoP", token, None), proof),
        row(
            "token + proof by the thief's own key",
            with(token, &loot.proof(loot.thiefs_key, token, loot.nonce, loot.now)?),
            token_error,
        ),
        row("the captured request, sent again", with(token, used_proof), proof),
        row(
            "token as Bearer, with a captured proof",
            request(Method::GET, api, "Bearer", token, Some(&captured()?)),
            token_error,
        ),
        row(
            "a captured proof for another URL",
            request(Method::GET, &other_api, "DPoP", token, Some(&captured()?)),
            proof,
        ),
        row(
            "a captured proof with another method",
            request(Method::POST, api, "DPoP", token, Some(&captured()?)),
            proof,
        ),
        row(
            "a captured proof, kept for five minutes",
            with(token, &loot.proof(loot.alices_key, token, loot.nonce, stale)?),
            proof,
        ),
        row(
            "a captured proof for another token (ath)",
            with(token, &loot.proof(loot.alices_key, loot.other_token, loot.nonce, loot.now)?),
            proof,
        ),
        row(
            "a proof with a forged nonce",
            with(token, &loot.proof(loot.alices_key, token, &forge(loot.nonce), loot.now)?),
            Some(ErrorCode::UseDpopNonce),
        ),
        row(
            "a tampered token: the thief's key in cnf.jkt",
            with(
                &rebind(token, loot.thiefs_key)?,
                &loot.proof(loot.thiefs_key, &rebind(token, loot.thiefs_key)?, loot.nonce, loot.now)?,
            ),
            token_error,
        ),
        row(
            "a tampered token: valid for ten years",
            with(&tampered, &loot.proof(loot.alices_key, &tampered, loot.nonce, loot.now)?),
            token_error,
        ),
    ]
    .into_iter()
    .collect()
}

impl Loot<'_> {
    fn proof(&self, key: &KeyPair, token: &AccessToken, nonce: &str, at: UnixTime) -> Result<HeaderValue> {
        let htu = self.api.to_string();
        let proof = ProofBuilder::new(key, "GET", &htu).access_token(token).nonce(nonce).sign(at)?;
        Ok(HeaderValue::from_str(&proof)?)
    }
}

/// The nonce with one character of its seal changed.
fn forge(nonce: &str) -> String {
    let (rest, seal) = nonce.rsplit_once('.').unwrap_or((nonce, ""));
    let swapped: String = seal.chars().map(|c| if c == 'A' { 'B' } else { 'A' }).take(1).collect();
    format!("{rest}.{swapped}{}", seal.get(1..).unwrap_or_default())
}

/// The token with another expiry and the old signature.
fn tamper(token: &AccessToken) -> Result<AccessToken> {
    const TEN_YEARS: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
    change(token, |claims| {
        let exp = claims.get("exp").and_then(Value::as_u64).unwrap_or_default();
        json!({ "exp": exp.saturating_add(TEN_YEARS.as_secs()) })
    })
}

/// The token bound to another key, with the old signature.
fn rebind(token: &AccessToken, key: &KeyPair) -> Result<AccessToken> {
    change(token, |_| json!({ "cnf": { "jkt": key.thumbprint().to_string() } }))
}

fn change(token: &AccessToken, changes: impl Fn(&Value) -> Value) -> Result<AccessToken> {
    let mut parts: Vec<String> = token.as_str().split('.').map(str::to_owned).collect();
    let payload = parts.get_mut(1).context("no payload")?;
    let mut claims: Value = serde_json::from_slice(&base64url::decode(payload.as_str())?)?;
    let changes = changes(&claims);
    if let (Some(claims), Some(changes)) = (claims.as_object_mut(), changes.as_object()) {
        claims.extend(changes.clone());
    }
    *payload = base64url::encode(claims.to_string());
    Ok(AccessToken::parse(&parts.join("."))?)
}
