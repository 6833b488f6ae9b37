//! The authorization code grant (RFC 6749 §4.1.3) with PKCE (RFC 7636 §4.6) and `dpop_jkt` (RFC 9449 §10).

use oauth::{ErrorCode, pkce::CodeVerifier};
use serde_json::{Map, Value};

use super::TokenCall;
use crate::{
    authorization_request::AuthorizationRequest,
    error::Refusal,
    store::{CodeGrant, Redemption},
};

pub(super) fn grant(request: &TokenCall<'_>) -> Result<Map<String, Value>, Refusal> {
    if !request.client.standard_flow {
        return Err(Refusal::new(
            ErrorCode::UnauthorizedClient,
            "this client may not use the authorization code grant",
        ));
    }
    let code = request.form.get("code").ok_or_else(|| Refusal::invalid_request("code is missing"))?;
    let store = &request.call.app.store;
    let realm = &request.call.served.realm;
    let now = request.call.now;
    let CodeGrant { grant, request: asked } =
        match store.redeem_code(&realm.name, &request.client.client_id, code, now) {
            Redemption::Redeemed(code_grant) => *code_grant,
            Redemption::Reused => {
                tracing::warn!(
                    client_id = request.client.client_id,
                    "a code was used twice, its session is ended"
                );
                return Err(Refusal::invalid_grant("the code was used before"));
            }
            Redemption::Unknown => return Err(Refusal::invalid_grant("the code is unknown or expired")),
        };
    // From here on the code is spent, whatever happens: nobody gets a second guess.
    check(request, &asked)
        .inspect_err(|_| store.end_session(&realm.name, &grant.client_id, &grant.session_id, now))?;
    request.issue_for_login(&grant, asked.openid_nonce.as_deref())
}

/// The token request must fit the authorization request it follows from.
fn check(request: &TokenCall<'_>, asked: &AuthorizationRequest) -> Result<(), Refusal> {
    // RFC 6749 §4.1.3: redirect_uri was in the authorization request, so it must be here, and be the same.
    match request.form.get("redirect_uri") {
        Some(redirect_uri) if redirect_uri == asked.redirect_uri => {}
        Some(_) => {
            return Err(Refusal::invalid_grant("redirect_uri is not the one of the authorization request"));
        }
        None => return Err(Refusal::invalid_grant("redirect_uri is missing")),
    }
    match (&asked.code_challenge, request.form.get("code_verifier")) {
        (None, None) => {}
        // RFC 9700 §2.1.1: a verifier without a challenge is a downgrade.
        (None, Some(_)) => return Err(Refusal::invalid_grant("there was no code_challenge")),
        (Some(_), None) => return Err(Refusal::invalid_grant("code_verifier is missing")),
        (Some(challenge), Some(verifier)) => {
            let fits = CodeVerifier::parse(verifier).is_ok_and(|verifier| challenge.matches(&verifier));
            if !fits {
                return Err(Refusal::invalid_grant("code_verifier does not fit the code_challenge"));
            }
        }
    }
    match (&asked.dpop_jkt, request.key) {
        (None, _) => Ok(()),
        (Some(jkt), Some(key)) if *jkt == key.thumbprint => Ok(()),
        (Some(_), Some(_)) => Err(Refusal::invalid_grant("the code is bound to another key")),
        (Some(_), None) => {
            Err(Refusal::invalid_grant("the code is bound to a key, and there is no DPoP proof"))
        }
    }
}
