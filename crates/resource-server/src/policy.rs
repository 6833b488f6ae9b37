//! What a protected resource demands. Nothing that matters has a silent default.

use std::sync::Arc;
use std::time::Duration;

use dpop::{NonceRing, Policy, ReplayStore};
use jose::AlgorithmSet;

/// What the access tokens of one issuer must be like, if they are JWTs.
///
/// ```
/// use std::time::Duration;
/// use jose::{Algorithm, AlgorithmSet};
/// use resource_server::TokenPolicy;
///
/// let policy = TokenPolicy {
///     audience: vec!["https://api.example.com".to_owned()],
///     algorithms: AlgorithmSet::new([Algorithm::Es256, Algorithm::Ps256]),
///     leeway: Duration::from_secs(10),
/// };
/// assert!(!policy.algorithms.contains(Algorithm::Es512));
/// ```
#[derive(Debug, Clone)]
pub struct TokenPolicy {
    /// Accepted `aud` values, one of which suffices; empty accepts every audience.
    pub audience: Vec<String>,
    /// Accepted signature algorithms.
    pub algorithms: AlgorithmSet,
    /// Tolerance for `exp`, `nbf` and `iat`.
    pub leeway: Duration,
}

/// How strictly proofs are asked for. A bound token sent as Bearer is refused in every mode (RFC 9449 §7.2).
///
/// ```
/// use resource_server::Mode;
///
/// /// Bearer tokens until everybody has moved on.
/// fn mode(has_moved_on: bool) -> Mode {
///     if has_moved_on { Mode::Require } else { Mode::Permit }
/// }
/// assert_eq!(mode(true), Mode::Require);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Proofs are not looked at.
    Off,
    /// What [`Mode::Require`] would refuse is reported in [`Verified::observed`](crate::Verified::observed) and
    /// accepted.
    Observe,
    /// A bound token must be proven, an unbound one may pass as Bearer.
    Permit,
    /// Only bound tokens with their proof.
    Require,
}

/// What the proof must be like, and what it is checked against.
///
/// ```
/// use std::sync::Arc;
/// use dpop::{MemoryReplayStore, Policy};
/// use resource_server::{Mode, ProofPolicy, ReplayProtection};
///
/// let proofs = ProofPolicy {
///     mode: Mode::Require,
///     policy: Policy::rfc9449(),
///     nonces: None,
///     replay: ReplayProtection::Store(Arc::new(MemoryReplayStore::new(100_000))),
/// };
/// assert_eq!(proofs.policy.max_age.as_secs(), 60);
/// ```
#[derive(Debug, Clone)]
pub struct ProofPolicy {
    /// Are proofs required?
    pub mode: Mode,
    /// Window, algorithms, limits.
    pub policy: Policy,
    /// Server nonces; `None` demands none.
    pub nonces: Option<NoncePolicy>,
    /// Where used proofs are remembered.
    pub replay: ReplayProtection,
}

/// Nonces of this resource.
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use dpop::NonceRing;
/// use jose::SymmetricKey;
/// use resource_server::NoncePolicy;
///
/// let key = SymmetricKey::new("2027", *b"from the secrets of the service!").ok_or("too short")?;
/// let nonces = NoncePolicy { ring: Arc::new(NonceRing::new(key, [])?), lifetime: Duration::from_secs(60) };
/// # let _ = nonces;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct NoncePolicy {
    /// Keys that seal and open.
    pub ring: Arc<NonceRing>,
    /// How long a nonce is accepted.
    pub lifetime: Duration,
}

/// Is every proof good for one use only?
///
/// ```
/// use std::sync::Arc;
/// use dpop::MemoryReplayStore;
/// use resource_server::ReplayProtection;
///
/// let once = ReplayProtection::Store(Arc::new(MemoryReplayStore::new(100_000)));
/// # let _ = once;
/// ```
#[derive(Debug, Clone)]
pub enum ReplayProtection {
    /// Yes: claimed in this store, and refused when the store can not answer.
    Store(Arc<dyn ReplayStore>),
    /// No. The word is meant to be seen in review.
    Allowed,
}

/// Extras in challenges. Scheme, `error`, `algs` and `DPoP-Nonce` are always sent.
///
/// ```
/// use resource_server::ErrorSignaling;
///
/// let signaling = ErrorSignaling {
///     realm: Some("shop".to_owned()),
///     description: true,
///     required_scope: true,
///     ..ErrorSignaling::default()
/// };
/// assert_eq!(signaling.error_uri, None);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ErrorSignaling {
    /// `realm`.
    pub realm: Option<String>,
    /// `error_uri`.
    pub error_uri: Option<String>,
    /// Send `error_description`.
    pub description: bool,
    /// Send the required `scope` with `insufficient_scope`.
    pub required_scope: bool,
    /// Where the metadata of the resource are, an absolute URL: `resource_metadata` (RFC 9728 §5.1).
    pub resource_metadata: Option<String>,
}
