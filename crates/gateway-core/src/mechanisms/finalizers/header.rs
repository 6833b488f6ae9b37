//! `header`: header fields from templates.
//!
//! ```yaml
//! - id: user_header
//!   type: header
//!   config:
//!     headers:
//!       X-User: "{{ .Subject.ID }}"
//! ```

use std::{collections::BTreeMap, future::ready};

use http::{HeaderName, HeaderValue};

use crate::{
    decision::UpstreamChanges,
    document::{Code, Decode, Diagnostic, Diagnostics, KeyPath, MapReader, Node, Spanned, schema::Template},
    mechanisms::{
        BuildContext, Mechanism,
        finalizers::{Finalize, fields},
        step::{Failure, StepFuture, StepInput},
    },
    template::BoundTemplate,
};

/// Sets header fields of the forwarded request.
#[derive(Debug, Clone)]
pub struct Header {
    headers: Vec<(HeaderName, BoundTemplate)>,
}

/// Settings of `header`, in the catalogue and in a step alike: a step replaces them as a whole.
#[derive(Debug, Clone, schemars::JsonSchema)]
pub struct HeaderConfig {
    /// The header fields to set: names and templates. Each line of what a template gives is one value; a template that
    /// gives nothing takes the client's field away.
    #[schemars(with = "BTreeMap<String, Template>")]
    pub headers: Vec<(Spanned<String>, Spanned<String>)>,
}

impl Decode for HeaderConfig {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let headers = reader.required("headers");
        reader.finish();
        Some(Self { headers: headers? })
    }
}

impl Mechanism for Header {
    const TYPE: &'static str = "header";
    const OVERRIDABLE: &'static [&'static str] = &["headers"];
    type Config = HeaderConfig;
    type Override = HeaderConfig;

    fn build(
        config: HeaderConfig,
        context: &BuildContext<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let headers =
            fields::compile(&config.headers, ("header", "headers"), header_name, context, diagnostics)?;
        Some(Self { headers })
    }

    fn with_override(
        &self,
        change: HeaderConfig,
        context: &BuildContext<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        Self::build(change, context, diagnostics)
    }
}

/// Reads the name of a header field that is set; fields that frame the message are not for templates to change.
pub(in crate::mechanisms) fn header_name(
    name: &Spanned<String>,
    path: &KeyPath,
    diagnostics: &mut Diagnostics,
) -> Option<HeaderName> {
    const FRAMING: [&str; 8] = [
        "connection",
        "content-length",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    let parsed = HeaderName::from_bytes(name.value.as_bytes());
    match parsed {
        Ok(parsed) if !FRAMING.contains(&parsed.as_str()) => Some(parsed),
        Ok(_) => {
            diagnostics.push(
                Diagnostic::error(
                    Code::NotOneOf,
                    format!("`{path}` sets `{}`, which frames the message", name.value),
                    &name.place,
                )
                .found(name.value.as_str())
                .expected("a header that is not about the connection"),
            );
            None
        }
        Err(_) => {
            diagnostics.push(
                Diagnostic::error(
                    Code::WrongType,
                    format!("`{path}` has a key that is not a header name"),
                    &name.place,
                )
                .found(name.value.as_str())
                .expected("a header name such as `X-User`"),
            );
            None
        }
    }
}

impl Header {
    fn write(&self, input: &StepInput<'_>, changes: &mut UpstreamChanges) -> Result<(), Failure> {
        let data = input.template_data();
        for (name, template) in &self.headers {
            let text = input.render(template, &data, &format!("header `{name}`"))?;
            let values = header_values(name, &text)?;
            if values.is_empty() && !changes.sets(name) {
                // Nothing is sent, and least of all what the client put there.
                changes.remove_header(name.clone());
            }
            changes.set_header(name, values);
        }
        Ok(())
    }
}

/// One value for each line that is not empty.
pub(in crate::mechanisms) fn header_values(
    name: &HeaderName,
    text: &str,
) -> Result<Vec<HeaderValue>, Failure> {
    text.split('\n')
        .map(|line| line.trim_matches([' ', '\t']))
        .filter(|line| !line.is_empty())
        .map(|line| {
            let is_text = !line.chars().any(|character| character.is_control() && character != '\t');
            let value = HeaderValue::from_str(line).ok().filter(|_| is_text);
            value.ok_or_else(|| {
                Failure::internal(
                    "bad_header_value",
                    format!("the value of header `{name}` has characters that a header can not hold"),
                )
            })
        })
        .collect()
}

impl Finalize for Header {
    fn finalize<'a>(
        &'a self,
        input: &'a StepInput<'a>,
        changes: &'a mut UpstreamChanges,
    ) -> StepFuture<'a, Result<(), Failure>> {
        Box::pin(ready(self.write(input, changes)))
    }

    fn reads_body(&self) -> bool {
        self.headers.iter().any(|(_, template)| template.reads_body())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_value_and_nothing_is_no_value() {
        let name = HeaderName::from_static("x-role");
        assert_eq!(header_values(&name, " a \n\nb\n").unwrap(), ["a", "b"]);
        assert!(header_values(&name, " \n").unwrap().is_empty());
    }

    #[test]
    fn control_characters_are_an_error() {
        let name = HeaderName::from_static("x-role");
        for text in ["a\rb", "a\r\n", "a\0", "\u{7f}", "\u{85}"] {
            assert!(header_values(&name, text).is_err(), "{text:?}");
        }
        assert_eq!(header_values(&name, "ü").unwrap().len(), 1);
    }
}
