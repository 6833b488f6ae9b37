//! What a route demands of tokens and proofs, as a value.

use std::time::Duration;

use dpop::{MAX_PROOF_BYTES, Policy};
use jose::AlgorithmSet;
use oauth::challenge;
use resource_server::{Mode, RequiredRoles, RequiredScopes};

use crate::problem::Problem;

/// Half of a nonce's life must be at least one second of the clock.
const SHORTEST_NONCE_LIFETIME: Duration = Duration::from_secs(2);

/// What a route demands of tokens and proofs. Hand it to [`DpopLayer::with_policy`](crate::DpopLayer::with_policy).
///
/// There is no `Default`: start with the layer's own [`policy`](crate::DpopLayer::policy), or with a preset and say what
/// presets leave open. In every mode a bound token sent as Bearer is refused (RFC 9449 §7.2).
///
/// ```
/// use std::time::Duration;
/// use resource_server_tower::{Mode, NonceDemand, ProofReuse, RequiredRoles, RequiredScopes, RoutePolicy};
///
/// let nonces = NonceDemand::Demanded { lifetime: Duration::from_secs(60) };
/// let mut transfers = RoutePolicy {
///     scopes: RequiredScopes::all(["transfer"]),
///     roles: vec![RequiredRoles::any(["realm_access", "roles"], ["clerk", "manager"])],
///     ..RoutePolicy::fapi2(Mode::Require, nonces, ProofReuse::Refused)
/// };
/// transfers.proof.max_age = Duration::from_secs(15);
/// ```
#[derive(Debug, Clone)]
pub struct RoutePolicy {
    /// How strictly proofs are asked for.
    pub mode: Mode,
    /// Window, algorithms and limits of proofs, and whether a nonce takes the place of the client's clock.
    pub proof: Policy,
    /// Whether proofs must have a nonce.
    pub nonces: NonceDemand,
    /// Whether a proof is good for one use only.
    pub reuse: ProofReuse,
    /// Whom the token must be for.
    pub audience: AcceptedAudience,
    /// Which signature algorithms tokens may be of.
    pub token_algorithms: TokenAlgorithms,
    /// Tolerance for the times in tokens.
    pub token_leeway: TokenLeeway,
    /// Scopes that must be granted, all of them; else 403.
    pub scopes: RequiredScopes,
    /// Roles that must be granted, each entry of them; else 403.
    pub roles: Vec<RequiredRoles>,
}

/// Whether proofs must have a nonce of the server (RFC 9449 §9), sealed with the layer's
/// [keys](crate::DpopLayerBuilder::nonces).
///
/// ```
/// use std::time::Duration;
/// use resource_server_tower::NonceDemand;
///
/// let strict = NonceDemand::Demanded { lifetime: Duration::from_secs(30) };
/// assert_ne!(strict, NonceDemand::NotDemanded);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NonceDemand {
    /// No; one that is there is not looked at.
    NotDemanded,
    /// Yes.
    Demanded {
        /// How long a nonce is accepted, at least 2 s; from half of it on a fresh one goes out.
        lifetime: Duration,
    },
}

/// Whether a proof is good for one use only (RFC 9449 §11.1).
///
/// ```
/// use resource_server_tower::{Mode, NonceDemand, ProofReuse, RoutePolicy};
///
/// let policy = RoutePolicy::rfc9449(Mode::Require, NonceDemand::NotDemanded, ProofReuse::Refused);
/// assert_eq!(policy.reuse, ProofReuse::Refused);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProofReuse {
    /// It is: claimed in the layer's [replay store](crate::DpopLayerBuilder::replay_store), and refused when that can not
    /// answer.
    Refused,
    /// It may be used again within its window. The word is meant to be seen in review.
    Allowed,
}

/// Whom access tokens must be for: `aud` (RFC 9068 §4).
///
/// ```
/// use resource_server_tower::AcceptedAudience;
///
/// let reports = AcceptedAudience::OneOf(vec!["https://reports.example.com".to_owned()]);
/// assert_ne!(reports, AcceptedAudience::OfLayer);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AcceptedAudience {
    /// What the layer demands.
    OfLayer,
    /// One of these in place of it, at least one.
    OneOf(Vec<String>),
    /// Anybody. The word is meant to be seen in review.
    Any,
}

/// Which signature algorithms access tokens may be of (RFC 8725 §3.1). A route accepts less than the layer, never more:
/// the algorithms are part of what an issuer is trusted with. Those of proofs are in [`RoutePolicy::proof`].
///
/// ```
/// use resource_server_tower::{Algorithm, AlgorithmSet, TokenAlgorithms};
///
/// let modern = TokenAlgorithms::Only(AlgorithmSet::new([Algorithm::Es256, Algorithm::Ed25519]));
/// assert_ne!(modern, TokenAlgorithms::OfLayer);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenAlgorithms {
    /// What the layer accepts of each issuer.
    OfLayer,
    /// Of those only these, at least one; each must be one that the layer accepts of some issuer. Contradicts
    /// introspection, for which nobody here looks at a signature.
    Only(AlgorithmSet),
}

/// Tolerance for `exp`, `nbf` and `iat` of access tokens, because clocks differ (RFC 7519 §4.1.4). A route tolerates less than
/// the layer, never more. That of proofs is [`Policy::clock_skew`] in [`RoutePolicy::proof`].
///
/// ```
/// use std::time::Duration;
/// use resource_server_tower::TokenLeeway;
///
/// let strict = TokenLeeway::AtMost(Duration::ZERO);
/// assert_ne!(strict, TokenLeeway::OfLayer);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenLeeway {
    /// What the layer tolerates of each issuer.
    OfLayer,
    /// That, or this if it is less.
    AtMost(Duration),
}

/// What a policy can ask for.
#[derive(Debug, Clone)]
pub(crate) struct LayerHas {
    pub(crate) nonce_keys: bool,
    pub(crate) replay_store: bool,
    /// The algorithms that tokens may be of; `None` where nobody looks at signatures.
    pub(crate) token_algorithms: Option<AlgorithmSet>,
}

impl RoutePolicy {
    /// The window and algorithms of [`Policy::rfc9449`]: proofs up to 60 s old, ES256 and Ed25519. No scopes and no roles.
    ///
    /// ```
    /// use resource_server_tower::{Mode, NonceDemand, ProofReuse, RoutePolicy};
    ///
    /// let policy = RoutePolicy::rfc9449(Mode::Require, NonceDemand::NotDemanded, ProofReuse::Refused);
    /// assert_eq!(policy.proof.max_age.as_secs(), 60);
    /// ```
    #[must_use]
    pub fn rfc9449(mode: Mode, nonces: NonceDemand, reuse: ProofReuse) -> Self {
        Self::of(Policy::rfc9449(), mode, nonces, reuse)
    }

    /// The FAPI 2.0 Security Profile (§5.4), as [`Policy::fapi2`]: ES256, PS256 and Ed25519. No scopes and no roles.
    #[must_use]
    pub fn fapi2(mode: Mode, nonces: NonceDemand, reuse: ProofReuse) -> Self {
        Self::of(Policy::fapi2(), mode, nonces, reuse)
    }

    /// The MCP profile (SEP-1932), as [`Policy::mcp`]: `iat` within five minutes either way. No scopes and no roles.
    ///
    /// ```
    /// use resource_server_tower::{Mode, NonceDemand, ProofReuse, RoutePolicy};
    ///
    /// let policy = RoutePolicy::mcp(Mode::Require, NonceDemand::NotDemanded, ProofReuse::Refused);
    /// assert_eq!(policy.proof.clock_skew.as_secs(), 300);
    /// ```
    #[must_use]
    pub fn mcp(mode: Mode, nonces: NonceDemand, reuse: ProofReuse) -> Self {
        Self::of(Policy::mcp(), mode, nonces, reuse)
    }

    fn of(proof: Policy, mode: Mode, nonces: NonceDemand, reuse: ProofReuse) -> Self {
        Self {
            mode,
            proof,
            nonces,
            reuse,
            audience: AcceptedAudience::OfLayer,
            token_algorithms: TokenAlgorithms::OfLayer,
            token_leeway: TokenLeeway::OfLayer,
            scopes: RequiredScopes::none(),
            roles: Vec::new(),
        }
    }

    /// What contradicts itself, or what the layer has.
    pub(crate) fn problems(&self, layer: &LayerHas) -> impl Iterator<Item = Problem> {
        let (demands_nonces, is_short_lived) = match self.nonces {
            NonceDemand::NotDemanded => (false, false),
            NonceDemand::Demanded { lifetime } => (true, lifetime < SHORTEST_NONCE_LIFETIME),
        };
        let (lacks_token_algorithms, is_of_introspected, widens_token_algorithms) =
            match (&self.token_algorithms, &layer.token_algorithms) {
                (TokenAlgorithms::OfLayer, _) => (false, false, false),
                (TokenAlgorithms::Only(_), None) => (false, true, false),
                (TokenAlgorithms::Only(own), Some(layers)) => {
                    (own.is_empty(), false, own.iter().any(|algorithm| !layers.contains(algorithm)))
                }
            };
        let claims = self.mode != Mode::Off && self.reuse == ProofReuse::Refused;
        let is_scope =
            |scope: &String| !scope.is_empty() && !scope.contains(' ') && challenge::is_plain(scope);
        [
            (claims && !layer.replay_store, Problem::NoReplayStore),
            (self.proof.algorithms.is_empty(), Problem::NoProofAlgorithm),
            (self.proof.max_proof_bytes > MAX_PROOF_BYTES, Problem::ProofLimit),
            (demands_nonces && !layer.nonce_keys, Problem::NoncesWithoutKeys),
            (is_short_lived, Problem::NonceLifetime),
            (!demands_nonces && self.proof.nonce_replaces_iat, Problem::NonceReplacesIatWithoutNonces),
            (self.audience == AcceptedAudience::OneOf(Vec::new()), Problem::NoAudience),
            (lacks_token_algorithms, Problem::NoTokenAlgorithm),
            (is_of_introspected, Problem::AlgorithmsOfIntrospectedTokens),
            (widens_token_algorithms, Problem::MoreTokenAlgorithms),
            (!self.scopes.values.iter().all(is_scope), Problem::ChallengeText),
        ]
        .into_iter()
        .filter_map(|(is_there, problem)| is_there.then_some(problem))
    }
}
