//! A token in a form (RFC 6750 §2.2): the whole form is read for it, so it must be small.

use http::header;
use oauth::CredentialsError;

use super::{Found, query, token_of};
use crate::{mechanisms::step::Failure, request::Request, request_body::BodyError};
use oauth::Scheme;

/// The largest form that is searched, in bytes. A larger one passes on as it is.
const MAX_BYTES: usize = 64 * 1024;

/// Looks for the first of `fields` that has a value.
pub(super) async fn find(request: &Request, fields: &[&str]) -> Found {
    if !is_form(request) {
        return Found::Nothing;
    }
    let body = match request.body.read(MAX_BYTES).await {
        Ok(body) => body,
        Err(BodyError::TooLarge) => return Found::Nothing,
        Err(error) => return Found::Failed(Failure::from(error)),
    };
    let Ok(form) = std::str::from_utf8(&body) else { return Found::Nothing };
    let values = fields.iter().map(|field| query::of_form(form, field)).find(|values| !values.is_empty());
    match values.as_deref() {
        None | Some([]) => Found::Nothing,
        // A proof for a token in the body: RFC 9449 §7.1 knows no such thing.
        Some(_) if request.headers.contains_key(dpop::DPOP) => Found::SeveralTransports,
        Some([token]) => token_of(Scheme::Bearer, token, false),
        Some(_) => Found::Malformed(CredentialsError::Several),
    }
}

fn is_form(request: &Request) -> bool {
    let mut lines = request.headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return false };
    let media_type = line.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}
