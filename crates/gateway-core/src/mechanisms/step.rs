//! What a mechanism gets to see when its step runs, and how it fails.

use std::{future::Future, pin::Pin, sync::Arc};

use http::HeaderMap;
use jose::UnixTime;
use parking_lot::Mutex;
use resource_server::ClaimedProofs;

use crate::{
    audit::{Audit, ProofAudit},
    denial::DenialKind,
    mechanisms::output::Outputs,
    request::Request,
    request_body::BodyError,
    step_observer::{StepObserver, watched},
    subject::Subject,
    template::{BoundTemplate, TemplateData},
};

/// What an asynchronous mechanism returns.
pub type StepFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The request and what is known about it when a step runs.
#[derive(Debug)]
pub struct StepInput<'a> {
    /// The request as it came in.
    pub request: &'a Arc<Request>,
    /// The principals; empty while authenticators run.
    pub subject: &'a Subject,
    /// What contextualizers and remote authorizers found out, by step id.
    pub outputs: &'a Outputs,
    /// The server's wall clock.
    pub now: UnixTime,
    /// The URI that a proof's `htu` must name: the request's, at the rule's public origin if it has one.
    pub target_uri: &'a str,
    /// The proofs that the request has claimed: it may show one to several authenticators.
    pub claimed_proofs: &'a ClaimedProofs,
    /// What the log should hear about although the request goes on.
    pub notices: &'a Notices,
}

/// What the log hears about a request, collected while it is decided. Never a token, proof or key.
#[derive(Debug, Default)]
pub struct Notices {
    lines: Mutex<Vec<String>>,
    audit: Mutex<Audit>,
    observer: Option<Arc<dyn StepObserver>>,
}

impl Notices {
    /// Nothing yet; the steps are watched by `observer`, if there is one.
    #[must_use]
    pub fn observed_by(observer: Option<Arc<dyn StepObserver>>) -> Self {
        Self { observer, ..Self::default() }
    }

    /// Does the work of a step that may refuse, watched if somebody watches.
    pub(crate) async fn watch<T>(
        &self,
        step: &str,
        work: impl Future<Output = T>,
        reason: impl FnOnce(&T) -> Option<&'static str>,
    ) -> T {
        watched(self.observer.as_deref(), step, work, reason).await
    }

    /// Adds a line.
    pub fn add(&self, line: String) {
        self.lines.lock().push(line);
    }

    /// Takes down the proof of the request, if there is one.
    pub fn proof(&self, proof: Option<ProofAudit>) {
        if let Some(proof) = proof {
            self.audit.lock().judge(proof);
        }
    }

    /// Takes down who asks.
    pub fn subject(&self, subject: &Subject) {
        self.audit.lock().identify(subject);
    }

    /// All lines in order, and the rest.
    #[must_use]
    pub fn into_parts(self) -> (Vec<String>, Audit) {
        (self.lines.into_inner(), self.audit.into_inner())
    }
}

impl StepInput<'_> {
    /// What templates of this step read.
    #[must_use]
    pub fn template_data(&self) -> TemplateData {
        TemplateData::new(self.request, self.subject, self.outputs)
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
        render(template, data, used_for, self.now, self.notices)
    }
}

/// Renders a template, as [`StepInput::render`].
pub(crate) fn render(
    template: &BoundTemplate,
    data: &TemplateData,
    used_for: &str,
    now: UnixTime,
    notices: &Notices,
) -> Result<String, Failure> {
    let rendered = template
        .render(data, now)
        .map_err(|error| Failure::internal("template_failed", format!("template of {used_for}: {error}")))?;
    if let Some(place) = rendered.missing_value {
        notices.add(format!("template of {used_for} printed `<no value>` ({place})"));
    }
    Ok(rendered.text)
}

/// A step that refuses, or that can not do its work. Either way the request does not pass.
#[derive(Debug)]
pub struct Failure {
    /// Which kind; decides the status.
    pub kind: DenialKind,
    /// A stable word for logs and metrics, one of few.
    pub reason: &'static str,
    /// What a verbose answer may tell: a fixed text.
    pub public: &'static str,
    /// What the configuration wants a verbose answer to tell instead.
    pub message: Option<Arc<str>>,
    /// The full story for the log. Never a token, proof or key.
    pub detail: String,
    /// Challenges and other headers of the answer.
    pub headers: Box<HeaderMap>,
    /// The step that failed, once that is known.
    pub origin: Option<Box<FailureOrigin>>,
}

/// Which step failed, as conditions of error handlers see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureOrigin {
    /// The mechanism's id in the catalogue: `Error.Source`.
    pub mechanism: String,
    /// The step's own id, the mechanism's if it has none: `Error.StepID`.
    pub step_id: String,
}

impl Failure {
    /// A failure without headers of its own.
    #[must_use]
    pub fn new(
        kind: DenialKind,
        reason: &'static str,
        public: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        let (headers, origin) = (Box::default(), None);
        Self { kind, reason, public, message: None, detail: detail.into(), headers, origin }
    }

    /// The configuration does not fit this request: a template that fails, a claim that is not there.
    #[must_use]
    pub fn internal(reason: &'static str, detail: impl Into<String>) -> Self {
        Self::new(DenialKind::Internal, reason, "internal error", detail)
    }

    /// The failure with the step that it happened in, for the log and for conditions of error handlers. `name` is how the
    /// log names the step.
    #[must_use]
    pub fn in_step(mut self, name: &str, origin: &FailureOrigin) -> Self {
        self.detail = format!("{name}: {}", self.detail);
        self.origin = Some(Box::new(origin.clone()));
        self
    }

    /// What a verbose answer tells.
    #[must_use]
    pub fn told(&self) -> &str {
        self.message.as_deref().unwrap_or(self.public)
    }
}

impl From<BodyError> for Failure {
    /// The caller's fault in every case; nothing of the body is told.
    fn from(error: BodyError) -> Self {
        let (kind, reason) = match error {
            BodyError::TooLarge => (DenialKind::PayloadTooLarge, "body_too_large"),
            BodyError::Malformed => (DenialKind::BadRequest, "bad_body"),
            BodyError::Stalled => (DenialKind::RequestTimeout, "body_stalled"),
        };
        Self::new(kind, reason, "the request body can not be read", error.to_string())
    }
}

/// An error with all its causes, on one line.
#[must_use]
pub fn chain_of_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
