//! Rows about many requests at the same moment.

use std::time::{Duration, Instant};

use jose::Algorithm;
use serde_json::json;

use super::{
    gateway_site::GatewaySite,
    rows::{draft::Draft, expectation::*, issuer_keys::rsa_key, site::Site},
};
use crate::sockets::raw_client::RawClient;

/// J13: 12 copies on a nonce route, 200 proofs in turn.
#[tokio::test]
async fn of_copies_with_a_nonce_one_gets_through() {
    one_gets_through("J13", "/nonce/a", 12, 200, |draft| {
        draft.nonce = Some(|nonce| json!(nonce));
    })
    .await;
}

/// J14: 12 copies on a mixed route, 100 proofs in turn.
#[tokio::test]
async fn of_copies_where_a_proof_is_not_always_needed_one_gets_through() {
    one_gets_through("J14", "/mixed/a", 12, 100, |_| {}).await;
}

/// J15: 16 copies with an Ed25519 key, 8 proofs in turn.
#[tokio::test]
async fn of_copies_with_an_ed25519_key_one_gets_through() {
    one_gets_through("J15", "/plain/a", 16, 8, |draft| draft.use_new_key(Algorithm::EdDsa)).await;
}

/// Sends copies of one request at once, for many requests in turn.
async fn one_gets_through(
    id: &str,
    target: &'static str,
    copies: usize,
    rounds: usize,
    prepare: fn(&mut Draft),
) {
    let site = GatewaySite::start().await;
    for round in 0..rounds {
        let mut draft = Draft::new(site.issuer(), target);
        prepare(&mut draft);
        let token = draft.make_token(site.issuer_key());
        if let Some(edit) = draft.nonce {
            draft.proof.claims["nonce"] = edit(site.nonce(&draft, &token).await);
        }
        let bytes = draft.make_wire(&token).bytes();
        let reached = site.reached();
        let answers = at_once(&site, &vec![bytes; copies]).await;
        let (allowed, others): (Vec<_>, Vec<_>) =
            answers.into_iter().partition(|answer| answer.status == 200);
        assert_eq!((allowed.len(), site.reached() - reached), (1, 1), "{id}, round {round}");
        for other in others {
            let wrong = faults(REPLAYED, Some(&other), 0);
            assert!(wrong.is_empty(), "{id}, round {round}: {wrong:?}");
        }
    }
}

/// Opens a connection for each request, sends them all, and then reads the answers.
async fn at_once(site: &GatewaySite, requests: &[Vec<u8>]) -> Vec<super::rows::answer::Answer> {
    let mut clients = Vec::new();
    for _ in requests {
        clients.push(RawClient::connect(site.gateway.address()).await);
    }
    for (client, bytes) in clients.iter_mut().zip(requests) {
        client.send(bytes).await;
    }
    let mut answers = Vec::new();
    for client in &mut clients {
        answers.push(client.read_answer().await.unwrap().into());
    }
    answers
}

/// O9: 200 bound tokens with garbage in place of an RSA signature, and a good request among them.
#[tokio::test]
async fn signatures_of_garbage_keep_nobody_waiting() {
    let site = GatewaySite::start().await;
    let garbage: Vec<Vec<u8>> = (0..200)
        .map(|_| {
            let mut draft = Draft::new(site.issuer(), "/plain/a");
            draft.use_key(rsa_key());
            draft.proof.signature = Some(|_| vec![7; 256]);
            let token = draft.make_token(site.issuer_key());
            draft.make_wire(&token).bytes()
        })
        .collect();
    let good = async {
        // Behind the others, while they are worked on.
        tokio::task::yield_now().await;
        let started = Instant::now();
        let (answer, _) = site.ask(&mut Draft::new(site.issuer(), "/plain/good")).await;
        (answer.unwrap().status, started.elapsed())
    };
    let (answers, (status, elapsed)) = tokio::join!(at_once(&site, &garbage), good);
    assert_eq!(status, 200, "O9");
    assert!(elapsed < Duration::from_secs(2), "O9: {elapsed:?}");
    for answer in answers {
        let wrong = faults(BAD_SIGNATURE, Some(&answer), 0);
        assert!(wrong.is_empty(), "O9: {wrong:?}");
    }
    assert_eq!(site.reached(), 1);
}
