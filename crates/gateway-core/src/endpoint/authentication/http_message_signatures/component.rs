//! Components that a signature covers (RFC 9421 §2): fields of the message, and what is derived from it.

use bytes::Bytes;
use http::{HeaderName, Request, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::CONTENT_DIGEST;
use crate::document::{Code, Diagnostic, Diagnostics, KeyPath, Spanned, did_you_mean};

/// What a form leaves alone, as the URL standard has it: §2.2.8 asks for it.
const QUERY_PARAMETER: &AsciiSet = &NON_ALPHANUMERIC.remove(b'*').remove(b'-').remove(b'.').remove(b'_');

/// A component of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Component {
    /// A header field, all its lines.
    Field(HeaderName),
    /// `@method`
    Method,
    /// `@target-uri`
    TargetUri,
    /// `@authority`
    Authority,
    /// `@scheme`
    Scheme,
    /// `@request-target`
    RequestTarget,
    /// `@path`
    Path,
    /// `@query`
    Query,
    /// `@query-param;name="…"`, the name escaped.
    QueryParameter(String),
}

const DERIVED: [(&str, Component); 7] = [
    ("@method", Component::Method),
    ("@target-uri", Component::TargetUri),
    ("@authority", Component::Authority),
    ("@scheme", Component::Scheme),
    ("@request-target", Component::RequestTarget),
    ("@path", Component::Path),
    ("@query", Component::Query),
];

impl Component {
    /// Reads a component of the configuration: a derived one, `@query-param;name="x"`, or the name of a header.
    pub(super) fn read(
        text: &Spanned<String>,
        path: &KeyPath,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let name = text.value.trim();
        if let Some((_, component)) = DERIVED.iter().find(|(known, _)| *known == name) {
            return Some(component.clone());
        }
        if let Some(parameter) = query_parameter(name) {
            return Some(Self::QueryParameter(parameter));
        }
        let field = HeaderName::from_bytes(name.as_bytes()).ok().filter(|_| !name.starts_with('@'));
        if field.is_none() {
            let known = DERIVED.iter().map(|(known, _)| *known);
            diagnostics.push(
                Diagnostic::error(
                    Code::NotOneOf,
                    format!("`{path}` is no component of a request"),
                    &text.place,
                )
                .found(name)
                .expected(format!(
                    "a header name, {}, or @query-param;name=\"…\"",
                    known.clone().collect::<Vec<_>>().join(", ")
                ))
                .did_you_mean(did_you_mean(name, known)),
            );
        }
        field.map(Self::Field)
    }

    /// The component's identifier as it stands in the signature base.
    pub(super) fn identifier(&self) -> String {
        match self {
            Self::Field(name) => format!("\"{name}\""),
            Self::QueryParameter(name) => format!("\"@query-param\";name=\"{name}\""),
            derived => {
                let name = DERIVED.iter().find(|(_, known)| known == derived).map_or("", |(name, _)| name);
                format!("\"{name}\"")
            }
        }
    }

    pub(super) fn is_content_digest(&self) -> bool {
        matches!(self, Self::Field(name) if *name == CONTENT_DIGEST)
    }

    /// The component's value in a request.
    ///
    /// # Errors
    ///
    /// The text says what the request does not have.
    pub(super) fn value(&self, request: &Request<Bytes>) -> Result<String, String> {
        let uri = request.uri();
        match self {
            Self::Field(name) => field(request, name),
            Self::Method => Ok(request.method().as_str().to_owned()),
            Self::TargetUri => Ok(uri.to_string()),
            Self::Authority => authority(uri).ok_or_else(|| "its URL has no host".to_owned()),
            Self::Scheme => Ok(uri.scheme_str().unwrap_or_default().to_ascii_lowercase()),
            Self::RequestTarget => {
                Ok(uri.path_and_query().map_or_else(|| "/".to_owned(), |target| target.as_str().to_owned()))
            }
            Self::Path => Ok(uri.path().to_owned()),
            Self::Query => Ok(format!("?{}", uri.query().unwrap_or_default())),
            Self::QueryParameter(name) => query_value(uri, name),
        }
    }
}

/// §2.1: lines joined with comma and blank, each without blanks around it.
fn field(request: &Request<Bytes>, name: &HeaderName) -> Result<String, String> {
    let lines: Vec<&str> = request
        .headers()
        .get_all(name)
        .iter()
        .map(|line| line.to_str().map(str::trim))
        .collect::<Result<_, _>>()
        .map_err(|_| format!("header `{name}` is not ASCII"))?;
    if lines.is_empty() {
        return Err(format!("it has no header `{name}`"));
    }
    Ok(lines.join(", "))
}

/// §2.2.3: lower case, without the default port.
fn authority(uri: &Uri) -> Option<String> {
    let authority = uri.authority()?;
    let host = authority.host().to_ascii_lowercase();
    let default = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    match authority.port_u16() {
        Some(port) if port != default => Some(format!("{host}:{port}")),
        Some(_) | None => Some(host),
    }
}

/// §2.2.8: a parameter that occurs several times can not be covered.
fn query_value(uri: &Uri, wanted: &str) -> Result<String, String> {
    let pairs = uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    let mut values = pairs.filter_map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (normal(name) == wanted).then(|| normal(value))
    });
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(value),
        (Some(_), Some(_)) => Err(format!("it has the query parameter `{wanted}` twice")),
        (None, _) => Err(format!("it has no query parameter `{wanted}`")),
    }
}

fn query_parameter(text: &str) -> Option<String> {
    let rest = text.strip_prefix("@query-param;")?.trim_start();
    let name = rest.strip_prefix("name=\"")?.strip_suffix('"')?;
    (!name.is_empty() && !name.contains(['"', '\\'])).then(|| normal(name))
}

/// Decoded as a form, and escaped anew.
fn normal(text: &str) -> String {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8_lossy();
    utf8_percent_encode(&decoded, QUERY_PARAMETER).to_string()
}
