//! A DPoP proof: what is accepted fulfils RFC 9449 §4.3 as worked out here a second time from the JSON, is covered by its
//! signature to the last bit, and passes once.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use dpop::{
    CheckedProof, ClaimError, DPOP, Htu, MemoryReplayStore, NonceCheck, Policy, ProofError, TokenRequest,
    UnverifiedProof, VerifiedProof, verify_token_request,
};
use http::{HeaderMap, HeaderValue};
use jose::{Algorithm, AlgorithmSet, UnixTime, base64url};
use serde_json::Value;

#[path = "signed.rs"]
mod signed;

fn policy() -> Policy {
    Policy { algorithms: AlgorithmSet::new(Algorithm::ALL), ..Policy::rfc9449() }
}

pub(crate) fn check(bytes: &[u8]) {
    let Ok(case) = std::str::from_utf8(bytes) else { return };
    let is_signed_here = case.contains('\n');
    let text = signed::compact(case);
    let policy = policy();
    let parsed = UnverifiedProof::parse(&text, &policy);
    as_a_header_it_is_the_same(&text, &parsed, &policy);
    let Ok(parsed) = parsed else { return };

    let parts: Vec<&str> = text.split('.').collect();
    let decoded: Vec<Vec<u8>> = parts.iter().map(|part| base64url::decode(part).unwrap()).collect();
    assert!(text.len() <= policy.max_proof_bytes);
    assert_eq!(decoded.iter().map(base64url::encode).collect::<Vec<_>>().join("."), text);
    let header: Value = serde_json::from_slice(&decoded[0]).unwrap();
    let claims: Value = serde_json::from_slice(&decoded[1]).unwrap();
    is_well_formed(&header, &claims);
    let read = parsed.claims();
    assert_eq!((claims["jti"].as_str(), claims["htm"].as_str()), (Some(&*read.jti), Some(&*read.htm)));
    assert_eq!((claims["htu"].as_str(), claims["nonce"].as_str()), (Some(&*read.htu), read.nonce.as_deref()));
    // What is beyond the range is its end.
    let iat = claims["iat"].as_f64().map(|iat| iat.floor().clamp(i64::MIN as f64, i64::MAX as f64));
    assert_eq!(iat, Some(read.iat.as_seconds() as f64));

    let Ok(htu) = Htu::parse(&read.htu) else { return };
    let (method, iat) = (read.htm.clone(), read.iat);
    let at = |method: &str, htu: &Htu, now: UnixTime| {
        let request = TokenRequest { method, htu, nonce: NonceCheck::NotRequired };
        let proof = UnverifiedProof::parse(&text, &policy).unwrap();
        verify_token_request(proof, &request, &policy, now)
    };
    let checked = at(&method, &htu, iat);
    if is_signed_here && header["jwk"] == Value::Object(signed::key().to_json()) {
        assert!(!matches!(checked, Err(ProofError::Signature)), "a good signature is refused");
    }
    let Ok(checked) = checked else { return };
    let seed = bytes.iter().map(|byte| usize::from(*byte)).sum();
    assert!(!passes(&signed::with_a_bit_changed(&text, seed), &method, &htu, iat, &policy));
    assert!(!passes(&text.replacen('.', "..", 1), &method, &htu, iat, &policy));

    // Another method, another target, another time.
    assert!(matches!(at(&format!("{method}x"), &htu, iat), Err(ProofError::Method)));
    let elsewhere = Htu::parse(&format!("{htu}/x")).unwrap();
    assert!(matches!(at(&method, &elsewhere, iat), Err(ProofError::Target)));
    let second = Duration::from_secs(1);
    let late = iat.checked_add(policy.max_age + second);
    assert!(late.is_none_or(|late| matches!(at(&method, &htu, late), Err(ProofError::TooOld))));
    let early = iat.checked_sub(policy.clock_skew + second);
    assert!(early.is_none_or(|early| matches!(at(&method, &htu, early), Err(ProofError::IssuedInFuture))));

    // It must be remembered for as long as it could pass, and passes once.
    let last = iat.saturating_add(policy.max_age);
    assert!(checked.expires_at() > last || last == UnixTime::from_seconds(i64::MAX));
    assert_eq!(checked.thumbprint().to_string().len(), 43);
    let store = MemoryReplayStore::new(10);
    let copy = at(&method, &htu, iat).unwrap();
    if checked.expires_at().checked_duration_since(iat).is_some_and(|life| !life.is_zero()) {
        assert!(claim(checked, &store, iat).is_ok());
    }
    assert!(matches!(claim(copy, &store, iat), Err(ClaimError::Replayed)));
}

fn as_a_header_it_is_the_same(text: &str, parsed: &Result<UnverifiedProof<'_>, ProofError>, policy: &Policy) {
    let value = HeaderValue::from_str(text).ok().filter(|value| value.to_str().is_ok());
    let Some(value) = value else { return };
    let mut headers = HeaderMap::new();
    headers.insert(DPOP, value.clone());
    let of_headers = UnverifiedProof::from_headers(&headers, policy);
    let shown = |parsed: &Result<UnverifiedProof<'_>, ProofError>| match parsed {
        Ok(proof) => format!("{} {:?}", proof.thumbprint(), proof.claims()),
        Err(error) => format!("{error:?}"),
    };
    assert_eq!(shown(&of_headers), shown(parsed));
    headers.append(DPOP, value);
    assert!(matches!(UnverifiedProof::from_headers(&headers, policy), Err(ProofError::Multiple)));
}

/// RFC 9449 §4.3 (3), (4), (5), (7), from the JSON.
fn is_well_formed(header: &Value, claims: &Value) {
    assert_eq!(header["typ"], "dpop+jwt");
    let algorithm = header["alg"].as_str().unwrap();
    assert!(Algorithm::ALL.iter().any(|known| known.as_str() == algorithm));
    let jwk = header["jwk"].as_object().unwrap();
    assert!(["d", "p", "q", "dp", "dq", "qi", "oth", "k"].iter().all(|name| !jwk.contains_key(*name)));
    assert!(["crit", "b64", "zip"].iter().all(|name| header.get(name).is_none()));
    for (name, longest) in [("jti", 512), ("htm", 64), ("htu", 2048)] {
        let claim = claims[name].as_str().unwrap();
        assert!(!claim.trim().is_empty() && claim.len() <= longest, "{name}");
    }
    assert!(claims["iat"].is_number());
    let is_hash = |ath: &Value| ath.as_str().is_some_and(|ath| base64url::decode_array::<32>(ath).is_ok());
    assert!(claims.get("ath").is_none_or(is_hash));
}

fn passes(text: &str, method: &str, htu: &Htu, now: UnixTime, policy: &Policy) -> bool {
    let request = TokenRequest { method, htu, nonce: NonceCheck::NotRequired };
    UnverifiedProof::parse(text, policy)
        .is_ok_and(|proof| verify_token_request(proof, &request, policy, now).is_ok())
}

/// The memory store answers at once.
fn claim(proof: CheckedProof, store: &MemoryReplayStore, now: UnixTime) -> Result<VerifiedProof, ClaimError> {
    match pin!(proof.claim(store, now)).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(claimed) => claimed,
        Poll::Pending => panic!("the memory store waits"),
    }
}
