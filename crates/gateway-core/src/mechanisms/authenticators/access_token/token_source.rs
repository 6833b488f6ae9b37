//! `jwt_source`, `token_source`: where a request's token is looked for.
//!
//! Without the key: `Authorization` with the schemes `Bearer` and `DPoP`, the query parameter and the form field
//! `access_token`. A token that does not come in a header is a bearer token, and where bearer tokens are not accepted it is
//! not looked for. The body is read last, and only if it is a small form.

mod body;
mod header;
mod query;

use http::{HeaderMap, HeaderName, header::COOKIE};
use oauth::{AccessToken, Credentials, CredentialsError, Scheme};

use self::header::HeaderSource;
use crate::{
    document::{Code, Decode, Diagnostic, Diagnostics, KeyPath, MapReader, Node, Spanned, decode_sequence},
    mechanisms::step::Failure,
    request::Request,
};

/// The name that RFC 6750 gives the query parameter and the form field.
const ACCESS_TOKEN: &str = "access_token";

/// The sources in order; the first that yields a value wins.
#[derive(Debug, Clone)]
pub(in crate::mechanisms::authenticators) struct TokenSources(Vec<Source>);

#[derive(Debug, Clone)]
enum Source {
    Header(HeaderSource),
    Cookie(String),
    Query(String),
    Body(String),
}

/// What was found.
#[derive(Debug)]
pub(in crate::mechanisms::authenticators) enum Found {
    /// No token anywhere.
    Nothing,
    /// A token.
    Token {
        credentials: Credentials,
        /// Whether it came in `Authorization`.
        in_authorization: bool,
    },
    /// Something that is no token, or several.
    Malformed(CredentialsError),
    /// A token in the query beside one in a header, or beside a proof (RFC 6750 §2).
    SeveralTransports,
    /// The body can not be read.
    Failed(Failure),
}

impl Default for TokenSources {
    fn default() -> Self {
        Self(vec![
            Source::Header(HeaderSource::authorization(Scheme::Bearer)),
            Source::Header(HeaderSource::authorization(Scheme::Dpop)),
            Source::Query(ACCESS_TOKEN.to_owned()),
            Source::Body(ACCESS_TOKEN.to_owned()),
        ])
    }
}

impl TokenSources {
    /// Looks for the request's token. With `in_headers_only` other places are not searched: what is there could not be
    /// accepted.
    pub(in crate::mechanisms::authenticators) async fn find(
        &self,
        request: &Request,
        in_headers_only: bool,
    ) -> Found {
        let has_header_credentials = request.headers.contains_key(http::header::AUTHORIZATION)
            || request.headers.contains_key(dpop::DPOP);
        if has_header_credentials && self.query_names().any(|name| query::has(request.uri.query(), name)) {
            return Found::SeveralTransports;
        }
        let mut body_fields = Vec::new();
        for source in &self.0 {
            let found = match source {
                Source::Header(source) => source.find(&request.headers),
                Source::Cookie(_) | Source::Query(_) | Source::Body(_) if in_headers_only => continue,
                Source::Cookie(name) => bearer(cookies(&request.headers, name)),
                Source::Query(name) => bearer(query::values(request.uri.query(), name)),
                Source::Body(name) => {
                    // Whatever its place in the list: no body is read for nothing.
                    body_fields.push(name.as_str());
                    continue;
                }
            };
            if !matches!(found, Found::Nothing) {
                return found;
            }
        }
        match body_fields.as_slice() {
            [] => Found::Nothing,
            fields => body::find(request, fields).await,
        }
    }

    /// A token in the query counts as a second one although it is not a source: somebody behind us may read it.
    fn query_names(&self) -> impl Iterator<Item = &str> {
        let configured = self.0.iter().filter_map(|source| match source {
            Source::Query(name) => Some(name.as_str()),
            Source::Header(_) | Source::Cookie(_) | Source::Body(_) => None,
        });
        std::iter::once(ACCESS_TOKEN).chain(configured)
    }
}

/// A bearer token out of the values of one source; several values are several tokens.
fn bearer(values: Vec<String>) -> Found {
    match values.as_slice() {
        [] => Found::Nothing,
        [token] => token_of(Scheme::Bearer, token, false),
        _ => Found::Malformed(CredentialsError::Several),
    }
}

fn token_of(scheme: Scheme, token: &str, in_authorization: bool) -> Found {
    match AccessToken::parse(token) {
        Ok(token) => Found::Token { credentials: Credentials { scheme, token }, in_authorization },
        Err(_) => Found::Malformed(CredentialsError::Malformed),
    }
}

/// The values of all cookies of that name (RFC 6265 §4.2.1); empty ones are none.
fn cookies(headers: &HeaderMap, name: &str) -> Vec<String> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let values = pairs.filter(|(key, _)| *key == name).map(|(_, value)| {
        let quoted = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        quoted.unwrap_or(value).to_owned()
    });
    values.filter(|value| !value.is_empty()).collect()
}

impl Decode for TokenSources {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let sources = decode_sequence(node, path, diagnostics, decode_source)?;
        if sources.is_empty() {
            diagnostics.push(
                Diagnostic::error(Code::OutOfRange, format!("`{path}` is empty"), &node.place)
                    .expected("at least one source"),
            );
            return None;
        }
        Some(Self(sources))
    }
}

const KINDS: [&str; 4] = ["header", "cookie", "query_parameter", "body_parameter"];

/// One source is one of the four kinds; `scheme` belongs to `header` only.
fn decode_source(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Source> {
    let mut reader = MapReader::new(node, path, diagnostics)?;
    let kinds: Vec<&str> = KINDS.into_iter().filter(|kind| reader.has(kind)).collect();
    let header = reader.optional::<Spanned<String>>("header");
    let cookie = reader.optional::<Spanned<String>>("cookie");
    let query = reader.optional::<Spanned<String>>("query_parameter");
    let body = reader.optional::<Spanned<String>>("body_parameter");
    let scheme = reader.optional::<String>("scheme").filter(|scheme| !scheme.is_empty());
    if let (Some(place), [kind]) = (reader.key_place("scheme"), kinds.as_slice())
        && *kind != "header"
    {
        let headline = format!("`{}` belongs to a header, and there is none", path.key("scheme"));
        reader.diagnostics().push(
            Diagnostic::error(Code::MutuallyExclusive, headline, place)
                .expected(format!("`{kind}` alone"))
                .hint("remove `scheme`"),
        );
    }
    match kinds.as_slice() {
        [] => reader.report_missing("header"),
        [_] => {}
        [first, others @ ..] => {
            let mut diagnostic = Diagnostic::error(
                Code::MutuallyExclusive,
                format!("`{path}` names several places: {}", kinds.join(", ")),
                reader.key_place(first).unwrap_or(reader.place()),
            )
            .expected("one of them in each source")
            .hint("write one source for each");
            for other in others.iter().filter_map(|other| reader.key_place(other)) {
                diagnostic = diagnostic.and_place(other);
            }
            reader.diagnostics().push(diagnostic);
        }
    }
    reader.finish();
    if kinds.len() != 1 {
        return None;
    }
    if let Some(header) = header {
        return match HeaderName::from_bytes(header.value.as_bytes()) {
            Ok(name) => Some(Source::Header(HeaderSource::new(name, scheme))),
            Err(_) => {
                report_name(
                    &header,
                    &path.key("header"),
                    "a header name such as `Authorization`",
                    diagnostics,
                );
                None
            }
        };
    }
    let named = |kind: &str, name: Spanned<String>, diagnostics: &mut Diagnostics| {
        if name.value.is_empty() {
            report_name(&name, &path.key(kind), "a name", diagnostics);
            return None;
        }
        Some(name.value)
    };
    match (cookie, query, body) {
        (Some(name), _, _) => named("cookie", name, diagnostics).map(Source::Cookie),
        (_, Some(name), _) => named("query_parameter", name, diagnostics).map(Source::Query),
        (_, _, Some(name)) => named("body_parameter", name, diagnostics).map(Source::Body),
        (None, None, None) => None,
    }
}

fn report_name(name: &Spanned<String>, path: &KeyPath, expected: &str, diagnostics: &mut Diagnostics) {
    diagnostics.push(
        Diagnostic::error(Code::WrongType, format!("`{path}` can not be looked for"), &name.place)
            .found(name.value.as_str())
            .expected(expected),
    );
}

#[cfg(test)]
mod tests;
