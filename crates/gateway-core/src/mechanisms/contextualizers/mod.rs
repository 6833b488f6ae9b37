//! Contextualizers: what else is known about the request and who asks?

pub mod generic;
pub mod map;

use crate::mechanisms::{
    mechanisms,
    output::StepOutput,
    step::{Failure, StepFuture, StepInput},
};

mechanisms! {
    /// A contextualizer of the catalogue, or one with a step's changes.
    enum Contextualizer: Contextualize {
        /// What an endpoint knows.
        generic::Generic,
        /// Texts from templates.
        map::Map,
    }
    later: [],
}

/// What a contextualizer does.
pub trait Contextualize {
    /// Finds something out.
    fn contextualize<'a>(&'a self, input: &'a StepInput<'a>) -> StepFuture<'a, Result<StepOutput, Failure>>;

    /// Whether a template or expression of it looks into the request's body, which is read before it runs then. A template
    /// that reads a body nobody read fails.
    fn reads_body(&self) -> bool;
}
