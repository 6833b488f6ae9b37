//! Does a token hold the scopes that a route demands?

use oauth::Scope;
use serde_json::{Map, Value};

/// How a granted scope covers a required one.
///
/// ```
/// use resource_server::{RequiredScopes, ScopeMatching};
///
/// let claims = serde_json::json!({ "scope": "orders" });
/// let required = |matching| RequiredScopes { matching, values: vec!["orders.read".to_owned()] };
/// let is_granted = |matching| claims.as_object().is_some_and(|claims| required(matching).are_granted(claims));
/// assert!(is_granted(ScopeMatching::Hierarchic));
/// assert!(!is_granted(ScopeMatching::Exact));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScopeMatching {
    /// The same text.
    Exact,
    /// Granted `foo` also covers `foo.bar`.
    Hierarchic,
    /// Granted `foo.*` covers `foo.` and anything behind.
    Wildcard,
}

/// The scopes a route demands: all of them.
///
/// ```
/// use resource_server::RequiredScopes;
///
/// let claims = serde_json::json!({ "scope": "profile orders" });
/// let claims = claims.as_object().ok_or("an object")?;
/// assert!(RequiredScopes::all(["orders"]).are_granted(claims));
/// assert!(!RequiredScopes::all(["orders", "payments"]).are_granted(claims));
/// # Ok::<(), &str>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequiredScopes {
    /// How granted and required are compared.
    pub matching: ScopeMatching,
    /// What is required; empty demands nothing.
    pub values: Vec<String>,
}

impl RequiredScopes {
    /// Demands nothing.
    #[must_use]
    pub fn none() -> Self {
        Self { matching: ScopeMatching::Exact, values: Vec::new() }
    }

    /// All of these scopes, compared as they are.
    #[must_use]
    pub fn all(scopes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { matching: ScopeMatching::Exact, values: scopes.into_iter().map(Into::into).collect() }
    }

    /// Are all required scopes granted by `scp` or, where that is missing or empty, by `scope`? Claims that are no scopes
    /// grant nothing.
    #[must_use]
    pub fn are_granted(&self, claims: &Map<String, Value>) -> bool {
        if self.values.is_empty() {
            return true;
        }
        let granted = Scope::from_claims(claims).unwrap_or_default();
        self.values
            .iter()
            .all(|required| granted.iter().any(|granted| self.matching.covers(granted, required)))
    }
}

impl ScopeMatching {
    fn covers(self, granted: &str, required: &str) -> bool {
        match self {
            Self::Exact => granted == required,
            Self::Hierarchic => {
                required.strip_prefix(granted).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            }
            Self::Wildcard => match granted.strip_suffix('*') {
                Some(prefix) => required.len() >= prefix.len() && required.starts_with(prefix),
                None => granted == required,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(matching: ScopeMatching, required: &[&str], claims: Value, expected: bool) {
        let values = required.iter().map(ToString::to_string).collect();
        let granted = RequiredScopes { matching, values }.are_granted(claims.as_object().unwrap());
        assert_eq!(granted, expected, "{required:?} {claims}");
    }

    #[test]
    fn exact_needs_all() {
        check(ScopeMatching::Exact, &["a", "b"], json!({"scope": "b  a"}), true);
        check(ScopeMatching::Exact, &["a", "b"], json!({"scope": "a"}), false);
        check(ScopeMatching::Exact, &["a"], json!({"scope": "a.b"}), false);
        check(ScopeMatching::Exact, &["a"], json!({}), false);
        check(ScopeMatching::Exact, &[], json!({}), true);
        check(ScopeMatching::Exact, &["a"], json!({"scope": ["a", 1]}), false);
    }

    #[test]
    fn scp_comes_before_scope() {
        check(ScopeMatching::Exact, &["a"], json!({"scp": ["a"], "scope": "b"}), true);
        check(ScopeMatching::Exact, &["b"], json!({"scp": ["a"], "scope": "b"}), false);
        check(ScopeMatching::Exact, &["b"], json!({"scp": [], "scope": "b"}), true);
    }

    #[test]
    fn hierarchic_covers_below() {
        check(ScopeMatching::Hierarchic, &["foo.bar"], json!({"scope": "foo"}), true);
        check(ScopeMatching::Hierarchic, &["foobar"], json!({"scope": "foo"}), false);
        check(ScopeMatching::Hierarchic, &["foo"], json!({"scope": "foo.bar"}), false);
    }

    #[test]
    fn wildcard_covers_behind_the_dot() {
        check(ScopeMatching::Wildcard, &["foo.bar"], json!({"scope": "foo.*"}), true);
        check(ScopeMatching::Wildcard, &["foo."], json!({"scope": "foo.*"}), true);
        check(ScopeMatching::Wildcard, &["foo"], json!({"scope": "foo.*"}), false);
    }
}
