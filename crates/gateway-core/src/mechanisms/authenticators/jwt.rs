//! `jwt`: access tokens in JWT form, checked against the issuer's keys, with DPoP (RFC 9449).
//!
//! ```yaml
//! - id: dpop_jwt
//!   type: jwt
//!   config:
//!     jwks_endpoint: https://idp.example.com/realms/shop/protocol/openid-connect/certs
//!     assertions:
//!       issuers: [https://idp.example.com/realms/shop]
//!       allowed_algorithms: [RS256, ES256]
//!       proof_of_possession:
//!         type: dpop
//!         config: {max_age: 1m, nonce_required: true, replay_allowed: false}
//! ```
//!
//! This file configures [`resource_server::Verifier`]; every check of token and proof is made there.

mod config;
mod issuer_keys;
mod written;

use std::{sync::Arc, time::Duration};

use http::HeaderValue;
use jose::Algorithm;
use resource_server::{CertificateCheck, JwtTokens, KeySource, ProofPolicy};

pub(super) use self::config::read_settings;
pub use self::config::{JwtConfig, JwtOverride};
use self::{
    config::CertificateConfig,
    issuer_keys::{IssuerKeys, KeySettings},
};
use crate::{
    document::{Code, Diagnostic, Diagnostics},
    mechanisms::{
        BuildContext, Mechanism,
        authenticators::{
            Authenticate, Authentication,
            access_token::{
                authenticator::{TokenAuthenticator, TokenSettings},
                issuer_endpoint::{IssuerEndpoint, Wanted},
            },
        },
        step::{StepFuture, StepInput},
    },
    published_keys::PublishedKey,
};

/// Accepts access tokens in JWT form.
#[derive(Debug, Clone)]
pub struct Jwt {
    settings: TokenSettings,
    keys: IssuerKeys,
    tokens: JwtTokens,
    authenticator: TokenAuthenticator,
    published_keys: Vec<PublishedKey>,
}

impl Mechanism for Jwt {
    const TYPE: &'static str = "jwt";
    const OVERRIDABLE: &'static [&'static str] = &["assertions", "cache_ttl", "error_signaling"];
    type Config = JwtConfig;
    type Override = JwtOverride;

    fn build(config: JwtConfig, context: &BuildContext<'_>, diagnostics: &mut Diagnostics) -> Option<Self> {
        let JwtConfig { endpoint, settings, keys_ttl, certificates } = config;
        // Errors of all parts are reported.
        let endpoint = IssuerEndpoint::build(&endpoint, Wanted::Keys, context, diagnostics);
        let certificates = certificate_check(&certificates, context, diagnostics);
        let proof = settings.proof_policy(context, diagnostics);
        let (endpoint, certificates, proof) = (endpoint?, certificates?, proof?);
        let published_keys = endpoint.published_keys();
        let issuers = settings.assertions.issuers();
        let key_settings = KeySettings { endpoint, lifetime: keys_ttl, certificates };
        let keys = IssuerKeys::connect(key_settings, &issuers, diagnostics)?;
        let tokens = JwtTokens::new(keys.trusted_issuers(&issuers, &settings.assertions.token_policy()));
        let authenticator = TokenAuthenticator::new(tokens.clone(), &settings, proof);
        Some(Self { settings, keys, tokens, authenticator, published_keys })
    }

    fn with_override(
        &self,
        change: JwtOverride,
        context: &BuildContext<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let settings = self.settings.overridden_by(change.assertions, change.error_signaling);
        let issuers = settings.assertions.issuers();
        let keys = match change.keys_ttl {
            Some(lifetime) => self.keys.clone().with_lifetime(lifetime),
            None => self.keys.clone(),
        };
        let keys = keys.for_issuers(&issuers, diagnostics);
        let proof = settings.proof_policy(context, diagnostics);
        let (keys, proof) = (keys?, proof?);
        let trusted = keys.trusted_issuers(&issuers, &settings.assertions.token_policy());
        let tokens = self.tokens.with_issuers(trusted);
        let authenticator = TokenAuthenticator::new(tokens.clone(), &settings, proof);
        Some(Self { settings, keys, tokens, authenticator, published_keys: Vec::new() })
    }

    fn published_keys(&self) -> &[PublishedKey] {
        &self.published_keys
    }
}

/// The check of `x5c`, if there is to be one; `None` after an error was added to `diagnostics`.
fn certificate_check(
    config: &CertificateConfig,
    context: &BuildContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Option<Arc<dyn CertificateCheck>>> {
    if !config.is_checked {
        return Some(None);
    }
    let path = context.path.key("trust_anchors").to_string();
    let anchors = match &config.trust_anchors {
        None => None,
        Some(reference) => match context.dependencies.secrets.certificates(&reference.source.value) {
            Ok(anchors) => Some(anchors),
            Err(error) => {
                error.report(reference, &path, diagnostics);
                return None;
            }
        },
    };
    match context.dependencies.certificates.check(anchors) {
        Ok(check) => Some(Some(check)),
        Err(error) => {
            let place = config.trust_anchors.as_ref().map_or(&context.place, |reference| &reference.place);
            diagnostics.push(
                Diagnostic::error(Code::WrongSecretKind, format!("`{path}`: {error}"), place)
                    .expected("X.509 certificates"),
            );
            None
        }
    }
}

impl Authenticate for Jwt {
    fn authenticate<'a>(&'a self, input: &'a StepInput<'a>) -> StepFuture<'a, Authentication> {
        Box::pin(self.authenticator.authenticate(input))
    }

    fn dpop_challenge(&self) -> Option<HeaderValue> {
        self.authenticator.dpop_challenge()
    }

    fn key_source(&self) -> Option<Arc<dyn KeySource>> {
        self.keys.only()
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
