//! The management port: health, readiness and the keys that upstreams check our tokens with.
//!
//! | path | answer |
//! |---|---|
//! | `/.well-known/health` | 200, `{"status":"ok"}`: the process lives |
//! | `/.well-known/ready` | 200, or 503 with what is missing: send requests here |
//! | `/.well-known/jwks` | the public halves of the keys that sign for upstreams (RFC 7517 §5), with an `ETag` |

use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use gateway_core::published_keys::{PublishedKey, key_set};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use jose::{base64url, crypto};
use serde_json::{Value, json};

use crate::serve::{
    body::ResponseBody,
    connection::{Connection, Handler, Shutdown},
    error_response,
    http_checks::list,
};

/// Published keys, rendered once.
#[derive(Debug)]
struct PublishedKeys {
    body: Bytes,
    etag: HeaderValue,
}

impl PublishedKeys {
    fn new(keys: &[PublishedKey]) -> Self {
        let body = Bytes::from(key_set(keys));
        let tag = format!("\"{}\"", base64url::encode(crypto::sha256(&body)));
        let etag = HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"-\""));
        Self { body, etag }
    }
}

/// The published keys of the moment; they change with the secrets they come from.
#[derive(Debug, Clone)]
pub(crate) struct CurrentKeys(Arc<ArcSwap<PublishedKeys>>);

impl CurrentKeys {
    /// Starts with these.
    pub(crate) fn new(keys: &[PublishedKey]) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(PublishedKeys::new(keys))))
    }

    /// Publishes others from now on.
    pub(crate) fn replace(&self, keys: &[PublishedKey]) {
        self.0.store(Arc::new(PublishedKeys::new(keys)));
    }
}

/// The listener of `management`.
pub(crate) struct Management {
    /// What `/.well-known/jwks` answers.
    pub(crate) keys: CurrentKeys,
    /// Not ready once it begins.
    pub(crate) shutdown: Shutdown,
}

impl Handler for Management {
    async fn handle(self: Arc<Self>, request: Request<Incoming>, _: Connection) -> Response<ResponseBody> {
        let answer: fn(&Self, &Request<Incoming>) -> Response<ResponseBody> = match request.uri().path() {
            "/.well-known/health" => |_, _| json_answer(StatusCode::OK, &json!({"status": "ok"})),
            "/.well-known/ready" => |this, _| this.readiness(),
            "/.well-known/jwks" => Self::key_set,
            _ => return error_response::plain(StatusCode::NOT_FOUND),
        };
        if request.method() != Method::GET {
            let mut response = error_response::plain(StatusCode::METHOD_NOT_ALLOWED);
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET"));
            return response;
        }
        answer(&self, &request)
    }
}

impl Management {
    /// Rules and keys are there before the listeners are: only shutdown can make us unready.
    fn readiness(&self) -> Response<ResponseBody> {
        if self.shutdown.is_stopping() {
            let body = json!({"status": "unavailable", "missing": ["running"]});
            return json_answer(StatusCode::SERVICE_UNAVAILABLE, &body);
        }
        json_answer(StatusCode::OK, &json!({"status": "ok"}))
    }

    fn key_set(&self, request: &Request<Incoming>) -> Response<ResponseBody> {
        let keys = self.keys.0.load();
        let known = list(request.headers(), &header::IF_NONE_MATCH).any(|tag| {
            tag == "*" || tag.strip_prefix("W/").unwrap_or(tag).as_bytes() == keys.etag.as_bytes()
        });
        let mut response = if known {
            let mut response = Response::new(ResponseBody::empty());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        } else {
            let mut response = Response::new(ResponseBody::from(keys.body.clone()));
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        };
        response.headers_mut().insert(header::ETAG, keys.etag.clone());
        response
    }
}

fn json_answer(status: StatusCode, body: &Value) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::from(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
