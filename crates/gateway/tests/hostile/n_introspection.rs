//! Opaque tokens about which the issuer is asked: whatever it answers, and whatever is remembered of that.

use std::time::{Duration, Instant};

use jose::{Algorithm, KeyPair};
use serde_json::{Value, json};

use super::{
    endpoints::{Asked, Endpoint, Kind, MIXED, Reply, Row, WITH_NONCE, opaque, opaque_with},
    gateway_site::GatewaySite,
    rows::{
        case::{at, twice},
        draft::{Draft, copy_of},
        expectation::*,
        site::Site,
    },
};

/// A row whose endpoint does this, for an opaque token with a good proof.
macro_rules! asked {
    ($id:literal, $expected:expr, $script:expr) => {
        asked!($id, $expected, $script, opaque)
    };
    ($id:literal, $expected:expr, $script:expr, $spoil:expr) => {
        Row::new(Kind::Introspection, $script, at(concat!("/", $id, "/a"), $id, $expected, $spoil))
    };
}

/// A row about a token that is active but for these members.
macro_rules! says {
    ($id:literal, $expected:expr, $changes:tt) => {
        asked!($id, $expected, |a| Reply::json(a.active(json!($changes))))
    };
}

/// A row about the second request with a token.
macro_rules! second {
    ($id:literal, $before:expr, $expected:expr, $script:expr, $spoil:expr) => {
        Row::new(
            Kind::Introspection,
            $script,
            twice(concat!("/", $id, "/a"), $id, (opaque, $before), $expected, $spoil),
        )
    };
}

fn active(asked: &Asked) -> Reply {
    Reply::json(asked.active(json!({})))
}

/// `active` with another value than it should have.
fn with_active(asked: &Asked, value: &str) -> Reply {
    let good = asked.active(json!({})).to_string();
    assert!(good.contains("\"active\":true"));
    Reply::json(good.replace("\"active\":true", &format!("\"active\":{value}")))
}

fn active_with_status(asked: &Asked, status: u16) -> Reply {
    Reply::Answer(status, "application/json", asked.active(json!({})).to_string())
}

fn fresh(draft: &mut Draft) {
    draft.claim("jti", json!(dpop::fresh_jti()));
}

/// All the characters of token68 that need care in a form.
const ODD: &str = "~+/.-_~++//..";

pub fn rows() -> Vec<Row> {
    vec![
        asked!("A3", BARE, active, |d| {
            d.wire = Some(|w| {
                w.remove("authorization");
                w.remove("dpop");
            });
        }),
        asked!("K3", NONCE, active).set(|endpoint| endpoint.possession = WITH_NONCE),
        asked!("N1", ALLOWED, active),
        asked!(
            "N2",
            ALLOWED,
            |a| match a.token().ends_with(&format!("{ODD}=")) {
                true => active(a),
                false => Reply::json(json!({"active": false})),
            },
            |d| opaque_with(d, &format!("{ODD}="))
        ),
        asked!(
            "N3",
            ALLOWED,
            |a| match a.token().ends_with("x==") {
                true => active(a),
                false => Reply::json(json!({"active": false})),
            },
            |d| opaque_with(d, "x==")
        ),
        says!("N4", ALLOWED, {"token_type": "dpop"}),
        says!("N5", ALLOWED, {"aud": ["a", "https://api.example"], "unknown": {"x": [1, null]}}),
        says!("N6", PROOF_OR_TOKEN, {"cnf": null}),
        asked!("N7", PROOF_OR_TOKEN, |a| {
            let mut response = a.active(json!({}));
            response["cnf"] = Value::Null;
            Reply::json(response)
        }),
        says!("N8", PROOF_OR_TOKEN, {"cnf": {}}),
        says!("N9", UNAUTHORIZED_OR_BAD_ANSWER, {"cnf": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}),
        asked!("N10", PROOF_OR_TOKEN, |a| {
            let mut response = a.active(json!({}));
            response["cnf"]["x5t#S256"] = json!("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
            Reply::json(response)
        }),
        asked!("N11", UNAUTHORIZED_OR_BAD_ANSWER, |a| with_active(a, "\"true\"")),
        asked!("N12", UNAUTHORIZED_OR_BAD_ANSWER, |a| with_active(a, "null")),
        asked!("N13", TOKEN, |a| with_active(a, "false")),
        says!("N14", UNAUTHORIZED_OR_BAD_ANSWER, {"active": null}),
        asked!("N15", UNAUTHORIZED_OR_BAD_ANSWER, |a| with_active(a, "[]")),
        asked!("N16", UNAUTHORIZED_OR_BAD_ANSWER, |a| with_active(a, "{}")),
        says!("N17", PROOF_OR_TOKEN, {"token_type": "N_A"}),
        says!("N18", UNAUTHORIZED_OR_BAD_ANSWER, {"token_type": 7}),
        says!("N19", PROOF_OR_TOKEN, {"token_type": "access_token"}),
        says!("N20", TOKEN, {"exp": super::rows::draft::now() - 60}),
        asked!("N21", FAULT, |_| Reply::status(500)),
        asked!("N22", FAULT, |_| {
            Reply::Answer(200, "text/html", "<!doctype html><p>active</p>".to_owned())
        }),
        asked!("N23", FAULT, |a| {
            let good = a.active(json!({})).to_string();
            Reply::json(&good[..good.len() - 9])
        }),
        asked!("N24", UNAUTHORIZED_OR_FAULT, |a| Reply::json(json!([a.active(json!({}))]))),
        asked!("N25", FAULT, |a| active_with_status(a, 503)),
        asked!("N26", FAULT, |a| active_with_status(a, 400)),
        asked!("N27", FAULT, |_| Reply::status(204)),
        asked!("N29", REFUSED_OR_FAULT, |a| {
            Reply::Answer(200, "text/html", a.active(json!({})).to_string())
        }),
        second!(
            "N30",
            502,
            ALLOWED,
            |a| match a.hits {
                0 => Reply::status(500),
                _ => active(a),
            },
            fresh
        ),
        second!("N31", 200, PROOF_OR_TOKEN, active, |d| {
            fresh(d);
            d.proof_by_another_key();
        }),
        second!("N32", 200, PROOF, active, |d| d.wire = Some(|w| w.remove("dpop"))),
        second!("N33", 200, PROOF_OR_TOKEN, active, |d| {
            fresh(d);
            d.scheme = "Bearer";
        }),
        second!(
            "N34",
            200,
            TOKEN,
            |a| match a.hits {
                0 => active(a),
                _ => Reply::json(json!({"active": false})),
            },
            fresh
        )
        .set(|endpoint| endpoint.settings = "cache_ttl: 0s, "),
        second!(
            "N36",
            200,
            TOKEN,
            |a| match a.token().ends_with("-and-more") {
                true => Reply::json(json!({"active": false})),
                false => active(a),
            },
            |d| {
                fresh(d);
                // No token ends so by chance, as some do with one letter.
                let longer = format!("{}-and-more", d.token_text.take().unwrap());
                d.token_text = Some(longer);
            }
        ),
        asked!("N37", PROOF, active, |d| {
            opaque(d);
            d.wire = Some(|w| w.remove("dpop"));
        }),
        asked!("N38", PROOF_OR_TOKEN, active, |d| {
            opaque(d);
            d.scheme = "Bearer";
            d.wire = Some(|w| w.remove("dpop"));
        }),
        asked!("N39", ALLOWED, active).set(|endpoint| endpoint.possession = MIXED),
        asked!("N40", ALLOWED, active, |d| {
            opaque(d);
            d.nonce_from = "/N40/a";
            d.nonce = Some(|nonce| json!(nonce));
        })
        .set(|endpoint| endpoint.possession = WITH_NONCE),
        asked!("N41", UNAUTHORIZED_OR_BAD_ANSWER, |a| {
            let good = a.active(json!({})).to_string();
            Reply::json(format!("{},\"active\":false}}", good.strip_suffix('}').unwrap()))
        }),
    ]
}

#[tokio::test]
async fn no_answer_of_the_issuer_lets_the_wrong_request_pass() {
    let rows = rows();
    let site = GatewaySite::with_endpoints(rows.iter().map(|row| row.endpoint).collect()).await;
    site.run(rows.into_iter().map(|row| row.case).collect()).await;
    for (name, hits) in [("N30", 2), ("N31", 1), ("N32", 1), ("N33", 1), ("N34", 2), ("N36", 2)] {
        assert_eq!(site.endpoints.hits(name), hits, "{name}: how often the issuer was asked");
    }
}

/// N28: the answer comes in bounded time.
#[tokio::test]
async fn an_issuer_that_never_answers_is_given_up() {
    let endpoint = Endpoint::new(Kind::Introspection, "N28", |_| Reply::Silence);
    let site = GatewaySite::with_endpoints(vec![endpoint]).await;
    let started = Instant::now();
    site.run(vec![at("/N28/a", "N28", FAULT, opaque)]).await;
    assert!(started.elapsed() < Duration::from_secs(12), "N28: {:?}", started.elapsed());
}

/// N35: what is remembered of token A says nothing about B.
#[tokio::test]
async fn two_remembered_tokens_are_not_mixed_up() {
    let endpoint = Endpoint::new(Kind::Introspection, "N35", active);
    let site = GatewaySite::with_endpoints(vec![endpoint]).await;
    let [one, other] = [(); 2].map(|()| KeyPair::generate(Algorithm::Es256).unwrap());
    let mut statuses = Vec::new();
    // The key that the token is bound to, and the one that signs.
    for (bound, signing) in [(&one, &one), (&other, &other), (&other, &one), (&other, &other)] {
        let mut draft = Draft::new(site.issuer(), "/N35/a");
        draft.use_key(copy_of(bound));
        opaque(&mut draft);
        draft.proof_by(copy_of(signing));
        let (answer, _) = site.ask(&mut draft).await;
        let answer = answer.unwrap();
        if answer.status != 200 {
            let wrong = faults(PROOF_OR_TOKEN, Some(&answer), 0);
            assert!(wrong.is_empty(), "N35: {wrong:?}");
        }
        statuses.push(answer.status);
    }
    assert_eq!(statuses, [200, 200, 401, 200]);
    assert_eq!((site.reached(), site.endpoints.hits("N35")), (3, 2));
}
