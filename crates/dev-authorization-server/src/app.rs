//! What the endpoints share, and which path leads to which of them.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    extract::{DefaultBodyLimit, FromRequestParts, Path},
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use dpop::{MemoryReplayStore, NonceCheck, NonceRing, Policy, UNBOUND};
use http::{HeaderMap, Method, StatusCode, header::HOST, request::Parts};
use jose::{Algorithm, AlgorithmSet, UnixTime};
use resource_server::{
    ErrorSignaling, Mode, NoncePolicy, ProofPolicy, ReplayProtection, RequiredScopes, ScopeMatching,
    TokenPolicy, Verifier, VerifierConfig,
};
use serde_json::json;

use crate::{
    admin, authorize, clock::Clock, cors, introspect, keys::RealmKeys, logout, metadata,
    misbehaviour::Misbehaviour, par, realm::Realm, revoke, store::Store, token, userinfo,
};

/// How long a nonce is accepted.
pub(crate) const NONCE_LIFESPAN: Duration = Duration::from_secs(300);
/// Largest request body in bytes.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// All that lives as long as the server.
#[derive(Debug)]
pub(crate) struct App {
    /// Scheme, host and port, without a slash at the end: what issuers and endpoints in the metadata start with.
    pub(crate) base_url: String,
    pub(crate) realms: BTreeMap<String, RealmState>,
    pub(crate) store: Store,
    pub(crate) replay: Arc<MemoryReplayStore>,
    /// Nonces of the token and PAR endpoints. Protected resources have a ring of their own (RFC 9449 §9: nonces are per server).
    pub(crate) nonces: Option<NonceRing>,
    pub(crate) proof_policy: Policy,
    pub(crate) clock: Clock,
    pub(crate) misbehaviour: Option<Misbehaviour>,
}

/// A realm with its keys and the verifiers of its protected resources.
#[derive(Debug)]
pub(crate) struct RealmState {
    pub(crate) realm: Realm,
    pub(crate) issuer: String,
    pub(crate) keys: Arc<RealmKeys>,
    pub(crate) userinfo: Verifier,
    pub(crate) admin: Verifier,
}

impl RealmState {
    pub(crate) fn new(
        realm: Realm,
        base_url: &str,
        keys: Arc<RealmKeys>,
        policy: &Policy,
        replay: &Arc<MemoryReplayStore>,
        nonces: Option<&Arc<NonceRing>>,
    ) -> Self {
        let issuer = format!("{base_url}/realms/{}", realm.name);
        let verifier = |scope: &[&str]| {
            Verifier::new(VerifierConfig {
                keys: Arc::clone(&keys) as Arc<dyn resource_server::KeySource>,
                token: TokenPolicy {
                    issuers: vec![issuer.clone()],
                    audience: Vec::new(),
                    algorithms: AlgorithmSet::new([keys.algorithm()]),
                    leeway: Duration::ZERO,
                    scopes: RequiredScopes {
                        matching: ScopeMatching::Exact,
                        values: scope.iter().map(|scope| (*scope).to_owned()).collect(),
                    },
                },
                proof: ProofPolicy {
                    // Clients without the DPoP switch get Bearer tokens, as at Keycloak.
                    mode: Mode::Permit,
                    policy: policy.clone(),
                    nonces: nonces
                        .map(|ring| NoncePolicy { ring: Arc::clone(ring), lifetime: NONCE_LIFESPAN }),
                    replay: ReplayProtection::Store(Arc::clone(replay) as Arc<dyn dpop::ReplayStore>),
                },
                error_signaling: ErrorSignaling {
                    realm: Some(realm.name.clone()),
                    description: true,
                    ..ErrorSignaling::default()
                },
            })
        };
        Self { userinfo: verifier(&["openid"]), admin: verifier(&[]), issuer, keys, realm }
    }
}

impl App {
    /// Whether proofs at the token and PAR endpoints must carry a nonce. The same for every client (RFC 9449 §11.3).
    pub(crate) fn nonce_check(&self) -> NonceCheck<'_> {
        match &self.nonces {
            None => NonceCheck::NotRequired,
            Some(ring) => NonceCheck::Required { ring, binding: &UNBOUND, lifetime: NONCE_LIFESPAN },
        }
    }

    pub(crate) fn fresh_nonce(&self, now: UnixTime) -> Option<String> {
        let nonce = self.nonces.as_ref()?.seal(&UNBOUND, now);
        Some(match self.misbehaviour {
            Some(Misbehaviour::UnacceptableNonce) => Misbehaviour::spoil_nonce(&nonce),
            Some(_) | None => nonce,
        })
    }

    pub(crate) fn router(self: Arc<Self>) -> Router {
        Router::new()
            .route("/realms/{realm}/.well-known/openid-configuration", get(metadata::handle))
            // RFC 8414 §3.1 puts the well-known path between host and path of the issuer.
            .route("/.well-known/oauth-authorization-server/realms/{realm}", get(metadata::handle))
            .route("/realms/{realm}/protocol/openid-connect/certs", get(metadata::handle_certs))
            .route(
                "/realms/{realm}/protocol/openid-connect/auth",
                get(authorize::handle).post(authorize::handle_form),
            )
            .route("/realms/{realm}/login-actions/authenticate", post(authorize::handle_login))
            .route("/realms/{realm}/protocol/openid-connect/ext/par/request", post(par::handle))
            .route("/realms/{realm}/protocol/openid-connect/token", post(token::handle))
            .route("/realms/{realm}/protocol/openid-connect/token/introspect", post(introspect::handle))
            .route("/realms/{realm}/protocol/openid-connect/revoke", post(revoke::handle))
            .route(
                "/realms/{realm}/protocol/openid-connect/userinfo",
                get(userinfo::handle).post(userinfo::handle),
            )
            .route(
                "/realms/{realm}/protocol/openid-connect/logout",
                get(logout::handle).post(logout::handle_form),
            )
            .route("/admin/realms/{realm}/users", get(admin::handle_users))
            .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
            .layer(middleware::from_fn_with_state(Arc::clone(&self), cors::apply))
            .with_state(self)
    }
}

/// The proof algorithms taken here: all there are, since this server is for trying clients of every kind.
pub(crate) fn proof_algorithms() -> AlgorithmSet {
    AlgorithmSet::new([
        Algorithm::Es256,
        Algorithm::Es384,
        Algorithm::Es512,
        Algorithm::Ed25519,
        Algorithm::EdDsa,
        Algorithm::Ps256,
        Algorithm::Ps384,
        Algorithm::Ps512,
        Algorithm::Rs256,
        Algorithm::Rs384,
        Algorithm::Rs512,
    ])
}

/// One request to an endpoint of a realm that exists.
pub(crate) struct Call {
    pub(crate) app: Arc<App>,
    realm: String,
    pub(crate) method: Method,
    /// The absolute URI that the client used, query included: what `htu` is compared with.
    pub(crate) target_uri: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) now: UnixTime,
}

impl Call {
    pub(crate) fn realm(&self) -> Option<&RealmState> {
        self.app.realms.get(&self.realm)
    }
}

impl FromRequestParts<Arc<App>> for Call {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let Path(path) = Path::<HashMap<String, String>>::from_request_parts(parts, app)
            .await
            .map_err(IntoResponse::into_response)?;
        let realm = path.get("realm").cloned().unwrap_or_default();
        if !app.realms.contains_key(&realm) {
            return Err((StatusCode::NOT_FOUND, axum::Json(json!({ "error": "Realm does not exist" })))
                .into_response());
        }
        let Some(origin) = origin_used(&app.base_url, &parts.headers) else {
            return Err(StatusCode::BAD_REQUEST.into_response());
        };
        let path_and_query = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        Ok(Self {
            app: Arc::clone(app),
            realm,
            method: parts.method.clone(),
            target_uri: format!("{origin}{path_and_query}"),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers.clone(),
            now: app.clock.now(),
        })
    }
}

/// The origin under which the client reached us: the public one, or, inside a container network, plain http with another `Host`.
///
/// The issuer does not depend on it; only `htu` does, which the client writes from the URL it called.
fn origin_used(base_url: &str, headers: &HeaderMap) -> Option<String> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next()?.to_str().ok()?;
    if hosts.next().is_some() || host.contains(['/', '?', '#', '@', '\\', '%', ' ']) {
        return None;
    }
    let (_, public_host) = base_url.split_once("://")?;
    Some(if host.eq_ignore_ascii_case(public_host) { base_url.to_owned() } else { format!("http://{host}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_origin(base_url: &str, host: &str, expected: Option<&str>) {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host.parse().unwrap());
        assert_eq!(origin_used(base_url, &headers).as_deref(), expected);
    }

    #[test]
    fn the_origin_is_the_public_one_when_the_host_is() {
        check_origin("https://id.example", "ID.example", Some("https://id.example"));
    }

    #[test]
    fn another_host_is_taken_as_the_client_wrote_it() {
        check_origin("http://127.0.0.1:8080", "keycloak:8080", Some("http://keycloak:8080"));
    }

    #[test]
    fn a_host_that_is_no_host_is_refused() {
        check_origin("http://127.0.0.1:8080", "evil@127.0.0.1:8080", None);
        check_origin("http://127.0.0.1:8080", "127.0.0.1:8080/x", None);
    }

    #[test]
    fn two_hosts_are_refused() {
        let mut headers = HeaderMap::new();
        headers.append(HOST, "a".parse().unwrap());
        headers.append(HOST, "a".parse().unwrap());
        assert_eq!(origin_used("http://a", &headers), None);
    }
}
