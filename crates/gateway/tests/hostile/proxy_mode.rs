//! Every table against the gateway in front of an upstream.

use testkit::malleable::ED25519_ORDER;

use super::{
    gateway_site::GatewaySite,
    rows::{
        a_transport, b_container, c_header, case::Case, d_key, e_signature, f_claims, i_target, j_replay,
        l_binding, l_token, p_framing, site::Site,
    },
};

async fn run(cases: Vec<Case>) {
    GatewaySite::start().await.run(cases).await;
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

/// What is made by hand is right where it is not spoiled: else the rows above would show nothing.
#[tokio::test]
async fn signatures_made_by_hand_hold() {
    let mut above = ED25519_ORDER;
    above[0] += 5;
    assert_eq!([ED25519_ORDER, above].map(|number| d_key::remainder_by_l(&number)), [0, 5]);
    run(e_signature::sound()).await;
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
async fn hosts_forwarding_fields_and_paths_say_one_thing() {
    run(i_target::requests()).await;
}

#[tokio::test]
async fn the_identity_is_that_of_the_token() {
    run(i_target::identities()).await;
}

#[tokio::test]
async fn a_proof_passes_once() {
    run(j_replay::replays()).await;
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
async fn proofs_and_nonces_end_when_they_should() {
    // They mostly wait: each has a gateway of its own, and all wait at once.
    let waiting = tokio::task::LocalSet::new();
    for case in j_replay::later() {
        waiting.spawn_local(run(vec![case]));
    }
    waiting.await;
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

#[tokio::test]
async fn bytes_that_are_no_plain_request_are_not_forwarded() {
    run(p_framing::rows()).await;
}
