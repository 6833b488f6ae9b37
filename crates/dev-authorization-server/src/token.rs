//! The token endpoint (RFC 6749 §3.2): who asks, with which key, for which grant.
//!
//! The order is the decided one: the client, then the DPoP proof with its nonce, and only then is a code or a refresh token spent,
//! so that whoever is told `use_dpop_nonce` can repeat the request.

pub(crate) mod client_authentication;

mod authorization_code;
mod client_assertion;
mod client_credentials;
mod device_code;
mod refresh_token;
mod token_exchange;

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use dpop::DPOP_NONCE;
use http::{HeaderValue, StatusCode};
use oauth::ErrorCode;
use serde_json::{Map, Value};

use crate::{
    access_token::{self, Issuance, SessionClaims},
    call::Call,
    error::{Refusal, json_response},
    id_token,
    misbehaviour::Misbehaviour,
    parameters::Parameters,
    proof::{self, ProvenKey},
    realm::Client,
    store::{Grant, RefreshGrant},
};

/// `POST …/token`
pub(crate) async fn handle(call: Call, body: Bytes) -> Response {
    answer(&call, &body).await.unwrap_or_else(|refusal| {
        tracing::info!(
            error = refusal.code().as_str(),
            reason = refusal.description(),
            "a token request was refused"
        );
        refusal.into_response()
    })
}

#[derive(Debug, Clone, Copy)]
enum GrantType {
    AuthorizationCode,
    ClientCredentials,
    RefreshToken,
    DeviceCode,
    TokenExchange,
}

/// A request to the token endpoint by a client that is known.
struct TokenCall<'a> {
    call: &'a Call,
    client: &'a Client,
    form: &'a Parameters,
    key: Option<&'a ProvenKey>,
}

async fn answer(call: &Call, body: &Bytes) -> Result<Response, Refusal> {
    let form = Parameters::from_form(&call.headers, body)?;
    let authenticated = client_authentication::authenticate(call, &form)?;
    let grant_type = match form.get("grant_type") {
        Some("authorization_code") => GrantType::AuthorizationCode,
        Some("client_credentials") => GrantType::ClientCredentials,
        Some("refresh_token") => GrantType::RefreshToken,
        Some("urn:ietf:params:oauth:grant-type:device_code") => GrantType::DeviceCode,
        Some("urn:ietf:params:oauth:grant-type:token-exchange") => GrantType::TokenExchange,
        Some(_) => {
            return Err(Refusal::new(ErrorCode::UnsupportedGrantType, "this grant type is not supported"));
        }
        None => return Err(Refusal::invalid_request("grant_type is missing")),
    };
    let key = proof::proven_key(call).await?;
    let client = authenticated.spend(call)?;
    if client.dpop_bound && key.is_none() {
        // RFC 9449 §5.2: this client gets no token without a proof, whatever the grant.
        return Err(Refusal::new(ErrorCode::InvalidDpopProof, "this client must send a DPoP proof"));
    }
    let request = TokenCall { call, client, form: &form, key: key.as_ref() };
    let answer = match grant_type {
        GrantType::AuthorizationCode => authorization_code::grant(&request)?,
        GrantType::ClientCredentials => client_credentials::grant(&request)?,
        GrantType::RefreshToken => refresh_token::grant(&request)?,
        GrantType::DeviceCode => device_code::grant(&request)?,
        GrantType::TokenExchange => token_exchange::grant(&request)?,
    };
    Ok(with_nonce(json_response(StatusCode::OK, &Value::Object(answer)), key.as_ref()))
}

impl TokenCall<'_> {
    /// Makes the answer of RFC 6749 §5.1 with Keycloak's additions.
    fn issue(
        &self,
        issuance: &Issuance<'_>,
        refresh_token: Option<String>,
    ) -> Result<Map<String, Value>, Refusal> {
        let app = &self.call.app;
        let realm = &self.call.served.realm;
        if app.misbehaviour == Some(Misbehaviour::RotatingKeys) && self.call.served.keys.rotate().is_err() {
            return Err(Refusal::new(ErrorCode::ServerError, "no new key could be made"));
        }
        let access_token = access_token::sign(app, &self.call.served, issuance)?;
        let is_bound = issuance.bound_to.is_some() && app.misbehaviour != Some(Misbehaviour::BearerType);
        let mut answer = Map::new();
        if issuance.scope.contains("openid")
            && let Some(session) = &issuance.session
        {
            answer.insert(
                "id_token".into(),
                id_token::sign(&self.call.served, issuance, session, &access_token)?.into(),
            );
        }
        answer.insert("access_token".into(), access_token.into());
        answer.insert("expires_in".into(), realm.access_token_lifespan.as_secs().into());
        answer.insert(
            "refresh_expires_in".into(),
            match refresh_token {
                Some(_) => realm.refresh_token_lifespan.as_secs().into(),
                None => 0.into(),
            },
        );
        if let Some(refresh_token) = refresh_token {
            answer.insert("refresh_token".into(), refresh_token.into());
        }
        answer.insert("token_type".into(), if is_bound { "DPoP" } else { "Bearer" }.into());
        answer.insert("not-before-policy".into(), 0.into());
        if let Some(session) = &issuance.session {
            answer.insert("session_state".into(), session.id.into());
        }
        answer.insert("scope".into(), issuance.scope.to_string().into());
        tracing::info!(
            realm = realm.name,
            client_id = self.client.client_id,
            bound = issuance.bound_to.is_some(),
            "a token was issued"
        );
        Ok(answer)
    }

    /// Tokens for a login that is complete: a code was redeemed, or a device let in.
    fn issue_for_login(
        &self,
        grant: &Grant,
        openid_nonce: Option<&str>,
    ) -> Result<Map<String, Value>, Refusal> {
        let realm = &self.call.served.realm;
        let user = realm
            .user(&grant.user_id)
            .ok_or_else(|| Refusal::invalid_grant("the user is no longer there"))?;
        let refresh_token = self.call.app.store.issue_refresh_token(
            RefreshGrant { grant: grant.clone(), bound_to: self.refresh_token_key() },
            realm.refresh_token_lifespan,
            self.call.now,
        )?;
        let issuance = Issuance {
            user,
            client: self.client,
            audience: None,
            scope: &grant.scope,
            session: Some(SessionClaims {
                id: &grant.session_id,
                authenticated_at: grant.authenticated_at,
                openid_nonce,
            }),
            bound_to: self.key.map(|key| key.thumbprint),
            issued_at: self.call.now,
            expires_at: self.expires_at(),
        };
        self.issue(&issuance, Some(refresh_token))
    }

    /// When an access token issued now ends.
    fn expires_at(&self) -> jose::UnixTime {
        self.call.now.saturating_add(self.call.served.realm.access_token_lifespan)
    }

    /// The key that a refresh token of this client is bound to: RFC 9449 §5 binds those of public clients.
    fn refresh_token_key(&self) -> Option<jose::JwkThumbprint> {
        let binds = self.client.is_public() || self.client.binds_refresh_tokens;
        self.key.filter(|_| binds).map(|key| key.thumbprint)
    }
}

/// Adds the next nonce where one is due (RFC 9449 §8.2). The answer says `no-store` already.
pub(crate) fn with_nonce(mut response: Response, key: Option<&ProvenKey>) -> Response {
    let nonce =
        key.and_then(|key| key.fresh_nonce.as_deref()).and_then(|nonce| HeaderValue::from_str(nonce).ok());
    if let Some(nonce) = nonce {
        response.headers_mut().insert(DPOP_NONCE, nonce);
    }
    response
}
