//! The tables that are for every site, in one place, and a test for each.

use super::{
    a_transport, b_container, c_header, case::Case, d_key, e_signature, f_claims, i_target, j_replay,
    l_binding, l_token,
};

/// Those whose rows need no time to pass.
pub fn at_once() -> Vec<Case> {
    let tables = [
        a_transport::rows(),
        b_container::rows(),
        c_header::rows(),
        d_key::rows(),
        e_signature::rows(),
        f_claims::rows(),
        i_target::proofs(),
        i_target::requests(),
        i_target::identities(),
        j_replay::replays(),
        j_replay::nonces(),
        j_replay::spoiled(),
        l_binding::binding(),
        l_binding::tokens(),
        l_token::tokens(),
        l_token::proofs(),
    ];
    tables.into_iter().flatten().collect()
}

/// A test for each table; `$run` runs the cases that it is given, and `rows` is this folder, whatever it is called there. The
/// rows for which time must pass are the caller's.
#[macro_export]
macro_rules! test_each_table {
    ($run:ident) => {
        #[tokio::test]
        async fn credentials_count_only_where_they_belong() {
            $run(rows::a_transport::rows()).await;
        }

        #[tokio::test]
        async fn a_proof_is_one_compact_jws_of_two_json_objects() {
            $run(rows::b_container::rows()).await;
        }

        #[tokio::test]
        async fn the_header_of_a_proof_is_the_demanded_one() {
            $run(rows::c_header::rows()).await;
        }

        #[tokio::test]
        async fn a_proof_key_is_public_sound_and_written_in_one_way() {
            $run(rows::d_key::rows()).await;
        }

        #[tokio::test]
        async fn a_signature_holds_in_one_form_only() {
            $run(rows::e_signature::rows()).await;
        }

        /// What is made by hand is right where it is not spoiled: else the rows above would show nothing.
        #[tokio::test]
        async fn signatures_made_by_hand_hold() {
            $run(rows::e_signature::sound()).await;
        }

        #[tokio::test]
        async fn claims_have_their_types_and_fit_the_request() {
            $run(rows::f_claims::rows()).await;
        }

        #[tokio::test]
        async fn a_proof_is_good_for_its_target_alone() {
            $run(rows::i_target::proofs()).await;
        }

        #[tokio::test]
        async fn hosts_forwarding_fields_and_paths_say_one_thing() {
            $run(rows::i_target::requests()).await;
        }

        #[tokio::test]
        async fn the_identity_is_that_of_the_token() {
            $run(rows::i_target::identities()).await;
        }

        #[tokio::test]
        async fn a_proof_passes_once() {
            $run(rows::j_replay::replays()).await;
        }

        #[tokio::test]
        async fn nonces_are_ours_and_fresh() {
            $run(rows::j_replay::nonces()).await;
        }

        #[tokio::test]
        async fn a_spoiled_nonce_is_no_nonce() {
            $run(rows::j_replay::spoiled()).await;
        }

        #[tokio::test]
        async fn a_token_is_bound_by_hash_and_thumbprint() {
            $run(rows::l_binding::binding()).await;
        }

        #[tokio::test]
        async fn a_token_is_of_its_issuer_and_for_this_audience_and_scope() {
            $run(rows::l_binding::tokens()).await;
        }

        #[tokio::test]
        async fn only_good_tokens_bound_to_the_proof_key_pass() {
            $run(rows::l_token::tokens()).await;
        }

        #[tokio::test]
        async fn headers_keys_and_signatures_of_proofs_are_sound() {
            $run(rows::l_token::proofs()).await;
        }
    };
}
