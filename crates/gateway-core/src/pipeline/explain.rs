//! A pipeline told step by step, and its authenticators alone asked about a request's credentials.

use std::{borrow::Cow, sync::Arc};

use resource_server::{ClaimedProofs, ProofPolicy};

use super::{Pipeline, Step, Surroundings, check::Check};
use crate::{
    decision::{Upstream, UpstreamChanges},
    denial::Denial,
    explanation::{AcceptedCredentials, StepSummary},
    mechanisms::{
        output::Outputs,
        step::{Notices, StepInput},
    },
    request::{Request, RequestUri},
    rules::StepKind,
    subject::Subject,
};

impl Pipeline {
    /// The steps in the order in which they run, error handlers last.
    pub(crate) fn steps(&self) -> Vec<StepSummary> {
        let mut steps = Vec::new();
        for chain in &self.authenticators {
            let of_chain = chain.steps.iter().map(|step| StepSummary {
                principal: Some(chain.principal.clone()),
                ..step.summary(StepKind::Authenticator, step.mechanism.type_name())
            });
            steps.extend(of_chain);
        }
        steps.extend(self.checks.iter().map(|step| match &step.mechanism {
            Check::Authorizer(mechanism) => step.summary(StepKind::Authorizer, mechanism.type_name()),
            Check::Contextualizer(mechanism) => step.summary(StepKind::Contextualizer, mechanism.type_name()),
        }));
        let finalizers = self.finalizers.iter();
        steps.extend(finalizers.map(|step| step.summary(StepKind::Finalizer, step.mechanism.type_name())));
        let handlers = self.error_handlers.iter();
        steps.extend(handlers.map(|step| step.summary(StepKind::ErrorHandler, step.mechanism.type_name())));
        steps
    }

    /// The URI that the `htu` of a proof must name.
    pub(crate) fn target_uri<'a>(&self, request: &'a Request) -> Cow<'a, RequestUri> {
        match &self.public_origin {
            Some(origin) => Cow::Owned(origin.apply_to(&request.uri)),
            None => Cow::Borrowed(request.public_uri.as_ref().unwrap_or(&request.uri)),
        }
    }

    /// What the first authenticator that looks at proofs demands of them.
    pub(crate) fn proof_policy(&self) -> Option<&ProofPolicy> {
        let mut steps = self.authenticators.iter().flat_map(|chain| &chain.steps);
        steps.find_map(|step| step.mechanism.behaviour().proof_policy())
    }

    /// Where the request would go, before finalizers.
    pub(crate) fn upstream_of(&self, request: &Request) -> Option<Upstream> {
        self.upstream(request, &UpstreamChanges::default()).ok().flatten()
    }

    /// Asks the authenticators and nobody else.
    pub(crate) async fn try_credentials(
        &self,
        request: Request,
        surroundings: &Surroundings<'_>,
    ) -> Result<AcceptedCredentials, Denial> {
        let (request, notices) = (Arc::new(request), Notices::default());
        let (nobody, outputs) = (Subject::default(), Outputs::default());
        let target_uri = self.target_uri(&request);
        let claimed_proofs = &ClaimedProofs::new(self.longest_proof_lifetime());
        let input = StepInput {
            request: &request,
            subject: &nobody,
            outputs: &outputs,
            now: surroundings.now,
            target_uri: target_uri.as_str(),
            claimed_proofs,
            notices: &notices,
        };
        match self.authenticate(&input).await {
            Ok(accepted) => {
                let principals = accepted.subject.principals();
                Ok(AcceptedCredentials {
                    principals: principals.map(|(name, who)| (name.to_owned(), who.id.clone())).collect(),
                    thumbprint: accepted.credentials.thumbprint.map(|thumbprint| thumbprint.to_string()),
                    notices: notices.into_parts().0,
                })
            }
            Err(failure) => Err(self.refuse(failure, &request, surroundings, &notices).await),
        }
    }
}

impl<M> Step<M> {
    fn summary(&self, kind: StepKind, type_name: &'static str) -> StepSummary {
        StepSummary {
            kind,
            mechanism: self.origin.mechanism.clone(),
            step_id: self.origin.step_id.clone(),
            type_name,
            principal: None,
            condition: self.condition.as_ref().map(|condition| condition.source().to_owned()),
        }
    }
}
