//! The answers to requests that may not come in.

use std::sync::Arc;

use bytes::Bytes;
use dpop::DPOP_NONCE;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use oauth::{Challenge, ErrorCode, challenge};
use resource_server::{Reason, Refusal, Verified};
use serde::Serialize;

use crate::target::TargetError;

/// What the body of a refusal says.
///
/// ```
/// use resource_server_tower::{DpopLayer, ErrorBody};
///
/// let builder = DpopLayer::rfc9449().error_body(ErrorBody::Empty);
/// # let _ = builder;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorBody {
    /// `application/problem+json` (RFC 9457): `type`, `title`, `status`, and `error` where the challenge has one;
    /// `detail` where it has a description.
    ProblemJson,
    /// Nothing: status and header fields say it all.
    Empty,
}

/// In the extensions of a response: this request was refused here, and why. For logs and counters around the layer; a
/// [fault](Refused::is_fault) deserves somebody's attention.
///
/// ```
/// use http::Response;
/// use resource_server_tower::Refused;
///
/// /// For a layer around this one that writes a log.
/// fn note<B>(response: &Response<B>) -> Option<String> {
///     let refused = response.extensions().get::<Refused>()?;
///     Some(format!("refused (fault: {}): {}", refused.is_fault(), refused.reason()))
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Refused(Arc<Refusal>);

impl Refused {
    /// Why. Neither its text nor its sources hold tokens or proofs.
    #[must_use]
    pub fn reason(&self) -> &Reason {
        self.0.reason()
    }

    /// Is it a dependency's fault and not the caller's?
    #[must_use]
    pub fn is_fault(&self) -> bool {
        self.0.is_fault()
    }
}

/// A response whose body has no type yet.
#[derive(Debug)]
pub(crate) struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    refused: Option<Refused>,
}

impl Answer {
    pub(crate) fn refusal(refusal: Refusal, error_body: ErrorBody) -> Self {
        let told = refusal.challenges().iter().find(|challenge| challenge.error.is_some());
        let error = told.and_then(|challenge| challenge.error);
        let detail = told.and_then(|challenge| challenge.error_description.as_deref());
        let answer = Self::new(refusal.status(), refusal.headers(), error, detail, error_body);
        Self { refused: Some(Refused(Arc::new(refusal))), ..answer }
    }

    pub(crate) fn unknown_target(error: TargetError, error_body: ErrorBody) -> Self {
        let (status, detail) = match error {
            TargetError::Host
            | TargetError::Authority
            | TargetError::Scheme
            | TargetError::NoPath
            | TargetError::Forwarded => (StatusCode::BAD_REQUEST, Some(error.to_string())),
            TargetError::UnknownHost => (StatusCode::MISDIRECTED_REQUEST, Some(error.to_string())),
            TargetError::PeerUnknown => (StatusCode::INTERNAL_SERVER_ERROR, None),
        };
        Self::new(status, no_store(), None, detail.as_deref(), error_body)
    }

    /// The refusal of a guard behind the layer; the layer adds the nonce.
    pub(crate) fn challenged(status: StatusCode, challenge: &Challenge, error_body: ErrorBody) -> Self {
        let mut headers = no_store();
        headers.insert(WWW_AUTHENTICATE, challenge::header_value(std::slice::from_ref(challenge)));
        Self::new(status, headers, challenge.error, challenge.error_description.as_deref(), error_body)
    }

    /// A guard that no layer stands in front of: closed.
    pub(crate) fn unprotected() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, no_store(), None, None, ErrorBody::ProblemJson)
    }

    fn new(
        status: StatusCode,
        mut headers: HeaderMap,
        error: Option<ErrorCode>,
        detail: Option<&str>,
        error_body: ErrorBody,
    ) -> Self {
        let body = match error_body {
            ErrorBody::ProblemJson => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
                problem_json(status, error, detail)
            }
            ErrorBody::Empty => Bytes::new(),
        };
        Self { status, headers, body, refused: None }
    }

    pub(crate) fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.headers
    }

    pub(crate) fn into_response<B: From<Bytes>>(self) -> Response<B> {
        let mut response = Response::new(B::from(self.body));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        if let Some(refused) = self.refused {
            response.extensions_mut().insert(refused);
        }
        response
    }
}

/// RFC 9457 §3.1; with `about:blank` the title is the status's phrase (§4.2.1).
#[derive(Serialize)]
struct ProblemDetails<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    status: u16,
    title: &'static str,
    r#type: &'static str,
}

fn problem_json(status: StatusCode, error: Option<ErrorCode>, detail: Option<&str>) -> Bytes {
    let details = ProblemDetails {
        detail,
        error: error.map(ErrorCode::as_str),
        status: status.as_u16(),
        title: status.canonical_reason().unwrap_or_default(),
        r#type: "about:blank",
    };
    // Texts and a number: writing them does not fail.
    serde_json::to_vec(&details).unwrap_or_default().into()
}

fn no_store() -> HeaderMap {
    HeaderMap::from_iter([(CACHE_CONTROL, HeaderValue::from_static("no-store"))])
}

/// A nonce that is due goes out with whatever the service answers, and that answer is not stored (RFC 9449 §8.2).
pub(crate) fn hand_out_nonce(verified: &Verified, headers: &mut HeaderMap) {
    if let Some(nonce) = verified.fresh_nonce.as_deref().and_then(|nonce| HeaderValue::from_str(nonce).ok()) {
        headers.insert(DPOP_NONCE, nonce);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}
