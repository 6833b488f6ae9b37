//! `anonymous`: everyone passes, under a configured name.
//!
//! ```yaml
//! - id: guest
//!   type: anonymous
//!   config: {principal: guest}
//! ```

use std::future::ready;

use crate::{
    document::{Decode, Diagnostics, KeyPath, MapReader, Node},
    mechanisms::{
        BuildContext, Mechanism,
        authenticators::{Authenticate, Authenticated, Authentication},
        step::{StepFuture, StepInput},
    },
    subject::Principal,
};

/// Lets every request pass.
#[derive(Debug, Clone)]
pub struct Anonymous {
    principal: String,
}

/// Settings of `anonymous`, in the catalogue and in a step alike.
#[derive(Debug, Clone, schemars::JsonSchema)]
pub struct AnonymousConfig {
    /// The principal's id.
    #[schemars(extend("default" = "anonymous"))]
    pub principal: Option<String>,
}

impl Decode for AnonymousConfig {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let principal = reader.optional("principal");
        reader.finish();
        Some(Self { principal })
    }
}

impl Mechanism for Anonymous {
    const TYPE: &'static str = "anonymous";
    const OVERRIDABLE: &'static [&'static str] = &["principal"];
    type Config = AnonymousConfig;
    type Override = AnonymousConfig;

    fn build(config: AnonymousConfig, _: &BuildContext<'_>, _: &mut Diagnostics) -> Option<Self> {
        Some(Self { principal: config.principal.unwrap_or_else(|| "anonymous".to_owned()) })
    }

    fn with_override(
        &self,
        change: AnonymousConfig,
        _: &BuildContext<'_>,
        _: &mut Diagnostics,
    ) -> Option<Self> {
        Some(Self { principal: change.principal.unwrap_or_else(|| self.principal.clone()) })
    }
}

impl Authenticate for Anonymous {
    fn authenticate<'a>(&'a self, _: &'a StepInput<'a>) -> StepFuture<'a, Authentication> {
        let principal = Principal::without_attributes(self.principal.as_str());
        let authenticated = Authenticated::without_token(principal);
        Box::pin(ready(Authentication::Authenticated(Box::new(authenticated))))
    }
}
