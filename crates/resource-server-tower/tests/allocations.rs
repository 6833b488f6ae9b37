//! How often the layer asks for memory: a bounded number of times, which the documentation of the service names.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::convert::Infallible;
use std::future::ready;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use resource_server_tower::{DpopLayer, MemoryReplayStore, Mode, StaticKeys};
use testkit::{Attack, Call, FakeIssuer, ManualClock, TestClient};
use tower::{Layer, Service, service_fn};

/// Most allocations for a good request whose token is known.
const GOOD: u64 = 28;
/// Most allocations for a request whose proof was made with another key than the token's, its answer included.
const WRONG_KEY: u64 = 36;

fn allocations(layer: &DpopLayer, request: Request<()>, expected: StatusCode) -> u64 {
    let inner = |_: Request<()>| ready(Ok::<_, Infallible>(Response::new(Bytes::new())));
    let mut service = layer.layer(service_fn(inner));
    let mut status = None;
    let counted = allocation_counter::measure(|| {
        if let Poll::Ready(Ok(response)) =
            pin!(service.call(request)).poll(&mut Context::from_waker(Waker::noop()))
        {
            status = Some(response.status());
        }
    });
    assert_eq!(status, Some(expected));
    counted.count_total
}

#[test]
fn a_request_costs_a_bounded_number_of_allocations() {
    let (issuer, client, clock) =
        (FakeIssuer::new("https://issuer.example"), TestClient::new(), ManualClock::new());
    let layer = DpopLayer::rfc9449()
        .issuer(issuer.name(), StaticKeys::new(issuer.jwk_set()))
        .audience("shop")
        .public_origin("https://api.example.com")
        .mode(Mode::Require)
        .replay_store(MemoryReplayStore::new(1000))
        .clock(clock.reader())
        .build()
        .unwrap();
    let token = issuer.token(clock.now()).audience("shop").scope("orders:read");
    let call = Call::new(&client, token, "GET", "https://api.example.com/orders?first=0", clock.now());
    // From here on the token is known, and the store has its first memory.
    for _ in 0..100 {
        allocations(&layer, call.request(), StatusCode::OK);
    }
    let most = |measured: &mut dyn Iterator<Item = u64>| measured.max().unwrap();
    let good = most(&mut (0..50).map(|_| allocations(&layer, call.request(), StatusCode::OK)));
    let wrong_key = most(
        &mut (0..50).map(|_| allocations(&layer, call.attack(Attack::OtherKey), StatusCode::UNAUTHORIZED)),
    );
    println!("good: {good}, wrong key: {wrong_key}");
    assert!(good <= GOOD && wrong_key <= WRONG_KEY, "good: {good}, wrong key: {wrong_key}");
}
