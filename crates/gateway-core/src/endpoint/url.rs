//! The URL of an endpoint: fixed, or a template whose result is looked at before it is called.
//!
//! A template may put what a request brought into a URL. Go's client escapes blanks and other letters there, and so do we;
//! what would lead somewhere else than the configuration says is refused: another host than the written one, dot segments,
//! fragments, user names.

use http::Uri;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::{EndpointContext, EndpointError};
use crate::{
    document::{Code, Diagnostic, Diagnostics, Spanned},
    template::BoundTemplate,
};

/// What can not stand in a URL by itself; `%` can, for what templates escaped already.
const UNSAFE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// A URL, or how to get one.
#[derive(Debug, Clone)]
pub(super) enum UrlTemplate {
    /// Every call goes there.
    Fixed(Uri),
    /// Rendered for each call.
    Template {
        template: BoundTemplate,
        /// The authority, where it stands before any template action.
        authority: Option<String>,
    },
}

impl UrlTemplate {
    /// Checks and compiles the URL; `None` after an error was reported.
    pub(super) fn build(
        url: &Spanned<String>,
        context: &EndpointContext<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let path = context.path.key("url");
        if !context.allows_plain_http
            && url.value.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("http:"))
        {
            diagnostics.push(
                Diagnostic::error(
                    Code::PlainHttpEndpoint,
                    format!("`{}` is called over plain http", context.path),
                    &url.place,
                )
                .expected("https")
                .hint("for local tests only: `--insecure-skip-egress-tls-enforcement`"),
            );
        }
        if !url.value.contains("{{") {
            return match parse(&url.value) {
                Ok(uri) => Some(Self::Fixed(uri)),
                Err(why) => {
                    // The URL is not shown: it may hold a password.
                    diagnostics.push(
                        Diagnostic::error(Code::WrongType, format!("`{path}` {why}"), &url.place)
                            .expected("an absolute URL without user name and fragment")
                            .hint("credentials belong into `auth`"),
                    );
                    None
                }
            };
        }
        let template = BoundTemplate::compile(url, &context.template_place("`url`"), diagnostics)?;
        let behind_scheme = url.value.split_once("://").map_or("", |(_, rest)| rest);
        let written = behind_scheme.split("{{").next().unwrap_or_default();
        let authority =
            written.find(['/', '?']).and_then(|end| written.get(..end)).map(str::to_ascii_lowercase);
        Some(Self::Template { template, authority })
    }

    pub(super) fn fixed(&self) -> Option<&Uri> {
        match self {
            Self::Fixed(uri) => Some(uri),
            Self::Template { .. } => None,
        }
    }

    pub(super) fn reads_body(&self) -> bool {
        match self {
            Self::Fixed(_) => false,
            Self::Template { template, .. } => template.reads_body(),
        }
    }

    /// The URL of one call.
    pub(super) fn render(
        &self,
        render: &mut impl FnMut(&BoundTemplate, &str) -> Result<String, EndpointError>,
    ) -> Result<Uri, EndpointError> {
        let (template, authority) = match self {
            Self::Fixed(uri) => return Ok(uri.clone()),
            Self::Template { template, authority } => (template, authority),
        };
        let text = render(template, "`url`")?;
        let uri = parse(text.trim()).map_err(EndpointError::Url)?;
        let has_other_authority = authority.as_ref().is_some_and(|written| {
            !uri.authority().is_some_and(|rendered| rendered.as_str().eq_ignore_ascii_case(written))
        });
        if has_other_authority {
            return Err(EndpointError::Url("leads to another host than the written one"));
        }
        if uri.path().split('/').any(is_dot_segment) {
            return Err(EndpointError::Url("has dot segments; escape values with `urlenc`"));
        }
        Ok(uri)
    }
}

/// `.` and `..`, also escaped.
fn is_dot_segment(segment: &str) -> bool {
    let plain = segment.to_ascii_lowercase().replace("%2e", ".");
    plain == "." || plain == ".."
}

/// An absolute `http` or `https` URI; characters that can not stand in one are escaped.
fn parse(text: &str) -> Result<Uri, &'static str> {
    if text.chars().any(char::is_control) {
        return Err("has control characters");
    }
    if text.contains('#') {
        return Err("has a fragment");
    }
    let escaped = utf8_percent_encode(text, UNSAFE).to_string();
    let uri: Uri = escaped.parse().map_err(|_| "is not a URL")?;
    let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
    let Some(authority) = uri.authority().filter(|authority| is_http && !authority.host().is_empty()) else {
        return Err("is not an absolute http or https URL");
    };
    if authority.as_str().contains('@') {
        return Err("holds a user name");
    }
    Ok(uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&str, &str>) {
        assert_eq!(parse(text).map(|uri| uri.to_string()), expected.map(str::to_owned), "{text}");
    }

    #[test]
    fn escapes_what_can_not_stand_in_a_url() {
        check("https://a.example/x y/ü?q=a|b", Ok("https://a.example/x%20y/%C3%BC?q=a%7Cb"));
        check("https://a.example/a%20b", Ok("https://a.example/a%20b"));
        check("HTTPS://A.example:8443/", Ok("https://A.example:8443/"));
        check("https://a.example", Ok("https://a.example/"));
    }

    #[test]
    fn refuses_what_leads_elsewhere() {
        check("https://user:pw@a.example/", Err("holds a user name"));
        check("https://a.example/#x", Err("has a fragment"));
        check("https://a.example/\n", Err("has control characters"));
        check("ftp://a.example/", Err("is not an absolute http or https URL"));
        check("/x", Err("is not an absolute http or https URL"));
        check("https:///x", Err("is not a URL"));
    }

    #[test]
    fn knows_dot_segments_in_every_spelling() {
        for segment in [".", "..", "%2e", "%2E.", ".%2e"] {
            assert!(is_dot_segment(segment), "{segment}");
        }
        for segment in ["", "...", "a.", "%2f"] {
            assert!(!is_dot_segment(segment), "{segment}");
        }
    }
}
