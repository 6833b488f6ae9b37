//! What the server says about itself: RFC 8414, OpenID Connect Discovery, and its keys.

use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::{
    app::{App, ServedRealm},
    call::Call,
    misbehaviour::Misbehaviour,
};

/// `GET …/.well-known/openid-configuration` and its RFC 8414 twin.
pub(crate) async fn handle(call: Call) -> Response {
    axum::Json(document(&call.app, &call.served)).into_response()
}

/// `GET …/certs`
pub(crate) async fn handle_certs(call: Call) -> Response {
    if let Some(Misbehaviour::SlowKeys(delay)) = call.app.misbehaviour {
        tokio::time::sleep(delay).await;
    }
    axum::Json(call.served.keys.document()).into_response()
}

fn document(app: &App, served: &ServedRealm) -> Value {
    let endpoint = |path: &str| format!("{}/protocol/openid-connect/{path}", served.issuer);
    let proof_algorithms: Vec<&str> =
        app.proof_policy.algorithms.iter().map(|algorithm| algorithm.as_str()).collect();
    let client_authentication = ["client_secret_basic", "client_secret_post", "private_key_jwt"];
    let mut methods_with_none = client_authentication.to_vec();
    methods_with_none.push("none");
    json!({
        "issuer": served.issuer,
        "authorization_endpoint": endpoint("auth"),
        "token_endpoint": endpoint("token"),
        "introspection_endpoint": endpoint("token/introspect"),
        "userinfo_endpoint": endpoint("userinfo"),
        "end_session_endpoint": endpoint("logout"),
        "jwks_uri": endpoint("certs"),
        "revocation_endpoint": endpoint("revoke"),
        "pushed_authorization_request_endpoint": endpoint("ext/par/request"),
        "device_authorization_endpoint": endpoint("auth/device"),
        "require_pushed_authorization_requests": false,
        "authorization_response_iss_parameter_supported": true,
        "grant_types_supported": [
            "authorization_code",
            "client_credentials",
            "refresh_token",
            "urn:ietf:params:oauth:grant-type:device_code",
            "urn:ietf:params:oauth:grant-type:token-exchange",
        ],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "fragment"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [served.keys.algorithm().as_str()],
        "code_challenge_methods_supported": ["S256"],
        "dpop_signing_alg_values_supported": proof_algorithms,
        "scopes_supported": ["openid", "profile", "email", "address", "phone", "offline_access", "microprofile-jwt", "roles", "web-origins", "acr", "basic"],
        "claims_supported": ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "name", "given_name", "family_name", "preferred_username", "email", "email_verified"],
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "token_endpoint_auth_methods_supported": methods_with_none,
        "token_endpoint_auth_signing_alg_values_supported": proof_algorithms,
        "introspection_endpoint_auth_methods_supported": client_authentication,
        "introspection_endpoint_auth_signing_alg_values_supported": proof_algorithms,
        "revocation_endpoint_auth_methods_supported": methods_with_none,
        "revocation_endpoint_auth_signing_alg_values_supported": proof_algorithms,
    })
}
