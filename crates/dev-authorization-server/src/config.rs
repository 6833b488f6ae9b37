//! Reads a realm from the JSON that Keycloak imports and exports.
//!
//! An export has hundreds of members; those that mean nothing here are ignored, as Keycloak itself ignores what it does not know.
//! What the file asks for and this server does not do becomes a warning ([`Realm::warnings`]); what makes no sense is an error with its place in the file.

mod document;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use jose::{Algorithm, JwkSet, crypto};
use serde_json::{Map, Value};

use self::document::{ClientDocument, RealmDocument, UserDocument};
use crate::{
    realm::{Client, ClientKind, ClientScopes, Realm, RedirectUri, Secret, User, WebOrigin},
    roles::RoleTree,
};

/// Authorization codes live no longer than this, whatever the file says (RFC 6749 §4.1.2 allows 10 minutes, FAPI 2.0 one).
const LONGEST_CODE_LIFESPAN: Duration = Duration::from_secs(60);

/// The scopes that Keycloak gives to every client whose entry names none.
const DEFAULT_SCOPES: [&str; 6] = ["acr", "basic", "email", "profile", "roles", "web-origins"];
const OPTIONAL_SCOPES: [&str; 4] = ["address", "microprofile-jwt", "offline_access", "phone"];

impl Realm {
    /// The realm that is served when none is given: `dpop`, with user alice (password `alice`), the public client
    /// `heimdall-dpop-client` and the confidential client `keybound-demo-service`, which may list users.
    ///
    /// # Errors
    ///
    /// None in practice: the text is part of the program, and a test reads it.
    pub fn built_in() -> Result<Self, RealmError> {
        Self::parse(include_bytes!("../realms/dpop.json"))
    }

    /// Reads a realm file.
    ///
    /// # Errors
    ///
    /// [`RealmFileError`] with the file's path, when it can not be read or its content makes no sense.
    pub fn read(path: &Path) -> Result<Self, RealmFileError> {
        let text =
            fs::read(path).map_err(|source| RealmFileError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(&text).map_err(|source| RealmFileError::Invalid { path: path.to_owned(), source })
    }

    /// Makes a realm from the JSON of an import file.
    ///
    /// # Errors
    ///
    /// [`RealmError`]: not JSON, a member of the wrong type, or values that contradict each other; each with its place.
    pub fn parse(json: &[u8]) -> Result<Self, RealmError> {
        let mut reader = serde_json::Deserializer::from_slice(json);
        let document: RealmDocument = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            RealmError { problems: vec![Problem::new(error.path().to_string(), error.inner().to_string())] }
        })?;
        reader.end().map_err(|error| RealmError { problems: vec![Problem::new(".", error.to_string())] })?;
        Conversion::default().realm(document)
    }
}

/// Why a realm file could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RealmFileError {
    /// The file system would not give it.
    #[error("can not read the realm file {}", path.display())]
    Unreadable {
        /// The file asked for.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// Its content is not a realm.
    #[error("the realm file {} has errors", path.display())]
    Invalid {
        /// The file that was read.
        path: PathBuf,
        /// All that is wrong with it.
        source: RealmError,
    },
}

/// Everything that is wrong with a realm document, each problem with its place.
#[derive(Debug, PartialEq, Eq)]
pub struct RealmError {
    problems: Vec<Problem>,
}

impl RealmError {
    /// One line for each problem: `clients[0].clientId: missing`.
    pub fn problems(&self) -> impl Iterator<Item = String> + '_ {
        self.problems.iter().map(ToString::to_string)
    }
}

impl fmt::Display for RealmError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.problems().collect();
        formatter.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for RealmError {}

#[derive(Debug, PartialEq, Eq)]
struct Problem {
    place: String,
    text: String,
}

impl Problem {
    fn new(place: impl Into<String>, text: impl Into<String>) -> Self {
        Self { place: place.into(), text: text.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.place, self.text)
    }
}

/// Turns the document into the realm and gathers all problems on the way.
#[derive(Default)]
struct Conversion {
    problems: Vec<Problem>,
    warnings: Vec<String>,
}

impl Conversion {
    fn realm(mut self, document: RealmDocument) -> Result<Realm, RealmError> {
        if !is_path_segment(&document.realm) {
            self.problem("realm", "expected a name of letters, digits, '-', '_' and '.'");
        }
        if document.enabled == Some(false) {
            self.problem("enabled", "the realm is switched off");
        }
        let signing_algorithm = self.signing_algorithm(document.default_signature_algorithm.as_deref());
        let seconds =
            |configured: Option<u64>, default: u64| Duration::from_secs(configured.unwrap_or(default).max(1));
        let code_lifespan = seconds(document.access_code_lifespan, 60).min(LONGEST_CODE_LIFESPAN);
        let default_scopes = scopes_or(document.default_default_client_scopes, &DEFAULT_SCOPES);
        let optional_scopes = scopes_or(document.default_optional_client_scopes, &OPTIONAL_SCOPES);

        let mut clients = BTreeMap::new();
        for (index, client) in document.clients.into_iter().enumerate() {
            let place = format!("clients[{index}]");
            let client = self.client(&place, client, &default_scopes, &optional_scopes);
            if let Some(earlier) = clients.insert(client.client_id.clone(), client) {
                self.problem(
                    &format!("{place}.clientId"),
                    &format!("'{}' is registered twice", earlier.client_id),
                );
            }
        }

        let roles = RoleTree::new(&document.realm, document.roles);
        let mut users = BTreeMap::new();
        for (index, user) in document.users.into_iter().enumerate() {
            let place = format!("users[{index}]");
            let user = self.user(&place, &document.realm, user, &roles);
            if let Some(client) = &user.service_account_of
                && !clients.contains_key(client)
            {
                self.problem(
                    &format!("{place}.serviceAccountClientId"),
                    &format!("there is no client '{client}'"),
                );
            }
            if let Some(earlier) = users.insert(user.username.to_lowercase(), user) {
                self.problem(&format!("{place}.username"), &format!("'{}' exists twice", earlier.username));
            }
        }
        for client in clients.values().filter(|client| client.service_account) {
            let exists = users
                .values()
                .any(|user: &User| user.service_account_of.as_deref() == Some(client.client_id.as_str()));
            if !exists {
                let account = service_account(&document.realm, &client.client_id);
                users.insert(account.username.clone(), account);
            }
        }

        if !self.problems.is_empty() {
            return Err(RealmError { problems: self.problems });
        }
        Ok(Realm {
            display_name: document.display_name.unwrap_or_else(|| document.realm.clone()),
            name: document.realm,
            signing_algorithm,
            access_token_lifespan: seconds(document.access_token_lifespan, 300),
            code_lifespan,
            refresh_token_lifespan: seconds(document.sso_session_idle_timeout, 1800),
            session_lifespan: seconds(document.sso_session_max_lifespan, 36_000),
            device_code_lifespan: seconds(document.oauth2_device_code_lifespan, 600),
            device_polling_interval: seconds(document.oauth2_device_polling_interval, 5),
            clients,
            users,
            warnings: self.warnings,
        })
    }

    fn signing_algorithm(&mut self, name: Option<&str>) -> Algorithm {
        let Some(name) = name else {
            return Algorithm::Rs256;
        };
        name.parse().unwrap_or_else(|_| {
            self.problem(
                "defaultSignatureAlgorithm",
                "expected the name of a signature algorithm, such as RS256 or ES256",
            );
            Algorithm::Rs256
        })
    }

    fn client(
        &mut self,
        place: &str,
        document: ClientDocument,
        default_scopes: &BTreeSet<String>,
        optional_scopes: &BTreeSet<String>,
    ) -> Client {
        let flag = |name: &str| document.attributes.get(name).and_then(Value::as_str) == Some("true");
        let client_id = document.client_id;
        if client_id.is_empty() {
            self.problem(&format!("{place}.clientId"), "is empty");
        }
        let kind = if document.public_client {
            ClientKind::Public
        } else if document.client_authenticator_type.as_deref() == Some("client-jwt") {
            self.client_keys(place, &client_id, &document.attributes)
        } else {
            let secret = document
                .secret
                .filter(|secret| !secret.is_empty() && !secret.chars().all(|sign| sign == '*'));
            if secret.is_none() && !document.bearer_only {
                self.warnings.push(format!(
                    "client '{client_id}' is confidential and has no secret (exports mask it): it can not get tokens"
                ));
            }
            ClientKind::Secret(secret.map(|secret| Secret::new(&secret)))
        };
        let method = document.attributes.get("pkce.code.challenge.method").and_then(Value::as_str);
        if method.is_some_and(|method| !["S256", ""].contains(&method)) {
            self.problem(
                &format!("{place}.attributes.\"pkce.code.challenge.method\""),
                "expected S256: a plain challenge protects nothing (RFC 9700 section 2.1.1)",
            );
        }
        let redirect_uris: Vec<RedirectUri> =
            document.redirect_uris.iter().map(|uri| RedirectUri::new(uri)).collect();
        for wildcard in redirect_uris.iter().filter(|uri| uri.is_wildcard()) {
            self.warnings.push(format!(
                "client '{client_id}': the redirect URI '{}' matches nothing, redirect URIs are compared exactly (RFC 9700 section 4.1.3)",
                wildcard.as_str()
            ));
        }
        let post_logout = document.attributes.get("post.logout.redirect.uris").and_then(Value::as_str);
        let post_logout_redirect_uris = match post_logout {
            None | Some("+") => redirect_uris.clone(),
            Some(listed) => listed.split("##").map(RedirectUri::new).collect(),
        };
        let mut audiences = Vec::new();
        let mut hardcoded_claims = Map::new();
        for mapper in document.protocol_mappers {
            match mapper.protocol_mapper.as_str() {
                "oidc-audience-mapper" => audiences.extend(mapper.audience()),
                "oidc-hardcoded-claim-mapper" => hardcoded_claims.extend(mapper.hardcoded_claim()),
                // The subject is always in the token; other mappers only rename what is there already.
                _ => {}
            }
        }
        Client {
            name: document.name.filter(|name| !name.is_empty()).unwrap_or_else(|| client_id.clone()),
            enabled: document.enabled,
            standard_flow: document.standard_flow_enabled && !document.bearer_only,
            service_account: document.service_accounts_enabled && !document.public_client,
            device_flow: flag("oauth2.device.authorization.grant.enabled"),
            token_exchange: flag("standard.token.exchange.enabled"),
            web_origins: web_origins(&document.web_origins, &redirect_uris),
            redirect_uris,
            post_logout_redirect_uris,
            dpop_bound: flag("dpop.bound.access.tokens"),
            binds_refresh_tokens: flag("dpop.bound.refresh.tokens"),
            requires_pushed_requests: flag("require.pushed.authorization.requests"),
            // RFC 9700 §2.1.1 demands PKCE of public clients, asked for in the file or not.
            requires_pkce: document.public_client || method == Some("S256"),
            scopes: ClientScopes {
                default: document.default_client_scopes.unwrap_or_else(|| default_scopes.clone()),
                optional: document.optional_client_scopes.unwrap_or_else(|| optional_scopes.clone()),
            },
            audiences,
            hardcoded_claims,
            kind,
            client_id,
        }
    }

    /// The keys of a client that authenticates by signing. Keys behind a URL are not fetched: this server makes no calls.
    fn client_keys(&mut self, place: &str, client_id: &str, attributes: &Map<String, Value>) -> ClientKind {
        let Some(text) = attributes.get("jwks.string").and_then(Value::as_str) else {
            self.warnings.push(format!(
                "client '{client_id}' has no keys in the attribute jwks.string: it can not authenticate"
            ));
            return ClientKind::Keys(JwkSet::default());
        };
        let keys = JwkSet::parse(text.as_bytes()).unwrap_or_default();
        if keys.keys().is_empty() {
            self.problem(
                &format!("{place}.attributes.\"jwks.string\""),
                "expected a JWK set with a public signature key",
            );
        }
        ClientKind::Keys(keys)
    }

    fn user(&mut self, place: &str, realm: &str, document: UserDocument, roles: &RoleTree) -> User {
        if document.username.is_empty() {
            self.problem(&format!("{place}.username"), "is empty");
        }
        let passwords = document.credentials.iter().filter(|credential| credential.kind == "password");
        let password = passwords.clone().find_map(|credential| credential.value.as_deref());
        if password.is_none() && passwords.count() > 0 {
            self.warnings.push(format!(
                "user '{}' has only a hashed password: give it a plain 'value' to log in here",
                document.username
            ));
        }
        User {
            id: document.id.unwrap_or_else(|| stable_id(realm, &document.username)),
            enabled: document.enabled,
            email: document.email,
            email_verified: document.email_verified,
            first_name: document.first_name,
            last_name: document.last_name,
            attributes: document.attributes,
            password: password.map(Secret::new),
            roles: roles.resolve(document.realm_roles, document.client_roles),
            service_account_of: document.service_account_client_id,
            created_at_milliseconds: document.created_timestamp,
            username: document.username,
        }
    }

    fn problem(&mut self, place: &str, text: &str) {
        self.problems.push(Problem::new(place, text));
    }
}

/// The account Keycloak makes for a client with `serviceAccountsEnabled` when the file has none: it has no roles.
fn service_account(realm: &str, client_id: &str) -> User {
    let username = format!("service-account-{}", client_id.to_lowercase());
    User {
        id: stable_id(realm, &username),
        username,
        enabled: true,
        email: None,
        email_verified: false,
        first_name: None,
        last_name: None,
        attributes: Map::new(),
        password: None,
        service_account_of: Some(client_id.to_owned()),
        roles: crate::realm::Roles::default(),
        created_at_milliseconds: None,
    }
}

/// An identifier that is the same at every start, so that `sub` stays what it was when the server is restarted.
fn stable_id(realm: &str, username: &str) -> String {
    let hash = crypto::sha256(format!("{realm}\n{username}").as_bytes());
    let mut bytes = [0; 16];
    for (byte, hashed) in bytes.iter_mut().zip(hash.iter()) {
        *byte = *hashed;
    }
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}

fn web_origins(listed: &[String], redirect_uris: &[RedirectUri]) -> Vec<WebOrigin> {
    let mut origins = Vec::new();
    for origin in listed {
        match origin.as_str() {
            "*" => origins.push(WebOrigin::Any),
            "+" => {
                origins.extend(redirect_uris.iter().filter_map(RedirectUri::origin).map(WebOrigin::Exactly))
            }
            exact => origins.push(WebOrigin::Exactly(exact.trim_end_matches('/').to_owned())),
        }
    }
    origins
}

fn scopes_or(listed: Option<BTreeSet<String>>, default: &[&str]) -> BTreeSet<String> {
    listed.unwrap_or_else(|| default.iter().map(|scope| (*scope).to_owned()).collect())
}

/// A realm's name is put into paths and issuer identifiers as it is.
fn is_path_segment(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !name.is_empty() && !name.starts_with('.') && name.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(json: &str) -> Vec<String> {
        Realm::parse(json.as_bytes()).unwrap_err().problems().collect()
    }

    #[test]
    fn the_built_in_realm_has_alice_and_both_clients() {
        let realm = Realm::built_in().unwrap();
        assert_eq!(realm.name(), "dpop");
        assert!(realm.warnings().is_empty());
        let alice = realm.log_in("Alice", "alice").unwrap();
        assert_eq!(alice.full_name().as_deref(), Some("Alice DPoP"));
        assert!(realm.log_in("alice", "bob").is_none());
        let public = realm.client("heimdall-dpop-client").unwrap();
        assert!(public.is_public() && public.dpop_bound && public.requires_pkce);
        let service = realm.client("keybound-demo-service").unwrap();
        let account = realm.service_account(service).unwrap();
        assert!(account.roles.has_client_role("realm-management", "view-users"));
    }

    #[test]
    fn a_subject_stays_the_same_over_restarts() {
        let first = Realm::built_in().unwrap();
        let second = Realm::built_in().unwrap();
        assert_eq!(first.log_in("alice", "alice").unwrap().id, second.log_in("alice", "alice").unwrap().id);
    }

    #[test]
    fn ignores_members_it_does_not_know() {
        let realm = Realm::parse(br#"{"realm":"r","authenticationFlows":[{"alias":"x"}],"clients":[{"clientId":"c","publicClient":true,"nodeReRegistrationTimeout":-1}]}"#).unwrap();
        assert!(realm.client("c").is_some());
    }

    #[test]
    fn tells_where_a_member_has_the_wrong_type() {
        assert_eq!(
            problems(r#"{"realm":"r","clients":[{"clientId":"a"},{"clientId":7}]}"#),
            ["clients[1].clientId: invalid type: integer `7`, expected a string at line 1 column 54"]
        );
    }

    #[test]
    fn tells_all_problems_at_once() {
        let found = problems(
            r#"{"realm":"a/b","defaultSignatureAlgorithm":"HS256",
                "clients":[{"clientId":"c","attributes":{"pkce.code.challenge.method":"plain"}},{"clientId":"c"}],
                "users":[{"username":"s","serviceAccountClientId":"gone"}]}"#,
        );
        assert_eq!(found.len(), 5, "{found:#?}");
    }

    #[test]
    fn warns_of_what_it_does_not_do() {
        let realm = Realm::parse(
            br#"{"realm":"r","clients":[{"clientId":"c","secret":"**********","redirectUris":["https://a.example/*"]}],
                "users":[{"username":"u","credentials":[{"type":"password","secretData":"{}"}]}]}"#,
        )
        .unwrap();
        assert_eq!(realm.warnings().len(), 3, "{:#?}", realm.warnings());
    }

    #[test]
    fn a_service_account_exists_without_an_entry_for_it() {
        let realm = Realm::parse(
            br#"{"realm":"r","clients":[{"clientId":"Job","secret":"x","serviceAccountsEnabled":true}]}"#,
        )
        .unwrap();
        let account = realm.service_account(realm.client("Job").unwrap()).unwrap();
        assert_eq!(account.username, "service-account-job");
        assert!(account.roles.client.is_empty());
    }

    #[test]
    fn a_plus_among_the_web_origins_stands_for_the_redirect_uris() {
        let realm = Realm::built_in().unwrap();
        assert!(realm.allows_origin("http://127.0.0.1:8765"));
        assert!(!realm.allows_origin("http://127.0.0.1:9999"));
    }

    #[test]
    fn codes_live_at_most_a_minute() {
        let realm = Realm::parse(br#"{"realm":"r","accessCodeLifespan":600}"#).unwrap();
        assert_eq!(realm.code_lifespan, Duration::from_secs(60));
    }

    #[test]
    fn mappers_add_audiences_and_claims() {
        let realm = Realm::parse(
            br#"{"realm":"r","clients":[{"clientId":"c","publicClient":true,"protocolMappers":[
                {"name":"a","protocolMapper":"oidc-audience-mapper","config":{"included.custom.audience":"https://api.example","access.token.claim":"true"}},
                {"name":"h","protocolMapper":"oidc-hardcoded-claim-mapper","config":{"claim.name":"tenant","claim.value":"7","jsonType.label":"int"}}]}]}"#,
        )
        .unwrap();
        let client = realm.client("c").unwrap();
        assert_eq!(client.audiences, ["https://api.example"]);
        assert_eq!(client.hardcoded_claims.get("tenant"), Some(&Value::from(7)));
    }
}
