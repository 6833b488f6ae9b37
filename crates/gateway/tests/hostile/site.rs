//! The gateway with its routes, an issuer and an upstream; and the runner of a table.

use std::{net::SocketAddr, sync::LazyLock};

use gateway::Mode;
use jose::{Algorithm, KeyPair, base64url, crypto};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
};

use super::{
    draft::{Draft, Wire},
    expectation::{Expected, faults},
    listener,
};
use crate::sockets::{
    raw_client::{Answer, RawClient},
    running_gateway::RunningGateway,
    upstream::{Upstream, scripted},
};

/// A request and the status it gets.
pub type Before = (fn(&mut Draft), u16);

/// One row.
pub struct Case {
    pub id: &'static str,
    pub target: &'static str,
    /// What is sent before with the same token, `jti` and key, and the status it gets.
    pub before: Option<Before>,
    pub spoil: fn(&mut Draft),
    pub expected: Expected,
    /// What else must hold for the answer.
    pub also: Option<fn(&Answer) -> bool>,
}

impl Case {
    pub fn also(self, check: fn(&Answer) -> bool) -> Self {
        Self { also: Some(check), ..self }
    }
}

/// A row on the ordinary route.
pub fn plain(id: &'static str, expected: Expected, spoil: fn(&mut Draft)) -> Case {
    at("/plain/a/b?x=1", id, expected, spoil)
}

/// A row on another route.
pub fn at(target: &'static str, id: &'static str, expected: Expected, spoil: fn(&mut Draft)) -> Case {
    Case { id, target, before: None, spoil, expected, also: None }
}

/// A row whose second request counts.
pub fn twice(
    target: &'static str,
    id: &'static str,
    before: Before,
    expected: Expected,
    spoil: fn(&mut Draft),
) -> Case {
    Case { id, target, before: Some(before), spoil, expected, also: None }
}

/// One RSA key for all tests: they take long to make.
pub fn rsa_key() -> KeyPair {
    static KEY: LazyLock<String> = LazyLock::new(|| {
        KeyPair::generate(Algorithm::Rs256).unwrap().to_pkcs8_pem().unwrap().as_str().to_owned()
    });
    KeyPair::from_pkcs8_pem(&KEY).unwrap().with_default_algorithm(Algorithm::Rs256)
}

pub struct Site {
    pub gateway: RunningGateway,
    pub upstream: Upstream,
    pub issuer: String,
    pub issuer_key: KeyPair,
    mode: Mode,
}

impl Site {
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
        Self { gateway, upstream, issuer, issuer_key, mode }
    }

    /// Runs every row and tells about all that went wrong.
    pub async fn run(&self, cases: Vec<Case>) {
        let mut wrong = Vec::new();
        for case in &cases {
            for fault in self.faults_of(case).await {
                wrong.push(format!("{}: {fault}", case.id));
            }
        }
        assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    }

    async fn faults_of(&self, case: &Case) -> Vec<String> {
        let mark = listener::mark();
        let mut draft = Draft::new(&self.issuer, case.target);
        draft.issuer_key = Some(KeyPair::from_pkcs8_pem(&self.issuer_key.to_pkcs8_pem().unwrap()).unwrap());
        let mut found = Vec::new();
        if let Some((spoil, status)) = case.before {
            spoil(&mut draft);
            let (answer, _) = self.ask(&mut draft).await;
            if answer.as_ref().map(|answer| answer.status) != Some(status) {
                found.push(format!("the request before: {answer:?}"));
            }
        }
        (case.spoil)(&mut draft);
        let seen = self.upstream.seen();
        let (answer, wire) = self.ask(&mut draft).await;
        let mut good = Draft::new(&self.issuer, "/plain/good");
        let (next, _) = self.ask(&mut good).await;
        if next.as_ref().map(|answer| answer.status) != Some(200) {
            found.push(format!("the next good request: {next:?}"));
        }
        let mut reached = self.upstream.seen() - seen;
        if self.mode == Mode::Decision {
            if reached != 0 {
                found.push("a decision went to the upstream".to_owned());
            }
            // A decision to allow stands for the request that the proxy in front would pass on.
            let is_allowed = answer.as_ref().is_some_and(|answer| answer.status == 200);
            reached = 1 + usize::from(is_allowed);
        }
        found.extend(faults(case.expected, answer.as_ref(), reached.saturating_sub(1)));
        if let (Some(check), Some(answer)) = (case.also, &answer)
            && !check(answer)
        {
            found.push(format!("{answer:?}"));
        }
        for secret in [&wire.token, &wire.proof] {
            let signature = secret.rsplit('.').next().unwrap();
            if signature.len() > 20 && listener::heard_since(mark, signature) {
                found.push("the log holds a token or a proof".to_owned());
            }
        }
        found
    }

    /// Sends a draft, after a challenge for its nonce if it wants one.
    pub async fn ask(&self, draft: &mut Draft) -> (Option<Answer>, Wire) {
        let token = draft.make_token(&self.issuer_key);
        if let Some(edit) = draft.nonce {
            draft.proof.claims["nonce"] = edit(self.nonce(draft, &token).await);
        }
        let wire = draft.make_wire(&token);
        (self.send(&wire.bytes(), draft.trusted).await, wire)
    }

    async fn nonce(&self, draft: &Draft, token: &str) -> String {
        let mut asking = Draft::new(&self.issuer, "/nonce/a");
        asking.token_text = Some(token.to_owned());
        let jwk = KeyPair::from_pkcs8_pem(&draft.key.to_pkcs8_pem().unwrap()).unwrap();
        asking.proof_by(jwk);
        let wire = asking.make_wire(token);
        let answer = self.send(&wire.bytes(), false).await.unwrap();
        answer.header("dpop-nonce").unwrap_or_else(|| panic!("no nonce: {answer:?}")).to_owned()
    }

    /// Sends bytes on a connection of their own and reads one answer.
    pub async fn send(&self, bytes: &[u8], trusted: bool) -> Option<Answer> {
        let socket = TcpSocket::new_v4().unwrap();
        let from: SocketAddr = if trusted { "127.0.0.2:0" } else { "127.0.0.1:0" }.parse().unwrap();
        socket.bind(from).unwrap();
        let stream = socket.connect(self.gateway.address()).await.unwrap();
        let mut client = RawClient { stream, unread: Vec::new() };
        client.send(bytes).await;
        let is_head = bytes.starts_with(b"HEAD ");
        if is_head { client.read_head().await } else { client.read_answer().await }
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
