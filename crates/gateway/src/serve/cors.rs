//! Answers to scripts of other origins (Fetch, "HTTP CORS protocol").
//!
//! A preflight is answered here, before any rule: it carries no credentials that a rule could ask for. Every other answer,
//! refusals included, tells the browser whether the script may read it; without that a script could not see why it was
//! refused, nor the nonce it shall use. What an upstream says about CORS is replaced: the gateway is what scripts talk to.

use std::{net::SocketAddr, sync::Arc};

use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header, request::Parts};
use hyper::body::Incoming;

use super::{
    body::ResponseBody,
    connection::{Connection, Handler, OpenConnection},
    error_response,
    http_checks::list,
};
use crate::config::settings::{Allowed, CorsSettings};

/// The fields that are the gateway's to set where CORS is configured.
const OURS: [HeaderName; 3] = [
    header::ACCESS_CONTROL_ALLOW_ORIGIN,
    header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
    header::ACCESS_CONTROL_EXPOSE_HEADERS,
];

/// What a listener answers to scripts of other origins.
#[derive(Debug)]
pub(crate) struct Cors {
    settings: CorsSettings,
    exposed: Option<HeaderValue>,
    max_age: Option<HeaderValue>,
}

/// What a request says about the script behind it.
#[derive(Debug)]
pub(crate) struct Asking {
    origin: Option<HeaderValue>,
    method: Method,
}

impl Cors {
    /// With these settings; `exposes_dpop` adds the fields that a DPoP client must read.
    pub(crate) fn new(settings: &CorsSettings, exposes_dpop: bool) -> Self {
        let mut exposed: Vec<&str> = settings.exposed_headers.iter().map(HeaderName::as_str).collect();
        for name in ["dpop-nonce", "www-authenticate"] {
            if exposes_dpop && !exposed.contains(&name) {
                exposed.push(name);
            }
        }
        let exposed =
            (!exposed.is_empty()).then(|| HeaderValue::from_str(&exposed.join(", ")).ok()).flatten();
        let max_age = (!settings.max_age.is_zero()).then(|| HeaderValue::from(settings.max_age.as_secs()));
        Self { settings: settings.clone(), exposed, max_age }
    }

    /// Reads what [`Cors::tell`] needs to know.
    pub(crate) fn asking(parts: &Parts) -> Asking {
        let mut origins = parts.headers.get_all(header::ORIGIN).iter();
        let origin = origins.next().filter(|_| origins.next().is_none()).cloned();
        Asking { origin, method: parts.method.clone() }
    }

    /// The answer to a preflight; `None` for other requests.
    pub(crate) fn preflight(&self, parts: &Parts) -> Option<Response<ResponseBody>> {
        let asks = parts.method == Method::OPTIONS
            && parts.headers.contains_key(header::ORIGIN)
            && parts.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        if !asks {
            return None;
        }
        let mut response = error_response::plain(StatusCode::NO_CONTENT);
        let headers = response.headers_mut();
        headers.append(
            header::VARY,
            HeaderValue::from_static("Origin, Access-Control-Request-Method, Access-Control-Request-Headers"),
        );
        if let Some(allowed) = self.allowed_by_preflight(parts) {
            headers.extend(allowed);
        }
        Some(response)
    }

    /// The fields of a good preflight; what is not allowed gets none of them.
    fn allowed_by_preflight(&self, parts: &Parts) -> Option<HeaderMap> {
        let mut methods = parts.headers.get_all(header::ACCESS_CONTROL_REQUEST_METHOD).iter();
        let method = methods.next().filter(|_| methods.next().is_none())?;
        if !self.allows_method(&Method::from_bytes(method.as_bytes()).ok()?) {
            return None;
        }
        let fields: Vec<&str> = list(&parts.headers, &header::ACCESS_CONTROL_REQUEST_HEADERS).collect();
        let allows_field = |name: &&str| match &self.settings.allowed_headers {
            Allowed::All => HeaderName::try_from(*name).is_ok(),
            Allowed::These(these) => these.iter().any(|field| field.as_str().eq_ignore_ascii_case(name)),
        };
        if !fields.iter().all(allows_field) {
            return None;
        }
        let mut headers = self.for_origin(Self::asking(parts).origin.as_ref())?;
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, method.clone());
        if !fields.is_empty() {
            headers.insert(
                header::ACCESS_CONTROL_ALLOW_HEADERS,
                HeaderValue::from_str(&fields.join(", ")).ok()?,
            );
        }
        if let Some(max_age) = &self.max_age {
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, max_age.clone());
        }
        Some(headers)
    }

    /// Tells the browser whether the script may read this answer.
    pub(crate) fn tell(&self, asking: &Asking, headers: &mut HeaderMap) {
        for name in OURS {
            headers.remove(name);
        }
        if !self.answers_all_alike() {
            headers.append(header::VARY, HeaderValue::from_static("Origin"));
        }
        if !self.allows_method(&asking.method) {
            return;
        }
        if let Some(allowed) = self.for_origin(asking.origin.as_ref()) {
            headers.extend(allowed);
            if let Some(exposed) = &self.exposed {
                headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed.clone());
            }
        }
    }

    /// The fields that depend on the origin; `None` if it is not allowed.
    fn for_origin(&self, origin: Option<&HeaderValue>) -> Option<HeaderMap> {
        let origin = origin?;
        let mut headers = HeaderMap::new();
        let allowed = match &self.settings.allowed_origins {
            Allowed::All => HeaderValue::from_static("*"),
            Allowed::These(these) => {
                let text = origin.to_str().ok()?;
                these.iter().any(|pattern| pattern.matches(text)).then(|| origin.clone())?
            }
        };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        if self.settings.allow_credentials {
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        Some(headers)
    }

    fn allows_method(&self, method: &Method) -> bool {
        match &self.settings.allowed_methods {
            Allowed::All => true,
            Allowed::These(these) => method == Method::OPTIONS || these.contains(method),
        }
    }

    fn answers_all_alike(&self) -> bool {
        self.settings.allowed_origins == Allowed::All
    }
}

/// A handler with CORS around it.
pub(crate) struct WithCors<H> {
    /// What answers.
    pub(crate) inner: Arc<H>,
    /// `None` where it is not configured.
    pub(crate) cors: Option<Cors>,
}

impl<H: Handler> Handler for WithCors<H> {
    async fn handle(
        self: Arc<Self>,
        request: http::Request<Incoming>,
        connection: Connection,
    ) -> Response<ResponseBody> {
        let Some(cors) = &self.cors else {
            return Arc::clone(&self.inner).handle(request, connection).await;
        };
        let (parts, body) = request.into_parts();
        if let Some(answer) = cors.preflight(&parts) {
            return answer;
        }
        let asking = Cors::asking(&parts);
        let request = http::Request::from_parts(parts, body);
        let mut response = Arc::clone(&self.inner).handle(request, connection).await;
        cors.tell(&asking, response.headers_mut());
        response
    }

    fn unreadable(&self, peer: SocketAddr, status: StatusCode) {
        self.inner.unreadable(peer, status);
    }

    fn opened(&self) -> Option<OpenConnection> {
        self.inner.opened()
    }
}

#[cfg(test)]
mod tests {
    use gateway_core::document::{Decode, Diagnostics, KeyPath, Node, Place};
    use serde_json::{Value, json};

    use super::*;

    fn cors(settings: Value) -> Cors {
        let node = Node::from_json(&settings, &Place::whole_file("f".into()));
        let mut diagnostics = Diagnostics::new();
        let settings = CorsSettings::decode(&node, &KeyPath::configuration(), &mut diagnostics).unwrap();
        assert!(!diagnostics.has_errors());
        Cors::new(&settings, true)
    }

    fn parts(method: &str, fields: &[(&str, &str)]) -> Parts {
        let mut request = http::Request::builder().method(method).uri("/");
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    const APP: &str = "https://app.example.com";

    fn strict() -> Cors {
        cors(json!({
            "allowed_origins": [APP], "allowed_methods": ["GET", "DELETE"], "allowed_headers": ["Authorization", "DPoP"],
            "exposed_headers": ["X-Total"], "allow_credentials": true, "max_age": "10m"
        }))
    }

    #[test]
    fn a_preflight_gets_what_it_asked_for_or_nothing() {
        let ask = |origin: &str, method: &str, fields: &str| {
            let parts = parts(
                "OPTIONS",
                &[
                    ("origin", origin),
                    ("access-control-request-method", method),
                    ("access-control-request-headers", fields),
                ],
            );
            let answer = strict().preflight(&parts).unwrap();
            assert_eq!(answer.status(), 204);
            assert!(answer.headers()["vary"].to_str().unwrap().contains("Origin"));
            answer.headers().clone()
        };
        let good = ask(APP, "DELETE", "authorization, dpop");
        assert_eq!(good["access-control-allow-origin"], APP);
        assert_eq!(good["access-control-allow-methods"], "DELETE");
        assert_eq!(good["access-control-allow-headers"], "authorization, dpop");
        assert_eq!(good["access-control-allow-credentials"], "true");
        assert_eq!(good["access-control-max-age"], "600");
        for (origin, method, fields) in [
            ("https://evil.example", "DELETE", "dpop"),
            ("null", "DELETE", "dpop"),
            (APP, "PUT", "dpop"),
            (APP, "delete", "dpop"),
            (APP, "GET", "dpop, x-other"),
        ] {
            let answer = ask(origin, method, fields);
            let told = answer.keys().any(|name| name.as_str().starts_with("access-control"));
            assert!(!told, "{origin} {method} {fields}: {answer:?}");
        }
    }

    #[test]
    fn only_a_preflight_is_answered_here() {
        for (method, fields) in [
            ("GET", [("origin", APP), ("access-control-request-method", "GET")].as_slice()),
            ("OPTIONS", &[("origin", APP)]),
            ("OPTIONS", &[("access-control-request-method", "GET")]),
        ] {
            assert!(strict().preflight(&parts(method, fields)).is_none());
        }
    }

    #[test]
    fn answers_tell_who_may_read_what_whatever_the_upstream_says() {
        let tell = |cors: &Cors, fields: &[(&str, &str)]| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("https://upstream"));
            headers.insert(header::VARY, HeaderValue::from_static("Accept"));
            cors.tell(&Cors::asking(&parts("GET", fields)), &mut headers);
            headers
        };
        let told = tell(&strict(), &[("origin", APP)]);
        assert_eq!(told["access-control-allow-origin"], APP);
        assert_eq!(told["access-control-expose-headers"], "x-total, dpop-nonce, www-authenticate");
        assert_eq!(told.get_all("vary").iter().collect::<Vec<_>>(), ["Accept", "Origin"]);
        for fields in
            [[("origin", "https://evil.example")].as_slice(), &[], &[("origin", APP), ("origin", APP)]]
        {
            let told = tell(&strict(), fields);
            assert!(!told.contains_key("access-control-allow-origin"), "{fields:?}");
            assert!(!told.contains_key("access-control-expose-headers"), "{fields:?}");
            assert_eq!(told.get_all("vary").iter().count(), 2);
        }
        let open = tell(&cors(json!({})), &[("origin", "https://any.example")]);
        assert_eq!(open["access-control-allow-origin"], "*");
        assert_eq!(open["vary"], "Accept");
        assert!(!open.contains_key("access-control-allow-credentials"));
    }
}
