//! The gateway as a process with an issuer and an upstream, good calls, and the level of memory they lead to.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use jose::{Algorithm, KeyPair};
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::timeout};

use crate::{
    gateway_process::{GatewayProcess, PATIENCE},
    key_endpoint::{KeyAnswer, KeyEndpoint},
    sockets::{
        issuer::{Issuer, proof},
        raw_client::{Answer, exchange},
        tls_client::{Http2Client, Identity},
        upstream::Upstream,
    },
};

/// The gateway and what is around it.
pub struct Site {
    pub gateway: GatewayProcess,
    pub keys: KeyEndpoint,
    pub issuer: Issuer,
    pub upstream: Upstream,
    pub alice: KeyPair,
    /// What the listener shows, if it speaks TLS.
    pub identity: Option<Arc<Identity>>,
    warm_bytes: u64,
}

/// What differs from one site to another.
pub struct Setting<'a> {
    /// Lines of `serve`, two blanks in front of each.
    pub serve: &'a str,
    /// For how long keys are used before they are fetched anew.
    pub keys_ttl: &'a str,
    /// More rules.
    pub rules: String,
    /// Whether the key endpoint offers the issuer's key at first; else it refuses connections.
    pub offers_keys: bool,
    /// What the listener shows if it is to speak TLS.
    pub identity: Option<Identity>,
}

impl Default for Setting<'_> {
    fn default() -> Self {
        Self { serve: "", keys_ttl: "10m", rules: String::new(), offers_keys: true, identity: None }
    }
}

const TLS: &str = "  tls: {secret: {source: tls}}\nsecret_management:\n  tls: {type: pem, config: {path: /etc/heimdall/tls.pem, watch: true}}\n";

/// A rule that lets everybody pass to an upstream.
pub fn open_rule(path: &str, upstream: SocketAddr) -> String {
    format!(
        "  - id: \"open {path}\"\n    match: {{routes: [{{path: {path}}}]}}\n    \
         forward_to: {{host: \"{upstream}\", rewrite: {{scheme: http}}}}\n    execute: [{{authenticator: anybody}}, {{finalizer: as_is}}]\n"
    )
}

impl Site {
    pub async fn start() -> Self {
        Self::start_with(Setting::default()).await
    }

    pub async fn start_with(setting: Setting<'_>) -> Self {
        let mut keys = KeyEndpoint::start(KeyAnswer::Silence).await;
        let issuer = Issuer::with_key_served_elsewhere(keys.address, "issuer-key");
        match setting.offers_keys {
            true => keys.answers(KeyAnswer::Keys(vec![issuer.public_jwk()])),
            false => keys.go_down().await,
        }
        let upstream = Upstream::start().await;
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("rules")).unwrap();
        let rules = format!(
            "version: \"1beta1\"\nrules:\n  - id: api\n    match: {{routes: [{{path: /api/**}}]}}\n    \
             forward_to: {{host: \"{}\", rewrite: {{scheme: http}}}}\n    execute: [{{authenticator: dpop}}]\n{}{}",
            upstream.address,
            open_rule("/open/**", upstream.address),
            setting.rules
        );
        std::fs::write(folder.path().join("rules/rules.yaml"), rules).unwrap();
        let tls = match &setting.identity {
            Some(identity) => {
                std::fs::write(folder.path().join("tls.pem"), &identity.pem).unwrap();
                TLS
            }
            None => "",
        };
        let configuration = format!(
            "log: {{level: info, access_log_enabled: false}}\n\
             serve:\n  host: 127.0.0.1\n  port: 0\n{}{tls}\
             management: {{host: 127.0.0.1, port: 0}}\n\
             mechanisms:\n  authenticators:\n    - {{id: anybody, type: anonymous}}\n    - id: dpop\n      type: jwt\n      \
             config:\n        jwks_endpoint: {{url: \"http://{}/certs\", timeout: 1s}}\n        cache_ttl: {}\n        \
             assertions:\n          issuers: [\"{}\"]\n          allowed_algorithms: [ES256]\n          \
             proof_of_possession: {{type: dpop, config: {{max_age: 1m}}}}\n  \
             finalizers: [{{id: as_is, type: noop}}]\n\
             providers: {{file_system: {{src: /etc/heimdall/rules, watch: true}}}}\n",
            setting.serve,
            keys.address,
            setting.keys_ttl,
            issuer.issuer(),
        );
        let gateway = GatewayProcess::start(folder, &configuration).await;
        let alice = KeyPair::generate(Algorithm::Es256).unwrap();
        let identity = setting.identity.map(Arc::new);
        Self { gateway, keys, issuer, upstream, alice, identity, warm_bytes: 0 }
    }

    /// A good request with this token, to be sent: the status it gets.
    pub fn call_with(&self, token: &str) -> impl Future<Output = u16> + Send + use<> {
        let (address, identity) = (self.gateway.address, self.identity.clone());
        let origin = match &identity {
            Some(_) => "https://localhost".to_owned(),
            None => format!("http://{address}"),
        };
        let uri = format!("{origin}/api/a");
        let proof = proof(&self.alice, "GET", &uri, token, None, 0);
        let authorization = format!("DPoP {token}");
        let call = async move {
            let Some(identity) = identity else {
                let request = format!(
                    "GET /api/a HTTP/1.1\r\nHost: {address}\r\nAuthorization: {authorization}\r\nDPoP: {proof}\r\n\r\n"
                );
                return exchange(address, request).await.expect("an answer").status;
            };
            let mut client = Http2Client::connect(address, &identity).await;
            client.get(&uri, &[("authorization", &authorization), ("dpop", &proof)]).await.0
        };
        async move { timeout(PATIENCE, call).await.expect("an answer in time") }
    }

    /// Calls with a fresh token and a fresh proof.
    pub async fn call(&self) -> u16 {
        self.call_with(&self.issuer.token(&self.alice)).await
    }

    /// Asks the management port.
    pub async fn ask_management(&self, path: &str) -> Answer {
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
        exchange(self.gateway.management, request).await.unwrap()
    }

    /// A number of the metrics.
    pub async fn metric(&self, name: &str) -> f64 {
        let text = self.ask_management("/metrics").await.text();
        let line =
            text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}: {text}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    /// Makes good calls until the memory stays where it is, and remembers the level.
    pub async fn warm_up(&mut self) {
        let mut level = 0;
        for _ in 0..20 {
            self.good_calls(60).await;
            let now = self.gateway.resident_bytes();
            if now <= level + level / 100 {
                break;
            }
            level = now;
        }
        self.warm_bytes = self.gateway.resident_bytes().max(level);
    }

    /// Makes good calls, twenty at a time; all of them pass.
    pub async fn good_calls(&self, count: usize) {
        let token = self.issuer.token(&self.alice);
        for round in 0..count.div_ceil(20) {
            let mut calls = JoinSet::new();
            for _ in round * 20..count.min(round * 20 + 20) {
                calls.spawn(self.call_with(&token));
            }
            for status in calls.join_all().await {
                assert_eq!(status, 200);
            }
        }
    }

    /// The level of memory after [`Site::warm_up`].
    pub fn warm_bytes(&self) -> u64 {
        self.warm_bytes
    }

    /// The next good call passes, and the memory comes back to its level.
    pub async fn has_recovered_from(&self, fault: &str) {
        assert_eq!(self.call().await, 200, "the next good call after {fault}");
        self.memory_is_back_after(fault).await;
    }

    /// The memory comes back to its level.
    pub async fn memory_is_back_after(&self, fault: &str) {
        self.gateway.memory_is_back(self.warm_bytes, fault, async || self.good_calls(20).await).await;
    }

    /// A key set with the issuer's key.
    pub fn good_keys(&self) -> KeyAnswer {
        KeyAnswer::Keys(vec![self.issuer.public_jwk()])
    }
}

/// The same key without these members.
pub fn without(jwk: &Value, members: &[&str]) -> Value {
    let mut jwk = jwk.as_object().unwrap().clone();
    for member in members {
        jwk.remove(*member);
    }
    jwk.into()
}

/// The header of a token that does not name its key.
pub fn nameless() -> Value {
    json!({"alg": "ES256", "typ": "JWT"})
}

/// As long as a call may take while something else goes wrong: far less than any time limit of the gateway, far more than
/// a busy machine needs.
pub const PROMPT: Duration = Duration::from_secs(4);
