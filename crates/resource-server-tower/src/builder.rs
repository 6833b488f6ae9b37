//! The settings of a layer. Nothing that matters has a silent default: [`DpopLayerBuilder::build`] says what is missing.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use dpop::{Htu, MAX_PROOF_BYTES, NonceRing, Policy, ReplayStore};
use http::uri::Scheme;
use ipnet::IpNet;
use jose::AlgorithmSet;
use oauth::challenge;
use resource_server::{
    AccessTokens, ErrorSignaling, JwtTokens, KeySource, Mode, NoncePolicy, ProofPolicy, ReplayProtection,
    RequiredScopes, TokenPolicy, TrustedIssuer, Verifier, VerifierConfig,
};

use crate::clock::{Clock, SystemClock};
use crate::guard::Guard;
use crate::layer::DpopLayer;
use crate::problem::{ConfigurationError, Problem};
use crate::resource_metadata::{Announced, MetadataLocation, ResourceMetadata};
use crate::response::ErrorBody;
use crate::target::{TargetSettings, is_loopback, is_origin, is_prefix};

/// Half of a nonce's life must be at least one second of the clock.
const SHORTEST_NONCE_LIFETIME: Duration = Duration::from_secs(2);

/// Collects the settings of a [`DpopLayer`]; start with one of its presets.
///
/// Required: [`access_tokens`](Self::access_tokens), or [`issuer`](Self::issuer) with [`audience`](Self::audience) or [`any_audience`](Self::any_audience),
/// [`mode`](Self::mode), one origin ([`public_origin`](Self::public_origin), [`trusted_proxies`](Self::trusted_proxies)
/// or [`origin_from_host`](Self::origin_from_host)), and, unless the mode is [`Mode::Off`],
/// [`replay_store`](Self::replay_store) or [`replay_allowed`](Self::replay_allowed).
#[must_use]
pub struct DpopLayerBuilder {
    issuers: Vec<(String, Arc<dyn KeySource>)>,
    tokens: Option<AccessTokens>,
    audience: Vec<String>,
    any_audience: bool,
    /// The preset's.
    token_algorithms: AlgorithmSet,
    own_token_algorithms: Option<AlgorithmSet>,
    leeway: Option<Duration>,
    scopes: RequiredScopes,
    mode: Option<Mode>,
    policy: Policy,
    nonces: Option<NonceRing>,
    nonce_lifetime: Option<Duration>,
    replay_store: Option<Arc<dyn ReplayStore>>,
    replay_allowed: bool,
    public_origin: Option<String>,
    plain_http: bool,
    proxies: Option<(Vec<IpNet>, Scheme)>,
    host_scheme: Option<Scheme>,
    stripped_prefix: Option<String>,
    signaling: ErrorSignaling,
    resource: Option<String>,
    error_body: ErrorBody,
    clock: Arc<dyn Clock>,
}

impl DpopLayerBuilder {
    pub(crate) fn new(policy: Policy, token_algorithms: AlgorithmSet) -> Self {
        Self {
            issuers: Vec::new(),
            tokens: None,
            audience: Vec::new(),
            any_audience: false,
            token_algorithms,
            own_token_algorithms: None,
            leeway: None,
            scopes: RequiredScopes::none(),
            mode: None,
            policy,
            nonces: None,
            nonce_lifetime: None,
            replay_store: None,
            replay_allowed: false,
            public_origin: None,
            plain_http: false,
            proxies: None,
            host_scheme: None,
            stripped_prefix: None,
            signaling: ErrorSignaling::default(),
            resource: None,
            error_body: ErrorBody::ProblemJson,
            clock: Arc::new(SystemClock),
        }
    }

    /// Who issues the access tokens: `iss`, byte for byte, and the keys that sign them. Called again: another issuer whose
    /// tokens are accepted too, and only its own keys verify them.
    pub fn issuer(mut self, issuer: impl Into<String>, keys: impl KeySource + 'static) -> Self {
        self.issuers.push((issuer.into(), Arc::new(keys)));
        self
    }

    /// Where the verdict on access tokens comes from, if not from [`issuer`](Self::issuer)s that share one policy:
    /// introspection, discovered issuers, several issuers with a policy for each.
    ///
    /// Audience, algorithms and leeway are then part of those policies, and not of the layer.
    pub fn access_tokens(mut self, tokens: impl Into<AccessTokens>) -> Self {
        self.tokens = Some(tokens.into());
        self
    }

    /// What `aud` of the access tokens must hold (RFC 9068 §4). Called again: one of them suffices.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience.push(audience.into());
        self
    }

    /// Accepts tokens that the issuer made for other resources. The word is meant to be seen in review.
    pub fn any_audience(mut self) -> Self {
        self.any_audience = true;
        self
    }

    /// Signature algorithms of access tokens, in place of the preset's.
    pub fn token_algorithms(mut self, algorithms: AlgorithmSet) -> Self {
        self.own_token_algorithms = Some(algorithms);
        self
    }

    /// Tolerance for `exp`, `nbf` and `iat` of access tokens; 10 s unless set.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = Some(leeway);
        self
    }

    /// Scopes that every request needs, all of them. For those of single routes see
    /// [`RequireScopes`](crate::RequireScopes).
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.scopes.values.extend(scopes.into_iter().map(Into::into));
        self
    }

    /// How strictly proofs are asked for.
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = Some(mode);
        self
    }

    /// Demands nonces (RFC 9449 §9), sealed with these keys.
    pub fn nonces(mut self, keys: NonceRing) -> Self {
        self.nonces = Some(keys);
        self
    }

    /// How long a nonce is accepted; from half of it on a fresh one goes out. The policy's `max_age` unless set.
    pub fn nonce_lifetime(mut self, lifetime: Duration) -> Self {
        self.nonce_lifetime = Some(lifetime);
        self
    }

    /// Where used proofs are remembered (RFC 9449 §11.1). A store that can not answer means 503.
    pub fn replay_store(mut self, store: impl ReplayStore + 'static) -> Self {
        self.replay_store = Some(Arc::new(store));
        self
    }

    /// Lets a proof be used again within its window. The word is meant to be seen in review.
    pub fn replay_allowed(mut self) -> Self {
        self.replay_allowed = true;
        self
    }

    /// Scheme, host and port that clients use: `https://api.example.com`. Nothing that a request says changes them.
    pub fn public_origin(mut self, origin: impl Into<String>) -> Self {
        self.public_origin = Some(origin.into());
        self
    }

    /// Accepts a public origin with plain `http` that is not on this machine: for development (RFC 9449 §2 demands TLS).
    pub fn allow_plain_http(mut self) -> Self {
        self.plain_http = true;
        self
    }

    /// Believes `X-Forwarded-Proto`, `X-Forwarded-Host` (with its port) and `X-Forwarded-Prefix` of peers in these
    /// networks. Where a proxy sends none of the first two, and for other peers, `scheme` and `Host` count. With a
    /// [`public_origin`](Self::public_origin) only the prefix is read.
    ///
    /// The server must tell the peer's address, see [`PeerAddress`](crate::PeerAddress); without it every request is
    /// answered with 500.
    pub fn trusted_proxies(mut self, networks: impl IntoIterator<Item = IpNet>, scheme: Scheme) -> Self {
        self.proxies = Some((networks.into_iter().collect(), scheme));
        self
    }

    /// Takes the host from the request itself. The sender chooses it, so a proof for another server of the same client
    /// passes here when it comes with that server's name: only where something in front checks the host.
    pub fn origin_from_host(mut self, scheme: Scheme) -> Self {
        self.host_scheme = Some(scheme);
        self
    }

    /// A prefix that a proxy, or a router outside of the layer, takes off every path: `/v1`. axum's nested routers need
    /// none, with the feature `axum`.
    pub fn stripped_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.stripped_prefix = Some(prefix.into());
        self
    }

    /// Extras in challenges.
    pub fn error_signaling(mut self, signaling: ErrorSignaling) -> Self {
        self.signaling = signaling;
        self
    }

    /// Tells clients where to get a token (RFC 9728): challenges point to the metadata of this resource, whose identifier
    /// is `https://host`, with or without port and path. Serve the document that
    /// [`DpopLayer::resource_metadata`] makes.
    pub fn resource_metadata(mut self, resource: impl Into<String>) -> Self {
        self.resource = Some(resource.into());
        self
    }

    /// What the body of a refusal says; problem JSON unless set.
    pub fn error_body(mut self, body: ErrorBody) -> Self {
        self.error_body = body;
        self
    }

    /// Another clock than the system's.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The layer.
    ///
    /// # Errors
    ///
    /// A [`ConfigurationError`] with everything that is missing, malformed or contradictory.
    pub fn build(self) -> Result<DpopLayer, ConfigurationError> {
        let problems = self.problems();
        let (Some(mode), true) = (self.mode, problems.is_empty()) else {
            return Err(ConfigurationError(problems));
        };
        let metadata = self.metadata(mode);
        let mut signaling = self.signaling;
        if let Some(metadata) = &metadata {
            signaling.resource_metadata = Some(metadata.url());
        }
        let policy = TokenPolicy {
            audience: self.audience,
            algorithms: self.own_token_algorithms.unwrap_or(self.token_algorithms),
            leeway: self.leeway.unwrap_or(self.policy.clock_skew.min(Duration::from_secs(10))),
        };
        let issuers =
            self.issuers.into_iter().map(|(name, keys)| TrustedIssuer::new(name, keys, policy.clone()));
        let tokens = self.tokens.unwrap_or_else(|| JwtTokens::new(issuers).into());
        let algorithms = self.policy.algorithms.to_string();
        let lifetime = self.nonce_lifetime.unwrap_or(self.policy.max_age);
        let verifier = Verifier::new(VerifierConfig {
            tokens,
            scopes: self.scopes,
            proof: ProofPolicy {
                mode,
                policy: self.policy,
                nonces: self.nonces.map(|ring| NoncePolicy { ring: Arc::new(ring), lifetime }),
                replay: self.replay_store.map_or(ReplayProtection::Allowed, ReplayProtection::Store),
            },
            error_signaling: signaling.clone(),
        });
        let (proxies, proxied_scheme) = self.proxies.unzip();
        let target = TargetSettings {
            public_origin: self.public_origin,
            proxies,
            stripped_prefix: self.stripped_prefix,
            scheme: self.host_scheme.or(proxied_scheme).unwrap_or(Scheme::HTTPS),
        };
        Ok(DpopLayer::new(Guard {
            verifier,
            target,
            clock: self.clock,
            error_body: self.error_body,
            signaling,
            algorithms,
            metadata,
        }))
    }

    fn problems(&self) -> Vec<Problem> {
        let lifetime = self.nonce_lifetime.unwrap_or(self.policy.max_age);
        let plain_http = |origin: &str| {
            is_origin(origin) && !origin.to_ascii_lowercase().starts_with("https:") && !is_loopback(origin)
        };
        let has_replay_choice = self.replay_store.is_some() || self.replay_allowed;
        let checks_proofs = self.mode.is_some_and(|mode| mode != Mode::Off);
        [
            (self.issuers.is_empty() && self.tokens.is_none(), Problem::NoIssuer),
            (self.tokens.is_some() && self.has_own_token_policy(), Problem::AccessTokensAndPolicy),
            (self.repeats_an_issuer(), Problem::RepeatedIssuer),
            (self.tokens.is_none() && self.audience.is_empty() && !self.any_audience, Problem::NoAudience),
            (!self.audience.is_empty() && self.any_audience, Problem::AudienceAndAny),
            (self.mode.is_none(), Problem::NoMode),
            (
                self.public_origin.is_none() && self.proxies.is_none() && self.host_scheme.is_none(),
                Problem::NoOrigin,
            ),
            (
                self.host_scheme.is_some() && (self.public_origin.is_some() || self.proxies.is_some()),
                Problem::SeveralOrigins,
            ),
            (self.public_origin.as_deref().is_some_and(|origin| !is_origin(origin)), Problem::PublicOrigin),
            (!self.plain_http && self.public_origin.as_deref().is_some_and(plain_http), Problem::PlainHttp),
            (self.proxies.as_ref().is_some_and(|(networks, _)| networks.is_empty()), Problem::NoProxies),
            (
                self.stripped_prefix.as_deref().is_some_and(|prefix| !is_prefix(prefix)),
                Problem::StrippedPrefix,
            ),
            (checks_proofs && !has_replay_choice, Problem::NoReplayStore),
            (self.replay_store.is_some() && self.replay_allowed, Problem::ReplayStoreAndAllowed),
            (self.policy.algorithms.is_empty(), Problem::NoProofAlgorithm),
            (self.accepted_token_algorithms().is_empty(), Problem::NoTokenAlgorithm),
            (self.policy.max_proof_bytes > MAX_PROOF_BYTES, Problem::ProofLimit),
            (self.nonces.is_none() && self.nonce_lifetime.is_some(), Problem::NonceLifetimeWithoutNonces),
            (self.nonces.is_some() && lifetime < SHORTEST_NONCE_LIFETIME, Problem::NonceLifetime),
            (self.nonces.is_none() && self.policy.nonce_replaces_iat, Problem::NonceReplacesIatWithoutNonces),
            (self.has_bad_identifier(), Problem::ResourceIdentifier),
            (self.is_elsewhere(), Problem::ResourceElsewhere),
            (
                self.resource.is_some() && self.signaling.resource_metadata.is_some(),
                Problem::SeveralResourceMetadata,
            ),
            (!self.challenge_texts_are_plain(), Problem::ChallengeText),
        ]
        .into_iter()
        .filter_map(|(is_there, problem)| is_there.then_some(problem))
        .collect()
    }

    fn accepted_token_algorithms(&self) -> &AlgorithmSet {
        self.own_token_algorithms.as_ref().unwrap_or(&self.token_algorithms)
    }

    fn has_own_token_policy(&self) -> bool {
        !self.issuers.is_empty()
            || !self.audience.is_empty()
            || self.any_audience
            || self.own_token_algorithms.is_some()
            || self.leeway.is_some()
    }

    fn repeats_an_issuer(&self) -> bool {
        let names: HashSet<&str> = self.issuers.iter().map(|(name, _)| name.as_str()).collect();
        names.len() < self.issuers.len()
    }

    fn metadata_location(&self) -> Option<MetadataLocation> {
        self.resource.as_deref().and_then(MetadataLocation::of)
    }

    fn has_bad_identifier(&self) -> bool {
        let is_secure = |resource: &str| {
            self.plain_http || resource.to_ascii_lowercase().starts_with("https:") || is_loopback(resource)
        };
        self.resource
            .as_deref()
            .is_some_and(|resource| MetadataLocation::of(resource).is_none() || !is_secure(resource))
    }

    fn is_elsewhere(&self) -> bool {
        let (Some(location), Some(origin)) = (self.metadata_location(), &self.public_origin) else {
            return false;
        };
        matches!((Htu::parse(&location.origin), Htu::parse(origin)), (Ok(own), Ok(public)) if own != public)
    }

    /// Those that are known before anybody asks.
    fn issuer_names(&self) -> Vec<&str> {
        match &self.tokens {
            None => self.issuers.iter().map(|(name, _)| name.as_str()).collect(),
            Some(AccessTokens::IntrospectedByIssuer(issuers)) => {
                issuers.iter().map(|(name, _)| name.as_str()).collect()
            }
            Some(AccessTokens::Jwt(_) | AccessTokens::Introspected(_)) => Vec::new(),
        }
    }

    fn metadata(&self, mode: Mode) -> Option<ResourceMetadata> {
        let proof_algorithms = self.policy.algorithms.to_string();
        let announced = Announced {
            resource: self.resource.as_deref()?,
            authorization_servers: self.issuer_names(),
            scopes: &self.scopes.values,
            proof_algorithms: match mode {
                Mode::Off => Vec::new(),
                Mode::Observe | Mode::Permit | Mode::Require => proof_algorithms.split(' ').collect(),
            },
            requires_bound_tokens: mode == Mode::Require,
        };
        Some(ResourceMetadata::new(self.metadata_location()?, &announced))
    }

    fn challenge_texts_are_plain(&self) -> bool {
        let signaling = [&self.signaling.realm, &self.signaling.error_uri, &self.signaling.resource_metadata];
        let mut texts = signaling.into_iter().flatten().chain(&self.scopes.values);
        texts.all(|text| challenge::is_plain(text))
            && self.scopes.values.iter().all(|scope| !scope.is_empty() && !scope.contains(' '))
    }
}

impl fmt::Debug for DpopLayerBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("DpopLayerBuilder")
            .field("mode", &self.mode)
            .field("public_origin", &self.public_origin)
            .finish_non_exhaustive()
    }
}
