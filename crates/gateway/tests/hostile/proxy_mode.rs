//! Every table against the gateway in front of an upstream.

use super::{
    gateway_site::GatewaySite,
    rows::{self, case::Case, j_replay, p_framing, site::Site},
};

async fn run(cases: Vec<Case>) {
    GatewaySite::start().await.run(cases).await;
}

crate::test_each_table!(run);

#[tokio::test]
async fn proofs_and_nonces_end_when_they_should() {
    // They mostly wait: each has a gateway of its own, and all wait at once.
    let waiting = tokio::task::LocalSet::new();
    for case in j_replay::later() {
        waiting.spawn_local(run(vec![case]));
    }
    waiting.await;
}

#[tokio::test]
async fn bytes_that_are_no_plain_request_are_not_forwarded() {
    run(p_framing::rows()).await;
}
