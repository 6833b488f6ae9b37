//! `api_key`: a fixed key in a header, a cookie or the query.

use std::fmt;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Uri, header};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use resource_server::OutboundError;
use zeroize::Zeroizing;

use super::super::EndpointContext;
use crate::{
    cache::{CacheKey, CacheKeyBuilder},
    document::{ApiKeyLocation, Code, Diagnostic, Diagnostics, KeyPath, SecretReference, Spanned},
};

/// Where the key goes, with the key.
pub(in crate::endpoint) struct ApiKey {
    carrier: Carrier,
}

enum Carrier {
    Header(HeaderName, HeaderValue),
    /// `name=value`
    Cookie(HeaderValue),
    /// `name=value`, escaped.
    Query(Zeroizing<String>),
}

impl ApiKey {
    pub(super) fn build(
        location: ApiKeyLocation,
        name: &Spanned<String>,
        secret: &SecretReference,
        path: &KeyPath,
        context: &EndpointContext<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let secret_path = path.key("secret").to_string();
        let key = context
            .secrets
            .text_of(secret)
            .map_err(|error| error.report(secret, &secret_path, diagnostics))
            .ok();
        let name_path = path.key("name");
        let mut report_name = |expected: &str| {
            diagnostics.push(
                Diagnostic::error(
                    Code::WrongType,
                    format!("`{name_path}` can not be used there"),
                    &name.place,
                )
                .found(name.value.as_str())
                .expected(expected),
            );
        };
        let unusable_key = || {
            Diagnostic::error(
                Code::WrongSecretKind,
                format!("`{secret_path}` has characters that can not be sent there"),
                &secret.place,
            )
        };
        let carrier = match location {
            ApiKeyLocation::Header => {
                let header = HeaderName::from_bytes(name.value.as_bytes()).ok();
                if header.is_none() {
                    report_name("a header name");
                }
                let value = key.map(sensitive);
                match (header?, value?) {
                    (header, Some(value)) => Carrier::Header(header, value),
                    (_, None) => {
                        diagnostics.push(unusable_key());
                        return None;
                    }
                }
            }
            ApiKeyLocation::Cookie => {
                let is_token = HeaderName::from_bytes(name.value.as_bytes()).is_ok();
                if !is_token {
                    report_name("a cookie name");
                }
                let key = key.filter(|_| is_token)?;
                let is_cookie_value = !key.contains([' ', '"', ',', ';', '\\']) && key.is_ascii();
                let pair = Zeroizing::new(format!("{}={key}", name.value));
                match sensitive(&pair).filter(|_| is_cookie_value) {
                    Some(pair) => Carrier::Cookie(pair),
                    None => {
                        diagnostics.push(unusable_key());
                        return None;
                    }
                }
            }
            ApiKeyLocation::Query => {
                if name.value.is_empty() {
                    report_name("the name of a query parameter");
                    return None;
                }
                let escape = |text| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
                Carrier::Query(Zeroizing::new(format!("{}={}", escape(&name.value), escape(key?))))
            }
        };
        Some(Self { carrier })
    }

    pub(super) fn apply(&self, request: &mut Request<Bytes>) -> Result<(), OutboundError> {
        match &self.carrier {
            Carrier::Header(name, value) => {
                request.headers_mut().insert(name, value.clone());
            }
            Carrier::Cookie(pair) => {
                // One line (RFC 6265 §5.4), ours behind what is there.
                let line = match request.headers().get(header::COOKIE) {
                    None => pair.clone(),
                    Some(there) => {
                        let joined = [there.as_bytes(), b"; ", pair.as_bytes()].concat();
                        let mut joined = HeaderValue::from_bytes(&joined).map_err(|_| cannot_be_added())?;
                        joined.set_sensitive(true);
                        joined
                    }
                };
                request.headers_mut().insert(header::COOKIE, line);
            }
            Carrier::Query(pair) => {
                let mut parts = request.uri().clone().into_parts();
                let there = parts.path_and_query.as_ref().map_or("/", |there| there.as_str());
                let separator = if there.contains('?') { '&' } else { '?' };
                let with_key = Zeroizing::new(format!("{there}{separator}{}", pair.as_str()));
                parts.path_and_query = Some(with_key.parse().map_err(|_| cannot_be_added())?);
                *request.uri_mut() = Uri::from_parts(parts).map_err(|_| cannot_be_added())?;
            }
        }
        Ok(())
    }

    pub(super) fn identity(&self) -> CacheKey {
        let key = CacheKeyBuilder::new("api_key");
        match &self.carrier {
            Carrier::Header(name, value) => key.part("header").part(name.as_str()).part(value.as_bytes()),
            Carrier::Cookie(pair) => key.part("cookie").part(pair.as_bytes()),
            Carrier::Query(pair) => key.part("query").part(pair.as_bytes()),
        }
        .finish()
    }
}

fn sensitive(text: &str) -> Option<HeaderValue> {
    let is_text = !text.chars().any(char::is_control);
    let mut value = HeaderValue::from_str(text).ok().filter(|_| is_text)?;
    value.set_sensitive(true);
    Some(value)
}

fn cannot_be_added() -> OutboundError {
    OutboundError::NoCredentials("the API key can not be added to the request".to_owned())
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ApiKey").finish_non_exhaustive()
    }
}
