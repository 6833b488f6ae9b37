//! `jwt_source`: where a request's token is looked for.
//!
//! Without the key it is `Authorization` with the schemes `DPoP` and `Bearer`. Tokens in cookies, queries and bodies are
//! not looked for: a token in the query is no credential here.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::document::{
    Code, Decode, Diagnostic, Diagnostics, KeyPath, MapReader, Node, Spanned, decode_sequence,
};

/// The sources in order; the first that yields a value wins.
#[derive(Debug, Clone)]
pub(in crate::mechanisms::authenticators) struct TokenSources {
    headers: Vec<HeaderSource>,
}

/// A header field, its value behind `scheme` if there is one.
#[derive(Debug, Clone)]
struct HeaderSource {
    name: HeaderName,
    scheme: Option<String>,
}

impl Default for TokenSources {
    fn default() -> Self {
        let authorization =
            |scheme: &str| HeaderSource { name: header::AUTHORIZATION, scheme: Some(scheme.to_owned()) };
        Self { headers: vec![authorization("Bearer"), authorization("DPoP")] }
    }
}

impl TokenSources {
    /// The headers as the verifier reads them: it knows `Authorization` only. Whatever header a token came in, it stands
    /// there; without a token from any source nothing does.
    pub(in crate::mechanisms::authenticators) fn present<'r>(
        &self,
        headers: &'r HeaderMap,
    ) -> Cow<'r, HeaderMap> {
        for source in &self.headers {
            let mut values = headers.get_all(&source.name).iter();
            let Some(first) = values.next() else { continue };
            if source.name == header::AUTHORIZATION && source.is_token_scheme() {
                // Several lines and malformed credentials of a listed scheme are the verifier's to refuse.
                if values.next().is_some() || source.scheme_fits(first) {
                    return Cow::Borrowed(headers);
                }
                continue;
            }
            let Some(token) = source.token_in(first) else { continue };
            let mut replaced = headers.clone();
            replaced.remove(header::AUTHORIZATION);
            // A header that occurs twice becomes two credentials, which are refused.
            for value in std::iter::once(token).chain(values.filter_map(|value| source.token_in(value))) {
                let mut credentials = source.presented_scheme().as_bytes().to_vec();
                credentials.push(b' ');
                credentials.extend_from_slice(value);
                if let Ok(value) = HeaderValue::from_bytes(&credentials) {
                    replaced.append(header::AUTHORIZATION, value);
                }
            }
            return Cow::Owned(replaced);
        }
        if !headers.contains_key(header::AUTHORIZATION) {
            return Cow::Borrowed(headers);
        }
        let mut without = headers.clone();
        without.remove(header::AUTHORIZATION);
        Cow::Owned(without)
    }
}

impl HeaderSource {
    fn is_token_scheme(&self) -> bool {
        self.scheme.as_deref().is_some_and(|scheme| {
            scheme.eq_ignore_ascii_case("DPoP") || scheme.eq_ignore_ascii_case("Bearer")
        })
    }

    /// The scheme under which the verifier sees the token.
    fn presented_scheme(&self) -> &'static str {
        match self.scheme.as_deref() {
            Some(scheme) if scheme.eq_ignore_ascii_case("DPoP") => "DPoP",
            Some(_) | None => "Bearer",
        }
    }

    /// Whether the value starts with the scheme, in any case, and ends there or goes on with something else than a letter
    /// of a scheme's name.
    fn scheme_fits(&self, value: &HeaderValue) -> bool {
        let Some(scheme) = &self.scheme else { return true };
        let word = value.as_bytes().split(|byte| matches!(byte, b' ' | b'\t')).next().unwrap_or_default();
        word.eq_ignore_ascii_case(scheme.as_bytes())
    }

    fn token_in<'v>(&self, value: &'v HeaderValue) -> Option<&'v [u8]> {
        let Some(scheme) = &self.scheme else {
            return Some(value.as_bytes().trim_ascii()).filter(|token| !token.is_empty());
        };
        let (word, rest) = value.as_bytes().split_at_checked(scheme.len())?;
        let is_separated = rest.first() == Some(&b' ');
        (word.eq_ignore_ascii_case(scheme.as_bytes()) && is_separated).then(|| rest.trim_ascii_start())
    }
}

impl Decode for TokenSources {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let headers = decode_sequence(node, path, diagnostics, decode_source)?;
        if headers.is_empty() {
            diagnostics.push(
                Diagnostic::error(Code::OutOfRange, format!("`{path}` is empty"), &node.place)
                    .expected("at least one source"),
            );
            return None;
        }
        Some(Self { headers })
    }
}

fn decode_source(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<HeaderSource> {
    let mut reader = MapReader::new(node, path, diagnostics)?;
    let header = reader.optional::<Spanned<String>>("header");
    let scheme = reader.optional::<String>("scheme").filter(|scheme| !scheme.is_empty());
    let meanwhile = "send tokens in a header; tokens in other places are not looked for yet";
    let mut is_later = false;
    for key in ["cookie", "query_parameter", "body_parameter"] {
        is_later |= reader.has(key);
        reader.not_supported_yet(key, meanwhile);
    }
    if header.is_none() && !is_later && !reader.has("header") {
        reader.report_missing("header");
    }
    reader.finish();
    let header = header?;
    match HeaderName::from_bytes(header.value.as_bytes()) {
        Ok(name) => Some(HeaderSource { name, scheme }),
        Err(_) => {
            diagnostics.push(
                Diagnostic::error(
                    Code::WrongType,
                    format!("`{}` is not a header name", path.key("header")),
                    &header.place,
                )
                .found(header.value.as_str())
                .expected("a header name such as `Authorization`"),
            );
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presented(sources: &TokenSources, name: &'static str, value: &'static str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_static(value));
        let presented = sources.present(&headers);
        presented.get("authorization").map(|value| value.to_str().unwrap().to_owned())
    }

    fn sources(entries: &[(&'static str, Option<&str>)]) -> TokenSources {
        let headers = entries.iter().map(|(name, scheme)| HeaderSource {
            name: HeaderName::from_static(name),
            scheme: scheme.map(str::to_owned),
        });
        TokenSources { headers: headers.collect() }
    }

    #[test]
    fn by_default_the_authorization_header_counts_in_any_case() {
        let default = TokenSources::default();
        assert_eq!(presented(&default, "authorization", "dpop x").as_deref(), Some("dpop x"));
        assert_eq!(presented(&default, "authorization", "Bearer x").as_deref(), Some("Bearer x"));
        assert_eq!(presented(&default, "authorization", "DPoP").as_deref(), Some("DPoP"));
        assert_eq!(presented(&default, "authorization", "Basic x"), None);
    }

    #[test]
    fn only_listed_schemes_count() {
        let dpop_only = sources(&[("authorization", Some("DPoP"))]);
        assert_eq!(presented(&dpop_only, "authorization", "Bearer x"), None);
        assert_eq!(presented(&dpop_only, "authorization", "DPoP x").as_deref(), Some("DPoP x"));
    }

    #[test]
    fn a_token_in_another_header_is_a_bearer_token_unless_its_scheme_is_dpop() {
        let other = sources(&[("x-token", None)]);
        assert_eq!(presented(&other, "x-token", "abc").as_deref(), Some("Bearer abc"));
        let other = sources(&[("x-token", Some("Token"))]);
        assert_eq!(presented(&other, "x-token", "token  abc").as_deref(), Some("Bearer abc"));
        let other = sources(&[("x-token", Some("dpop"))]);
        assert_eq!(presented(&other, "x-token", "DPoP abc").as_deref(), Some("DPoP abc"));
        assert_eq!(presented(&other, "authorization", "DPoP abc"), None);
    }
}
