//! The end of a session: OpenID Connect RP-Initiated Logout 1.0 in the browser, and Keycloak's own call with a refresh token.

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::StatusCode;
use serde_json::Value;

use crate::{
    app::ServedRealm,
    call::Call,
    error::Refusal,
    page::{self, MessagePage},
    parameters::{Parameters, ParametersError},
    realm::Client,
    token::client_authentication,
};

/// `GET …/logout`
pub(crate) async fn handle(call: Call) -> Response {
    browser(&call, Parameters::parse(call.query.as_bytes()))
}

/// `POST …/logout`: the same, or, with a `refresh_token`, by the client itself.
pub(crate) async fn handle_form(call: Call, body: Bytes) -> Response {
    match Parameters::from_form(&call.headers, &body) {
        Ok(form) if form.get("refresh_token").is_some() => {
            with_refresh_token(&call, &form).unwrap_or_else(IntoResponse::into_response)
        }
        form => browser(&call, form),
    }
}

fn with_refresh_token(call: &Call, form: &Parameters) -> Result<Response, Refusal> {
    let client = client_authentication::authenticate(call, form)?.spend(call)?;
    let token = form.get("refresh_token").unwrap_or_default();
    call.app.store.revoke_refresh_token(&call.served.realm.name, &client.client_id, token, call.now);
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn browser(call: &Call, parameters: Result<Parameters, ParametersError>) -> Response {
    let served = &*call.served;
    let parameters = match parameters {
        Ok(parameters) => parameters,
        Err(error) => return page::error(error.description()),
    };
    let client = match parameters.get("id_token_hint") {
        Some(hint) => match end_hinted_session(call, served, hint) {
            Some(client) => Some(client),
            None => return page::error("id_token_hint is not an ID token of this server."),
        },
        None => parameters.get("client_id").and_then(|client_id| served.realm.client(client_id)),
    };
    let Some(redirect_uri) = parameters.get("post_logout_redirect_uri") else {
        return page::show(
            StatusCode::OK,
            &MessagePage { title: "You are logged out", text: "You can close this window." },
        );
    };
    if !client.is_some_and(|client| client.allows_post_logout_redirect(redirect_uri)) {
        return page::error("post_logout_redirect_uri is not registered for this client.");
    }
    match parameters.get("state") {
        None => page::redirect(redirect_uri),
        Some(state) => {
            let encoded: String =
                url::form_urlencoded::Serializer::new(String::new()).append_pair("state", state).finish();
            let separator = if redirect_uri.contains('?') { '&' } else { '?' };
            page::redirect(&format!("{redirect_uri}{separator}{encoded}"))
        }
    }
}

/// Ends the session that an ID token of ours comes from, expired or not, and tells whose it was.
fn end_hinted_session<'a>(call: &Call, served: &'a ServedRealm, hint: &str) -> Option<&'a Client> {
    let claims = served.keys.open(hint)?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("typ") != Some("ID") {
        return None;
    }
    let client = served.realm.client(text("aud")?)?;
    call.app.store.end_session(&served.realm.name, &client.client_id, text("sid")?, call.now);
    Some(client)
}
