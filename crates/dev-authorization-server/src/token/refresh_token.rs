//! The refresh token grant (RFC 6749 §6). Refresh tokens of public clients are bound to the proof key (RFC 9449 §5) and
//! rotated at every use (RFC 9700 §4.14.2); a rotated one that comes back ends the session.

use oauth::ErrorCode;
use serde_json::{Map, Value};

use super::TokenCall;
use crate::{
    access_token::{Issuance, SessionClaims},
    error::Refusal,
    store::{FoundRefreshToken, RefreshGrant},
};

pub(super) fn grant(request: &TokenCall<'_>) -> Result<Map<String, Value>, Refusal> {
    let token = request
        .form
        .get("refresh_token")
        .ok_or_else(|| Refusal::invalid_request("refresh_token is missing"))?;
    let store = &request.call.app.store;
    let realm = &request.call.served.realm;
    let now = request.call.now;
    let RefreshGrant { grant, bound_to } =
        match store.refresh_token(&realm.name, &request.client.client_id, token, now) {
            FoundRefreshToken::Live(grant) => *grant,
            FoundRefreshToken::Reused => return Err(reused(request)),
            FoundRefreshToken::Unknown => {
                return Err(Refusal::invalid_grant("the refresh token is unknown, expired or revoked"));
            }
        };
    match (&bound_to, request.key) {
        (None, _) => {}
        (Some(bound_to), Some(key)) if *bound_to == key.thumbprint => {}
        // Nothing is spent here: a thief without the key can not log the owner out.
        (Some(_), Some(_)) => {
            return Err(Refusal::invalid_grant("the refresh token is bound to another key"));
        }
        (Some(_), None) => {
            return Err(Refusal::new(
                ErrorCode::InvalidDpopProof,
                "the refresh token is bound to a key, and there is no proof",
            ));
        }
    }
    let user =
        realm.user(&grant.user_id).ok_or_else(|| Refusal::invalid_grant("the user is no longer there"))?;
    let scope = match request.form.get("scope") {
        None => grant.scope.clone(),
        Some(requested) => grant
            .scope
            .narrow(requested.split(' ').filter(|scope| !scope.is_empty()))
            .ok_or_else(|| Refusal::new(ErrorCode::InvalidScope, "more was asked for than was granted"))?,
    };
    let next = if request.client.is_public() {
        if !store.rotate_refresh_token(token, now) {
            return Err(reused(request));
        }
        let bound_to = bound_to.or_else(|| request.refresh_token_key());
        store.issue_refresh_token(
            RefreshGrant { grant: grant.clone(), bound_to },
            realm.refresh_token_lifespan,
            now,
        )?
    } else {
        // A confidential client authenticates with every use: its token may stay as it is.
        token.to_owned()
    };
    let issuance = Issuance {
        user,
        client: request.client,
        audience: None,
        scope: &scope,
        session: Some(SessionClaims {
            id: &grant.session_id,
            authenticated_at: grant.authenticated_at,
            openid_nonce: None,
        }),
        bound_to: request.key.map(|key| key.thumbprint),
        issued_at: now,
        expires_at: request.expires_at(),
    };
    request.issue(&issuance, Some(next))
}

fn reused(request: &TokenCall<'_>) -> Refusal {
    tracing::warn!(
        client_id = request.client.client_id,
        "a refresh token was used twice, its session is ended"
    );
    Refusal::invalid_grant("the refresh token was used before")
}
