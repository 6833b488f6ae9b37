//! `remote`: an endpoint says whether the request may pass.
//!
//! ```yaml
//! - id: pdp
//!   type: remote
//!   config:
//!     endpoint:
//!       url: https://pdp.example.com/check
//!       headers: {Content-Type: application/json}
//!     payload: '{"user": {{ quote .Subject.ID }}, "path": {{ quote .Request.URL.Path }}}'
//!     expressions:
//!       - expression: Payload.allowed == true
//!         message: the policy says no
//!     forward_response_headers_to_upstream: [X-Roles]
//!     cache_ttl: 10s
//! ```
//!
//! An answer with a status of success means yes, unless an expression says otherwise; statuses of 500 and above mean that the
//! endpoint failed, all others no. Answers may be kept; expressions are asked about kept ones as well. The answer's body is
//! `.Outputs.<step id>` for the steps behind, body and headers are `.Results.<step id>.Payload` and
//! `.Results.<step id>.Header "X"`.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, Response};
use serde_json::Value;

use crate::{
    content,
    denial::DenialKind,
    document::{
        ConfigDuration, Decode, Diagnostics, Endpoint, KeyPath, MapReader, Node, Spanned,
        schema::{HeaderFieldName, Template},
    },
    expression::ExpressionData,
    mechanisms::{
        BuildContext, Mechanism,
        authorizers::Authorize,
        finalizers::header::header_name,
        inquiry::{Inquiry, WrittenInquiry, WrittenValues, output_of},
        output::StepOutput,
        requirements::{RequirementConfig, Requirements, read_requirements},
        step::{Failure, StepFuture, StepInput},
    },
    offered,
    published_keys::PublishedKey,
};

/// Asks an endpoint whether a request may pass.
#[derive(Debug, Clone)]
pub struct Remote {
    inquiry: Inquiry,
    requirements: Requirements,
    upstream_headers: Vec<HeaderName>,
}

/// Settings of `remote` in the catalogue.
#[derive(Debug, Clone, schemars::JsonSchema)]
#[schemars(rename = "RemoteAuthorizer")]
pub struct RemoteConfig {
    /// Who is asked, with `POST` unless configured. Templates of URL and headers read `.Request`, `.Subject`, `.Values` and
    /// `.Outputs`.
    pub endpoint: Endpoint,
    /// The body of the call.
    #[schemars(with = "Option<Template>")]
    pub payload: Option<Spanned<String>>,
    /// What must be true of the answer, all of it, asked in this order. Expressions see `Payload`, the answer's body parsed by
    /// its content type.
    pub expressions: Option<Vec<RequirementConfig>>,
    /// Header fields of the answer that the upstream gets. The client's fields of these names never pass.
    #[schemars(with = "Option<Vec<HeaderFieldName>>")]
    pub forward_response_headers_to_upstream: Vec<Spanned<String>>,
    /// How long an answer with a status of success is kept; `0s` asks for every request.
    #[schemars(with = "ConfigDuration", extend("default" = "0s"))]
    pub cache_ttl: Duration,
    /// Templates by name; URL, headers and payload read what they give as `.Values`.
    #[schemars(with = "Option<WrittenValues>")]
    pub values: Vec<(Spanned<String>, Spanned<String>)>,
}

/// What a step may change.
#[derive(Debug, Clone, schemars::JsonSchema)]
#[schemars(rename = "RemoteAuthorizerInStep")]
pub struct RemoteOverride {
    /// Replaces the catalogue's template.
    #[schemars(with = "Option<Template>")]
    pub payload: Option<Spanned<String>>,
    /// Replaces the catalogue's list.
    pub expressions: Option<Vec<RequirementConfig>>,
    /// Replaces the catalogue's list.
    #[schemars(with = "Option<Vec<HeaderFieldName>>")]
    pub forward_response_headers_to_upstream: Option<Vec<Spanned<String>>>,
    /// How long an answer with a status of success is kept; `0s` asks for every request.
    #[schemars(with = "Option<ConfigDuration>")]
    pub cache_ttl: Option<Duration>,
    /// Added to the catalogue's; the same name replaces.
    #[schemars(with = "Option<WrittenValues>")]
    pub values: Vec<(Spanned<String>, Spanned<String>)>,
}

impl Decode for RemoteConfig {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let endpoint = reader.required("endpoint");
        let payload = reader.optional("payload");
        let has_expressions = reader.has("expressions");
        let expressions = read_requirements(&mut reader);
        let headers = reader.or("forward_response_headers_to_upstream", Vec::new());
        let cache_ttl = reader.optional::<ConfigDuration>("cache_ttl");
        let values = reader.or("values", Vec::new());
        reader.finish();
        Some(Self {
            endpoint: endpoint?,
            payload,
            expressions: if has_expressions { Some(expressions?) } else { None },
            forward_response_headers_to_upstream: headers,
            cache_ttl: cache_ttl.map(Duration::from).unwrap_or_default(),
            values,
        })
    }
}

impl Decode for RemoteOverride {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let change = Self {
            payload: reader.optional("payload"),
            expressions: read_requirements(&mut reader),
            forward_response_headers_to_upstream: reader.optional("forward_response_headers_to_upstream"),
            cache_ttl: reader.optional::<ConfigDuration>("cache_ttl").map(Duration::from),
            values: reader.or("values", Vec::new()),
        };
        reader.finish();
        Some(change)
    }
}

impl Mechanism for Remote {
    const TYPE: &'static str = "remote";
    const OVERRIDABLE: &'static [&'static str] =
        &["payload", "expressions", "forward_response_headers_to_upstream", "cache_ttl", "values"];
    type Config = RemoteConfig;
    type Override = RemoteOverride;

    fn build(
        config: RemoteConfig,
        context: &BuildContext<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let written = WrittenInquiry { payload: config.payload.as_ref(), values: &config.values };
        let inquiry = Inquiry::build(&config.endpoint, &written, config.cache_ttl, context, diagnostics);
        let expressions = config.expressions.unwrap_or_default();
        let requirements = Requirements::compile(&expressions, offered::REMOTE, context, diagnostics);
        let headers = header_names(&config.forward_response_headers_to_upstream, context, diagnostics);
        Some(Self { inquiry: inquiry?, requirements: requirements?, upstream_headers: headers? })
    }

    fn with_override(
        &self,
        change: RemoteOverride,
        context: &BuildContext<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let written = WrittenInquiry { payload: change.payload.as_ref(), values: &change.values };
        let inquiry = self.inquiry.changed(&written, change.cache_ttl, context, diagnostics);
        let requirements = match &change.expressions {
            Some(expressions) => Requirements::compile(expressions, offered::REMOTE, context, diagnostics),
            None => Some(self.requirements.clone()),
        };
        let headers = match &change.forward_response_headers_to_upstream {
            Some(names) => header_names(names, context, diagnostics),
            None => Some(self.upstream_headers.clone()),
        };
        Some(Self { inquiry: inquiry?, requirements: requirements?, upstream_headers: headers? })
    }

    fn published_keys(&self) -> &[PublishedKey] {
        self.inquiry.published_keys()
    }
}

fn header_names(
    names: &[Spanned<String>],
    context: &BuildContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<HeaderName>> {
    let path = context.path.key("forward_response_headers_to_upstream");
    let names: Vec<Option<HeaderName>> =
        names.iter().map(|name| header_name(name, &path, diagnostics)).collect();
    names.into_iter().collect()
}

impl Remote {
    async fn check(&self, input: &StepInput<'_>) -> Result<Option<StepOutput>, Failure> {
        let answer = self.inquiry.ask(input).await?;
        let status = answer.status();
        if status.is_server_error() {
            return Err(Failure::new(
                DenialKind::Communication,
                "endpoint_failed",
                "a dependency does not answer as it should",
                format!("endpoint answered {}", status.as_u16()),
            ));
        }
        if !status.is_success() {
            return Err(Failure::new(
                DenialKind::Authorization,
                "remote_refusal",
                "denied by authorizer",
                format!("endpoint answered {}", status.as_u16()),
            ));
        }
        self.requirements.check(&ExpressionData::of_payload(&payload(&answer)))?;
        let mut output = output_of(&answer);
        for name in &self.upstream_headers {
            let values = answer.headers().get_all(name).iter().cloned().collect();
            output.upstream_headers.push((name.clone(), values));
        }
        Ok(Some(output))
    }
}

fn payload(answer: &Response<Bytes>) -> Value {
    content::parse(answer.headers(), answer.body())
}

impl Authorize for Remote {
    fn authorize<'a>(
        &'a self,
        input: &'a StepInput<'a>,
    ) -> StepFuture<'a, Result<Option<StepOutput>, Failure>> {
        Box::pin(self.check(input))
    }

    fn reads_body(&self) -> bool {
        self.inquiry.reads_body()
    }
}
