//! Access tokens of any form, about which the issuer is asked (RFC 7662): opaque ones, and JWTs that may be revoked.
//!
//! What the endpoint said about an active token is remembered, within the limits of [`VerdictLifetime`]. That a token is
//! not active is never remembered: whoever is refused asks again, and those who ask at the same time share one call. An
//! answer that is none, a status other than 200 and silence are faults, and never remembered either.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dpop::{AccessTokenHash, ProvenKey};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use jose::UnixTime;
use jose::json::JsonError;
use oauth::introspection::IntrospectionResponse;
use oauth::{AccessTokenRef, Confirmation, Scheme};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};
use thiserror::Error;

use super::claims::{BadClaim, Claims, Measured, check_type};
use super::{IssuerNames, TokenError, VerifiedToken};
use crate::discovery::{DiscoveryError, EndpointLocation};
use crate::outbound::{OutboundError, OutboundHttp, Purpose};
use crate::single_flight::SingleFlight;
use crate::verdict::{DEFAULT_CAPACITY, Verdicts};

/// A verdict is not used in the last seconds before the token ends: heimdall's margin for clocks.
const EXPIRY_MARGIN: Duration = Duration::from_secs(10);

/// Accepts the tokens that an introspection endpoint calls active. Clones share what they remember about tokens.
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use http::Uri;
/// use oauth::ClientSecret;
/// use resource_server::{
///     AuthenticatedHttp, IntrospectedTokens, IntrospectionPolicy, IssuerNames, OutboundHttp, VerdictLifetime,
/// };
///
/// fn tokens(http: Arc<dyn OutboundHttp>, secret: &str) -> IntrospectedTokens {
///     let http = Arc::new(AuthenticatedHttp::new(http, ClientSecret::basic("orders-api", secret)));
///     IntrospectedTokens::new(
///         Uri::from_static("https://issuer.example/introspect"),
///         http,
///         IntrospectionPolicy {
///             issuers: IssuerNames::Listed(Vec::new()),
///             audience: vec!["https://api.example.com".to_owned()],
///             leeway: Duration::from_secs(10),
///             lifetime: VerdictLifetime::AtMost(Duration::from_secs(10)),
///         },
///     )
/// }
/// ```
#[derive(Debug, Clone)]
pub struct IntrospectedTokens {
    endpoint: Arc<Endpoint>,
    policy: IntrospectionPolicy,
}

/// What an introspected token must be like, beside being active.
///
/// ```
/// use std::time::Duration;
/// use resource_server::{IntrospectionPolicy, IssuerNames, VerdictLifetime};
///
/// let policy = IntrospectionPolicy {
///     issuers: IssuerNames::Listed(vec!["https://issuer.example".to_owned()]),
///     audience: vec!["https://api.example.com".to_owned()],
///     leeway: Duration::from_secs(10),
///     lifetime: VerdictLifetime::OneRequest,
/// };
/// # let _ = policy;
/// ```
#[derive(Debug, Clone)]
pub struct IntrospectionPolicy {
    /// What `iss` of the answer must be. An empty list demands nothing, as the endpoint itself is trusted; a list demands
    /// `iss`; the name in the issuer's metadata, which also name the endpoint, is demanded where the answer has `iss`.
    pub issuers: IssuerNames,
    /// Accepted `aud` values, one of which suffices; empty accepts every audience.
    pub audience: Vec<String>,
    /// Tolerance for `exp`, `nbf` and `iat`, where the answer has them.
    pub leeway: Duration,
    /// How long an answer is used again.
    pub lifetime: VerdictLifetime,
}

/// How long the answer about an active token is used for further requests, in which a revocation goes unnoticed.
///
/// ```
/// use std::time::Duration;
/// use resource_server::VerdictLifetime;
///
/// // A revoked token works for ten seconds more, at most.
/// let lifetime = VerdictLifetime::AtMost(Duration::from_secs(10));
/// assert_ne!(lifetime, VerdictLifetime::UntilExpiry);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerdictLifetime {
    /// For one request.
    OneRequest,
    /// Until 10 s before its `exp`; for one request if it has none.
    UntilExpiry,
    /// So long at most, and never past 10 s before `exp`.
    AtMost(Duration),
}

/// Why the endpoint has said nothing about the token. Always a fault, never a verdict.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum IntrospectionError {
    /// The endpoint gave no answer.
    #[error("the introspection endpoint gave no answer")]
    Outbound(#[source] OutboundError),
    /// The endpoint answered with another status than 200. 401 and 403 mean that it does not accept our credentials.
    #[error("the introspection endpoint answered {0}")]
    Status(StatusCode),
    /// The answer is not of the type `application/json` (RFC 7662 §2.2).
    #[error("the introspection endpoint's answer is no JSON by its type")]
    ContentType,
    /// The answer is no introspection response.
    #[error("the introspection endpoint's answer is no introspection response")]
    Malformed(#[source] JsonError),
    /// It is not known where the endpoint is.
    #[error("the introspection endpoint is not known")]
    Discovery(#[source] DiscoveryError),
}

impl IntrospectionError {
    /// Whether a dependency did not answer in time.
    #[must_use]
    pub fn timed_out(&self) -> bool {
        match self {
            Self::Outbound(error) => *error == OutboundError::TimedOut,
            Self::Discovery(error) => error.timed_out(),
            Self::Status(_) | Self::ContentType | Self::Malformed(_) => false,
        }
    }
}

/// What is asked, and what it said.
#[derive(Debug)]
struct Endpoint {
    location: EndpointLocation,
    http: Arc<dyn OutboundHttp>,
    active: Verdicts<Arc<ActiveToken>>,
    flights: SingleFlight<[u8; 32], Answer>,
}

/// The endpoint's answer; `None` for a token that is not active.
type Answer = Result<Option<Arc<ActiveToken>>, IntrospectionError>;

/// What the endpoint said about an active token.
#[derive(Debug)]
struct ActiveToken {
    claims: Claims,
    measured: Result<Measured, BadClaim>,
    asked_at: UnixTime,
    proven_key: ProvenKey,
}

impl IntrospectedTokens {
    /// Asks the endpoint at `location`. Whatever it needs beside the token, such as the client's credentials (RFC 7662
    /// §2.1), is `http`'s to add.
    #[must_use]
    pub fn new(
        location: impl Into<EndpointLocation>,
        http: Arc<dyn OutboundHttp>,
        policy: IntrospectionPolicy,
    ) -> Self {
        let endpoint = Endpoint {
            location: location.into(),
            http,
            active: Verdicts::new(DEFAULT_CAPACITY),
            flights: SingleFlight::default(),
        };
        Self { endpoint: Arc::new(endpoint), policy }
    }

    /// The same endpoint with the same memory and another policy, for a route that asks for more.
    ///
    /// ```
    /// use resource_server::{IntrospectedTokens, IntrospectionPolicy, VerdictLifetime};
    ///
    /// /// For a route on which a revocation is noticed at once.
    /// fn asking_every_time(tokens: &IntrospectedTokens, policy: &IntrospectionPolicy) -> IntrospectedTokens {
    ///     tokens.with_policy(IntrospectionPolicy { lifetime: VerdictLifetime::OneRequest, ..policy.clone() })
    /// }
    /// ```
    #[must_use]
    pub fn with_policy(&self, policy: IntrospectionPolicy) -> Self {
        Self { endpoint: Arc::clone(&self.endpoint), policy }
    }

    pub(super) fn policy(&self) -> &IntrospectionPolicy {
        &self.policy
    }

    pub(super) async fn verify(
        &self,
        token: AccessTokenRef<'_>,
        hash: &AccessTokenHash,
        now: UnixTime,
    ) -> Result<VerifiedToken, TokenError> {
        let remembered =
            self.endpoint.active.get(hash).filter(|active| self.policy.lifetime.covers(active, now));
        let active = match remembered {
            Some(active) => active,
            // Boxed, so that the many tokens that are known pay for no room it needs.
            None => Box::pin(self.endpoint.ask(token, hash, now))
                .await
                .map_err(TokenError::Introspection)?
                .ok_or(TokenError::Inactive)?,
        };
        let claims = &active.claims;
        check_type(claims)?;
        self.policy.check_issuer(claims, now).await?;
        let measured = active.measured.as_ref().map_err(|bad_claim| *bad_claim)?;
        measured.check_audience(&self.policy.audience)?;
        measured.check_times(self.policy.leeway, now)?;
        let confirmation = Confirmation::from_claims(claims).map_err(TokenError::Confirmation)?;
        check_token_type(claims, confirmation.as_ref())?;
        Ok(VerifiedToken { claims: claims.clone(), confirmation, proven_key: active.proven_key.clone() })
    }
}

impl IntrospectionPolicy {
    async fn check_issuer(&self, claims: &Map<String, Value>, now: UnixTime) -> Result<(), TokenError> {
        let issuer = match claims.get("iss") {
            None => None,
            Some(Value::String(issuer)) => Some(issuer),
            Some(_) => return Err(TokenError::BadClaim("iss")),
        };
        let is_accepted = match (&self.issuers, issuer) {
            (IssuerNames::Listed(names), _) if names.is_empty() => true,
            (IssuerNames::Listed(names), issuer) => issuer.is_some_and(|issuer| names.contains(issuer)),
            (IssuerNames::Discovered(_), None) => true,
            (IssuerNames::Discovered(discovery), Some(issuer)) => {
                discovery.metadata(now).await.map_err(TokenError::Discovery)?.issuer == *issuer
            }
        };
        if is_accepted { Ok(()) } else { Err(TokenError::Issuer) }
    }
}

impl VerdictLifetime {
    fn covers(self, active: &ActiveToken, now: UnixTime) -> bool {
        let before_expiry = match active.measured.as_ref().map(|measured| measured.expires_at) {
            Ok(Some(exp)) => now.saturating_add(EXPIRY_MARGIN) < exp,
            Ok(None) => matches!(self, Self::AtMost(_)),
            // Nothing it is measured by is known: the endpoint may have mended it.
            Err(_) => false,
        };
        before_expiry
            && match self {
                Self::OneRequest => false,
                Self::UntilExpiry => true,
                Self::AtMost(limit) => now < active.asked_at.saturating_add(limit),
            }
    }
}

impl Endpoint {
    /// Asks about the token, or waits for the answer to somebody else who does.
    async fn ask(&self, token: AccessTokenRef<'_>, hash: &AccessTokenHash, now: UnixTime) -> Answer {
        let call = async || {
            let answer = self.call(token, now).await?;
            match &answer {
                Some(active) => self.active.insert(hash, Arc::clone(active)),
                None => self.active.remove(hash),
            }
            Ok(answer)
        };
        self.flights.run(*hash.as_bytes(), call).await
    }

    async fn call(&self, token: AccessTokenRef<'_>, now: UnixTime) -> Answer {
        let mut request = Request::new(body(token));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self
            .location
            .resolve("introspection_endpoint", now, |metadata| metadata.introspection_endpoint.as_deref())
            .await
            .map_err(IntrospectionError::Discovery)?;
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        request.extensions_mut().insert(Purpose::Introspection);
        let response = self.http.send(request, now).await.map_err(IntrospectionError::Outbound)?;
        if response.status() != StatusCode::OK {
            return Err(IntrospectionError::Status(response.status()));
        }
        if !is_json(response.headers()) {
            return Err(IntrospectionError::ContentType);
        }
        match IntrospectionResponse::parse(response.body()).map_err(IntrospectionError::Malformed)? {
            IntrospectionResponse::Active(claims) => {
                let measured = Measured::read(&claims);
                Ok(Some(Arc::new(ActiveToken {
                    claims: Claims::new(claims),
                    measured,
                    asked_at: now,
                    proven_key: ProvenKey::default(),
                })))
            }
            IntrospectionResponse::Inactive => Ok(None),
        }
    }
}

/// A page that says something else, such as that of a proxy in between, is no verdict, whatever it looks like.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let media_type = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media_type == "application/json"
        || (media_type.starts_with("application/") && media_type.ends_with("+json"))
}

/// RFC 7662 §2.1.
fn body(token: AccessTokenRef<'_>) -> Bytes {
    let token = utf8_percent_encode(token.as_str(), NON_ALPHANUMERIC);
    Bytes::from(format!("token={token}&token_type_hint=access_token"))
}

/// `token_type`, where it is there, must agree with `cnf`: which of the two holds can not be known (R18, R38).
fn check_token_type(
    claims: &Map<String, Value>,
    confirmation: Option<&Confirmation>,
) -> Result<(), TokenError> {
    let scheme = match claims.get("token_type") {
        None => return Ok(()),
        Some(Value::String(name)) => name.parse::<Scheme>().ok(),
        Some(_) => return Err(TokenError::BadClaim("token_type")),
    };
    let is_bound_to_key = confirmation.is_some_and(|confirmation| confirmation.jkt.is_some());
    match (scheme, is_bound_to_key) {
        (Some(Scheme::Dpop), false) | (Some(Scheme::Bearer) | None, true) => Err(TokenError::Contradiction),
        // Some servers write other words here, such as `access_token`.
        (Some(Scheme::Dpop), true) | (Some(Scheme::Bearer) | None, false) => Ok(()),
    }
}
