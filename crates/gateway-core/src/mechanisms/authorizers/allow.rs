//! `allow`: whoever is authenticated may do everything.
//!
//! ```yaml
//! - id: everyone
//!   type: allow
//! ```

use std::future::ready;

use crate::{
    document::Diagnostics,
    mechanisms::{
        BuildContext, Mechanism, NoConfig,
        authorizers::Authorize,
        output::StepOutput,
        step::{Failure, StepFuture, StepInput},
    },
};

/// Says yes.
#[derive(Debug, Clone, Copy)]
pub struct Allow;

impl Mechanism for Allow {
    const TYPE: &'static str = "allow";
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

impl Authorize for Allow {
    fn authorize<'a>(&'a self, _: &'a StepInput<'a>) -> StepFuture<'a, Result<Option<StepOutput>, Failure>> {
        Box::pin(ready(Ok(None)))
    }
}
