//! `generic`: asks an endpoint what it knows.
//!
//! ```yaml
//! - id: profile
//!   type: generic
//!   config:
//!     endpoint: {url: "https://profiles.example.com/{{ urlenc .Subject.ID }}", method: GET}
//!     cache_ttl: 10s
//! ```
//!
//! The answer's body, parsed by its content type, is `.Outputs.<step id>` for the steps behind; body and headers are
//! `.Results.<step id>.Payload` and `.Results.<step id>.Header "X"`. Without a body there is no entry. A status other than
//! success is a failure of the endpoint.

use std::time::Duration;

use crate::{
    denial::DenialKind,
    document::{
        ConfigDuration, Decode, Diagnostics, Endpoint, KeyPath, MapReader, Node, Spanned,
        schema::{HeaderFieldName, Template},
    },
    mechanisms::{
        BuildContext, Mechanism,
        contextualizers::Contextualize,
        forwarded_fields::ForwardedFields,
        inquiry::{Inquiry, WrittenInquiry, WrittenValues, output_of},
        output::StepOutput,
        step::{Failure, StepFuture, StepInput},
    },
    published_keys::PublishedKey,
};

/// heimdall's default for `cache_ttl`.
const DEFAULT_TTL: Duration = Duration::from_secs(10);

/// Asks an endpoint what it knows.
#[derive(Debug, Clone)]
pub struct Generic {
    inquiry: Inquiry,
}

/// Settings of `generic` in the catalogue.
#[derive(Debug, Clone, schemars::JsonSchema)]
#[schemars(rename = "GenericContextualizer")]
pub struct GenericConfig {
    /// Who is asked, with `POST` unless configured. Templates of URL and headers read `.Request`, `.Subject`, `.Values` and
    /// `.Outputs`.
    pub endpoint: Endpoint,
    /// The body of the call.
    #[schemars(with = "Option<Template>")]
    pub payload: Option<Spanned<String>>,
    /// Header fields of the client's request that go along with the call.
    #[schemars(with = "Option<Vec<HeaderFieldName>>")]
    pub forward_headers: Vec<Spanned<String>>,
    /// Cookies of the client's request that go along with the call.
    #[schemars(with = "Option<Vec<String>>")]
    pub forward_cookies: Vec<Spanned<String>>,
    /// How long an answer with a status of success is kept; `0s` asks for every request.
    #[schemars(with = "ConfigDuration", extend("default" = "10s"))]
    pub cache_ttl: Duration,
    /// Templates by name; URL, headers and payload read what they give as `.Values`.
    #[schemars(with = "Option<WrittenValues>")]
    pub values: Vec<(Spanned<String>, Spanned<String>)>,
}

/// What a step may change.
#[derive(Debug, Clone, schemars::JsonSchema)]
#[schemars(rename = "GenericContextualizerInStep")]
pub struct GenericOverride {
    /// Replaces the catalogue's template.
    #[schemars(with = "Option<Template>")]
    pub payload: Option<Spanned<String>>,
    /// Replaces the catalogue's list.
    #[schemars(with = "Option<Vec<HeaderFieldName>>")]
    pub forward_headers: Option<Vec<Spanned<String>>>,
    /// Replaces the catalogue's list.
    #[schemars(with = "Option<Vec<String>>")]
    pub forward_cookies: Option<Vec<Spanned<String>>>,
    /// How long an answer with a status of success is kept; `0s` asks for every request.
    #[schemars(with = "Option<ConfigDuration>")]
    pub cache_ttl: Option<Duration>,
    /// Added to the catalogue's; the same name replaces.
    #[schemars(with = "Option<WrittenValues>")]
    pub values: Vec<(Spanned<String>, Spanned<String>)>,
}

impl Decode for GenericConfig {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let endpoint = reader.required("endpoint");
        let payload = reader.optional("payload");
        let forward_headers = reader.or("forward_headers", Vec::new());
        let forward_cookies = reader.or("forward_cookies", Vec::new());
        let cache_ttl = reader.or("cache_ttl", ConfigDuration(DEFAULT_TTL)).as_duration();
        let values = reader.or("values", Vec::new());
        reader.finish();
        Some(Self { endpoint: endpoint?, payload, forward_headers, forward_cookies, cache_ttl, values })
    }
}

impl Decode for GenericOverride {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let change = Self {
            payload: reader.optional("payload"),
            forward_headers: reader.optional("forward_headers"),
            forward_cookies: reader.optional("forward_cookies"),
            cache_ttl: reader.optional::<ConfigDuration>("cache_ttl").map(Duration::from),
            values: reader.or("values", Vec::new()),
        };
        reader.finish();
        Some(change)
    }
}

impl Mechanism for Generic {
    const TYPE: &'static str = "generic";
    const OVERRIDABLE: &'static [&'static str] =
        &["payload", "forward_headers", "forward_cookies", "cache_ttl", "values"];
    type Config = GenericConfig;
    type Override = GenericOverride;

    fn build(
        config: GenericConfig,
        context: &BuildContext<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let written = WrittenInquiry { payload: config.payload.as_ref(), values: &config.values };
        let inquiry = Inquiry::build(&config.endpoint, &written, config.cache_ttl, context, diagnostics);
        let forwarded = ForwardedFields::build(
            &config.forward_headers,
            &config.forward_cookies,
            &context.path,
            diagnostics,
        );
        Some(Self { inquiry: inquiry?.with_forwarded(forwarded?) })
    }

    fn with_override(
        &self,
        change: GenericOverride,
        context: &BuildContext<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let written = WrittenInquiry { payload: change.payload.as_ref(), values: &change.values };
        let inquiry = self.inquiry.changed(&written, change.cache_ttl, context, diagnostics);
        let forwarded = self.inquiry.forwarded().changed(
            change.forward_headers.as_deref(),
            change.forward_cookies.as_deref(),
            &context.path,
            diagnostics,
        );
        Some(Self { inquiry: inquiry?.with_forwarded(forwarded?) })
    }

    fn published_keys(&self) -> &[PublishedKey] {
        self.inquiry.published_keys()
    }
}

impl Generic {
    async fn find_out(&self, input: &StepInput<'_>) -> Result<StepOutput, Failure> {
        let answer = self.inquiry.ask(input).await?;
        let status = answer.status();
        if !status.is_success() {
            return Err(Failure::new(
                DenialKind::Communication,
                "endpoint_failed",
                "a dependency does not answer as it should",
                format!("endpoint answered {}", status.as_u16()),
            ));
        }
        Ok(output_of(&answer))
    }
}

impl Contextualize for Generic {
    fn contextualize<'a>(&'a self, input: &'a StepInput<'a>) -> StepFuture<'a, Result<StepOutput, Failure>> {
        Box::pin(self.find_out(input))
    }

    fn reads_body(&self) -> bool {
        self.inquiry.reads_body()
    }
}
