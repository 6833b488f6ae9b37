//! `generic`: status, headers and body as configured.
//!
//! ```yaml
//! - id: problem
//!   type: generic
//!   config:
//!     code: 403
//!     headers:
//!       - Content-Type: application/problem+json
//!     body: '{"title": {{ quote .Values.title }}, "instance": {{ quote .Request.URL.Path }}}'
//!     values:
//!       title: not yours
//! ```
//!
//! The challenges of the refusal and its `DPoP-Nonce` are added; the status stays the configured one.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::{
    denial::Denial,
    document::{
        Code, Decode, Diagnostic, Diagnostics, KeyPath, MapReader, Node, Spanned, decode_sequence,
        schema::Template,
    },
    mechanisms::{
        BuildContext, Mechanism,
        error_handlers::{HandleError, RefusalInput, without_body},
        finalizers::header::{header_name, header_values},
        step::Failure,
        values::Values,
    },
    offered,
    template::{BoundTemplate, TemplatePlace},
};

/// Names and templates, in order; names may repeat.
type Fields = Vec<(Spanned<String>, Spanned<String>)>;

/// Answers as configured.
#[derive(Debug, Clone)]
pub struct Generic {
    code: StatusCode,
    headers: Vec<(HeaderName, BoundTemplate)>,
    body: Option<BoundTemplate>,
    values: Values,
}

/// Settings of `generic` in the catalogue.
#[derive(Debug, Clone, schemars::JsonSchema)]
#[schemars(rename = "GenericErrorHandler")]
pub struct GenericConfig {
    /// The status of the answer.
    #[schemars(with = "u16", range(min = 100, max = 599))]
    pub code: StatusCode,
    /// Header fields of the answer: a list of names with their templates, in which names may repeat. Each line of what a
    /// template gives is one value. Templates see `.Request` and `.Values`.
    #[schemars(with = "Option<Vec<BTreeMap<String, Template>>>")]
    pub headers: Fields,
    /// A template that gives the body; it sees `.Request` and `.Values`. Without a `Content-Type` among the headers it is
    /// sent as plain text.
    #[schemars(with = "Option<Template>")]
    pub body: Option<Spanned<String>>,
    /// Templates by name, which see `.Request`; headers and body read what they give as `.Values`.
    #[schemars(with = "Option<BTreeMap<String, Template>>")]
    pub values: Vec<(Spanned<String>, Spanned<String>)>,
}

/// What a step may change.
#[derive(Debug, Clone, schemars::JsonSchema)]
#[schemars(rename = "GenericErrorHandlerInStep")]
pub struct GenericOverride {
    /// Replaces the catalogue's status.
    #[schemars(with = "Option<u16>", range(min = 100, max = 599))]
    pub code: Option<StatusCode>,
    /// Replaces the catalogue's list.
    #[schemars(with = "Option<Vec<BTreeMap<String, Template>>>")]
    pub headers: Option<Fields>,
    /// Replaces the catalogue's template.
    #[schemars(with = "Option<Template>")]
    pub body: Option<Spanned<String>>,
    /// Added to the catalogue's; the same name replaces.
    #[schemars(with = "Option<BTreeMap<String, Template>>")]
    pub values: Vec<(Spanned<String>, Spanned<String>)>,
}

impl Decode for GenericConfig {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        if !reader.has("code") {
            reader.report_missing("code");
        }
        let code = read_code(&mut reader);
        let headers = reader.optional_with("headers", decode_fields);
        let has_headers = reader.has("headers");
        let (body, values) = (reader.optional("body"), reader.or("values", Vec::new()));
        reader.finish();
        let headers = if has_headers { headers? } else { Vec::new() };
        Some(Self { code: code?, headers, body, values })
    }
}

impl Decode for GenericOverride {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let change = Self {
            code: read_code(&mut reader),
            headers: reader.optional_with("headers", decode_fields),
            body: reader.optional("body"),
            values: reader.or("values", Vec::new()),
        };
        reader.finish();
        Some(change)
    }
}

/// `code`, 100 to 599. Answering a refusal with success is warned about: a proxy in front takes it for a permission.
fn read_code(reader: &mut MapReader<'_, '_>) -> Option<StatusCode> {
    let code = reader.optional::<Spanned<u16>>("code")?;
    let path = reader.path().key("code");
    match StatusCode::from_u16(code.value).ok().filter(|_| code.value < 600) {
        Some(status) => {
            if status.is_success() {
                reader.diagnostics().push(
                    Diagnostic::warning(
                        Code::SuccessForRefusal,
                        format!("`{path}` answers a refused request with success"),
                        &code.place,
                    )
                    .found(code.value.to_string())
                    .hint("in decision mode the proxy in front lets such a request pass; use 4xx or 3xx"),
                );
            }
            Some(status)
        }
        None => {
            reader.diagnostics().push(
                Diagnostic::error(Code::OutOfRange, format!("`{path}` is no status"), &code.place)
                    .found(code.value.to_string())
                    .expected("an integer from 100 to 599"),
            );
            None
        }
    }
}

/// A list of maps, each with one or more names.
fn decode_fields(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Fields> {
    let fields = decode_sequence(node, path, diagnostics, Fields::decode)?;
    Some(fields.into_iter().flatten().collect())
}

impl Mechanism for Generic {
    const TYPE: &'static str = "generic";
    const OVERRIDABLE: &'static [&'static str] = &["body", "code", "headers", "values"];
    type Config = GenericConfig;
    type Override = GenericOverride;

    fn build(
        config: GenericConfig,
        context: &BuildContext<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let headers = compile_fields(&config.headers, context, diagnostics);
        let body = config.body.as_ref().map(|body| compile(body, "`body`", context, diagnostics));
        let values = Values::compile(&config.values, offered::ERROR_HANDLER_VALUES, context, diagnostics);
        Some(Self {
            code: config.code,
            headers: headers?,
            body: body.map_or(Some(None), |body| body.map(Some))?,
            values: values?,
        })
    }

    fn with_override(
        &self,
        change: GenericOverride,
        context: &BuildContext<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let headers = match &change.headers {
            Some(headers) => compile_fields(headers, context, diagnostics),
            None => Some(self.headers.clone()),
        };
        let body = match &change.body {
            Some(body) => compile(body, "`body`", context, diagnostics).map(Some),
            None => Some(self.body.clone()),
        };
        let values = Values::compile(&change.values, offered::ERROR_HANDLER_VALUES, context, diagnostics);
        Some(Self {
            code: change.code.unwrap_or(self.code),
            headers: headers?,
            body: body?,
            values: self.values.merged_with(values?),
        })
    }
}

fn compile_fields(
    fields: &Fields,
    context: &BuildContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<(HeaderName, BoundTemplate)>> {
    let compiled: Vec<Option<_>> = fields
        .iter()
        .map(|(name, template)| {
            let used_for = format!("header `{}`", name.value);
            let template = compile(template, &used_for, context, diagnostics);
            let name = header_name(name, &context.path.key("headers"), diagnostics);
            Some((name?, template?))
        })
        .collect();
    compiled.into_iter().collect()
}

fn compile(
    template: &Spanned<String>,
    used_for: &str,
    context: &BuildContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<BoundTemplate> {
    let place = TemplatePlace {
        used_for,
        offered: offered::REFUSAL,
        secrets: &context.dependencies.secrets,
        in_rule: context.in_rule,
    };
    BoundTemplate::compile(template, &place, diagnostics)
}

impl HandleError for Generic {
    fn handle(&self, failure: &Failure, input: &RefusalInput<'_>) -> Result<Denial, Failure> {
        let data = input.template_data();
        let values = self.values.render(|template, used_for| input.render(template, &data, used_for))?;
        let data = data.with_values(&values);
        let mut own = HeaderMap::new();
        for (name, template) in &self.headers {
            let text = input.render(template, &data, &format!("header `{name}`"))?;
            for value in header_values(name, &text)? {
                own.append(name.clone(), value);
            }
        }
        let body = match &self.body {
            Some(template) => input.render(template, &data, "`body`")?,
            None => String::new(),
        };
        let mut denial = without_body(failure, input);
        for name in own.keys() {
            // A challenge of the refusal stays beside one of the handler.
            if *name != header::WWW_AUTHENTICATE {
                denial.headers.remove(name);
            }
            for value in own.get_all(name) {
                denial.headers.append(name.clone(), value.clone());
            }
        }
        if !body.is_empty() && !denial.headers.contains_key(header::CONTENT_TYPE) {
            let plain_text = HeaderValue::from_static("text/plain; charset=utf-8");
            denial.headers.insert(header::CONTENT_TYPE, plain_text);
        }
        // No browser guesses what text with parts of the request in it might be.
        denial.headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        denial.status = self.code;
        denial.body = Bytes::from(body);
        Ok(denial)
    }

    fn reads_body(&self) -> bool {
        let mut templates = self.headers.iter().map(|(_, template)| template).chain(&self.body);
        templates.any(BoundTemplate::reads_body) || self.values.reads_body()
    }
}
