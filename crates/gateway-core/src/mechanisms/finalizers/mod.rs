//! Finalizers: what does the upstream get to see of who asks?

pub mod cookie;
mod fields;
pub mod header;
pub mod jwt;
pub mod noop;
pub mod oauth2_client_credentials;

use crate::{
    decision::UpstreamChanges,
    mechanisms::{
        mechanisms,
        step::{Failure, StepFuture, StepInput},
    },
};

mechanisms! {
    /// A finalizer of the catalogue, or one with a step's changes.
    enum Finalizer: Finalize {
        /// Nothing changes.
        noop::Noop,
        /// Headers from templates.
        header::Header,
        /// A token of the gateway's own.
        jwt::Jwt,
        /// Cookies from templates.
        cookie::Cookie,
        /// A token from an authorization server.
        oauth2_client_credentials::OAuth2ClientCredentials,
    }
    later: [],
}

/// What a finalizer does.
pub trait Finalize {
    /// Writes its changes.
    fn finalize<'a>(
        &'a self,
        input: &'a StepInput<'a>,
        changes: &'a mut UpstreamChanges,
    ) -> StepFuture<'a, Result<(), Failure>>;

    /// Whether a template or expression of it looks into the request's body, which is read before it runs then. A template
    /// that reads a body nobody read fails.
    fn reads_body(&self) -> bool {
        false
    }
}
