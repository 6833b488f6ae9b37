//! Answers of an introspection endpoint (RFC 7662, section 2.2).

use jose::json::{self, JsonError};
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

/// What an introspection endpoint says about a token.
///
/// ```
/// use oauth::introspection::IntrospectionResponse;
///
/// let answer = IntrospectionResponse::parse(br#"{ "active": true, "sub": "alice" }"#)?;
/// assert!(matches!(&answer, IntrospectionResponse::Active(claims) if claims["sub"] == "alice"));
/// // Nothing but `true` is active.
/// assert_eq!(IntrospectionResponse::parse(br#"{ "active": "true" }"#)?, IntrospectionResponse::Inactive);
/// # Ok::<(), jose::json::JsonError>(())
/// ```
#[derive(Clone, PartialEq)]
pub enum IntrospectionResponse {
    /// The token is good: its claims, without `active`.
    Active(Map<String, Value>),
    /// The token is not good, or is none of that endpoint's business; no more is told.
    Inactive,
}

impl IntrospectionResponse {
    /// Reads the JSON body of a successful answer. Only `active` with the JSON value `true` is active: a string, a number or nothing is not.
    ///
    /// # Errors
    ///
    /// A [`JsonError`] when the body is not one acceptable JSON object: then the endpoint has said nothing about the token.
    pub fn parse(body: &[u8]) -> Result<Self, JsonError> {
        let mut members = json::parse_object(body, json::MAX_DEPTH)?;
        Ok(match members.remove("active") {
            Some(Value::Bool(true)) => Self::Active(members),
            Some(_) | None => Self::Inactive,
        })
    }
}

impl Serialize for IntrospectionResponse {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self {
            Self::Active(claims) => {
                map.serialize_entry("active", &true)?;
                claims
                    .iter()
                    .filter(|(name, _)| *name != "active")
                    .try_for_each(|(name, value)| map.serialize_entry(name, value))?;
            }
            Self::Inactive => map.serialize_entry("active", &false)?,
        }
        map.end()
    }
}

/// Shows whether the token is active, not its claims.
impl std::fmt::Debug for IntrospectionResponse {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Active(_) => "Active",
            Self::Inactive => "Inactive",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_boolean_true_is_active() {
        for body in [
            "{}",
            r#"{"active":"true"}"#,
            r#"{"active":1}"#,
            r#"{"active":false,"sub":"a"}"#,
            r#"{"active":null}"#,
        ] {
            assert_eq!(
                IntrospectionResponse::parse(body.as_bytes()),
                Ok(IntrospectionResponse::Inactive),
                "{body}"
            );
        }
        let IntrospectionResponse::Active(claims) =
            IntrospectionResponse::parse(br#"{"active":true,"sub":"a"}"#).unwrap()
        else {
            panic!("not active");
        };
        assert_eq!(Value::Object(claims), serde_json::json!({"sub": "a"}));
        assert_eq!(IntrospectionResponse::parse(b"[]"), Err(JsonError::NotAnObject));
        assert_eq!(
            IntrospectionResponse::parse(br#"{"active":false,"active":true}"#),
            Err(JsonError::DuplicateMember)
        );
    }

    #[test]
    fn writes_what_it_reads() {
        let body = r#"{"active":true,"sub":"a"}"#;
        let response = IntrospectionResponse::parse(body.as_bytes()).unwrap();
        assert_eq!(serde_json::to_string(&response).unwrap(), body);
        assert_eq!(serde_json::to_string(&IntrospectionResponse::Inactive).unwrap(), r#"{"active":false}"#);
    }
}
