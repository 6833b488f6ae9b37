//! The gateway with its routes, an issuer and an upstream.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use gateway::{Mode, ServeOptions};
use jose::{Algorithm, KeyPair, base64url, crypto};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{io::AsyncReadExt, net::TcpSocket};

use super::{
    endpoints::{Endpoint, Endpoints},
    listener,
    rows::{
        answer::Answer,
        draft::{TRAP, Wire},
        issuer_keys::rsa_key,
        site::Site,
    },
    setup::Setup,
};
use crate::sockets::{
    raw_client::{self, RawClient},
    running_gateway::{RunningGateway, options},
    upstream::{Upstream, scripted},
};

pub struct GatewaySite {
    pub gateway: RunningGateway,
    pub upstream: Upstream,
    pub endpoints: Endpoints,
    /// Requests that came to the upstream that drops every connection.
    pub dropped: Arc<AtomicUsize>,
    issuer: String,
    issuer_key: KeyPair,
    mode: Mode,
    /// Requests that a proxy in front would have passed on.
    granted: AtomicUsize,
}

impl Site for GatewaySite {
    fn issuer(&self) -> &str {
        &self.issuer
    }

    fn issuer_key(&self) -> &KeyPair {
        &self.issuer_key
    }

    async fn send(&self, wire: &Wire, trusted: bool) -> Option<Answer> {
        let answer = self.send_bytes(&wire.bytes(), trusted).await;
        if answer.as_ref().is_some_and(|answer| answer.status == 200) {
            self.granted.fetch_add(1, Ordering::SeqCst);
        }
        answer
    }

    fn reached(&self) -> usize {
        assert_eq!(self.endpoints.hits(TRAP), 0, "a URL of the client is not fetched");
        match self.mode {
            Mode::Decision => {
                assert_eq!(self.upstream.seen(), 0, "a decision goes to no upstream");
                self.granted.load(Ordering::SeqCst)
            }
            Mode::Proxy => self.upstream.seen(),
        }
    }

    fn describes(&self) -> bool {
        true
    }

    async fn wait(&self, pause: Duration) {
        tokio::time::sleep(pause).await;
    }

    fn logged(&self) -> usize {
        listener::mark()
    }

    fn has_logged(&self, mark: usize, text: &str) -> bool {
        listener::heard_since(mark, text)
    }
}

impl GatewaySite {
    pub async fn start() -> Self {
        Self::with(Setup::default()).await
    }

    pub async fn start_in(mode: Mode) -> Self {
        Self::with(Setup { mode, ..Setup::default() }).await
    }

    /// With more endpoints of the issuer, and a route for each.
    pub async fn with_endpoints(endpoints: Vec<Endpoint>) -> Self {
        Self::with(Setup { endpoints, ..Setup::default() }).await
    }

    pub async fn with(setup: Setup) -> Self {
        if !setup.installs_log {
            listener::listen();
        }
        let issuer_key = KeyPair::generate(Algorithm::Es256).unwrap();
        let keys =
            vec![published(&issuer_key, "issuer-key", "ES256"), published(&rsa_key(), "issuer-rsa", "RS256")];
        let endpoints = Endpoints::start(keys, &setup.endpoints).await;
        let issuer = format!("http://{}/realms/dpop", endpoints.address);
        let upstream = Upstream::start().await;
        let (dropping, dropped) = dropping_upstream().await;
        let folder = folder();
        let here = folder.path().to_str().unwrap().to_owned();
        let fill = |text: &str| {
            text.replace("UPSTREAM", &upstream.address.to_string())
                .replace("DROPPING", &dropping.to_string())
                .replace("ISSUER", &issuer)
                .replace("ORIGIN", &format!("http://{}", endpoints.address))
                .replace("HERE", &here)
        };
        std::fs::write(folder.path().join("rules/rules.yaml"), fill(&setup.rules())).unwrap();
        let configuration = configuration_in(&folder);
        std::fs::write(&configuration, fill(&setup.configuration())).unwrap();
        let options =
            ServeOptions { mode: setup.mode, installs_log: setup.installs_log, ..options(&configuration) };
        let gateway = RunningGateway::start_with(folder, options).await;
        let mode = setup.mode;
        Self { gateway, upstream, endpoints, dropped, issuer, issuer_key, mode, granted: AtomicUsize::new(0) }
    }

    /// The same after a restart of the gateway, with more keys in the configuration.
    pub async fn restarted_with(self, more: &str) -> Self {
        let RunningGateway { folder, app } = self.gateway;
        assert!(app.shutdown_within(Duration::from_secs(5)).await, "everything ended in time");
        let configuration = configuration_in(&folder);
        let text = std::fs::read_to_string(&configuration).unwrap();
        std::fs::write(&configuration, text + more).unwrap();
        let gateway = RunningGateway::start_in_mode(self.mode, folder, &configuration).await;
        Self { gateway, ..self }
    }

    /// Sends bytes on a connection of their own and reads one answer.
    pub async fn send_bytes(&self, bytes: &[u8], trusted: bool) -> Option<Answer> {
        let socket = TcpSocket::new_v4().unwrap();
        let from: SocketAddr = if trusted { "127.0.0.2:0" } else { "127.0.0.1:0" }.parse().unwrap();
        socket.bind(from).unwrap();
        let stream = socket.connect(self.gateway.address()).await.unwrap();
        let mut client = RawClient { stream, unread: Vec::new() };
        client.send(bytes).await;
        let is_head = bytes.starts_with(b"HEAD ");
        let answer = if is_head { client.read_head().await } else { client.read_answer().await };
        answer.map(Answer::from)
    }
}

impl From<raw_client::Answer> for Answer {
    fn from(answer: raw_client::Answer) -> Self {
        Self { status: answer.status, headers: answer.headers, body: answer.body }
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

/// A folder with the gateway's keys.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("rules")).unwrap();
    let secret = base64url::encode(crypto::random::<32>());
    let set = format!(r#"{{"keys":[{{"kty":"oct","kid":"nonce-key-1","k":"{secret}"}}]}}"#);
    std::fs::write(folder.path().join("secrets.jwks"), set).unwrap();
    let signer = KeyPair::generate(Algorithm::Es256).unwrap().to_pkcs8_pem().unwrap();
    std::fs::write(folder.path().join("signer.pem"), signer.as_bytes()).unwrap();
    folder
}

fn configuration_in(folder: &TempDir) -> PathBuf {
    folder.path().join("heimdall-config.yaml")
}

/// An upstream that reads and closes, and a count of its requests.
async fn dropping_upstream() -> (SocketAddr, Arc<AtomicUsize>) {
    let dropped = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&dropped);
    let address = scripted(move |mut stream| {
        let count = Arc::clone(&count);
        async move {
            let mut buffer = [0; 8192];
            if stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {
                count.fetch_add(1, Ordering::SeqCst);
            }
        }
    })
    .await;
    (address, dropped)
}
