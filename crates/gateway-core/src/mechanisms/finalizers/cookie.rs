//! `cookie`: cookies from templates.
//!
//! ```yaml
//! - id: user_cookie
//!   type: cookie
//!   config:
//!     cookies:
//!       user: "{{ .Subject.ID }}"
//! ```
//!
//! The upstream gets each cookie instead of the client's cookie of that name; in decision mode each is a `Set-Cookie` of
//! the answer. A template that renders nothing sets an empty cookie: the client's own one never passes in its place.

use std::{collections::BTreeMap, future::ready};

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

/// Sets cookies of the forwarded request.
#[derive(Debug, Clone)]
pub struct Cookie {
    cookies: Vec<(String, BoundTemplate)>,
}

/// Settings of `cookie`, in the catalogue and in a step alike: a step replaces them as a whole.
#[derive(Debug, Clone, schemars::JsonSchema)]
pub struct CookieConfig {
    /// The cookies to set: names and templates. A value that a cookie can not hold (RFC 6265 §4.1.1) is an internal error.
    #[schemars(with = "BTreeMap<String, Template>")]
    pub cookies: Vec<(Spanned<String>, Spanned<String>)>,
}

impl Decode for CookieConfig {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let cookies = reader.required("cookies");
        reader.finish();
        Some(Self { cookies: cookies? })
    }
}

impl Mechanism for Cookie {
    const TYPE: &'static str = "cookie";
    const OVERRIDABLE: &'static [&'static str] = &["cookies"];
    type Config = CookieConfig;
    type Override = CookieConfig;

    fn build(
        config: CookieConfig,
        context: &BuildContext<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let cookies =
            fields::compile(&config.cookies, ("cookie", "cookies"), cookie_name, context, diagnostics)?;
        Some(Self { cookies })
    }

    fn with_override(
        &self,
        change: CookieConfig,
        context: &BuildContext<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        Self::build(change, context, diagnostics)
    }
}

/// A name is a token (RFC 6265 §4.1.1), as header names are, but with case.
fn cookie_name(name: &Spanned<String>, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<String> {
    if http::HeaderName::from_bytes(name.value.as_bytes()).is_ok() {
        return Some(name.value.clone());
    }
    diagnostics.push(
        Diagnostic::error(
            Code::WrongType,
            format!("`{path}` has a key that is not a cookie name"),
            &name.place,
        )
        .found(name.value.as_str())
        .expected("a cookie name such as `user`"),
    );
    None
}

impl Cookie {
    fn write(&self, input: &StepInput<'_>, changes: &mut UpstreamChanges) -> Result<(), Failure> {
        let data = input.template_data();
        for (name, template) in &self.cookies {
            let value = input.render(template, &data, &format!("cookie `{name}`"))?;
            let value = cookie_value(value.trim()).ok_or_else(|| {
                Failure::internal(
                    "bad_cookie_value",
                    format!("the value of cookie `{name}` has characters that a cookie can not hold"),
                )
            })?;
            changes.set_cookie(name, value);
        }
        Ok(())
    }
}

/// The value as it is sent: quoted if it has blanks or commas, as Go's HTTP library does. `None` if it has control
/// characters, quotation marks, semicolons, backslashes or anything that is not ASCII (RFC 6265 §4.1.1).
fn cookie_value(text: &str) -> Option<String> {
    let fits =
        text.bytes().all(|byte| (byte.is_ascii_graphic() || byte == b' ') && !b"\";\\".contains(&byte));
    let quoted = text.contains([' ', ',']);
    fits.then(|| if quoted { format!("\"{text}\"") } else { text.to_owned() })
}

impl Finalize for Cookie {
    fn finalize<'a>(
        &'a self,
        input: &'a StepInput<'a>,
        changes: &'a mut UpstreamChanges,
    ) -> StepFuture<'a, Result<(), Failure>> {
        Box::pin(ready(self.write(input, changes)))
    }

    fn reads_body(&self) -> bool {
        self.cookies.iter().any(|(_, template)| template.reads_body())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_hold_what_a_cookie_may() {
        let all = "aZ0!#$%&'()*+-./:<=>?@[]^_`{|}~";
        assert_eq!(cookie_value(all).as_deref(), Some(all));
        assert_eq!(cookie_value("a b,c").as_deref(), Some("\"a b,c\""));
        assert_eq!(cookie_value("").as_deref(), Some(""));
        for text in ["\"", ";", "\\", "\t", "\n", "a\rb", "\0", "\u{7f}", "ü"] {
            assert_eq!(cookie_value(text), None, "{text:?}");
        }
    }
}
