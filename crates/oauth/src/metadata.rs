//! Metadata of an authorization server (RFC 8414; OpenID Connect Discovery 1.0) and where it is found.

use jose::AlgorithmSet;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What an authorization server says about itself. Members that this project does not use are kept in [`additional`](Self::additional).
///
/// Lists are never written empty (RFC 8414, section 3.2): leave them `None`.
///
/// ```
/// use oauth::metadata::AuthorizationServerMetadata;
///
/// let document = r#"{ "issuer": "https://issuer.example", "jwks_uri": "https://issuer.example/keys" }"#;
/// let metadata: AuthorizationServerMetadata = serde_json::from_str(document)?;
/// assert_eq!(metadata.jwks_uri.as_deref(), Some("https://issuer.example/keys"));
/// assert_eq!(metadata.dpop_algorithms(), None);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AuthorizationServerMetadata {
    /// The issuer; a client must compare it with the one it asked for, exactly (RFC 8414, section 3.3).
    pub issuer: String,
    /// Where a browser is sent to log in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization_endpoint: Option<String>,
    /// Where tokens are asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_endpoint: Option<String>,
    /// Where the issuer's public keys are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// RFC 9126.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pushed_authorization_request_endpoint: Option<String>,
    /// RFC 7662.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub introspection_endpoint: Option<String>,
    /// RFC 7009.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation_endpoint: Option<String>,
    /// OpenID Connect Core 1.0, section 5.3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub userinfo_endpoint: Option<String>,
    /// OpenID Connect RP-Initiated Logout 1.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_session_endpoint: Option<String>,
    /// RFC 8628.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_authorization_endpoint: Option<String>,
    /// RFC 7591.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_endpoint: Option<String>,
    /// Scopes that may be asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes_supported: Option<Vec<String>>,
    /// Values of `response_type`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_types_supported: Option<Vec<String>>,
    /// Values of `response_mode`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_modes_supported: Option<Vec<String>>,
    /// Values of `grant_type`; when absent, authorization code and implicit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_types_supported: Option<Vec<String>>,
    /// OpenID Connect Discovery 1.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject_types_supported: Option<Vec<String>>,
    /// OpenID Connect Discovery 1.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_token_signing_alg_values_supported: Option<Vec<String>>,
    /// Ways of client authentication at the token endpoint; when absent, `client_secret_basic`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// Ways of client authentication at the introspection endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub introspection_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// Ways of client authentication at the revocation endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// RFC 7636; absent means no PKCE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_challenge_methods_supported: Option<Vec<String>>,
    /// Algorithms for DPoP proofs (RFC 9449, section 5.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dpop_signing_alg_values_supported: Option<Vec<String>>,
    /// Claims that tokens and userinfo may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claims_supported: Option<Vec<String>>,
    /// RFC 9126, section 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub require_pushed_authorization_requests: Option<bool>,
    /// Whether the callback carries `iss` (RFC 9207).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization_response_iss_parameter_supported: Option<bool>,
    /// All other members, as they came.
    #[serde(flatten)]
    pub additional: Map<String, Value>,
}

impl AuthorizationServerMetadata {
    /// The algorithms for DPoP proofs that this project knows, in the server's order; `None` when the server says nothing.
    #[must_use]
    pub fn dpop_algorithms(&self) -> Option<AlgorithmSet> {
        let names = self.dpop_signing_alg_values_supported.as_ref()?;
        Some(names.iter().filter_map(|name| name.parse().ok()).collect())
    }
}

/// Where RFC 8414, section 3.1, puts the metadata: `/.well-known/oauth-authorization-server` between host and path of the issuer.
///
/// `None` when the issuer is not an absolute http(s) URI or has a query or fragment.
#[must_use]
pub fn oauth_location(issuer: &str) -> Option<String> {
    let (origin, path) = split_issuer(issuer)?;
    Some(format!("{origin}/.well-known/oauth-authorization-server{path}"))
}

/// Where OpenID Connect Discovery 1.0, section 4, puts it: `/.well-known/openid-configuration` after the path of the issuer.
///
/// `None` when the issuer is not an absolute http(s) URI or has a query or fragment.
#[must_use]
pub fn openid_location(issuer: &str) -> Option<String> {
    let (origin, path) = split_issuer(issuer)?;
    Some(format!("{origin}{path}/.well-known/openid-configuration"))
}

/// Origin and path without a final slash.
fn split_issuer(issuer: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = issuer.split_once("://")?;
    if !matches!(scheme, "https" | "http") || issuer.contains(['?', '#']) {
        return None;
    }
    let host = rest.split('/').next().filter(|host| !host.is_empty())?;
    let (origin, path) = issuer.split_at_checked(scheme.len() + "://".len() + host.len())?;
    Some((origin, path.strip_suffix('/').unwrap_or(path)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn finds_the_well_known_places() {
        let check = |issuer, oauth: Option<&str>, openid: Option<&str>| {
            assert_eq!(oauth_location(issuer).as_deref(), oauth);
            assert_eq!(openid_location(issuer).as_deref(), openid);
        };
        check(
            "https://as.example",
            Some("https://as.example/.well-known/oauth-authorization-server"),
            Some("https://as.example/.well-known/openid-configuration"),
        );
        check(
            "http://127.0.0.1:8080/realms/dpop/",
            Some("http://127.0.0.1:8080/.well-known/oauth-authorization-server/realms/dpop"),
            Some("http://127.0.0.1:8080/realms/dpop/.well-known/openid-configuration"),
        );
        for bad in [
            "",
            "as.example",
            "ftp://as.example",
            "https://",
            "https:///x",
            "https://as.example?x",
            "https://as.example/#",
        ] {
            check(bad, None, None);
        }
    }

    #[test]
    fn keeps_unknown_members_and_writes_no_absent_ones() {
        let document = json!({
            "issuer": "https://as.example",
            "token_endpoint": "https://as.example/token",
            "dpop_signing_alg_values_supported": ["ES256", "X", "Ed25519"],
            "mtls_endpoint_aliases": {"token_endpoint": "x"},
        });
        let metadata: AuthorizationServerMetadata = serde_json::from_value(document.clone()).unwrap();
        assert_eq!(metadata.dpop_algorithms().unwrap().to_string(), "ES256 Ed25519 EdDSA");
        assert_eq!(serde_json::to_value(&metadata).unwrap(), document);
        assert!(serde_json::from_value::<AuthorizationServerMetadata>(json!({})).is_err());
    }
}
