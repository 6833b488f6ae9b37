//! `basic_auth`: user and password (RFC 7617).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderValue, Request, header};
use zeroize::Zeroizing;

use super::super::EndpointContext;
use crate::{
    cache::{CacheKey, CacheKeyBuilder},
    document::{Code, Diagnostic, Diagnostics, KeyPath, SecretReference},
};

/// The ready header value; marked sensitive, so that `Debug` hides it.
#[derive(Debug)]
pub(in crate::endpoint) struct BasicAuth {
    value: HeaderValue,
}

impl BasicAuth {
    pub(super) fn build(
        credentials: &SecretReference,
        path: &KeyPath,
        context: &EndpointContext<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let user_path = path.key("credentials").to_string();
        let [user, password] = context
            .secrets
            .credentials(&credentials.source.value, credentials.selector(), ["user_id", "password"])
            .map_err(|error| error.report(credentials, &user_path, diagnostics))
            .ok()?;
        if user.contains(':') {
            // The first colon ends the user id (RFC 7617 §2).
            diagnostics.push(
                Diagnostic::error(
                    Code::WrongSecretKind,
                    format!("`{user_path}` has a user_id with a colon"),
                    &credentials.place,
                )
                .expected("a user_id without `:`"),
            );
            return None;
        }
        let joined = Zeroizing::new(format!("{}:{}", user.as_str(), password.as_str()));
        basic_value(&joined).map(|value| Self { value })
    }

    pub(super) fn apply(&self, request: &mut Request<Bytes>) {
        request.headers_mut().insert(header::AUTHORIZATION, self.value.clone());
    }

    pub(super) fn identity(&self) -> CacheKey {
        CacheKeyBuilder::new("basic_auth").part(self.value.as_bytes()).finish()
    }
}

/// `Basic` with these credentials. Base64 always fits into a header.
fn basic_value(credentials: &str) -> Option<HeaderValue> {
    let value = Zeroizing::new(format!("Basic {}", STANDARD.encode(credentials)));
    let mut value = HeaderValue::from_str(&value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_the_rfcs_examples() {
        assert_eq!(basic_value("Aladdin:open sesame").unwrap(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(basic_value("test:123£").unwrap(), "Basic dGVzdDoxMjPCow==");
    }

    #[test]
    fn debug_hides_the_credentials() {
        let strategy = BasicAuth { value: basic_value("Aladdin:open sesame").unwrap() };
        assert!(!format!("{strategy:?}").contains("QWxh"));
    }
}
