//! Answers of the gateway itself.

use gateway_core::denial::{Denial, DenialKind};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};

use super::{
    body::{BodyError, ResponseBody},
    http_checks::HttpRefusal,
};

/// The methods that can be forwarded, for the 405 to CONNECT and TRACE (RFC 9110 §15.5.6).
const ALLOW: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");

/// The answer to a request whose HTTP is not acceptable: no body, no challenge, and the connection ends, because what
/// stands behind such a request in the stream is in doubt.
pub(crate) fn http_refusal(refusal: HttpRefusal) -> Response<ResponseBody> {
    let mut response = closing(refusal.status());
    if refusal == HttpRefusal::Method {
        response.headers_mut().insert(header::ALLOW, ALLOW);
    }
    response
}

/// The answer to a body that went wrong while it was forwarded.
pub(crate) fn body_error(error: BodyError) -> Response<ResponseBody> {
    closing(match error {
        BodyError::Malformed => StatusCode::BAD_REQUEST,
        BodyError::Stalled => StatusCode::REQUEST_TIMEOUT,
        BodyError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
    })
}

/// The answer to a request for which no connection to its upstream became free.
pub(crate) fn busy() -> Response<ResponseBody> {
    let mut response = plain(StatusCode::SERVICE_UNAVAILABLE);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// The answer to a refused request, as the pipeline shaped it.
pub(crate) fn denial(denial: Denial) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::from(denial.body));
    *response.status_mut() = denial.status;
    *response.headers_mut() = denial.headers;
    no_store(response.headers_mut());
    if matches!(denial.kind, DenialKind::PayloadTooLarge | DenialKind::RequestTimeout) {
        close(response.headers_mut());
    }
    response
}

/// An empty answer.
pub(crate) fn plain(status: StatusCode) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::empty());
    *response.status_mut() = status;
    no_store(response.headers_mut());
    response
}

fn closing(status: StatusCode) -> Response<ResponseBody> {
    let mut response = plain(status);
    close(response.headers_mut());
    response
}

/// The rest of a body that nobody wants is not waited for.
fn close(headers: &mut HeaderMap) {
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
}

fn no_store(headers: &mut HeaderMap) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
}
