//! Device authorization (RFC 8628): the endpoint that a device asks, and the page where its user says yes or no.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::StatusCode;
use oauth::ErrorCode;
use serde_json::json;

use crate::{
    call::Call,
    error::{Refusal, json_response},
    page::{self, DevicePage, MessagePage},
    parameters::Parameters,
    store::{DeviceRequest, Grant},
    token::client_authentication,
};

/// `POST …/auth/device`
pub(crate) async fn handle(call: Call, body: Bytes) -> Response {
    begin(&call, &body).unwrap_or_else(IntoResponse::into_response)
}

fn begin(call: &Call, body: &Bytes) -> Result<Response, Refusal> {
    let form = Parameters::from_form(&call.headers, body)?;
    let client = client_authentication::authenticate(call, &form)?.spend(call)?;
    if !client.device_flow {
        return Err(Refusal::new(
            ErrorCode::UnauthorizedClient,
            "the device grant is not enabled for this client",
        ));
    }
    let requested = form.get("scope").unwrap_or_default();
    let scope =
        client.scopes.grant(requested.split(' ').filter(|scope| !scope.is_empty())).ok_or_else(|| {
            Refusal::new(ErrorCode::InvalidScope, "the client may not ask for one of the scopes")
        })?;
    let realm = &call.served.realm;
    let request = DeviceRequest {
        realm: realm.name.clone(),
        client_id: client.client_id.clone(),
        scope,
        expires_at: call.now.saturating_add(realm.device_code_lifespan),
        interval: realm.device_polling_interval,
    };
    let codes = call.app.store.devices.begin(request, call.now)?;
    let page = format!("{}/device", call.served.issuer);
    let seconds = |duration: Duration| duration.as_secs();
    let answer = json!({
        "device_code": codes.device_code,
        "user_code": codes.user_code,
        "verification_uri": page,
        "verification_uri_complete": format!("{page}?user_code={}", codes.user_code),
        "expires_in": seconds(realm.device_code_lifespan),
        "interval": seconds(realm.device_polling_interval),
    });
    Ok(json_response(StatusCode::OK, &answer))
}

/// `GET …/device`
pub(crate) async fn handle_page(call: Call) -> Response {
    match Parameters::parse(call.query.as_bytes()) {
        Ok(parameters) => show(&call, parameters.get("user_code").unwrap_or_default(), None),
        Err(error) => page::error(error.description()),
    }
}

/// `POST …/device`: the code with a login, or with a no.
pub(crate) async fn handle_form(call: Call, body: Bytes) -> Response {
    let form = match Parameters::from_form(&call.headers, &body) {
        Ok(form) => form,
        Err(error) => return page::error(error.description()),
    };
    let realm = &call.served.realm;
    let devices = &call.app.store.devices;
    let user_code = form.get("user_code").unwrap_or_default();
    let Some(request) = devices.waiting(&realm.name, user_code, call.now) else {
        return show(&call, "", Some("No device waits for this code."));
    };
    if form.get("answer") == Some("no") {
        devices.answer(user_code, None, call.now);
        return message("Device refused", "The device was told. You can close this page.");
    }
    let username = form.get("username").unwrap_or_default();
    let Some(user) = realm.log_in(username, form.get("password").unwrap_or_default()) else {
        devices.fail(user_code, call.now);
        return show(&call, user_code, Some("Invalid username or password."));
    };
    let lifespan = realm.session_lifespan;
    let opened = call.app.store.open_session(&realm.name, &request.client_id, lifespan, call.now);
    let Ok(session_id) = opened else {
        return message("We are sorry", "Too many logins are under way. Try again later.");
    };
    let grant = Grant {
        realm: realm.name.clone(),
        client_id: request.client_id.clone(),
        user_id: user.id.clone(),
        session_id,
        scope: request.scope,
        authenticated_at: call.now,
    };
    if !devices.answer(user_code, Some(grant), call.now) {
        return show(&call, "", Some("No device waits for this code."));
    }
    tracing::info!(realm = realm.name, client_id = request.client_id, "a user let a device in");
    message("Device connected", "Login successful. You can close this page and return to the device.")
}

/// The form: for the code alone, or, when a device waits for it, for the login.
fn show(call: &Call, user_code: &str, error: Option<&'static str>) -> Response {
    let realm = &call.served.realm;
    let waiting = call.app.store.devices.waiting(&realm.name, user_code, call.now);
    let error = error
        .or_else(|| (waiting.is_none() && !user_code.is_empty()).then_some("No device waits for this code."));
    let client = waiting.as_ref().and_then(|request| realm.client(&request.client_id));
    page::show(
        StatusCode::OK,
        &DevicePage {
            realm: &realm.display_name,
            action: &format!("/realms/{}/device", realm.name),
            user_code,
            client: client.map(|client| client.name.as_str()),
            error,
        },
    )
}

fn message(title: &'static str, text: &'static str) -> Response {
    page::show(StatusCode::OK, &MessagePage { title, text })
}
