//! `serve.respond`: status codes of answers, and the bodies of refusals.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::audit::Audit;
use crate::denial::{Denial, DenialKind};

/// `serve.respond` of the configuration. A status that is `None` keeps the usual one.
#[derive(Debug, Clone, Copy, Default)]
pub struct RespondSettings {
    /// Whether refusals carry a body that says what kind of refusal it is.
    pub verbose: bool,
    /// Status of accepted requests in decision mode.
    pub accepted: Option<StatusCode>,
    /// Status of [`DenialKind::Precondition`].
    pub precondition_error: Option<StatusCode>,
    /// Status of [`DenialKind::Authentication`].
    pub authentication_error: Option<StatusCode>,
    /// Status of [`DenialKind::Authorization`].
    pub authorization_error: Option<StatusCode>,
    /// Status of [`DenialKind::Communication`] and [`DenialKind::CommunicationTimeout`].
    pub communication_error: Option<StatusCode>,
    /// Status of [`DenialKind::Internal`].
    pub internal_error: Option<StatusCode>,
    /// Status of [`DenialKind::NoRule`].
    pub no_rule_error: Option<StatusCode>,
}

/// What a refusal says, before it has a form.
#[derive(Debug)]
pub struct RefusalText<'a> {
    /// The kind; decides status and codes.
    pub kind: DenialKind,
    /// See [`Denial::reason`].
    pub reason: &'static str,
    /// What a verbose body may tell the client: a text of ours or of the configuration, no input.
    pub public: &'a str,
    /// See [`Denial::detail`].
    pub detail: String,
}

impl RespondSettings {
    /// The status of an accepted request in decision mode.
    #[must_use]
    pub fn accepted_status(&self) -> StatusCode {
        self.accepted.unwrap_or(StatusCode::OK)
    }

    /// The status of a refusal. Bad requests, bodies that can not be read and a replay store that can not answer are not configurable.
    #[must_use]
    pub fn status(&self, kind: DenialKind) -> StatusCode {
        let configured = match kind {
            DenialKind::Authentication => self.authentication_error,
            DenialKind::Authorization => self.authorization_error,
            DenialKind::Precondition => self.precondition_error,
            DenialKind::NoRule => self.no_rule_error,
            DenialKind::Communication | DenialKind::CommunicationTimeout => self.communication_error,
            DenialKind::Internal => self.internal_error,
            DenialKind::BadRequest
            | DenialKind::PayloadTooLarge
            | DenialKind::RequestTimeout
            | DenialKind::ReplayStoreUnavailable => None,
        };
        configured.unwrap_or(kind.default_status())
    }

    /// The plain answer to a refusal: status by kind, `Cache-Control: no-store`, `Vary`, and with `verbose` a body in the
    /// first of our formats that the client accepts. Challenges are the caller's to add.
    #[must_use]
    pub fn denial(
        &self,
        rule_id: Option<&str>,
        text: RefusalText<'_>,
        request_headers: &HeaderMap,
    ) -> Denial {
        let mut headers = HeaderMap::new();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if text.kind == DenialKind::Authentication || text.kind == DenialKind::Authorization {
            headers.insert(header::VARY, HeaderValue::from_static("Authorization, DPoP"));
        }
        let mut body = Bytes::new();
        if self.verbose
            && text.kind != DenialKind::BadRequest
            && let Some(format) = BodyFormat::negotiate(request_headers)
        {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
            headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
            append_vary(&mut headers, &header::ACCEPT);
            body = Bytes::from(format.render(text.kind, text.public));
        }
        Denial {
            rule_id: rule_id.map(Arc::from),
            rule_set: None,
            audit: Audit::default(),
            status: self.status(text.kind),
            headers,
            body,
            kind: text.kind,
            reason: text.reason,
            detail: text.detail,
        }
    }
}

/// Adds a field name to `Vary`.
fn append_vary(headers: &mut HeaderMap, name: &HeaderName) {
    let mut vary =
        headers.get(header::VARY).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    if !vary.is_empty() {
        vary.push_str(", ");
    }
    vary.push_str(if *name == header::ACCEPT { "Accept" } else { name.as_str() });
    if let Ok(value) = HeaderValue::from_str(&vary) {
        headers.insert(header::VARY, value);
    }
}

/// The formats of a verbose body, in our order of preference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BodyFormat {
    Html,
    Json,
    Text,
    Xml,
}

impl BodyFormat {
    const ALL: [Self; 4] = [Self::Html, Self::Json, Self::Text, Self::Xml];

    /// RFC 9110 §12.5.1: the format with the highest weight, ours first among equals; without `Accept` any will do.
    fn negotiate(headers: &HeaderMap) -> Option<Self> {
        let mut ranges: Vec<(&str, f32)> = Vec::new();
        for line in headers.get_all(header::ACCEPT) {
            let line = line.to_str().ok()?;
            ranges.extend(line.split(',').filter_map(media_range));
        }
        if ranges.is_empty() {
            return Some(Self::Html);
        }
        let mut best: Option<(Self, f32)> = None;
        for format in Self::ALL {
            let weight = weight(&ranges, format.media_type());
            if weight > 0.0 && best.is_none_or(|(_, highest)| weight > highest) {
                best = Some((format, weight));
            }
        }
        best.map(|(format, _)| format)
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::Html => "text/html",
            Self::Json => "application/json",
            Self::Text => "text/plain",
            Self::Xml => "application/xml",
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Html => "text/html; charset=utf-8",
            Self::Json => "application/json",
            Self::Text => "text/plain; charset=utf-8",
            Self::Xml => "application/xml",
        }
    }

    fn render(self, kind: DenialKind, message: &str) -> String {
        let (title, code) = (kind.body_title(), kind.body_code());
        match self {
            Self::Html => format!("<p>{title}: {}</p>", escape_markup(message)),
            Self::Json => serde_json::json!({"code": code, "message": message}).to_string(),
            Self::Text => format!("{title}: {message}"),
            Self::Xml => {
                format!("<error><code>{code}</code><message>{}</message></error>", escape_markup(message))
            }
        }
    }
}

/// One element of `Accept`: media range and weight. Unreadable ones are left out.
fn media_range(element: &str) -> Option<(&str, f32)> {
    let mut parts = element.split(';').map(str::trim);
    let range = parts.next().filter(|range| range.contains('/'))?;
    let weight = parts
        .find_map(|parameter| parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q=")))
        .map_or(Some(1.0), |weight| {
            weight.parse::<f32>().ok().filter(|weight| (0.0..=1.0).contains(weight))
        })?;
    Some((range, weight))
}

/// The weight of a media type: that of the most specific range that covers it, 0 if none does.
fn weight(ranges: &[(&str, f32)], media_type: &str) -> f32 {
    let main = media_type.split('/').next().unwrap_or_default();
    let specificity = |range: &str| match range.split_once('/') {
        _ if range.eq_ignore_ascii_case(media_type) => 3,
        Some((kind, "*")) if kind.eq_ignore_ascii_case(main) => 2,
        Some(("*", "*")) => 1,
        _ => 0,
    };
    let mut best = (0, 0.0);
    for (range, weight) in ranges {
        let specificity = specificity(range);
        if specificity > best.0 {
            best = (specificity, *weight);
        }
    }
    best.1
}

/// Text as it may stand between HTML or XML tags.
fn escape_markup(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denied(settings: RespondSettings, kind: DenialKind, accept: Option<&'static str>) -> Denial {
        let mut headers = HeaderMap::new();
        if let Some(accept) = accept {
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        }
        let text =
            RefusalText { kind, reason: "test", public: "denied by <authenticator>", detail: String::new() };
        settings.denial(Some("r"), text, &headers)
    }

    #[test]
    fn negotiates_the_body_of_a_refusal() {
        let check = |accept: Option<&'static str>, expected: &str| {
            let settings = RespondSettings { verbose: true, ..RespondSettings::default() };
            let denial = denied(settings, DenialKind::Authentication, accept);
            assert_eq!(denial.body, expected.as_bytes(), "{accept:?}");
        };
        let html = "<p>authentication error: denied by &lt;authenticator&gt;</p>";
        let json = r#"{"code":"authenticationError","message":"denied by <authenticator>"}"#;
        check(None, html);
        check(Some("*/*"), html);
        check(Some("text/html"), html);
        check(Some("application/json"), json);
        check(Some("text/*;q=0.5, application/json;q=0.9"), json);
        check(Some("text/plain"), "authentication error: denied by <authenticator>");
        check(
            Some("application/xml"),
            "<error><code>authenticationError</code><message>denied by &lt;authenticator&gt;</message></error>",
        );
        check(Some("*/*, text/html;q=0"), json);
        check(Some("image/png"), "");
        check(Some("application/json;q=0"), "");
    }

    #[test]
    fn refusals_are_empty_and_uncacheable_by_default() {
        let denial = denied(RespondSettings::default(), DenialKind::Authorization, None);
        assert!(denial.body.is_empty());
        assert_eq!(denial.status, StatusCode::FORBIDDEN);
        assert_eq!(denial.headers["cache-control"], "no-store");
        assert_eq!(denial.headers["vary"], "Authorization, DPoP");
    }

    #[test]
    fn respond_with_changes_the_status_of_its_kind_only() {
        let teapot = Some(StatusCode::IM_A_TEAPOT);
        let settings =
            RespondSettings { communication_error: teapot, precondition_error: teapot, ..Default::default() };
        assert_eq!(settings.status(DenialKind::CommunicationTimeout), StatusCode::IM_A_TEAPOT);
        assert_eq!(settings.status(DenialKind::Precondition), StatusCode::IM_A_TEAPOT);
        assert_eq!(settings.status(DenialKind::BadRequest), StatusCode::BAD_REQUEST);
        assert_eq!(settings.status(DenialKind::ReplayStoreUnavailable), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(settings.status(DenialKind::Internal), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
