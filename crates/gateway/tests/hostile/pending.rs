//! Rows of the catalogue of cases that have no test here yet, and why.

/// Ids, as ranges within a section, and the reason.
pub const PENDING: &[(&str, &str)] = &[
    ("A2-3 A60-63", "introspection and identity header routes; A53-54 are in sockets/cors.rs"),
    (
        "C2-5 C8-12 C14-15 C17 C19-21 C23-29 C31-32 C35 C38-40 C42-44 C47-52 C55-59 C61-66",
        "header of the proof; no rows yet for these",
    ),
    ("D3-4 D9-14 D16-19 D21 D23-62", "proof keys; no rows yet for these"),
    ("E2-3 E6-9 E12 E14-29", "signatures; no rows yet for these"),
    ("F29-30", "self-signed token, identity route"),
    (
        "I1 I3 I6-12 I14-18 I20-44 I46-48 I50-52 I54-58 I61-85 I88-89 I91-98 I100-105",
        "target and host; no rows yet for these",
    ),
    ("J11 J13-15 J24-26 J29-30", "time, faults, concurrency, HTTP/2"),
    ("K3 K14-15 K28 K30 K33", "time, opaque tokens, cached upstream answers"),
    (
        "L1-2 L4-10 L22-24 L29-33 L35 L41-45 L48 L54 L59 L61 L63-65 L67-80 L82 L84-86 L88 L90-94 L96 L98-104",
        "access token; no rows yet for these",
    ),
    ("M1-25", "issuer faults: each needs a key endpoint of its own"),
    ("N12 N28 N39-40", "introspection; the other rows are decision tests of `gateway-core`, without sockets"),
    ("O1-14", "log and fault cases; no rows yet for these"),
    (
        "P1-3 P5-7 P9-11 P13-14 P16-17 P19-21 P23-36 P38-52",
        "shapes of HTTP; no rows yet for these; P53-78 are in sockets/http2_rows.rs and sockets/http2.rs",
    ),
];

#[test]
fn what_is_not_covered_is_said() {
    for (ids, reason) in PENDING {
        println!("{reason}: {ids}");
    }
}
