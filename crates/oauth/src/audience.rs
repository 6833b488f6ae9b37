//! The `aud` claim (RFC 7519, section 4.1.3).

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

/// Whom a token is for: one or several identifiers, compared exactly.
///
/// ```
/// use oauth::Audience;
/// use serde_json::json;
///
/// let claims = json!({ "aud": ["https://api.example.com", "https://reports.example.com"] });
/// let audience = Audience::from_claims(claims.as_object().ok_or("an object")?)?;
/// assert!(audience.contains("https://api.example.com"));
/// assert!(!audience.contains("https://api.example.com/"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audience(Vec<String>);

/// The claim is neither a string nor a list of strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("aud is neither a string nor a list of strings")]
pub struct AudienceError;

impl Audience {
    /// An audience of these identifiers.
    pub fn new(identifiers: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self(identifiers.into_iter().map(Into::into).collect())
    }

    /// Reads `aud` from claims; empty when there is none.
    ///
    /// # Errors
    ///
    /// [`AudienceError`] for any other type.
    pub fn from_claims(claims: &Map<String, Value>) -> Result<Self, AudienceError> {
        claims.get("aud").map_or(Ok(Self::default()), Self::from_claim)
    }

    fn from_claim(claim: &Value) -> Result<Self, AudienceError> {
        match claim {
            Value::String(identifier) => Ok(Self(vec![identifier.clone()])),
            Value::Array(identifiers) => identifiers
                .iter()
                .map(|value| value.as_str().map(str::to_owned))
                .collect::<Option<_>>()
                .map(Self)
                .ok_or(AudienceError),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Err(AudienceError),
        }
    }

    /// Whether the identifier is among them.
    #[must_use]
    pub fn contains(&self, identifier: &str) -> bool {
        self.0.iter().any(|own| own == identifier)
    }

    /// Whether one of the identifiers is it, or one is a list in itself, delimited by spaces, with it in it: some servers write `aud` so.
    #[must_use]
    pub fn contains_or_lists(&self, identifier: &str) -> bool {
        self.contains(identifier) || self.0.iter().any(|own| own.split(' ').any(|part| part == identifier))
    }

    /// The identifiers in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A string for one identifier, a list for any other number.
impl Serialize for Audience {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [identifier] => serializer.serialize_str(identifier),
            identifiers => serializer.collect_seq(identifiers),
        }
    }
}

impl<'de> Deserialize<'de> for Audience {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_claim(&Value::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(claims: Value) -> Result<Audience, AudienceError> {
        Audience::from_claims(claims.as_object().unwrap())
    }

    #[test]
    fn r39_compares_exactly() {
        let audience = of(json!({"aud": ["https://a.example", "b"]})).unwrap();
        assert!(audience.contains("https://a.example") && audience.contains("b"));
        for other in ["https://a.example/", "https://A.example", "a.example", "", "B"] {
            assert!(!audience.contains(other), "{other}");
        }
        assert!(of(json!({"aud": "a b"})).unwrap().contains_or_lists("b"));
        assert!(!of(json!({"aud": "a b"})).unwrap().contains("b"));
        assert!(of(json!({})).unwrap().is_empty());
        for wrong in [json!(null), json!(1), json!({}), json!(["a", 1])] {
            assert_eq!(of(json!({"aud": wrong})), Err(AudienceError));
        }
    }

    #[test]
    fn writes_one_as_a_string() {
        assert_eq!(serde_json::to_value(Audience::new(["a"])).unwrap(), json!("a"));
        assert_eq!(serde_json::to_value(Audience::new(["a", "b"])).unwrap(), json!(["a", "b"]));
    }
}
