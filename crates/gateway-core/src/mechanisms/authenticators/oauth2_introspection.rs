//! `oauth2_introspection`: access tokens of any form, about which the issuer is asked (RFC 7662), with DPoP.
//!
//! ```yaml
//! - id: opaque
//!   type: oauth2_introspection
//!   config:
//!     introspection_endpoint:
//!       url: https://idp.example.com/introspect
//!       auth: {type: basic_auth, config: {credentials: {source: texts, selector: introspection}}}
//!     assertions:
//!       issuers: [https://idp.example.com]
//!     cache_ttl: 30s
//! ```
//!
//! What the endpoint says about a token is remembered; binding, proof, audience, times and scopes are checked on every
//! request. A revocation goes unnoticed for as long as an answer is remembered: until 10 s before the token's `exp`, or as
//! long as `cache_ttl` says.

mod config;
mod written;

use std::{sync::Arc, time::Duration};

use http::HeaderValue;
use jose::Algorithm;
use resource_server::{
    AccessTokens, IntrospectedTokens, IntrospectionPolicy, IssuerNames, ProofPolicy, VerdictLifetime,
};

pub use self::config::{OAuth2IntrospectionConfig, OAuth2IntrospectionOverride};
use crate::{
    document::Diagnostics,
    mechanisms::{
        BuildContext, Mechanism,
        authenticators::{
            Authenticate, Authentication,
            access_token::{
                authenticator::{TokenAuthenticator, TokenSettings},
                issuer_endpoint::{Connection, IssuerEndpoint, Wanted},
            },
        },
        step::{StepFuture, StepInput},
    },
    published_keys::PublishedKey,
};

/// Accepts access tokens that their issuer calls active.
#[derive(Debug, Clone)]
pub struct OAuth2Introspection {
    settings: TokenSettings,
    lifetime: VerdictLifetime,
    endpoint: IssuerEndpoint,
    known: Vec<Known>,
    authenticator: TokenAuthenticator,
    published_keys: Vec<PublishedKey>,
}

/// An endpoint with what it said.
#[derive(Debug, Clone)]
struct Known {
    /// The issuer it is for; `None` where one is for all.
    issuer: Option<String>,
    connection: Connection,
    tokens: IntrospectedTokens,
}

impl Mechanism for OAuth2Introspection {
    const TYPE: &'static str = "oauth2_introspection";
    const OVERRIDABLE: &'static [&'static str] = &["assertions", "cache_ttl", "error_signaling"];
    type Config = OAuth2IntrospectionConfig;
    type Override = OAuth2IntrospectionOverride;

    fn build(
        config: OAuth2IntrospectionConfig,
        context: &BuildContext<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let OAuth2IntrospectionConfig { endpoint, settings, lifetime } = config;
        let endpoint = IssuerEndpoint::build(&endpoint, Wanted::Introspection, context, diagnostics);
        let proof = settings.proof_policy(context, diagnostics);
        let (endpoint, proof) = (endpoint?, proof?);
        let known = Known::of_all(&endpoint, &settings, lifetime, &[], diagnostics)?;
        let authenticator = TokenAuthenticator::new(accepted(&known), &settings, proof);
        let published_keys = endpoint.published_keys();
        Some(Self { settings, lifetime, endpoint, known, authenticator, published_keys })
    }

    fn with_override(
        &self,
        change: OAuth2IntrospectionOverride,
        context: &BuildContext<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let settings = self.settings.overridden_by(change.assertions, change.error_signaling);
        let lifetime = change.lifetime.unwrap_or(self.lifetime);
        let known = Known::of_all(&self.endpoint, &settings, lifetime, &self.known, diagnostics);
        let proof = settings.proof_policy(context, diagnostics);
        let (known, proof) = (known?, proof?);
        let authenticator = TokenAuthenticator::new(accepted(&known), &settings, proof);
        let endpoint = self.endpoint.clone();
        Some(Self { settings, lifetime, endpoint, known, authenticator, published_keys: Vec::new() })
    }

    fn published_keys(&self) -> &[PublishedKey] {
        &self.published_keys
    }
}

/// Where the address depends on the issuer, a token says whose it is: it must be a JWT then.
fn accepted(known: &[Known]) -> AccessTokens {
    match known {
        [Known { issuer: None, tokens, .. }] => tokens.clone().into(),
        several => AccessTokens::IntrospectedByIssuer(
            several.iter().filter_map(|known| Some((known.issuer.clone()?, known.tokens.clone()))).collect(),
        ),
    }
}

impl Known {
    /// The endpoints of the configured issuers. What one of `before` knows stays.
    fn of_all(
        endpoint: &IssuerEndpoint,
        settings: &TokenSettings,
        lifetime: VerdictLifetime,
        before: &[Self],
        diagnostics: &mut Diagnostics,
    ) -> Option<Vec<Self>> {
        let issuers = settings.assertions.issuers();
        let wanted: Vec<Option<&String>> = match endpoint.is_per_issuer() {
            true => issuers.iter().map(Some).collect(),
            false => vec![None],
        };
        if wanted.is_empty() {
            endpoint.report_no_issuers(diagnostics);
            return None;
        }
        let of_one = |issuer: Option<&String>, diagnostics: &mut Diagnostics| {
            let known = before.iter().find(|known| known.issuer.as_ref() == issuer);
            let connection = match known {
                Some(known) => known.connection.clone(),
                None => endpoint.connect(issuer.map(String::as_str), diagnostics)?,
            };
            let policy = IntrospectionPolicy {
                issuers: match (issuer, &connection.discovery) {
                    (Some(issuer), _) => IssuerNames::Listed(vec![issuer.clone()]),
                    (None, Some(discovery)) if issuers.is_empty() => {
                        IssuerNames::Discovered(Arc::clone(discovery))
                    }
                    (None, _) => IssuerNames::Listed(issuers.clone()),
                },
                audience: settings.assertions.token_policy().audience,
                leeway: settings.assertions.token_policy().leeway,
                lifetime,
            };
            let tokens = match known {
                Some(known) => known.tokens.with_policy(policy),
                None => {
                    IntrospectedTokens::new(connection.location.clone(), Arc::clone(&connection.http), policy)
                }
            };
            Some(Self { issuer: issuer.cloned(), connection, tokens })
        };
        let all: Vec<Option<Self>> = wanted.into_iter().map(|issuer| of_one(issuer, diagnostics)).collect();
        all.into_iter().collect()
    }
}

impl Authenticate for OAuth2Introspection {
    fn authenticate<'a>(&'a self, input: &'a StepInput<'a>) -> StepFuture<'a, Authentication> {
        Box::pin(self.authenticator.authenticate(input))
    }

    fn dpop_challenge(&self) -> Option<HeaderValue> {
        self.authenticator.dpop_challenge()
    }

    fn proof_policy(&self) -> Option<&ProofPolicy> {
        Some(self.authenticator.proof_policy())
    }

    fn allows_proof_algorithm(&self, algorithm: Algorithm) -> bool {
        self.authenticator.allows_proof_algorithm(algorithm)
    }

    fn proof_lifetime(&self) -> Duration {
        self.authenticator.proof_lifetime()
    }
}
