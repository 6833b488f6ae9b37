//! Authorizers: may who asks do that?

pub mod allow;
pub mod cel;
pub mod deny;
pub mod remote;

use crate::mechanisms::{
    mechanisms,
    output::StepOutput,
    step::{Failure, StepFuture, StepInput},
};

mechanisms! {
    /// An authorizer of the catalogue, or one with a step's changes.
    enum Authorizer: Authorize {
        /// Everything may pass.
        allow::Allow,
        /// Nothing may pass.
        deny::Deny,
        /// What expressions say.
        cel::Cel,
        /// What an endpoint says.
        remote::Remote,
    }
    later: [],
}

/// What an authorizer does.
pub trait Authorize {
    /// Says yes, with what it found out on the way, or why not.
    fn authorize<'a>(
        &'a self,
        input: &'a StepInput<'a>,
    ) -> StepFuture<'a, Result<Option<StepOutput>, Failure>>;

    /// Whether a template or expression of it looks into the request's body, which is read before it runs then. A template
    /// that reads a body nobody read fails.
    fn reads_body(&self) -> bool {
        false
    }
}
