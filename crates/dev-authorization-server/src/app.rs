//! What the endpoints share, and which path leads to which of them.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    routing::{get, post},
};
use dpop::{MemoryReplayStore, NonceCheck, NonceRing, Policy, UNBOUND};
use jose::{Algorithm, AlgorithmSet, UnixTime};
use resource_server::{
    ErrorSignaling, JwtTokens, Mode, NoncePolicy, ProofPolicy, ReplayProtection, RequiredScopes,
    ScopeMatching, TokenPolicy, TrustedIssuer, Verifier, VerifierConfig,
};

use crate::{
    admin, authorize, clock::Clock, cors, device, introspect, keys::RealmKeys, logout, metadata,
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
    pub(crate) realms: BTreeMap<String, Arc<ServedRealm>>,
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
pub(crate) struct ServedRealm {
    pub(crate) realm: Realm,
    pub(crate) issuer: String,
    pub(crate) keys: Arc<RealmKeys>,
    pub(crate) userinfo: Verifier,
    pub(crate) admin: Verifier,
}

impl ServedRealm {
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
                tokens: JwtTokens::new([TrustedIssuer::new(
                    issuer.as_str(),
                    Arc::clone(&keys) as Arc<dyn resource_server::KeySource>,
                    TokenPolicy {
                        audience: Vec::new(),
                        algorithms: AlgorithmSet::new([keys.algorithm()]),
                        leeway: Duration::ZERO,
                    },
                )])
                .into(),
                scopes: RequiredScopes {
                    matching: ScopeMatching::Exact,
                    values: scope.iter().map(|scope| (*scope).to_owned()).collect(),
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
            .route("/realms/{realm}/protocol/openid-connect/auth/device", post(device::handle))
            .route("/realms/{realm}/device", get(device::handle_page).post(device::handle_form))
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
