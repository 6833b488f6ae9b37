//! The access token itself: who issued it, for whom, until when, and to which key it is bound.
//!
//! The verdict comes from one of two places: the token is a JWT that is checked against its issuer's keys ([`JwtTokens`]),
//! or the issuer is asked about it ([`IntrospectedTokens`]). Everything after that, binding, proof and scopes, is the same.

mod claims;
mod for_route;
mod introspection;
mod jwt;

use dpop::{AccessTokenHash, ProvenKey};
use jose::UnixTime;
use jose::jwt::{JwtError, UnverifiedJwt};
use oauth::{AccessTokenRef, Confirmation, ConfirmationError};
use serde_json::Value;
use thiserror::Error;

pub use claims::Claims;
pub use introspection::{IntrospectedTokens, IntrospectionError, IntrospectionPolicy, VerdictLifetime};
pub use jwt::{IssuerNames, JwtTokens, TrustedIssuer};

use crate::certified_keys::CertificateError;
use crate::discovery::DiscoveryError;
use crate::jwks::KeySourceError;

/// Which access tokens are accepted, and who says so.
///
/// ```
/// use resource_server::{AccessTokens, IntrospectedTokens, JwtTokens};
///
/// fn either(jwts: Option<JwtTokens>, asked: IntrospectedTokens) -> AccessTokens {
///     jwts.map_or_else(|| asked.into(), AccessTokens::from)
/// }
/// ```
#[derive(Debug, Clone)]
pub enum AccessTokens {
    /// JWTs, checked here.
    Jwt(JwtTokens),
    /// Tokens of any form, about which the issuer is asked.
    Introspected(IntrospectedTokens),
    /// JWTs about which their issuer is asked: `iss`, byte for byte, and who answers for it.
    IntrospectedByIssuer(Vec<(String, IntrospectedTokens)>),
}

/// An access token that is good by itself. If it is [bound](Confirmation), the request still has to prove the key.
///
/// ```
/// use resource_server::VerifiedToken;
///
/// fn is_bound(token: &VerifiedToken) -> bool {
///     token.confirmation.is_some()
/// }
/// ```
#[derive(Debug, Clone)]
pub struct VerifiedToken {
    /// All claims.
    pub claims: Claims,
    /// What the token is bound to; `None` for a bearer token.
    pub confirmation: Option<Confirmation>,
    /// The key it is bound to, once it was proven while the token is remembered.
    pub proven_key: ProvenKey,
}

/// Why an access token is not accepted: 401 `invalid_token`, except for the [faults](TokenError::is_fault).
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
    /// The issuer publishes the key with a certificate that is not accepted.
    #[error("the certificate of the issuer's key is not accepted: {0}")]
    Certificate(CertificateError),
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
    /// A claim of the wrong type, or no `exp` at all in a JWT.
    #[error("the claim `{0}` of the access token is missing or has the wrong type")]
    BadClaim(&'static str),
    /// The claim that names who uses the token is missing, empty or no text (RFC 9068 §2.2). Which claim that is, is for
    /// the caller of the verifier to say: see [`Verifier::subject_missing`](crate::Verifier::subject_missing).
    #[error("the access token does not name its subject")]
    SubjectMissing,
    /// `cnf` is there and says nothing that can be checked (RFC 7800 §3.1, D15).
    #[error("the binding of the access token can not be read")]
    Confirmation(#[source] ConfirmationError),
    /// The introspection endpoint says that the token is not active (RFC 7662 §2.2).
    #[error("the access token is not active")]
    Inactive,
    /// `token_type` of the introspection response contradicts its `cnf` (R38).
    #[error("the introspection response contradicts itself about the binding of the access token")]
    Contradiction,
    /// The issuer's keys can not be had now: a fault.
    #[error("the issuer's keys are not available")]
    Keys(#[source] KeySourceError),
    /// The issuer's metadata can not be had now: a fault.
    #[error("the issuer's metadata are not available")]
    Discovery(#[source] DiscoveryError),
    /// The introspection endpoint has said nothing about the token: a fault.
    #[error("the introspection endpoint gives no verdict")]
    Introspection(#[source] IntrospectionError),
}

impl TokenError {
    /// Whether this is a dependency's fault and says nothing about the token.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        matches!(self, Self::Keys(_) | Self::Discovery(_) | Self::Introspection(_))
    }

    /// Whether it is a fault because a dependency did not answer in time.
    #[must_use]
    pub fn timed_out(&self) -> bool {
        match self {
            Self::Keys(error) => error.timed_out(),
            Self::Discovery(error) => error.timed_out(),
            Self::Introspection(error) => error.timed_out(),
            _ => false,
        }
    }
}

impl AccessTokens {
    /// The verdict on `token`, whose SHA-256 is `hash`.
    pub(crate) async fn verify(
        &self,
        token: AccessTokenRef<'_>,
        hash: &AccessTokenHash,
        now: UnixTime,
    ) -> Result<VerifiedToken, TokenError> {
        match self {
            Self::Jwt(tokens) => tokens.verify(token, hash, now).await,
            Self::Introspected(tokens) => tokens.verify(token, hash, now).await,
            Self::IntrospectedByIssuer(issuers) => issuer_of(token, issuers)?.verify(token, hash, now).await,
        }
    }
}

/// Whom to ask about a JWT. Nothing vouches for its `iss` yet: whoever is asked must confirm it.
fn issuer_of<'a>(
    token: AccessTokenRef<'_>,
    issuers: &'a [(String, IntrospectedTokens)],
) -> Result<&'a IntrospectedTokens, TokenError> {
    let jwt = UnverifiedJwt::parse(token.as_str()).map_err(TokenError::Malformed)?;
    let name = jwt.claims.get("iss").and_then(Value::as_str).ok_or(TokenError::Issuer)?;
    let issuer = issuers.iter().find(|(own, _)| own == name);
    issuer.map(|(_, tokens)| tokens).ok_or(TokenError::Issuer)
}

impl From<JwtTokens> for AccessTokens {
    fn from(tokens: JwtTokens) -> Self {
        Self::Jwt(tokens)
    }
}

impl From<IntrospectedTokens> for AccessTokens {
    fn from(tokens: IntrospectedTokens) -> Self {
        Self::Introspected(tokens)
    }
}
