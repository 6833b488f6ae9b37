//! A service behind the layer, and requests to it.

use std::convert::Infallible;
use std::future::ready;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use resource_server_tower::{DpopLayer, DpopService, MemoryReplayStore, Mode, StaticKeys};
use testkit::{Call, FakeIssuer, ManualClock, TestClient};
use tower_layer::Layer;
use tower_service::Service;

const URI: &str = "https://api.example.com/orders?first=0";

/// The service inside: it answers at once.
#[derive(Clone)]
pub(crate) struct Inner;

impl Service<Request<()>> for Inner {
    type Response = Response<Bytes>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<Bytes>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        ready(Ok(Response::new(Bytes::new())))
    }
}

pub(crate) struct Site {
    pub(crate) service: DpopService<Inner>,
    issuer: FakeIssuer,
    pub(crate) client: TestClient,
    clock: ManualClock,
}

impl Site {
    pub(crate) fn new() -> Self {
        let (issuer, clock) = (FakeIssuer::new("https://issuer.example"), ManualClock::new());
        let layer = DpopLayer::rfc9449()
            .issuer(issuer.name(), StaticKeys::new(issuer.jwk_set()))
            .audience("shop")
            .public_origin("https://api.example.com")
            .mode(Mode::Require)
            .replay_store(MemoryReplayStore::new(10_000_000))
            .clock(clock.reader())
            .build()
            .unwrap();
        Self { service: layer.layer(Inner), issuer, client: TestClient::new(), clock }
    }

    pub(crate) fn call(&self) -> Call<'_> {
        let token = self.issuer.token(self.clock.now()).audience("shop").scope("orders:read");
        Call::new(&self.client, token, "GET", URI, self.clock.now())
    }
}

pub(crate) fn send(
    service: &mut impl Service<Request<()>, Response = Response<Bytes>, Error = Infallible>,
    request: Request<()>,
) -> StatusCode {
    match pin!(service.call(request)).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(response)) => response.status(),
        Poll::Pending => panic!("nothing here waits"),
    }
}
