//! Decision mode asked in the shapes that real proxies ask in (`vectors/fronts/`), without the proxies. The proxies themselves
//! ask in `cargo xtask interop`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    dead_code
)]

mod sockets {
    pub mod dpop_setup;
    pub mod issuer;
    pub mod raw_client;
    pub mod running_gateway;
    pub mod upstream;
}

use gateway::Mode;
use sockets::{
    dpop_setup::DpopSetup,
    issuer::proof,
    raw_client::{Answer, exchange},
};

#[tokio::test]
async fn nginx_as_recorded() {
    Front::start(include_str!("../../../vectors/fronts/nginx.http"), true).await.check().await;
}

#[tokio::test]
async fn haproxy_as_recorded() {
    Front::start(include_str!("../../../vectors/fronts/haproxy.http"), true).await.check().await;
}

#[tokio::test]
async fn caddy_as_recorded() {
    Front::start(include_str!("../../../vectors/fronts/caddy.http"), true).await.check().await;
}

#[tokio::test]
async fn envoy_as_recorded() {
    Front::start(include_str!("../../../vectors/fronts/envoy.http"), true).await.check().await;
}

#[tokio::test]
async fn traefik_as_documented_but_not_recorded() {
    Front::start(include_str!("../../../vectors/fronts/traefik.http"), true).await.check().await;
}

#[tokio::test]
async fn a_front_that_is_not_trusted_is_not_believed() {
    for question in [
        include_str!("../../../vectors/fronts/nginx.http"),
        include_str!("../../../vectors/fronts/haproxy.http"),
        include_str!("../../../vectors/fronts/caddy.http"),
        include_str!("../../../vectors/fronts/envoy.http"),
        include_str!("../../../vectors/fronts/traefik.http"),
    ] {
        let front = Front::start(question, false).await;
        let told = Told { method: "POST", host: "api.example.com", uri: "/api/orders?full=1" };
        let good = front.proof("POST", "https://api.example.com/api/orders", None);
        let answer = front.ask(told, &good).await;
        // The question itself is for another path or scheme than the proof.
        assert_eq!((answer.status, answer.header("dpop-nonce")), (401, None), "{question}");
    }
}

/// What the client asked the front for.
#[derive(Clone, Copy)]
struct Told<'a> {
    method: &'a str,
    host: &'a str,
    uri: &'a str,
}

/// A gateway in decision mode and the question of one front.
struct Front {
    question: &'static str,
    setup: DpopSetup,
    token: String,
}

impl Front {
    async fn start(question: &'static str, trusted: bool) -> Self {
        let believe = ("log:\n", "serve:\n  trusted_proxies: [127.0.0.1]\nlog:\n");
        let change = if trusted { believe } else { ("", "") };
        let (configuration, rules) = ("guide/heimdall-config.yaml", ["rules/guide.yaml"]);
        let setup = DpopSetup::start_in_mode(Mode::Decision, configuration, &rules, change).await;
        let token = setup.issuer.token(&setup.alice);
        Self { question, setup, token }
    }

    fn proof(&self, method: &str, uri: &str, nonce: Option<&str>) -> String {
        proof(&self.setup.alice, method, uri, &self.token, nonce, 0)
    }

    async fn ask(&self, told: Told<'_>, proof: &str) -> Answer {
        let question = self
            .question
            .trim_end()
            .replace('\n', "\r\n")
            .replace("{method}", told.method)
            .replace("{host}", told.host)
            .replace("{uri}", told.uri)
            .replace("{token}", &self.token)
            .replace("{proof}", proof);
        assert!(!question.contains('{'), "a placeholder is left");
        exchange(self.setup.gateway.address(), question + "\r\n\r\n").await.unwrap()
    }

    async fn check(&self) {
        let told = Told { method: "POST", host: "api.example.com", uri: "/api/orders?full=1" };
        let uri = "https://api.example.com/api/orders";
        let challenge = self.ask(told, &self.proof("POST", uri, None)).await;
        assert_eq!(error(&challenge), (401, Some("use_dpop_nonce")));
        let nonce = challenge.header("dpop-nonce").unwrap();

        let good = self.proof("POST", uri, Some(nonce));
        let answer = self.ask(told, &good).await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (200, None));
        assert_eq!(error(&self.ask(told, &good).await), (401, Some("invalid_dpop_proof")), "a replay");

        for (method, uri) in [
            ("GET", uri),
            ("POST", "http://api.example.com/api/orders"),
            ("POST", "https://evil.example/api/orders"),
            ("POST", "https://api.example.com/api/other"),
        ] {
            let answer = self.ask(told, &self.proof(method, uri, Some(nonce))).await;
            assert_eq!(error(&answer), (401, Some("invalid_dpop_proof")), "a proof for {method} {uri}");
        }
        let good = self.proof("POST", uri, Some(nonce));
        let evil = Told { host: "evil.example", ..told };
        assert_eq!(error(&self.ask(evil, &good).await), (401, Some("invalid_dpop_proof")), "another host");
        let outside = Told { uri: "/other", ..told };
        assert_eq!(error(&self.ask(outside, &good).await), (401, None), "a path of no rule");
        assert_eq!(self.ask(told, &good).await.status, 200, "refused calls spend no proof");
        assert_eq!(self.setup.upstream.seen(), 0);
    }
}

/// Status, and error of the only challenge.
fn error(answer: &Answer) -> (u16, Option<&'static str>) {
    let challenges = oauth::challenge::parse(answer.header("www-authenticate").unwrap_or_default());
    let error = match challenges.first().and_then(|challenge| challenge.parameter("error")) {
        Some("use_dpop_nonce") => Some("use_dpop_nonce"),
        Some("invalid_dpop_proof") => Some("invalid_dpop_proof"),
        Some("invalid_token") => Some("invalid_token"),
        Some(other) => panic!("{other}"),
        None => None,
    };
    (answer.status, error)
}
