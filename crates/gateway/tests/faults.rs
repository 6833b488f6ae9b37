//! Faults, as tests. After each one the next good call passes and the memory is back at its level. Where a fault needs the
//! program as a process, for its memory, its signals or its connections, the test is in `crates/cli/tests/faults`.
//!
//! | fault | test |
//! |---|---|
//! | the key endpoint is down at start, slow, answers 500, HTML, half or 50 MB | `key_faults::without_keys_nothing_passes_and_the_first_good_answer_ends_that` |
//! | the same later, and down | `key_faults::the_keys_there_are_outlive_every_fault` |
//! | keys without `alg` or `kid` | `key_faults::keys_need_neither_algorithm_nor_name` |
//! | keys rotate under load | `key_rotation::no_good_call_is_refused_while_keys_rotate` |
//! | keys rotate while strangers ask for others | `key_rotation::made_up_key_names_delay_a_new_key_by_seconds_at_most` |
//! | an upstream is slow, resets, answers half | `upstream_faults::an_upstream_that_fails_is_told_and_half_an_answer_is_never_whole` |
//! | an upstream has no connection left | `upstream_limits::requests_wait_for_a_connection_and_in_the_end_are_told_to_come_back` |
//! | the clock steps by a minute | `clock::the_window_of_proofs_moves_with_the_clock` |
//! | … and proofs were used before | `clock::a_used_proof_stays_used_and_good_calls_pass_after_every_step` |
//! | … by minutes, and back | `clock::a_long_jump_forward_and_back_lets_no_used_proof_in` |
//! | … and nonces were handed out before | `clock::nonces_of_later_are_replaced_and_old_ones_end` |
//! | … and keys were fetched or missed before | `refresh::a_clock_that_is_set_back_prolongs_nothing` |
//! | certificates are replaced, deleted, half-written, swapped by link | `files::certificates_follow_whole_files_only` |
//! | secrets are | `files::secrets_follow_whole_files_only` |
//! | the key of nonces is, and used proofs stay used | `secrets::nonces_follow_the_master_key_and_used_proofs_stay_used` |
//! | rule files are | `files::rules_follow_whole_files_only` |
//! | a rule server fails | `http_rules::rules_follow_their_server_and_bad_answers_change_nothing` |
//! | SIGTERM under load | `stopping::sigterm_loses_no_request_that_had_begun` |
//! | … and requests that had arrived unread | `last_requests::what_has_arrived_unread_is_answered_before_the_end` |
//! | a request does not end after SIGTERM | `lifecycle::shutdown_does_not_wait_for_ever` |
//! | 10,000 idle and slow connections | `many_connections::ten_thousand_idle_and_slow_connections_disturb_nobody` |
//! | a burst of connections | `listen::a_burst_finds_room_before_anybody_accepts` |
//! | request smuggling in HTTP/1.1 | `smuggling::no_shape_smuggles_a_request` |
//! | … and the test would see one | `smuggling::what_follows_an_undoubted_body_is_a_request` |
//! | rapid reset in HTTP/2 | `rapid_reset::rapid_resets_cost_no_memory_and_nobody_else` |
//! | CONTINUATION and SETTINGS floods in HTTP/2 | `http2_rows::floods_end_their_connection_and_nobody_elses` |

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    dead_code
)]

#[path = "sockets"]
mod sockets {
    pub mod dpop_setup;
    pub mod issuer;
    pub mod raw_client;
    pub mod running_gateway;
    pub mod upstream;
}

mod faults {
    mod clock;
    mod last_requests;
    mod map;
    mod one_thread;
}
