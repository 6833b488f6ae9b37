//! A key that is kept from one proof to the next spares work and decides nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use dpop::{
    Htu, NonceCheck, Policy, ProofError, ProvenKey, TokenRequest, UnverifiedProof, verify_token_request,
};
use jose::{Algorithm, AlgorithmSet, KeyPair, UnixTime, jws};
use serde_json::json;

const URI: &str = "https://api.example.com/";
const NOW: i64 = 1_800_000_000;

/// A proof that names `named` as its key, with this `alg` in the key or none, and is signed by `signer`.
fn proof(named: &KeyPair, member: Option<Algorithm>, signer: &KeyPair, algorithm: Algorithm) -> String {
    let mut jwk = named.public_jwk().to_json();
    if let Some(member) = member {
        jwk.insert("alg".to_owned(), json!(member.as_str()));
    }
    let header = json!({"typ": "dpop+jwt", "alg": algorithm.as_str(), "jwk": jwk});
    let claims = json!({"jti": "1", "htm": "POST", "htu": URI, "iat": NOW});
    jws::sign(&header, &claims, signer, algorithm).unwrap()
}

fn check(proof: &str, known: &ProvenKey) -> Result<(), ProofError> {
    let policy = Policy { algorithms: AlgorithmSet::new(Algorithm::ALL), ..Policy::rfc9449() };
    let htu = Htu::parse(URI).unwrap();
    let request = TokenRequest { method: "POST", htu: &htu, nonce: NonceCheck::NotRequired };
    let proof = UnverifiedProof::parse(proof, &policy)?.with_proven_key(known);
    verify_token_request(proof, &request, &policy, UnixTime::from_seconds(NOW)).map(drop)
}

#[test]
fn a_key_is_kept_once_it_was_proven_and_then_only_for_itself() {
    for algorithm in [Algorithm::Es256, Algorithm::Es384, Algorithm::Ed25519] {
        let (key, other) = (KeyPair::generate(algorithm).unwrap(), KeyPair::generate(algorithm).unwrap());
        let known = ProvenKey::default();
        let is_kept = |known: &ProvenKey| format!("{known:?}").contains(&key.thumbprint().to_string());

        let forged = check(&proof(&key, None, &other, algorithm), &known);
        assert!(matches!(forged, Err(ProofError::Signature)), "{forged:?}");
        assert!(!is_kept(&known), "nobody has proven it");
        for _ in 0..2 {
            check(&proof(&key, None, &key, algorithm), &known).unwrap();
            assert!(is_kept(&known));
        }
        let forged = check(&proof(&key, None, &other, algorithm), &known);
        assert!(matches!(forged, Err(ProofError::Signature)), "{forged:?}");
        // Another's proof is verified with the other's key, and changes nothing.
        check(&proof(&other, None, &other, algorithm), &known).unwrap();
        let forged = check(&proof(&other, None, &key, algorithm), &known);
        assert!(matches!(forged, Err(ProofError::Signature)), "{forged:?}");
        assert!(is_kept(&known));
    }
}

#[test]
fn what_one_proof_says_about_the_use_of_its_key_holds_for_that_proof_only() {
    let key = KeyPair::generate(Algorithm::Ps256).unwrap();
    let known = ProvenKey::default();
    check(&proof(&key, Some(Algorithm::Ps256), &key, Algorithm::Ps256), &known).unwrap();
    check(&proof(&key, None, &key, Algorithm::Ps384), &known).unwrap();
    let refused = check(&proof(&key, Some(Algorithm::Ps256), &key, Algorithm::Ps384), &known);
    assert!(matches!(refused, Err(ProofError::KeyForOtherAlgorithm)), "{refused:?}");
}
