//! What an authenticator of access tokens does with a request, wherever the verdict on the token comes from.

use std::time::Duration;

use http::{HeaderValue, header};
use jose::{Algorithm, AlgorithmSet};
use resource_server::{
    AccessTokens, Mode, PresentedToken, ProofPolicy, ProtectedRequest, Refusal, Verifier, VerifierConfig,
};

use super::{
    assertions::Assertions,
    error_signaling::ErrorSignalingConfig,
    principal::{NoPrincipal, PrincipalMapping},
    refusal,
    token_source::{Found, TokenSources},
};
use crate::{
    audit::ProofAudit,
    document::Diagnostics,
    mechanisms::{
        BuildContext,
        authenticators::{Authenticated, Authentication, ChainEffect, Refused},
        step::{StepInput, chain_of_causes},
    },
};

/// Settings that all authenticators of access tokens have, kept for steps that change single fields.
#[derive(Debug, Clone)]
pub(in crate::mechanisms::authenticators) struct TokenSettings {
    pub(in crate::mechanisms::authenticators) assertions: Assertions,
    pub(in crate::mechanisms::authenticators) sources: TokenSources,
    pub(in crate::mechanisms::authenticators) principal: PrincipalMapping,
    pub(in crate::mechanisms::authenticators) error_signaling: ErrorSignalingConfig,
}

impl TokenSettings {
    /// The settings with what a step changes.
    pub(in crate::mechanisms::authenticators) fn overridden_by(
        &self,
        assertions: Option<Assertions>,
        error_signaling: Option<ErrorSignalingConfig>,
    ) -> Self {
        let mut settings = self.clone();
        if let Some(assertions) = assertions {
            settings.assertions = settings.assertions.overridden_by(assertions);
        }
        if let Some(error_signaling) = error_signaling {
            settings.error_signaling = settings.error_signaling.overridden_by(error_signaling);
        }
        settings
    }

    /// What is demanded of proofs; `None` after an error was added to `diagnostics`.
    pub(in crate::mechanisms::authenticators) fn proof_policy(
        &self,
        context: &BuildContext<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<ProofPolicy> {
        self.assertions.proof_policy(
            context.dependencies.nonce_ring.as_ref(),
            &context.dependencies.replay_store,
            diagnostics,
        )
    }
}

/// Finds the token, has it verified, and says whom it stands for.
#[derive(Debug, Clone)]
pub(in crate::mechanisms::authenticators) struct TokenAuthenticator {
    verifier: Verifier,
    sources: TokenSources,
    principal: PrincipalMapping,
    mode: Mode,
    allowed_proof_algorithms: AlgorithmSet,
}

impl TokenAuthenticator {
    pub(in crate::mechanisms::authenticators) fn new(
        tokens: impl Into<AccessTokens>,
        settings: &TokenSettings,
        proof: ProofPolicy,
    ) -> Self {
        let mode = proof.mode;
        let allowed_proof_algorithms = proof.policy.algorithms.clone();
        let verifier = Verifier::new(VerifierConfig {
            tokens: tokens.into(),
            scopes: settings.assertions.required_scopes(),
            proof,
            error_signaling: settings.error_signaling.extras(),
        });
        let (sources, principal) = (settings.sources.clone(), settings.principal.clone());
        Self { verifier, sources, principal, mode, allowed_proof_algorithms }
    }

    pub(in crate::mechanisms::authenticators) async fn authenticate(
        &self,
        input: &StepInput<'_>,
    ) -> Authentication {
        let (credentials, in_authorization) =
            match self.sources.find(input.request, self.mode == Mode::Require).await {
                Found::Token { credentials, in_authorization } => (credentials, in_authorization),
                Found::Nothing => return refused(&self.verifier.no_credentials(), input),
                Found::Malformed(error) => {
                    return refused(&self.verifier.malformed_credentials(error), input);
                }
                Found::SeveralTransports => return refused(&self.verifier.several_transports(), input),
                Found::Failed(failure) => {
                    let refused = Refused { failure, chain: ChainEffect::End, saw_credentials: false };
                    return Authentication::Refused(Box::new(refused));
                }
            };
        let request = ProtectedRequest {
            method: input.request.method.as_str(),
            target_uri: input.target_uri,
            headers: &input.request.headers,
        };
        let presented = PresentedToken { credentials: (&credentials).into(), claimed: input.claimed_proofs };
        let verified = match self.verifier.verify_presented(&request, &presented, input.now).await {
            Ok(verified) => verified,
            Err(refusal) => return refused(&refusal, input),
        };
        input.notices.proof(ProofAudit::of_verified(&verified));
        match self.principal.principal(&verified.claims) {
            Ok(principal) => Authentication::Authenticated(Box::new(Authenticated {
                principal,
                scheme: in_authorization.then_some(verified.scheme),
                thumbprint: verified.thumbprint,
                fresh_nonce: verified.fresh_nonce,
                observed: verified.observed.map(|reason| chain_of_causes(&reason)),
            })),
            Err(NoPrincipal::Id) => refused(&self.verifier.subject_missing(&verified), input),
            Err(error) => refusal::fault(error.into()),
        }
    }

    pub(in crate::mechanisms::authenticators) fn dpop_challenge(&self) -> Option<HeaderValue> {
        match self.mode {
            Mode::Off => None,
            Mode::Observe | Mode::Permit | Mode::Require => {
                self.verifier.no_credentials().headers().get(header::WWW_AUTHENTICATE).cloned()
            }
        }
    }

    pub(in crate::mechanisms::authenticators) fn allows_proof_algorithm(&self, algorithm: Algorithm) -> bool {
        self.mode != Mode::Off && self.allowed_proof_algorithms.contains(algorithm)
    }

    pub(in crate::mechanisms::authenticators) fn proof_policy(&self) -> &ProofPolicy {
        self.verifier.proof_policy()
    }

    pub(in crate::mechanisms::authenticators) fn proof_lifetime(&self) -> Duration {
        self.verifier.proof_lifetime()
    }
}

fn refused(refusal: &Refusal, input: &StepInput<'_>) -> Authentication {
    input.notices.proof(ProofAudit::of_refused(refusal));
    refusal::authentication(refusal)
}
