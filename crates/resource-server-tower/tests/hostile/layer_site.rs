//! Services behind layers, one for each route of the rows, in an axum server.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Body, extract::Request, response::Response};
use http::{StatusCode, header::CACHE_CONTROL, uri::Scheme};
use jose::{Algorithm, AlgorithmSet, JwkSet, KeyPair, SymmetricKey, crypto};
use resource_server_tower::{
    Clock, DpopLayer, DpopLayerBuilder, ErrorSignaling, MemoryReplayStore, Mode, NonceRing, Policy,
    StaticKeys, SystemClock,
};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpSocket};
use tower::{Layer, ServiceExt, service_fn};

use crate::{
    raw_client::RawClient,
    rows::{answer::Answer, draft::Wire, issuer_keys::rsa_key, site::Site},
};

const ISSUER: &str = "https://issuer.example/realms/dpop";
/// From here requests come that a proxy speaks for.
const PROXY: [u8; 4] = [127, 0, 0, 2];

pub struct LayerSite {
    address: SocketAddr,
    issuer_key: KeyPair,
    reached: Arc<AtomicUsize>,
    /// How many milliseconds the layers' clock is ahead of the senders'.
    ahead: Arc<AtomicU64>,
}

impl Site for LayerSite {
    fn issuer(&self) -> &str {
        ISSUER
    }

    fn issuer_key(&self) -> &KeyPair {
        &self.issuer_key
    }

    async fn send(&self, wire: &Wire, trusted: bool) -> Option<Answer> {
        let bytes = wire.bytes();
        let socket = TcpSocket::new_v4().unwrap();
        let from = if trusted { PROXY.into() } else { Ipv4Addr::LOCALHOST };
        socket.bind((from, 0).into()).unwrap();
        let mut client =
            RawClient { stream: socket.connect(self.address).await.unwrap(), unread: Vec::new() };
        client.send(&bytes).await;
        let is_head = bytes.starts_with(b"HEAD ");
        let answer = if is_head { client.read_head().await } else { client.read_answer().await };
        answer.map(|answer| Answer { status: answer.status, headers: answer.headers, body: answer.body })
    }

    fn reached(&self) -> usize {
        self.reached.load(Ordering::SeqCst)
    }

    fn describes(&self) -> bool {
        true
    }

    async fn wait(&self, pause: Duration) {
        self.ahead.fetch_add(u64::try_from(pause.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl LayerSite {
    pub async fn start() -> Self {
        let issuer_key = KeyPair::generate(Algorithm::Es256).unwrap();
        let keys = json!({"keys": [
            published(&issuer_key, "issuer-key", "ES256"),
            published(&rsa_key(), "issuer-rsa", "RS256"),
        ]});
        let reached = Arc::<AtomicUsize>::default();
        let ahead = Arc::<AtomicU64>::default();
        let layers = Arc::new(layers(&keys, &ahead));
        let count = Arc::clone(&reached);
        let app = Router::new()
            .fallback(move |request: Request| dispatch(Arc::clone(&layers), Arc::clone(&count), request));
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).await.unwrap();
        let address = (Ipv4Addr::LOCALHOST, listener.local_addr().unwrap().port()).into();
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, issuer_key, reached, ahead }
    }
}

/// A key as the issuer publishes it.
fn published(key: &KeyPair, kid: &str, algorithm: &str) -> Value {
    let mut jwk = Value::Object(key.public_jwk().to_json());
    jwk["kid"] = json!(kid);
    jwk["use"] = json!("sig");
    jwk["alg"] = json!(algorithm);
    jwk
}

/// The layer of each route, by the first segment of the path.
fn layers(keys: &Value, ahead: &Arc<AtomicU64>) -> BTreeMap<&'static str, DpopLayer> {
    let algorithms = AlgorithmSet::new([
        Algorithm::Rs256,
        Algorithm::Ps256,
        Algorithm::Es256,
        Algorithm::Es384,
        Algorithm::Es512,
        Algorithm::EdDsa,
    ]);
    let with = |algorithms: &AlgorithmSet, max_age: u64, leeway: u64| -> DpopLayerBuilder {
        let (max_age, leeway) = (Duration::from_secs(max_age), Duration::from_secs(leeway));
        let ahead = Arc::clone(ahead);
        let clock = move || {
            let now = SystemClock.now();
            now.saturating_add(Duration::from_millis(ahead.load(Ordering::SeqCst)))
        };
        DpopLayer::with_proof_policy(Policy::heimdall(max_age, leeway, algorithms.clone()))
            .issuer(ISSUER, StaticKeys::new(JwkSet::parse(keys.to_string().as_bytes()).unwrap()))
            .token_algorithms(algorithms.clone())
            .leeway(leeway)
            .mode(Mode::Require)
            .error_signaling(ErrorSignaling {
                description: true,
                required_scope: true,
                ..ErrorSignaling::default()
            })
            .trusted_proxies(["127.0.0.2/32".parse().unwrap()], Scheme::HTTP)
            .any_forwarded_host()
            .replay_store(MemoryReplayStore::new(100_000))
            .clock(clock)
    };
    let plain = || with(&algorithms, 60, 10);
    let nonces =
        || NonceRing::new(SymmetricKey::new("nonces", crypto::random::<32>().to_vec()).unwrap(), []).unwrap();
    [
        ("", plain().any_audience()),
        ("plain", plain().any_audience()),
        ("nonce", plain().any_audience().nonces(nonces()).nonce_lifetime(Duration::from_secs(60))),
        ("mixed", plain().any_audience().mode(Mode::Permit)),
        ("short", with(&algorithms, 2, 1).any_audience()),
        (
            "short-nonce",
            with(&algorithms, 3, 1).any_audience().nonces(nonces()).nonce_lifetime(Duration::from_secs(3)),
        ),
        ("es256", with(&AlgorithmSet::new([Algorithm::Es256]), 60, 10).any_audience()),
        ("audience", plain().audience("https://api.example")),
        ("scope", plain().any_audience().scopes(["api:read"])),
    ]
    .into_iter()
    .map(|(segment, builder)| (segment, builder.build().unwrap()))
    .collect()
}

async fn dispatch(
    layers: Arc<BTreeMap<&'static str, DpopLayer>>,
    reached: Arc<AtomicUsize>,
    request: Request,
) -> Response {
    let segment = request.uri().path().split('/').nth(1).unwrap_or_default();
    let Some(layer) = layers.get(segment) else {
        return Response::builder().status(StatusCode::NOT_FOUND).body(Body::empty()).unwrap();
    };
    // Answers with what it saw, as the rows expect of whoever is reached.
    let inside = service_fn(move |request: Request| {
        reached.fetch_add(1, Ordering::SeqCst);
        let fields = request.headers().iter();
        let fields: Vec<_> = fields
            .map(|(name, value)| [name.as_str().into(), String::from_utf8_lossy(value.as_bytes())])
            .collect();
        let seen = json!({"method": request.method().as_str(), "target": request.uri().to_string(), "headers": fields});
        let mut response = Response::new(Body::from(seen.to_string()));
        if let Some(wanted) = request.headers().get("x-answer-cache-control") {
            response.headers_mut().insert(CACHE_CONTROL, wanted.clone());
        }
        std::future::ready(Ok::<_, Infallible>(response))
    });
    let Ok(response) = layer.layer(inside).oneshot(request).await;
    response
}
