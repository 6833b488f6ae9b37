//! `noop`: the request goes on as it came.
//!
//! ```yaml
//! - id: pass
//!   type: noop
//! ```

use std::future::ready;

use crate::{
    decision::UpstreamChanges,
    document::Diagnostics,
    mechanisms::{
        BuildContext, Mechanism, NoConfig,
        finalizers::Finalize,
        step::{Failure, StepFuture, StepInput},
    },
};

/// Changes nothing.
#[derive(Debug, Clone, Copy)]
pub struct Noop;

impl Mechanism for Noop {
    const TYPE: &'static str = "noop";
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

impl Finalize for Noop {
    fn finalize<'a>(
        &'a self,
        _: &'a StepInput<'a>,
        _: &'a mut UpstreamChanges,
    ) -> StepFuture<'a, Result<(), Failure>> {
        Box::pin(ready(Ok(())))
    }
}
