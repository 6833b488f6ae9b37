//! Access tokens: JWTs with the claims that Keycloak gives them.

use jose::{JwkThumbprint, SignError, UnixTime};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{
    app::{App, ServedRealm},
    error::Refusal,
    misbehaviour::Misbehaviour,
    realm::{Client, GrantedScope, User, WebOrigin},
};

/// What a token is issued for.
pub(crate) struct Issuance<'a> {
    pub(crate) user: &'a User,
    pub(crate) client: &'a Client,
    /// An audience beside those of the client and of the user's roles.
    pub(crate) audience: Option<&'a str>,
    pub(crate) scope: &'a GrantedScope,
    /// The login it comes from; none when a client acts for itself.
    pub(crate) session: Option<SessionClaims<'a>>,
    /// The key that the token is bound to.
    pub(crate) bound_to: Option<JwkThumbprint>,
    pub(crate) issued_at: UnixTime,
    pub(crate) expires_at: UnixTime,
}

/// What tokens say about the login.
pub(crate) struct SessionClaims<'a> {
    pub(crate) id: &'a str,
    pub(crate) authenticated_at: UnixTime,
    pub(crate) openid_nonce: Option<&'a str>,
}

/// Makes and signs an access token.
pub(crate) fn sign(app: &App, served: &ServedRealm, issuance: &Issuance<'_>) -> Result<String, Refusal> {
    let mut claims = claims(served, issuance);
    if app.misbehaviour == Some(Misbehaviour::NoConfirmation) {
        claims.remove("cnf");
    }
    let token: Result<String, SignError> = served.keys.sign(&claims);
    Ok(token?)
}

fn claims(served: &ServedRealm, issuance: &Issuance<'_>) -> Map<String, Value> {
    let Issuance { user, client, scope, session, bound_to, .. } = issuance;
    // First, so that no mapper of the import file writes over a claim of ours.
    let mut claims = client.hardcoded_claims.clone();
    let mut put = |name: &str, value: Value| {
        claims.insert(name.to_owned(), value);
    };
    put("exp", issuance.expires_at.as_seconds().into());
    put("iat", issuance.issued_at.as_seconds().into());
    put("jti", Uuid::new_v4().to_string().into());
    put("iss", served.issuer.clone().into());
    put("sub", user.id.clone().into());
    put("typ", if bound_to.is_some() { "DPoP" } else { "Bearer" }.into());
    put("azp", client.client_id.clone().into());
    // Beside Keycloak's `azp`, the name that RFC 9068 §2.2 gives it.
    put("client_id", client.client_id.clone().into());
    if let Some(session) = session {
        put("auth_time", session.authenticated_at.as_seconds().into());
        put("sid", session.id.into());
    }
    put("acr", "1".into());
    let origins: Vec<&str> = client
        .web_origins
        .iter()
        .map(|origin| match origin {
            WebOrigin::Any => "*",
            WebOrigin::Exactly(origin) => origin,
        })
        .collect();
    if !origins.is_empty() {
        put("allowed-origins", json!(origins));
    }
    let mut audience: Vec<&str> = client.audiences.iter().map(String::as_str).collect();
    audience.extend(issuance.audience);
    if scope.contains("roles") {
        if !user.roles.realm.is_empty() {
            put("realm_access", json!({ "roles": user.roles.realm }));
        }
        if !user.roles.client.is_empty() {
            let access: Map<String, Value> = user
                .roles
                .client
                .iter()
                .map(|(client, roles)| (client.clone(), json!({ "roles": roles })))
                .collect();
            put("resource_access", Value::Object(access));
        }
        // Keycloak's audience resolver: whose roles are in the token is its audience, but not the client itself.
        audience
            .extend(user.roles.client.keys().map(String::as_str).filter(|name| *name != client.client_id));
    }
    audience.sort_unstable();
    audience.dedup();
    match audience.as_slice() {
        [] => {}
        [one] => put("aud", (*one).into()),
        several => put("aud", json!(several)),
    }
    put("scope", scope.to_string().into());
    for (name, value) in profile(user, scope) {
        put(&name, value);
    }
    if user.service_account_of.is_some() {
        put("preferred_username", user.username.clone().into());
    }
    if let Some(thumbprint) = bound_to {
        put("cnf", json!({ "jkt": thumbprint.to_string() }));
    }
    claims
}

/// What the scopes `profile` and `email` tell about a user (OpenID Connect Core §5.4).
pub(crate) fn profile(user: &User, scope: &GrantedScope) -> Map<String, Value> {
    let mut claims = Map::new();
    if scope.contains("email") {
        claims.insert("email_verified".to_owned(), user.email_verified.into());
        if let Some(email) = &user.email {
            claims.insert("email".to_owned(), email.clone().into());
        }
    }
    if scope.contains("profile") {
        let names = [
            ("name", user.full_name()),
            ("preferred_username", Some(user.username.clone())),
            ("given_name", user.first_name.clone()),
            ("family_name", user.last_name.clone()),
        ];
        for (name, value) in names {
            if let Some(value) = value {
                claims.insert(name.to_owned(), value.into());
            }
        }
    }
    claims
}

/// The claims of an access token of this realm that is good now: signed by us, not expired, not revoked, its session not over.
pub(crate) fn active_claims(
    app: &App,
    served: &ServedRealm,
    token: &str,
    now: UnixTime,
) -> Option<Map<String, Value>> {
    let claims = served.keys.open(token)?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let is_access_token = matches!(text("typ"), Some("Bearer" | "DPoP"));
    let is_ours = text("iss") == Some(served.issuer.as_str());
    let is_current = claims.get("exp").and_then(Value::as_i64).is_some_and(|exp| now.as_seconds() < exp);
    (is_access_token && is_ours && is_current && is_live(app, &claims, now)).then_some(claims)
}

/// Whether a token, verified already, was neither revoked nor logged out.
pub(crate) fn is_live(app: &App, claims: &Map<String, Value>, now: UnixTime) -> bool {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let session_is_live = text("sid").is_none_or(|sid| app.store.is_session_live(sid, now));
    let is_revoked = text("jti").is_none_or(|jti| app.store.is_token_revoked(jti, now));
    session_is_live && !is_revoked
}
