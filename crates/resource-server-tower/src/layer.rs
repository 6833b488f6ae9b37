//! The layer.

use std::sync::Arc;

use dpop::Policy;
use jose::{Algorithm, AlgorithmSet};
use tower_layer::Layer;

use crate::builder::DpopLayerBuilder;
use crate::guard::Guard;
use crate::outcomes::Outcomes;
use crate::problem::ConfigurationError;
use crate::resource_metadata::ResourceMetadata;
use crate::route_policy::RoutePolicy;
use crate::service::DpopService;

/// Lets requests through to the inner service when token and proof are good. Clones, and layers made of it
/// [with another policy](Self::with_policy), share replay store, keys, nonces and what is remembered about tokens.
///
/// ```
/// use resource_server_tower::{DpopLayer, MemoryReplayStore, Mode, StaticKeys};
/// # let keys = testkit::FakeIssuer::new("https://issuer.example").jwk_set();
///
/// let layer = DpopLayer::rfc9449()
///     .issuer("https://issuer.example", StaticKeys::new(keys))
///     .audience("https://api.example.com")
///     .public_origin("https://api.example.com")
///     .mode(Mode::Require)
///     .replay_store(MemoryReplayStore::new(100_000))
///     .build()?;
/// # let _ = layer;
/// # Ok::<(), resource_server_tower::ConfigurationError>(())
/// ```
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

    /// Settings with a window, algorithms and limits of your own.
    ///
    /// ```
    /// use std::time::Duration;
    /// use resource_server_tower::{DpopLayer, Policy};
    ///
    /// let builder = DpopLayer::with_proof_policy(Policy { max_age: Duration::from_secs(20), ..Policy::rfc9449() });
    /// # let _ = builder;
    /// ```
    pub fn with_proof_policy(policy: Policy) -> DpopLayerBuilder {
        DpopLayerBuilder::new(policy, AlgorithmSet::new(Algorithm::ALL))
    }

    /// What this layer demands: to be cloned and changed for single routes.
    #[must_use]
    pub fn policy(&self) -> &RoutePolicy {
        self.guard.policy()
    }

    /// The same layer with another policy, for a route that asks for more or less. Nothing of this layer's own policy is
    /// kept, so start with [`policy`](Self::policy) to change a part of it.
    ///
    /// Put it around the route in place of this one: a proof is spent by the first layer that sees it.
    ///
    /// ```
    /// use std::time::Duration;
    /// use resource_server_tower::{DpopLayer, MemoryReplayStore, Mode, RequiredScopes, RoutePolicy, StaticKeys};
    /// # let keys = StaticKeys::new(testkit::FakeIssuer::new("https://issuer.example").jwk_set());
    ///
    /// let dpop = DpopLayer::rfc9449()
    ///     .issuer("https://issuer.example", keys)
    ///     .audience("https://api.example.com")
    ///     .public_origin("https://api.example.com")
    ///     .mode(Mode::Permit)
    ///     .replay_store(MemoryReplayStore::new(100_000))
    ///     .build()?;
    /// let transfers = dpop.with_policy(RoutePolicy {
    ///     mode: Mode::Require,
    ///     scopes: RequiredScopes::all(["transfer"]),
    ///     ..dpop.policy().clone()
    /// })?;
    /// # let _ = transfers;
    /// # Ok::<(), resource_server_tower::ConfigurationError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A [`ConfigurationError`] when the policy contradicts itself or asks for what the layer does not have: nonces without
    /// keys, one use of each proof without a replay store, access tokens of an algorithm that the layer accepts of no issuer.
    pub fn with_policy(&self, policy: RoutePolicy) -> Result<Self, ConfigurationError> {
        self.guard.with_policy(policy).map(Self::new)
    }

    /// What became of the requests so far, through this layer, its clones and those with other policies.
    #[must_use]
    pub fn outcomes(&self) -> Outcomes {
        self.guard.shared.counts.read()
    }

    /// The metadata document of the resource; `None` unless the builder's
    /// [`resource_metadata`](DpopLayerBuilder::resource_metadata) was called.
    #[must_use]
    pub fn resource_metadata(&self) -> Option<&ResourceMetadata> {
        self.guard.shared.metadata.as_ref()
    }
}

impl<S> Layer<S> for DpopLayer {
    type Service = DpopService<S>;

    fn layer(&self, inner: S) -> DpopService<S> {
        DpopService::new(inner, Arc::clone(&self.guard))
    }
}
