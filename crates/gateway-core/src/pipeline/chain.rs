//! Several authenticators for one principal: a fallback chain that never hides a refused proof.

use std::time::Duration;

use super::Step;
use crate::mechanisms::{
    authenticators::{Authenticated, Authentication, Authenticator, ChainEffect},
    step::{Failure, StepInput},
};

/// The authenticators of one principal in order.
#[derive(Debug, Clone)]
pub(super) struct PrincipalChain {
    /// The principal they feed.
    pub(super) principal: String,
    pub(super) steps: Vec<Step<Authenticator>>,
}

impl PrincipalChain {
    /// Asks one authenticator after the other.
    ///
    /// The next one is asked when there were no credentials of a kind, or a token that is not acceptable by itself. A
    /// refusal of binding, proof, nonce or replay and every fault end the chain, else a stolen token would pass as
    /// anonymous. A proof refused for its algorithm only may be accepted by an authenticator that allows the algorithm,
    /// and by nobody else.
    pub(super) async fn authenticate(&self, input: &StepInput<'_>) -> Result<Authenticated, Failure> {
        let mut algorithm = None;
        let mut refused_proof = None;
        let mut with_credentials = None;
        let mut without_credentials = None;
        for step in &self.steps {
            let behaviour = step.mechanism.behaviour();
            if algorithm.is_some_and(|algorithm| !behaviour.allows_proof_algorithm(algorithm)) {
                continue;
            }
            let outcome = input.notices.watch(&step.name, behaviour.authenticate(input), reason).await;
            let refused = match outcome {
                Authentication::Authenticated(authenticated) => return Ok(*authenticated),
                Authentication::Refused(refused) => *refused,
            };
            let failure = step.failed(refused.failure);
            match refused.chain {
                ChainEffect::End => return Err(failure),
                ChainEffect::ContinueWhereAllowed(refused_algorithm) => {
                    algorithm = Some(refused_algorithm);
                    refused_proof.get_or_insert(failure);
                }
                ChainEffect::Continue if refused.saw_credentials => {
                    with_credentials.get_or_insert(failure);
                }
                ChainEffect::Continue => {
                    without_credentials.get_or_insert(failure);
                }
            }
        }
        let reported = refused_proof.or(with_credentials).or(without_credentials);
        Err(reported
            .unwrap_or_else(|| Failure::internal("no_authenticator", "the rule has no authenticator")))
    }

    pub(super) fn longest_proof_lifetime(&self) -> Duration {
        self.steps.iter().map(|step| step.mechanism.behaviour().proof_lifetime()).max().unwrap_or_default()
    }

    pub(super) fn starts_with_unauthorized(&self) -> bool {
        matches!(self.steps.first().map(|step| &step.mechanism), Some(Authenticator::Unauthorized(_)))
    }
}

/// The word of an authenticator's refusal.
fn reason(outcome: &Authentication) -> Option<&'static str> {
    match outcome {
        Authentication::Authenticated(_) => None,
        Authentication::Refused(refused) => Some(refused.failure.reason),
    }
}
