//! What is wrong with a layer's settings, all of it at once.

use std::fmt;

use thiserror::Error;

/// One thing that is forgotten, malformed or contradictory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Problem {
    /// Nobody is trusted.
    #[error("no issuer: call `issuer_url`, `issuer` with its keys, `introspection` or `access_tokens`")]
    NoIssuer,
    /// The verdict on tokens comes from two places, or would be measured with two policies.
    #[error(
        "`access_tokens` has policies of its own: `issuer`, `introspection`, `audience`, `any_audience`, `token_algorithms` and `leeway` contradict it"
    )]
    AccessTokensAndPolicy,
    /// Who judges a token would depend on the token.
    #[error(
        "`introspection` goes together neither with `issuer`, `issuer_url` or `jwks_url` nor with another one"
    )]
    SeveralTokenSources,
    /// Nobody looks at the signature of a token about which the issuer is asked.
    #[error("`token_algorithms` has no meaning for introspected tokens")]
    AlgorithmsOfIntrospectedTokens,
    /// Keys, metadata or verdicts would come over a connection that others can change.
    #[error(
        "an issuer or endpoint is no https URL; plain http is for this machine, or with `allow_plain_http`"
    )]
    IssuerUrl,
    /// Issuers are to be called, and nothing can call them.
    #[error("calls to issuers need the feature `http-client`, or a client given with `outbound_http`")]
    NoHttpClient,
    /// The TLS library has no usable protocol version or cipher suite.
    #[error("TLS for calls to issuers can not be set up")]
    HttpClient,
    /// `issuer` was called twice for one issuer: which keys count would depend on the order.
    #[error("the same issuer twice: call `issuer` once for each")]
    RepeatedIssuer,
    /// Tokens for other resources would pass.
    #[error("no audience: call `audience`, or `any_audience` if tokens for other resources may pass")]
    NoAudience,
    /// Both an audience and any audience.
    #[error("`audience` and `any_audience` contradict each other")]
    AudienceAndAny,
    /// It was not said how strict to be.
    #[error("no mode: call `mode`")]
    NoMode,
    /// Nothing to compare `htu` with.
    #[error("no origin: call `public_origin`, `trusted_proxies` or `origin_from_host`")]
    NoOrigin,
    /// Proxies are declared, and whatever host they hand on would count.
    #[error("`trusted_proxies` without `public_origin`: call it for each name, or `any_forwarded_host`")]
    ProxiesWithoutOrigin,
    /// The host of a request either counts or does not.
    #[error("`any_forwarded_host` goes together with `trusted_proxies` and without `public_origin` only")]
    AnyForwardedHost,
    /// The origin comes from two places.
    #[error("`origin_from_host` can not go together with `public_origin` or `trusted_proxies`")]
    SeveralOrigins,
    /// Not `scheme://host[:port]`.
    #[error("the public origin is not scheme://host or scheme://host:port with http or https")]
    PublicOrigin,
    /// A plain-text origin other than loopback (RFC 9449 §2, §11).
    #[error("the public origin is plain http: call `allow_plain_http` for development only")]
    PlainHttp,
    /// Trusted proxies without any network.
    #[error("`trusted_proxies` has no network")]
    NoProxies,
    /// Not `/` and a path, or with a slash at its end.
    #[error("the stripped prefix does not start with `/`, ends with one or is no path")]
    StrippedPrefix,
    /// Proofs are checked, and nothing was said about replays.
    #[error("no replay store: call `replay_store`, or `replay_allowed` if a proof may be used again")]
    NoReplayStore,
    /// Both a replay store and none.
    #[error("`replay_store` and `replay_allowed` contradict each other")]
    ReplayStoreAndAllowed,
    /// No proof algorithm is accepted.
    #[error("the proof policy accepts no algorithm")]
    NoProofAlgorithm,
    /// No token algorithm is accepted.
    #[error("no algorithm for access tokens is accepted")]
    NoTokenAlgorithm,
    /// A route accepts access tokens of an algorithm that the layer accepts of no issuer.
    #[error(
        "a route can only narrow the algorithms of access tokens: the layer accepts one of them of no issuer"
    )]
    MoreTokenAlgorithms,
    /// The policy's limit is above [`dpop::MAX_PROOF_BYTES`].
    #[error("the proof policy accepts proofs that are longer than the maximum")]
    ProofLimit,
    /// A route demands nonces, and the layer has no key that seals them.
    #[error("nonces are demanded without keys: call `nonces` on the layer")]
    NoncesWithoutKeys,
    /// A nonce lifetime, and no key that seals nonces.
    #[error("`nonce_lifetime` without `nonces`")]
    NonceLifetimeWithoutNonces,
    /// Nonces that are over at once.
    #[error("the nonce lifetime is shorter than two seconds")]
    NonceLifetime,
    /// The policy lets a nonce replace `iat`, and there are none.
    #[error("the proof policy lets a nonce replace iat, but there are no nonces")]
    NonceReplacesIatWithoutNonces,
    /// Not `https://host`, with or without port and path (RFC 9728 §1.2).
    #[error("the resource identifier is no https URL without query and fragment")]
    ResourceIdentifier,
    /// Clients refuse metadata of a resource at another address than the one they called (RFC 9728 §3.3).
    #[error("the resource identifier is not below the public origin")]
    ResourceElsewhere,
    /// The address of the metadata comes from two places.
    #[error("`resource_metadata` contradicts the address in `error_signaling`")]
    SeveralResourceMetadata,
    /// A text for challenges that can not stand in one.
    #[error(
        "realm, error_uri, resource_metadata or a scope has characters that can not stand in a challenge"
    )]
    ChallengeText,
}

/// A layer that was not built, and everything that is wrong with it.
///
/// ```
/// use resource_server_tower::DpopLayer;
///
/// let error = DpopLayer::fapi2().build().expect_err("nothing is said");
/// eprintln!("{error}"); // the DPoP layer is not configured: no issuer: call …
/// assert_eq!(error.problems().len(), 4);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigurationError(pub(crate) Vec<Problem>);

impl ConfigurationError {
    /// The problems, at least one.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.0
    }
}

impl fmt::Display for ConfigurationError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the DPoP layer is not configured: ")?;
        for (index, problem) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(formatter, "{separator}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigurationError {}
