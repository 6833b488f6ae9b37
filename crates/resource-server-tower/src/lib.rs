//! Protect your own API with access tokens that are bound to keys (DPoP, RFC 9449): a [tower] layer for any HTTP
//! service, and extractors for axum behind the feature `axum`.
//!
//! [`DpopLayer`] asks [`resource_server::Verifier`], the one verifier of Keybound. What may pass carries an
//! `Arc<`[`Verified`]`>` in the request's extensions; what may not is answered with the status, the challenge and the
//! nonce that the RFC asks for, and never reaches the service inside. What is forgotten or contradictory fails in
//! [`DpopLayerBuilder::build`], not on the first request.
//!
//! ```
//! use resource_server_tower::{DpopLayer, MemoryReplayStore, Mode, StaticKeys};
//! # let keys = testkit::FakeIssuer::new("https://issuer.example").jwk_set();
//!
//! let layer = DpopLayer::rfc9449()
//!     .issuer("https://issuer.example", StaticKeys::new(keys))
//!     .audience("https://api.example.com")
//!     .public_origin("https://api.example.com")
//!     .mode(Mode::Require)
//!     .replay_store(MemoryReplayStore::new(100_000))
//!     .build()?;
//! # Ok::<(), resource_server_tower::ConfigurationError>(())
//! ```
//!
//! The layer belongs outside of whatever rewrites paths, and inside of what answers CORS preflights: those carry no
//! credentials. Put it around a service once; two of them around one route would spend the same proof twice. For
//! scopes and roles of single routes there are [`RequireScopes`] and [`RequireRoles`].
//!
//! For a route that asks for more or less there is [`DpopLayer::with_policy`], for browsers [`cors`].
//!
//! What lives here: the target URI of a request, the clock, policies, answers. What does not: checks of tokens and proofs.
//! No runtime is needed without the features `axum` and `http-client`.
//!
//! [tower]: https://docs.rs/tower

#[cfg(feature = "axum")]
pub mod axum;

mod builder;
mod clock;
pub mod cors;
mod future;
mod guard;
mod layer;
mod outcomes;
mod problem;
mod proxy_watch;
mod requirement;
mod resource_metadata;
mod response;
mod roles;
mod route_policy;
mod scopes;
mod service;
mod shared;
mod target;

pub use builder::DpopLayerBuilder;
pub use clock::{Clock, SystemClock};
pub use dpop::{MemoryReplayStore, NonceRing, Policy, ReplayStore};
pub use future::ResponseFuture;
pub use jose::{Algorithm, AlgorithmSet, JwkSet, KeyPair, SymmetricKey, UnixTime};
pub use layer::DpopLayer;
pub use oauth::{ClientCredentials, ClientKey, ClientSecret};
pub use outcomes::Outcomes;
pub use problem::{ConfigurationError, Problem};
pub use requirement::RequirementService;
pub use resource_metadata::ResourceMetadata;
pub use resource_server::{
    AccessTokens, AuthenticatedHttp, Discovery, DiscoverySettings, EndpointLocation, ErrorSignaling,
    ExpectedIssuer, IntrospectedTokens, IntrospectionPolicy, IssuerNames, JwksCache, JwtTokens, KeySource,
    Mode, OutboundError, OutboundFuture, OutboundHttp, Purpose, Reason, RequiredRoles, RequiredScopes,
    ScopeMatching, StaticKeys, TokenPolicy, TrustedIssuer, VerdictLifetime, Verified,
};
pub use response::{ErrorBody, Refused};
pub use roles::RequireRoles;
pub use route_policy::{
    AcceptedAudience, NonceDemand, ProofReuse, RoutePolicy, TokenAlgorithms, TokenLeeway,
};
pub use scopes::RequireScopes;
pub use service::DpopService;
pub use target::{PeerAddress, TargetError};
