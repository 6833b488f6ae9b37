//! A gateway, its issuer and a client.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use argon2::PasswordHasher as _;
use bytes::Bytes;
use dpop::{MemoryReplayStore, ProofBuilder, ReplayStore};
use gateway_core::{
    Gateway, GatewaySettings,
    certificates::NoTrust,
    decision::{Decision, Permit},
    denial::Denial,
    document::{Decode, Diagnostics, KeyPath, Node, Place, SecretReference, Spanned},
    mechanisms::catalogue::MechanismDefinition,
    outbound::OneClient,
    request::{Request, RequestUri},
    respond::RespondSettings,
    rules::{StepKind, decode_default_rule, decode_rule_set, forwarding_policy::ForwardingPolicy},
    secrets::{SecretContent, SecretEntry, SecretSource, SecretStore, SigningKey},
};
use http::{HeaderName, HeaderValue, Method};
use jose::{Algorithm, KeyPair, SymmetricKey, UnixTime, jws};
use oauth::AccessToken;
use resource_server::{OutboundError, OutboundHttp, outbound::OutboundFuture};
use serde_json::{Value, json};

use super::dependencies::MapCache;

pub(crate) const NOW: i64 = 1_700_000_000;
pub(crate) const ISSUER: &str = "https://idp.example";

/// What the fake key endpoint does.
#[derive(Debug, Clone)]
pub(crate) enum KeyEndpoint {
    Answers(String),
    Fails(OutboundError),
    /// What each address answers.
    Network(Arc<Network>),
}

/// Addresses with what they answer, and the calls that were made.
#[derive(Debug, Default)]
pub(crate) struct Network {
    answers: Mutex<BTreeMap<String, (u16, &'static str, String)>>,
    calls: Mutex<Vec<http::Request<Bytes>>>,
}

impl Network {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn answer(&self, address: &str, status: u16, body: impl ToString) {
        self.answer_as(address, status, "application/json", body);
    }

    pub(crate) fn answer_as(
        &self,
        address: &str,
        status: u16,
        media_type: &'static str,
        body: impl ToString,
    ) {
        self.answers.lock().unwrap().insert(address.to_owned(), (status, media_type, body.to_string()));
    }

    pub(crate) fn calls(&self, address: &str) -> usize {
        self.calls.lock().unwrap().iter().filter(|call| call.uri() == address).count()
    }

    pub(crate) fn last_call(&self) -> http::Request<Bytes> {
        self.calls.lock().unwrap().last().unwrap().clone()
    }

    fn send(&self, request: http::Request<Bytes>) -> http::Response<Bytes> {
        let answer = self.answers.lock().unwrap().get(&request.uri().to_string()).cloned();
        self.calls.lock().unwrap().push(request);
        let (status, media_type, body) = answer.unwrap_or((404, "text/plain", String::new()));
        let response = http::Response::builder().status(status).header("content-type", media_type);
        response.body(Bytes::from(body)).unwrap()
    }
}

#[derive(Debug)]
pub(crate) struct FakeOutbound {
    behaviour: Mutex<KeyEndpoint>,
}

impl OutboundHttp for FakeOutbound {
    fn send(&self, request: http::Request<Bytes>, _: UnixTime) -> OutboundFuture<'_> {
        let behaviour = self.behaviour.lock().unwrap().clone();
        Box::pin(async move {
            match behaviour {
                KeyEndpoint::Answers(body) => Ok(http::Response::new(Bytes::from(body))),
                KeyEndpoint::Fails(error) => Err(error),
                KeyEndpoint::Network(network) => Ok(network.send(request)),
            }
        })
    }
}

/// Keys and what they sign.
pub(crate) struct Parties {
    pub(crate) issuer: KeyPair,
    pub(crate) client: KeyPair,
    pub(crate) other_client: KeyPair,
    pub(crate) gateway: Arc<KeyPair>,
}

pub(crate) fn parties() -> Parties {
    let key = || KeyPair::generate(Algorithm::Es256).unwrap();
    Parties { issuer: key(), client: key(), other_client: key(), gateway: Arc::new(key()) }
}

impl Parties {
    pub(crate) fn key_set(&self) -> String {
        let mut jwk = self.issuer.public_jwk().to_json();
        jwk.insert("kid".into(), json!("issuer-key"));
        json!({"keys": [jwk]}).to_string()
    }

    /// A token of alice with these claims over the usual ones; null takes one away.
    pub(crate) fn token(&self, changes: Value) -> String {
        let mut claims = json!({
            "iss": ISSUER, "sub": "alice", "aud": "shop", "exp": NOW + 300, "iat": NOW - 10,
            "scope": "orders profile",
        });
        for (name, value) in changes.as_object().unwrap() {
            if value.is_null() {
                claims.as_object_mut().unwrap().remove(name);
            } else {
                claims[name] = value.clone();
            }
        }
        let header = json!({"alg": "ES256", "typ": "at+jwt", "kid": "issuer-key"});
        jws::sign(&header, &claims, &self.issuer, Algorithm::Es256).unwrap()
    }

    /// A token that is bound to the client's key.
    pub(crate) fn bound_token(&self) -> String {
        self.token(json!({"cnf": {"jkt": self.client.thumbprint().to_string()}}))
    }
}

/// A proof of the client for `GET` of this address, changed by `change`.
pub(crate) fn proof_for<'a>(
    key: &'a KeyPair,
    token: &str,
    htu: &'a str,
    change: impl FnOnce(ProofBuilder<'a>) -> ProofBuilder<'a>,
) -> String {
    let token = AccessToken::parse(token).unwrap();
    change(ProofBuilder::new(key, "GET", htu).access_token(&token)).sign(UnixTime::from_seconds(NOW)).unwrap()
}

pub(crate) struct World {
    pub(crate) parties: Parties,
    pub(crate) gateway: Gateway,
}

/// What a configuration text becomes: a gateway, or what is wrong with it.
pub(crate) struct Loaded {
    pub(crate) gateway: Option<Gateway>,
    pub(crate) diagnostics: Diagnostics,
}

impl Loaded {
    pub(crate) fn codes(&self) -> Vec<&'static str> {
        self.diagnostics.iter().map(|diagnostic| diagnostic.code.as_str()).collect()
    }
}

fn node(value: &Value) -> Node {
    Node::from_json(value, &Place::new(Arc::from("gateway.yaml"), 1, 1))
}

fn mechanisms(configuration: &Value) -> Vec<MechanismDefinition> {
    let lists = configuration["mechanisms"].as_object().cloned().unwrap_or_default();
    let mut definitions = Vec::new();
    for kind in StepKind::ALL {
        let list = lists.get(&format!("{}s", kind.as_str())).and_then(Value::as_array).cloned();
        for entry in list.unwrap_or_default() {
            let text = |key: &str| {
                Spanned::new(
                    entry[key].as_str().unwrap().to_owned(),
                    Place::new(Arc::from("gateway.yaml"), 1, 1),
                )
            };
            definitions.push(MechanismDefinition {
                kind,
                id: text("id"),
                type_name: text("type"),
                config: entry.get("config").map(node),
                place: Place::new(Arc::from("gateway.yaml"), 1, 1),
            });
        }
    }
    definitions
}

/// As weak as allowed: tests are in a hurry.
fn password_hash(password: &str) -> String {
    let params = argon2::Params::new(argon2::Params::MIN_M_COST, 1, 1, None).unwrap();
    let argon2 = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    argon2.hash_password_with_salt(password.as_bytes(), b"saltsaltsalt").unwrap().to_string()
}

fn secrets(gateway: &Arc<KeyPair>) -> SecretStore {
    let mut store = SecretStore::new();
    let nonce_key = SymmetricKey::new("nonce-key-1", vec![7_u8; 32]).unwrap();
    let signing = SigningKey { id: "signer-1".into(), key: Arc::clone(gateway), certificates: Vec::new() };
    let source = |content| SecretSource { allow_in_rules: false, content };
    store.insert("nonce_keys", source(SecretContent::Keys { symmetric: vec![nonce_key], signing: vec![] }));
    store.insert("signing_keys", source(SecretContent::Keys { symmetric: vec![], signing: vec![signing] }));
    let credentials = |members: &[(&str, &str)]| {
        let members = members.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned().into()));
        SecretEntry::Credentials(members.collect())
    };
    let hash = password_hash("pass:word");
    let entries = BTreeMap::from([
        ("api-key".to_owned(), SecretEntry::Text("k1".to_owned().into())),
        ("shop".to_owned(), credentials(&[("client_id", "gateway"), ("client_secret", "s3cret+:")])),
        (
            "introspection".to_owned(),
            credentials(&[("user_id", "the user_id"), ("password", "the password")]),
        ),
        ("operator".to_owned(), credentials(&[("user_id", "op"), ("password", &hash)])),
        ("plain-user".to_owned(), credentials(&[("user_id", "op"), ("password", "pass:word")])),
    ]);
    store.insert("texts", source(SecretContent::Entries(entries)));
    store.insert("roots", source(SecretContent::Certificates(vec![vec![0x30, 0]])));
    store
}

/// Reads a configuration in the shape of the real one, with the rules of the only rule set under `rules`.
pub(crate) fn load(
    configuration: &str,
    parties: &Parties,
    endpoint: KeyEndpoint,
    replay_store: Arc<dyn ReplayStore>,
) -> Loaded {
    let outbound = Arc::new(FakeOutbound { behaviour: Mutex::new(endpoint) });
    load_through(configuration, parties, outbound, replay_store)
}

/// The same with another world outside.
pub(crate) fn load_through(
    configuration: &str,
    parties: &Parties,
    outbound: Arc<dyn OutboundHttp>,
    replay_store: Arc<dyn ReplayStore>,
) -> Loaded {
    let configuration: Value = serde_saphyr::from_str(configuration).unwrap();
    let mut diagnostics = Diagnostics::new();
    let default_rule =
        configuration.get("default_rule").and_then(|rule| decode_default_rule(&node(rule), &mut diagnostics));
    let rule_sets = configuration
        .get("rules")
        .and_then(|rules| {
            let set = json!({"version": "1beta1", "rules": rules});
            decode_rule_set(&node(&set), &mut diagnostics)
        })
        .into_iter()
        .collect::<Vec<_>>();
    let master_key = configuration.get("master_key").map(|reference| {
        let path = KeyPath::configuration().key("master_key");
        SecretReference::decode(&node(reference), &path, &mut diagnostics).unwrap()
    });
    let settings = GatewaySettings {
        mechanisms: mechanisms(&configuration),
        default_rule,
        master_key,
        secrets: secrets(&parties.gateway),
        respond: RespondSettings {
            verbose: configuration["verbose"].as_bool().unwrap_or(false),
            ..RespondSettings::default()
        },
        forwarding: ForwardingPolicy { requires_upstream: true, allows_plain_http_upstream: true },
        plain_http_endpoints: configuration["plain_http_endpoints"].as_bool().unwrap_or(false),
        replay_store,
        outbound: Arc::new(OneClient(outbound)),
        cache: Arc::new(MapCache::default()),
        observer: None,
        certificates: Arc::new(NoTrust),
    };
    let gateway = Gateway::build(settings, &rule_sets, &mut diagnostics);
    Loaded { gateway, diagnostics }
}

/// A gateway whose issuer answers and whose replay store works.
pub(crate) fn world(configuration: &str) -> World {
    let parties = parties();
    let endpoint = KeyEndpoint::Answers(parties.key_set());
    world_with(configuration, parties, endpoint, Arc::new(MemoryReplayStore::new(1_000)))
}

pub(crate) fn world_with(
    configuration: &str,
    parties: Parties,
    endpoint: KeyEndpoint,
    replay_store: Arc<dyn ReplayStore>,
) -> World {
    let loaded = load(configuration, &parties, endpoint, replay_store);
    match loaded.gateway {
        Some(gateway) => World { parties, gateway },
        None => panic!("{}", loaded.diagnostics),
    }
}

/// What is wrong with a configuration: codes of errors and warnings.
pub(crate) fn codes(configuration: &str) -> Vec<&'static str> {
    let parties = parties();
    let endpoint = KeyEndpoint::Answers(parties.key_set());
    load(configuration, &parties, endpoint, Arc::new(MemoryReplayStore::new(10))).codes()
}

/// `GET` of this address with these header fields.
pub(crate) fn get(address: &str, fields: &[(&str, &str)]) -> Request {
    let (scheme, rest) = address.split_once("://").unwrap();
    let (host, path) = rest.split_once('/').unwrap();
    let (path, query) = match path.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (path, None),
    };
    let mut request = Request::new(Method::GET, RequestUri::new(scheme, host, format!("/{path}"), query));
    for (name, value) in fields {
        request.headers.append(HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    request
}

impl World {
    pub(crate) fn decide(&self, request: Request) -> Decision {
        self.decide_at(request, NOW)
    }

    pub(crate) fn decide_at(&self, request: Request, now: i64) -> Decision {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(self.gateway.decide(request, UnixTime::from_seconds(now)))
    }

    #[track_caller]
    pub(crate) fn permit(&self, request: Request) -> Permit {
        match self.decide(request) {
            Decision::Permit(permit) => *permit,
            Decision::Denial(denial) => panic!("refused: {denial:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn denial(&self, request: Request) -> Denial {
        match self.decide(request) {
            Decision::Denial(denial) => *denial,
            Decision::Permit(_) => panic!("permitted"),
        }
    }
}

/// Status and `WWW-Authenticate`, as one line.
pub(crate) fn answer(decision: &Decision) -> String {
    match decision {
        Decision::Permit(_) => "200".to_owned(),
        Decision::Denial(denial) => {
            let challenge = denial.headers.get("www-authenticate").map(|value| value.to_str().unwrap());
            let nonce = if denial.headers.contains_key("dpop-nonce") { " + DPoP-Nonce" } else { "" };
            match challenge {
                Some(challenge) => format!("{} {challenge}{nonce}", denial.status.as_u16()),
                None => denial.status.as_u16().to_string(),
            }
        }
    }
}
