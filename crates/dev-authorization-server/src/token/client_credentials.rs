//! The client credentials grant (RFC 6749 §4.4): a client acts for itself, as its service account.

use oauth::ErrorCode;
use serde_json::{Map, Value};

use super::TokenCall;
use crate::{access_token::Issuance, error::Refusal};

pub(super) fn grant(request: &TokenCall<'_>) -> Result<Map<String, Value>, Refusal> {
    let client = request.client;
    let account = request.call.served.realm.service_account(client).filter(|account| account.enabled);
    let Some(account) = account.filter(|_| client.service_account && !client.is_public()) else {
        return Err(Refusal::new(
            ErrorCode::UnauthorizedClient,
            "service accounts are not enabled for this client",
        ));
    };
    let requested = request.form.get("scope").unwrap_or_default();
    let scope =
        client.scopes.grant(requested.split(' ').filter(|scope| !scope.is_empty())).ok_or_else(|| {
            Refusal::new(ErrorCode::InvalidScope, "the client may not ask for one of the scopes")
        })?;
    let issuance = Issuance {
        user: account,
        client,
        audience: None,
        scope: &scope,
        session: None,
        bound_to: request.key.map(|key| key.thumbprint),
        issued_at: request.call.now,
        expires_at: request.expires_at(),
    };
    // RFC 6749 §4.4.3: no refresh token.
    request.issue(&issuance, None)
}
