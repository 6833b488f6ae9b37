//! `redirect`: sends the client elsewhere, to a login page for example.
//!
//! ```yaml
//! - id: to_login
//!   type: redirect
//!   config:
//!     to: https://login.example.com/?origin={{ .Request.URL | urlenc }}
//!     code: 302
//! ```
//!
//! A step can not change it.

use http::{HeaderValue, StatusCode, header};

use crate::{
    denial::Denial,
    document::{Code, Decode, Diagnostic, Diagnostics, KeyPath, MapReader, Node, Spanned, schema::Template},
    mechanisms::{
        BuildContext, Mechanism, NoConfig,
        error_handlers::{HandleError, RefusalInput, without_body},
        step::Failure,
    },
    offered,
    template::{BoundTemplate, TemplatePlace},
};

/// Sends the client elsewhere.
#[derive(Debug, Clone)]
pub struct Redirect {
    to: BoundTemplate,
    code: StatusCode,
    allows_plain_http: bool,
}

/// Settings of `redirect` in the catalogue.
#[derive(Debug, Clone, schemars::JsonSchema)]
#[schemars(rename = "RedirectErrorHandler")]
pub struct RedirectConfig {
    /// A template that gives the target: an `https` URL (`http` only with a flag for local tests), or a path on the same
    /// origin. It sees `.Request`.
    #[schemars(with = "Template")]
    pub to: Spanned<String>,
    /// The status of the answer: 302, or 301 for good.
    #[schemars(with = "u16", extend("default" = 302, "enum" = [301, 302]))]
    pub code: StatusCode,
}

impl Decode for RedirectConfig {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let to = reader.required("to");
        let code = reader.optional::<Spanned<u16>>("code");
        let has_code = reader.has("code");
        let path = reader.path().key("code");
        let code = match code {
            Some(Spanned { value: 301, .. }) => Some(StatusCode::MOVED_PERMANENTLY),
            Some(Spanned { value: 302, .. }) => Some(StatusCode::FOUND),
            Some(other) => {
                reader.diagnostics().push(
                    Diagnostic::error(Code::NotOneOf, format!("`{path}` is no redirection"), &other.place)
                        .found(other.value.to_string())
                        .expected("302 or 301"),
                );
                None
            }
            None if has_code => None,
            None => Some(StatusCode::FOUND),
        };
        reader.finish();
        Some(Self { to: to?, code: code? })
    }
}

impl Mechanism for Redirect {
    const TYPE: &'static str = "redirect";
    const OVERRIDABLE: &'static [&'static str] = &[];
    type Config = RedirectConfig;
    type Override = NoConfig;

    fn build(
        config: RedirectConfig,
        context: &BuildContext<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let allows_plain_http = context.dependencies.plain_http_endpoints;
        let path = context.path.key("to");
        let place = TemplatePlace {
            used_for: &format!("`{path}`"),
            offered: offered::REDIRECT,
            secrets: &context.dependencies.secrets,
            in_rule: context.in_rule,
        };
        let to = BoundTemplate::compile(&config.to, &place, diagnostics);
        if !allows_plain_http && is_plain_http(&config.to.value) {
            diagnostics.push(
                Diagnostic::error(
                    Code::PlainHttpEndpoint,
                    format!("`{path}` sends clients to a page over plain http"),
                    &config.to.place,
                )
                .expected("an https URL")
                .hint("for local tests only: --insecure-skip-egress-tls-enforcement"),
            );
            return None;
        }
        Some(Self { to: to?, code: config.code, allows_plain_http })
    }

    fn with_override(&self, _: NoConfig, _: &BuildContext<'_>, _: &mut Diagnostics) -> Option<Self> {
        Some(self.clone())
    }
}

fn is_plain_http(target: &str) -> bool {
    target.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http:"))
}

/// An absolute http URL, or a path on the same origin. `//host` and other schemes are neither: a template that puts text of
/// the request in front must not send clients anywhere.
fn is_target(target: &str) -> bool {
    let is_web =
        |scheme: &str| target.get(..scheme.len()).is_some_and(|own| own.eq_ignore_ascii_case(scheme));
    let is_path = target.starts_with('/') && !target.starts_with("//") && !target.starts_with("/\\");
    is_web("https://") || is_web("http://") || is_path
}

impl HandleError for Redirect {
    fn handle(&self, failure: &Failure, input: &RefusalInput<'_>) -> Result<Denial, Failure> {
        let target = input.render(&self.to, &input.template_data(), "`to`")?;
        let target = target.trim();
        let is_allowed = is_target(target) && (self.allows_plain_http || !is_plain_http(target));
        let has_controls = target.chars().any(|character| character.is_control() || character == ' ');
        let location = HeaderValue::from_str(target).ok().filter(|_| is_allowed && !has_controls);
        let location = location.ok_or_else(|| {
            Failure::internal(
                "bad_redirect",
                "`to` gave neither an allowed URL nor a path on the same origin",
            )
        })?;
        let mut denial = without_body(failure, input);
        denial.headers.insert(header::LOCATION, location);
        denial.status = self.code;
        Ok(denial)
    }

    fn reads_body(&self) -> bool {
        self.to.reads_body()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_pages_and_paths_of_ours() {
        for good in ["https://login.example/", "HTTP://a", "/login", "/?a=//b"] {
            assert!(is_target(good), "{good}");
        }
        for bad in ["//evil.example", "/\\evil.example", "javascript:alert(1)", "login", "", "https:/x"] {
            assert!(!is_target(bad), "{bad}");
        }
    }
}
