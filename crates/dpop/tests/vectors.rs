//! Every vector file that concerns proofs: `vectors/*.json` of the workspace.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::time::Duration;

use dpop::{
    AccessTokenHash, Htu, NonceCheck, NonceRing, Policy, ReplayKey, ResourceRequest, TokenRequest,
    UnverifiedProof, verify_resource_request, verify_token_request,
};
use jose::{Algorithm, AlgorithmSet, JwkThumbprint, SymmetricKey, UnixTime};
use oauth::AccessToken;
use serde_json::Value;

fn load(name: &str) -> Value {
    let path = format!("{}/../../vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{name} in {value}"))
}

fn rows<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    let rows = value[name].as_array().unwrap();
    assert!(!rows.is_empty());
    rows
}

fn seconds(value: &Value, name: &str) -> UnixTime {
    UnixTime::from_seconds(value[name].as_i64().unwrap())
}

fn bytes<const N: usize>(hex: &str) -> [u8; N] {
    let decoded: Vec<u8> =
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
    decoded.try_into().unwrap()
}

#[test]
fn access_token_hash() {
    let file = load("access_token_hash");
    for row in rows(&file, "rows") {
        let token = AccessToken::parse(text(row, "access_token")).unwrap();
        assert_eq!(AccessTokenHash::of(&token).to_string(), text(row, "ath"));
        assert!(AccessTokenHash::parse(text(row, "ath")) == Some(AccessTokenHash::of(&token)));
    }
}

#[test]
fn replay_key() {
    let file = load("replay_key");
    for row in rows(&file, "rows") {
        let thumbprint = JwkThumbprint::parse(text(row, "jkt")).unwrap();
        let key = ReplayKey::new(&thumbprint, text(row, "jti"));
        assert_eq!(key.to_string(), text(row, "key"));
        assert_eq!(*key.as_bytes(), bytes(text(row, "key_hex")));
    }
}

#[test]
fn htu() {
    let file = load("htu");
    for row in rows(&file, "rows") {
        let request = Htu::parse(text(row, "request")).ok();
        let claim = text(row, "claim");
        // The limit of the claim's length is the policy's.
        let fits = claim.len() <= Policy::rfc9449().max_htu_bytes;
        let equal = |claim: Option<Htu>| fits && claim.is_some() && claim == request;
        assert_eq!(equal(Htu::parse(claim).ok()), row["equal"], "row {}", row["row"]);
        assert_eq!(equal(Htu::parse_strict(claim).ok()), row["strict_equal"], "row {} strict", row["row"]);
    }
}

#[test]
fn nonce_v1() {
    let file = load("nonce_v1");
    for row in rows(&file, "sealed") {
        let key = SymmetricKey::new(text(row, "kid").to_owned(), bytes::<32>(text(row, "key_hex")).to_vec())
            .unwrap();
        let ring = NonceRing::new(key, []).unwrap();
        let (random, binding) = (bytes(text(row, "random_hex")), bytes(text(row, "binding_hex")));
        let nonce = ring.seal_with(&random, &binding, seconds(row, "issued_at"));
        assert_eq!(nonce, text(row, "nonce"), "{}", row["id"]);
    }

    let opening = &file["opening"];
    let key = |row: &Value| {
        SymmetricKey::new(text(row, "kid").to_owned(), bytes::<32>(text(row, "key_hex")).to_vec()).unwrap()
    };
    let (sealing, others): (Vec<_>, Vec<_>) =
        rows(opening, "ring").iter().partition(|row| row["seals"] == true);
    let ring = NonceRing::new(key(sealing[0]), others.into_iter().map(key)).unwrap();
    let lifetime = Duration::from_secs(opening["max_age_seconds"].as_u64().unwrap());
    for case in rows(opening, "cases") {
        let token = AccessToken::parse(text(case, "access_token")).unwrap();
        let binding = *AccessTokenHash::of(&token).as_bytes();
        let opened = ring.open(text(case, "nonce"), &binding, lifetime, seconds(case, "now"));
        assert_eq!(opened.is_ok(), case["accept"], "{}: {opened:?}", case["id"]);
        assert_eq!(opened.is_ok_and(|nonce| nonce.refresh_due), case["refresh_on_success"], "{}", case["id"]);
    }
}

#[test]
fn proofs() {
    let file = load("proofs");
    let (request, policy) = (&file["request"], policy(&file["policy"]));
    for case in rows(&file, "cases") {
        let bound_to = case.get("bound_jkt").unwrap_or(&file["bound_jkt"]).as_str().unwrap();
        let judge = |policy: &Policy| judge(text(case, "proof"), request, bound_to, &file, policy);
        assert_eq!(judge(&policy), text(case, "result"), "{}", case["id"]);
        if let Some(limit) = case.get("accept_with_max_proof_bytes") {
            let max_proof_bytes = usize::try_from(limit.as_u64().unwrap()).unwrap();
            assert_eq!(judge(&Policy { max_proof_bytes, ..policy.clone() }), "accept", "{}", case["id"]);
        }
    }
}

fn policy(row: &Value) -> Policy {
    let algorithms: Vec<Algorithm> =
        rows(row, "algorithms").iter().map(|name| name.as_str().unwrap().parse().unwrap()).collect();
    let number = |name: &str| row[name].as_u64().unwrap();
    Policy {
        max_age: Duration::from_secs(number("max_age_seconds")),
        clock_skew: Duration::from_secs(number("clock_skew_seconds")),
        algorithms: AlgorithmSet::new(algorithms),
        max_proof_bytes: usize::try_from(number("max_proof_bytes")).unwrap(),
        max_jti_bytes: usize::try_from(number("max_jti_bytes")).unwrap(),
        ..Policy::rfc9449()
    }
}

fn judge(proof: &str, request: &Value, bound_to: &str, file: &Value, policy: &Policy) -> &'static str {
    let htu = Htu::parse(text(request, "uri")).unwrap();
    let token = AccessToken::parse(text(file, "access_token")).unwrap();
    let request = ResourceRequest {
        method: text(request, "method"),
        htu: &htu,
        access_token_hash: &AccessTokenHash::of(&token),
        bound_to: &JwkThumbprint::parse(bound_to).unwrap(),
        nonce: NonceCheck::NotRequired,
    };
    let verdict = UnverifiedProof::parse(proof, policy)
        .and_then(|proof| verify_resource_request(proof, &request, policy, seconds(file, "now")));
    match verdict {
        Ok(_) => "accept",
        Err(error) => error.error_code().as_str(),
    }
}

#[test]
fn rfc9449_proofs_verify_and_so_do_their_malleable_twins() {
    let file = load("rfc9449");
    let policy = Policy::rfc9449();
    let twins = rows(&file, "malleable_twins").iter().map(|twin| (text(twin, "of"), text(twin, "proof")));
    let originals = rows(&file, "proofs").iter().map(|row| (text(row, "id"), text(row, "proof")));
    for (id, proof) in originals.chain(twins) {
        let row = rows(&file, "proofs").iter().find(|row| text(row, "id") == id).unwrap();
        let htu = Htu::parse(text(&row["request"], "uri")).unwrap();
        let method = text(&row["request"], "method");
        let unverified = UnverifiedProof::parse(proof, &policy).unwrap();
        assert_eq!(unverified.thumbprint().to_string(), text(row, "jkt"));
        let now = seconds(row, "now");
        let nonce = NonceCheck::NotRequired;
        let checked = match row.get("ath") {
            None => {
                verify_token_request(unverified, &TokenRequest { method, htu: &htu, nonce }, &policy, now)
                    .unwrap()
            }
            Some(ath) => {
                let hash = AccessTokenHash::parse(ath.as_str().unwrap()).unwrap();
                let bound_to = JwkThumbprint::parse(text(&file, "jkt")).unwrap();
                let request = ResourceRequest {
                    method,
                    htu: &htu,
                    access_token_hash: &hash,
                    bound_to: &bound_to,
                    nonce,
                };
                verify_resource_request(unverified, &request, &policy, now).unwrap()
            }
        };
        assert_eq!(checked.thumbprint().to_string(), text(&file, "jkt"), "{id}");
    }
}
