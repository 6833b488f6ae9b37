//! Templates of the configuration, compiled at load and bound to the request: what `.Request`, `.Subject`, `.Outputs`
//! and `.Values` are.

mod objects;

use std::{
    cell::RefCell,
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use go_template::{
    CompileOptions, Map, RenderError, RenderOptions, SecretResolver, SecretValue, Template, Time, Value,
};
use jose::{UnixTime, crypto};
use thiserror::Error;

use crate::{
    document::{Code, Diagnostic, Diagnostics, Spanned, did_you_mean},
    mechanisms::output::Outputs,
    request::Request,
    secrets::{SecretError, SecretStore},
    subject::Subject,
};

/// The top-level names that one place offers its templates.
pub type OfferedNames = &'static [&'static str];

/// What templates of one place may use while they are compiled.
#[derive(Debug, Clone, Copy)]
pub struct TemplatePlace<'a> {
    /// What the template is for, as messages name it: ``header `X-User` ``.
    pub used_for: &'a str,
    /// The names it may read.
    pub offered: OfferedNames,
    /// Where `secret` looks.
    pub secrets: &'a SecretStore,
    /// Whether the template stands in a rule set: then only sources released for rules may be read.
    pub in_rule: bool,
}

/// A template of the configuration.
#[derive(Debug, Clone)]
pub struct BoundTemplate {
    template: Arc<Template>,
    /// Whether it was already told that a value was missing; once per template is enough.
    has_told_missing: Arc<AtomicBool>,
}

/// A rendered template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedText {
    /// The text.
    pub text: String,
    /// The first time that `<no value>` was printed: where in the template. Hardly ever what someone wants.
    pub missing_value: Option<String>,
}

impl BoundTemplate {
    /// Compiles a template. Names that the place does not offer are warned about: they render as nothing.
    pub fn compile(
        source: &Spanned<String>,
        place: &TemplatePlace<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let resolver = Resolver { place, refused: RefCell::new(None) };
        match Template::compile(&source.value, &CompileOptions { secrets: &resolver }) {
            Ok(template) => {
                warn_about_names(&template, source, place, diagnostics);
                for warning in template.warnings() {
                    let position = warning.position;
                    diagnostics.push(Diagnostic::warning(
                        Code::SuspiciousTemplate,
                        format!("template of {}: {}", place.used_for, warning.message),
                        &source.place_within(position.line, position.column),
                    ));
                }
                Some(Self { template: Arc::new(template), has_told_missing: Arc::default() })
            }
            Err(error) => {
                let at = source.place_within(error.line, error.column);
                if let Some(refused) = resolver.refused.into_inner() {
                    refused.report_in_template(&at, &format!("template of {}", place.used_for), diagnostics);
                    return None;
                }
                let headline = format!("template of {} does not parse: {}", place.used_for, error.message);
                let mut diagnostic =
                    Diagnostic::error(Code::BadTemplate, headline, &at).expected("a Go template");
                diagnostic.hint = error.hint;
                diagnostics.push(diagnostic);
                None
            }
        }
    }

    /// Whether the template may look into the request's body, which must be read before it is rendered.
    #[must_use]
    pub fn reads_body(&self) -> bool {
        self.template.reads("Request") && self.template.takes_step("Body")
    }

    /// Renders the template.
    ///
    /// # Errors
    ///
    /// A [`TemplateError`]: the request is refused. It holds no value of the data.
    pub fn render(&self, data: &TemplateData, now: UnixTime) -> Result<RenderedText, TemplateError> {
        let now = Time::from_unix(now.as_seconds(), 0).ok_or(TemplateError::Clock)?;
        let options = RenderOptions { random: &fill_random, ..RenderOptions::at(now) };
        let rendered = self.template.render_with_report(&data.to_value(), &options)?;
        let first = rendered.missing.first().filter(|_| !self.has_told_missing.swap(true, Ordering::Relaxed));
        Ok(RenderedText { missing_value: first.map(ToString::to_string), text: rendered.text })
    }
}

/// Why a template gives no text for a request.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TemplateError {
    /// The template fails with this request's data.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// The time can not be written as a date.
    #[error("the clock is out of range")]
    Clock,
}

/// What one rendering reads.
#[derive(Debug, Clone, Default)]
pub struct TemplateData {
    names: BTreeMap<&'static str, Value>,
}

impl TemplateData {
    /// `.Request`, `.Subject`, `.Outputs` and `.Results` of a request.
    #[must_use]
    pub fn new(request: &Arc<Request>, subject: &Subject, outputs: &Outputs) -> Self {
        let results = objects::results(outputs);
        let outputs = outputs.payloads().iter().map(|(id, output)| (id.as_str(), Value::from(output)));
        Self {
            names: BTreeMap::from([
                ("Request", objects::request(request)),
                ("Subject", objects::subject(subject)),
                ("Outputs", Value::from(Map::new(outputs))),
                ("Results", results),
            ]),
        }
    }

    /// `.Request` alone, for what runs without a subject.
    #[must_use]
    pub fn of_request(request: &Arc<Request>) -> Self {
        Self { names: BTreeMap::from([("Request", objects::request(request))]) }
    }

    /// `.TokenIssuer` alone.
    #[must_use]
    pub fn of_token_issuer(issuer: &str) -> Self {
        Self { names: BTreeMap::from([("TokenIssuer", Value::from(issuer))]) }
    }

    /// The data with `.Values`.
    #[must_use]
    pub fn with_values(mut self, values: &BTreeMap<String, String>) -> Self {
        let values = values.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        self.names.insert("Values", Value::from(Map::of_strings(values)));
        self
    }

    /// Nothing but one text under this name: `.TokenIssuer`, `.AuthenticationData`.
    #[must_use]
    pub fn of_text(name: &'static str, text: &str) -> Self {
        Self { names: BTreeMap::from([(name, Value::from(text))]) }
    }

    /// The dot of a template.
    fn to_value(&self) -> Value {
        Value::from(Map::new(self.names.iter().map(|(name, value)| (*name, value.clone()))))
    }
}

/// Gives `secret` its values and remembers why one was refused.
struct Resolver<'a> {
    place: &'a TemplatePlace<'a>,
    refused: RefCell<Option<SecretError>>,
}

impl SecretResolver for Resolver<'_> {
    fn resolve(&self, source: &str, selector: &str) -> Result<SecretValue, String> {
        self.place.secrets.text(source, selector, self.place.in_rule).map(SecretValue::from).map_err(
            |error| {
                let message = format!("secret \"{source}\" \"{selector}\": {error}");
                *self.refused.borrow_mut() = Some(error);
                message
            },
        )
    }
}

fn warn_about_names(
    template: &Template,
    source: &Spanned<String>,
    place: &TemplatePlace<'_>,
    diagnostics: &mut Diagnostics,
) {
    for name in template.top_level_names() {
        if !place.offered.contains(&name.as_str()) {
            let offered: Vec<String> = place.offered.iter().map(|name| format!(".{name}")).collect();
            let near = did_you_mean(name, place.offered.iter().copied()).map(|near| format!(".{near}"));
            diagnostics.push(
                Diagnostic::warning(
                    Code::TemplateReadsUnknown,
                    format!("template of {} reads `.{name}`, which is not offered here", place.used_for),
                    &source.place,
                )
                .expected(format!("one of {}", offered.join(", ")))
                .did_you_mean(near.as_deref()),
            );
        }
    }
}

fn fill_random(bytes: &mut [u8]) -> bool {
    for chunk in bytes.chunks_mut(32) {
        let random = crypto::random::<32>();
        for (byte, random) in chunk.iter_mut().zip(random) {
            *byte = random;
        }
    }
    true
}

#[cfg(test)]
mod tests;
