//! A token in a header field.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use oauth::{Credentials, CredentialsError, Scheme};

use super::{Found, token_of};

/// A header field, its value behind `scheme` if there is one.
#[derive(Debug, Clone)]
pub(super) struct HeaderSource {
    name: HeaderName,
    scheme: Option<String>,
}

impl HeaderSource {
    pub(super) fn new(name: HeaderName, scheme: Option<String>) -> Self {
        Self { name, scheme }
    }

    /// `Authorization` with this scheme.
    pub(super) fn authorization(scheme: Scheme) -> Self {
        Self::new(header::AUTHORIZATION, Some(scheme.as_str().to_owned()))
    }

    pub(super) fn find(&self, headers: &HeaderMap) -> Found {
        let mut lines = headers.get_all(&self.name).iter();
        let Some(line) = lines.next() else { return Found::Nothing };
        let is_authorization = self.name == header::AUTHORIZATION;
        if let Some(scheme) = self.token_scheme().filter(|_| is_authorization) {
            // Several lines are several credentials, whatever is in them (item R26).
            return match lines.next() {
                None => in_authorization(scheme, line),
                Some(_) => Found::Malformed(CredentialsError::Several),
            };
        }
        let Some(token) = self.token_in(line) else { return Found::Nothing };
        if lines.any(|line| self.token_in(line).is_some()) {
            return Found::Malformed(CredentialsError::Several);
        }
        // Without a scheme of ours the token is a bearer token.
        let scheme = self.token_scheme().unwrap_or(Scheme::Bearer);
        token_of(scheme, std::str::from_utf8(token).unwrap_or_default(), is_authorization)
    }

    fn token_scheme(&self) -> Option<Scheme> {
        self.scheme.as_deref()?.parse().ok()
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

/// The one line of `Authorization`, as every resource server reads it; another scheme is not ours.
fn in_authorization(scheme: Scheme, line: &HeaderValue) -> Found {
    let start = line.as_bytes().get(..scheme.as_str().len());
    if !start.is_some_and(|start| start.eq_ignore_ascii_case(scheme.as_str().as_bytes())) {
        return Found::Nothing;
    }
    match Credentials::parse(line.as_bytes()) {
        Ok(Some(credentials)) if credentials.scheme == scheme => {
            Found::Token { credentials, in_authorization: true }
        }
        Ok(_) => Found::Nothing,
        Err(error) => Found::Malformed(error),
    }
}
