//! A resource server that signs for itself at the introspection endpoint (`private_key_jwt`), as the library does it.

use std::{convert::Infallible, future::ready, sync::Arc};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use jose::{KeyPair, UnixTime};
use resource_server_tower::{ClientKey, DpopLayer, MemoryReplayStore, Mode, VerdictLifetime};
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::{
    client_assertion::Signer,
    world::{START, World, key},
};

const ORIGIN: &str = "https://api.example.com";

/// A layer that asks the server about each token, as this client.
fn layer(world: &World, client: ClientKey) -> DpopLayer {
    DpopLayer::rfc9449()
        .introspection(world.server.issuer("acme"), client, VerdictLifetime::OneRequest)
        .any_audience()
        .public_origin(ORIGIN)
        .mode(Mode::Require)
        .replay_store(MemoryReplayStore::new(100))
        .clock(|| UnixTime::from_seconds(START))
        .build()
        .unwrap()
}

/// The status of a call with token and proof.
async fn status(world: &World, layer: &DpopLayer, alice: &KeyPair, token: &str) -> u16 {
    let uri = format!("{ORIGIN}/orders");
    let request = Request::get(&uri)
        .header("authorization", format!("DPoP {token}"))
        .header("dpop", world.proof_of_token(alice, "GET", &uri, token, None))
        .body(())
        .unwrap();
    let inner = |_: Request<()>| ready(Ok::<_, Infallible>(Response::new(Full::new(Bytes::new()))));
    layer.layer(service_fn(inner)).oneshot(request).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_resource_server_with_a_key_asks_about_every_token() {
    let Signer { world, key: signing } = Signer::start(false).await;
    let client = ClientKey::new("signer", signing, world.server.issuer("acme"));
    let layer = layer(&world, client);
    let alice = key();
    let token = world.log_in(&alice).await.access_token();
    // Each request asks anew: an assertion that was used before would be refused.
    for _ in 0..3 {
        assert_eq!(status(&world, &layer, &alice, &token).await, 200);
    }
    assert_eq!(status(&world, &layer, &key(), &token).await, 401, "proven by another key");
    let revoked =
        world.post(&world.endpoint("revoke"), &[], &[("token", &token), ("client_id", "app")]).await;
    assert_eq!(revoked.status, 200, "{}", revoked.text());
    assert_eq!(status(&world, &layer, &alice, &token).await, 401);
}

#[tokio::test]
async fn a_client_that_the_server_does_not_accept_is_a_fault_and_opens_nothing() {
    let Signer { world, key: signing } = Signer::start(false).await;
    let signing = Arc::new(signing);
    let alice = key();
    let token = world.log_in(&alice).await.access_token();
    let issuer = world.server.issuer("acme");
    for (why, client, expected) in [
        ("itself", ClientKey::new("signer", Arc::clone(&signing), &issuer), 200),
        (
            "for the token endpoint",
            ClientKey::new("signer", Arc::clone(&signing), world.endpoint("token")),
            200,
        ),
        ("by another key", ClientKey::new("signer", key(), &issuer), 503),
        ("of another client", ClientKey::new("web", Arc::clone(&signing), &issuer), 503),
        ("for another server", ClientKey::new("signer", signing, "https://other.example"), 503),
    ] {
        assert_eq!(status(&world, &layer(&world, client), &alice, &token).await, expected, "{why}");
    }
}
