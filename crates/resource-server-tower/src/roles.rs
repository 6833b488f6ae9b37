//! Roles of single routes, behind the layer that checks token and proof.

use std::sync::Arc;

use resource_server::RequiredRoles;
use tower_layer::Layer;

use crate::requirement::{Requirement, RequirementService};

/// A layer for routes that demand roles: 403 `insufficient_scope`, with no scope named, without them (RFC 6750 §3.1). It
/// stands inside of a [`DpopLayer`](crate::DpopLayer); where there is none, every request is answered with 500.
///
/// The first argument is the path to the claim, one name for each level: no standard says where roles are.
///
/// ```
/// use resource_server_tower::RequireRoles;
///
/// let admins = RequireRoles::all(["realm_access", "roles"], ["admin"]);
/// let staff = RequireRoles::any(["https://shop.example/roles"], ["clerk", "manager"]);
/// ```
#[derive(Debug, Clone)]
pub struct RequireRoles {
    requirement: Arc<Requirement>,
}

impl RequireRoles {
    /// All of these roles, compared as they are. Of none, everybody holds all.
    #[must_use]
    pub fn all(
        claim: impl IntoIterator<Item = impl Into<String>>,
        roles: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self { requirement: Arc::new(Requirement::Roles(RequiredRoles::all(claim, roles))) }
    }

    /// At least one of these roles, compared as they are. Of none, nobody holds one.
    #[must_use]
    pub fn any(
        claim: impl IntoIterator<Item = impl Into<String>>,
        roles: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self { requirement: Arc::new(Requirement::Roles(RequiredRoles::any(claim, roles))) }
    }
}

impl<S> Layer<S> for RequireRoles {
    type Service = RequirementService<S>;

    fn layer(&self, inner: S) -> RequirementService<S> {
        RequirementService::new(inner, Arc::clone(&self.requirement))
    }
}
