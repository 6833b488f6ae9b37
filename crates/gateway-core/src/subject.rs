//! Who the request comes from: one principal per name, the one named `default` always there once the authenticators are
//! through.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use crate::rules::rule::DEFAULT_PRINCIPAL;

/// What one authenticator established.
#[derive(Clone, PartialEq)]
pub struct Principal {
    /// The identifier, `sub` of a token unless configured otherwise.
    pub id: String,
    /// What is known about it: usually the claims of a token.
    pub attributes: Arc<Value>,
}

impl Principal {
    /// A principal nothing more is known about.
    #[must_use]
    pub fn without_attributes(id: impl Into<String>) -> Self {
        Self { id: id.into(), attributes: Arc::new(Value::Object(serde_json::Map::new())) }
    }
}

impl std::fmt::Debug for Principal {
    /// Leaves the attributes out: they are personal data.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Principal").finish_non_exhaustive()
    }
}

/// The principals of a request, by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Subject {
    principals: BTreeMap<String, Principal>,
}

impl Subject {
    /// Adds a principal, replacing one of the same name.
    pub fn insert(&mut self, name: &str, principal: Principal) {
        self.principals.insert(name.to_owned(), principal);
    }

    /// The principal `default`: whom `.Subject.ID` and `.Subject.Attributes` mean.
    #[must_use]
    pub fn default_principal(&self) -> Option<&Principal> {
        self.principals.get(DEFAULT_PRINCIPAL)
    }

    /// All principals in order of their names.
    pub fn principals(&self) -> impl Iterator<Item = (&str, &Principal)> {
        self.principals.iter().map(|(name, principal)| (name.as_str(), principal))
    }
}
