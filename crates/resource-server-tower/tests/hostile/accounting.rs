//! Which rows are not for a layer, and why; every id of the sections that concern a resource server is accounted for.

use std::collections::BTreeMap;

use crate::rows::ids::{catalogue, ids};
use crate::rows::{j_replay, tables};

/// The sections: credentials, container, header, key, signature, claims, time, method, target, replays, nonces, token.
const SECTIONS: &str = "ABCDEFGHIJKL";

/// Ids of the catalogue, as ranges within a section, and why no row is run.
const LEFT_OUT: &[(&str, &str)] = &[
    ("A3", "a route of the gateway that asks an introspection endpoint: `tests/introspection.rs`"),
    ("A53-54", "the layer answers no preflight and sets no CORS fields"),
    ("A60-61 F29", "name the user to an upstream"),
    ("A62-63", "replace the credentials for an upstream"),
    ("H13-14", "the layer believes no proxy about the method"),
    ("I56 I102", "names that no DNS server answers: whoever lets hosts in from the network judges them"),
    (
        "I72-73 I86-90 I92-93",
        "which route a path belongs to is the router's choice; the layer stands in the one that was chosen",
    ),
    ("I74 I98-99 I103-105", "routes of the gateway that rewrite, decode or choose by host"),
    ("I95", "collapses slashes for an upstream"),
    ("J13-15 J30", "many at once: `of_many_equal_requests_at_once_exactly_one_gets_in` in `tests/layer.rs`"),
    ("J26", "an upstream that fails"),
    ("J29", "a restart of a server; a new layer has a new store"),
    ("K3", "opaque tokens: `tests/introspection.rs`"),
    ("K33", "two nonces: `a_nonce_is_handed_out_accepted_and_replaced_when_it_ages` in `tests/layer.rs`"),
    ("L103", "that there is a subject is what a gateway demands; a handler may demand it of its extractor"),
];

/// Whether a row is run.
pub fn applies(id: &str) -> bool {
    id.starts_with(|section| SECTIONS.contains(section))
        && !LEFT_OUT.iter().any(|(ranges, _)| ids(ranges).iter().any(|left_out| left_out == id))
}

#[test]
fn every_case_is_accounted_for_once() {
    let mut counts: BTreeMap<String, usize> = catalogue()
        .into_iter()
        .filter(|id| id.starts_with(|section| SECTIONS.contains(section)))
        .map(|id| (id, 0))
        .collect();
    let run = tables::at_once()
        .into_iter()
        .chain(j_replay::later())
        .map(|case| case.id.to_owned())
        .filter(|id| applies(id));
    for id in run.chain(LEFT_OUT.iter().flat_map(|(ranges, _)| ids(ranges))) {
        *counts.get_mut(&id).unwrap_or_else(|| panic!("{id} is no id of the catalogue")) += 1;
    }
    counts.retain(|_, count| *count != 1);
    assert!(counts.is_empty(), "not accounted for once: {counts:?}");
}
