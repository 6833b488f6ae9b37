//! Calls that must not reach the API, and what the client must be told.

/// A call that must not reach the API. The base is a GET of `/api/orders` with token and a good proof.
pub(super) struct Refused {
    pub(super) name: &'static str,
    pub(super) method: &'static str,
    pub(super) target: &'static str,
    pub(super) scheme: Option<&'static str>,
    pub(super) proof: Proof,
    pub(super) headers: &'static [(&'static str, &'static str)],
    pub(super) answer: Expected,
}

/// The proof of a call.
#[derive(Clone, Copy)]
pub(super) enum Proof {
    None,
    Good,
    Twice,
    /// For another method and URL; a path stands for one at the front.
    Over(&'static str, &'static str),
}

/// How a refusal looks to the client.
#[derive(Clone, Copy)]
pub(super) enum Expected {
    /// Status and the beginning of the only challenge.
    Challenge(u16, &'static str),
    /// Some error. Fronts that take a 400 of the gateway for a fault of theirs say 500.
    AnyError,
}

pub(super) const PROOF: Expected = Expected::Challenge(401, "DPoP error=\"invalid_dpop_proof\"");
const TOKEN: Expected = Expected::Challenge(401, "DPoP error=\"invalid_token\"");
const NO_ERROR: Expected = Expected::Challenge(401, "DPoP algs=");

const BASE: Refused = Refused {
    name: "",
    method: "GET",
    target: "/api/orders",
    scheme: Some("DPoP"),
    proof: Proof::Good,
    headers: &[],
    answer: PROOF,
};

pub(super) const REFUSED: &[Refused] = &[
    Refused { name: "no credentials", scheme: None, proof: Proof::None, answer: NO_ERROR, ..BASE },
    Refused { name: "a proof without token", scheme: None, answer: NO_ERROR, ..BASE },
    Refused { name: "no proof", proof: Proof::None, ..BASE },
    Refused { name: "as Bearer", scheme: Some("Bearer"), proof: Proof::None, answer: TOKEN, ..BASE },
    Refused { name: "as Bearer with its proof", scheme: Some("Bearer"), answer: TOKEN, ..BASE },
    Refused { name: "two proofs", proof: Proof::Twice, ..BASE },
    Refused { name: "proof for another method", proof: Proof::Over("POST", "/api/orders"), ..BASE },
    Refused { name: "proof for another path", proof: Proof::Over("GET", "/api/other"), ..BASE },
    Refused {
        name: "proof for another host",
        proof: Proof::Over("GET", "https://evil.example/api/orders"),
        ..BASE
    },
    Refused { name: "request for another host", headers: &[("Host", "evil.example")], ..BASE },
    Refused {
        name: "X-Forwarded-Host does not move the request",
        proof: Proof::Over("GET", "https://evil.example/api/orders"),
        headers: &[("X-Forwarded-Host", "evil.example"), ("Forwarded", "host=evil.example")],
        ..BASE
    },
    Refused {
        name: "X-Forwarded-Proto does not",
        proof: Proof::Over("GET", "http://localhost/api/orders"),
        headers: &[("X-Forwarded-Proto", "http"), ("X-Forwarded-Host", "localhost")],
        ..BASE
    },
    Refused {
        name: "X-Forwarded-Method does not",
        method: "DELETE",
        proof: Proof::Over("GET", "/api/orders"),
        headers: &[("X-Forwarded-Method", "GET"), ("X-HTTP-Method-Override", "GET")],
        ..BASE
    },
    Refused {
        name: "X-Forwarded-Uri does not",
        scheme: None,
        proof: Proof::None,
        headers: &[
            ("X-Forwarded-Uri", "/public/a"),
            ("X-Forwarded-Path", "/public/a"),
            ("X-Original-Uri", "/public/a"),
            ("X-Original-Url", "/public/a"),
            ("X-Rewrite-Url", "/public/a"),
            ("X-Envoy-Original-Path", "/public/a"),
        ],
        answer: NO_ERROR,
        ..BASE
    },
    Refused {
        name: "a scope that the token lacks",
        target: "/scoped/a",
        answer: Expected::Challenge(403, "DPoP error=\"insufficient_scope\""),
        ..BASE
    },
    Refused { name: "a path of no rule", target: "/other", answer: NO_ERROR, ..BASE },
    Refused { name: "the path that fronts ask at", target: "/_decision", answer: Expected::AnyError, ..BASE },
    Refused {
        name: "dot segments out of a public path",
        target: "/public/../api/orders",
        scheme: None,
        proof: Proof::None,
        answer: Expected::AnyError,
        ..BASE
    },
    Refused {
        name: "encoded dot segments out of a public path",
        target: "/public/%2e%2e/api/orders",
        scheme: None,
        proof: Proof::None,
        answer: Expected::AnyError,
        ..BASE
    },
    Refused {
        name: "an encoded slash out of a public path",
        target: "/public/..%2fapi/orders",
        scheme: None,
        proof: Proof::None,
        answer: Expected::AnyError,
        ..BASE
    },
];
