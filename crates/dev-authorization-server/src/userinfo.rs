//! UserInfo (OpenID Connect Core §5.3): a protected resource like any other.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Map, Value};

use crate::{access_token::profile, call::Call, protected, realm::GrantedScope};

/// `GET` and `POST …/userinfo`
pub(crate) async fn handle(call: Call) -> Response {
    let served = &*call.served;
    let verified = match protected::enter(&call, &served.userinfo).await {
        Ok(verified) => verified,
        Err(answer) => return answer,
    };
    let text = |name: &str| verified.claims.get(name).and_then(Value::as_str).unwrap_or_default();
    let Some(user) = served.realm.user(text("sub")) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let mut claims = Map::new();
    claims.insert("sub".to_owned(), user.id.clone().into());
    claims.extend(profile(user, &GrantedScope::from_claim(text("scope"))));
    protected::answer(&Value::Object(claims), &verified)
}
