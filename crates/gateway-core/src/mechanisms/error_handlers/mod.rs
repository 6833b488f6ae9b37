//! Error handlers: what does the client get to see of a refusal?

pub mod default;

use http::HeaderMap;

use crate::{
    denial::Denial,
    mechanisms::{mechanisms, step::Failure},
    respond::RespondSettings,
};

mechanisms! {
    /// An error handler of the catalogue, or one with a step's changes.
    enum ErrorHandler: HandleError {
        /// Status by kind, challenges, and a body if the configuration wants one.
        default::DefaultHandler,
    }
    later: ["generic", "redirect", "www_authenticate"],
}

/// The refusal that an error handler gives a form.
#[derive(Debug)]
pub struct RefusalInput<'a> {
    /// The rule that refused; `None` if none was reached.
    pub rule_id: Option<&'a str>,
    /// `serve.respond`.
    pub respond: &'a RespondSettings,
    /// Headers of the request, for `Accept`.
    pub request_headers: &'a HeaderMap,
}

/// What an error handler does.
pub trait HandleError {
    /// Shapes the answer. Challenges and `DPoP-Nonce` of the failure are part of it, whatever the handler.
    fn handle(&self, failure: Failure, input: &RefusalInput<'_>) -> Denial;

    /// Whether a template or expression of it looks into the request's body, which is read before it runs then. A template
    /// that reads a body nobody read fails.
    fn reads_body(&self) -> bool {
        false
    }
}
