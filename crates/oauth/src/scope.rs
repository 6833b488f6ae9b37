//! Scopes (RFC 6749, section 3.3), and where tokens carry them.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

/// A set of scope tokens, kept in the order they were written; compared with case.
///
/// ```
/// use oauth::Scope;
///
/// let granted = Scope::parse("profile orders:read orders:write")?;
/// assert!(granted.contains("orders:read"));
/// assert!(granted.contains_all(&Scope::from_tokens(["profile", "orders:write"])?));
/// assert!(!granted.contains("Profile"));
/// # Ok::<(), oauth::ScopeError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Scope(Vec<String>);

/// Not a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// A token has a character outside printable ASCII, or `"` or `\`.
    #[error("a scope has characters that are not allowed")]
    Character,
    /// The claim is neither a string nor a list of strings.
    #[error("a scope claim is neither a string nor a list of strings")]
    WrongType,
}

impl Scope {
    /// Parses tokens delimited by spaces; the empty text is the empty set.
    ///
    /// # Errors
    ///
    /// [`ScopeError::Character`].
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        Self::from_tokens(text.split(' ').filter(|token| !token.is_empty()))
    }

    /// The set of these tokens; repeated ones count once.
    ///
    /// # Errors
    ///
    /// [`ScopeError::Character`], also for an empty token or one with a space in it.
    pub fn from_tokens<'a>(tokens: impl IntoIterator<Item = &'a str>) -> Result<Self, ScopeError> {
        let mut scope = Self::default();
        for token in tokens {
            if token.is_empty() || !token.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
            {
                return Err(ScopeError::Character);
            }
            if !scope.contains(token) {
                scope.0.push(token.to_owned());
            }
        }
        Ok(scope)
    }

    /// Reads the claims of a token or an introspection response: `scp` where it is not empty, else `scope`; each a string (RFC 8693, section 4.2)
    /// or a list of strings, as some servers write it. Without either the set is empty.
    ///
    /// # Errors
    ///
    /// A [`ScopeError`] when a claim has another type or forbidden characters.
    pub fn from_claims(claims: &Map<String, Value>) -> Result<Self, ScopeError> {
        let read = |name| claims.get(name).map_or(Ok(Self::default()), Self::from_claim);
        let scp = read("scp")?;
        if scp.is_empty() { read("scope") } else { Ok(scp) }
    }

    fn from_claim(claim: &Value) -> Result<Self, ScopeError> {
        match claim {
            Value::String(text) => Self::parse(text),
            Value::Array(tokens) => {
                let tokens: Option<Vec<&str>> = tokens.iter().map(Value::as_str).collect();
                Self::from_tokens(tokens.ok_or(ScopeError::WrongType)?)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Err(ScopeError::WrongType),
        }
    }

    /// Whether the token is in the set.
    #[must_use]
    pub fn contains(&self, token: &str) -> bool {
        self.0.iter().any(|own| own == token)
    }

    /// Whether every token of `other` is in this set.
    #[must_use]
    pub fn contains_all(&self, other: &Self) -> bool {
        other.iter().all(|token| self.contains(token))
    }

    /// The tokens in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether there is no token.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl PartialEq for Scope {
    fn eq(&self, other: &Self) -> bool {
        self.contains_all(other) && other.contains_all(self)
    }
}

impl Eq for Scope {}

/// The tokens delimited by one space.
impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.join(" "))
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_claim(&Value::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(claims: Value) -> Result<String, ScopeError> {
        Scope::from_claims(claims.as_object().unwrap()).map(|scope| scope.to_string())
    }

    #[test]
    fn is_a_set_in_any_order() {
        assert_eq!(Scope::parse("a b  a").unwrap(), Scope::parse(" b a").unwrap());
        assert_eq!(Scope::parse("b a b").unwrap().to_string(), "b a");
        assert!(Scope::parse("a b c").unwrap().contains_all(&Scope::parse("c a").unwrap()));
        assert!(!Scope::parse("a").unwrap().contains_all(&Scope::parse("A").unwrap()));
        assert!(Scope::parse("").unwrap().is_empty());
        for bad in ["a\tb", "a\"", "\\", "é", "a\n"] {
            assert_eq!(Scope::parse(bad), Err(ScopeError::Character), "{bad:?}");
        }
    }

    #[test]
    fn reads_both_claims_in_both_shapes() {
        assert_eq!(of(json!({"scope": "a b"})).as_deref(), Ok("a b"));
        assert_eq!(of(json!({"scp": ["a", "b"]})).as_deref(), Ok("a b"));
        assert_eq!(of(json!({"scp": "c", "scope": "a"})).as_deref(), Ok("c"));
        assert_eq!(of(json!({"scp": [], "scope": ["a"]})).as_deref(), Ok("a"));
        assert_eq!(of(json!({})).as_deref(), Ok(""));
        assert_eq!(of(json!({"scp": ["a b"]})), Err(ScopeError::Character));
        for wrong in [json!(null), json!(1), json!({}), json!([1])] {
            assert_eq!(of(json!({"scope": wrong})), Err(ScopeError::WrongType));
        }
    }
}
