//! `default`: the status of the refusal's kind, its challenges, and with `respond.verbose` a body.
//!
//! ```yaml
//! - id: default
//!   type: default
//! ```
//!
//! It is implied wherever no other error handler applies.

use crate::{
    denial::Denial,
    document::Diagnostics,
    mechanisms::{
        BuildContext, Mechanism, NoConfig,
        error_handlers::{HandleError, RefusalInput, plain},
        step::Failure,
    },
};

/// Answers plainly.
#[derive(Debug, Clone, Copy)]
pub struct DefaultHandler;

impl Mechanism for DefaultHandler {
    const TYPE: &'static str = "default";
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

impl HandleError for DefaultHandler {
    fn handle(&self, failure: &Failure, input: &RefusalInput<'_>) -> Result<Denial, Failure> {
        Ok(plain(failure, input))
    }
}
