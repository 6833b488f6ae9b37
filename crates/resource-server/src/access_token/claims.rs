//! The claims of a token, wherever they come from, and the checks that do not ask how they got here (R39).

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use jose::UnixTime;
use oauth::{Audience, AudienceError};
use serde_json::{Map, Value};

use super::TokenError;

/// The claims of an access token, shared and never copied.
///
/// ```
/// use resource_server::Claims;
///
/// let members = serde_json::from_str(r#"{ "sub": "alice", "tenant": 7 }"#)?;
/// let claims = Claims::new(members);
/// assert_eq!(claims["tenant"], 7);
/// assert_eq!(format!("{claims:?}"), "Claims(2)"); // values are personal data
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Claims(Arc<Value>);

impl Claims {
    /// Takes the members of a JSON object.
    #[must_use]
    pub fn new(claims: Map<String, Value>) -> Self {
        Self(Arc::new(Value::Object(claims)))
    }

    /// All claims as one JSON object, to be shared on.
    #[must_use]
    pub fn to_value(&self) -> Arc<Value> {
        Arc::clone(&self.0)
    }
}

impl Deref for Claims {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Map<String, Value> {
        static NONE: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
        // Only an object is ever put in.
        self.0.as_object().unwrap_or(&NONE)
    }
}

/// Says how many claims there are: their values are personal data.
impl fmt::Debug for Claims {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Claims({})", self.len())
    }
}

/// Keycloak's payload `typ` tells ID and refresh tokens from access tokens.
pub(super) fn check_type(claims: &Map<String, Value>) -> Result<(), TokenError> {
    match claims.get("typ").and_then(Value::as_str) {
        Some("ID" | "Refresh" | "Offline" | "Logout") => Err(TokenError::Type),
        Some(_) | None => Ok(()),
    }
}

/// The claims that a token is measured by on every request, read once with their types.
#[derive(Debug, Clone)]
pub(super) struct Measured {
    audience: Result<Audience, AudienceError>,
    not_before: Option<UnixTime>,
    /// `exp`.
    pub(super) expires_at: Option<UnixTime>,
    issued_at: Option<UnixTime>,
}

impl Measured {
    /// Reads `nbf`, `exp`, `iat` and `aud`. An `aud` of the wrong type is an error where one is demanded only.
    pub(super) fn read(claims: &Map<String, Value>) -> Result<Self, BadClaim> {
        Ok(Self {
            audience: Audience::from_claims(claims),
            not_before: time(claims, "nbf")?,
            expires_at: time(claims, "exp")?,
            issued_at: time(claims, "iat")?,
        })
    }

    /// One of `accepted` must be in `aud`; nothing is demanded if there are none.
    pub(super) fn check_audience(&self, accepted: &[String]) -> Result<(), TokenError> {
        if accepted.is_empty() {
            return Ok(());
        }
        let audience = self.audience.as_ref().map_err(|_| TokenError::BadClaim("aud"))?;
        if accepted.iter().any(|accepted| audience.contains_or_lists(accepted)) {
            Ok(())
        } else {
            Err(TokenError::Audience)
        }
    }

    /// `nbf`, `exp` where it is there, `iat`.
    pub(super) fn check_times(&self, leeway: Duration, now: UnixTime) -> Result<(), TokenError> {
        if self.not_before.is_some_and(|nbf| nbf > now.saturating_add(leeway)) {
            return Err(TokenError::NotYetValid);
        }
        if self.expires_at.is_some_and(|exp| exp.saturating_add(leeway) <= now) {
            return Err(TokenError::Expired);
        }
        if self.issued_at.is_some_and(|iat| iat > now.saturating_add(leeway)) {
            return Err(TokenError::IssuedInFuture);
        }
        Ok(())
    }
}

/// The name of a claim that has the wrong type.
#[derive(Debug, Clone, Copy)]
pub(super) struct BadClaim(&'static str);

impl From<BadClaim> for TokenError {
    fn from(BadClaim(name): BadClaim) -> Self {
        Self::BadClaim(name)
    }
}

/// A NumericDate; beyond the range it is clamped, and out of every window.
fn time(claims: &Map<String, Value>, name: &'static str) -> Result<Option<UnixTime>, BadClaim> {
    let Some(claim) = claims.get(name) else { return Ok(None) };
    UnixTime::from_numeric_date(claim).map(Some).ok_or(BadClaim(name))
}
