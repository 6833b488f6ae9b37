//! Token revocation (RFC 7009).

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header::CACHE_CONTROL};
use jose::UnixTime;
use serde_json::Value;

use crate::{access_token, call::Call, error::Refusal, parameters::Parameters, token::client_authentication};

/// `POST …/revoke`
pub(crate) async fn handle(call: Call, body: Bytes) -> Response {
    revoke(&call, &body).unwrap_or_else(IntoResponse::into_response)
}

fn revoke(call: &Call, body: &Bytes) -> Result<Response, Refusal> {
    let form = Parameters::from_form(&call.headers, body)?;
    let client = client_authentication::authenticate(call, &form)?.spend(call)?;
    let token = form.get("token").ok_or_else(|| Refusal::invalid_request("token is missing"))?;
    let store = &call.app.store;
    if let Some(claims) = access_token::active_claims(&call.app, &call.served, token, call.now) {
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        if text("azp") != Some(client.client_id.as_str()) {
            return Err(Refusal::invalid_grant("the token was issued to another client"));
        }
        let expires_at = claims.get("exp").and_then(Value::as_i64).map_or(call.now, UnixTime::from_seconds);
        store.revoke_token(text("jti").unwrap_or_default(), expires_at, call.now)?;
    } else {
        // A refresh token takes its session along, and with it all access tokens (RFC 7009 §2.1). Unknown tokens are fine (§2.2).
        store.revoke_refresh_token(&call.served.realm.name, &client.client_id, token, call.now);
    }
    let mut response = StatusCode::OK.into_response();
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
