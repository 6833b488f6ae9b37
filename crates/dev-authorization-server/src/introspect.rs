//! Token introspection (RFC 7662), with the binding as RFC 9449 §6.2 wants it: `cnf` at the top level, `token_type` `DPoP`.

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

use crate::{
    access_token,
    call::Call,
    error::{Refusal, json_response},
    parameters::Parameters,
    token::client_authentication,
};

/// `POST …/token/introspect`. No proof is asked for here: the caller holds the token, not the key (RFC 9449 §6.2).
pub(crate) async fn handle(call: Call, body: Bytes) -> Response {
    introspect(&call, &body).unwrap_or_else(IntoResponse::into_response)
}

fn introspect(call: &Call, body: &Bytes) -> Result<Response, Refusal> {
    let form = Parameters::from_form(&call.headers, body)?;
    client_authentication::authenticate_confidential(call, &form)?;
    let token = form.get("token").ok_or_else(|| Refusal::invalid_request("token is missing"))?;
    // RFC 7662 §2.2: of a token that is not active nothing else is told.
    let answer = match access_token::active_claims(&call.app, &call.served, token, call.now) {
        None => json!({ "active": false }),
        Some(mut claims) => {
            let is_bound = claims.contains_key("cnf");
            claims.insert("active".to_owned(), true.into());
            claims.insert("token_type".to_owned(), if is_bound { "DPoP" } else { "Bearer" }.into());
            let username =
                claims.get("sub").and_then(Value::as_str).and_then(|sub| call.served.realm.user(sub));
            if let Some(user) = username {
                claims.insert("username".to_owned(), user.username.clone().into());
            }
            Value::Object(claims)
        }
    };
    Ok(json_response(StatusCode::OK, &answer))
}
