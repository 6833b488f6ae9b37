//! The walk through the checks, in the order of the gateway. The checks themselves are those of `dpop`: here is only
//! told which was reached.

use dpop::{
    AccessTokenHash, CheckedProof, Htu, NonceCheck, Policy, ProofError, ResourceRequest, UnverifiedProof,
    verify_resource_request,
};
use jose::{JwkSet, JwkThumbprint, UnixTime, jwt::UnverifiedJwt};
use oauth::{AccessToken, Confirmation, ErrorCode, Scheme};
use serde::Serialize;

use super::failure::{self, Compared, Failure};
use crate::human_time;

/// The request.
pub(in crate::command) struct Sent<'a> {
    pub(in crate::command) scheme: &'a str,
    pub(in crate::command) token: &'a str,
    pub(in crate::command) proof: &'a str,
    pub(in crate::command) method: &'a str,
    pub(in crate::command) htu: &'a Htu,
}

/// What is known about the server.
pub(in crate::command) struct Server<'a> {
    pub(in crate::command) policy: &'a Policy,
    pub(in crate::command) jwks: Option<&'a JwkSet>,
    pub(in crate::command) nonce_required: bool,
    pub(in crate::command) nonce: Option<&'a str>,
    pub(in crate::command) now: UnixTime,
}

/// The checks in their order; framing and scopes, before and after them, are not about credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Check {
    Credentials,
    Form,
    Token,
    Binding,
    AccessTokenHash,
    Method,
    Target,
    Times,
    Signature,
    Replay,
}

/// One check and what came of it.
#[derive(Debug, Serialize)]
pub(in crate::command) struct Step {
    #[serde(rename = "step")]
    pub(in crate::command) number: u8,
    pub(in crate::command) title: &'static str,
    #[serde(flatten)]
    pub(in crate::command) outcome: Outcome,
}

#[derive(Debug, Serialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub(in crate::command) enum Outcome {
    Passed,
    Failed(Failure),
    NotChecked { reason: &'static str },
    NotReached,
}

impl Check {
    const ALL: [Self; 10] = [
        Self::Credentials,
        Self::Form,
        Self::Token,
        Self::Binding,
        Self::AccessTokenHash,
        Self::Method,
        Self::Target,
        Self::Times,
        Self::Signature,
        Self::Replay,
    ];

    fn title(self) -> &'static str {
        match self {
            Self::Credentials => "the Authorization header",
            Self::Form => "the form of the proof",
            Self::Token => "the access token",
            Self::Binding => "the key the token is bound to",
            Self::AccessTokenHash => "ath, the hash of the token",
            Self::Method => "htm, the method",
            Self::Target => "htu, the URL",
            Self::Times => "nonce and times",
            Self::Signature => "the signature of the proof",
            Self::Replay => "first use of the proof",
        }
    }
}

/// What the access token says, as far as it can be read.
struct Token {
    hash: AccessTokenHash,
    /// `None` for an opaque token.
    bound_to: Option<JwkThumbprint>,
    /// Why the token is not believed in full, if so.
    not_checked: Option<&'static str>,
}

/// Walks until the first check that fails.
pub(in crate::command) fn walk(sent: &Sent<'_>, server: &Server<'_>) -> Vec<Step> {
    let mut notes = Vec::new();
    let mut failed = checks(sent, server, &mut notes).err();
    let mut is_reached = true;
    // Numbered as in the order of the gateway, whose first step is about HTTP itself.
    Check::ALL
        .into_iter()
        .zip(2..)
        .map(|(check, number)| {
            let outcome = match failed.take_if(|(at, _)| *at == check) {
                Some((_, failure)) => {
                    is_reached = false;
                    Outcome::Failed(failure)
                }
                None if !is_reached => Outcome::NotReached,
                None => match notes.iter().find(|(at, _)| *at == check) {
                    Some((_, reason)) => Outcome::NotChecked { reason },
                    None => Outcome::Passed,
                },
            };
            Step { number, title: check.title(), outcome }
        })
        .collect()
}

fn checks(
    sent: &Sent<'_>,
    server: &Server<'_>,
    notes: &mut Vec<(Check, &'static str)>,
) -> Result<(), (Check, Failure)> {
    let (scheme, token) = credentials(sent).map_err(|failure| (Check::Credentials, failure))?;
    let proof = UnverifiedProof::parse(sent.proof, server.policy)
        .map_err(|error| (Check::Form, failure::of_form(&error, server)))?;
    let token = judge_token(&token, scheme, server).map_err(|failure| (Check::Token, failure))?;
    notes.extend(token.not_checked.map(|reason| (Check::Token, reason)));
    if token.bound_to.is_none() {
        notes.push((Check::Binding, "an opaque token tells it to its server only"));
    }
    verify_proof(proof, &token, sent, server)?;
    notes.push((Check::Replay, "only the server knows the proofs it has seen"));
    Ok(())
}

fn credentials(sent: &Sent<'_>) -> Result<(Scheme, AccessToken), Failure> {
    let code = ErrorCode::InvalidRequest;
    let scheme = sent.scheme.parse().map_err(|_| {
        Failure::new(
            "the scheme is neither DPoP nor Bearer",
            code,
            "Send `Authorization: DPoP` and the token.",
        )
        .with_sides("DPoP", sent.scheme)
    })?;
    let token = AccessToken::parse(sent.token).map_err(|error| {
        Failure::new(error.to_string(), code, "Send the token as it was issued, in one line.")
    })?;
    Ok((scheme, token))
}

fn judge_token(token: &AccessToken, scheme: Scheme, server: &Server<'_>) -> Result<Token, Failure> {
    let code = ErrorCode::InvalidToken;
    let hash = AccessTokenHash::of(token);
    let Ok(jwt) = UnverifiedJwt::parse(token.as_str()) else {
        let reason = "it is opaque, and its server asks the issuer about it";
        return Ok(Token { hash, bound_to: None, not_checked: Some(reason) });
    };
    let not_checked = match server.jwks {
        None => Some("its signature, issuer and audience: give --jwks for the signature"),
        Some(jwks) => {
            let (kid, alg) = (jwt.header.kid.as_deref(), jwt.header.alg);
            if !jwks.candidates(kid, alg).any(|key| jwt.verify(&key.key).is_ok()) {
                let problem = "no key of the issuer verifies the signature of the token";
                return Err(Failure::new(
                    problem,
                    code,
                    "Is the token from this issuer, and its key still in use?",
                ));
            }
            None
        }
    };
    check_token_times(&jwt, server)?;
    let confirmation = Confirmation::from_claims(&jwt.claims)
        .map_err(|error| Failure::new(error.to_string(), code, "The issuer binds tokens with `cnf.jkt`."))?;
    let bound_to = confirmation.and_then(|confirmation| confirmation.jkt);
    match (scheme, bound_to) {
        // A bound token sent as Bearer is refused everywhere, whatever proof goes along (RFC 9449 §7.2).
        (Scheme::Bearer, Some(_)) => Err(Failure::new(
            "a token that is bound to a key came as Bearer",
            code,
            "Send `Authorization: DPoP` and the token.",
        )
        .with_sides("DPoP", "Bearer")),
        (_, None) => Err(Failure::new(
            "the token is bound to no key",
            code,
            "Send a proof with the token request, too; is the client allowed to use DPoP at its issuer?",
        )
        .with_sides("cnf.jkt in the token", "no cnf.jkt")),
        (Scheme::Dpop, Some(jkt)) => Ok(Token { hash, bound_to: Some(jkt), not_checked }),
    }
}

fn check_token_times(jwt: &UnverifiedJwt, server: &Server<'_>) -> Result<(), Failure> {
    let (now, skew) = (server.now, server.policy.clock_skew);
    let time = |name: &str| jwt.claims.get(name).and_then(UnixTime::from_numeric_date);
    let sides = |failure: Failure, name: &str, time: UnixTime| {
        let (utc, relative) = (human_time::utc(time), human_time::relative(time, now));
        failure.with_sides(format!("valid at {}", human_time::utc(now)), format!("{name} {utc} ({relative})"))
    };
    if let Some(exp) = time("exp").filter(|exp| exp.checked_add(skew).is_some_and(|end| end <= now)) {
        let failure = Failure::new("the token has expired", ErrorCode::InvalidToken, "Get a new token.");
        return Err(sides(failure, "exp", exp));
    }
    if let Some(nbf) = time("nbf").filter(|nbf| nbf.checked_sub(skew).is_some_and(|start| start > now)) {
        let hint = "Compare the clocks of issuer and server.";
        let failure = Failure::new("the token is not valid yet", ErrorCode::InvalidToken, hint);
        return Err(sides(failure, "nbf", nbf));
    }
    Ok(())
}

fn verify_proof(
    proof: UnverifiedProof<'_>,
    token: &Token,
    sent: &Sent<'_>,
    server: &Server<'_>,
) -> Result<(), (Check, Failure)> {
    let (claims, thumbprint) = (proof.claims().clone(), *proof.thumbprint());
    // Nothing to compare for an opaque token: that check is told as not made.
    let bound_to = token.bound_to.unwrap_or(thumbprint);
    let request = ResourceRequest {
        method: sent.method,
        htu: sent.htu,
        access_token_hash: &token.hash,
        bound_to: &bound_to,
        // Nonces are sealed by the server; what can be known about them here is compared below.
        nonce: NonceCheck::NotRequired,
    };
    let verified = verify_resource_request(proof, &request, server.policy, server.now).map(forget);
    let compared = Compared {
        claims: &claims,
        thumbprint: &thumbprint,
        bound_to: &bound_to,
        access_token_hash: &token.hash,
    };
    let failed = verified.map_err(|error| failure::of_comparison(&error, &compared, sent, server)).err();
    // The nonce comes before the times and the signature.
    let is_before_nonce = |check: Check| !matches!(check, Check::Times | Check::Signature | Check::Replay);
    match failed {
        Some((check, failure)) if is_before_nonce(check) => Err((check, failure)),
        failed => match (nonce_failure(claims.nonce.as_deref(), server), failed) {
            (Some(failure), _) => Err((Check::Times, failure)),
            (None, Some(failed)) => Err(failed),
            (None, None) => Ok(()),
        },
    }
}

/// Nothing is granted by this program, so that there is no proof to claim.
fn forget(checked: CheckedProof) {
    drop(checked);
}

fn nonce_failure(found: Option<&str>, server: &Server<'_>) -> Option<Failure> {
    if !server.nonce_required && server.nonce.is_none() {
        return None;
    }
    let hint = "Take the DPoP-Nonce of the server's answer and send a new proof with it.";
    let expected = server.nonce.unwrap_or("a nonce of the server");
    match (found, server.nonce) {
        (None, _) => Some(
            Failure::new(ProofError::NonceMissing.to_string(), ErrorCode::UseDpopNonce, hint)
                .with_sides(expected, "no nonce"),
        ),
        (Some(found), Some(wanted)) if found != wanted => Some(
            Failure::new("the nonce is not the server's newest", ErrorCode::UseDpopNonce, hint)
                .with_sides(wanted, found),
        ),
        (Some(_), _) => None,
    }
}
