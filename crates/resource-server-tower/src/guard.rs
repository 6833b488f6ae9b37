//! What every request of a layer is measured with.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use http::StatusCode;
use http::request::Parts;
use oauth::{Challenge, ErrorCode, Scheme};
use resource_server::{
    NoncePolicy, ProofPolicy, ProtectedRequest, Reason, Refusal, ReplayProtection, Verified, Verifier,
    VerifierConfig,
};

use crate::problem::{ConfigurationError, Problem};
use crate::response::{Answer, hand_out_nonce};
use crate::route_policy::{
    AcceptedAudience, LayerHas, NonceDemand, ProofReuse, RoutePolicy, TokenAlgorithms, TokenLeeway,
};
use crate::shared::Shared;
use crate::target::TargetError;

/// A route's policy, over what all routes of the layer share.
pub(crate) struct Guard {
    pub(crate) shared: Arc<Shared>,
    policy: RoutePolicy,
    verifier: Verifier,
    /// Space-delimited proof algorithms.
    algorithms: String,
}

impl Guard {
    /// A guard with a policy that has no [problems](RoutePolicy::problems).
    pub(crate) fn new(shared: Arc<Shared>, policy: RoutePolicy) -> Self {
        let tokens = match &policy.audience {
            AcceptedAudience::OfLayer => shared.tokens.clone(),
            AcceptedAudience::OneOf(audience) => shared.tokens.for_audience(audience),
            AcceptedAudience::Any => shared.tokens.for_audience(&[]),
        };
        let tokens = match &policy.token_algorithms {
            TokenAlgorithms::OfLayer => tokens,
            TokenAlgorithms::Only(algorithms) => tokens.among_algorithms(algorithms),
        };
        let tokens = match policy.token_leeway {
            TokenLeeway::OfLayer => tokens,
            TokenLeeway::AtMost(leeway) => tokens.with_leeway_at_most(leeway),
        };
        let nonces = match (policy.nonces, &shared.nonces) {
            (NonceDemand::Demanded { lifetime }, Some(ring)) => {
                Some(NoncePolicy { ring: Arc::clone(ring), lifetime })
            }
            (NonceDemand::Demanded { .. }, None) | (NonceDemand::NotDemanded, _) => None,
        };
        let replay = match (policy.reuse, &shared.replay_store) {
            (ProofReuse::Refused, Some(store)) => ReplayProtection::Store(Arc::clone(store) as Arc<_>),
            (ProofReuse::Refused, None) | (ProofReuse::Allowed, _) => ReplayProtection::Allowed,
        };
        let verifier = Verifier::new(VerifierConfig {
            tokens,
            scopes: policy.scopes.clone(),
            proof: ProofPolicy { mode: policy.mode, policy: policy.proof.clone(), nonces, replay },
            error_signaling: shared.signaling.clone(),
        });
        let algorithms = policy.proof.algorithms.to_string();
        Self { shared, policy, verifier, algorithms }
    }

    pub(crate) fn policy(&self) -> &RoutePolicy {
        &self.policy
    }

    /// The guard of another route.
    pub(crate) fn with_policy(&self, policy: RoutePolicy) -> Result<Self, ConfigurationError> {
        let shared = &self.shared;
        let has = LayerHas {
            nonce_keys: shared.nonces.is_some(),
            replay_store: shared.replay_store.is_some(),
            token_algorithms: shared.tokens.algorithms(),
        };
        let problems: Vec<Problem> = policy.problems(&has).collect();
        if !problems.is_empty() {
            return Err(ConfigurationError(problems));
        }
        let guard = Self::new(Arc::clone(shared), policy);
        if let Some(store) = &shared.replay_store {
            store.serve_lifetime(self.verifier.proof_lifetime());
            store.serve_lifetime(guard.verifier.proof_lifetime());
        }
        Ok(guard)
    }

    /// May this request come in? Else the answer to it.
    pub(crate) async fn admit(&self, parts: &Parts) -> Result<Verified, Answer> {
        let target_uri = match self.shared.target.target_uri(parts) {
            Ok(target_uri) => target_uri,
            Err(error) => return Err(self.unknown_target(error)),
        };
        let request = ProtectedRequest {
            method: parts.method.as_str(),
            target_uri: &target_uri,
            headers: &parts.headers,
        };
        let verdict = self.verifier.verify(&request, self.shared.clock.now()).await;
        if let Some(watch) = &self.shared.watch {
            watch.look(parts, &target_uri, verdict.as_ref().err(), &self.policy.proof);
        }
        let verified = verdict.map_err(|refusal| self.refused(refusal))?;
        if let Some(answer) = self.lacking_role(&verified) {
            return Err(answer);
        }
        self.passed(&verified);
        Ok(verified)
    }

    /// The answer to a token without a role.
    fn lacking_role(&self, verified: &Verified) -> Option<Answer> {
        if self.policy.roles.iter().all(|roles| roles.are_granted(&verified.claims)) {
            return None;
        }
        self.shared.counts.refused.add_one();
        let (error, description) = (ErrorCode::InsufficientScope, "a required role is missing");
        let challenge = self.challenge(verified.scheme, error, description, None);
        let mut answer = Answer::challenged(StatusCode::FORBIDDEN, &challenge, self.shared.error_body);
        // The proof was good: a nonce that is due goes out all the same.
        hand_out_nonce(verified, answer.headers_mut());
        Some(answer)
    }

    fn passed(&self, verified: &Verified) {
        self.shared.counts.passed.add_one();
        if let Some(reason) = &verified.observed {
            self.shared.counts.observed.add_one();
            tracing::info!(reason = %causes(reason), "a request came in that would be refused");
        }
    }

    fn refused(&self, refusal: Refusal) -> Answer {
        let counts = &self.shared.counts;
        if refusal.is_fault() {
            counts.faults.add_one()
        } else {
            counts.refused.add_one()
        }
        Answer::refusal(refusal, self.shared.error_body)
    }

    fn unknown_target(&self, error: TargetError) -> Answer {
        let counts = &self.shared.counts;
        if error == TargetError::PeerUnknown {
            counts.faults.add_one()
        } else {
            counts.refused.add_one()
        }
        Answer::unknown_target(error, self.shared.error_body)
    }

    /// The challenge of a guard behind this one, to a token that was good so far.
    pub(crate) fn challenge(
        &self,
        scheme: Scheme,
        error: ErrorCode,
        description: &'static str,
        scope: Option<String>,
    ) -> Challenge {
        let signaling = &self.shared.signaling;
        Challenge {
            realm: signaling.realm.clone().map(Into::into),
            error: Some(error),
            error_uri: signaling.error_uri.clone().map(Into::into),
            error_description: signaling.description.then(|| description.into()),
            scope: scope.filter(|_| signaling.required_scope).map(Into::into),
            resource_metadata: signaling.resource_metadata.clone().map(Into::into),
            algs: (scheme == Scheme::Dpop).then(|| self.algorithms.clone().into()),
            ..Challenge::new(scheme)
        }
    }
}

/// A reason with what it comes from. Neither holds tokens or proofs.
fn causes(reason: &Reason) -> String {
    let mut text = reason.to_string();
    let mut source = reason.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

impl fmt::Debug for Guard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Guard")
            .field("policy", &self.policy)
            .field("shared", &self.shared)
            .finish_non_exhaustive()
    }
}
