//! The rows of the catalogue of hostile requests as data: what each changes about a good request, and what must come back.
//!
//! Nothing here knows what is under test. A [`case::Case`] names its id, the target it asks for, what it does to a good
//! [`draft::Draft`] and what it [expects](expectation). A [`site::Site`] is what the rows run against: it makes tokens known to
//! the thing under test, sends a [`draft::Wire`] and counts what got through. [`site::Site::run`] runs a table.
//!
//! To run the rows against another site, from the tests of another crate:
//!
//! 1. Include this folder: `#[path = "../../gateway/tests/hostile/rows/mod.rs"] mod rows;` in `tests/hostile.rs`. It needs
//!    `keybound-dpop`, `keybound-jose`, `keybound-testkit` and `serde_json`, and lints for tests allowed as in the gateway's
//!    `tests/hostile.rs`.
//! 2. Implement [`site::Site`]. The issuer's keys are its ES256 key with the `kid` `issuer-key` and [`issuer_keys::rsa_key`] with
//!    the `kid` `issuer-rsa` and RS256. The routes are the first segments of the targets:
//!
//!    | target | demands |
//!    |---|---|
//!    | `/plain/**`, `/` | DPoP; 60 s for a proof and 10 s of leeway; RS256, PS256, ES256, ES384, ES512, EdDSA |
//!    | `/nonce/**` | the same, and a nonce |
//!    | `/mixed/**` | a proof for bound tokens, none for others |
//!    | `/short/**` | as `/plain`, with 2 s for a proof and 1 s of leeway |
//!    | `/short-nonce/**` | as `/nonce`, with 3 s for a proof and 1 s of leeway |
//!    | `/es256/**` | as `/plain`, with ES256 alone for tokens and proofs |
//!    | `/audience/**` | the audience `https://api.example` |
//!    | `/scope/**` | the scope `api:read` |
//!
//!    Others belong to a gateway: rewritten targets, tenants by host, locked areas, fields set for the upstream.
//! 3. `test_each_table!(run)`, where `run` gives the cases to the site and leaves out, by [id](ids), what it does not have, as
//!    those need that are [`ECHOED`].
//!
//! Rows with a [pause](case::Case::pause) are in tables of their own. Challenges have `algs`; where a site says that they
//! carry `error_description`s, these are looked at too.
//!
//! The external origin is `http://` and the `Host` of the request. An allowed request is answered with 200.

/// Rows, as ranges of ids, whose answer tells what an upstream was sent: for sites with an upstream that echoes it.
pub const ECHOED: &[(&str, &str)] = &[
    ("A60-63 F29", "fields and cookies that are set for the upstream"),
    ("H10", "the method that the upstream sees"),
    ("I91 I94-97", "the target that the upstream sees"),
    ("P40 P44-45 P52", "the fields of one connection that the upstream does not see"),
];

pub mod a_transport;
pub mod answer;
pub mod b_container;
pub mod c_header;
pub mod case;
pub mod d_key;
pub mod draft;
pub mod e_signature;
pub mod expectation;
pub mod f_claims;
pub mod i_target;
pub mod ids;
pub mod issuer_keys;
pub mod j_replay;
pub mod l_binding;
pub mod l_token;
pub mod p_framing;
pub mod rsa_by_hand;
pub mod site;
pub mod tables;
