//! Keys and metadata of the issuer: endpoints that fail, lie or publish odd keys.

use std::time::{Duration, Instant};

use jose::{Algorithm, KeyPair};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{
    endpoints::{Asked, Endpoint, Kind, Reply, Row, Script},
    gateway_site::GatewaySite,
    rows::{
        case::{at, twice},
        draft::Draft,
        expectation::*,
        issuer_keys::key_of,
        rsa_by_hand::BITS_1024,
        site::Site,
    },
};

/// A row whose key endpoint does this.
macro_rules! keys {
    ($id:literal, $expected:expr, $script:expr) => {
        keys!($id, $expected, $script, |_| {})
    };
    ($id:literal, $expected:expr, $script:expr, $spoil:expr) => {
        Row::new(Kind::Keys, $script, at(concat!("/", $id, "/a"), $id, $expected, $spoil))
    };
}

/// A row whose issuer has these metadata.
macro_rules! metadata {
    ($id:literal, $expected:expr, $script:expr, $spoil:expr) => {
        Row::new(Kind::Metadata, $script, at(concat!("/", $id, "/a"), $id, $expected, $spoil))
    };
}

/// A key as the issuer publishes it.
fn published(key: &KeyPair, kid: &str) -> Value {
    let mut jwk = Value::Object(key.public_jwk().to_json());
    jwk["kid"] = json!(kid);
    jwk
}

/// The issuer has another key.
fn signed_by(draft: &mut Draft, algorithm: Algorithm) {
    draft.token.header["alg"] = json!(algorithm.as_str());
    draft.token.signer = Some(key_of(algorithm));
}

fn weak_key() -> Value {
    let number = |bytes: Vec<u8>| jose::base64url::encode(bytes);
    json!({"kty": "RSA", "kid": "issuer-key", "n": number(BITS_1024.modulus()), "e": number(BITS_1024.exponent())})
}

fn issuer(draft: &mut Draft, path: &str) {
    let known = draft.token.claims["iss"].as_str().unwrap();
    let origin = known.strip_suffix("/realms/dpop").unwrap();
    draft.token.claims["iss"] = json!(format!("{origin}{path}"));
}

/// Metadata of an issuer whose keys are the usual ones.
fn says(asked: &Asked, issuer: &str) -> Reply {
    Reply::json(json!({"issuer": issuer, "jwks_uri": format!("{}/realms/dpop/certs", asked.origin)}))
}

fn evil(asked: &Asked) -> Reply {
    says(asked, "https://evil.example")
}

const OCT: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

pub fn rows() -> Vec<Row> {
    vec![
        keys!("M1", FAULT, |_| unreachable!("nobody listens")).set(|endpoint| endpoint.kind = Kind::Gone),
        keys!("M2", FAULT, |_| Reply::status(500)),
        keys!("M3", REFUSED_OR_FAULT, |a| match a.path.ends_with("/there") {
            false => Reply::Found(format!("{}/M3/there", a.elsewhere)),
            true => Reply::keys(std::slice::from_ref(&a.jwk)),
        }),
        keys!("M5", UNAUTHORIZED_OR_FAULT, |a| {
            let set = json!({"keys": [a.jwk]}).to_string();
            Reply::json(&set[..set.len() - 20])
        }),
        keys!("M7", ALLOWED, |a| { Reply::Answer(200, "text/plain", json!({"keys": [a.jwk]}).to_string()) }),
        Row::new(
            Kind::Keys,
            |a| match a.hits {
                0 => Reply::keys(std::slice::from_ref(&a.jwk)),
                _ => Reply::keys(&[a.jwk.clone(), published(&key_of(Algorithm::Es384), "new-key")]),
            },
            twice("/M9/a", "M9", (|_| {}, 200), ALLOWED, |d| {
                fresh(d);
                signed_by(d, Algorithm::Es384);
                d.token.header["kid"] = json!("new-key");
                d.token_text = None;
            }),
        ),
        Row::new(
            Kind::Keys,
            |a| match a.hits {
                0 => Reply::keys(std::slice::from_ref(&a.jwk)),
                _ => Reply::status(500),
            },
            // The keys are used up by then.
            twice("/M10/a", "M10", (|_| {}, 200), ALLOWED, fresh).after(Duration::from_millis(1_200)),
        )
        .set(|endpoint| endpoint.settings = "cache_ttl: 1s, "),
        keys!("M11", ALLOWED, |a| Reply::keys(&[a.jwk_with("kid", json!(null))]), |d| {
            d.token.remove_header("kid");
        }),
        keys!("M12", ALLOWED, |a| Reply::keys(std::slice::from_ref(&a.jwk)), |d| {
            d.token.remove_header("kid");
        }),
        keys!("M13", ALLOWED, |a| {
            let other = KeyPair::generate(Algorithm::Es256).unwrap();
            Reply::keys(&[published(&other, "issuer-key"), a.jwk.clone()])
        }),
        keys!("M14", ALLOWED, |a| {
            let mut encrypting = published(&KeyPair::generate(Algorithm::Es256).unwrap(), "issuer-key");
            encrypting["use"] = json!("enc");
            let [x, y] = super::rows::c_header::SECP256K1;
            let secp256k1 = json!({"kty": "EC", "crv": "secp256k1", "kid": "issuer-key", "x": x, "y": y});
            Reply::keys(&[json!({"kty": "oct", "k": OCT}), encrypting, secp256k1, a.jwk.clone()])
        }),
        keys!("M15", ALLOWED, |a| {
            let broken = a.jwk_with("y", a.jwk["x"].clone());
            Reply::keys(&[broken, a.jwk.clone()])
        }),
        keys!("M16", ALLOWED, |a| Reply::keys(&[a.jwk_with("kty", json!(null)), a.jwk.clone()])),
        keys!("M17", TOKEN, |a| Reply::keys(&[a.jwk_with("use", json!("enc"))])),
        keys!("M18", ALLOWED, |_| Reply::keys(&[published(&key_of(Algorithm::EdDsa), "issuer-key")]), |d| {
            signed_by(d, Algorithm::EdDsa)
        }),
        keys!("M19", ALLOWED, |_| Reply::keys(&[published(&key_of(Algorithm::Es512), "issuer-key")]), |d| {
            signed_by(d, Algorithm::Es512)
        }),
        keys!("M20", UNAUTHORIZED_OR_BAD_ANSWER, |_| Reply::keys(&[weak_key()]), |d| {
            d.token.header["alg"] = json!("RS256");
            d.token.compact = Some(|_, jws| {
                let input = jws.rsplit_once('.').unwrap().0;
                format!("{input}.{}", jose::base64url::encode(BITS_1024.sign(input.as_bytes())))
            });
        }),
        metadata!("M21", ALLOWED, |a| says(a, &format!("{}/M21", a.origin)), |d| issuer(d, "/M21")),
        metadata!("M22", REFUSED_OR_BAD_ANSWER, evil, |d| issuer(d, "/M22")),
        metadata!("M23", REFUSED_OR_BAD_ANSWER, evil, |d| d.token.claims["iss"] =
            json!("https://evil.example")),
        keys!("M24", ALLOWED, |a| Reply::keys(&[a.jwk_with("kid", json!("shared-kid"))]), |d| {
            issuer(d, "/realms/other");
            of_the_other(d);
        })
        .set(|endpoint| endpoint.next = Some("M24-other")),
        keys!("M25", TOKEN, |a| Reply::keys(&[a.jwk_with("kid", json!("shared-kid"))]), of_the_other)
            .set(|endpoint| endpoint.next = Some("M24-other")),
    ]
}

fn fresh(draft: &mut Draft) {
    draft.claim("jti", json!(dpop::fresh_jti()));
}

/// The second issuer of M24 and M25.
fn other_issuer() -> Endpoint {
    let keys: Script = |_| Reply::keys(&[published(&key_of(Algorithm::Es384), "shared-kid")]);
    Endpoint { issuer: "ORIGIN/realms/other", ..Endpoint::new(Kind::Keys, "M24-other", keys) }
}

/// Signed by the other issuer under the `kid` that both use.
fn of_the_other(draft: &mut Draft) {
    signed_by(draft, Algorithm::Es384);
    draft.token.header["kid"] = json!("shared-kid");
}

#[tokio::test]
async fn keys_come_from_the_issuer_or_not_at_all() {
    let rows = rows();
    let endpoints = rows.iter().map(|row| row.endpoint).chain([other_issuer()]).collect();
    let site = GatewaySite::with_endpoints(endpoints).await;
    site.run(rows.into_iter().map(|row| row.case).collect()).await;
    assert!(site.endpoints.hits("M10") > 1, "M10: the second request wanted newer keys");
    assert_eq!(site.endpoints.hits("M9"), 2, "M9: the second request wanted newer keys");
}

/// M4: the answer comes within 12 s.
#[tokio::test]
async fn an_endpoint_that_never_answers_is_given_up() {
    let site = site_with("M4", |_| Reply::Silence).await;
    let started = Instant::now();
    site.run(vec![at("/M4/a", "M4", FAULT, |_| {})]).await;
    assert!(started.elapsed() < Duration::from_secs(12), "M4: {:?}", started.elapsed());
}

/// M6: the answer comes within 3 s, and of 80 MB only the beginning is read.
#[tokio::test]
async fn a_key_set_without_end_is_not_read_to_its_end() {
    let site = site_with("M6", |a| Reply::Flood(format!(r#"{{"keys":[{}],"x":""#, a.jwk))).await;
    let started = Instant::now();
    site.run(vec![at("/M6/a", "M6", UNAUTHORIZED_OR_FAULT, |_| {})]).await;
    assert!(started.elapsed() < Duration::from_secs(3), "M6: {:?}", started.elapsed());
    // The limit is 1 MB; the rest is what the sockets hold.
    assert!(site.endpoints.flooded() < 16_000_000, "M6: {} bytes", site.endpoints.flooded());
}

/// M8: 32 requests at once need few fetches.
#[tokio::test]
async fn requests_that_wait_for_the_same_keys_share_a_fetch() {
    let site = site_with("M8", |a| Reply::keys(std::slice::from_ref(&a.jwk))).await;
    let mut requests = JoinSet::new();
    for _ in 0..32 {
        let mut draft = Draft::new(site.issuer(), "/M8/a");
        let token = draft.make_token(site.issuer_key());
        let bytes = draft.make_wire(&token).bytes();
        requests.spawn(crate::sockets::raw_client::exchange(site.gateway.address(), bytes));
    }
    let answers = requests.join_all().await;
    assert!(answers.iter().all(|answer| answer.as_ref().unwrap().status == 200), "M8: {answers:?}");
    assert!((1..=4).contains(&site.endpoints.hits("M8")), "M8: {} fetches", site.endpoints.hits("M8"));
}

async fn site_with(name: &'static str, script: Script) -> GatewaySite {
    GatewaySite::with_endpoints(vec![Endpoint::new(Kind::Keys, name, script)]).await
}
