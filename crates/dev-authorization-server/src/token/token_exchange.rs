//! Token exchange (RFC 8693), as Keycloak's standard version of it: an access token of this realm for one of the client
//! that asks, for the same user.

use oauth::ErrorCode;
use serde_json::{Map, Value};

use super::TokenCall;
use crate::{
    access_token::{self, Issuance, SessionClaims},
    error::Refusal,
    realm::GrantedScope,
};

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

pub(super) fn grant(request: &TokenCall<'_>) -> Result<Map<String, Value>, Refusal> {
    let client = request.client;
    if !client.token_exchange || client.is_public() {
        return Err(Refusal::new(
            ErrorCode::UnauthorizedClient,
            "token exchange is not enabled for this client",
        ));
    }
    let form = request.form;
    if form.get("subject_token_type").is_some_and(|kind| kind != ACCESS_TOKEN)
        || form.get("requested_token_type").is_some_and(|kind| kind != ACCESS_TOKEN)
    {
        return Err(Refusal::invalid_request("only access tokens are exchanged"));
    }
    if form.get("actor_token").is_some() {
        return Err(Refusal::invalid_request("delegation is not supported"));
    }
    if form.get("resource").is_some() {
        return Err(Refusal::new(ErrorCode::InvalidTarget, "name the audience by its client id"));
    }
    let subject = subject(request)?;
    let text = |name: &str| subject.get(name).and_then(Value::as_str);
    let realm = &request.call.served.realm;
    let user = text("sub").and_then(|id| realm.user(id));
    let user = user.ok_or_else(|| Refusal::invalid_request("the user is no longer there"))?;
    let audience = form.get("audience");
    if audience.is_some_and(|audience| realm.client(audience).is_none()) {
        return Err(Refusal::new(ErrorCode::InvalidTarget, "the audience is unknown"));
    }
    let scope = scope(request, text("scope").unwrap_or_default())?;
    let authenticated_at = subject.get("auth_time").and_then(jose::UnixTime::from_numeric_date);
    let issuance = Issuance {
        user,
        client,
        audience,
        scope: &scope,
        session: text("sid").map(|id| SessionClaims {
            id,
            authenticated_at: authenticated_at.unwrap_or(request.call.now),
            openid_nonce: None,
        }),
        bound_to: request.key.map(|key| key.thumbprint),
        issued_at: request.call.now,
        expires_at: request.expires_at(),
    };
    // RFC 8693 §2.2.1; no refresh token: who wants another token brings a good one.
    let mut answer = request.issue(&issuance, None)?;
    answer.insert("issued_token_type".into(), ACCESS_TOKEN.into());
    Ok(answer)
}

/// The claims of the subject token, which must be good, meant for the client that brings it, and, when it is bound,
/// brought by the holder of its key.
fn subject(request: &TokenCall<'_>) -> Result<Map<String, Value>, Refusal> {
    let call = request.call;
    let token = request.form.get("subject_token");
    let token = token.ok_or_else(|| Refusal::invalid_request("subject_token is missing"))?;
    let claims = access_token::active_claims(&call.app, &call.served, token, call.now).ok_or_else(|| {
        Refusal::invalid_request("the subject token is not a good access token of this realm")
    })?;
    let client_id = &request.client.client_id;
    let is_named = |value: &Value| value.as_str() == Some(client_id.as_str());
    let is_for_client = claims.get("azp").is_some_and(is_named)
        || claims.get("aud").is_some_and(|audience| match audience {
            Value::Array(audiences) => audiences.iter().any(is_named),
            audience => is_named(audience),
        });
    if !is_for_client {
        return Err(Refusal::invalid_request("the subject token is not for this client"));
    }
    let bound_to = claims.get("cnf").and_then(|cnf| cnf.get("jkt")).and_then(Value::as_str);
    match (bound_to, request.key) {
        (None, _) => Ok(claims),
        (Some(bound_to), Some(key)) if key.thumbprint.to_string() == bound_to => Ok(claims),
        // Else whoever stole the token could have it exchanged for one that is bound to his own key, or to none.
        (Some(_), _) => {
            Err(Refusal::invalid_request("the subject token is bound to a key that was not proven"))
        }
    }
}

/// Never more than the subject token has.
fn scope(request: &TokenCall<'_>, of_subject: &str) -> Result<GrantedScope, Refusal> {
    let of_subject: Vec<&str> = of_subject.split(' ').filter(|scope| !scope.is_empty()).collect();
    let refused = || Refusal::new(ErrorCode::InvalidScope, "more was asked for than the subject token has");
    let scopes = &request.client.scopes;
    match request.form.get("scope") {
        Some(requested) => {
            let requested: Vec<&str> = requested.split(' ').filter(|scope| !scope.is_empty()).collect();
            if requested.iter().any(|scope| !of_subject.contains(scope)) {
                return Err(refused());
            }
            scopes.grant(requested).ok_or_else(refused)
        }
        None => {
            let allowed = of_subject.into_iter().filter(|scope| scopes.grant([*scope]).is_some());
            scopes.grant(allowed).ok_or_else(refused)
        }
    }
}
