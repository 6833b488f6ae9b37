//! A request as every endpoint gets it: for a realm that is served, with the URI that the client used.

use std::{collections::HashMap, sync::Arc};

use axum::{
    extract::{FromRequestParts, Path},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, Method, StatusCode, header::HOST, request::Parts};
use jose::UnixTime;
use serde_json::json;

use crate::app::{App, ServedRealm};

/// One request to an endpoint of a realm that exists.
pub(crate) struct Call {
    pub(crate) app: Arc<App>,
    pub(crate) served: Arc<ServedRealm>,
    pub(crate) method: Method,
    /// The absolute URI that the client used, query included: what `htu` is compared with.
    pub(crate) target_uri: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) now: UnixTime,
}

impl FromRequestParts<Arc<App>> for Call {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let Path(path) = Path::<HashMap<String, String>>::from_request_parts(parts, app)
            .await
            .map_err(IntoResponse::into_response)?;
        let served = path.get("realm").and_then(|realm| app.realms.get(realm)).ok_or_else(|| {
            (StatusCode::NOT_FOUND, axum::Json(json!({ "error": "Realm does not exist" }))).into_response()
        })?;
        let Some(origin) = origin_used(&app.base_url, &parts.headers) else {
            return Err(StatusCode::BAD_REQUEST.into_response());
        };
        let path_and_query = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        Ok(Self {
            app: Arc::clone(app),
            served: Arc::clone(served),
            method: parts.method.clone(),
            target_uri: format!("{origin}{path_and_query}"),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers.clone(),
            now: app.clock.now(),
        })
    }
}

/// The origin under which the client reached us: the public one, or, inside a container network, plain http with another `Host`.
///
/// The issuer does not depend on it; only `htu` does, which the client writes from the URL it called.
fn origin_used(base_url: &str, headers: &HeaderMap) -> Option<String> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next()?.to_str().ok()?;
    if hosts.next().is_some() || host.contains(['/', '?', '#', '@', '\\', '%', ' ']) {
        return None;
    }
    let (_, public_host) = base_url.split_once("://")?;
    Some(if host.eq_ignore_ascii_case(public_host) { base_url.to_owned() } else { format!("http://{host}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_origin(base_url: &str, host: &str, expected: Option<&str>) {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host.parse().unwrap());
        assert_eq!(origin_used(base_url, &headers).as_deref(), expected);
    }

    #[test]
    fn the_origin_is_the_public_one_when_the_host_is() {
        check_origin("https://id.example", "ID.example", Some("https://id.example"));
    }

    #[test]
    fn another_host_is_taken_as_the_client_wrote_it() {
        check_origin("http://127.0.0.1:8080", "keycloak:8080", Some("http://keycloak:8080"));
    }

    #[test]
    fn a_host_that_is_no_host_is_refused() {
        check_origin("http://127.0.0.1:8080", "evil@127.0.0.1:8080", None);
        check_origin("http://127.0.0.1:8080", "127.0.0.1:8080/x", None);
    }

    #[test]
    fn two_hosts_are_refused() {
        let mut headers = HeaderMap::new();
        headers.append(HOST, "a".parse().unwrap());
        headers.append(HOST, "a".parse().unwrap());
        assert_eq!(origin_used("http://a", &headers), None);
    }
}
