//! A realm as the server uses it: its clients, its users, and what each of them may do.
//!
//! Values here come only from [`config`](crate::config), which reads the import file; nothing changes them afterwards.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

use jose::{Algorithm, JwkSet, crypto};
use serde_json::{Map, Value};
use url::Url;
use zeroize::Zeroizing;

/// An isolated world of clients and users with its own issuer and signing keys, as in Keycloak.
///
/// Made by [`Realm::parse`], [`Realm::read`] or [`Realm::built_in`].
#[derive(Debug, Clone)]
pub struct Realm {
    pub(crate) name: String,
    pub(crate) display_name: String,
    pub(crate) signing_algorithm: Algorithm,
    pub(crate) access_token_lifespan: Duration,
    pub(crate) code_lifespan: Duration,
    pub(crate) refresh_token_lifespan: Duration,
    pub(crate) session_lifespan: Duration,
    pub(crate) device_code_lifespan: Duration,
    /// Shortest time between two questions of a device.
    pub(crate) device_polling_interval: Duration,
    /// By client id.
    pub(crate) clients: BTreeMap<String, Client>,
    /// By user name in lower case, service accounts included.
    pub(crate) users: BTreeMap<String, User>,
    pub(crate) warnings: Vec<String>,
}

impl Realm {
    /// The realm's name, which is part of every path of it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the import file says that this server does not do, one sentence each, for the person who starts it.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The client of that id, unless it is switched off.
    pub(crate) fn client(&self, client_id: &str) -> Option<&Client> {
        self.clients.get(client_id).filter(|client| client.enabled)
    }

    /// The user of that subject identifier, unless switched off.
    pub(crate) fn user(&self, id: &str) -> Option<&User> {
        self.users.values().find(|user| user.id == id && user.enabled)
    }

    /// The user who knows the password. `None` for unknown users, users that are switched off and wrong passwords alike.
    pub(crate) fn log_in(&self, username: &str, password: &str) -> Option<&User> {
        let user = self.users.get(&username.to_lowercase())?;
        let known = user.password.as_ref()?.matches(password);
        (known && user.enabled && user.service_account_of.is_none()).then_some(user)
    }

    /// The user that stands for the client itself in the client credentials grant.
    pub(crate) fn service_account(&self, client: &Client) -> Option<&User> {
        self.users.values().find(|user| user.service_account_of.as_deref() == Some(client.client_id.as_str()))
    }

    /// Whether any client of the realm names this browser origin.
    pub(crate) fn allows_origin(&self, origin: &str) -> bool {
        self.clients.values().any(|client| client.enabled && client.allows_origin(origin))
    }
}

/// A registered OAuth client.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) client_id: String,
    pub(crate) name: String,
    pub(crate) enabled: bool,
    pub(crate) kind: ClientKind,
    /// May use the authorization code grant.
    pub(crate) standard_flow: bool,
    /// May use the client credentials grant.
    pub(crate) service_account: bool,
    /// May use the device code grant.
    pub(crate) device_flow: bool,
    /// May exchange tokens.
    pub(crate) token_exchange: bool,
    pub(crate) redirect_uris: Vec<RedirectUri>,
    /// Registered for the end of a logout; `+` in the import file stands for the redirect URIs.
    pub(crate) post_logout_redirect_uris: Vec<RedirectUri>,
    pub(crate) web_origins: Vec<WebOrigin>,
    /// RFC 9449 §5.2: tokens are issued only with a proof.
    pub(crate) dpop_bound: bool,
    /// Refresh tokens of a confidential client are bound to the proof key as well (those of public clients always are).
    pub(crate) binds_refresh_tokens: bool,
    /// RFC 9126 §6: authorization requests are taken only through the pushed authorization request endpoint.
    pub(crate) requires_pushed_requests: bool,
    pub(crate) requires_pkce: bool,
    pub(crate) scopes: ClientScopes,
    /// `aud` values that a protocol mapper adds to access tokens.
    pub(crate) audiences: Vec<String>,
    /// Claims that a protocol mapper writes into every access token.
    pub(crate) hardcoded_claims: Map<String, Value>,
}

impl Client {
    pub(crate) fn is_public(&self) -> bool {
        matches!(self.kind, ClientKind::Public)
    }

    /// Whether this redirect URI is registered.
    pub(crate) fn allows_redirect(&self, uri: &str) -> bool {
        self.redirect_uris.iter().any(|registered| registered.matches(uri))
    }

    /// Whether a browser may be sent there after a logout.
    pub(crate) fn allows_post_logout_redirect(&self, uri: &str) -> bool {
        !uri.contains('#') && self.post_logout_redirect_uris.iter().any(|registered| registered.matches(uri))
    }

    /// Whether a browser origin may read answers meant for this client.
    pub(crate) fn allows_origin(&self, origin: &str) -> bool {
        self.web_origins.iter().any(|allowed| match allowed {
            WebOrigin::Any => true,
            WebOrigin::Exactly(allowed) => allowed == origin,
        })
    }
}

/// How a client proves who it is.
#[derive(Debug, Clone)]
pub(crate) enum ClientKind {
    /// It can not keep a secret (RFC 6749 §2.1).
    Public,
    /// It presents this secret. Without one in the import file it can not authenticate at all.
    Secret(Option<Secret>),
    /// It signs assertions with one of these keys (RFC 7523).
    Keys(JwkSet),
}

/// The scopes a client gets without asking and those it may ask for, beside `openid`.
#[derive(Debug, Clone)]
pub(crate) struct ClientScopes {
    pub(crate) default: BTreeSet<String>,
    pub(crate) optional: BTreeSet<String>,
}

impl ClientScopes {
    /// What is granted for the requested scopes: the defaults, and what was asked for. `None` when something was asked for that the client may not have.
    pub(crate) fn grant<'a>(&self, requested: impl IntoIterator<Item = &'a str>) -> Option<GrantedScope> {
        let mut granted = self.default.clone();
        for scope in requested {
            if scope != "openid" && !self.default.contains(scope) && !self.optional.contains(scope) {
                return None;
            }
            granted.insert(scope.to_owned());
        }
        Some(GrantedScope(granted))
    }
}

/// The scopes of one grant, as the claims of its tokens depend on them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GrantedScope(BTreeSet<String>);

impl GrantedScope {
    /// Scopes that only steer which claims a token gets, and are not told to anyone: Keycloak leaves them out of `scope` too.
    const SILENT: [&'static str; 5] = ["acr", "basic", "roles", "service_account", "web-origins"];

    /// The scopes that a token of ours names.
    pub(crate) fn from_claim(scope: &str) -> Self {
        Self(scope.split(' ').map(str::to_owned).collect())
    }

    pub(crate) fn contains(&self, scope: &str) -> bool {
        self.0.contains(scope)
    }

    /// The same grant with only the scopes asked for, for a refresh. `None` when more is asked for than was granted (RFC 6749 §6).
    pub(crate) fn narrow<'a>(&self, requested: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut narrowed: BTreeSet<String> = Self::SILENT
            .iter()
            .filter(|silent| self.contains(silent))
            .map(|silent| (*silent).to_owned())
            .collect();
        for scope in requested {
            narrowed.insert(self.0.get(scope)?.clone());
        }
        Some(Self(narrowed))
    }
}

/// The `scope` value of tokens and answers.
impl fmt::Display for GrantedScope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = self.0.iter().filter(|scope| !Self::SILENT.contains(&scope.as_str()));
        // `openid` first, as every OpenID Connect example has it.
        let openid = self.0.contains("openid").then_some("openid");
        let others = told.map(String::as_str).filter(|scope| *scope != "openid");
        for (place, scope) in openid.into_iter().chain(others).enumerate() {
            if place > 0 {
                formatter.write_str(" ")?;
            }
            formatter.write_str(scope)?;
        }
        Ok(())
    }
}

/// A registered redirect URI.
///
/// Compared by simple string comparison (RFC 9700 §4.1.3), with the one exception of RFC 8252 §7.3: a registered
/// `http://127.0.0.1/…` or `http://[::1]/…` without a port stands for every port, since a native app takes the port that is free.
/// Keycloak's trailing `*` is turned down on purpose: it is the open redirector that RFC 9700 §4.1 is about.
#[derive(Debug, Clone)]
pub(crate) struct RedirectUri(String);

impl RedirectUri {
    pub(crate) fn new(uri: &str) -> Self {
        Self(uri.to_owned())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn is_wildcard(&self) -> bool {
        self.0.ends_with('*')
    }

    fn matches(&self, uri: &str) -> bool {
        if self.is_wildcard() {
            return false;
        }
        self.0 == uri || self.matches_with_any_port(uri)
    }

    fn matches_with_any_port(&self, uri: &str) -> bool {
        ["http://127.0.0.1", "http://[::1]"].iter().any(|loopback| {
            let (Some(registered), Some(presented)) =
                (self.0.strip_prefix(loopback), uri.strip_prefix(loopback))
            else {
                return false;
            };
            let path_at = presented.find('/').unwrap_or(presented.len());
            let (port, path) = presented.split_at(path_at);
            let is_port = port.strip_prefix(':').is_some_and(|digits| {
                digits.bytes().all(|digit| digit.is_ascii_digit())
                    && digits.parse::<u16>().is_ok_and(|port| port > 0)
            });
            is_port && registered == path
        })
    }

    /// The browser origin of the URI, which `+` among the web origins stands for.
    pub(crate) fn origin(&self) -> Option<String> {
        let origin = Url::parse(&self.0).ok()?.origin();
        origin.is_tuple().then(|| origin.ascii_serialization())
    }
}

/// A browser origin that may read this server's answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WebOrigin {
    /// `*`
    Any,
    /// One origin, written as browsers send it.
    Exactly(String),
}

/// Somebody who can log in, or a client's own account.
#[derive(Debug, Clone)]
pub(crate) struct User {
    /// The `sub` of tokens.
    pub(crate) id: String,
    pub(crate) username: String,
    pub(crate) enabled: bool,
    pub(crate) email: Option<String>,
    pub(crate) email_verified: bool,
    pub(crate) first_name: Option<String>,
    pub(crate) last_name: Option<String>,
    pub(crate) attributes: Map<String, Value>,
    pub(crate) password: Option<Secret>,
    pub(crate) service_account_of: Option<String>,
    pub(crate) roles: Roles,
    /// Milliseconds since the Unix epoch, as Keycloak counts it.
    pub(crate) created_at_milliseconds: Option<i64>,
}

impl User {
    /// First and last name as one.
    pub(crate) fn full_name(&self) -> Option<String> {
        let parts: Vec<&str> =
            [&self.first_name, &self.last_name].into_iter().flatten().map(String::as_str).collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    }
}

/// Roles of the realm and of its clients, composites resolved.
#[derive(Debug, Clone, Default)]
pub(crate) struct Roles {
    pub(crate) realm: BTreeSet<String>,
    pub(crate) client: BTreeMap<String, BTreeSet<String>>,
}

#[cfg(test)]
impl Roles {
    pub(crate) fn has_client_role(&self, client: &str, role: &str) -> bool {
        self.client.get(client).is_some_and(|roles| roles.contains(role))
    }
}

/// A password or client secret. Never shown; compared in constant time.
///
/// Kept as it stands in the import file: this server is for development, and the file lies beside it.
#[derive(Clone)]
pub(crate) struct Secret(Zeroizing<String>);

impl Secret {
    pub(crate) fn new(secret: &str) -> Self {
        Self(Zeroizing::new(secret.to_owned()))
    }

    /// Compared by hash, so that the time taken tells neither content nor length.
    pub(crate) fn matches(&self, presented: &str) -> bool {
        crypto::constant_time_eq(&crypto::sha256(self.0.as_bytes()), &crypto::sha256(presented.as_bytes()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_redirect(registered: &str, presented: &str, expected: bool) {
        assert_eq!(RedirectUri::new(registered).matches(presented), expected, "{registered} and {presented}");
    }

    #[test]
    fn compares_redirect_uris_exactly() {
        check_redirect("https://app.example/cb", "https://app.example/cb", true);
        check_redirect("https://app.example/cb", "https://app.example/cb/", false);
        check_redirect("https://app.example/cb", "https://app.example/cb?x=1", false);
        check_redirect("https://app.example/cb", "HTTPS://app.example/cb", false);
        check_redirect("http://127.0.0.1:8765/callback", "http://127.0.0.1:8766/callback", false);
    }

    #[test]
    fn takes_any_port_of_a_loopback_address_registered_without_port() {
        check_redirect("http://127.0.0.1/callback", "http://127.0.0.1:51004/callback", true);
        check_redirect("http://127.0.0.1/callback", "http://127.0.0.1/callback", true);
        check_redirect("http://[::1]/callback", "http://[::1]:51004/callback", true);
        check_redirect("http://127.0.0.1/callback", "http://127.0.0.1:51004/other", false);
        check_redirect("http://127.0.0.1/callback", "http://127.0.0.1:1@evil.example/callback", false);
        check_redirect("http://127.0.0.1/callback", "http://127.0.0.1.evil.example/callback", false);
        check_redirect("http://127.0.0.1/callback", "http://127.0.0.1:/callback", false);
        check_redirect("http://127.0.0.1/callback", "http://127.0.0.1:0/callback", false);
        check_redirect("http://127.0.0.1/callback", "http://127.0.0.1:99999/callback", false);
        check_redirect("http://localhost/callback", "http://localhost:51004/callback", false);
        check_redirect("https://127.0.0.1/callback", "https://127.0.0.1:51004/callback", false);
    }

    #[test]
    fn a_wildcard_matches_nothing() {
        check_redirect("https://app.example/*", "https://app.example/x", false);
        check_redirect("https://app.example/*", "https://app.example/*", false);
        check_redirect("*", "https://evil.example/", false);
    }

    #[test]
    fn grants_defaults_and_what_was_asked_for() {
        let scopes = ClientScopes {
            default: ["profile", "roles"].map(str::to_owned).into(),
            optional: ["phone".to_owned()].into(),
        };
        let granted = scopes.grant(["openid", "phone"]).unwrap();
        assert_eq!(granted.to_string(), "openid phone profile");
        assert!(granted.contains("roles"));
        assert_eq!(scopes.grant(["admin"]), None);
    }

    #[test]
    fn a_refresh_narrows_the_scope_but_never_widens_it() {
        let scopes = ClientScopes {
            default: ["profile", "roles"].map(str::to_owned).into(),
            optional: BTreeSet::new(),
        };
        let granted = scopes.grant(["openid"]).unwrap();
        let narrowed = granted.narrow(["openid"]).unwrap();
        assert_eq!(narrowed.to_string(), "openid");
        assert!(narrowed.contains("roles"));
        assert_eq!(granted.narrow(["email"]), None);
    }

    #[test]
    fn a_secret_shows_nothing() {
        let secret = Secret::new("s3cret");
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        assert!(secret.matches("s3cret"));
        assert!(!secret.matches("s3cre"));
        assert!(!secret.matches(""));
    }
}
