//! All that a framework needs: its request's parts go in, a verdict or a refusal with its answer comes out.

#[cfg(test)]
mod tests;

use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::ErrorBadRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage, HttpResponse};
use jose::UnixTime;
use resource_server::{ProtectedRequest, Refusal, Verifier};

/// What a request is measured with.
pub(crate) struct Protection {
    pub(crate) verifier: Verifier,
    /// Scheme, host and port that clients use; nothing that a request says changes them.
    pub(crate) public_origin: String,
}

/// For `actix_web::middleware::from_fn`: lets requests through whose token and proof are good, and leaves the
/// `Rc<Verified>` in their extensions.
pub(crate) async fn protect(
    protection: Data<Protection>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let target = request.uri().path_and_query().ok_or_else(|| ErrorBadRequest("the target has no path"))?;
    let target_uri = format!("{}{target}", protection.public_origin);
    let headers = headers_of(&request)?;
    let presented =
        ProtectedRequest { method: request.method().as_str(), target_uri: &target_uri, headers: &headers };
    let verified = match protection.verifier.verify(&presented, now()).await {
        Ok(verified) => verified,
        Err(refusal) => return Ok(request.into_response(answer(&refusal)?).map_into_right_body()),
    };
    let nonce = verified.fresh_nonce.as_deref().map(HeaderValue::from_str).transpose()?;
    request.extensions_mut().insert(Rc::new(verified));
    let mut response = next.call(request).await?;
    if let Some(nonce) = nonce {
        // RFC 9449 §8.2: a nonce that is due goes out with any answer, and that answer is not stored.
        response.headers_mut().insert(HeaderName::from_static("dpop-nonce"), nonce);
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    Ok(response.map_into_left_body())
}

/// All fields, in the types of `http` 1: actix-web has those of 0.2. Repeated ones stay repeated, and are refused.
fn headers_of(request: &ServiceRequest) -> Result<http::HeaderMap, Error> {
    let mut headers = http::HeaderMap::new();
    for (name, value) in request.headers() {
        let name: http::HeaderName = name.as_str().parse().map_err(ErrorBadRequest)?;
        headers.append(name, http::HeaderValue::from_bytes(value.as_bytes()).map_err(ErrorBadRequest)?);
    }
    Ok(headers)
}

/// Status and header fields say it all: challenge, nonce, caching.
fn answer(refusal: &Refusal) -> Result<HttpResponse, Error> {
    if refusal.is_fault() {
        eprintln!("a dependency does not answer: {}", refusal.reason());
    }
    let status = StatusCode::from_u16(refusal.status().as_u16()).map_err(ErrorBadRequest)?;
    let mut response = HttpResponse::build(status);
    for (name, value) in &refusal.headers() {
        response.append_header((name.as_str(), value.as_bytes()));
    }
    Ok(response.finish())
}

#[expect(clippy::disallowed_methods, reason = "the program's one clock")]
fn now() -> UnixTime {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixTime::from_seconds(i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX))
}
