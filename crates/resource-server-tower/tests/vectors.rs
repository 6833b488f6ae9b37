//! The published rows of `vectors/` once more, as requests through the layer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::{Empty, Full};
use jose::{JwkThumbprint, UnixTime};
use oauth::challenge;
use resource_server_tower::{DpopLayer, DpopLayerBuilder, MemoryReplayStore, Mode, StaticKeys};
use serde_json::Value;
use testkit::{Call, FakeIssuer, ManualClock, TestClient};
use tower::{Layer, ServiceExt, service_fn};

fn load(name: &str) -> Value {
    let path = format!("{}/../../vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn builder(issuer: &FakeIssuer, clock: &ManualClock) -> DpopLayerBuilder {
    DpopLayer::rfc9449()
        .issuer(issuer.name(), StaticKeys::new(issuer.jwk_set()))
        .any_audience()
        .mode(Mode::Require)
        .replay_store(MemoryReplayStore::new(1000))
        .clock(clock.reader())
}

/// Status and error code of the answer; 200 comes from the service inside only.
async fn send(layer: &DpopLayer, request: Request<Empty<Bytes>>) -> (StatusCode, String) {
    let service =
        layer.layer(service_fn(|_| async { Ok::<_, Infallible>(Response::new(Full::new(Bytes::new()))) }));
    let response = service.oneshot(request).await.unwrap();
    let error = challenge::from_headers(response.headers()).iter().find_map(|challenge| challenge.error());
    (response.status(), error.map_or("accept", |error| error.as_str()).to_owned())
}

#[tokio::test]
async fn htu_rows_decide_who_gets_in() {
    let (issuer, client, clock) =
        (FakeIssuer::new("https://issuer.example"), TestClient::new(), ManualClock::new());
    let file = load("htu");
    let mut sent = 0;
    for row in file["rows"].as_array().unwrap() {
        let request = row["request"].as_str().unwrap();
        // What no HTTP server would hand on as a request can not be sent.
        let Ok(uri) = request.parse::<Uri>() else { continue };
        let origin = format!("{}://{}", uri.scheme_str().unwrap(), uri.authority().unwrap());
        let Ok(layer) = builder(&issuer, &clock).public_origin(&origin).allow_plain_http().build() else {
            continue;
        };
        let call = Call::new(&client, issuer.token(clock.now()), "GET", &origin, clock.now());
        let mut headers = call.headers();
        let proof = call.proof().claim("htu", row["claim"].clone()).sign();
        headers.insert("dpop", HeaderValue::from_str(&proof).unwrap());
        let mut request = call.request_with(headers);
        *request.uri_mut() = uri.path_and_query().unwrap().as_str().parse().unwrap();
        let (status, error) = send(&layer, request).await;
        assert_eq!(status == StatusCode::OK, row["equal"], "row {}: {error}", row["row"]);
        sent += 1;
    }
    assert!(sent > 40, "{sent} rows were sent");
}

/// The rows belong to an opaque token, so `ath` fails here where the row itself is accepted. What is checked before it
/// keeps its verdict, and nothing gets in.
#[tokio::test]
async fn proof_rows_are_refused_beside_another_token() {
    let file = load("proofs");
    let clock = ManualClock::at(UnixTime::from_seconds(file["now"].as_i64().unwrap()));
    let issuer = FakeIssuer::new("https://issuer.example");
    let layer = builder(&issuer, &clock).public_origin("https://resource.example.org").build().unwrap();
    let mut sent = 0;
    for case in file["cases"].as_array().unwrap() {
        let Ok(proof) = HeaderValue::from_str(case["proof"].as_str().unwrap()) else { continue };
        let bound_to = case.get("bound_jkt").unwrap_or(&file["bound_jkt"]).as_str().unwrap();
        let token = issuer.token(clock.now()).bound_to(&JwkThumbprint::parse(bound_to).unwrap()).issue();
        let request = Request::get("/protectedresource")
            .header("authorization", format!("DPoP {}", token.as_str()))
            .header("dpop", proof)
            .body(Empty::new())
            .unwrap();
        let expected = match case["result"].as_str().unwrap() {
            "accept" => "invalid_dpop_proof",
            error => error,
        };
        let answer = send(&layer, request).await;
        assert_eq!(answer, (StatusCode::UNAUTHORIZED, expected.to_owned()), "{}", case["id"]);
        sent += 1;
    }
    assert!(sent > 40, "{sent} rows were sent");
}
