//! The resources that this server protects itself, with the same verifier as every other resource server.

use axum::response::{IntoResponse, Response};
use dpop::DPOP_NONCE;
use http::{
    HeaderValue, StatusCode,
    header::{CACHE_CONTROL, WWW_AUTHENTICATE},
};
use oauth::{Challenge, ErrorCode, Scheme, challenge};
use resource_server::{ProtectedRequest, Verified, Verifier};
use serde_json::json;

use crate::{access_token, call::Call};

/// Lets the request in, or answers it.
pub(crate) async fn enter(call: &Call, verifier: &Verifier) -> Result<Verified, Response> {
    let request = ProtectedRequest {
        method: call.method.as_str(),
        target_uri: &call.target_uri,
        headers: &call.headers,
    };
    let verified = verifier.verify(&request, call.now).await.map_err(|refusal| {
        let code = refusal.challenges().iter().find_map(|challenge| challenge.error);
        let (status, headers) = (refusal.status(), refusal.headers());
        match code {
            Some(code) => (status, headers, axum::Json(json!({ "error": code.as_str() }))).into_response(),
            None => (status, headers).into_response(),
        }
    })?;
    if access_token::is_live(&call.app, &verified.claims, call.now) {
        Ok(verified)
    } else {
        Err(revoked(call, verified.scheme))
    }
}

/// A token that is good by itself, but was revoked or logged out.
fn revoked(call: &Call, scheme: Scheme) -> Response {
    let challenge = Challenge {
        error: Some(ErrorCode::InvalidToken),
        error_description: Some("access token was revoked".into()),
        algs: (scheme == Scheme::Dpop).then(|| call.app.proof_policy.algorithms.to_string().into()),
        ..Challenge::new(scheme)
    };
    let mut response =
        (StatusCode::UNAUTHORIZED, axum::Json(json!({ "error": ErrorCode::InvalidToken.as_str() })))
            .into_response();
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge::header_value(&[challenge]));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// An answer of a protected resource, with the next nonce where one is due (RFC 9449 §8.2).
pub(crate) fn answer(body: &serde_json::Value, verified: &Verified) -> Response {
    let mut response = axum::Json(body).into_response();
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(nonce) = verified.fresh_nonce.as_deref().and_then(|nonce| HeaderValue::from_str(nonce).ok()) {
        response.headers_mut().insert(DPOP_NONCE, nonce);
    }
    response
}
