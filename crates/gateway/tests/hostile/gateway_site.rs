//! The gateway with its routes, an issuer and an upstream.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
};

use gateway::Mode;
use jose::{Algorithm, KeyPair, base64url, crypto};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
};

use super::{
    listener,
    rows::{answer::Answer, draft::Wire, rsa_key::rsa_key, site::Site},
};
use crate::sockets::{
    raw_client::RawClient,
    running_gateway::RunningGateway,
    upstream::{Upstream, scripted},
};

pub struct GatewaySite {
    pub gateway: RunningGateway,
    pub upstream: Upstream,
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
        match self.mode {
            Mode::Decision => {
                assert_eq!(self.upstream.seen(), 0, "a decision goes to no upstream");
                self.granted.load(Ordering::SeqCst)
            }
            _ => self.upstream.seen(),
        }
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
        Self::start_in(Mode::Proxy).await
    }

    pub async fn start_in(mode: Mode) -> Self {
        listener::listen();
        let issuer_key = KeyPair::generate(Algorithm::Es256).unwrap();
        let mut jwk = issuer_key.public_jwk().to_json();
        jwk.insert("kid".to_owned(), json!("issuer-key"));
        jwk.insert("use".to_owned(), json!("sig"));
        jwk.insert("alg".to_owned(), json!("ES256"));
        let mut rsa = rsa_key().public_jwk().to_json();
        rsa.insert("kid".to_owned(), json!("issuer-rsa"));
        rsa.insert("use".to_owned(), json!("sig"));
        rsa.insert("alg".to_owned(), json!("RS256"));
        let keys = serve_json(json!({"keys": [jwk, rsa]}).to_string()).await;
        let issuer = format!("http://{keys}/realms/dpop");
        let upstream = Upstream::start().await;
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("rules")).unwrap();
        let secret = base64url::encode(crypto::random::<32>());
        let set = format!(r#"{{"keys":[{{"kty":"oct","kid":"nonce-key-1","k":"{secret}"}}]}}"#);
        std::fs::write(folder.path().join("secrets.jwks"), set).unwrap();
        let here = folder.path().to_str().unwrap().to_owned();
        let rules = RULES.replace("UPSTREAM", &upstream.address.to_string());
        std::fs::write(folder.path().join("rules/rules.yaml"), rules).unwrap();
        let path = folder.path().join("heimdall-config.yaml");
        let configuration = CONFIGURATION.replace("ISSUER", &issuer).replace("HERE", &here);
        std::fs::write(&path, configuration).unwrap();
        let gateway = RunningGateway::start_in_mode(mode, folder, &path).await;
        Self { gateway, upstream, issuer, issuer_key, mode, granted: AtomicUsize::new(0) }
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
        answer.map(|answer| Answer { status: answer.status, headers: answer.headers, body: answer.body })
    }
}

/// A server that answers everything with one JSON text.
pub async fn serve_json(text: String) -> SocketAddr {
    scripted(move |mut stream| {
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{text}",
            text.len()
        );
        async move {
            let mut buffer = [0; 4096];
            let _ = stream.read(&mut buffer).await;
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    })
    .await
}

const CONFIGURATION: &str = r#"
serve: {host: 127.0.0.1, trusted_proxies: [127.0.0.2/32]}
secret_management:
  nonce_keys: {type: jwks, config: {path: HERE/secrets.jwks}}
master_key: {source: nonce_keys, selector: nonce-key-1}
mechanisms:
  authenticators:
    - {id: deny_all, type: unauthorized}
    - id: dpop
      type: jwt
      config:
        jwks_endpoint: {url: ISSUER/certs}
        assertions:
          issuers: [ISSUER]
          allowed_algorithms: [RS256, PS256, ES256, ES384, ES512, EdDSA]
          validity_leeway: 10s
          proof_of_possession: {type: dpop, config: {max_age: 1m}}
        error_signaling: {enabled: true, include_error_description: true, include_dpop_algorithms: true}
    - id: mixed
      type: jwt
      config:
        jwks_endpoint: {url: ISSUER/certs}
        assertions:
          issuers: [ISSUER]
          allowed_algorithms: [RS256, PS256, ES256, ES384, ES512, EdDSA]
        error_signaling: {enabled: true, include_error_description: true, include_dpop_algorithms: true}
  finalizers:
    - {id: as_is, type: noop}
    - {id: user, type: header, config: {headers: {X-User: "{{ .Subject.ID }}"}}}
  error_handlers: [{id: default, type: default}]
default_rule:
  execute: [{authenticator: deny_all}, {finalizer: as_is}]
  on_error: [{error_handler: default}]
providers: {file_system: {src: HERE/rules}}
"#;

const RULES: &str = r#"
version: "1beta1"
rules:
  - id: plain
    match: {routes: [{path: /}, {path: /plain/**}]}
    forward_to: {host: "UPSTREAM"}
    execute: [{authenticator: dpop}]
  - id: locked
    match: {routes: [{path: /plain-locked/**}]}
    forward_to: {host: "UPSTREAM"}
    execute: [{authenticator: deny_all}]
  - id: nonce
    match: {routes: [{path: /nonce/**}]}
    forward_to: {host: "UPSTREAM"}
    execute: [{authenticator: dpop, config: {assertions: {proof_of_possession: {type: dpop, config: {nonce_required: true}}}}}]
  - id: mixed
    match: {routes: [{path: /mixed/**}]}
    forward_to: {host: "UPSTREAM"}
    execute: [{authenticator: mixed}]
  - id: es256
    match: {routes: [{path: /es256/**}]}
    forward_to: {host: "UPSTREAM"}
    execute: [{authenticator: dpop, config: {assertions: {allowed_algorithms: [ES256]}}}]
  - id: audience
    match: {routes: [{path: /audience/**}]}
    forward_to: {host: "UPSTREAM"}
    execute: [{authenticator: dpop, config: {assertions: {audience: ["https://api.example"]}}}]
  - id: scope
    match: {routes: [{path: /scope/**}]}
    forward_to: {host: "UPSTREAM"}
    execute: [{authenticator: dpop, config: {assertions: {scopes: ["api:read"]}}}]
  - id: user
    match: {routes: [{path: /user/**}]}
    forward_to: {host: "UPSTREAM"}
    execute: [{authenticator: dpop}, {finalizer: user}]
  - id: public
    match: {routes: [{path: /public/**}]}
    forward_to: {host: "UPSTREAM", rewrite: {scheme: http}}
    execute: [{authenticator: dpop}]
  - id: strip
    match: {routes: [{path: /strip/**}]}
    forward_to: {host: "UPSTREAM", rewrite: {strip_path_prefix: /strip}}
    execute: [{authenticator: dpop}]
  - id: encoded
    match: {routes: [{path: /enc/**}]}
    allow_encoded_slashes: no_decode
    forward_to: {host: "UPSTREAM"}
    execute: [{authenticator: dpop}]
  - id: tenant-a
    match: {routes: [{path: /tenant/**}], hosts: [tenant-a.example]}
    forward_to: {host: "UPSTREAM"}
    execute: [{authenticator: dpop}]
  - id: tenant-b
    match: {routes: [{path: /tenant/**}], hosts: [tenant-b.example]}
    forward_to: {host: "UPSTREAM"}
    execute: [{authenticator: deny_all}]
"#;
