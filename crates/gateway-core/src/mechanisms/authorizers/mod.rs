//! Authorizers: may who asks do that?

pub mod allow;
pub mod deny;

use crate::mechanisms::{
    mechanisms,
    step::{Failure, StepFuture, StepInput},
};

mechanisms! {
    /// An authorizer of the catalogue, or one with a step's changes.
    enum Authorizer: Authorize {
        /// Everything may pass.
        allow::Allow,
        /// Nothing may pass.
        deny::Deny,
    }
    later: ["cel", "remote"],
}

/// What an authorizer does.
pub trait Authorize {
    /// Says yes, or why not.
    fn authorize<'a>(&'a self, input: &'a StepInput<'a>) -> StepFuture<'a, Result<(), Failure>>;
}
