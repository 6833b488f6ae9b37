//! Rows of which one request and its answer say too little.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use serde_json::json;

use super::{
    gateway_site::GatewaySite,
    listener,
    rows::{draft::Draft, expectation::*, f_claims::wrong_ath, p_framing::two_lengths, site::Site},
    setup::Setup,
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

/// K33: a nonce that is not the newest is as good.
#[tokio::test]
async fn the_first_of_two_nonces_is_still_good() {
    let site = GatewaySite::start().await;
    let mut draft = Draft::new(site.issuer(), "/nonce/a");
    let token = draft.make_token(site.issuer_key());
    let first = site.nonce(&draft, &token).await;
    let second = site.nonce(&draft, &token).await;
    assert_ne!(first, second);
    draft.claim("nonce", json!(first));
    let (answer, _) = site.ask(&mut draft).await;
    let wrong = faults(ALLOWED, answer.as_ref(), site.reached());
    assert!(wrong.is_empty(), "K33: {wrong:?}");
}

/// J29: after a restart a store in memory has forgotten the proof, unless older ones are refused.
#[tokio::test]
async fn a_restart_forgets_used_proofs_as_documented() {
    for (settings, expected) in [("", ALLOWED), ("replay_store: {refuse_older_than_start: true}\n", REPLAYED)]
    {
        let site = GatewaySite::start().await;
        let mut draft = Draft::new(site.issuer(), "/nonce/a");
        draft.nonce = Some(|nonce| json!(nonce));
        assert_eq!(site.ask(&mut draft).await.0.unwrap().status, 200);
        draft.repeats_proof = true;
        let site = site.restarted_with(settings).await;
        let reached = site.reached();
        let (answer, _) = site.ask(&mut draft).await;
        let wrong = faults(expected, answer.as_ref(), site.reached() - reached);
        assert!(wrong.is_empty(), "J29, {settings}: {wrong:?}");
    }
}

/// O13: the upstream has seen the POST once, whatever became of it.
#[tokio::test]
async fn a_post_is_not_sent_to_the_upstream_again() {
    let site = GatewaySite::start().await;
    let mut draft = Draft::new(site.issuer(), "/dropping/a");
    draft.method = "POST";
    draft.wire = Some(|wire| wire.body("{\"a\":1}"));
    let (answer, _) = site.ask(&mut draft).await;
    let wrong = faults(FAULT, answer.as_ref(), 0);
    assert!(wrong.is_empty(), "O13: {wrong:?}");
    assert_eq!(site.dropped.load(Ordering::SeqCst), 1, "O13");
}

/// O14, five times as fast: a byte every 0.1 s where the head may take 1 s; closed within 4.4 s.
#[tokio::test]
async fn a_head_that_drips_closes_the_connection() {
    let site = GatewaySite::with(Setup { serve: "timeout: {read: 1s}", ..Setup::default() }).await;
    let mut draft = Draft::new(site.issuer(), "/plain/a");
    let token = draft.make_token(site.issuer_key());
    let bytes = draft.make_wire(&token).bytes();
    let mut client = RawClient::connect(site.gateway.address()).await;
    let started = Instant::now();
    for byte in bytes.chunks(1) {
        client.send(byte).await;
        if let Ok(is_open) = tokio::time::timeout(Duration::from_millis(100), client.read_some()).await {
            assert!(!is_open, "O14: {}", String::from_utf8_lossy(&client.unread));
            break;
        }
    }
    let elapsed = started.elapsed();
    assert!(
        elapsed > Duration::from_millis(900) && elapsed < Duration::from_millis(4_400),
        "O14: {elapsed:?}"
    );
    assert_eq!(site.reached(), 0);
}

/// What the rows O7 and O8 rest on: whoever listens for secrets does hear the log.
#[tokio::test]
async fn the_log_is_listened_to() {
    let site = GatewaySite::start().await;
    let mark = listener::mark();
    let (_, wire) = site.ask(&mut Draft::new(site.issuer(), "/plain/a")).await;
    assert!(listener::heard_since(mark, "keybound::access"));
    assert!(wire.token.len() > 100 && !listener::heard_since(mark, &wire.token));
}
