//! Every table that concerns a resource server.

use super::accounting::applies;
use super::layer_site::LayerSite;
use crate::rows::{
    a_transport, b_container, c_header, case::Case, d_key, e_signature, f_claims, i_target, j_replay,
    l_binding, l_token, site::Site,
};

/// All of them.
pub fn all() -> Vec<Vec<Case>> {
    vec![
        a_transport::rows(),
        b_container::rows(),
        c_header::rows(),
        d_key::rows(),
        e_signature::rows(),
        f_claims::rows(),
        i_target::identities(),
        i_target::proofs(),
        i_target::requests(),
        j_replay::replays(),
        j_replay::later(),
        j_replay::nonces(),
        j_replay::spoiled(),
        l_binding::binding(),
        l_binding::tokens(),
        l_token::tokens(),
        l_token::proofs(),
    ]
}

async fn run(cases: Vec<Case>) {
    LayerSite::start().await.run(cases.into_iter().filter(|case| applies(case.id)).collect()).await;
}

#[tokio::test]
async fn credentials_count_only_where_they_belong() {
    run(a_transport::rows()).await;
}

#[tokio::test]
async fn a_proof_is_one_compact_jws_of_two_json_objects() {
    run(b_container::rows()).await;
}

#[tokio::test]
async fn the_header_of_a_proof_is_the_demanded_one() {
    run(c_header::rows()).await;
}

#[tokio::test]
async fn a_proof_key_is_public_sound_and_written_in_one_way() {
    run(d_key::rows()).await;
}

#[tokio::test]
async fn a_signature_holds_in_one_form_only() {
    run(e_signature::rows()).await;
}

#[tokio::test]
async fn claims_have_their_types_and_fit_the_request() {
    run(f_claims::rows()).await;
}

#[tokio::test]
async fn a_proof_is_good_for_its_target_alone() {
    run(i_target::proofs()).await;
}

#[tokio::test]
async fn hosts_and_forwarding_fields_say_one_thing() {
    run(i_target::requests()).await;
}

#[tokio::test]
async fn nobody_without_credentials_gets_in() {
    run(i_target::identities()).await;
}

#[tokio::test]
async fn a_proof_passes_once() {
    run(j_replay::replays()).await;
}

#[tokio::test]
async fn proofs_and_nonces_end_when_they_should() {
    // Each at a site of its own, whose clock it moves.
    for case in j_replay::later() {
        run(vec![case]).await;
    }
}

#[tokio::test]
async fn nonces_are_ours_and_fresh() {
    run(j_replay::nonces()).await;
}

#[tokio::test]
async fn a_spoiled_nonce_is_no_nonce() {
    run(j_replay::spoiled()).await;
}

#[tokio::test]
async fn a_token_is_bound_by_hash_and_thumbprint() {
    run(l_binding::binding()).await;
}

#[tokio::test]
async fn a_token_is_of_its_issuer_and_for_this_audience_and_scope() {
    run(l_binding::tokens()).await;
}

#[tokio::test]
async fn only_good_tokens_bound_to_the_proof_key_pass() {
    run(l_token::tokens()).await;
}

#[tokio::test]
async fn headers_keys_and_signatures_of_proofs_are_sound() {
    run(l_token::proofs()).await;
}
