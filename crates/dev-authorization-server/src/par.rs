//! Pushed authorization requests (RFC 9126), with the two ways to bind the code to a key (RFC 9449 §10.1).

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::StatusCode;
use oauth::ErrorCode;
use serde_json::json;

use crate::{
    authorization_request::{AuthorizationRequest, RequestFault},
    call::Call,
    error::{Refusal, json_response},
    parameters::Parameters,
    proof,
    store::PUSHED_REQUEST_LIFESPAN,
    token::{client_authentication, with_nonce},
};

/// `POST …/ext/par/request`
pub(crate) async fn handle(call: Call, body: Bytes) -> Response {
    push(&call, &body).await.unwrap_or_else(IntoResponse::into_response)
}

async fn push(call: &Call, body: &Bytes) -> Result<Response, Refusal> {
    let form = Parameters::from_form(&call.headers, body)?;
    let authenticated = client_authentication::authenticate(call, &form)?;
    if form.get("request_uri").is_some() {
        return Err(Refusal::invalid_request("a pushed request can not refer to another"));
    }
    let key = proof::proven_key(call).await?;
    let client = authenticated.spend(call)?;
    let mut request = AuthorizationRequest::validate(client, &form).map_err(|fault| match fault {
        RequestFault::Untrusted(description) => Refusal::invalid_request(description),
        RequestFault::Told { code, description, .. } => Refusal::new(code, description),
    })?;
    if let Some(key) = &key {
        // RFC 9449 §10.1: the header stands for the parameter; when both are there they must agree.
        if request.dpop_jkt.is_some_and(|jkt| jkt != key.thumbprint) {
            return Err(Refusal::new(
                ErrorCode::InvalidDpopProof,
                "the proof is by another key than dpop_jkt",
            ));
        }
        request.dpop_jkt = Some(key.thumbprint);
    }
    let request_uri = call.app.store.push(&call.served.realm.name, request, call.now)?;
    let answer = json!({ "request_uri": request_uri, "expires_in": PUSHED_REQUEST_LIFESPAN.as_secs() });
    Ok(with_nonce(json_response(StatusCode::CREATED, &answer), key.as_ref()))
}
