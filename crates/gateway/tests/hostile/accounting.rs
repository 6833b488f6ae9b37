//! Every case of the catalogue is accounted for exactly once: by a row, by a test elsewhere, or as pending with a reason.

use std::collections::BTreeMap;

use super::rows::{
    a_transport, b_container, c_header, d_key, e_signature, f_claims, i_target, j_replay, l_binding, l_token,
    p_framing,
};

/// Ids, as ranges within a section, and the reason why there is no test.
pub const PENDING: &[(&str, &str)] = &[
    ("A3 A62-63", "introspection route, cookie and token finalizers"),
    ("F30", "needs a token that is its own proof"),
    ("J11 J14-15 J24-26 J29-30", "time, faults, concurrency on other routes, restart, HTTP/2"),
    ("K3 K14-15 K28 K30 K33", "time, opaque tokens, cached upstream answers"),
    ("M2-25", "issuer faults: each needs a key endpoint of its own"),
    ("N2-3 N12 N28 N31-34 N37-40", "introspection; no test names these"),
    ("O5-6 O9 O12-13", "format of the log, load, upstreams that close"),
    ("P36", "a preface of HTTP/2 with prior knowledge"),
];

/// Ids that a test elsewhere covers: its file and its name.
const ELSEWHERE: &[(&str, &str, &str)] = &[
    ("A53-54", include_str!("../sockets/cors.rs"), "scripts_see_challenge_and_nonce_of_a_refusal"),
    ("J13", include_str!("../sockets/dpop_routes.rs"), "of_many_copies_of_one_request_one_gets_through"),
    ("M1", include_str!("../sockets/dpop_routes.rs"), "without_the_issuers_keys_nothing_is_decided"),
    (
        "N1 N4-11 N13-27 N29 N41",
        include_str!("../../../gateway-core/tests/decisions/introspection.rs"),
        "hostile_answers_never_let_a_request_pass",
    ),
    (
        "N30 N35-36",
        include_str!("../../../gateway-core/tests/decisions/introspection.rs"),
        "n30_n35_n36_what_is_remembered_belongs_to_one_token_and_is_no_failure",
    ),
    ("O7-8", include_str!("../log.rs"), "one_access_event_for_each_request_and_no_credentials_anywhere"),
    ("O14", include_str!("../sockets/time_limits.rs"), "a_head_that_is_not_finished_closes_the_connection"),
    ("P3", include_str!("connections.rs"), "the_connection_is_closed_after_two_lengths"),
    ("P47", include_str!("connections.rs"), "an_expected_body_is_sent_after_the_interim_answer"),
    ("P49", include_str!("connections.rs"), "good_and_bad_proofs_alternate_on_one_connection"),
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

/// The ids of ranges such as `A2-3 B7`.
fn ids(ranges: &str) -> Vec<String> {
    ranges
        .split_whitespace()
        .flat_map(|range| {
            let (section, numbers) = range.split_at(1);
            let (first, last) = numbers.split_once('-').unwrap_or((numbers, numbers));
            let (first, last): (u16, u16) = (first.parse().unwrap(), last.parse().unwrap());
            (first..=last).map(move |number| format!("{section}{number}"))
        })
        .collect()
}

#[test]
fn every_case_is_accounted_for_once() {
    let rows = [
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
        j_replay::nonces(),
        j_replay::spoiled(),
        l_binding::binding(),
        l_binding::tokens(),
        l_token::tokens(),
        l_token::proofs(),
        p_framing::rows(),
    ];
    let mut counts: BTreeMap<String, usize> =
        ids(include_str!("../../../../vectors/hostile/ids.txt")).into_iter().map(|id| (id, 0)).collect();
    let pending = PENDING.iter().flat_map(|(ranges, _)| ids(ranges));
    let elsewhere = ELSEWHERE.iter().flat_map(|(ranges, _, _)| ids(ranges));
    let rows = rows.iter().flatten().map(|case| case.id.to_owned());
    for id in rows.chain(pending).chain(elsewhere) {
        *counts.get_mut(&id).unwrap_or_else(|| panic!("{id} is no id of the catalogue")) += 1;
    }
    counts.retain(|_, count| *count != 1);
    assert!(counts.is_empty(), "not accounted for once: {counts:?}");
    for (ranges, source, test) in ELSEWHERE {
        assert!(source.contains(&format!("fn {test}(")), "{ranges}: there is no {test}");
    }
}
