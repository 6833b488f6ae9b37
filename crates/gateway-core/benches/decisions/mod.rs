//! A gateway with a token endpoint's keys at hand, and the requests that benchmarks send it.

#![allow(dead_code, reason = "each benchmark uses a part")]

use std::{
    future::Future as _,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use dpop::{MemoryReplayStore, ProofBuilder, ReplayStore};
use gateway_core::{
    Gateway, GatewaySettings,
    cache::NoCache,
    certificates::NoTrust,
    decision::Decision,
    document::{Decode as _, Diagnostics, KeyPath, Node, Place, SecretReference, Spanned},
    mechanisms::catalogue::MechanismDefinition,
    outbound::OneClient,
    request::{Request, RequestUri},
    respond::RespondSettings,
    rules::{StepKind, decode_rule_set, forwarding_policy::ForwardingPolicy},
    secrets::{SecretContent, SecretSource, SecretStore},
};
use http::{HeaderValue, Method};
use jose::{KeyPair, SymmetricKey, UnixTime};
use oauth::AccessToken;
use resource_server::{OutboundHttp, outbound::OutboundFuture};
use serde_json::{Value, json};
use testkit::{FakeIssuer, TestClient};

const ISSUER: &str = "https://issuer.example.com/realms/shop";
const ORIGIN: &str = "https://api.example.com";
const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);

/// Answers every call with the issuer's keys.
#[derive(Debug)]
struct IssuerKeys(bytes::Bytes);

impl OutboundHttp for IssuerKeys {
    fn send(&self, _: http::Request<bytes::Bytes>, _: UnixTime) -> OutboundFuture<'_> {
        let keys = self.0.clone();
        Box::pin(async move { Ok(http::Response::new(keys)) })
    }
}

/// A gateway, a client and its token.
pub(crate) struct Scene {
    gateway: Gateway,
    client: TestClient,
    stranger: TestClient,
    token: AccessToken,
    nonce: String,
}

/// A name, how its requests are made (each with a proof of its own), and whether they are permitted.
pub(crate) type Case<'a> = (&'static str, Box<dyn Fn() -> Request + 'a>, bool);

impl Scene {
    pub(crate) fn set() -> Self {
        let (issuer, client) = (FakeIssuer::new(ISSUER), TestClient::new());
        let token = issuer
            .token(NOW)
            .audience("shop")
            .scope("orders:read orders:write profile")
            .claim("realm_access", json!({ "roles": ["offline_access", "customer", "uma_authorization"] }))
            .bound_to(&client.thumbprint())
            .issue();
        let gateway = gateway(&issuer);
        let mut scene = Self { gateway, client, stranger: TestClient::new(), token, nonce: String::new() };
        let without_nonce = scene.proof_of(&scene.client, "/noncing", None);
        let Decision::Denial(challenge) = scene.answer(scene.request("/noncing", Some(&without_nonce)))
        else {
            panic!("a nonce is demanded")
        };
        scene.nonce = challenge.headers["dpop-nonce"].to_str().unwrap().to_owned();
        scene
    }

    pub(crate) fn client(&self) -> &KeyPair {
        self.client.key()
    }

    pub(crate) fn token(&self) -> &AccessToken {
        &self.token
    }

    /// A fresh proof for `/orders/4711`.
    pub(crate) fn proof(&self) -> String {
        self.proof_of(&self.client, "/orders/4711", None)
    }

    fn proof_of(&self, client: &TestClient, path: &str, nonce: Option<&str>) -> String {
        let htu = format!("{ORIGIN}{path}");
        let proof = ProofBuilder::new(client.key(), "GET", &htu).access_token(&self.token);
        match nonce {
            Some(nonce) => proof.nonce(nonce).sign(NOW).unwrap(),
            None => proof.sign(NOW).unwrap(),
        }
    }

    fn request(&self, path: &str, proof: Option<&str>) -> Request {
        let uri = RequestUri::new("https", "api.example.com", path, Some("first=0"));
        let mut request = Request::new(Method::GET, uri);
        request.client_addresses = vec!["192.0.2.1".to_owned()];
        for (name, value) in
            [("host", "api.example.com"), ("accept", "application/json"), ("user-agent", "benchmark/1.0")]
        {
            request.headers.insert(name, HeaderValue::from_static(value));
        }
        if let Some(proof) = proof {
            let authorization = format!("DPoP {}", self.token.as_str());
            request.headers.insert("authorization", authorization.parse().unwrap());
            request.headers.insert("dpop", proof.parse().unwrap());
        }
        request
    }

    /// What is measured.
    pub(crate) fn cases(&self) -> Vec<Case<'_>> {
        let with = |client, path: &'static str| {
            move || self.request(path, Some(&self.proof_of(client, path, Some(&self.nonce))))
        };
        vec![
            ("anonymous", Box::new(|| self.request("/open/a", None)), true),
            ("token and proof", Box::new(with(&self.client, "/orders/4711")), true),
            ("token, proof and nonce", Box::new(with(&self.client, "/noncing")), true),
            ("token, proof, condition and header", Box::new(with(&self.client, "/full/4711")), true),
            ("refused: no credentials", Box::new(|| self.request("/orders/4711", None)), false),
            ("refused: another's key", Box::new(with(&self.stranger, "/orders/4711")), false),
        ]
    }

    /// Whether the request is permitted.
    pub(crate) fn decide(&self, request: Request) -> bool {
        matches!(self.answer(request), Decision::Permit(_))
    }

    fn answer(&self, request: Request) -> Decision {
        match pin!(self.gateway.decide(request, NOW)).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(decision) => decision,
            Poll::Pending => panic!("nothing here waits"),
        }
    }
}

fn place() -> Place {
    Place::whole_file(Arc::from("benchmark"))
}

fn node(value: &Value) -> Node {
    Node::from_json(value, &place())
}

fn mechanism(kind: StepKind, id: &str, type_name: &str, config: Option<&Value>) -> MechanismDefinition {
    MechanismDefinition {
        kind,
        id: Spanned::new(id.to_owned(), place()),
        type_name: Spanned::new(type_name.to_owned(), place()),
        config: config.map(node),
        place: place(),
    }
}

fn mechanisms() -> Vec<MechanismDefinition> {
    let jwt = |nonces: bool| {
        json!({
            "jwks_endpoint": { "url": "https://issuer.example.com/certs" },
            "assertions": {
                "issuers": [ISSUER], "audience": ["shop"], "allowed_algorithms": ["ES256"],
                "proof_of_possession": {
                    "type": "dpop",
                    "config": { "max_age": "1m", "nonce_required": nonces, "replay_allowed": false },
                },
            },
        })
    };
    let condition = json!({
        "expressions": [{ "expression": "'customer' in Subject.Attributes.realm_access.roles" }],
    });
    let header = json!({ "headers": { "X-User": "{{ .Subject.ID }}" } });
    vec![
        mechanism(StepKind::Authenticator, "anybody", "anonymous", None),
        mechanism(StepKind::Authenticator, "token", "jwt", Some(&jwt(false))),
        mechanism(StepKind::Authenticator, "token_and_nonce", "jwt", Some(&jwt(true))),
        mechanism(StepKind::Authorizer, "all", "allow", None),
        mechanism(StepKind::Authorizer, "customers", "cel", Some(&condition)),
        mechanism(StepKind::Finalizer, "user", "header", Some(&header)),
    ]
}

fn rules() -> Value {
    let rule = |id: &str, path: &str, execute: Value| {
        json!({
            "id": id,
            "match": { "http": { "hosts": ["api.example.com"], "methods": ["GET"], "paths": [{ "path": path }] } },
            "forward_to": { "host": "upstream:8080" },
            "execute": execute,
        })
    };
    json!({
        "version": "1beta1",
        "rules": [
            rule("open", "/open/:id", json!([{ "authenticator": "anybody" }, { "authorizer": "all" }])),
            rule("orders", "/orders/:id", json!([{ "authenticator": "token" }])),
            rule("noncing", "/noncing", json!([{ "authenticator": "token_and_nonce" }])),
            rule("full", "/full/:id", json!([
                { "authenticator": "token" }, { "authorizer": "customers" }, { "finalizer": "user" },
            ])),
        ],
    })
}

fn gateway(issuer: &FakeIssuer) -> Gateway {
    let mut diagnostics = Diagnostics::new();
    let rule_set = decode_rule_set(&node(&rules()), &mut diagnostics).unwrap();
    let mut secrets = SecretStore::new();
    let symmetric = vec![SymmetricKey::new("nonce-key-1", vec![7; 32]).unwrap()];
    let content = SecretContent::Keys { symmetric, signing: Vec::new() };
    secrets.insert("nonce_keys", SecretSource { allow_in_rules: false, content });
    let reference = node(&json!({ "source": "nonce_keys", "selector": "nonce-key-1" }));
    let path = KeyPath::configuration().key("master_key");
    let keys = IssuerKeys(issuer.jwk_set_json().to_string().into());
    let settings = GatewaySettings {
        mechanisms: mechanisms(),
        default_rule: None,
        master_key: SecretReference::decode(&reference, &path, &mut diagnostics),
        secrets,
        respond: RespondSettings::default(),
        forwarding: ForwardingPolicy { requires_upstream: true, allows_plain_http_upstream: true },
        plain_http_endpoints: false,
        replay_store: Arc::new(MemoryReplayStore::new(100_000_000)) as Arc<dyn ReplayStore>,
        outbound: Arc::new(OneClient(Arc::new(keys))),
        cache: Arc::new(NoCache),
        observer: None,
        certificates: Arc::new(NoTrust),
    };
    match Gateway::build(settings, &[rule_set], &mut diagnostics) {
        Some(gateway) => gateway,
        None => panic!("{diagnostics}"),
    }
}
