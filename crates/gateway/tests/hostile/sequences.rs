//! Rows of which one answer says too little: what becomes of the connection.

use serde_json::json;

use super::{
    gateway_site::GatewaySite,
    rows::{
        draft::Draft,
        p_framing::{two_lengths, wrong_ath},
        site::Site,
    },
};
use crate::sockets::raw_client::RawClient;

/// P3: what follows a request with two lengths is no request.
#[tokio::test]
async fn the_connection_is_closed_after_two_lengths() {
    let site = GatewaySite::start().await;
    let mut draft = Draft::new(site.issuer(), "/plain/a");
    let token = draft.make_token(site.issuer_key());
    let mut wire = draft.make_wire(&token);
    two_lengths(&mut wire);
    let mut next = Draft::new(site.issuer(), "/plain/b");
    let token = next.make_token(site.issuer_key());
    let seen = site.upstream.seen();
    let mut client = RawClient::connect(site.gateway.address()).await;
    client.send([wire.bytes(), next.make_wire(&token).bytes()].concat()).await;
    let first = client.read_answer().await;
    assert!(first.is_none_or(|answer| answer.status < 500));
    assert!(client.read_answer().await.is_none(), "no second answer");
    assert!(site.upstream.seen() - seen <= 1);
}

/// P47: the body is asked for and passed on.
#[tokio::test]
async fn an_expected_body_is_sent_after_the_interim_answer() {
    let site = GatewaySite::start().await;
    let mut draft = Draft::new(site.issuer(), "/plain/a");
    draft.method = "POST";
    draft.wire = Some(|w| {
        w.add("Expect", "100-continue");
        w.add("Content-Length", "5");
    });
    let token = draft.make_token(site.issuer_key());
    let mut client = RawClient::connect(site.gateway.address()).await;
    client.send(draft.make_wire(&token).bytes()).await;
    let interim = client.read_head().await.unwrap();
    assert_eq!(interim.status, 100);
    client.send("hello").await;
    let answer = client.read_answer().await.unwrap();
    assert_eq!((answer.status, answer.json()["body"].clone()), (200, json!("hello")));
}

/// P49: every request of a connection is judged for itself.
#[tokio::test]
async fn good_and_bad_proofs_alternate_on_one_connection() {
    let site = GatewaySite::start().await;
    let mut client = RawClient::connect(site.gateway.address()).await;
    for expected in [200, 401, 200, 401, 200, 401] {
        let mut draft = Draft::new(site.issuer(), "/plain/a");
        if expected == 401 {
            wrong_ath(&mut draft);
        }
        let token = draft.make_token(site.issuer_key());
        client.send(draft.make_wire(&token).bytes()).await;
        assert_eq!(client.read_answer().await.unwrap().status, expected);
    }
}
