//! The DPoP proof of a request without an access token: at the token endpoint and the PAR endpoint (RFC 9449 §5, §10.1).

use dpop::{DPOP, Htu, TokenRequest, UnverifiedProof, verify_token_request};
use jose::JwkThumbprint;

use crate::{call::Call, error::Refusal};

/// The key whose possession the client has proven with this request.
#[derive(Debug)]
pub(crate) struct ProvenKey {
    pub(crate) thumbprint: JwkThumbprint,
    /// To send with the answer when the nonce used nears its end (RFC 9449 §8.2).
    pub(crate) fresh_nonce: Option<String>,
}

/// Checks the proof and spends its `jti`. `None` when the request has no `DPoP` field at all.
///
/// Runs before anything else of the request is spent (code, refresh token), so that a client can repeat it with a nonce.
pub(crate) async fn proven_key(call: &Call) -> Result<Option<ProvenKey>, Refusal> {
    if !call.headers.contains_key(DPOP) {
        return Ok(None);
    }
    let app = &call.app;
    let refuse = |error| Refusal::proof(&error, || app.fresh_nonce(call.now));
    let proof = UnverifiedProof::from_headers(&call.headers, &app.proof_policy).map_err(refuse)?;
    let htu = Htu::parse(&call.target_uri)
        .map_err(|_| Refusal::invalid_request("the target of the request is not an absolute URI"))?;
    let request = TokenRequest { method: call.method.as_str(), htu: &htu, nonce: app.nonce_check() };
    let checked = verify_token_request(proof, &request, &app.proof_policy, call.now).map_err(refuse)?;
    let verified = checked.claim(&*app.replay, call.now).await?;
    let fresh_nonce = if verified.nonce_refresh_due() { app.fresh_nonce(call.now) } else { None };
    Ok(Some(ProvenKey { thumbprint: *verified.thumbprint(), fresh_nonce }))
}
