//! Steps 5 to 11 of the order of checks: what the proof says is compared with the request, then the signature, then
//! the one write.
//!
//! Claims come before the signature on purpose, against the usual habit. Every comparison only refuses, none changes
//! state, and a stranger's key never costs a signature check. The claim of the `jti` comes last, so that nobody can
//! burn another client's.

use std::time::Duration;

use jose::{JwkThumbprint, UnixTime};

use super::parse::UnverifiedProof;
use crate::access_token_hash::AccessTokenHash;
use crate::claims::ProofClaims;
use crate::error::{ClaimError, ProofError};
use crate::htu::Htu;
use crate::nonce::{AcceptedNonce, NonceCheck};
use crate::policy::Policy;
use crate::replay::{Claim, ReplayKey, ReplayStore};

/// A request without an access token: the token endpoint, the PAR endpoint (RFC 9449 §5, §10.1).
///
/// ```
/// use dpop::{
///     CheckedProof, Htu, NonceCheck, Policy, ProofError, TokenRequest, UnverifiedProof, verify_token_request,
/// };
/// use jose::UnixTime;
///
/// /// At a token endpoint: there is no access token yet.
/// fn check(proof: &str, htu: &Htu, now: UnixTime) -> Result<CheckedProof, ProofError> {
///     let policy = Policy::rfc9449();
///     let request = TokenRequest { method: "POST", htu, nonce: NonceCheck::NotRequired };
///     verify_token_request(UnverifiedProof::parse(proof, &policy)?, &request, &policy, now)
/// }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct TokenRequest<'a> {
    /// Method of the request, compared byte for byte.
    pub method: &'a str,
    /// Where the request went.
    pub htu: &'a Htu,
    /// Is a nonce demanded?
    pub nonce: NonceCheck<'a>,
}

/// A request with an access token that is bound to a key (RFC 9449 §7).
///
/// ```
/// use dpop::{
///     AccessTokenHash, Htu, NonceCheck, Policy, ProofBuilder, ResourceRequest, UnverifiedProof,
///     verify_resource_request,
/// };
/// use jose::{Algorithm, KeyPair, UnixTime};
/// use oauth::AccessToken;
///
/// let (key, now) = (KeyPair::generate(Algorithm::Es256)?, UnixTime::from_seconds(1_800_000_000));
/// let token = AccessToken::parse("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU")?;
/// let proof = ProofBuilder::new(&key, "GET", "https://api.example.com/orders").access_token(&token).sign(now)?;
///
/// let policy = Policy::rfc9449();
/// let (htu, access_token_hash) = (Htu::parse("https://api.example.com/orders?first=0")?, AccessTokenHash::of(&token));
/// let request = ResourceRequest {
///     method: "GET",
///     htu: &htu,
///     access_token_hash: &access_token_hash,
///     bound_to: &key.thumbprint(), // of the token's `cnf.jkt`
///     nonce: NonceCheck::NotRequired,
/// };
/// let checked = verify_resource_request(UnverifiedProof::parse(&proof, &policy)?, &request, &policy, now)?;
/// # let _ = checked;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct ResourceRequest<'a> {
    /// Method of the request, compared byte for byte.
    pub method: &'a str,
    /// Where the request went, as the client saw it.
    pub htu: &'a Htu,
    /// Hash of the token that goes along.
    pub access_token_hash: &'a AccessTokenHash,
    /// `cnf.jkt` of the token, which the caller has verified.
    pub bound_to: &'a JwkThumbprint,
    /// Is a nonce demanded?
    pub nonce: NonceCheck<'a>,
}

/// A proof that fits the request and whose signature holds. It may still be a copy: [claim](CheckedProof::claim) it.
///
/// ```
/// use dpop::{CheckedProof, ClaimError, ReplayStore, VerifiedProof};
/// use jose::UnixTime;
///
/// /// The last step, after the access token was accepted.
/// async fn finish(
///     proof: CheckedProof,
///     store: &dyn ReplayStore,
///     now: UnixTime,
/// ) -> Result<VerifiedProof, ClaimError> {
///     proof.claim(store, now).await
/// }
/// ```
#[derive(Debug)]
#[must_use = "a checked proof must be claimed, else a copy of it passes as well"]
pub struct CheckedProof {
    thumbprint: JwkThumbprint,
    claims: ProofClaims,
    nonce: Option<AcceptedNonce>,
    usable_since: UnixTime,
    expires_at: UnixTime,
}

/// A proof that passed every check, the replay check included.
///
/// ```
/// use dpop::VerifiedProof;
///
/// /// The key that the caller has proven to hold.
/// fn key(proof: &VerifiedProof) -> String {
///     proof.thumbprint().to_string()
/// }
/// ```
#[derive(Debug)]
pub struct VerifiedProof {
    thumbprint: JwkThumbprint,
    claims: ProofClaims,
    nonce: Option<AcceptedNonce>,
}

/// Checks a proof that comes without an access token ([RFC 9449 §4.3][s]); an `ath` claim means nothing there.
///
/// `now` is the server's wall clock. A proof is accepted while `now - max_age <= iat <= now + clock_skew`.
///
/// # Errors
///
/// The first [`ProofError`] in the fixed order of checks.
///
/// [s]: https://www.rfc-editor.org/rfc/rfc9449#section-4.3
pub fn verify_token_request(
    proof: UnverifiedProof<'_>,
    request: &TokenRequest<'_>,
    policy: &Policy,
    now: UnixTime,
) -> Result<CheckedProof, ProofError> {
    check_request(proof, request.method, request.htu, request.nonce, policy, now)
}

/// Checks a proof that comes with an access token ([RFC 9449 §4.3][s]).
///
/// The token itself must have been verified before: `request.bound_to` is its `cnf.jkt`. The replay check is not done
/// here: call [`CheckedProof::claim`] on the result.
///
/// # Errors
///
/// The first [`ProofError`] in the fixed order of checks.
///
/// [s]: https://www.rfc-editor.org/rfc/rfc9449#section-4.3
pub fn verify_resource_request(
    proof: UnverifiedProof<'_>,
    request: &ResourceRequest<'_>,
    policy: &Policy,
    now: UnixTime,
) -> Result<CheckedProof, ProofError> {
    // (3) `ath` is a required claim when an access token goes along; its absence is a fault of form.
    let access_token_hash = proof.claims.ath.ok_or(ProofError::MissingClaim("ath"))?;
    // (12b) The public key to which the access token is bound matches the public key from the DPoP proof.
    if proof.thumbprint != *request.bound_to {
        return Err(ProofError::KeyNotBound);
    }
    // (12a) The value of the ath claim equals the hash of that access token.
    if access_token_hash != *request.access_token_hash {
        return Err(ProofError::AccessTokenHash);
    }
    check_request(proof, request.method, request.htu, request.nonce, policy, now)
}

fn check_request(
    proof: UnverifiedProof<'_>,
    method: &str,
    htu: &Htu,
    nonce: NonceCheck<'_>,
    policy: &Policy,
    now: UnixTime,
) -> Result<CheckedProof, ProofError> {
    let claims = &proof.claims;
    // (8) The htm claim matches the HTTP method of the current request.
    if claims.htm != method {
        return Err(ProofError::Method);
    }
    // (9) The htu claim matches the HTTP URI value for the request, ignoring any query and fragment parts.
    if !htu.is_claimed_by(&claims.htu, policy.strict_htu) {
        return Err(ProofError::Target);
    }
    // (10) If the server provided a nonce value to the client, the nonce claim matches it.
    let nonce = check_nonce(claims, nonce, now)?;
    // (11) The creation time of the JWT is within an acceptable window.
    check_times(claims, nonce.is_some(), policy, now)?;
    // (6) The JWT signature verifies with the public key contained in the jwk JOSE Header Parameter.
    let key = proof.proven_key.as_ref().map_or(&proof.key, |known| known.or(&proof.key, proof.algorithm));
    key.verify(proof.algorithm, proof.signing_input.as_bytes(), &proof.signature)
        .map_err(|_| ProofError::Signature)?;
    if let Some(known) = &proof.proven_key {
        known.keep(proof.key);
    }
    let usable_since = acceptable_since(claims, nonce.as_ref(), policy);
    let expires_at = acceptable_until(claims, nonce.as_ref(), policy);
    Ok(CheckedProof {
        thumbprint: proof.thumbprint,
        claims: proof.claims,
        nonce: nonce.map(|(nonce, _)| nonce),
        usable_since,
        expires_at,
    })
}

fn check_nonce(
    claims: &ProofClaims,
    check: NonceCheck<'_>,
    now: UnixTime,
) -> Result<Option<(AcceptedNonce, Duration)>, ProofError> {
    let NonceCheck::Required { ring, binding, lifetime } = check else { return Ok(None) };
    let nonce = claims.nonce.as_deref().ok_or(ProofError::NonceMissing)?;
    let accepted = ring.open(nonce, binding, lifetime, now).map_err(ProofError::Nonce)?;
    Ok(Some((accepted, lifetime)))
}

fn check_times(
    claims: &ProofClaims,
    has_nonce: bool,
    policy: &Policy,
    now: UnixTime,
) -> Result<(), ProofError> {
    if !(has_nonce && policy.nonce_replaces_iat) {
        if claims.iat.saturating_add(policy.max_age) < now {
            return Err(ProofError::TooOld);
        }
        if claims.iat > now.saturating_add(policy.clock_skew) {
            return Err(ProofError::IssuedInFuture);
        }
    }
    if claims.exp.is_some_and(|exp| exp.saturating_add(policy.clock_skew) <= now) {
        return Err(ProofError::Expired);
    }
    if claims.nbf.is_some_and(|nbf| nbf > now.saturating_add(policy.clock_skew)) {
        return Err(ProofError::NotYetValid);
    }
    Ok(())
}

/// From when on the same proof could have passed.
fn acceptable_since(
    claims: &ProofClaims,
    nonce: Option<&(AcceptedNonce, Duration)>,
    policy: &Policy,
) -> UnixTime {
    match nonce {
        Some((nonce, _)) => nonce.issued_at,
        None => claims.iat.checked_sub(policy.clock_skew).unwrap_or(claims.iat),
    }
}

/// How long the same proof could still pass: what a replay store must remember it for (R36).
fn acceptable_until(
    claims: &ProofClaims,
    nonce: Option<&(AcceptedNonce, Duration)>,
    policy: &Policy,
) -> UnixTime {
    let from = match nonce {
        Some((nonce, lifetime)) if policy.nonce_replaces_iat => nonce.issued_at.saturating_add(*lifetime),
        _ => claims.iat.saturating_add(policy.max_age),
    };
    from.saturating_add(policy.clock_skew).saturating_add(Duration::from_secs(1))
}

impl CheckedProof {
    /// Claims the proof in the store: the last step, and the only write (RFC 9449 §11.1).
    ///
    /// # Errors
    ///
    /// [`ClaimError::Replayed`] when somebody was or may have been faster, [`ClaimError::Unavailable`] when the store can not answer.
    pub async fn claim(self, store: &dyn ReplayStore, now: UnixTime) -> Result<VerifiedProof, ClaimError> {
        // Times are whole seconds: in the second of the start there was a part before it.
        if store.remembers_since().is_some_and(|since| self.usable_since <= since) {
            return Err(ClaimError::Replayed);
        }
        let key = ReplayKey::new(&self.thumbprint, &self.claims.jti);
        match store.claim(key, self.expires_at, now).await {
            Claim::Claimed => Ok(self.into_verified()),
            Claim::AlreadyUsed => Err(ClaimError::Replayed),
            Claim::Unavailable => Err(ClaimError::Unavailable),
        }
    }

    /// Goes on without a replay check, for a route that says `replay_allowed: true`. The name is meant to be seen in
    /// review.
    #[must_use]
    pub fn accept_replays(self) -> VerifiedProof {
        self.into_verified()
    }

    /// Thumbprint of the key that signed.
    #[must_use]
    pub fn thumbprint(&self) -> &JwkThumbprint {
        &self.thumbprint
    }

    /// Until when a store must remember the proof.
    #[must_use]
    pub fn expires_at(&self) -> UnixTime {
        self.expires_at
    }

    fn into_verified(self) -> VerifiedProof {
        VerifiedProof { thumbprint: self.thumbprint, claims: self.claims, nonce: self.nonce }
    }
}

impl VerifiedProof {
    /// Thumbprint of the key whose possession is proven.
    #[must_use]
    pub fn thumbprint(&self) -> &JwkThumbprint {
        &self.thumbprint
    }

    /// The claims of the proof.
    #[must_use]
    pub fn claims(&self) -> &ProofClaims {
        &self.claims
    }

    /// The nonce was accepted but nears its end: a fresh one is due with the answer (RFC 9449 §8.2).
    #[must_use]
    pub fn nonce_refresh_due(&self) -> bool {
        self.nonce.is_some_and(|nonce| nonce.refresh_due)
    }
}
