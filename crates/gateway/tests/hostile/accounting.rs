//! Every case of the catalogue is accounted for exactly once: by a row, or by a test that a row can not be.

use std::collections::BTreeMap;

use super::{
    m_keys, n_introspection,
    rows::{
        ids::{catalogue, ids},
        j_replay, p_framing, tables,
    },
};

/// Ids, as ranges within a section, that a test of their own covers: its file and its name. Each id stands in that test.
const TESTS: &[(&str, &str, &str)] = &[
    ("A53 A54", include_str!("../sockets/cors.rs"), "scripts_see_challenge_and_nonce_of_a_refusal"),
    ("J13", include_str!("at_once.rs"), "of_copies_with_a_nonce_one_gets_through"),
    ("J14", include_str!("at_once.rs"), "of_copies_where_a_proof_is_not_always_needed_one_gets_through"),
    ("J15", include_str!("at_once.rs"), "of_copies_with_an_ed25519_key_one_gets_through"),
    ("J29", include_str!("sequences.rs"), "a_restart_forgets_used_proofs_as_documented"),
    ("J30", include_str!("../sockets/http2_rows.rs"), "of_streams_with_one_proof_one_gets_through"),
    ("K33", include_str!("sequences.rs"), "the_first_of_two_nonces_is_still_good"),
    ("M4", include_str!("m_keys.rs"), "an_endpoint_that_never_answers_is_given_up"),
    ("M6", include_str!("m_keys.rs"), "a_key_set_without_end_is_not_read_to_its_end"),
    ("M8", include_str!("m_keys.rs"), "requests_that_wait_for_the_same_keys_share_a_fetch"),
    ("N28", include_str!("n_introspection.rs"), "an_issuer_that_never_answers_is_given_up"),
    ("N35", include_str!("n_introspection.rs"), "two_remembered_tokens_are_not_mixed_up"),
    ("O5-6", include_str!("log_lines.rs"), "clients_write_no_lines_and_no_colours"),
    ("O9", include_str!("at_once.rs"), "signatures_of_garbage_keep_nobody_waiting"),
    ("O13", include_str!("sequences.rs"), "a_post_is_not_sent_to_the_upstream_again"),
    ("O14", include_str!("sequences.rs"), "a_head_that_drips_closes_the_connection"),
    ("P3", include_str!("sequences.rs"), "the_connection_is_closed_after_two_lengths"),
    ("P47", include_str!("sequences.rs"), "an_expected_body_is_sent_after_the_interim_answer"),
    ("P49", include_str!("sequences.rs"), "good_and_bad_proofs_alternate_on_one_connection"),
    ("P53-56 P65-66", include_str!("../sockets/http2_rows.rs"), "credentials_are_judged_as_in_http_1_1"),
    (
        "P57-64 P67-71",
        include_str!("../sockets/http2_rows.rs"),
        "heads_that_contradict_themselves_or_the_connection",
    ),
    (
        "P72-75",
        include_str!("../sockets/http2_rows.rs"),
        "bodies_have_the_length_they_say_and_trailers_are_no_credentials",
    ),
    ("P77-78", include_str!("../sockets/http2_rows.rs"), "floods_end_their_connection_and_nobody_elses"),
    ("P76", include_str!("../sockets/http2.rs"), "rapid_resets_end_their_connection_and_no_other"),
];

/// A test with what is said before it.
fn test<'a>(source: &'a str, name: &str) -> &'a str {
    let at = source.find(&format!("fn {name}(")).unwrap_or_else(|| panic!("there is no {name}"));
    let start = source[..at].rfind("\n}\n").unwrap_or(0);
    let end = source[at..].find("\n}\n").map_or(source.len(), |end| at + end);
    &source[start..end]
}

/// Whether an id stands in a text, not as the beginning of a longer one.
fn names(text: &str, id: &str) -> bool {
    text.match_indices(id)
        .any(|(at, _)| !text[at + id.len()..].starts_with(|next: char| next.is_ascii_digit()))
}

#[test]
fn every_case_is_accounted_for_once() {
    let rows = tables::at_once()
        .into_iter()
        .chain(j_replay::later())
        .chain(p_framing::rows())
        .chain(m_keys::rows().into_iter().map(|row| row.case))
        .chain(n_introspection::rows().into_iter().map(|row| row.case))
        .map(|case| case.id.to_owned());
    let mut counts: BTreeMap<String, usize> = catalogue().into_iter().map(|id| (id, 0)).collect();
    for id in rows.chain(TESTS.iter().flat_map(|(ranges, _, _)| ids(ranges))) {
        *counts.get_mut(&id).unwrap_or_else(|| panic!("{id} is no id of the catalogue")) += 1;
    }
    counts.retain(|_, count| *count != 1);
    assert!(counts.is_empty(), "not accounted for once: {counts:?}");
    for (ranges, source, name) in TESTS {
        let test = test(source, name);
        for id in ids(ranges) {
            assert!(names(test, &id), "{id} does not stand in {name}");
        }
    }
}
