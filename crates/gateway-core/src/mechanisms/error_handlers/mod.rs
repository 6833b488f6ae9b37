//! Error handlers: what does the client get to see of a refusal?
//!
//! The first one whose condition holds shapes the answer, no other; without one, and where one fails, `default` does. Whatever
//! the handler, the answer carries the challenges and the `DPoP-Nonce` of the refusal and is not cached.

pub mod default;
pub mod generic;
pub mod redirect;
pub mod www_authenticate;

use std::sync::Arc;

use http::header;
use jose::UnixTime;

use crate::{
    denial::Denial,
    mechanisms::{
        mechanisms,
        step::{self, Failure, Notices},
    },
    request::Request,
    respond::{RefusalText, RespondSettings},
    template::{BoundTemplate, TemplateData},
};

mechanisms! {
    /// An error handler of the catalogue, or one with a step's changes.
    enum ErrorHandler: HandleError {
        /// Status by kind, challenges, and a body if the configuration wants one.
        default::DefaultHandler,
        /// Status, headers and body as configured.
        generic::Generic,
        /// Sends browsers elsewhere.
        redirect::Redirect,
        /// Asks for user and password.
        www_authenticate::WwwAuthenticate,
    }
    later: [],
}

/// The refusal that an error handler gives a form.
#[derive(Debug)]
pub struct RefusalInput<'a> {
    /// The rule that refused; `None` if none was reached.
    pub rule_id: Option<&'a str>,
    /// `serve.respond`.
    pub respond: &'a RespondSettings,
    /// The request as it came in.
    pub request: &'a Arc<Request>,
    /// The server's wall clock.
    pub now: UnixTime,
    /// What the log should hear about.
    pub notices: &'a Notices,
}

impl RefusalInput<'_> {
    /// What templates of an error handler read.
    #[must_use]
    pub fn template_data(&self) -> TemplateData {
        TemplateData::of_request(self.request)
    }

    /// Renders a template; `used_for` names it in errors and notices.
    ///
    /// # Errors
    ///
    /// An internal failure when the template fails with this request's data.
    pub fn render(
        &self,
        template: &BoundTemplate,
        data: &TemplateData,
        used_for: &str,
    ) -> Result<String, Failure> {
        step::render(template, data, used_for, self.now, self.notices)
    }
}

/// What an error handler does.
pub trait HandleError {
    /// Shapes the answer. Challenges and `DPoP-Nonce` of the failure are part of it, whatever the handler.
    ///
    /// # Errors
    ///
    /// A failure of the handler itself, which is answered instead.
    fn handle(&self, failure: &Failure, input: &RefusalInput<'_>) -> Result<Denial, Failure>;

    /// Whether a template or expression of it looks into the request's body, which is read before it runs then. A template
    /// that reads a body nobody read fails.
    fn reads_body(&self) -> bool {
        false
    }
}

/// The answer by kind with the headers of the failure, and with `verbose` a body.
pub(crate) fn plain(failure: &Failure, input: &RefusalInput<'_>) -> Denial {
    shaped(failure, input, input.respond)
}

/// The same without a body, for handlers that write their own.
fn without_body(failure: &Failure, input: &RefusalInput<'_>) -> Denial {
    shaped(failure, input, &RespondSettings { verbose: false, ..*input.respond })
}

fn shaped(failure: &Failure, input: &RefusalInput<'_>, respond: &RespondSettings) -> Denial {
    let text = RefusalText {
        kind: failure.kind,
        reason: failure.reason,
        public: failure.told(),
        detail: failure.detail.clone(),
    };
    let mut denial = respond.denial(input.rule_id, text, &input.request.headers);
    for name in failure.headers.keys() {
        if *name == header::VARY && denial.headers.contains_key(name) {
            continue;
        }
        denial.headers.remove(name);
        for value in failure.headers.get_all(name) {
            denial.headers.append(name.clone(), value.clone());
        }
    }
    denial
}
