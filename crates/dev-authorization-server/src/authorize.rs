//! The authorization endpoint (RFC 6749 §3.1) and the login form it leads to.
//!
//! A login serves one authorization request: nobody stays logged in, and there are no cookies. The form finds its request by a random name.

use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use oauth::ErrorCode;

use crate::{
    app::ServedRealm,
    authorization_request::{AuthorizationRequest, RequestFault, find_client},
    call::Call,
    page::{self, LoginPage},
    parameters::{Parameters, ParametersError},
    realm::{Client, User},
    store::{CodeGrant, Grant, PendingLogin, StoreFull},
};

/// `GET …/auth`
pub(crate) async fn handle(call: Call) -> Response {
    let parameters = Parameters::parse(call.query.as_bytes());
    answer(&call, parameters)
}

/// `POST …/auth`: OpenID Connect Core §3.1.2.1 asks for it beside GET.
pub(crate) async fn handle_form(call: Call, body: Bytes) -> Response {
    let parameters = Parameters::from_form(&call.headers, &body);
    answer(&call, parameters)
}

fn answer(call: &Call, parameters: Result<Parameters, ParametersError>) -> Response {
    let served = &*call.served;
    let parameters = match parameters {
        Ok(parameters) => parameters,
        Err(error) => return page::error(error.description()),
    };
    match begin(call, served, &parameters) {
        Ok((client, request, request_uri)) => {
            let hint = request.login_hint.clone().unwrap_or_default();
            let login = PendingLogin::new(&served.realm.name, request, request_uri);
            match call.app.store.begin_login(login, call.now) {
                Ok(name) => login_page(served, client, &name, &hint, None),
                Err(full) => unavailable(full),
            }
        }
        Err(RequestFault::Untrusted(text)) => page::error(text),
        Err(RequestFault::Told { destination, code, description }) => {
            let parameters = [("error", code.as_str()), ("error_description", description)];
            page::redirect(&destination.with(&served.issuer, &parameters))
        }
    }
}

/// The client, its request, and the `request_uri` that stands for it when it was pushed.
fn begin<'a>(
    call: &Call,
    served: &'a ServedRealm,
    parameters: &Parameters,
) -> Result<(&'a Client, AuthorizationRequest, Option<String>), RequestFault> {
    let client = find_client(&served.realm, parameters)?;
    let Some(request_uri) = parameters.get("request_uri") else {
        let request = AuthorizationRequest::validate(client, parameters)?;
        if client.requires_pushed_requests {
            return Err(RequestFault::Told {
                destination: request.destination(),
                code: ErrorCode::InvalidRequest,
                description: "this client must push its authorization requests",
            });
        }
        return Ok((client, request, None));
    };
    // RFC 9126 §4: what was pushed counts, parameters beside it do not.
    let request = call
        .app
        .store
        .pushed(&served.realm.name, &client.client_id, request_uri, call.now)
        .ok_or(RequestFault::Untrusted("request_uri is unknown, expired or used"))?;
    Ok((client, request, Some(request_uri.to_owned())))
}

/// `POST …/login-actions/authenticate?session_code=…`
pub(crate) async fn handle_login(call: Call, body: Bytes) -> Response {
    let served = &*call.served;
    let form = match (Parameters::parse(call.query.as_bytes()), Parameters::from_form(&call.headers, &body)) {
        (Ok(query), Ok(form)) => query.get("session_code").map(|name| (name.to_owned(), form)),
        (Err(_), _) | (_, Err(_)) => None,
    };
    let Some((name, form)) = form else {
        return page::error("The form is incomplete.");
    };
    let store = &call.app.store;
    let login = store.login(&name, call.now).filter(|login| login.realm == served.realm.name);
    let Some((login, client)) = login.and_then(|login| {
        let client = served.realm.client(&login.request.client_id)?;
        Some((login, client))
    }) else {
        return page::error("This login is over. Go back to the application and start again.");
    };
    let username = form.get("username").unwrap_or_default();
    let Some(user) = served.realm.log_in(username, form.get("password").unwrap_or_default()) else {
        store.fail_login(&name, call.now);
        tracing::info!(realm = served.realm.name, client_id = client.client_id, "a login was refused");
        return login_page(served, client, &name, username, Some("Invalid username or password."));
    };
    if store.finish_login(&name, call.now).is_none() {
        return page::error("This login is over. Go back to the application and start again.");
    }
    match issue_code(&call, served, user, &login.request) {
        Ok(code) => {
            tracing::info!(realm = served.realm.name, client_id = client.client_id, "a user logged in");
            page::redirect(&login.request.destination().with(&served.issuer, &[("code", &code)]))
        }
        Err(full) => unavailable(full),
    }
}

fn issue_code(
    call: &Call,
    served: &ServedRealm,
    user: &User,
    request: &AuthorizationRequest,
) -> Result<String, StoreFull> {
    let realm = &served.realm;
    let store = &call.app.store;
    let session_id = store.open_session(&realm.name, &request.client_id, realm.session_lifespan, call.now)?;
    let grant = Grant {
        realm: realm.name.clone(),
        client_id: request.client_id.clone(),
        user_id: user.id.clone(),
        session_id,
        scope: request.scope.clone(),
        authenticated_at: call.now,
    };
    store.issue_code(CodeGrant { grant, request: request.clone() }, realm.code_lifespan, call.now)
}

fn login_page(
    served: &ServedRealm,
    client: &Client,
    name: &str,
    username: &str,
    error: Option<&'static str>,
) -> Response {
    let action = format!("/realms/{}/login-actions/authenticate?session_code={name}", served.realm.name);
    page::show(
        StatusCode::OK,
        &LoginPage {
            realm: &served.realm.display_name,
            client: &client.name,
            action: &action,
            username,
            error,
        },
    )
}

fn unavailable(_: StoreFull) -> Response {
    let text = "Too many logins are under way. Try again later.";
    page::show(StatusCode::SERVICE_UNAVAILABLE, &page::MessagePage { title: "We are sorry", text })
}
