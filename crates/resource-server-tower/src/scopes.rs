//! Scopes of single routes, behind the layer that checks token and proof.

use std::sync::Arc;

use resource_server::{RequiredScopes, ScopeMatching};
use tower_layer::Layer;

use crate::requirement::{Requirement, RequirementService};

/// A layer for routes that demand scopes of their own: 403 `insufficient_scope` without them (RFC 6750 §3.1). It stands
/// inside of a [`DpopLayer`](crate::DpopLayer); where there is none, every request is answered with 500.
///
/// ```
/// use resource_server_tower::{RequireScopes, ScopeMatching};
///
/// let writers = RequireScopes::all(["orders:write"]);
/// let readers = RequireScopes::matching(ScopeMatching::Hierarchic, ["orders.read"]);
/// # let _ = (writers, readers);
/// ```
#[derive(Debug, Clone)]
pub struct RequireScopes {
    requirement: Arc<Requirement>,
}

impl RequireScopes {
    /// All of these scopes, compared as they are.
    #[must_use]
    pub fn all(scopes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self::matching(ScopeMatching::Exact, scopes)
    }

    /// All of these scopes, compared by `matching`.
    #[must_use]
    pub fn matching(matching: ScopeMatching, scopes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let values = scopes.into_iter().map(Into::into).collect();
        Self { requirement: Arc::new(Requirement::Scopes(RequiredScopes { matching, values })) }
    }
}

impl<S> Layer<S> for RequireScopes {
    type Service = RequirementService<S>;

    fn layer(&self, inner: S) -> RequirementService<S> {
        RequirementService::new(inner, Arc::clone(&self.requirement))
    }
}
