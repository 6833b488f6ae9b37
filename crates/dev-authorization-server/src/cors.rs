//! Cross-origin requests of browser apps (WHATWG Fetch), for the origins that clients of the realm name as `webOrigins`.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
    },
};

use crate::app::App;

/// Adds the permission to every answer, refusals included, and answers preflights without asking for a token (RFC 9449 §8, §9).
pub(crate) async fn apply(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let Some(origin) = request.headers().get(ORIGIN).cloned() else {
        return next.run(request).await;
    };
    let audience = audience(request.uri().path());
    let allowed = match audience {
        Audience::Nobody => None,
        Audience::Everybody => Some(HeaderValue::from_static("*")),
        Audience::ClientsOf(realm) => {
            let known = app.realms.get(realm).zip(origin.to_str().ok());
            known.is_some_and(|(served, origin)| served.realm.allows_origin(origin)).then_some(origin)
        }
    };
    let is_preflight =
        request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let mut response =
        if is_preflight { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    if let Some(allowed) = allowed {
        permit(response.headers_mut(), allowed, is_preflight);
    }
    response.headers_mut().append(VARY, HeaderValue::from_static("Origin"));
    response
}

fn permit(headers: &mut HeaderMap, origin: HeaderValue, is_preflight: bool) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    if is_preflight {
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
        headers.insert(
            ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static("Authorization, Content-Type, DPoP"),
        );
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    } else {
        headers
            .insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("DPoP-Nonce, WWW-Authenticate"));
    }
}

/// Whose scripts may read the answers of a path.
#[derive(Debug, PartialEq, Eq)]
enum Audience<'a> {
    /// Pages for people.
    Nobody,
    /// Public documents.
    Everybody,
    /// The apps registered in a realm.
    ClientsOf(&'a str),
}

fn audience(path: &str) -> Audience<'_> {
    if path.contains("/.well-known/") {
        return Audience::Everybody;
    }
    let within = path.strip_prefix("/realms/").or_else(|| path.strip_prefix("/admin/realms/"));
    match within.and_then(|path| path.split_once('/')) {
        Some((_, "protocol/openid-connect/certs")) => Audience::Everybody,
        Some((
            _,
            "protocol/openid-connect/auth" | "protocol/openid-connect/logout" | "login-actions/authenticate",
        ))
        | None => Audience::Nobody,
        Some((realm, _)) => Audience::ClientsOf(realm),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_for_people_and_documents_for_everybody() {
        assert_eq!(audience("/realms/r/protocol/openid-connect/auth"), Audience::Nobody);
        assert_eq!(audience("/realms/r/.well-known/openid-configuration"), Audience::Everybody);
        assert_eq!(audience("/realms/r/protocol/openid-connect/certs"), Audience::Everybody);
        assert_eq!(audience("/realms/r/protocol/openid-connect/token"), Audience::ClientsOf("r"));
        assert_eq!(audience("/admin/realms/r/users"), Audience::ClientsOf("r"));
        assert_eq!(audience("/"), Audience::Nobody);
    }
}
