//! The `cnf` claim: which key a token is bound to (RFC 7800, section 3.1).

use jose::{JwkThumbprint, base64url};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

/// The confirmation of a token, with at least one method that this project can check.
///
/// A token with both methods is good only when both hold (decision D15).
///
/// ```
/// use oauth::Confirmation;
/// use serde_json::json;
///
/// let claims = json!({ "cnf": { "jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" } });
/// let bound = Confirmation::from_claims(claims.as_object().ok_or("an object")?)?;
/// assert!(bound.is_some_and(|confirmation| confirmation.jkt.is_some()));
///
/// let unreadable = json!({ "cnf": { "kid": "7" } });
/// assert!(Confirmation::from_claims(unreadable.as_object().ok_or("an object")?).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confirmation {
    /// `jkt`: thumbprint of the DPoP key (RFC 9449, section 6.1).
    pub jkt: Option<JwkThumbprint>,
    /// `x5t#S256`: SHA-256 of the client's DER certificate (RFC 8705, section 3.1).
    pub x5t_s256: Option<[u8; 32]>,
}

/// `cnf` is there and can not be checked: the token counts as bound in an unknown way and is refused (item R18, decision D15).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfirmationError {
    /// Not a JSON object (RFC 7800, section 3.1).
    #[error("cnf is not an object")]
    NotAnObject,
    /// Only members that are not understood, or none.
    #[error("cnf has no confirmation method that can be checked")]
    UnknownMethod,
    /// `jkt` is not a SHA-256 thumbprint of 43 base64url characters.
    #[error("cnf.jkt is not a thumbprint")]
    Jkt,
    /// `x5t#S256` is not a SHA-256 hash of 43 base64url characters.
    #[error("cnf.x5t#S256 is not a certificate hash")]
    X5tS256,
}

impl Confirmation {
    /// Reads `cnf` from the claims of a JWT or from the top level of an introspection response; `None` is a token bound to nothing.
    ///
    /// Members that are not understood are ignored beside one that is (RFC 7800, section 3.1).
    ///
    /// # Errors
    ///
    /// A [`ConfirmationError`] when there is a `cnf` of any other kind, `null` included.
    pub fn from_claims(claims: &Map<String, Value>) -> Result<Option<Self>, ConfirmationError> {
        let Some(confirmation) = claims.get("cnf") else { return Ok(None) };
        let members = confirmation.as_object().ok_or(ConfirmationError::NotAnObject)?;
        let jkt = members
            .get("jkt")
            .map(|value| {
                value.as_str().and_then(|text| JwkThumbprint::parse(text).ok()).ok_or(ConfirmationError::Jkt)
            })
            .transpose()?;
        let x5t_s256 = members
            .get("x5t#S256")
            .map(|value| {
                value
                    .as_str()
                    .and_then(|text| base64url::decode_array(text).ok())
                    .ok_or(ConfirmationError::X5tS256)
            })
            .transpose()?;
        if jkt.is_none() && x5t_s256.is_none() {
            return Err(ConfirmationError::UnknownMethod);
        }
        Ok(Some(Self { jkt, x5t_s256 }))
    }

    /// A token bound to a DPoP key.
    #[must_use]
    pub const fn of_key(jkt: JwkThumbprint) -> Self {
        Self { jkt: Some(jkt), x5t_s256: None }
    }
}

/// The value of the `cnf` claim.
impl Serialize for Confirmation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let jkt = self.jkt.map(|jkt| ("jkt", jkt.to_string()));
        let x5t_s256 = self.x5t_s256.map(|hash| ("x5t#S256", base64url::encode(hash)));
        serializer.collect_map(jkt.into_iter().chain(x5t_s256))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const JKT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";

    fn read(claims: Value) -> Result<Option<Confirmation>, ConfirmationError> {
        Confirmation::from_claims(claims.as_object().unwrap())
    }

    #[test]
    fn r18_reads_what_it_can_check_and_ignores_the_rest() {
        assert_eq!(read(json!({"sub": "a"})), Ok(None));
        let key = Confirmation::of_key(JwkThumbprint::parse(JKT).unwrap());
        assert_eq!(read(json!({"cnf": {"jkt": JKT}})), Ok(Some(key)));
        assert_eq!(read(json!({"cnf": {"jkt": JKT, "kid": "x", "jku": 1}})), Ok(Some(key)));
        let both = read(json!({"cnf": {"jkt": JKT, "x5t#S256": JKT}})).unwrap().unwrap();
        assert_eq!(both.x5t_s256.as_ref(), Some(both.jkt.unwrap().as_bytes()));
        assert_eq!(serde_json::to_value(both).unwrap(), json!({"jkt": JKT, "x5t#S256": JKT}));
        assert_eq!(read(json!({"cnf": {"x5t#S256": JKT}})).unwrap().unwrap().jkt, None);
    }

    #[test]
    fn r18_refuses_what_it_can_not_check() {
        for cnf in [json!(null), json!([]), json!("x"), json!(1), json!(true)] {
            assert_eq!(read(json!({"cnf": cnf})), Err(ConfirmationError::NotAnObject));
        }
        assert_eq!(read(json!({"cnf": {}})), Err(ConfirmationError::UnknownMethod));
        assert_eq!(read(json!({"cnf": {"jwk": {}, "JKT": JKT}})), Err(ConfirmationError::UnknownMethod));
        for jkt in [
            json!(null),
            json!(1),
            json!(""),
            json!("d1970e08e459358cbe0d6a6aab7d2367"),
            json!(format!("{JKT}=")),
            json!([JKT]),
        ] {
            assert_eq!(read(json!({"cnf": {"jkt": jkt}})), Err(ConfirmationError::Jkt));
        }
        assert_eq!(read(json!({"cnf": {"jkt": JKT, "x5t#S256": ""}})), Err(ConfirmationError::X5tS256));
    }
}
