//! The pages that people see.

use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use http::{
    HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS},
};

/// The form in which a user names himself. Its element ids are Keycloak's, since scripts that log in look for them.
#[derive(Template)]
#[template(path = "login.html")]
pub(crate) struct LoginPage<'a> {
    pub(crate) realm: &'a str,
    pub(crate) client: &'a str,
    pub(crate) action: &'a str,
    pub(crate) username: &'a str,
    pub(crate) error: Option<&'static str>,
}

/// Where a user enters the code of a device, and then says who he is. `client` is there when a device waits.
#[derive(Template)]
#[template(path = "device.html")]
pub(crate) struct DevicePage<'a> {
    pub(crate) realm: &'a str,
    pub(crate) action: &'a str,
    pub(crate) user_code: &'a str,
    pub(crate) client: Option<&'a str>,
    pub(crate) error: Option<&'static str>,
}

/// Something went wrong that only the user can be told.
#[derive(Template)]
#[template(path = "message.html")]
pub(crate) struct MessagePage<'a> {
    pub(crate) title: &'a str,
    pub(crate) text: &'a str,
}

/// Renders a page that no cache keeps, no frame shows and no script runs in.
pub(crate) fn show(status: StatusCode, page: &impl Template) -> Response {
    let Ok(html) = page.render() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut response = (status, Html(html)).into_response();
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // No form-action: browsers apply it to the redirect after the form as well, which leads to the client.
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
        ),
    );
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// A page that says what is wrong with a request.
pub(crate) fn error(text: &str) -> Response {
    show(StatusCode::BAD_REQUEST, &MessagePage { title: "We are sorry", text })
}

/// Sends the browser on with a GET (RFC 9700 §4.12: 303, so that a password is never sent along).
pub(crate) fn redirect(location: &str) -> Response {
    let Ok(location) = HeaderValue::from_str(location) else {
        return error("The redirect URI can not be used.");
    };
    let mut response = StatusCode::SEE_OTHER.into_response();
    response.headers_mut().insert(LOCATION, location);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
