//! The management port: health, readiness, metrics and the keys that upstreams check our tokens with.
//!
//! | path | answer |
//! |---|---|
//! | `/.well-known/health` | 200, `{"status":"ok"}`: the process lives |
//! | `/.well-known/ready` | 200, or 503 with what is missing: send requests here, see [`readiness`] |
//! | `/.well-known/jwks` | the public halves of the keys that sign for upstreams (RFC 7517 §5), with an `ETag` |
//! | `/metrics` | everything counted, in Prometheus' text format; 404 with `management.metrics: false` |
//!
//! All of them answer GET and HEAD, to anybody: the port belongs into a network of its own.

pub(crate) mod readiness;

use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use gateway_core::published_keys::{PublishedKey, key_set};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use jose::{base64url, crypto};
use prometheus::IntGauge;
use serde_json::{Value, json};

use self::readiness::Readiness;
use crate::{
    serve::{
        body::ResponseBody,
        connection::{Connection, Handler, OpenConnection},
        error_response,
        http_checks::list,
    },
    telemetry::metrics::{self, Metrics},
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
    /// What `/.well-known/ready` answers.
    pub(crate) readiness: Arc<Readiness>,
    /// What `/metrics` answers; `None` if it is switched off.
    pub(crate) metrics: Option<Arc<Metrics>>,
    /// Open connections of this listener.
    pub(crate) connections: IntGauge,
}

impl Handler for Management {
    async fn handle(self: Arc<Self>, request: Request<Incoming>, _: Connection) -> Response<ResponseBody> {
        let answer: fn(&Self, &Request<Incoming>) -> Response<ResponseBody> = match request.uri().path() {
            "/.well-known/health" => |_, _| json_answer(StatusCode::OK, &json!({"status": "ok"})),
            "/.well-known/ready" => |this, _| this.readiness(),
            "/.well-known/jwks" => Self::key_set,
            "/metrics" if self.metrics.is_some() => |this, _| this.metrics(),
            _ => return error_response::plain(StatusCode::NOT_FOUND),
        };
        // hyper sends no body to HEAD, only its length.
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut response = error_response::plain(StatusCode::METHOD_NOT_ALLOWED);
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        answer(&self, &request)
    }

    fn opened(&self) -> Option<OpenConnection> {
        Some(OpenConnection::new(&self.connections))
    }
}

impl Management {
    fn readiness(&self) -> Response<ResponseBody> {
        let missing = self.readiness.missing();
        match missing.is_empty() {
            true => json_answer(StatusCode::OK, &json!({"status": "ok"})),
            false => json_answer(
                StatusCode::SERVICE_UNAVAILABLE,
                &json!({"status": "unavailable", "missing": missing}),
            ),
        }
    }

    fn metrics(&self) -> Response<ResponseBody> {
        match self.metrics.as_ref().map(|metrics| metrics.to_text()) {
            Some(Ok(text)) => {
                let mut response = Response::new(ResponseBody::from(Bytes::from(text)));
                let headers = response.headers_mut();
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(metrics::TEXT_FORMAT));
                headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
                response
            }
            Some(Err(error)) => {
                tracing::error!(%error, "metrics not told");
                error_response::plain(StatusCode::INTERNAL_SERVER_ERROR)
            }
            None => error_response::plain(StatusCode::NOT_FOUND),
        }
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
