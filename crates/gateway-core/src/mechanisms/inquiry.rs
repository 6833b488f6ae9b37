//! Asking an endpoint about a request: what the `remote` authorizer and the `generic` contextualizer have in common.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use http::Response;

use super::{
    BuildContext,
    forwarded_fields::ForwardedFields,
    step::{Failure, StepInput},
    values::Values,
};
use crate::{
    content,
    document::{Diagnostics, Endpoint as EndpointDocument, Spanned},
    endpoint::{Endpoint, KeptAnswers, outbound_failure},
    mechanisms::output::StepOutput,
    offered,
    published_keys::PublishedKey,
    template::{BoundTemplate, TemplatePlace},
};

/// The settings as they are written.
pub(crate) struct WrittenInquiry<'a> {
    pub(crate) payload: Option<&'a Spanned<String>>,
    pub(crate) values: &'a [(Spanned<String>, Spanned<String>)],
}

/// An endpoint and what it is asked.
#[derive(Debug, Clone)]
pub(crate) struct Inquiry {
    endpoint: Endpoint,
    payload: Option<BoundTemplate>,
    values: Values,
    forwarded: ForwardedFields,
    /// How long answers are kept.
    ttl: Duration,
    answers: Arc<KeptAnswers>,
}

impl Inquiry {
    /// Compiles what is asked; `None` after an error was added to `diagnostics`.
    pub(crate) fn build(
        endpoint: &EndpointDocument,
        written: &WrittenInquiry<'_>,
        ttl: Duration,
        context: &BuildContext<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let endpoint =
            Endpoint::build(endpoint, &context.endpoint("endpoint", offered::ENDPOINT), diagnostics);
        let payload = compile_payload(written.payload, context, diagnostics);
        let values = Values::compile(written.values, offered::VALUES, context, diagnostics);
        Some(Self {
            endpoint: endpoint?,
            payload: payload?,
            values: values?,
            forwarded: ForwardedFields::default(),
            ttl,
            answers: Arc::new(KeptAnswers::new(&context.dependencies.cache)),
        })
    }

    /// The same with a step's payload, values and time; values are merged by name.
    pub(crate) fn changed(
        &self,
        written: &WrittenInquiry<'_>,
        ttl: Option<Duration>,
        context: &BuildContext<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let payload = compile_payload(written.payload, context, diagnostics);
        let values = Values::compile(written.values, offered::VALUES, context, diagnostics);
        let mut changed = self.clone();
        if let Some(payload) = payload? {
            changed.payload = Some(payload);
        }
        changed.values = self.values.merged_with(values?);
        changed.ttl = ttl.unwrap_or(self.ttl);
        Some(changed)
    }

    /// What of the client's request goes along.
    pub(crate) fn forwarded(&self) -> &ForwardedFields {
        &self.forwarded
    }

    /// The same with other parts of the client's request.
    #[must_use]
    pub(crate) fn with_forwarded(self, forwarded: ForwardedFields) -> Self {
        Self { forwarded, ..self }
    }

    /// The answer, kept or new. Any status is one.
    pub(crate) async fn ask(&self, input: &StepInput<'_>) -> Result<Response<Bytes>, Failure> {
        let data = input.template_data();
        let values = self.values.render(|template, used_for| input.render(template, &data, used_for))?;
        let data = data.with_values(&values);
        let mut call = self.endpoint.call_for_step(input, &data, "endpoint")?;
        self.forwarded.copy(input.request, &mut call.request);
        if let Some(payload) = &self.payload {
            *call.request.body_mut() = input.render(payload, &data, "`payload`")?.into();
        }
        self.answers
            .get(&self.endpoint, call, self.ttl, input.now, |_| true)
            .await
            .map_err(|error| outbound_failure(&error, "endpoint"))
    }

    pub(crate) fn reads_body(&self) -> bool {
        self.endpoint.reads_body()
            || self.values.reads_body()
            || self.payload.as_ref().is_some_and(BoundTemplate::reads_body)
    }

    pub(crate) fn published_keys(&self) -> &[PublishedKey] {
        self.endpoint.published_keys()
    }
}

/// What a step with this answer found out.
pub(crate) fn output_of(answer: &Response<Bytes>) -> StepOutput {
    let body = answer.body();
    let payload = (!body.is_empty()).then(|| content::parse(answer.headers(), body));
    StepOutput { payload, headers: answer.headers().clone(), upstream_headers: Vec::new() }
}

/// Names and templates, as they are written.
pub(crate) type WrittenValues = BTreeMap<String, crate::document::schema::Template>;

/// `Some(None)` without template; `None` after an error.
fn compile_payload(
    payload: Option<&Spanned<String>>,
    context: &BuildContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Option<BoundTemplate>> {
    let Some(payload) = payload else { return Some(None) };
    let place = TemplatePlace {
        used_for: "`payload`",
        offered: offered::PAYLOAD,
        secrets: &context.dependencies.secrets,
        in_rule: context.in_rule,
    };
    BoundTemplate::compile(payload, &place, diagnostics).map(Some)
}
