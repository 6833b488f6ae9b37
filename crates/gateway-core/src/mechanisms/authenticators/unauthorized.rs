//! `unauthorized`: nobody passes; the usual start of a default rule.
//!
//! ```yaml
//! - id: deny_all
//!   type: unauthorized
//! ```
//!
//! Its answer carries the challenge of the catalogue's first authenticator that speaks DPoP, else `Bearer`: the pipeline
//! adds it to every 401 without one.

use std::future::ready;

use crate::{
    denial::DenialKind,
    document::Diagnostics,
    mechanisms::{
        BuildContext, Mechanism, NoConfig,
        authenticators::{Authenticate, Authentication, ChainEffect, Refused},
        step::{Failure, StepFuture, StepInput},
    },
};

/// Refuses every request.
#[derive(Debug, Clone, Copy)]
pub struct Unauthorized;

impl Mechanism for Unauthorized {
    const TYPE: &'static str = "unauthorized";
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

impl Authenticate for Unauthorized {
    fn authenticate<'a>(&'a self, _: &'a StepInput<'a>) -> StepFuture<'a, Authentication> {
        let failure = Failure::new(
            DenialKind::Authentication,
            "unauthorized",
            "denied by authenticator",
            "the authenticator refuses every request",
        );
        // Credentials were not looked at: another authenticator of the chain may know them.
        let refused = Refused { failure, chain: ChainEffect::Continue, saw_credentials: false };
        Box::pin(ready(Authentication::Refused(Box::new(refused))))
    }
}
