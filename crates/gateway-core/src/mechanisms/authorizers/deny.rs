//! `deny`: nobody may do anything.
//!
//! ```yaml
//! - id: closed
//!   type: deny
//! ```

use std::future::ready;

use crate::{
    denial::DenialKind,
    document::Diagnostics,
    mechanisms::{
        BuildContext, Mechanism, NoConfig,
        authorizers::Authorize,
        output::StepOutput,
        step::{Failure, StepFuture, StepInput},
    },
};

/// Says no.
#[derive(Debug, Clone, Copy)]
pub struct Deny;

impl Mechanism for Deny {
    const TYPE: &'static str = "deny";
    const OVERRIDABLE: &'static [&'static str] = &[];
    type Config = NoConfig;
    type Override = NoConfig;

    fn build(_: NoConfig, _: &BuildContext<'_>, _: &mut Diagnostics) -> Option<Self> {
        Some(Self)
    }

    fn with_override(&self, _: NoConfig, _: &BuildContext<'_>, _: &mut Diagnostics) -> Option<Self> {
        Some(*self)
    }
}

impl Authorize for Deny {
    fn authorize<'a>(&'a self, _: &'a StepInput<'a>) -> StepFuture<'a, Result<Option<StepOutput>, Failure>> {
        let failure = Failure::new(
            DenialKind::Authorization,
            "denied",
            "denied by authorizer",
            "the authorizer refuses every request",
        );
        Box::pin(ready(Err(failure)))
    }
}
