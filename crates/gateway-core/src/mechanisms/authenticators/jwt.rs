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
//! This file configures [`resource_server::Verifier`] and maps its refusals; every check of token and proof is made there.

mod config;
mod key_endpoint;
mod written;

use std::sync::Arc;

use http::{HeaderValue, Uri, header};
use jose::{Algorithm, AlgorithmSet};
use resource_server::{
    IssuerNames, JwksCache, JwtTokens, KeySource, Mode, OutboundHttp, ProofPolicy, ProtectedRequest,
    TokenPolicy, TrustedIssuer, Verifier, VerifierConfig,
};

pub use self::config::{JwtConfig, JwtOverride};
use self::{config::Settings, key_endpoint::key_endpoint};
use crate::{
    audit::ProofAudit,
    document::Diagnostics,
    mechanisms::{
        BuildContext, Mechanism,
        authenticators::{Authenticate, Authenticated, Authentication, access_token::refusal},
        step::{StepFuture, StepInput, chain_of_causes},
    },
    outbound::ClientSettings,
};

/// Accepts access tokens in JWT form.
#[derive(Debug, Clone)]
pub struct Jwt {
    endpoint: Uri,
    settings: Settings,
    tokens: JwtTokens,
    verifier: Verifier,
    allowed_proof_algorithms: Option<AlgorithmSet>,
}

impl Mechanism for Jwt {
    const TYPE: &'static str = "jwt";
    const OVERRIDABLE: &'static [&'static str] = &["assertions", "cache_ttl", "error_signaling"];
    type Config = JwtConfig;
    type Override = JwtOverride;

    fn build(config: JwtConfig, context: &BuildContext<'_>, diagnostics: &mut Diagnostics) -> Option<Self> {
        let endpoint = key_endpoint(&config.endpoint, context, diagnostics);
        let settings = config.settings;
        // Errors of the assertions are reported beside those of the endpoint.
        let verifier_parts = settings.verifier_parts(context, diagnostics);
        let (endpoint, (token, proof)) = (endpoint?, verifier_parts?);
        let keys: Arc<dyn KeySource> =
            Arc::new(JwksCache::new(endpoint.clone(), key_client(context)?, settings.keys_ttl));
        Some(Self::assemble(endpoint, keys, settings, token, proof, None))
    }

    fn with_override(
        &self,
        change: JwtOverride,
        context: &BuildContext<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let mut settings = self.settings.clone();
        if let Some(assertions) = change.assertions {
            settings.assertions = settings.assertions.overridden_by(assertions);
        }
        if let Some(error_signaling) = change.error_signaling {
            settings.error_signaling = settings.error_signaling.overridden_by(error_signaling);
        }
        let known = self.tokens.issuers().first().map(|issuer| Arc::clone(&issuer.keys));
        let keys: Arc<dyn KeySource> = match (change.keys_ttl, known) {
            (None, Some(keys)) => keys,
            (ttl, _) => {
                settings.keys_ttl = ttl.unwrap_or(settings.keys_ttl);
                Arc::new(JwksCache::new(self.endpoint.clone(), key_client(context)?, settings.keys_ttl))
            }
        };
        let (token, proof) = settings.verifier_parts(context, diagnostics)?;
        Some(Self::assemble(self.endpoint.clone(), keys, settings, token, proof, Some(&self.tokens)))
    }
}

fn key_client(context: &BuildContext<'_>) -> Option<Arc<dyn OutboundHttp>> {
    context.dependencies.outbound.client(&ClientSettings::default()).ok()
}

impl Settings {
    fn verifier_parts(
        &self,
        context: &BuildContext<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<(TokenPolicy, ProofPolicy)> {
        let proof = self.assertions.proof_policy(
            context.dependencies.nonce_ring.as_ref(),
            &context.dependencies.replay_store,
            diagnostics,
        )?;
        Some((self.assertions.token_policy(), proof))
    }
}

impl Jwt {
    fn assemble(
        endpoint: Uri,
        keys: Arc<dyn KeySource>,
        settings: Settings,
        token: TokenPolicy,
        proof: ProofPolicy,
        known: Option<&JwtTokens>,
    ) -> Self {
        let allowed_proof_algorithms = match proof.mode {
            Mode::Off => None,
            Mode::Observe | Mode::Permit | Mode::Require => Some(proof.policy.algorithms.clone()),
        };
        let issuer =
            TrustedIssuer { names: IssuerNames::Listed(settings.assertions.issuers()), keys, policy: token };
        let tokens = match known {
            Some(known) => known.with_issuers([issuer]),
            None => JwtTokens::new([issuer]),
        };
        let verifier = Verifier::new(VerifierConfig {
            tokens: tokens.clone().into(),
            scopes: settings.assertions.required_scopes(),
            proof,
            error_signaling: settings.error_signaling.extras(),
        });
        Self { endpoint, settings, tokens, verifier, allowed_proof_algorithms }
    }

    async fn verify(&self, input: &StepInput<'_>) -> Authentication {
        let headers = self.settings.sources.present(&input.request.headers);
        let request = ProtectedRequest {
            method: input.request.method.as_str(),
            target_uri: input.target_uri,
            headers: &headers,
        };
        let verified = match self.verifier.verify(&request, input.now).await {
            Ok(verified) => {
                input.notices.proof(ProofAudit::of_verified(&verified));
                verified
            }
            Err(refused) => {
                input.notices.proof(ProofAudit::of_refused(&refused));
                return refusal::authentication(&refused);
            }
        };
        match self.settings.principal.principal(&verified.claims) {
            Ok(principal) => Authentication::Authenticated(Box::new(Authenticated {
                principal,
                scheme: Some(verified.scheme),
                thumbprint: verified.thumbprint,
                fresh_nonce: verified.fresh_nonce,
                observed: verified.observed.map(|reason| chain_of_causes(&reason)),
            })),
            Err(failure) => refusal::fault(failure),
        }
    }
}

impl Authenticate for Jwt {
    fn authenticate<'a>(&'a self, input: &'a StepInput<'a>) -> StepFuture<'a, Authentication> {
        Box::pin(self.verify(input))
    }

    fn dpop_challenge(&self) -> Option<HeaderValue> {
        self.allowed_proof_algorithms.as_ref()?;
        self.verifier.no_credentials().headers().get(header::WWW_AUTHENTICATE).cloned()
    }

    fn key_source(&self) -> Option<Arc<dyn KeySource>> {
        match self.tokens.issuers() {
            [issuer] => Some(Arc::clone(&issuer.keys)),
            _ => None,
        }
    }

    fn allows_proof_algorithm(&self, algorithm: Algorithm) -> bool {
        self.allowed_proof_algorithms.as_ref().is_some_and(|algorithms| algorithms.contains(algorithm))
    }
}
