//! An issuer, a client, and a service that counts what reaches it.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Full};
use oauth::{ErrorCode, challenge};
use resource_server_tower::{
    DpopLayer, DpopLayerBuilder, MemoryReplayStore, Mode, Refused, StaticKeys, Verified,
};
use serde_json::Value;
use testkit::{Call, FakeIssuer, ManualClock, TestClient, TestNonces};
use tower::{Layer, ServiceExt, service_fn};

pub(crate) const URI: &str = "https://api.example.com/orders?first=0";
pub(crate) const ALGS: &str = r#"algs="ES256 Ed25519 EdDSA""#;

pub(crate) struct Scene {
    pub(crate) clock: ManualClock,
    pub(crate) issuer: FakeIssuer,
    pub(crate) client: TestClient,
    pub(crate) nonces: TestNonces,
    pub(crate) reached: Arc<AtomicUsize>,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) refused: Option<Refused>,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self {
            clock: ManualClock::new(),
            issuer: FakeIssuer::new("https://issuer.example"),
            client: TestClient::new(),
            nonces: TestNonces::new(),
            reached: Arc::default(),
        }
    }

    /// Everything but the replay choice.
    pub(crate) fn without_store(&self, mode: Mode) -> DpopLayerBuilder {
        DpopLayer::rfc9449()
            .issuer(self.issuer.name(), StaticKeys::new(self.issuer.jwk_set()))
            .audience("shop")
            .public_origin("https://api.example.com")
            .mode(mode)
            .clock(self.clock.reader())
    }

    pub(crate) fn builder(&self, mode: Mode) -> DpopLayerBuilder {
        self.without_store(mode).replay_store(MemoryReplayStore::new(1000))
    }

    pub(crate) fn call(&self) -> Call<'_> {
        let token = self.issuer.token(self.clock.now()).audience("shop");
        Call::new(&self.client, token, "GET", URI, self.clock.now())
    }

    pub(crate) fn reached(&self) -> usize {
        self.reached.load(Ordering::SeqCst)
    }

    pub(crate) async fn send(&self, layer: &DpopLayer, request: Request<Empty<Bytes>>) -> Answer {
        let reached = Arc::clone(&self.reached);
        let service = layer.layer(service_fn(move |request: Request<Empty<Bytes>>| {
            reached.fetch_add(1, Ordering::SeqCst);
            let verified = request.extensions().get::<Arc<Verified>>().unwrap();
            let text = format!("{} {}", verified.claims["sub"], verified.observed.is_some());
            let response = Response::builder().header("cache-control", "max-age=60");
            std::future::ready(Ok::<_, Infallible>(response.body(Full::new(Bytes::from(text))).unwrap()))
        }));
        let (parts, body) = service.oneshot(request).await.unwrap().into_parts();
        let refused = parts.extensions.get::<Refused>().cloned();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, body, refused }
    }
}

impl Answer {
    pub(crate) fn error(&self) -> Option<ErrorCode> {
        challenge::from_headers(&self.headers).iter().find_map(|challenge| challenge.error())
    }

    pub(crate) fn challenge(&self) -> &str {
        self.headers.get("www-authenticate").map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.headers["content-type"], "application/problem+json");
        serde_json::from_slice(&self.body).unwrap()
    }
}
