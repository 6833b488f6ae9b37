//! JWT access tokens (RFC 9068, RFC 8725): key, algorithm, signature, then `iss`, `aud`, `nbf`, `exp`, `iat`, `cnf`.

use std::time::Duration;

use jose::jwt::{JwtError, UnverifiedJwt};
use jose::{Algorithm, JwkSet, UnixTime};
use oauth::{AccessToken, Confirmation, ConfirmationError};
use serde_json::{Map, Value};
use thiserror::Error;

use crate::jwks::{KeySource, KeySourceError};
use crate::policy::TokenPolicy;

/// How many keys are tried for a token without a `kid`.
const MAX_CANDIDATES: usize = 8;

/// An access token that is good by itself. If it is [bound](Confirmation), the request still has to prove the key.
#[derive(Debug)]
pub struct VerifiedToken {
    /// All claims.
    pub claims: Map<String, Value>,
    /// What the token is bound to; `None` for a bearer token.
    pub confirmation: Option<Confirmation>,
}

/// Why an access token is not accepted: 401 `invalid_token`, except for [`TokenError::Keys`], a fault.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TokenError {
    /// No JWT, or one with `none`, a MAC, `crit`, `b64` or `zip`.
    #[error("the access token is no acceptable JWT")]
    Malformed(#[source] JwtError),
    /// `typ` says that this is something else than an access token (RFC 8725 §3.11).
    #[error("the token is not an access token")]
    Type,
    /// The algorithm is not in the configured list.
    #[error("the algorithm of the access token is not allowed")]
    Algorithm,
    /// None of the issuer's keys fits.
    #[error("no key of the issuer fits the access token")]
    UnknownKey,
    /// The signature does not verify.
    #[error("the signature of the access token does not verify")]
    Signature,
    /// `iss` is missing or none of the configured issuers, byte for byte.
    #[error("the access token comes from another issuer")]
    Issuer,
    /// `aud` holds none of the configured audiences.
    #[error("the access token is for another audience")]
    Audience,
    /// `exp` is over.
    #[error("the access token has expired")]
    Expired,
    /// `nbf` is still to come.
    #[error("the access token is not yet valid")]
    NotYetValid,
    /// `iat` is in the future.
    #[error("the access token was issued in the future")]
    IssuedInFuture,
    /// A time claim that is no number, or no `exp` at all.
    #[error("the claim `{0}` of the access token is missing or has the wrong type")]
    BadClaim(&'static str),
    /// `cnf` is there and says nothing that can be checked (RFC 7800 §3.1, D15).
    #[error("the binding of the access token can not be read")]
    Confirmation(#[source] ConfirmationError),
    /// The issuer's keys can not be had now.
    #[error("the issuer's keys are not available")]
    Keys(#[source] KeySourceError),
}

/// Checks a JWT access token against the issuer's keys and `policy`.
pub(crate) async fn verify(
    token: &AccessToken,
    keys: &dyn KeySource,
    policy: &TokenPolicy,
    now: UnixTime,
) -> Result<VerifiedToken, TokenError> {
    let jwt = UnverifiedJwt::parse(token.as_str()).map_err(TokenError::Malformed)?;
    check_type(&jwt)?;
    let algorithm = jwt.header.alg;
    if !policy.algorithms.contains(algorithm) {
        return Err(TokenError::Algorithm);
    }
    let keys = keys.keys(jwt.header.kid.as_deref(), now).await.map_err(TokenError::Keys)?;
    check_signature(&jwt, &keys, algorithm)?;
    check_issuer(&jwt.claims, policy)?;
    check_audience(&jwt.claims, policy)?;
    check_times(&jwt.claims, policy.leeway, now)?;
    let confirmation = Confirmation::from_claims(&jwt.claims).map_err(TokenError::Confirmation)?;
    Ok(VerifiedToken { claims: jwt.claims, confirmation })
}

/// Header `typ` absent, `JWT` (Keycloak) or `at+jwt` (RFC 9068 §2.1); Keycloak's payload `typ` tells ID and refresh
/// tokens apart.
fn check_type(jwt: &UnverifiedJwt) -> Result<(), TokenError> {
    if let Some(typ) = &jwt.header.typ {
        let typ = typ.to_ascii_lowercase();
        if !matches!(typ.strip_prefix("application/").unwrap_or(&typ), "jwt" | "at+jwt") {
            return Err(TokenError::Type);
        }
    }
    match jwt.claims.get("typ").and_then(Value::as_str) {
        Some("ID" | "Refresh" | "Offline" | "Logout") => Err(TokenError::Type),
        Some(_) | None => Ok(()),
    }
}

fn check_signature(jwt: &UnverifiedJwt, keys: &JwkSet, algorithm: Algorithm) -> Result<(), TokenError> {
    let mut outcome = Err(TokenError::UnknownKey);
    for candidate in keys.candidates(jwt.header.kid.as_deref(), algorithm).take(MAX_CANDIDATES) {
        if jwt.verify(&candidate.key).is_ok() {
            return Ok(());
        }
        outcome = Err(TokenError::Signature);
    }
    outcome
}

fn check_issuer(claims: &Map<String, Value>, policy: &TokenPolicy) -> Result<(), TokenError> {
    let issuer = claims.get("iss").and_then(Value::as_str).ok_or(TokenError::Issuer)?;
    if policy.issuers.iter().any(|accepted| accepted == issuer) { Ok(()) } else { Err(TokenError::Issuer) }
}

/// `aud` is a string, a list, or a string with blanks between the audiences.
fn check_audience(claims: &Map<String, Value>, policy: &TokenPolicy) -> Result<(), TokenError> {
    if policy.audience.is_empty() {
        return Ok(());
    }
    let accepted = |audience: &str| policy.audience.iter().any(|accepted| accepted == audience);
    let found = match claims.get("aud") {
        Some(Value::String(audience)) => accepted(audience) || audience.split(' ').any(accepted),
        Some(Value::Array(audiences)) => audiences.iter().filter_map(Value::as_str).any(accepted),
        _ => false,
    };
    if found { Ok(()) } else { Err(TokenError::Audience) }
}

fn check_times(claims: &Map<String, Value>, leeway: Duration, now: UnixTime) -> Result<(), TokenError> {
    if time(claims, "nbf")?.is_some_and(|nbf| nbf > now.saturating_add(leeway)) {
        return Err(TokenError::NotYetValid);
    }
    let exp = time(claims, "exp")?.ok_or(TokenError::BadClaim("exp"))?;
    if exp.saturating_add(leeway) <= now {
        return Err(TokenError::Expired);
    }
    if time(claims, "iat")?.is_some_and(|iat| iat > now.saturating_add(leeway)) {
        return Err(TokenError::IssuedInFuture);
    }
    Ok(())
}

/// A NumericDate; beyond the range it is clamped, and out of every window.
fn time(claims: &Map<String, Value>, name: &'static str) -> Result<Option<UnixTime>, TokenError> {
    let Some(claim) = claims.get(name) else { return Ok(None) };
    UnixTime::from_numeric_date(claim).map(Some).ok_or(TokenError::BadClaim(name))
}
