//! The layer.

use std::sync::Arc;

use dpop::Policy;
use jose::{Algorithm, AlgorithmSet};
use tower_layer::Layer;

use crate::builder::DpopLayerBuilder;
use crate::guard::Guard;
use crate::resource_metadata::ResourceMetadata;
use crate::service::DpopService;

/// Lets requests through to the inner service when token and proof are good. Clones share replay store and keys.
#[derive(Debug, Clone)]
pub struct DpopLayer {
    guard: Arc<Guard>,
}

impl DpopLayer {
    pub(crate) fn new(guard: Guard) -> Self {
        Self { guard: Arc::new(guard) }
    }

    /// Settings with the window and the algorithms of [`Policy::rfc9449`]: proofs up to 60 s old. Access tokens may be
    /// signed with every asymmetric algorithm.
    pub fn rfc9449() -> DpopLayerBuilder {
        DpopLayerBuilder::new(Policy::rfc9449(), AlgorithmSet::new(Algorithm::ALL))
    }

    /// Settings of the FAPI 2.0 Security Profile (§5.4): ES256, PS256 and Ed25519 for proofs and access tokens.
    pub fn fapi2() -> DpopLayerBuilder {
        let policy = Policy::fapi2();
        let algorithms = policy.algorithms.clone();
        DpopLayerBuilder::new(policy, algorithms)
    }

    /// Settings of the MCP profile (SEP-1932): `iat` within five minutes either way.
    pub fn mcp() -> DpopLayerBuilder {
        DpopLayerBuilder::new(Policy::mcp(), AlgorithmSet::new(Algorithm::ALL))
    }

    /// Settings with a policy of your own.
    pub fn with_policy(policy: Policy) -> DpopLayerBuilder {
        DpopLayerBuilder::new(policy, AlgorithmSet::new(Algorithm::ALL))
    }

    /// The metadata document of the resource; `None` unless the builder's
    /// [`resource_metadata`](DpopLayerBuilder::resource_metadata) was called.
    #[must_use]
    pub fn resource_metadata(&self) -> Option<&ResourceMetadata> {
        self.guard.metadata.as_ref()
    }
}

impl<S> Layer<S> for DpopLayer {
    type Service = DpopService<S>;

    fn layer(&self, inner: S) -> DpopService<S> {
        DpopService::new(inner, Arc::clone(&self.guard))
    }
}
