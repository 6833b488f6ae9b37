//! The settings of a layer. Nothing that matters has a silent default: [`DpopLayerBuilder::build`] says what is missing.

mod problems;
mod token_source;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use dpop::{NonceRing, Policy, ReplayStore};
use http::uri::Scheme;
use ipnet::IpNet;
use jose::AlgorithmSet;
use oauth::ClientCredentials;
use resource_server::{
    AccessTokens, ErrorSignaling, KeySource, Mode, OutboundHttp, RequiredScopes, TokenPolicy, VerdictLifetime,
};

use self::token_source::{Introspected, Issuer, Keys};

use crate::clock::{Clock, SystemClock};
use crate::guard::Guard;
use crate::layer::DpopLayer;
use crate::outcomes::Counts;
use crate::problem::ConfigurationError;
use crate::proxy_watch::ProxyWatch;
use crate::resource_metadata::{Announced, ResourceMetadata};
use crate::response::ErrorBody;
use crate::route_policy::{
    AcceptedAudience, NonceDemand, ProofReuse, RoutePolicy, TokenAlgorithms, TokenLeeway,
};
use crate::shared::{Shared, SharedReplayStore};
use crate::target::TargetSettings;

/// Collects the settings of a [`DpopLayer`]; start with one of its presets.
///
/// Required: where verdicts on tokens come from ([`issuer`](Self::issuer), [`issuer_url`](Self::issuer_url),
/// [`jwks_url`](Self::jwks_url), [`introspection`](Self::introspection) or [`introspection_url`](Self::introspection_url)
/// with [`audience`](Self::audience) or [`any_audience`](Self::any_audience); else [`access_tokens`](Self::access_tokens)),
/// [`mode`](Self::mode), one origin ([`public_origin`](Self::public_origin), [`trusted_proxies`](Self::trusted_proxies)
/// or [`origin_from_host`](Self::origin_from_host)), and, unless the mode is [`Mode::Off`],
/// [`replay_store`](Self::replay_store) or [`replay_allowed`](Self::replay_allowed).
///
/// ```
/// use resource_server_tower::{DpopLayer, Problem};
///
/// // What is forgotten is told at once, and all of it.
/// let error = DpopLayer::rfc9449().build().expect_err("nobody is trusted");
/// assert!(error.problems().contains(&Problem::NoIssuer));
/// assert!(error.problems().contains(&Problem::NoMode));
/// ```
#[must_use]
pub struct DpopLayerBuilder {
    issuers: Vec<Issuer>,
    introspected: Vec<Introspected>,
    tokens: Option<AccessTokens>,
    http: Option<Arc<dyn OutboundHttp>>,
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
    public_origins: Vec<String>,
    plain_http: bool,
    proxies: Option<(Vec<IpNet>, Scheme)>,
    any_forwarded_host: bool,
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
            introspected: Vec::new(),
            tokens: None,
            http: None,
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
            public_origins: Vec::new(),
            plain_http: false,
            proxies: None,
            any_forwarded_host: false,
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
    ///
    /// ```
    /// use resource_server_tower::{DpopLayer, JwkSet, StaticKeys};
    ///
    /// fn two_issuers(staff: JwkSet, customers: JwkSet) -> resource_server_tower::DpopLayerBuilder {
    ///     DpopLayer::rfc9449()
    ///         .issuer("https://staff.example", StaticKeys::new(staff))
    ///         .issuer("https://customers.example", StaticKeys::new(customers))
    /// }
    /// ```
    pub fn issuer(mut self, issuer: impl Into<String>, keys: impl KeySource + 'static) -> Self {
        self.issuers.push(Issuer { name: issuer.into(), keys: Keys::Given(Arc::new(keys)) });
        self
    }

    /// Who issues the access tokens, by name alone: its keys are where its metadata say (RFC 8414, OpenID Connect
    /// Discovery 1.0). Keys are fetched when they are needed, used for 10 minutes, and looked for anew when a token names an
    /// unknown one. Called again: another issuer, as with [`issuer`](Self::issuer).
    ///
    /// An `https` URL; plain `http` on this machine only, or with [`allow_plain_http`](Self::allow_plain_http). The calls
    /// go through the client of the feature `http-client`, or through [`outbound_http`](Self::outbound_http).
    ///
    /// ```
    /// # #[cfg(feature = "http-client")] {
    /// use resource_server_tower::{DpopLayer, MemoryReplayStore, Mode};
    ///
    /// let layer = DpopLayer::rfc9449()
    ///     .issuer_url("https://issuer.example")
    ///     .audience("https://api.example.com")
    ///     .public_origin("https://api.example.com")
    ///     .mode(Mode::Require)
    ///     .replay_store(MemoryReplayStore::new(100_000))
    ///     .build();
    /// assert!(layer.is_ok());
    /// # }
    /// ```
    pub fn issuer_url(mut self, issuer: impl Into<String>) -> Self {
        self.issuers.push(Issuer { name: issuer.into(), keys: Keys::InMetadata });
        self
    }

    /// As [`issuer_url`](Self::issuer_url), for issuers without metadata: `iss`, and the address of their key set.
    ///
    /// ```
    /// use resource_server_tower::DpopLayer;
    ///
    /// let builder = DpopLayer::rfc9449().jwks_url("https://issuer.example", "https://issuer.example/keys");
    /// # let _ = builder;
    /// ```
    pub fn jwks_url(mut self, issuer: impl Into<String>, url: impl Into<String>) -> Self {
        self.issuers.push(Issuer { name: issuer.into(), keys: Keys::At(url.into()) });
        self
    }

    /// Asks the issuer about each access token (RFC 7662), for tokens of any form that may be revoked: at the introspection
    /// endpoint of its metadata, as `client`: a [`ClientSecret`](crate::ClientSecret), or a [`ClientKey`](crate::ClientKey) that signs an
    /// assertion for each call (RFC 7523). `lifetime` says how long an answer is used again; a revocation goes unnoticed for
    /// as long.
    ///
    /// The same rules for addresses and calls as for [`issuer_url`](Self::issuer_url).
    ///
    /// ```
    /// # #[cfg(feature = "http-client")] {
    /// use std::time::Duration;
    /// use resource_server_tower::{ClientSecret, DpopLayer, MemoryReplayStore, Mode, VerdictLifetime};
    ///
    /// # let secret = "s3cret";
    /// let layer = DpopLayer::rfc9449()
    ///     .introspection(
    ///         "https://issuer.example",
    ///         ClientSecret::basic("orders-api", secret),
    ///         VerdictLifetime::AtMost(Duration::from_secs(10)),
    ///     )
    ///     .audience("https://api.example.com")
    ///     .public_origin("https://api.example.com")
    ///     .mode(Mode::Require)
    ///     .replay_store(MemoryReplayStore::new(100_000))
    ///     .build();
    /// assert!(layer.is_ok());
    /// # }
    /// ```
    pub fn introspection(
        mut self,
        issuer: impl Into<String>,
        client: impl Into<ClientCredentials>,
        lifetime: VerdictLifetime,
    ) -> Self {
        self.introspected.push(Introspected::by_issuer(issuer.into(), client.into(), lifetime));
        self
    }

    /// As [`introspection`](Self::introspection), for issuers without metadata: the address of the endpoint.
    ///
    /// ```
    /// use resource_server_tower::{ClientKey, DpopLayer, DpopLayerBuilder, KeyPair, VerdictLifetime};
    ///
    /// fn asking(key: KeyPair) -> DpopLayerBuilder {
    ///     // Signs an assertion with each call in place of showing a secret.
    ///     let client = ClientKey::new("orders-api", key, "https://issuer.example").with_key_id("2027");
    ///     DpopLayer::rfc9449()
    ///         .introspection_url("https://issuer.example/introspect", client, VerdictLifetime::OneRequest)
    /// }
    /// ```
    pub fn introspection_url(
        mut self,
        url: impl Into<String>,
        client: impl Into<ClientCredentials>,
        lifetime: VerdictLifetime,
    ) -> Self {
        self.introspected.push(Introspected::at(url.into(), client.into(), lifetime));
        self
    }

    /// Sends the calls to issuers through a client of your own, which bounds each in time and size.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use resource_server_tower::{DpopLayer, DpopLayerBuilder, OutboundHttp};
    ///
    /// fn over(http: Arc<dyn OutboundHttp>) -> DpopLayerBuilder {
    ///     DpopLayer::rfc9449().issuer_url("https://issuer.example").outbound_http(http)
    /// }
    /// ```
    pub fn outbound_http(mut self, http: Arc<dyn OutboundHttp>) -> Self {
        self.http = Some(http);
        self
    }

    /// Where the verdict on access tokens comes from, if not from issuers that share one policy: several issuers with a
    /// policy for each, certified keys, an introspection endpoint with credentials of another kind.
    ///
    /// Audience, algorithms and leeway are then part of those policies, and not of the layer.
    ///
    /// ```
    /// use resource_server_tower::{DpopLayer, DpopLayerBuilder, JwtTokens, TrustedIssuer};
    ///
    /// fn with_a_policy_each(staff: TrustedIssuer, customers: TrustedIssuer) -> DpopLayerBuilder {
    ///     DpopLayer::rfc9449().access_tokens(JwtTokens::new([staff, customers]))
    /// }
    /// ```
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
    ///
    /// ```
    /// use resource_server_tower::{Algorithm, AlgorithmSet, DpopLayer};
    ///
    /// let builder = DpopLayer::rfc9449().token_algorithms(AlgorithmSet::new([Algorithm::Es256]));
    /// # let _ = builder;
    /// ```
    pub fn token_algorithms(mut self, algorithms: AlgorithmSet) -> Self {
        self.own_token_algorithms = Some(algorithms);
        self
    }

    /// Tolerance for `exp`, `nbf` and `iat` of access tokens; 10 s unless set.
    ///
    /// ```
    /// use std::time::Duration;
    /// use resource_server_tower::DpopLayer;
    ///
    /// let builder = DpopLayer::rfc9449().leeway(Duration::from_secs(2));
    /// # let _ = builder;
    /// ```
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = Some(leeway);
        self
    }

    /// Scopes that every request needs, all of them. For those of single routes see
    /// [`RequireScopes`](crate::RequireScopes).
    ///
    /// ```
    /// use resource_server_tower::DpopLayer;
    ///
    /// let builder = DpopLayer::rfc9449().scopes(["orders:read"]);
    /// # let _ = builder;
    /// ```
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
    ///
    /// ```
    /// use resource_server_tower::{DpopLayer, NonceRing, SymmetricKey};
    ///
    /// let key = SymmetricKey::new("2027", *b"from the secrets of the service!").ok_or("too short")?;
    /// let builder = DpopLayer::rfc9449().nonces(NonceRing::new(key, [])?);
    /// # let _ = builder;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn nonces(mut self, keys: NonceRing) -> Self {
        self.nonces = Some(keys);
        self
    }

    /// How long a nonce is accepted; from half of it on a fresh one goes out. The policy's `max_age` unless set.
    ///
    /// ```
    /// use std::time::Duration;
    /// use resource_server_tower::{DpopLayer, DpopLayerBuilder, NonceRing};
    ///
    /// fn short(keys: NonceRing) -> DpopLayerBuilder {
    ///     DpopLayer::rfc9449().nonces(keys).nonce_lifetime(Duration::from_secs(30))
    /// }
    /// ```
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
    ///
    /// Called again: another name of the same service. Then the request's host, or the one that a
    /// [trusted proxy](Self::trusted_proxies) tells, says which of them is meant; with any other the answer is 421.
    pub fn public_origin(mut self, origin: impl Into<String>) -> Self {
        self.public_origins.push(origin.into());
        self
    }

    /// Accepts a public origin and addresses of issuers with plain `http` that are not on this machine: for development
    /// (RFC 9449 §2 demands TLS).
    pub fn allow_plain_http(mut self) -> Self {
        self.plain_http = true;
        self
    }

    /// Believes `X-Forwarded-Proto`, `X-Forwarded-Host` (with its port) and `X-Forwarded-Prefix` of peers in these
    /// networks. With one [`public_origin`](Self::public_origin) only the prefix is read; with several the host chooses
    /// among them; without one [`any_forwarded_host`](Self::any_forwarded_host) must be said, and `scheme` and `Host` count
    /// where a proxy sends none of the first two, and for other peers.
    ///
    /// The server must tell the peer's address, see [`PeerAddress`](crate::PeerAddress); without it every request is
    /// answered with 500.
    ///
    /// ```
    /// use http::uri::Scheme;
    /// use resource_server_tower::DpopLayer;
    ///
    /// // The proxies of this cluster say which of the two names a client has used.
    /// let builder = DpopLayer::rfc9449()
    ///     .public_origin("https://api.example.com")
    ///     .public_origin("https://api.example.org")
    ///     .trusted_proxies(["10.0.0.0/8".parse()?], Scheme::HTTP);
    /// # let _ = builder;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn trusted_proxies(mut self, networks: impl IntoIterator<Item = IpNet>, scheme: Scheme) -> Self {
        self.proxies = Some((networks.into_iter().collect(), scheme));
        self
    }

    /// Believes whatever host a trusted proxy tells. Many proxies hand on an `X-Forwarded-Host` that the client has sent, so
    /// a proof for another server of the same client passes here when it comes with that server's name: only where the
    /// proxy checks the host. The word is meant to be seen in review.
    pub fn any_forwarded_host(mut self) -> Self {
        self.any_forwarded_host = true;
        self
    }

    /// Takes the host from the request itself. The sender chooses it, so a proof for another server of the same client
    /// passes here when it comes with that server's name: only where something in front checks the host. When the first
    /// request shows that clients use another name, one warning in the log says so.
    ///
    /// ```
    /// use http::uri::Scheme;
    /// use resource_server_tower::DpopLayer;
    ///
    /// let builder = DpopLayer::rfc9449().origin_from_host(Scheme::HTTPS);
    /// # let _ = builder;
    /// ```
    pub fn origin_from_host(mut self, scheme: Scheme) -> Self {
        self.host_scheme = Some(scheme);
        self
    }

    /// A prefix that a proxy, or a router outside of the layer, takes off every path: `/v1`. axum's nested routers need
    /// none, with the feature `axum`.
    ///
    /// ```
    /// use resource_server_tower::DpopLayer;
    ///
    /// // Clients call https://api.example.com/v1/orders, and the service sees /orders.
    /// let builder = DpopLayer::rfc9449().public_origin("https://api.example.com").stripped_prefix("/v1");
    /// # let _ = builder;
    /// ```
    pub fn stripped_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.stripped_prefix = Some(prefix.into());
        self
    }

    /// Extras in challenges.
    ///
    /// ```
    /// use resource_server_tower::{DpopLayer, ErrorSignaling};
    ///
    /// let signaling = ErrorSignaling { realm: Some("orders".to_owned()), description: true, ..ErrorSignaling::default() };
    /// let builder = DpopLayer::rfc9449().error_signaling(signaling);
    /// # let _ = builder;
    /// ```
    pub fn error_signaling(mut self, signaling: ErrorSignaling) -> Self {
        self.signaling = signaling;
        self
    }

    /// Tells clients where to get a token (RFC 9728): challenges point to the metadata of this resource, whose identifier
    /// is `https://host`, with or without port and path. Serve the document that
    /// [`DpopLayer::resource_metadata`] makes.
    ///
    /// ```
    /// use resource_server_tower::DpopLayer;
    ///
    /// let builder = DpopLayer::rfc9449()
    ///     .public_origin("https://api.example.com")
    ///     .resource_metadata("https://api.example.com/orders");
    /// # let _ = builder;
    /// ```
    pub fn resource_metadata(mut self, resource: impl Into<String>) -> Self {
        self.resource = Some(resource.into());
        self
    }

    /// What the body of a refusal says; problem JSON unless set.
    ///
    /// ```
    /// use resource_server_tower::{DpopLayer, ErrorBody};
    ///
    /// let builder = DpopLayer::rfc9449().error_body(ErrorBody::Empty);
    /// # let _ = builder;
    /// ```
    pub fn error_body(mut self, body: ErrorBody) -> Self {
        self.error_body = body;
        self
    }

    /// Another clock than the system's.
    ///
    /// ```
    /// use resource_server_tower::DpopLayer;
    ///
    /// let clock = testkit::ManualClock::new(); // a test moves it
    /// let builder = DpopLayer::rfc9449().clock(clock.reader());
    /// # let _ = builder;
    /// ```
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
        let mut problems = self.problems();
        let tokens = self.token_verdicts().map_err(|problem| problems.push(problem)).ok();
        let (Some(mode), Some(tokens), true) = (self.mode, tokens, problems.is_empty()) else {
            return Err(ConfigurationError(problems));
        };
        let metadata = self.metadata(mode);
        let policy = self.route_policy(mode);
        let mut signaling = self.signaling;
        if let Some(metadata) = &metadata {
            signaling.resource_metadata = Some(metadata.url());
        }
        let announced = self.resource.iter().chain(&self.audience).cloned();
        let watch = self.host_scheme.as_ref().map(|_| ProxyWatch::new(announced.collect()));
        let (proxies, proxied_scheme) = self.proxies.unzip();
        let shared = Shared {
            tokens,
            nonces: self.nonces.map(Arc::new),
            replay_store: self.replay_store.map(SharedReplayStore::new).map(Arc::new),
            target: TargetSettings {
                public_origins: self.public_origins,
                proxies,
                stripped_prefix: self.stripped_prefix,
                scheme: self.host_scheme.or(proxied_scheme).unwrap_or(Scheme::HTTPS),
            },
            watch,
            clock: self.clock,
            error_body: self.error_body,
            signaling,
            metadata,
            counts: Counts::default(),
        };
        Ok(DpopLayer::new(Guard::new(Arc::new(shared), policy)))
    }

    /// What the layer's own routes demand.
    fn route_policy(&self, mode: Mode) -> RoutePolicy {
        let lifetime = self.nonce_lifetime.unwrap_or(self.policy.max_age);
        RoutePolicy {
            mode,
            proof: self.policy.clone(),
            nonces: match &self.nonces {
                Some(_) => NonceDemand::Demanded { lifetime },
                None => NonceDemand::NotDemanded,
            },
            reuse: if self.replay_allowed { ProofReuse::Allowed } else { ProofReuse::Refused },
            audience: AcceptedAudience::OfLayer,
            token_algorithms: TokenAlgorithms::OfLayer,
            token_leeway: TokenLeeway::OfLayer,
            scopes: self.scopes.clone(),
            roles: Vec::new(),
        }
    }

    fn token_policy(&self) -> TokenPolicy {
        TokenPolicy {
            audience: self.audience.clone(),
            algorithms: self.accepted_token_algorithms().clone(),
            leeway: self.leeway.unwrap_or(self.policy.clock_skew.min(Duration::from_secs(10))),
        }
    }

    /// Those that are known before anybody asks.
    fn issuer_names(&self) -> Vec<&str> {
        match &self.tokens {
            None => {
                let introspected = self.introspected.iter().filter_map(Introspected::issuer);
                self.issuers.iter().map(|issuer| issuer.name.as_str()).chain(introspected).collect()
            }
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
}

impl fmt::Debug for DpopLayerBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("DpopLayerBuilder")
            .field("mode", &self.mode)
            .field("public_origins", &self.public_origins)
            .finish_non_exhaustive()
    }
}
