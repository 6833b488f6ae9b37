//! Every table that concerns a resource server.

use super::accounting::applies;
use super::layer_site::LayerSite;
use crate::rows::{self, case::Case, j_replay, site::Site};

async fn run(cases: Vec<Case>) {
    LayerSite::start().await.run(cases.into_iter().filter(|case| applies(case.id)).collect()).await;
}

crate::test_each_table!(run);

#[tokio::test]
async fn proofs_and_nonces_end_when_they_should() {
    // Each at a site of its own, whose clock it moves.
    for case in j_replay::later() {
        run(vec![case]).await;
    }
}
