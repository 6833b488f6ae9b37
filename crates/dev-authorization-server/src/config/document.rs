//! The import file as Keycloak writes it: which of its members are read, and what they mean here.
//!
//! Names are Keycloak's. A member that is not here is ignored.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::roles::RolesDocument;

/// A realm.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RealmDocument {
    /// Part of every path and of the issuer.
    pub(super) realm: String,
    /// A realm that is switched off is refused at start.
    pub(super) enabled: Option<bool>,
    /// Shown on the login page.
    pub(super) display_name: Option<String>,
    /// Algorithm of the signing key; RS256 unless given.
    pub(super) default_signature_algorithm: Option<String>,
    /// Seconds; 300 unless given.
    pub(super) access_token_lifespan: Option<u64>,
    /// Seconds; at most 60, and 60 unless given.
    pub(super) access_code_lifespan: Option<u64>,
    /// Seconds that a refresh token may lie unused; 1800 unless given.
    pub(super) sso_session_idle_timeout: Option<u64>,
    /// Seconds from login to the end of all that came of it; 36000 unless given.
    pub(super) sso_session_max_lifespan: Option<u64>,
    /// Seconds that a device waits for its user; 600 unless given.
    pub(super) oauth2_device_code_lifespan: Option<u64>,
    /// Seconds between two questions of a device; 5 unless given.
    pub(super) oauth2_device_polling_interval: Option<u64>,
    /// For clients that name no default scopes.
    pub(super) default_default_client_scopes: Option<BTreeSet<String>>,
    /// For clients that name no optional scopes.
    pub(super) default_optional_client_scopes: Option<BTreeSet<String>>,
    /// Which roles contain which.
    #[serde(default)]
    pub(super) roles: RolesDocument,
    #[serde(default)]
    pub(super) clients: Vec<ClientDocument>,
    #[serde(default)]
    pub(super) users: Vec<UserDocument>,
}

/// A client.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ClientDocument {
    pub(super) client_id: String,
    pub(super) name: Option<String>,
    #[serde(default = "yes")]
    pub(super) enabled: bool,
    /// It has no secret. PKCE is required then, and refresh tokens are bound to the proof key.
    #[serde(default)]
    pub(super) public_client: bool,
    /// It only receives tokens, and never asks for one.
    #[serde(default)]
    pub(super) bearer_only: bool,
    /// `client-jwt` for a client that signs assertions with a key of its attribute `jwks.string`; else it has a secret.
    pub(super) client_authenticator_type: Option<String>,
    /// Of a confidential client. Exports mask it with asterisks: then the client can not authenticate.
    pub(super) secret: Option<String>,
    /// The authorization code grant.
    #[serde(default = "yes")]
    pub(super) standard_flow_enabled: bool,
    /// The client credentials grant.
    #[serde(default)]
    pub(super) service_accounts_enabled: bool,
    /// Compared exactly. A loopback address without a port stands for every port.
    #[serde(default)]
    pub(super) redirect_uris: Vec<String>,
    /// Browser origins; `+` for those of the redirect URIs, `*` for all.
    #[serde(default)]
    pub(super) web_origins: Vec<String>,
    /// Read are `dpop.bound.access.tokens`, `pkce.code.challenge.method`, `require.pushed.authorization.requests`, `jwks.string`,
    /// `post.logout.redirect.uris`, `oauth2.device.authorization.grant.enabled`, `standard.token.exchange.enabled`, and
    /// `dpop.bound.refresh.tokens`, which Keycloak does not know: it binds the refresh tokens of a confidential client too.
    #[serde(default)]
    pub(super) attributes: Map<String, Value>,
    pub(super) default_client_scopes: Option<BTreeSet<String>>,
    pub(super) optional_client_scopes: Option<BTreeSet<String>>,
    #[serde(default)]
    pub(super) protocol_mappers: Vec<ProtocolMapperDocument>,
}

/// A rule that adds to the tokens of a client. Two kinds are read: `oidc-audience-mapper` and `oidc-hardcoded-claim-mapper`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProtocolMapperDocument {
    pub(super) protocol_mapper: String,
    #[serde(default)]
    pub(super) config: BTreeMap<String, String>,
}

impl ProtocolMapperDocument {
    fn setting(&self, name: &str) -> Option<&String> {
        self.config.get(name).filter(|value| !value.is_empty())
    }

    fn is_for_access_tokens(&self) -> bool {
        self.config.get("access.token.claim").is_none_or(|value| value == "true")
    }

    pub(super) fn audience(&self) -> Option<String> {
        let audience =
            self.setting("included.client.audience").or_else(|| self.setting("included.custom.audience"))?;
        self.is_for_access_tokens().then(|| audience.clone())
    }

    pub(super) fn hardcoded_claim(&self) -> Option<(String, Value)> {
        let name = self.setting("claim.name")?;
        let text = self.setting("claim.value")?;
        let value = match self.config.get("jsonType.label").map(String::as_str) {
            Some("int" | "long" | "boolean" | "JSON") => serde_json::from_str(text).ok()?,
            Some(_) | None => Value::String(text.clone()),
        };
        self.is_for_access_tokens().then(|| (name.clone(), value))
    }
}

/// A user, or the account of a client.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserDocument {
    /// The `sub` of tokens; made from realm and user name unless given.
    pub(super) id: Option<String>,
    pub(super) username: String,
    #[serde(default)]
    pub(super) enabled: bool,
    pub(super) email: Option<String>,
    #[serde(default)]
    pub(super) email_verified: bool,
    pub(super) first_name: Option<String>,
    pub(super) last_name: Option<String>,
    #[serde(default)]
    pub(super) attributes: Map<String, Value>,
    #[serde(default)]
    pub(super) credentials: Vec<CredentialDocument>,
    /// Roles of the realm; none but these are given.
    #[serde(default)]
    pub(super) realm_roles: BTreeSet<String>,
    /// Roles by client id.
    #[serde(default)]
    pub(super) client_roles: BTreeMap<String, BTreeSet<String>>,
    /// This is the account of that client: nobody logs in with it.
    pub(super) service_account_client_id: Option<String>,
    /// Milliseconds since the Unix epoch.
    pub(super) created_timestamp: Option<i64>,
}

/// A way to log in. Only plain passwords work; the hashes of an export do not.
#[derive(Deserialize)]
pub(super) struct CredentialDocument {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) value: Option<String>,
}

fn yes() -> bool {
    true
}
