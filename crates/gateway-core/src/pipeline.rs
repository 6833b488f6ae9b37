//! A rule's pipeline: authenticators, then authorizers and contextualizers, then finalizers; on a refusal the error handlers.
//!
//! The order of the steps is that of [`Pipeline::run`]. Nothing is compiled or looked up here: [`compile`] did that.

mod chain;
mod check;
pub(crate) mod compile;
mod credentials;
mod explain;

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, HeaderValue, StatusCode, header};
use jose::UnixTime;
use resource_server::ClaimedProofs;

use self::{chain::PrincipalChain, check::Check};
use crate::{
    audit::Audit,
    decision::{Decision, Permit, Upstream, UpstreamChanges},
    denial::{Denial, DenialKind},
    expression::{Expression, ExpressionData},
    mechanisms::{
        authenticators::nonce_headers,
        error_handlers::{ErrorHandler, RefusalInput, plain},
        finalizers::Finalizer,
        output::Outputs,
        step::{Failure, FailureOrigin, Notices, StepInput},
    },
    public_origin::PublicOrigin,
    request::Request,
    request_body::MAX_READ_BYTES,
    respond::RespondSettings,
    rules::{EncodedSlashes, ForwardTo, rewrite},
    step_observer::StepObserver,
    subject::Subject,
};

/// A rule's steps, ready to run.
#[derive(Debug, Clone)]
pub(crate) struct Pipeline {
    rule_id: Arc<str>,
    authenticators: Vec<PrincipalChain>,
    checks: Vec<Step<Check>>,
    finalizers: Vec<Step<Finalizer>>,
    error_handlers: Vec<Step<ErrorHandler>>,
    forward_to: Option<ForwardTo>,
    encoded_slashes: EncodedSlashes,
    public_origin: Option<PublicOrigin>,
    body_readers: BodyReaders,
}

/// Which parts of a pipeline look into the request's body; all others let it stream.
#[derive(Debug, Clone, Copy)]
struct BodyReaders {
    /// Authorizers, contextualizers, finalizers.
    steps: bool,
    error_handlers: bool,
}

/// A mechanism at its place in a pipeline.
#[derive(Debug, Clone)]
struct Step<M> {
    /// How the log names it: kind and id.
    name: String,
    /// How conditions of error handlers see it.
    origin: FailureOrigin,
    mechanism: M,
    /// The condition under which it runs; always without one.
    condition: Option<Expression>,
}

impl<M> Step<M> {
    /// Whether the step looks into the request's body, itself or with its condition.
    fn reads_body(&self, mechanism_does: bool) -> bool {
        mechanism_does || self.condition.as_ref().is_some_and(Expression::reads_body)
    }

    /// A failure of this step.
    fn failed(&self, failure: Failure) -> Failure {
        failure.in_step(&self.name, &self.origin)
    }

    /// Whether the step runs for this request.
    fn applies<'a>(&self, data: impl FnOnce() -> ExpressionData<'a>) -> Result<bool, Failure> {
        let Some(condition) = &self.condition else { return Ok(true) };
        let holds = condition.holds(&data());
        holds
            .map_err(|error| self.failed(Failure::internal("condition_failed", format!("condition {error}"))))
    }
}

/// What every pipeline of a gateway shares.
pub(crate) struct Surroundings<'a> {
    pub(crate) respond: &'a RespondSettings,
    /// The challenge of a 401 that has none of its own.
    pub(crate) default_challenge: &'a HeaderValue,
    pub(crate) now: UnixTime,
    pub(crate) observer: Option<&'a Arc<dyn StepObserver>>,
}

/// A request whose authenticators are through.
struct Authenticated {
    subject: Subject,
    credentials: Credentials,
}

/// A request that all steps let pass.
struct Passed {
    upstream: Option<Upstream>,
    changes: UpstreamChanges,
    credentials: Credentials,
}

/// What the authenticators found out about the request's credentials.
#[derive(Default)]
struct Credentials {
    scheme: Option<oauth::Scheme>,
    thumbprint: Option<jose::JwkThumbprint>,
    fresh_nonce: Option<String>,
}

impl Pipeline {
    /// The rule's id, `default` for the default rule.
    pub(crate) fn rule_id(&self) -> &str {
        &self.rule_id
    }

    /// Decides about a request that this rule matched.
    pub(crate) async fn run(&self, request: Request, surroundings: &Surroundings<'_>) -> Decision {
        let request = Arc::new(request);
        let notices = Notices::observed_by(surroundings.observer.cloned());
        let outcome = self.pass(&request, surroundings.now, &notices).await;
        match outcome {
            Ok(passed) => {
                let (notices, audit) = notices.into_parts();
                Decision::Permit(Box::new(self.permit(request, passed, (notices, audit), surroundings)))
            }
            Err(failure) => {
                let denial = self.refuse(failure, &request, surroundings, &notices).await;
                let (_, audit) = notices.into_parts();
                Decision::Denial(Box::new(Denial { audit, ..denial }))
            }
        }
    }

    /// All steps in order; the first that fails ends them.
    async fn pass(
        &self,
        request: &Arc<Request>,
        now: UnixTime,
        notices: &Notices,
    ) -> Result<Passed, Failure> {
        let target_uri = self.target_uri(request);
        let (nobody, nothing) = (Subject::default(), Outputs::default());
        let claimed_proofs = &ClaimedProofs::new(self.longest_proof_lifetime());
        let input = StepInput {
            request,
            subject: &nobody,
            outputs: &nothing,
            now,
            target_uri: target_uri.as_str(),
            claimed_proofs,
            notices,
        };
        let Authenticated { subject, credentials } = self.authenticate(&input).await?;
        notices.subject(&subject);
        let input = StepInput { subject: &subject, ..input };
        // A nonce that is due goes out with a refusal as well (RFC 9449 §8.2).
        let with_nonce = |mut failure: Failure| {
            failure
                .headers
                .extend(credentials.fresh_nonce.as_deref().and_then(nonce_headers).into_iter().flatten());
            failure
        };
        self.read_body(request).await.map_err(with_nonce)?;
        let outputs = self.check(&input).await.map_err(with_nonce)?;
        let input = StepInput { outputs: &outputs, ..input };
        let mut changes = self.finalize(&input).await.map_err(with_nonce)?;
        let thumbprint = credentials.thumbprint.as_ref();
        credentials::settle(self.forward_to.as_ref(), request, credentials.scheme, thumbprint, &mut changes);
        let upstream = self.upstream(request, &changes)?;
        Ok(Passed { upstream, changes, credentials })
    }

    fn permit(
        &self,
        request: Arc<Request>,
        passed: Passed,
        (notices, audit): (Vec<String>, Audit),
        surroundings: &Surroundings<'_>,
    ) -> Permit {
        let Passed { upstream, changes, credentials } = passed;
        let mut response_headers = HeaderMap::new();
        if let Some(nonce) = &credentials.fresh_nonce {
            response_headers.extend(nonce_headers(nonce).into_iter().flatten());
        }
        Permit {
            rule_id: Arc::clone(&self.rule_id),
            rule_set: None,
            audit,
            request: Arc::unwrap_or_clone(request),
            upstream,
            changes,
            response_headers,
            notices,
            accepted_status: surroundings.respond.accepted_status(),
        }
    }

    /// One principal after the other; all must be established.
    async fn authenticate(&self, input: &StepInput<'_>) -> Result<Authenticated, Failure> {
        let mut subject = Subject::default();
        let mut credentials = Credentials::default();
        for chain in &self.authenticators {
            let authenticated = chain.authenticate(input).await?;
            subject.insert(&chain.principal, authenticated.principal);
            credentials.scheme = credentials.scheme.or(authenticated.scheme);
            credentials.thumbprint = credentials.thumbprint.or(authenticated.thumbprint);
            credentials.fresh_nonce = credentials.fresh_nonce.or(authenticated.fresh_nonce);
            if let Some(observed) = authenticated.observed {
                input.notices.add(format!("would be refused if proofs were required: {observed}"));
            }
        }
        Ok(Authenticated { subject, credentials })
    }

    /// How long the claim of a proof must last that several authenticators accept; each knows its own needs.
    fn longest_proof_lifetime(&self) -> Duration {
        match self.authenticators.as_slice() {
            [] | [_] => Duration::ZERO,
            chains => chains.iter().map(PrincipalChain::longest_proof_lifetime).max().unwrap_or_default(),
        }
    }

    /// Reads the body if a step looks into it, and not before it is known who asks.
    async fn read_body(&self, request: &Request) -> Result<(), Failure> {
        if !self.body_readers.steps {
            return Ok(());
        }
        request.body.read(MAX_READ_BYTES).await.map(|_| ()).map_err(Failure::from)
    }

    /// Authorizers and contextualizers in order; each sees what those before it found out.
    async fn check(&self, input: &StepInput<'_>) -> Result<Outputs, Failure> {
        let mut outputs = Outputs::default();
        for step in &self.checks {
            let input = StepInput { outputs: &outputs, ..*input };
            if step.applies(|| condition_data(&input))? {
                let found = input.notices.watch(&step.name, step.mechanism.run(&input), reason).await;
                let found = found.map_err(|failure| step.failed(failure))?;
                if let Some(found) = found {
                    outputs.add(&step.origin.step_id, found);
                }
            }
        }
        Ok(outputs)
    }

    async fn finalize(&self, input: &StepInput<'_>) -> Result<UpstreamChanges, Failure> {
        let mut changes = input.outputs.upstream_changes();
        for step in &self.finalizers {
            if step.applies(|| condition_data(input))? {
                let finalizing = step.mechanism.behaviour().finalize(input, &mut changes);
                let finalized = input.notices.watch(&step.name, finalizing, reason).await;
                finalized.map_err(|failure| step.failed(failure))?;
            }
        }
        Ok(changes)
    }

    /// The target, with the `Host` of a finalizer if one sets it.
    fn upstream(&self, request: &Request, changes: &UpstreamChanges) -> Result<Option<Upstream>, Failure> {
        let Some(forward_to) = &self.forward_to else { return Ok(None) };
        let mut upstream =
            rewrite::upstream_for(forward_to, &request.uri, self.encoded_slashes).map_err(|error| {
                Failure::new(
                    DenialKind::Precondition,
                    "bad_path",
                    "the path can not be read",
                    error.to_string(),
                )
            })?;
        if let Some(host) = changes.headers().get(header::HOST).and_then(|host| host.to_str().ok()) {
            upstream.host_header = host.to_owned();
        }
        Ok(Some(upstream))
    }

    /// The answer to a refusal. An error handler that fails is answered instead, with an internal error. Every 401 has a
    /// challenge (D11).
    async fn refuse(
        &self,
        failure: Failure,
        request: &Arc<Request>,
        surroundings: &Surroundings<'_>,
        notices: &Notices,
    ) -> Denial {
        let input = RefusalInput {
            rule_id: Some(&self.rule_id),
            respond: surroundings.respond,
            request,
            now: surroundings.now,
            notices,
        };
        // Without the body that it reads, no error handler applies.
        let misses_body =
            self.body_readers.error_handlers && request.body.read(MAX_READ_BYTES).await.is_err();
        let handled = if misses_body { Ok(plain(&failure, &input)) } else { self.handle(&failure, &input) };
        let mut denial = handled.unwrap_or_else(|fault| {
            let detail = format!("{}; it was to answer: {}", fault.detail, failure.detail);
            plain(&Failure { detail, ..fault }, &input)
        });
        let is_unauthorized =
            denial.kind == DenialKind::Authentication || denial.status == StatusCode::UNAUTHORIZED;
        if is_unauthorized && !denial.headers.contains_key(header::WWW_AUTHENTICATE) {
            denial.headers.insert(header::WWW_AUTHENTICATE, surroundings.default_challenge.clone());
        }
        denial
    }

    /// The first error handler whose condition holds, and no other, shapes the answer; `default` is implied.
    fn handle(&self, failure: &Failure, input: &RefusalInput<'_>) -> Result<Denial, Failure> {
        for step in &self.error_handlers {
            if step.applies(|| ExpressionData::of_request(input.request).with_error(failure))? {
                let handled = step.mechanism.behaviour().handle(failure, input);
                return handled.map_err(|fault| step.failed(fault));
            }
        }
        Ok(plain(failure, input))
    }

    /// Whether nobody gets past the first authenticator.
    pub(crate) fn denies_at_once(&self) -> bool {
        self.authenticators.first().is_some_and(PrincipalChain::starts_with_unauthorized)
    }
}

/// The word of a step's refusal.
fn reason<T>(outcome: &Result<T, Failure>) -> Option<&'static str> {
    outcome.as_ref().err().map(|failure| failure.reason)
}

/// What conditions of steps read.
fn condition_data<'a>(input: &StepInput<'a>) -> ExpressionData<'a> {
    ExpressionData::of_request(input.request)
        .with_subject(input.subject)
        .with_outputs(input.outputs.payloads())
}
