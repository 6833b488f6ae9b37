//! Authorizers and contextualizers: one stage, in the order of the rule.

use crate::mechanisms::{
    authorizers::Authorizer,
    contextualizers::Contextualizer,
    output::StepOutput,
    step::{Failure, StepInput},
};

/// A mechanism of the stage.
#[derive(Debug, Clone)]
pub(super) enum Check {
    /// Says yes or no.
    Authorizer(Authorizer),
    /// Finds something out.
    Contextualizer(Contextualizer),
}

impl Check {
    /// Runs it; what it found out is for the steps behind.
    pub(super) async fn run(&self, input: &StepInput<'_>) -> Result<Option<StepOutput>, Failure> {
        match self {
            Self::Authorizer(authorizer) => authorizer.behaviour().authorize(input).await,
            Self::Contextualizer(contextualizer) => {
                contextualizer.behaviour().contextualize(input).await.map(Some)
            }
        }
    }

    pub(super) fn reads_body(&self) -> bool {
        match self {
            Self::Authorizer(authorizer) => authorizer.behaviour().reads_body(),
            Self::Contextualizer(contextualizer) => contextualizer.behaviour().reads_body(),
        }
    }
}
