//! A span for each step of a rule, for `tracing.cover_rules`.

use std::sync::Arc;

use gateway_core::step_observer::{ObservedStep, StepObserver};
use opentelemetry::{
    Context, KeyValue,
    trace::{SpanBuilder, SpanKind, Status, TraceContextExt as _, Tracer as _},
};

use super::Running;
use crate::telemetry::Telemetry;

/// Makes a span for each step, below the span of its request.
#[derive(Debug)]
pub(crate) struct TracedSteps(pub(crate) Arc<Telemetry>);

impl StepObserver for TracedSteps {
    fn begin(&self, name: &str) -> Box<dyn ObservedStep> {
        let current = Context::current();
        let Some(Running { exporting: Some((tracer, _)), .. }) = self.0.tracing.running.get() else {
            return Box::new(TracedStep(current));
        };
        // `authenticator `token`` reads better without the quotes in a list of spans.
        let builder = SpanBuilder::from_name(name.replace('`', "")).with_kind(SpanKind::Internal);
        let span = tracer.build_with_context(builder, &current);
        Box::new(TracedStep(current.with_span(span)))
    }
}

/// The context of a step; calls that it makes are below its span.
struct TracedStep(Context);

impl ObservedStep for TracedStep {
    fn around(&self, work: &mut dyn FnMut()) {
        let _current = self.0.clone().attach();
        work();
    }

    fn end(self: Box<Self>, reason: Option<&'static str>) {
        let span = self.0.span();
        if let Some(reason) = reason {
            span.set_attribute(KeyValue::new("keybound.reason", reason));
            span.set_status(Status::error(reason));
        }
        span.end();
    }
}
