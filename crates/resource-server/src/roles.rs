//! Does a token hold the roles that a route demands?

use serde_json::{Map, Value};

/// Roles that a route demands, and the claim that grants them. There is no standard place for roles, so it is always
/// named.
///
/// ```
/// use resource_server::RequiredRoles;
///
/// let claims = serde_json::json!({ "realm_access": { "roles": ["clerk"] } });
/// let claims = claims.as_object().ok_or("an object")?;
/// assert!(RequiredRoles::any(["realm_access", "roles"], ["clerk", "manager"]).are_granted(claims));
/// assert!(!RequiredRoles::all(["realm_access", "roles"], ["clerk", "manager"]).are_granted(claims));
/// # Ok::<(), &str>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequiredRoles {
    /// The names that lead to the claim, from the outside in: `realm_access`, `roles`. Each is one name, dots and
    /// slashes included.
    pub claim: Vec<String>,
    /// Whether one of the roles suffices; else all are needed.
    pub any: bool,
    /// The roles, compared as they are. Nobody holds one of none.
    pub roles: Vec<String>,
}

impl RequiredRoles {
    /// All of these roles. Of none, everybody holds all.
    #[must_use]
    pub fn all(
        claim: impl IntoIterator<Item = impl Into<String>>,
        roles: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        let claim = claim.into_iter().map(Into::into).collect();
        Self { claim, any: false, roles: roles.into_iter().map(Into::into).collect() }
    }

    /// At least one of these roles. Of none, nobody holds one.
    #[must_use]
    pub fn any(
        claim: impl IntoIterator<Item = impl Into<String>>,
        roles: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self { any: true, ..Self::all(claim, roles) }
    }

    /// Does the claim grant the roles? It holds a list of texts, or one text that is one role. Anything else, a list with
    /// another element included, grants nothing.
    #[must_use]
    pub fn are_granted(&self, claims: &Map<String, Value>) -> bool {
        let granted = granted(&self.claim, claims).unwrap_or_default();
        let is_granted = |role: &String| granted.contains(&role.as_str());
        match self.any {
            true => self.roles.iter().any(is_granted),
            false => self.roles.iter().all(is_granted),
        }
    }
}

fn granted<'a>(path: &[String], claims: &'a Map<String, Value>) -> Option<Vec<&'a str>> {
    let (first, rest) = path.split_first()?;
    let claim = rest.iter().try_fold(claims.get(first)?, |value, name| value.as_object()?.get(name))?;
    match claim {
        Value::String(role) => Some(vec![role]),
        Value::Array(roles) => roles.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn roles_are_where_the_path_leads() {
        let nested = json!({"realm_access": {"roles": ["user", "admin"]}, "https://a.example/roles": "user"});
        for (claim, any, roles, claims, expected) in [
            (&["realm_access", "roles"][..], false, &["admin", "user"][..], &nested, true),
            (&["realm_access", "roles"], false, &["admin", "owner"], &nested, false),
            (&["realm_access", "roles"], true, &["admin", "owner"], &nested, true),
            (&["realm_access", "roles"], true, &["Admin", "adm"], &nested, false),
            (&["realm_access", "roles"], true, &[], &nested, false),
            (&["realm_access.roles"], true, &["admin"], &nested, false),
            (&["realm_access"], true, &["roles"], &nested, false),
            (&["realm_access", "roles", "0"], true, &["user"], &nested, false),
            (&[], true, &["user"], &nested, false),
            (&["https://a.example/roles"], true, &["user"], &nested, true),
            (&["roles"], true, &["user"], &json!({"roles": ["user", 1]}), false),
            (&["roles"], true, &["user"], &json!({"roles": "user admin"}), false),
            (&["roles"], true, &["user"], &json!({"roles": {"user": true}}), false),
            (&["roles"], false, &["user"], &json!({"roles": null}), false),
            (&["roles"], false, &["user"], &json!({}), false),
        ] {
            let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
            let required = RequiredRoles { claim: texts(claim), any, roles: texts(roles) };
            let granted = required.are_granted(claims.as_object().unwrap());
            assert_eq!(granted, expected, "{required:?} {claims}");
        }
    }
}
